/* promql_test.c - what scripts cannot say about PromQL: limits, deadlines, memory that runs out,
 * how often the source is read. */
#include "query/promql/promql.h"

#include "base/mem.h"
#include "support/series_table.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static SeriesTable *new_table(void)
{
    Err err;
    SeriesTable *table = series_table_new(&err);
    assert_non_null(table);
    static const Str values[] = { STR_ROW("0.1"), STR_ROW("1"), STR_ROW("+Inf"), STR_ROW("x") };
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        const Label labels[] = { { STR(LABEL_METRIC_NAME), STR("a") }, { STR("le"), values[i] } };
        size_t series;
        assert_true(series_table_series(table, (Labels){ labels, 2 }, &series, &err));
        for (int64_t at = 0; at < 20; at++)
            assert_true(series_table_add(table, series,
                                         (Sample){ at * 1000, (double)(at * (int64_t)(i + 1)) },
                                         &err));
    }
    return table;
}

static bool ask(const char *text, const PromQuery *query, PromResult *result, Err *err)
{
    PromExpr *expr = promql_parse(str_from(text), err);
    *result = (PromResult){ 0 };
    bool good = expr && promql_run(expr, query, result, err);
    promql_free(expr);
    return good;
}

static void expect_failure(const char *text, const PromQuery *query, ErrKind kind, const char *why)
{
    Err err;
    PromResult result;
    bool good = ask(text, query, &result, &err);
    prom_result_done(&result);
    if (good || err.kind != kind || !strstr(err.text, why))
        fail_msg("%s: expected %s, got %s", text, why, good ? "an answer" : err.text);
}

/* ---- bounds -------------------------------------------------------------------------------------
 */

static void repeat(char *out, size_t size, const char *part, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count && n + 20 < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s", part);
    snprintf(out + n, size - n, "1");
}

static void what_is_too_deep_is_refused(void **state)
{
    (void)state;
    static char text[PROMQL_TEXT_MAX + 10];
    static const char *const parts[] = { "(", "-", "abs(", "sum(", "1+", "1^", "rate(" };
    PromQuery query = { 0 };
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        repeat(text, sizeof text, parts[i], 5000);
        expect_failure(text, &query, ERR_INPUT, " levels");
    }
    memset(text, '1', sizeof text);
    text[sizeof text - 1] = '\0';
    expect_failure(text, &query, ERR_LIMIT, "at most 65536 are taken");
}

static void samples_memory_and_time_have_ends(void **state)
{
    (void)state;
    SeriesTable *table = new_table();
    TestClock clock;
    test_clock_init(&clock, 0);
    PromQuery query = {
        .source = series_table_source(table), .end_ms = 19000, .step_ms = 1000, .clock = &clock.base
    };
    PromQuery few = query, tight = query, late = query;
    few.samples_max = 100;
    expect_failure("a + a", &few, ERR_LIMIT, "too many samples");
    tight.memory_max = 3000;
    expect_failure("sum by (le) (rate(a[5s]))", &tight, ERR_LIMIT, "");
    late.deadline_mono_ns = 1;
    late.step_ms = 1;
    expect_failure("max_over_time(a[5s]) * 2 > 3 or a", &late, ERR_TIMEOUT, "timed out");
    PromQuery backwards = query;
    backwards.end_ms = -1;
    expect_failure("1", &backwards, ERR_INPUT, "out of order");
    series_table_free(table);
}

/* ---- how often a source is asked ----------------------------------------------------------------
 */

typedef struct Counting {
    SeriesSource base;
    SeriesSource *inner;
    int scans;
    int64_t from_ms, to_ms;
} Counting;

static SeriesCursor *count_scan(SeriesSource *source, const SeriesScan *query, Err *err)
{
    Counting *counting = (Counting *)source;
    counting->scans++;
    counting->from_ms = query->from_ms;
    counting->to_ms = query->to_ms;
    return series_scan(counting->inner, query, err);
}

