/* promql_script.c - see promql_script.h. Read line by line; a block is a command and the indented
 * or plain lines behind it, up to the next empty line or command. */
#include "support/promql_script.h"

#include "base/clock.h"
#include "base/mem.h"
#include "query/promql/promql.h"
#include "query/promql/promql_lexer.h"
#include "regex/regex.h"
#include "support/series_table.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_MAX = 256 << 20, EXPECTS_MAX = 32, LABELS_MAX = 64, WHY_MAX = 1000 };

typedef enum Demand {
    DEMAND_FAIL,
    DEMAND_WARN,
    DEMAND_INFO,
    DEMAND_NO_WARN,
    DEMAND_NO_INFO,
} Demand;

typedef struct Expect {
    Demand demand;
    bool is_regex;
    Str text; /* empty: any */
} Expect;

typedef struct Wanted { /* a series of the answer */
    Labels labels;
    const double *values; /* no value: the stale marker */
    size_t count;
    bool is_scalar, has_histogram, seen;
} Wanted;

typedef struct Evaluation {
    size_t line;
    bool is_range, ordered, has_text;
    int64_t start_ms, end_ms, step_ms;
    int64_t vector_start_ms, vector_step_ms; /* expect range vector; step 0: none */
    Str query, text;
    Expect expects[EXPECTS_MAX];
    size_t expect_count;
    Wanted *wanted;
    size_t wanted_count, wanted_cap;
} Evaluation;

typedef struct Script {
    Str rest;
    size_t line;
    Arena *arena; /* of one command */
    SeriesTable *table;
    PromqlFailed *failed;
    void *context;
    PromqlCounts *counts;
} Script;

/* ---- lines and words ----------------------------------------------------------------------------
 */

static bool next_line(Script *script, Str *out)
{
    if (!script->rest.len)
        return false;
    if (!str_split(&script->rest, '\n', out))
        return false;
    script->line++;
    *out = str_trim(*out);
    return true;
}

static bool bad(const Script *script, Err *err, const char *what, Str text)
{
    return fail(err, ERR_INPUT, "line %zu: %s: %.*s", script->line, what,
                STR_ARG(str_first(text, 100)));
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static Str take_word(Str *text)
{
    *text = str_trim(*text);
    size_t n = 0;
    while (n < text->len && !is_space(text->ptr[n]))
        n++;
    Str word = str_first(*text, n);
    *text = str_trim(str_skip(*text, n));
    return word;
}

static bool accept(Str *text, const char *word)
{
    Str rest = *text;
    if (!str_eq(take_word(&rest), str_from(word)))
        return false;
    *text = rest;
    return true;
}

static bool parse_ms(Str text, int64_t *out)
{
    int64_t nanos;
    double seconds;
    bool negative = str_starts(text, STR("-"));
    if (negative)
        text = str_skip(text, 1);
    if (period_parse(text, &nanos))
        *out = nanos / NANOS_PER_MILLI;
    else if (str_to_double(text, &seconds))
        *out = (int64_t)llround(seconds * 1000);
    else
        return false;
    if (negative)
        *out = -*out;
    return true;
}

/* ---- a series and its values --------------------------------------------------------------------
 */

typedef struct Line {
    Label labels[LABELS_MAX];
    size_t label_count;
    Str values;
    bool is_scalar;
    bool unsupported; /* in a notation for what is not there yet */
} Line;

static size_t metric_end(Str text)
{
    size_t n = 0;
    bool quoted = false;
    for (int depth = 0; n < text.len; n++) {
        char c = text.ptr[n];
        if (c == '\\' && quoted)
            n++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '}'))
            depth += c == '{' ? 1 : -1;
        else if (!quoted && !depth && is_space(c))
            break;
    }
    return n < text.len ? n : text.len;
}

