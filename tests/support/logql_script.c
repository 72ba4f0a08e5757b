/* logql_script.c - see logql_script.h. */
#include "support/logql_script.h"

#include "support/log_table.h"

#include "base/clock.h"
#include "query/logql/logql.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define EPOCH_NS (INT64_C(1700000000) * NANOS_PER_SECOND)
enum { LABELS_MAX = 64, POINTS_MAX = 4096, ANSWER_MAX = 1 << 20, EXPECTED_MAX = 256 };

typedef enum EvalKind { EVAL_INSTANT, EVAL_RANGE, EVAL_LINES } EvalKind;

typedef struct Script {
    Str rest;
    unsigned line_number;
    LogTable *table;
    ScriptFailed *failed;
    void *context;
    ScriptCounts *counts;
} Script;

/* One evaluation with the lines that follow it. */
typedef struct Eval {
    EvalKind kind;
    unsigned line_number;
    LogqlAsk ask;
    Str query;
    Str expected[EXPECTED_MAX];
    size_t expected_count;
    bool empty, ordered, fails;
    Str message, pattern;
} Eval;

/* ---- words --------------------------------------------------------------------------------------
 */

/* Up to a # that is not quoted. */
static Str without_comment(Str line)
{
    char quote = 0;
    for (size_t i = 0; i < line.len; i++) {
        char c = line.ptr[i];
        if (quote && c == '\\' && quote == '"')
            i++;
        else if (quote)
            quote = c == quote ? 0 : quote;
        else if (c == '"' || c == '`')
            quote = c;
        else if (c == '#')
            return str_first(line, i);
    }
    return line;
}

/* A line of a log does not unescape, so a backslash in it hides no quote. */
static bool take_quoted(Str *rest, Str *out)
{
    *rest = str_trim(*rest);
    if (rest->len < 2 || (rest->ptr[0] != '"' && rest->ptr[0] != '`'))
        return false;
    char quote = rest->ptr[0];
    const char *end = memchr(rest->ptr + 1, quote, rest->len - 1);
    if (!end)
        return false;
    *out = (Str){ rest->ptr + 1, (size_t)(end - rest->ptr) - 1 };
    *rest = str_trim(str_skip(*rest, out->len + 2));
    return true;
}

static bool take_word(Str *rest, Str *out)
{
    *rest = str_trim(*rest);
    size_t len = 0;
    while (len < rest->len && rest->ptr[len] != ' ')
        len++;
    *out = str_first(*rest, len);
    *rest = str_trim(str_skip(*rest, len));
    return len > 0;
}

static bool take(Str *rest, Str word)
{
    *rest = str_trim(*rest);
    if (!str_starts(*rest, word))
        return false;
    *rest = str_trim(str_skip(*rest, word.len));
    return true;
}

static bool take_time(Str *rest, int64_t *out)
{
    Str word;
    return take_word(rest, &word) && duration_parse(word, out);
}

/* name="value" pairs up to `end`, which is taken. */
static bool take_labels(Str *rest, Str end, Label *labels, size_t *count)
{
    *count = 0;
    while (!take(rest, end)) {
        size_t len = 0;
        while (len < rest->len && rest->ptr[len] != '=' && rest->ptr[len] != ' ')
            len++;
        if (*count == LABELS_MAX || len == 0 || len >= rest->len)
            return false;
        labels[*count].name = str_first(*rest, len);
        *rest = str_skip(*rest, len);
        if (!take(rest, STR("=")) || !take_quoted(rest, &labels[(*count)++].value))
            return false;
        (void)take(rest, STR(","));
    }
    return true;
}

static bool next_line(Script *script, Str *out)
{
    script->line_number++;
    return str_split(&script->rest, '\n', out);
}

static bool is_indented(Str line)
{
    return line.len && (line.ptr[0] == ' ' || line.ptr[0] == '\t');
}

/* The next indented line that says something; stops before the first that is not indented. */
static bool next_indented(Script *script, Str *out)
{
    for (Str ahead = script->rest, line; str_split(&ahead, '\n', &line);) {
        Str said = str_trim(without_comment(line));
        if (said.len && !is_indented(line))
            return false;
        script->rest = ahead;
        script->line_number++;
        if (said.len)
            return *out = said, true;
    }
    return false;
}

/* ---- load ---------------------------------------------------------------------------------------
 */