static void each_selector_reads_once(void **state)
{
    (void)state;
    SeriesTable *table = new_table();
    Counting counting = { .base = { .scan = count_scan }, .inner = series_table_source(table) };
    const PromQuery query = {
        .source = &counting.base, .start_ms = 5000, .end_ms = 19000, .step_ms = 1000
    };
    static const struct {
        const char *text;
        int scans;
        int64_t from_ms, to_ms;
    } rows[] = {
        { "rate(a[2s] offset 1s)", 1, 2000, 18000 },
        { "a", 1, -295000, 19000 },
        { "a + on(le) a", 2, -295000, 19000 },
        { "sum(a @ 7)", 1, -293000, 7000 },
        { "max_over_time(sum(a)[3s:1s])", 1, -297000, 19000 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err;
        PromResult result;
        counting.scans = 0;
        assert_true(ask(rows[i].text, &query, &result, &err));
        prom_result_done(&result);
        assert_int_equal(counting.scans, rows[i].scans);
        assert_int_equal(counting.from_ms, rows[i].from_ms);
        assert_int_equal(counting.to_ms, rows[i].to_ms);
    }
    series_table_free(table);
}

/* ---- memory that runs out -----------------------------------------------------------------------
 */

static const char *starving;
static SeriesTable *starving_table;

static void starve_query(void)
{
    Err err;
    PromResult result;
    PromQuery query = { .source = series_table_source(starving_table), .start_ms = 5000 };
    for (query.step_ms = 0; query.step_ms < 2000; query.step_ms += 1000) {
        query.end_ms = query.step_ms ? 15000 : 5000;
        bool good = ask(starving, &query, &result, &err);
        if (!good && err.kind != ERR_MEMORY && err.kind != ERR_INPUT)
            fail_msg("%s: %s", starving, err.text);
        prom_result_done(&result);
    }
}

/* Whatever the limit is: an answer or "not now", and all of it is given back. */
static void the_purse_pays_for_all_of_a_query(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "quantile_over_time(0.5, a[5s]) + on() group_left() quantile(0.5, a)",
        "max_over_time(a[3s:1s])",
        "rate(a[25s])",
    };
    SeriesTable *table = new_table();
    Err err;
    for (int64_t at = 20; at < 60; at++)
        assert_true(series_table_add(table, 0, (Sample){ at * 1000, stale_marker() }, &err));
    for (size_t t = 0; t < COUNT_OF(texts); t++) {
        int busy = 0, good = 0;
        for (size_t room = 500; room < 60000; room += 100) {
            Budget budget;
            PromResult result;
            budget_init(&budget, 4 * room); /* a quarter of it is for queries */
            PromQuery query = { .source = series_table_source(table),
                                .end_ms = 19000,
                                .step_ms = 1000,
                                .purse = budget_purse(&budget, BUDGET_QUERIES) };
            bool ok = ask(texts[t], &query, &result, &err);
            prom_result_done(&result);
            if (!ok && err.kind != ERR_BUSY)
                fail_msg("%s: %s", texts[t], err.text);
            busy += !ok;
            good += ok;
            assert_int_equal(budget_use(&budget).used, 0);
            assert_true(budget_use(&budget).peak <= room);
        }
        assert_true(busy > 0 && good > 0);
    }
    series_table_free(table);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    static const char *const queries[] = {
        "sum by (le) (rate(a{le=~\"1|0.1\"}[5s])) / on(le) group_left(x) (a or a * 2)",
        "histogram_quantile(0.9, a) or label_replace(a, \"x\", \"$1\", \"le\", \"(.*)\")",
        "count_values(\"v\", a) unless label_join(a, \"x\", \"-\", \"le\", \"le\")",
        "quantile_over_time(2, a[5s]) + ignoring(le) topk(1, max_over_time(a[3s:1s]))",
        "a + on() a",
        "absent(a) or absent_over_time(a[1s]) or timestamp(a @ 3) or vector(scalar(a))",
        "quantile(0.5, a) + sort(-a) * clamp(a, 1, 2)",
    };
    starving_table = new_table();
    for (size_t i = 0; i < COUNT_OF(queries); i++) {
        starving = queries[i];
        assert_true(starve_every(starve_query) > 10);
    }
    starve_end();
    series_table_free(starving_table);
}

int main(void)
{
    starve_after(-1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_too_deep_is_refused),
        cmocka_unit_test(samples_memory_and_time_have_ends),
        cmocka_unit_test(each_selector_reads_once),
        cmocka_unit_test(the_purse_pays_for_all_of_a_query),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("promql", tests, NULL, NULL);
}