/* name{a="b", "c d"="e"}, read with the language's own tokens. */
static bool parse_metric(Script *script, Str text, Line *out, Err *err)
{
    TokenList list;
    if (!promql_lex(text, script->arena, &list, err))
        return bad(script, err, "no series", text);
    const Token *token = list.tokens;
    if (token->kind == TOKEN_NAME)
        out->labels[out->label_count++] = (Label){ STR(LABEL_METRIC_NAME), token++->text };
    if (token->kind == TOKEN_OPEN_BRACE)
        for (token++; token->kind == TOKEN_NAME || token->kind == TOKEN_TEXT;) {
            if (out->label_count == LABELS_MAX)
                return bad(script, err, "too many labels", text);
            bool is_name = token[1].kind != TOKEN_ASSIGN;
            Label label = { is_name ? STR(LABEL_METRIC_NAME) : token->text,
                            is_name ? token->text : token[2].text };
            out->labels[out->label_count++] = label;
            token += is_name ? 1 : 3;
            token += token->kind == TOKEN_COMMA;
        }
    if (token->kind == TOKEN_CLOSE_BRACE)
        token++;
    if (token->kind == TOKEN_AT) { /* start timestamps */
        out->unsupported = true;
        return true;
    }
    out->label_count = labels_sort(out->labels, out->label_count);
    return token->kind == TOKEN_END || bad(script, err, "no series", text);
}

static bool parse_line(Script *script, Str text, Line *out, Err *err)
{
    *out = (Line){ 0 };
    double value;
    Str word = str_first(text, metric_end(text));
    out->is_scalar = word.len == text.len && str_to_double(word, &value);
    if (out->is_scalar) {
        out->values = text;
        return true;
    }
    out->values = str_trim(str_skip(text, word.len));
    return parse_metric(script, word, out, err);
}

typedef struct Values {
    double *ptr;
    size_t count, cap;
    bool has_histogram;
} Values;

static bool add_value(Script *script, Values *values, double value, Err *err)
{
    if (values->count == values->cap) {
        size_t cap = values->cap ? values->cap * 2 : 32;
        double *more = ARENA_MAKE(script->arena, double, cap, err);
        if (!more)
            return false;
        if (values->count)
            memcpy(more, values->ptr, values->count * sizeof *more);
        values->ptr = more;
        values->cap = cap;
    }
    values->ptr[values->count++] = value;
    return true;
}

/* How much of the text is a number. */
static size_t number_length(Str text)
{
    static const Str words[] = { STR_ROW("Inf"), STR_ROW("inf"), STR_ROW("NaN"), STR_ROW("nan") };
    size_t n = text.len && (text.ptr[0] == '-' || text.ptr[0] == '+');
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (str_starts(str_skip(text, n), words[i]))
            return n + words[i].len;
    for (; n < text.len; n++) {
        char c = text.ptr[n];
        bool sign = (c == '-' || c == '+') && (text.ptr[n - 1] == 'e' || text.ptr[n - 1] == 'E');
        if (!(c >= '0' && c <= '9') && c != '.' && c != 'e' && c != 'E' && !sign)
            break;
        if (sign && n == 0)
            break;
    }
    return n;
}

/* a, axN, a+bxN, a-bxN, _, _xN, stale; a histogram marks the whole series. */
static bool expand(Script *script, Str word, Values *values, Err *err)
{
    uint64_t times = 0;
    double value = 0, step = 0;
    if (str_eq(word, STR("stale")))
        return add_value(script, values, INFINITY, err) &&
               (values->ptr[values->count - 1] = stale_marker(), true);
    bool none = str_starts(word, STR("_"));
    size_t n = none ? 1 : number_length(word);
    bool good = none || str_to_double(str_first(word, n), &value);
    Str rest = str_skip(word, n);
    if (good && rest.len && rest.ptr[0] != 'x') {
        n = number_length(rest);
        good = str_to_double(str_first(rest, n), &step);
        rest = str_skip(rest, n);
    }
    if (rest.len)
        good =
            good && rest.ptr[0] == 'x' && str_to_u64(str_skip(rest, 1), &times) && times < 1000000;
    if (!good)
        return bad(script, err, "no value", word);
    if (none && times)
        times--;
    for (uint64_t i = 0; i <= times; i++) {
        if (!add_value(script, values, value, err))
            return false;
        if (none)
            values->ptr[values->count - 1] = NAN; /* told apart by the caller */
        value += step;
    }
    return true;
}