static void number_line(Str line, uint64_t i, Buf *out)
{
    static const char mark[] = "{{.i}}";
    buf_clear(out);
    for (const char *at; (at = memmem(line.ptr, line.len, mark, strlen(mark)));) {
        size_t len = (size_t)(at - line.ptr);
        buf_add(out, str_first(line, len));
        buf_addf(out, "%llu", (unsigned long long)i);
        line = str_skip(line, len + strlen(mark));
    }
    buf_add(out, line);
}

static void find_trace(LogRow *row)
{
    Str id = labels_get(row->metadata, STR("trace_id"));
    if (!str_unhex(id, row->trace_id.bytes, sizeof row->trace_id.bytes))
        row->trace_id = (TraceId){ { 0 } };
}

static bool load_line(Script *script, Str rest, Err *err)
{
    Label stream[LABELS_MAX + 1], metadata[LABELS_MAX + 1];
    LogRow row = { .stream = { .ptr = stream }, .metadata = { .ptr = metadata } };
    Str line, word;
    int64_t start, step = 0;
    uint64_t repeats = 1;
    if (!take(&rest, STR("{")) || !take_labels(&rest, STR("}"), stream, &row.stream.count) ||
        !take_quoted(&rest, &line) || !take(&rest, STR("@")) || !take_time(&rest, &start))
        return fail(err, ERR_INPUT, "line %u: no line of a log", script->line_number);
    if (take(&rest, STR("[repeat every"))) {
        if (!take_time(&rest, &step) || !take(&rest, STR("for")) || !str_split(&rest, ']', &word) ||
            !str_to_u64(str_trim(word), &repeats))
            return fail(err, ERR_INPUT, "line %u: no repetition", script->line_number);
    }
    if (take(&rest, STR("[metadata")) &&
        !take_labels(&rest, STR("]"), metadata, &row.metadata.count))
        return fail(err, ERR_INPUT, "line %u: no metadata", script->line_number);
    row.metadata.count = labels_sort(metadata, row.metadata.count);
    find_trace(&row);
    Buf text = BUF(ANSWER_MAX);
    bool ok = true;
    for (uint64_t i = 0; ok && i < repeats; i++) {
        number_line(line, i, &text);
        row.line = buf_str(&text);
        row.time_ns = (uint64_t)(EPOCH_NS + start + (int64_t)i * step);
        ok = log_table_add(script->table, &row, err);
    }
    buf_free(&text);
    return ok;
}

/* ---- what is expected ---------------------------------------------------------------------------
 */

/* "3", "_", "1+2x4", "5x3": appends points. */
static bool expand_points(Str word, double *values, bool *present, size_t *count)
{
    Str rest = word, left;
    uint64_t repeats = 0;
    double first = 0, step = 0;
    bool none = str_starts(word, STR("_"));
    const char *times = memchr(word.ptr, 'x', word.len);
    if (times) {
        (void)str_split(&rest, 'x', &left);
        if (!str_to_u64(rest, &repeats))
            return false;
        repeats -= none && repeats ? 1 : 0;
        word = left;
    }
    size_t at = 1;
    while (times && at < word.len && word.ptr[at] != '+' && word.ptr[at] != '-')
        at++;
    if (times && at < word.len && !str_to_double(str_skip(word, at), &step))
        return false;
    if (!none && !str_to_double(times ? str_first(word, at) : word, &first))
        return false;
    for (uint64_t i = 0; i <= repeats; i++) {
        if (*count == POINTS_MAX)
            return false;
        values[*count] = first + (double)i * step;
        present[(*count)++] = !none;
    }
    return true;
}

static bool same_value(double a, double b)
{
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b);
    if (isinf(a) || isinf(b) || a == b)
        return a == b;
    return fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b));
}

/* Do the points of a series stand where they should? */
static bool same_points(const Eval *eval, const LogqlSeries *series, Str rest)
{
    static double values[POINTS_MAX];
    static bool present[POINTS_MAX];
    size_t count = 0, at = 0;
    for (Str word; take_word(&rest, &word);)
        if (!expand_points(word, values, present, &count))
            return false;
    for (size_t k = 0; k < count; k++) {
        int64_t time = eval->kind == EVAL_RANGE ? eval->ask.from_ns + (int64_t)k * eval->ask.step_ns
                                                : eval->ask.to_ns;
        bool there = at < series->count && series->points[at].time_ns == time;
        if (there != present[k] || (there && !same_value(series->points[at].value, values[k])))
            return false;
        at += there;
    }
    return at == series->count;
}

