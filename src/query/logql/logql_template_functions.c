/* logql_template_functions.c - what templates can call: arguments and results, the line and its
 * time, questions; see logql_template_internal.h. Texts, numbers and printf have files of their
 * own.
 *
 * Names and order of arguments are those of Go's templates and of Sprig, as Loki has them. Numbers
 * in texts are converted where a number is wanted; what is none counts as 0, as there.
 */
#include "query/logql/logql_template_functions_internal.h"

#include "query/logql/logql_lexer_internal.h"

#include "base/clock.h"
#include "codec/float_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* ---- values -------------------------------------------------------------------------------------
 */

/* The text moves into the scratch of the line. */
bool template_give(LogqlRow *row, Buf *text, TemplateValue *out)
{
    bool fits = !text->over_max;
    if (!fits)
        row_mark(row, TEMPLATE_ERROR, "more than %d bytes", TEMPLATE_MADE_MAX);
    else if (!buf_ok(text, &row->err))
        row->failed = true;
    *out = (TemplateValue){ .text = STR("") };
    bool ok = fits && row_copy(row, buf_str(text), &out->text);
    buf_free(text);
    return ok;
}

Str template_text(LogqlRow *row, const TemplateValue *value)
{
    char text[FLOAT_TEXT_SIZE]; /* and larger than TIME_TEXT_SIZE */
    Str made = { text, 0 }, copy;
    switch (value->kind) {
    case T_TEXT: return value->text;
    case T_BOOL: return value->boolean ? STR("true") : STR("false");
    case T_INT: made.len = (size_t)snprintf(text, sizeof text, "%" PRId64, value->integer); break;
    case T_FLOAT: made.len = float_text(value->real, FLOAT_ANSWER, text); break;
    case T_TIME: made = str_from(time_text(value->integer, text)); break;
    }
    return row_copy(row, made, &copy) ? copy : STR("");
}

bool template_truth(const TemplateValue *value)
{
    switch (value->kind) {
    case T_TEXT: return value->text.len > 0;
    case T_BOOL: return value->boolean;
    case T_INT: return value->integer != 0;
    case T_FLOAT: return value->real != 0;
    case T_TIME: return true;
    }
    return false;
}

double template_float(const TemplateValue *value)
{
    double number;
    switch (value->kind) {
    case T_TEXT: return logql_float(str_trim(value->text), &number) ? number : 0;
    case T_BOOL: return value->boolean;
    case T_FLOAT: return value->real;
    case T_INT:
    case T_TIME: break;
    }
    return (double)value->integer;
}

int64_t template_int(const TemplateValue *value)
{
    int64_t integer;
    if (value->kind == T_INT || value->kind == T_TIME)
        return value->integer;
    if (value->kind == T_TEXT && str_to_i64(str_trim(value->text), &integer))
        return integer;
    double number = template_float(value);
    return fabs(number) < 9.2e18 ? (int64_t)number : 0;
}

Str template_text_at(LogqlRow *row, const TemplateCall *call, size_t i)
{
    return template_text(row, &call->values[i]);
}

bool template_give_text(Str text, TemplateValue *out)
{
    *out = (TemplateValue){ .text = text };
    return true;
}
static bool template_give_bool(bool boolean, TemplateValue *out)
{
    *out = (TemplateValue){ .kind = T_BOOL, .boolean = boolean };
    return true;
}
bool template_give_int(int64_t integer, TemplateValue *out)
{
    *out = (TemplateValue){ .kind = T_INT, .integer = integer };
    return true;
}
bool template_give_float(double real, TemplateValue *out)
{
    *out = (TemplateValue){ .kind = T_FLOAT, .real = real };
    return true;
}

/* ---- the line and its time ----------------------------------------------------------------------
 */

static bool call_line(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)call;
    return template_give_text(row->line, out);
}

static bool call_timestamp(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)call;
    *out = (TemplateValue){ .kind = T_TIME, .integer = row->time_ns };
    return true;
}

/* unixEpoch, unixEpochMillis, unixEpochNanos: text, as in Loki. */
static bool epoch(LogqlRow *row, const TemplateCall *call, int64_t unit, TemplateValue *out)
{
    Buf text = BUF(TEMPLATE_MADE_MAX);
    buf_addf(&text, "%" PRId64, template_int(&call->values[0]) / unit);
    return template_give(row, &text, out);
}
static bool call_epoch(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return epoch(row, call, NANOS_PER_SECOND, out);
}
static bool call_epoch_millis(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return epoch(row, call, NANOS_PER_MILLI, out);
}
static bool call_epoch_nanos(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return epoch(row, call, 1, out);
}