/* The values as they stand, none as *absent. */
static bool parse_values(Script *script, Str text, Values *out, bool **absent, Err *err)
{
    *out = (Values){ 0 };
    size_t absents[2] = { 0 }; /* begin, end of the last run */
    *absent = NULL;
    bool *marks = NULL;
    size_t marks_cap = 0;
    while (text.len) {
        if (str_starts(text, STR("{{"))) {
            out->has_histogram = true;
            return true;
        }
        Str word = take_word(&text);
        absents[0] = out->count;
        if (!expand(script, word, out, err))
            return false;
        absents[1] = out->count;
        if (marks_cap < out->cap) {
            bool *more = ARENA_MAKE(script->arena, bool, out->cap, err);
            if (!more)
                return false;
            if (marks)
                memcpy(more, marks, absents[0]);
            marks = more;
            marks_cap = out->cap;
        }
        for (size_t i = absents[0]; i < absents[1]; i++)
            marks[i] = str_starts(word, STR("_"));
    }
    *absent = marks;
    return true;
}

/* ---- load ---------------------------------------------------------------------------------------
 */

static bool is_command(Str line)
{
    return str_starts(line, STR("load")) || str_starts(line, STR("eval")) ||
           str_eq(line, STR("clear"));
}

/* The next line of the block; false where it is over. Comments are passed over. */
static bool block_line(Script *script, Str *out)
{
    Script before = *script;
    while (next_line(script, out)) {
        if (str_starts(*out, STR("#"))) {
            before = *script;
            continue;
        }
        if (out->len && !is_command(*out))
            return true;
        *script = before;
        return false;
    }
    return false;
}

static bool load_line(Script *script, Str text, int64_t step_ms, Err *err)
{
    Line line;
    Values values;
    bool *absent;
    size_t series;
    if (!parse_line(script, text, &line, err))
        return false;
    if (line.unsupported)
        return true;
    if (!parse_values(script, line.values, &values, &absent, err))
        return false;
    if (values.has_histogram)
        return true;
    if (!series_table_series(script->table, (Labels){ line.labels, line.label_count }, &series,
                             err))
        return false;
    for (size_t i = 0; i < values.count; i++) {
        Sample sample = { (int64_t)i * step_ms, values.ptr[i] };
        if (!absent[i] && !series_table_add(script->table, series, sample, err))
            return false;
    }
    return true;
}

static bool run_load(Script *script, Str text, Err *err)
{
    int64_t step_ms;
    Str line;
    take_word(&text); /* load, load_with_nhcb */
    if (!parse_ms(take_word(&text), &step_ms))
        return bad(script, err, "no interval", text);
    while (block_line(script, &line))
        if (!load_line(script, line, step_ms, err))
            return false;
    return true;
}

/* ---- what is expected ---------------------------------------------------------------------------
 */

static Str unquote(Script *script, Str text, Err *err)
{
    TokenList list;
    bool quoted = text.len && (text.ptr[0] == '"' || text.ptr[0] == '`' || text.ptr[0] == '\'');
    if (!quoted || !promql_lex(text, script->arena, &list, err) ||
        list.tokens[0].kind != TOKEN_TEXT || list.count != 2)
        return text;
    return list.tokens[0].text;
}

static bool add_expect(Script *script, Evaluation *eval, Expect expect, Err *err)
{
    if (eval->expect_count == EXPECTS_MAX)
        return bad(script, err, "too many expectations", eval->query);
    eval->expects[eval->expect_count++] = expect;
    return true;
}

static bool parse_message(Script *script, Evaluation *eval, Demand demand, Str text, Err *err)
{
    Expect expect = { .demand = demand };
    text = str_trim(text);
    expect.is_regex = str_starts(text, STR("regex:"));
    if (expect.is_regex || str_starts(text, STR("msg:")))
        expect.text = str_trim(str_skip(text, expect.is_regex ? 6 : 4));
    else if (text.len)
        return bad(script, err, "no expectation", text);
    if (str_starts(expect.text, STR("\"")) && str_ends(expect.text, STR("\"")))
        expect.text = unquote(script, expect.text, err);
    return add_expect(script, eval, expect, err);
}