/* Equal as sets; both may have empty values. */
static bool same_labels(Labels got, const Label *labels, size_t count)
{
    if (got.count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        bool found = false;
        for (size_t k = 0; !found && k < count; k++)
            found = str_eq(got.ptr[k].name, labels[i].name) &&
                    str_eq(got.ptr[k].value, labels[i].value);
        if (!found)
            return false;
    }
    return true;
}

static bool series_is(const Eval *eval, const LogqlSeries *series, Str expected)
{
    Label labels[LABELS_MAX + 1];
    size_t count = 0;
    if (take(&expected, STR("{")) && !take_labels(&expected, STR("}"), labels, &count))
        return false;
    return same_labels(series->labels, labels, count) && same_points(eval, series, expected);
}

static bool same_series(const Eval *eval, const LogqlResult *result)
{
    if (result->series_count != eval->expected_count)
        return false;
    for (size_t i = 0; i < eval->expected_count; i++) {
        bool found = false;
        for (size_t k = 0; !found && k < result->series_count; k++)
            if (!eval->ordered || k == i)
                found = series_is(eval, &result->series[k], eval->expected[i]);
        if (!found)
            return false;
    }
    return true;
}

static bool entry_is(const LogqlEntry *entry, Str expected)
{
    Label labels[LABELS_MAX + 1], got[3 * LABELS_MAX];
    size_t count = 0, got_count = 0;
    const Labels parts[] = { entry->stream, entry->metadata, entry->parsed };
    Str line;
    int64_t time;
    for (size_t p = 0; p < 3; p++)
        for (size_t i = 0; i < parts[p].count && got_count < COUNT_OF(got); i++)
            got[got_count++] = parts[p].ptr[i];
    return take(&expected, STR("{")) && take_labels(&expected, STR("}"), labels, &count) &&
           take_quoted(&expected, &line) && take(&expected, STR("@")) &&
           take_time(&expected, &time) && str_eq(line, entry->line) &&
           entry->time_ns == EPOCH_NS + time &&
           same_labels((Labels){ got, got_count }, labels, count);
}

static bool same_lines(const Eval *eval, const LogqlResult *result)
{
    if (result->entry_count != eval->expected_count)
        return false;
    for (size_t i = 0; i < eval->expected_count; i++)
        if (!entry_is(&result->entries[i], eval->expected[i]))
            return false;
    return true;
}

/* ---- eval ---------------------------------------------------------------------------------------
 */

static void describe_labels(Buf *out, Labels labels)
{
    for (size_t i = 0; i < labels.count; i++)
        buf_addf(out, "%.*s=\"%.*s\" ", STR_ARG(labels.ptr[i].name), STR_ARG(labels.ptr[i].value));
}

static void describe(const LogqlResult *result, Buf *out)
{
    for (size_t i = 0; i < result->series_count; i++) {
        buf_addf(out, "\n    got {");
        describe_labels(out, result->series[i].labels);
        buf_addf(out, "}");
        for (size_t k = 0; k < result->series[i].count; k++)
            buf_addf(out, " %.17g", result->series[i].points[k].value);
    }
    for (size_t i = 0; i < result->entry_count; i++) {
        const LogqlEntry *entry = &result->entries[i];
        buf_addf(out, "\n    got {");
        describe_labels(out, entry->stream);
        describe_labels(out, entry->metadata);
        describe_labels(out, entry->parsed);
        buf_addf(out, "} \"%.*s\" @ %gs", STR_ARG(entry->line),
                 (double)(entry->time_ns - EPOCH_NS) / (double)NANOS_PER_SECOND);
    }
    if (!result->series_count && !result->entry_count)
        buf_addf(out, "\n    got nothing");
}

static bool failed_rightly(const Eval *eval, const Err *err)
{
    Str text = str_from(err->text);
    if (eval->pattern.len) {
        Err ignored;
        Regex *regex = regex_new(eval->pattern, REGEX_SEARCH, &ignored);
        bool matches = regex && regex_matches(regex, text);
        regex_free(regex);
        return eval->fails && matches;
    }
    return eval->fails && str_contains(text, eval->message);
}

static bool passes(const Eval *eval, const LogqlResult *result)
{
    if (eval->fails)
        return false;
    if (eval->empty)
        return !result->series_count && !result->entry_count;
    return eval->kind == EVAL_LINES ? same_lines(eval, result) : same_series(eval, result);
}

