/* logql_stage.c - runs a line through the stages of a pipeline; see logql_row_internal.h. */
#include "query/logql/logql_lexer_internal.h"
#include "query/logql/logql_pattern_internal.h"
#include "query/logql/logql_row_internal.h"
#include "query/logql/logql_template_internal.h"

#include "base/clock.h"

/* ---- line filters -------------------------------------------------------------------------------
 */

static bool line_holds(const LineOperand *operand, Str line)
{
    switch (operand->test) {
    case LINE_CONTAINS: return str_contains(line, operand->text);
    case LINE_REGEX: return regex_matches(operand->regex, line);
    case LINE_PATTERN: return pattern_matches(operand->pattern, line);
    case LINE_IP: return logql_ip_in(&operand->ip, line);
    }
    return false;
}

static bool run_line(const LogqlStage *stage, Str line)
{
    for (const LineOperand *operand = stage->operands; operand; operand = operand->next)
        if (line_holds(operand, line))
            return !stage->negated;
    return stage->negated;
}

/* ---- label filters ------------------------------------------------------------------------------
 */

bool logql_compare(Comparison comparison, double left, double right)
{
    switch (comparison) {
    case EQUAL: return left == right;
    case NOT_EQUAL: return left != right;
    case LESS: return left < right;
    case LESS_EQUAL: return left <= right;
    case GREATER: return left > right;
    case GREATER_EQUAL: return left >= right;
    }
    return false;
}

/* Says what Go's parser of durations says. */
static bool to_duration(LogqlRow *row, Str error, Str value, double *out)
{
    int64_t nanos;
    if (duration_parse(value, &nanos))
        return *out = (double)nanos, true;
    size_t digits = 0;
    while (digits < value.len &&
           ((value.ptr[digits] >= '0' && value.ptr[digits] <= '9') || value.ptr[digits] == '.'))
        digits++;
    Str unit = str_skip(value, digits);
    int width = (int)(value.len < 60 ? value.len : 60);
    if (digits == 0)
        row_mark(row, error, "time: invalid duration \"%.*s\"", width, value.ptr);
    else if (unit.len == 0)
        row_mark(row, error, "time: missing unit in duration \"%.*s\"", width, value.ptr);
    else
        row_mark(row, error, "time: unknown unit \"%.*s\" in duration \"%.*s\"",
                 (int)(unit.len < 20 ? unit.len : 20), unit.ptr, width, value.ptr);
    return false;
}

static bool to_bytes(LogqlRow *row, Str error, Str value, double *out)
{
    if (logql_bytes(value, out))
        return true;
    size_t digits = 0;
    while (digits < value.len &&
           ((value.ptr[digits] >= '0' && value.ptr[digits] <= '9') || value.ptr[digits] == '.'))
        digits++;
    if (digits < value.len && digits > 0)
        row_mark(row, error, "unhandled size name: %.*s",
                 (int)(value.len - digits < 20 ? value.len - digits : 20), value.ptr + digits);
    else
        row_mark(row, error, "strconv.ParseFloat: parsing \"%.*s\": invalid syntax", (int)digits,
                 value.ptr);
    return false;
}

static bool to_number(LogqlRow *row, Str error, Str value, double *out)
{
    if (logql_float(value, out))
        return true;
    row_mark(row, error, "strconv.ParseFloat: parsing \"%.*s\": invalid syntax",
             STR_ARG(str_first(value, 60)));
    return false;
}

/* A label that is not there drops the line; a value that cannot be read leaves it in, with a mark.
 * Marks themselves are no numbers and cannot be asked for. */
static bool amount_holds(LogqlRow *row, const LogqlCondition *condition)
{
    bool found;
    double value = 0;
    Str text = row_get(row, condition->name, &found), error = STR("LabelFilterErr");
    if (!found || str_starts(condition->name, STR("__error")))
        return false;
    bool read = condition->kind == CONDITION_DURATION ? to_duration(row, error, text, &value)
                : condition->kind == CONDITION_BYTES  ? to_bytes(row, error, text, &value)
                                                      : to_number(row, error, text, &value);
    return !read || logql_compare(condition->comparison, value, condition->number);
}

static bool text_holds(const LogqlRow *row, const LogqlCondition *condition)
{
    bool found;
    Str value = row_get(row, condition->name, &found);
    bool same =
        condition->regex ? regex_matches(condition->regex, value) : str_eq(value, condition->text);
    return same == (condition->op == LABEL_EQUAL || condition->op == LABEL_REGEX);
}

static bool ip_holds(const LogqlRow *row, const LogqlCondition *condition)
{
    bool found;
    Str value = row_get(row, condition->name, &found);
    if (row->error.len)
        return true;
    return found && logql_ip_in(&condition->ip, value) == (condition->op == LABEL_EQUAL);
}

static bool holds(LogqlRow *row, const LogqlCondition *condition)
{
    switch (condition->kind) {
    case CONDITION_OR: return holds(row, condition->left) || holds(row, condition->right);
    case CONDITION_AND: { /* both are looked at: either may leave a mark */
        bool left = holds(row, condition->left), right = holds(row, condition->right);
        return left && right;
    }
    case CONDITION_TEXT: return text_holds(row, condition);
    case CONDITION_IP: return ip_holds(row, condition);
    case CONDITION_NUMBER:
    case CONDITION_DURATION:
    case CONDITION_BYTES: return amount_holds(row, condition);
    }
    return false;
}