static bool parse_range_vector(Script *script, Evaluation *eval, Str text, Err *err)
{
    int64_t end_ms;
    bool good = accept(&text, "range") && accept(&text, "vector") && accept(&text, "from") &&
                parse_ms(take_word(&text), &eval->vector_start_ms) && accept(&text, "to") &&
                parse_ms(take_word(&text), &end_ms) && accept(&text, "step") &&
                parse_ms(take_word(&text), &eval->vector_step_ms);
    return good || bad(script, err, "no range vector", text);
}

static bool parse_expect(Script *script, Evaluation *eval, Str text, Err *err)
{
    static const struct {
        const char *word;
        Demand demand;
    } rows[] = { { "fail", DEMAND_FAIL },
                 { "warn", DEMAND_WARN },
                 { "info", DEMAND_INFO },
                 { "no_warn", DEMAND_NO_WARN },
                 { "no_info", DEMAND_NO_INFO } };
    Str whole = text;
    if (accept(&text, "ordered")) {
        eval->ordered = true;
        return true;
    }
    if (accept(&text, "string")) {
        eval->has_text = true;
        eval->text = unquote(script, text, err);
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (accept(&text, rows[i].word))
            return parse_message(script, eval, rows[i].demand, text, err);
    return parse_range_vector(script, eval, whole, err);
}

static bool parse_wanted(Script *script, Evaluation *eval, Str text, Err *err)
{
    Line line;
    Values values;
    bool *absent;
    if (!parse_line(script, text, &line, err) ||
        !parse_values(script, line.values, &values, &absent, err))
        return false;
    for (size_t i = 0; absent && i < values.count; i++)
        if (absent[i])
            values.ptr[i] = stale_marker();
    Labels labels;
    Label *copy = ARENA_MAKE(script->arena, Label, line.label_count + 1, err);
    if (!copy)
        return false;
    memcpy(copy, line.labels, line.label_count * sizeof *copy);
    labels = (Labels){ copy, line.label_count };
    if (eval->wanted_count == eval->wanted_cap) {
        size_t cap = eval->wanted_cap ? eval->wanted_cap * 2 : 16;
        Wanted *wanted = ARENA_MAKE(script->arena, Wanted, cap, err);
        if (!wanted)
            return false;
        if (eval->wanted_count)
            memcpy(wanted, eval->wanted, eval->wanted_count * sizeof *wanted);
        eval->wanted = wanted;
        eval->wanted_cap = cap;
    }
    eval->wanted[eval->wanted_count++] = (Wanted){ .labels = labels,
                                                   .values = values.ptr,
                                                   .count = values.count,
                                                   .is_scalar = line.is_scalar,
                                                   .has_histogram = values.has_histogram };
    return true;
}

static bool parse_block(Script *script, Evaluation *eval, Err *err)
{
    Str line;
    while (block_line(script, &line)) {
        Expect old = { .demand = DEMAND_FAIL };
        Str text = line;
        bool good;
        if (accept(&text, "expect"))
            good = parse_expect(script, eval, text, err);
        else if (accept(&text, "expected_fail_message"))
            good = (old.text = text, add_expect(script, eval, old, err));
        else if (accept(&text, "expected_fail_regexp"))
            good = (old.text = text, old.is_regex = true, add_expect(script, eval, old, err));
        else
            good = parse_wanted(script, eval, line, err);
        if (!good)
            return false;
    }
    return true;
}

/* ---- judging ------------------------------------------------------------------------------------
 */

static bool nearly(double want, double got)
{
    const double epsilon = 1e-6;
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got);
    if (want == got)
        return true;
    double most = fabs(want) > fabs(got) ? fabs(want) : fabs(got);
    return fabs(want - got) <= epsilon * most || fabs(want - got) < 1e-300;
}

typedef struct Judge {
    char why[WHY_MAX];
    bool wrong;
} Judge;

static void blame_it(Judge *judge, const char *format, ...) PRINTF(2, 3);
static void blame_it(Judge *judge, const char *format, ...)
{
    va_list args;
    if (judge->wrong)
        return;
    judge->wrong = true;
    va_start(args, format);
    vsnprintf(judge->why, sizeof judge->why, format, args);
    va_end(args);
}