static void ask(Script *script, const Eval *eval)
{
    Err err;
    LogqlResult result = { 0 };
    Buf why = BUF(ANSWER_MAX);
    LogqlQuery *query = logql_parse(eval->query, &err);
    bool ok;
    if (query && logql_run(query, &eval->ask, &result, &err)) {
        ok = passes(eval, &result);
        if (!ok)
            describe(&result, &why);
    } else {
        ok = failed_rightly(eval, &err);
        buf_addf(&why, "\n    failed: %s", err.text);
    }
    script->counts->total++;
    script->counts->passed += ok;
    if (!ok)
        script->failed(script->context, eval->line_number, eval->query, buf_str(&why));
    buf_free(&why);
    logql_result_done(&result);
    logql_free(query);
}

static bool read_expect(Eval *eval, Str rest)
{
    if (take(&rest, STR("empty")))
        eval->empty = true;
    else if (take(&rest, STR("ordered")))
        eval->ordered = true;
    else if (take(&rest, STR("fail")))
        eval->fails = true;
    else
        return false;
    if (take(&rest, STR("msg:")))
        eval->message = rest;
    else if (take(&rest, STR("regex:")))
        eval->pattern = rest;
    return true;
}

static bool read_head(Eval *eval, Str rest)
{
    LogqlAsk *ask_for = &eval->ask;
    uint64_t limit = 0;
    Str word;
    bool ok;
    if (take(&rest, STR("instant at"))) {
        ok = take_time(&rest, &ask_for->to_ns);
        ask_for->from_ns = ask_for->to_ns;
    } else if (take(&rest, STR("range from"))) {
        eval->kind = EVAL_RANGE;
        ok = take_time(&rest, &ask_for->from_ns) && take(&rest, STR("to")) &&
             take_time(&rest, &ask_for->to_ns) && take(&rest, STR("step")) &&
             take_time(&rest, &ask_for->step_ns);
    } else {
        eval->kind = EVAL_LINES;
        ok = take(&rest, STR("lines from")) && take_time(&rest, &ask_for->from_ns) &&
             take(&rest, STR("to")) && take_time(&rest, &ask_for->to_ns) &&
             take(&rest, STR("limit")) && take_word(&rest, &word) && str_to_u64(word, &limit) &&
             take_word(&rest, &word);
        ask_for->limit = (size_t)limit;
        ask_for->newest_first = ok && str_eq(word, STR("backward"));
    }
    ask_for->from_ns += EPOCH_NS;
    ask_for->to_ns += EPOCH_NS;
    eval->query = rest;
    return ok;
}

static bool read_eval(Script *script, Str rest, Err *err)
{
    static Eval eval;
    eval = (Eval){ .line_number = script->line_number };
    eval.ask = (LogqlAsk){ .source = log_table_source(script->table), .clock = clock_system() };
    if (!read_head(&eval, rest))
        return fail(err, ERR_INPUT, "line %u: no evaluation", script->line_number);
    for (Str line; next_indented(script, &line);) {
        if (take(&line, STR("skip values-comparison")))
            continue;
        if (take(&line, STR("expect"))) {
            if (!read_expect(&eval, line))
                return fail(err, ERR_INPUT, "line %u: expect what?", script->line_number);
        } else if (eval.expected_count < EXPECTED_MAX) {
            eval.expected[eval.expected_count++] = line;
        }
    }
    ask(script, &eval);
    return true;
}

static bool run_line(Script *script, Str line, Err *err)
{
    if (str_eq(line, STR("clear")))
        return log_table_clear(script->table), true;
    if (take(&line, STR("eval")))
        return read_eval(script, line, err);
    if (!str_eq(line, STR("load")))
        return fail(err, ERR_INPUT, "line %u: what is '%.*s'?", script->line_number,
                    STR_ARG(str_first(line, 60)));
    for (Str entry; next_indented(script, &entry);)
        if (!load_line(script, entry, err))
            return false;
    return true;
}

bool logql_script_run(Str text, ScriptFailed *failed, void *context, ScriptCounts *counts, Err *err)
{
    Script script = { .rest = text, .failed = failed, .context = context, .counts = counts };
    script.table = log_table_new(err);
    bool ok = script.table;
    for (Str line; ok && next_line(&script, &line);) {
        line = str_trim(without_comment(line));
        if (line.len)
            ok = run_line(&script, line, err);
    }
    log_table_free(script.table);
    return ok;
}