/* ---- questions ----------------------------------------------------------------------------------
 */

static bool call_contains(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return template_give_bool(str_contains(template_text_at(row, call, 1),
                                           template_text_at(row, call, 0)),
                              out);
}
static bool call_has_prefix(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return template_give_bool(str_starts(template_text_at(row, call, 1),
                                         template_text_at(row, call, 0)),
                              out);
}
static bool call_has_suffix(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return template_give_bool(str_ends(template_text_at(row, call, 1),
                                       template_text_at(row, call, 0)),
                              out);
}

/* Numbers as numbers where neither is a text, all else as texts. */
static int compare(LogqlRow *row, const TemplateCall *call, size_t i)
{
    const TemplateValue *a = &call->values[0], *b = &call->values[i];
    if (a->kind != T_TEXT && b->kind != T_TEXT) {
        double left = template_float(a), right = template_float(b);
        return (left > right) - (left < right);
    }
    return str_compare(template_text(row, a), template_text(row, b));
}
static bool call_eq(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    bool equal = false;
    for (size_t i = 1; i < call->count; i++)
        equal = equal || compare(row, call, i) == 0;
    return template_give_bool(equal, out);
}
static bool call_ne(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return template_give_bool(compare(row, call, 1) != 0, out);
}
static bool call_lt(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return template_give_bool(compare(row, call, 1) < 0, out);
}
static bool call_le(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return template_give_bool(compare(row, call, 1) <= 0, out);
}
static bool call_gt(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return template_give_bool(compare(row, call, 1) > 0, out);
}
static bool call_ge(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return template_give_bool(compare(row, call, 1) >= 0, out);
}
/* The first that decides, else the last, as in Go. */
static bool decide(const TemplateCall *call, bool wanted, TemplateValue *out)
{
    size_t i = 0;
    while (i + 1 < call->count && template_truth(&call->values[i]) != wanted)
        i++;
    *out = call->values[i];
    return true;
}
static bool call_and(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return decide(call, false, out);
}
static bool call_or(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return decide(call, true, out);
}
static bool call_not(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return template_give_bool(!template_truth(&call->values[0]), out);
}
static bool call_default(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    *out = call->values[template_truth(&call->values[1]) ? 1 : 0];
    return true;
}
static bool call_len(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return template_give_int((int64_t)template_text_at(row, call, 0).len, out);
}

/* ---- the tables ---------------------------------------------------------------------------------
 */

static const TemplateFunction functions[] = {
    { STR_ROW("__line__"), 0, 0, call_line },
    { STR_ROW("__timestamp__"), 0, 0, call_timestamp },
    { STR_ROW("unixEpoch"), 1, 1, call_epoch },
    { STR_ROW("unixEpochMillis"), 1, 1, call_epoch_millis },
    { STR_ROW("unixEpochNanos"), 1, 1, call_epoch_nanos },
    { STR_ROW("contains"), 2, 2, call_contains },
    { STR_ROW("hasPrefix"), 2, 2, call_has_prefix },
    { STR_ROW("hasSuffix"), 2, 2, call_has_suffix },
    { STR_ROW("eq"), 2, TEMPLATE_ARGUMENTS_MAX, call_eq },
    { STR_ROW("ne"), 2, 2, call_ne },
    { STR_ROW("lt"), 2, 2, call_lt },
    { STR_ROW("le"), 2, 2, call_le },
    { STR_ROW("gt"), 2, 2, call_gt },
    { STR_ROW("ge"), 2, 2, call_ge },
    { STR_ROW("and"), 1, TEMPLATE_ARGUMENTS_MAX, call_and },
    { STR_ROW("or"), 1, TEMPLATE_ARGUMENTS_MAX, call_or },
    { STR_ROW("not"), 1, 1, call_not },
    { STR_ROW("default"), 2, 2, call_default },
    { STR_ROW("len"), 1, 1, call_len },
};

static const TemplateTable questions = { functions, COUNT_OF(functions) };

static const TemplateFunction *find(const TemplateTable *table, Str name)
{
    for (size_t i = 0; i < table->count; i++)
        if (str_eq(table->functions[i].name, name))
            return &table->functions[i];
    return NULL;
}

const TemplateFunction *template_function(Str name)
{
    static const TemplateTable *const tables[] = { &questions, &template_texts, &template_regexes,
                                                   &template_numbers, &template_printf };
    const TemplateFunction *found = NULL;
    for (size_t i = 0; !found && i < COUNT_OF(tables); i++)
        found = find(tables[i], name);
    return found;
}

bool template_takes_regex(const TemplateFunction *function)
{
    return find(&template_regexes, function->name) == function;
}