static const char *shown(Labels labels, char out[300])
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < labels.count && n < 200; i++)
        n += (size_t)snprintf(out + n, 300 - n, "%s%.*s=\"%.*s\"", i ? "," : "",
                              (int)(labels.ptr[i].name.len < 40 ? labels.ptr[i].name.len : 40),
                              labels.ptr[i].name.ptr,
                              (int)(labels.ptr[i].value.len < 40 ? labels.ptr[i].value.len : 40),
                              labels.ptr[i].value.ptr);
    return out;
}

static Wanted *find_wanted(Evaluation *eval, Labels labels)
{
    for (size_t i = 0; i < eval->wanted_count; i++)
        if (!eval->wanted[i].is_scalar && labels_eq(eval->wanted[i].labels, labels))
            return &eval->wanted[i];
    return NULL;
}

static const Sample *sample_at(const PromSeries *series, int64_t time_ms)
{
    for (size_t i = 0; i < series->count; i++)
        if (series->samples[i].time_ms == time_ms)
            return &series->samples[i];
    return NULL;
}

static void judge_series(const Evaluation *eval, const PromSeries *got, const Wanted *want,
                         Judge *judge)
{
    char text[300];
    bool vector = eval->vector_step_ms != 0;
    int64_t start = vector ? eval->vector_start_ms : eval->start_ms;
    int64_t step = vector ? eval->vector_step_ms : eval->is_range ? eval->step_ms : 0;
    size_t expected = 0;
    for (size_t i = 0; i < want->count; i++) {
        const Sample *sample = sample_at(got, start + (int64_t)i * step);
        bool none = sample_is_stale(want->values[i]);
        expected += !none;
        if (none != !sample)
            blame_it(judge, "{%s} at step %zu: %s", shown(got->labels, text), i,
                     none ? "a value where none belongs" : "no value");
        else if (sample && !nearly(want->values[i], sample->value))
            blame_it(judge, "{%s} at step %zu: expected %.17g, got %.17g", shown(got->labels, text),
                     i, want->values[i], sample->value);
    }
    if (expected != got->count)
        blame_it(judge, "{%s}: expected %zu values, got %zu", shown(got->labels, text), expected,
                 got->count);
}

static bool has_values(const Wanted *want)
{
    for (size_t i = 0; i < want->count; i++)
        if (!sample_is_stale(want->values[i]))
            return true;
    return want->has_histogram;
}

static void judge_all_series(Evaluation *eval, const PromResult *result, Judge *judge)
{
    char text[300];
    for (size_t i = 0; i < eval->wanted_count; i++) {
        eval->wanted[i].seen = false;
        if (eval->wanted[i].has_histogram)
            blame_it(judge, "a native histogram is expected");
    }
    for (size_t i = 0; i < result->count; i++) {
        Wanted *want = find_wanted(eval, result->series[i].labels);
        if (!want)
            blame_it(judge, "unexpected {%s} %.17g", shown(result->series[i].labels, text),
                     result->series[i].samples[0].value);
        else if (eval->ordered && want != &eval->wanted[i])
            blame_it(judge, "{%s} is out of order", shown(want->labels, text));
        else
            judge_series(eval, &result->series[i], want, judge);
        if (want)
            want->seen = true;
    }
    for (size_t i = 0; i < eval->wanted_count; i++)
        if (!eval->wanted[i].seen && has_values(&eval->wanted[i]))
            blame_it(judge, "{%s} is missing", shown(eval->wanted[i].labels, text));
}

static void judge_values(Evaluation *eval, const PromResult *result, Judge *judge)
{
    if (eval->has_text) {
        if (result->type != PROM_STRING || !str_eq(result->text, eval->text))
            blame_it(judge, "expected the string \"%.*s\"", STR_ARG(eval->text));
    } else if (result->type == PROM_SCALAR || (eval->wanted_count && eval->wanted[0].is_scalar)) {
        bool both =
            result->type == PROM_SCALAR && eval->wanted_count == 1 && eval->wanted[0].is_scalar;
        if (!both)
            blame_it(judge, "a scalar on one side only");
        else if (!nearly(eval->wanted[0].values[0], result->series[0].samples[0].value))
            blame_it(judge, "expected %.17g, got %.17g", eval->wanted[0].values[0],
                     result->series[0].samples[0].value);
    } else {
        judge_all_series(eval, result, judge);
    }
}