/* ---- drop, keep, decolorize ---------------------------------------------------------------------
 */

static bool term_takes(const LabelTerm *term, Str name, Str value)
{
    if (!str_eq(term->name, name))
        return false;
    if (!term->has_text)
        return true;
    bool same = term->regex ? regex_matches(term->regex, value) : str_eq(term->text, value);
    return same == (term->op == LABEL_EQUAL || term->op == LABEL_REGEX);
}

static bool any_takes(const LabelTerm *terms, Str name, Str value)
{
    for (; terms; terms = terms->next)
        if (term_takes(terms, name, value))
            return true;
    return false;
}

static void run_drop(LogqlRow *row, const LabelTerm *terms)
{
    for (; terms; terms = terms->next) {
        bool found;
        Str value = row_get(row, terms->name, &found);
        if (found && term_takes(terms, terms->name, value))
            row_remove(row, terms->name);
    }
}

static void run_keep(LogqlRow *row, const LabelTerm *terms)
{
    for (size_t i = row->count; i-- > 0;)
        if (!any_takes(terms, row->labels[i].name, row->labels[i].value))
            row_remove(row, row->labels[i].name);
}

/* Takes out the sequences that colour a terminal: ESC [ ... a letter. */
static void run_decolorize(LogqlRow *row)
{
    if (!str_contains(row->line, STR("\x1b[")))
        return;
    char *out = arena_alloc(row->scratch, row->line.len, 1, &row->err);
    if (!out) {
        row->failed = true;
        return;
    }
    size_t len = 0;
    for (size_t i = 0; i < row->line.len;) {
        Str rest = str_skip(row->line, i);
        size_t end = 2;
        while (end < rest.len && (uint8_t)rest.ptr[end] >= 0x20 && (uint8_t)rest.ptr[end] < 0x40)
            end++;
        if (str_starts(rest, STR("\x1b[")) && end < rest.len)
            i += end + 1;
        else
            out[len++] = row->line.ptr[i++];
    }
    row->line = (Str){ out, len };
}

/* ---- formats ------------------------------------------------------------------------------------
 */

static void run_line_format(LogqlRow *row, const LogqlStage *stage)
{
    Str made;
    if (template_run(row, stage->format, &made))
        row->line = made;
}

/* One after the other: a later one sees what an earlier one made. */
static void run_label_format(LogqlRow *row, const LabelTerm *terms)
{
    for (; terms && !row->failed; terms = terms->next) {
        Str made;
        bool found = true;
        if (terms->format ? !template_run(row, terms->format, &made)
                          : (made = row_get(row, terms->text, &found), !found))
            continue;
        if (!terms->format)
            row_remove(row, terms->text);
        row_set(row, terms->name, made);
    }
}

/* ---- all of it ----------------------------------------------------------------------------------
 */

/* False: the line is dropped. */
static bool run_stage(LogqlRow *row, const LogqlStage *stage)
{
    switch (stage->kind) {
    case STAGE_LINE: return run_line(stage, row->line);
    case STAGE_CONDITION: return holds(row, stage->condition);
    case STAGE_JSON: return extract_json(row, stage), true;
    case STAGE_LOGFMT: return extract_logfmt(row, stage), true;
    case STAGE_REGEXP: return extract_regexp(row, stage), true;
    case STAGE_PATTERN: return extract_pattern(row, stage), true;
    case STAGE_UNPACK: return extract_unpack(row), true;
    case STAGE_DECOLORIZE: return run_decolorize(row), true;
    case STAGE_DROP: return run_drop(row, stage->terms), true;
    case STAGE_KEEP: return run_keep(row, stage->terms), true;
    case STAGE_LINE_FORMAT: return run_line_format(row, stage), true;
    case STAGE_LABEL_FORMAT: return run_label_format(row, stage->terms), true;
    }
    return true;
}

RowFate row_run(LogqlRow *row, const LogqlStage *stages)
{
    for (; stages && !row->failed; stages = stages->next)
        if (!run_stage(row, stages))
            return ROW_DROPPED;
    return row->failed ? ROW_FAILED : ROW_KEPT;
}

RowFate row_unwrap(LogqlRow *row, const LogqlLog *log, double *out)
{
    bool found, read = false;
    Str text = row_get(row, log->unwrap_label, &found), error = STR("SampleExtractionErr");
    *out = 0;
    if (!found || text.len == 0)
        return ROW_DROPPED;
    switch (log->unwrap_as) {
    case UNWRAP_NUMBER: read = to_number(row, error, text, out); break;
    case UNWRAP_BYTES: read = to_bytes(row, error, text, out); break;
    case UNWRAP_DURATION:
        read = to_duration(row, error, text, out);
        *out /= (double)NANOS_PER_SECOND;
        break;
    }
    RowFate fate = row_run(row, log->after_unwrap);
    if (read)
        row_remove(row, log->unwrap_label);
    return fate;
}
