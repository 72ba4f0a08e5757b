/* Bounds of queries: depth, time, series, memory; and what happens when memory runs out. */
#include "query/logql/logql.h"

#include "base/buf.h"
#include "support/log_table.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { TEXT_MAX = 1 << 20 };

static LogqlQuery *parse(Str text)
{
    Err err;
    LogqlQuery *query = logql_parse(text, &err);
    if (!query)
        fail_msg("%.*s: %s", STR_ARG(str_first(text, 100)), err.text);
    return query;
}

static void refuse(Str text, ErrKind kind, const char *part)
{
    Err err;
    assert_null(logql_parse(text, &err));
    assert_int_equal(err.kind, kind);
    if (!strstr(err.text, part))
        fail_msg("'%s' is not in: %s", part, err.text);
}

static Str repeated(Buf *out, const char *before, const char *middle, const char *behind)
{
    enum { TIMES = 5000 };
    buf_clear(out);
    for (int i = 0; i < TIMES; i++)
        buf_add(out, str_from(before));
    buf_add(out, str_from(middle));
    for (int i = 0; i < TIMES; i++)
        buf_add(out, str_from(behind));
    return buf_str(out);
}

static void test_depth(void **state)
{
    (void)state;
    Buf text = BUF(TEXT_MAX);
    refuse(repeated(&text, "(", "1", ")"), ERR_INPUT, "nested more than");
    refuse(repeated(&text, "sum(", "vector(1)", ")"), ERR_INPUT, "nested more than");
    refuse(repeated(&text, "1^", "1", ""), ERR_INPUT, "nested more than");
    refuse(repeated(&text, "vector(1)+", "1", ""), ERR_INPUT, "nested more than");
    buf_clear(&text);
    buf_addf(&text, "{a=\"b\"} | ");
    for (int i = 0; i < 5000; i++)
        buf_addf(&text, "(");
    refuse(buf_str(&text), ERR_INPUT, "nested");
    buf_clear(&text);
    buf_addf(&text, "count_over_time");
    for (int i = 0; i < 5000; i++)
        buf_addf(&text, "(");
    refuse(buf_str(&text), ERR_INPUT, "parentheses");
    buf_clear(&text);
    for (int i = 0; i <= LOGQL_TEXT_MAX; i++)
        buf_addf(&text, " ");
    refuse(buf_str(&text), ERR_LIMIT, "bytes, at most");
    buf_free(&text);
}

/* Conditions form a list to the left, which is walked by recursion as well. */
static void test_many_conditions(void **state)
{
    (void)state;
    Buf text = BUF(TEXT_MAX);
    buf_addf(&text, "{a=\"b\"} | a=\"b\"");
    for (int i = 0; i < 5000; i++)
        buf_addf(&text, " or a=\"b\"");
    refuse(buf_str(&text), ERR_INPUT, "conditions");
    buf_free(&text);
}

static LogTable *fill(size_t streams)
{
    Err err;
    LogTable *table = log_table_new(&err);
    assert_non_null(table);
    for (size_t i = 0; i < streams; i++) {
        char id[16];
        int len = snprintf(id, sizeof id, "%zu", i);
        const Label stream[] = { { STR("app"), STR("a") }, { STR("id"), { id, (size_t)len } } };
        const LogRow row = { .time_ns = 1000,
                             .stream = { stream, 2 },
                             .line = STR("v=1 word=\"a b\" {}") };
        assert_true(log_table_add(table, &row, &err));
    }
    return table;
}

static bool run(LogTable *table, const char *text, int64_t deadline_mono_ns, Err *err)
{
    LogqlQuery *query = parse(str_from(text));
    LogqlResult result;
    const LogqlAsk ask = { .source = log_table_source(table),
                           .clock = clock_system(),
                           .deadline_mono_ns = deadline_mono_ns,
                           .to_ns = 2000 };
    bool ok = logql_run(query, &ask, &result, err);
    if (ok)
        logql_result_done(&result);
    logql_free(query);
    return ok;
}

static void test_limits(void **state)
{
    (void)state;
    Err err;
    LogTable *table = fill(LOGQL_SERIES_MAX + 1);
    assert_false(run(table, "count_over_time({app=\"a\"}[1s])", 0, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_non_null(strstr(err.text, "maximum number of series (500)"));
    assert_true(run(table, "sum(count_over_time({app=\"a\"}[1s]))", 0, &err));
    log_table_free(table);
}

static void test_deadline(void **state)
{
    (void)state;
    Err err;
    LogTable *table = fill(5000);
    assert_false(run(table, "{app=\"a\"} |= \"never\" or \"in it\"", 1, &err));
    assert_int_equal(err.kind, ERR_TIMEOUT);
    assert_false(run(table, "sum(count_over_time({app=\"a\"}[1s]))", 1, &err));
    assert_int_equal(err.kind, ERR_TIMEOUT);
    log_table_free(table);
}

/* ---- every allocation -------------------------------------------------------------------------
 */

static LogTable *starved_table;

static void run_all(void)
{
    static const char *const texts[] = {
        "{app=\"a\"} |= \"v\" |~ \"w.rd\" |> \"<_>}\" | logfmt | json | word=~\"a.*\" or v > 5s",
        "sum by (id) (rate({app=\"a\", id=~\".+\"} | logfmt | unwrap v [1s])) + on (id) "
        "group_left max by (id) (count_over_time({app=\"a\"}[1s]))",
        "topk(2, label_replace(count_over_time({app=\"a\"} | pattern \"<x> <_>\" | drop id[1s]), "
        "\"y\", \"$1\", \"x\", \"(.*)\")) or vector(1)",
        "quantile_over_time(0.5, {app=\"a\"} | regexp \"(?P<v>[0-9])\" | unwrap v [1s]) by (id)",
        "{app=\"a\"} | logfmt | label_format x=\"{{.v | upper}}{{b64enc .word}}\", y=app | "
        "line_format "
        "`{{if .x}}{{ regexReplaceAll \"(.)\" .word \"$1$1\" | printf \"%9s %5.1f\" .v }}{{end}}`",
        "{app=\"\\x41\\u00e9\"} | unpack | decolorize | keep a, b=\"c\"",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        Err err;
        LogqlResult result;
        LogqlQuery *query = logql_parse(str_from(texts[i]), &err);
        if (!query) {
            assert_int_equal(err.kind, ERR_MEMORY);
            continue;
        }
        const LogqlAsk ask = { .source = log_table_source(starved_table),
                               .clock = clock_system(),
                               .to_ns = 2000 };
        if (logql_run(query, &ask, &result, &err))
            logql_result_done(&result);
        else
            assert_int_equal(err.kind, ERR_MEMORY);
        logql_free(query);
    }
}

static void test_starved(void **state)
{
    (void)state;
    starve_after(-1);
    starved_table = fill(3);
    run_all();
    long failed = starve_every(run_all);
    assert_true(failed > 20);
    print_message("counts: logql: %ld allocations failed one by one\n", failed);
    log_table_free(starved_table);
    starve_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_depth),           cmocka_unit_test(test_limits),
        cmocka_unit_test(test_many_conditions), cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_starved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