static bool fits(const Expect *expect, Str text)
{
    Err err;
    if (!expect->text.len)
        return true;
    if (!expect->is_regex)
        return str_eq(expect->text, text);
    Regex *regex = regex_new(expect->text, REGEX_SEARCH, &err);
    bool matches = regex && regex_matches(regex, text);
    regex_free(regex);
    return matches;
}

static const Expect *find_expect(const Evaluation *eval, Demand demand)
{
    for (size_t i = 0; i < eval->expect_count; i++)
        if (eval->expects[i].demand == demand)
            return &eval->expects[i];
    return NULL;
}

/* Every expectation has its note; where there is one, every note has its expectation. */
static void judge_notes(const Evaluation *eval, const PromResult *result, Demand demand,
                        Judge *judge)
{
    bool warnings = demand == DEMAND_WARN;
    for (size_t i = 0; i < eval->expect_count; i++) {
        bool met = eval->expects[i].demand != demand;
        for (size_t j = 0; j < result->note_count && !met; j++)
            met = result->notes[j].is_warning == warnings &&
                  fits(&eval->expects[i], result->notes[j].text);
        if (!met)
            blame_it(judge, "no %s like that: %.*s", warnings ? "warning" : "info",
                     STR_ARG(eval->expects[i].text));
    }
    bool none = find_expect(eval, warnings ? DEMAND_NO_WARN : DEMAND_NO_INFO) != NULL;
    bool some = find_expect(eval, demand) != NULL;
    for (size_t j = 0; j < result->note_count; j++) {
        bool met = !some && !none;
        for (size_t i = 0; i < eval->expect_count && !met; i++)
            met =
                eval->expects[i].demand == demand && fits(&eval->expects[i], result->notes[j].text);
        if (result->notes[j].is_warning == warnings && !met)
            blame_it(judge, "unexpected: %.*s", STR_ARG(result->notes[j].text));
    }
}

static void judge_failure(const Evaluation *eval, Str error, ErrKind kind, Judge *judge)
{
    const Expect *expect = find_expect(eval, DEMAND_FAIL);
    if (!expect || kind == ERR_UNSUPPORTED || str_contains(error, STR("unknown function")))
        blame_it(judge, "failed: %.*s", STR_ARG(error));
    else if (!fits(expect, error))
        blame_it(judge, "failed otherwise: %.*s", STR_ARG(error));
}

/* ---- eval ---------------------------------------------------------------------------------------
 */

static void ask(Script *script, Evaluation *eval, Judge *judge)
{
    Err err = { 0 };
    PromResult result = { 0 };
    PromExpr *expr = promql_parse(eval->query, &err);
    const PromQuery query = { .source = series_table_source(script->table),
                              .start_ms = eval->start_ms,
                              .end_ms = eval->end_ms,
                              .step_ms = eval->is_range ? eval->step_ms : 0,
                              .clock = clock_system() };
    bool good = expr && promql_run(expr, &query, &result, &err);
    if (!good) {
        judge_failure(eval, result.error.len ? result.error : str_from(err.text), err.kind, judge);
    } else if (find_expect(eval, DEMAND_FAIL)) {
        blame_it(judge, "did not fail");
    } else {
        judge_values(eval, &result, judge);
        judge_notes(eval, &result, DEMAND_WARN, judge);
        judge_notes(eval, &result, DEMAND_INFO, judge);
    }
    prom_result_done(&result);
    promql_free(expr);
}

/* The same moment in the middle of a range must give the same. */
static void ask_again(Script *script, const Evaluation *instant, Judge *judge)
{
    Err err = { 0 };
    PromResult result = { 0 }, cut = { 0 };
    PromExpr *expr = promql_parse(instant->query, &err);
    const PromQuery query = { .source = series_table_source(script->table),
                              .start_ms = instant->start_ms - 60000,
                              .end_ms = instant->start_ms + 60000,
                              .step_ms = 60000,
                              .clock = clock_system() };
    bool asks_range =
        str_contains(instant->query, STR("range()")) || str_contains(instant->query, STR("step()"));
    bool fits_range = expr && !asks_range && promql_type(expr) == PROM_VECTOR && !instant->ordered;
    if (fits_range && promql_run(expr, &query, &result, &err)) {
        Evaluation eval = *instant;
        Sample *kept = MEM_MAKE(Sample, result.count + 1, &err);
        cut = result;
        cut.count = 0;
        for (size_t i = 0; kept && i < result.count; i++) {
            const Sample *sample = sample_at(&result.series[i], instant->start_ms);
            if (!sample)
                continue;
            kept[cut.count] = *sample;
            cut.series[cut.count] = (PromSeries){ result.series[i].labels, &kept[cut.count], 1 };
            cut.count++;
        }
        cut.type = PROM_VECTOR;
        bool before = judge->wrong;
        judge_values(&eval, &cut, judge);
        if (!before && judge->wrong)
            snprintf(judge->why + strlen(judge->why), 40, " (as part of a range)");
        mem_free(kept);
    }
    prom_result_done(&result);
    promql_free(expr);
}

static bool parse_times(Script *script, Evaluation *eval, Str *text, Err *err)
{
    eval->is_range = accept(text, "range");
    bool good;
    if (eval->is_range)
        good = accept(text, "from") && parse_ms(take_word(text), &eval->start_ms) &&
               accept(text, "to") && parse_ms(take_word(text), &eval->end_ms) &&
               accept(text, "step") && parse_ms(take_word(text), &eval->step_ms);
    else
        good = accept(text, "instant") && accept(text, "at") &&
               parse_ms(take_word(text), &eval->start_ms);
    if (!eval->is_range)
        eval->end_ms = eval->start_ms;
    return good || bad(script, err, "no times", *text);
}

static bool run_eval(Script *script, Str text, Err *err)
{
    Evaluation eval = { .line = script->line };
    Judge judge = { .wrong = false };
    Str command = take_word(&text);
    Expect old = { 0 };
    if (!parse_times(script, &eval, &text, err))
        return false;
    eval.query = text;
    eval.ordered = str_eq(command, STR("eval_ordered"));
    bool warn = str_eq(command, STR("eval_warn")), info = str_eq(command, STR("eval_info"));
    if (str_eq(command, STR("eval_fail")) || warn || info) {
        old.demand = warn ? DEMAND_WARN : info ? DEMAND_INFO : DEMAND_FAIL;
        if (!add_expect(script, &eval, old, err))
            return false;
    }
    if (!parse_block(script, &eval, err))
        return false;
    ask(script, &eval, &judge);
    if (!eval.is_range && !judge.wrong && !find_expect(&eval, DEMAND_FAIL))
        ask_again(script, &eval, &judge);
    script->counts->total++;
    script->counts->passed += !judge.wrong;
    if (judge.wrong)
        script->failed(script->context, eval.line, eval.query, str_from(judge.why));
    return true;
}

static bool run_commands(Script *script, Err *err)
{
    Str line;
    bool good = true;
    while (good && next_line(script, &line)) {
        arena_reset(script->arena);
        if (!line.len || line.ptr[0] == '#')
            continue;
        if (str_eq(line, STR("clear")))
            series_table_clear(script->table);
        else if (str_starts(line, STR("load")))
            good = run_load(script, line, err);
        else if (str_starts(line, STR("eval")))
            good = run_eval(script, line, err);
        else
            good = bad(script, err, "no command", line);
    }
    return good;
}

bool promql_script_run(Str text, PromqlFailed *failed, void *context, PromqlCounts *counts,
                       Err *err)
{
    Script script = { .rest = text, .failed = failed, .context = context, .counts = counts };
    script.arena = arena_new(ARENA_MAX, err);
    script.table = series_table_new(err);
    bool good = script.arena && script.table && run_commands(&script, err);
    arena_free(script.arena);
    series_table_free(script.table);
    return good;
}
