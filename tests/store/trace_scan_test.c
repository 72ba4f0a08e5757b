/* Scan, lookup, values and meta against a plain list of the same spans, on seeded random data that
 * fills several runs; and while the writer goes on. */
#include "store/scan.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/thread.h"
#include "model/signal.h"
#include "otlp/batch.h"
#include "store/store.h"
#include "support/make_spans.h"
#include "support/test_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SPANS = 12000, PER_BATCH = 30, TRACES_MADE = 900, SERVICES = 5, NAMES = 7, NUMBERS = 10 };

/* What the list knows of a span. */
typedef struct Known {
    unsigned trace, id, parent, service, name, kind, number;
    uint64_t start_ns, end_ns;
} Known;

static Known known[SPANS];
static TestDisk *disk;
static Store *store;

static void told(void *context, const Err *err)
{
    *(int *)context += err == NULL;
}

static Known make_known(Random *random, unsigned i)
{
    Known one = { .trace = 1 + (unsigned)random_below(random, TRACES_MADE),
                  .id = i + 1,
                  .service = (unsigned)random_below(random, SERVICES),
                  .name = (unsigned)random_below(random, NAMES),
                  .kind = (unsigned)random_below(random, 6),
                  .number = (unsigned)random_below(random, NUMBERS) };
    one.parent = i && random_below(random, 3) ? 1 + (unsigned)random_below(random, i) : 0;
    one.start_ns = SPANS_EPOCH_NS + random_below(random, 1000000) * 1000;
    one.end_ns = one.start_ns + random_below(random, 5000) * 1000;
    return one;
}

static void append_lines(Buf *lines, int *stored)
{
    Err err = { 0 };
    Batch *batch = make_spans(buf_str(lines), &err);
    assert_non_null(batch);
    int before = *stored;
    assert_true(store_append(store, batch, told, stored, &err));
    batch_unref(batch);
    store_step(store);
    assert_int_equal(*stored, before + 1);
    buf_clear(lines);
}

static int set_up(void **state)
{
    (void)state;
    Err err;
    Random random;
    random_seed(&random, 11);
    disk = test_disk_new(1);
    StoreSettings settings = store_defaults();
    settings.disk = test_disk_door(disk);
    settings.directory = "data";
    settings.own_thread = false;
    store = store_open(&settings, &err);
    Buf lines = BUF(1 << 20);
    int stored = 0;
    for (unsigned i = 0; i < SPANS; i++) {
        Known *one = &known[i];
        *one = make_known(&random, i);
        buf_addf(&lines,
                 "trace=%x id=%x parent=%x service=s%u name=n%u kind=%.*s start=%llu last=%llins "
                 "@n=%u %%r=%u event=e%u!k=%u\n",
                 one->trace, one->id, one->parent, one->service, one->name,
                 STR_ARG(span_kind_name(one->kind)), (unsigned long long)one->start_ns,
                 (long long)(one->end_ns - one->start_ns), one->number, one->number % 3,
                 one->number % 2, one->number % 4);
        if (i % PER_BATCH == PER_BATCH - 1)
            append_lines(&lines, &stored);
    }
    buf_free(&lines);
    return store ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    Err err;
    bool ok = store_close(store, INT64_MAX, &err);
    test_disk_free(disk);
    return ok ? 0 : 1;
}

static unsigned id_number(const uint8_t *bytes)
{
    return (unsigned)bytes[0] << 24 | (unsigned)bytes[1] << 16 | (unsigned)bytes[2] << 8 | bytes[3];
}

/* ---- scan --------------------------------------------------------------------------------------
 */

typedef struct Wanted {
    int service, name, number, resource, event; /* -1: any */
    bool not_number;
    uint64_t from, to, shortest, longest;
} Wanted;

static bool list_matches(const Wanted *wanted, const Known *one)
{
    uint64_t lasts = one->end_ns - one->start_ns;
    return (wanted->service < 0 || (int)one->service == wanted->service) &&
           (wanted->name < 0 || (int)one->name == wanted->name) &&
           (wanted->number < 0 || ((int)one->number == wanted->number) != wanted->not_number) &&
           (wanted->resource < 0 || (int)(one->number % 3) == wanted->resource) &&
           (wanted->event < 0 || (int)(one->number % 4) == wanted->event) &&
           one->start_ns >= wanted->from && (!wanted->to || one->start_ns < wanted->to) &&
           lasts >= wanted->shortest && (!wanted->longest || lasts <= wanted->longest);
}

static Str number_text(char out[16], const char *prefix, int number)
{
    snprintf(out, 16, "%s%d", prefix, number);
    return str_from(out);
}

static void one_scan(const Wanted *wanted, size_t limit)
{
    static char texts[5][16];
    Matcher matchers[5];
    size_t n = 0;
    if (wanted->event >= 0)
        matchers[n++] = (Matcher){ MATCH_ANY_ATTRIBUTE, MATCH_EQUAL, STR("k"),
                                   number_text(texts[0], "", wanted->event) };
    if (wanted->number >= 0)
        matchers[n++] =
            (Matcher){ MATCH_SPAN_ATTRIBUTE, wanted->not_number ? MATCH_NOT_EQUAL : MATCH_EQUAL,
                       STR("n"), number_text(texts[1], "", wanted->number) };
    if (wanted->resource >= 0)
        matchers[n++] = (Matcher){ MATCH_RESOURCE_ATTRIBUTE, MATCH_EQUAL, STR("r"),
                                   number_text(texts[2], "", wanted->resource) };
    if (wanted->service >= 0)
        matchers[n++] = (Matcher){ .field = MATCH_SERVICE,
                                   .value = number_text(texts[3], "s", wanted->service) };
    if (wanted->name >= 0)
        matchers[n++] =
            (Matcher){ .field = MATCH_NAME, .value = number_text(texts[4], "n", wanted->name) };
    SpanScan query = { .matchers = matchers,
                       .matcher_count = n,
                       .from_ns = wanted->from,
                       .to_ns = wanted->to,
                       .duration_min_ns = wanted->shortest,
                       .duration_max_ns = wanted->longest,
                       .limit = limit };
    size_t expected = 0, got = 0;
    for (size_t i = 0; i < SPANS; i++)
        expected += list_matches(wanted, &known[i]);
    Err err = { 0 };
    SpanBlock block;
    static bool seen[SPANS];
    memset(seen, 0, sizeof seen);
    uint64_t previous = UINT64_MAX;
    ScanCursor *cursor = source_scan(store_spans(store), &query, &err);
    assert_non_null(cursor);
    while (scan_next(cursor, &block, &err) == SCAN_BLOCK) {
        assert_in_range(block.count, 1, SCAN_BLOCK_ROWS);
        for (size_t i = 0; i < block.count; i++, got++) {
            unsigned id = id_number(block.rows[i].span_id.bytes + 4) - 1;
            assert_true(id < SPANS && !seen[id] && list_matches(wanted, &known[id]));
            assert_true(block.rows[i].start_ns <= previous);
            previous = block.rows[i].start_ns;
            seen[id] = true;
        }
    }
    scan_close(cursor);
    assert_int_equal(got, limit && limit < expected ? limit : expected);
    /* With a limit: nothing that was left out is newer than what came. */
    for (size_t i = 0; i < SPANS; i++)
        if (!seen[i] && list_matches(wanted, &known[i]))
            assert_true(known[i].start_ns <= previous);
}

static int maybe(Random *random, unsigned bound)
{
    return random_below(random, 2) ? -1 : (int)random_below(random, bound);
}

static void scans_find_what_a_plain_list_finds(void **state)
{
    (void)state;
    Random random;
    random_seed(&random, 5);
    one_scan(&(Wanted){ -1, -1, -1, -1, -1, false, 0, 0, 0, 0 }, 0);
    for (int i = 0; i < 150; i++) {
        Wanted wanted = { .service = maybe(&random, SERVICES + 1),
                          .name = maybe(&random, NAMES),
                          .number = maybe(&random, NUMBERS),
                          .resource = maybe(&random, 3),
                          .event = maybe(&random, 4),
                          .not_number = random_below(&random, 2) };
        if (random_below(&random, 2))
            wanted.from = SPANS_EPOCH_NS + random_below(&random, 1000000000);
        if (random_below(&random, 2))
            wanted.to = SPANS_EPOCH_NS + random_below(&random, 1000000000);
        if (random_below(&random, 2))
            wanted.shortest = random_below(&random, 3000000);
        if (random_below(&random, 2))
            wanted.longest = random_below(&random, 6000000);
        one_scan(&wanted, random_below(&random, 3) ? 0 : random_below(&random, 2000));
    }
}

static void a_deadline_ends_a_scan(void **state)
{
    (void)state;
    Err err;
    SpanBlock block;
    SpanScan query = { .deadline_mono_ns = 1 };
    ScanCursor *cursor = source_scan(store_spans(store), &query, &err);
    assert_non_null(cursor);
    assert_int_equal(scan_next(cursor, &block, &err), SCAN_FAILED);
    assert_int_equal(err.kind, ERR_TIMEOUT);
    scan_close(cursor);
    TestClock far; /* the query's own time counts, not the store's */
    test_clock_init(&far, 0);
    test_clock_advance(&far, INT64_MAX / 2);
    query = (SpanScan){ .deadline_mono_ns = INT64_MAX / 2, .clock = &far.base };
    cursor = source_scan(store_spans(store), &query, &err);
    assert_non_null(cursor);
    assert_int_equal(scan_next(cursor, &block, &err), SCAN_FAILED);
    scan_close(cursor);
    ValuesQuery values = { .what = VALUES_ATTRIBUTE_KEYS,
                           .deadline_mono_ns = INT64_MAX / 2,
                           .clock = &far.base };
    assert_false(source_values(store_spans(store), &values, NULL, NULL, &err));
}

static void too_many_matchers_are_refused(void **state)
{
    (void)state;
    Err err;
    Matcher matchers[65] = { 0 };
    SpanScan query = { .matchers = matchers, .matcher_count = COUNT_OF(matchers) };
    assert_null(source_scan(store_spans(store), &query, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
}

/* ---- lookup ------------------------------------------------------------------------------------
 */

static TraceId trace_number(unsigned number)
{
    TraceId id = { { 0 } };
    id.bytes[14] = (uint8_t)(number >> 8);
    id.bytes[15] = (uint8_t)number;
    return id;
}

static void lookups_find_every_span_of_a_trace(void **state)
{
    (void)state;
    Err err;
    SpanBlock block;
    TraceId ids[TRACES_MADE + 2];
    for (unsigned i = 0; i < COUNT_OF(ids); i++)
        ids[i] = trace_number(TRACES_MADE + 1 - i); /* both ends do not exist */
    size_t total = 0;
    unsigned last_trace = TRACES_MADE + 2;
    uint64_t last_start = 0;
    ScanCursor *cursor = source_lookup(store_spans(store), ids, COUNT_OF(ids), &err);
    assert_non_null(cursor);
    while (scan_next(cursor, &block, &err) == SCAN_BLOCK) {
        for (size_t i = 0; i < block.count; i++, total++) {
            const SpanRow *row = &block.rows[i];
            unsigned id = id_number(row->span_id.bytes + 4) - 1;
            unsigned trace = id_number(row->trace_id.bytes + 12);
            assert_int_equal(known[id].trace, trace);
            assert_int_equal(known[id].kind, row->kind);
            assert_true(trace < last_trace || (trace == last_trace && row->start_ns >= last_start));
            last_trace = trace;
            last_start = row->start_ns;
        }
    }
    scan_close(cursor);
    assert_int_equal(total, SPANS);
}

/* ---- values and meta ---------------------------------------------------------------------------
 */

static bool add_text(void *context, Str value)
{
    buf_addf(context, "%.*s ", STR_ARG(value));
    return true;
}

static void expect_values(ValuesQuery query, const char *expected)
{
    Err err = { 0 };
    Buf text = BUF(4096);
    assert_true(source_values(store_spans(store), &query, add_text, &text, &err));
    assert_string_equal(buf_text(&text), expected);
    buf_free(&text);
}

static void values_are_distinct_and_sorted(void **state)
{
    (void)state;
    expect_values((ValuesQuery){ .what = VALUES_SERVICES }, "s0 s1 s2 s3 s4 ");
    expect_values((ValuesQuery){ .what = VALUES_ATTRIBUTE_KEYS }, "n r service.name ");
    expect_values((ValuesQuery){ .what = VALUES_ATTRIBUTE, .key = STR("n") },
                  "0 1 2 3 4 5 6 7 8 9 ");
    expect_values((ValuesQuery){ .what = VALUES_ATTRIBUTE, .key = STR("r") }, "0 1 2 ");
    expect_values((ValuesQuery){ .what = VALUES_ATTRIBUTE, .key = STR("none") }, "");
    expect_values(
        (ValuesQuery){ .what = VALUES_ATTRIBUTE, .key = STR("n"), .to_ns = SPANS_EPOCH_NS }, "");
    Err err;
    ValuesQuery late = { .what = VALUES_ATTRIBUTE_KEYS, .deadline_mono_ns = 1 };
    assert_false(source_values(store_spans(store), &late, add_text, NULL, &err));
    assert_int_equal(err.kind, ERR_TIMEOUT);
}

static bool add_operation(void *context, const Operation *found)
{
    size_t expected = 0;
    for (size_t i = 0; i < SPANS; i++) {
        char service[16], name[16];
        expected += str_eq(found->service, number_text(service, "s", (int)known[i].service)) &&
                    str_eq(found->name, number_text(name, "n", (int)known[i].name)) &&
                    found->kind == known[i].kind;
    }
    assert_int_equal(found->spans, expected);
    ++*(int *)context;
    return true;
}

static bool add_edge(void *context, const Edge *found)
{
    size_t expected = 0;
    for (size_t i = 0; i < SPANS; i++) {
        const Known *child = &known[i], *parent = child->parent ? &known[child->parent - 1] : NULL;
        char name[16];
        expected += parent && parent->trace == child->trace && parent->service != child->service &&
                    str_eq(found->child, number_text(name, "s", (int)child->service)) &&
                    str_eq(found->parent, number_text(name, "s", (int)parent->service));
    }
    assert_int_equal(found->calls, expected);
    ++*(int *)context;
    return true;
}

static void meta_counts_what_a_plain_list_counts(void **state)
{
    (void)state;
    Err err;
    int operations = 0, edges = 0;
    SourceStats stats;
    MetaQuery query = { .context = &operations, .operation = add_operation, .stats = &stats };
    assert_true(source_meta(store_spans(store), &query, &err));
    assert_int_equal(operations, SERVICES * NAMES * 6);
    assert_int_equal(stats.spans, SPANS);
    assert_in_range(stats.traces, TRACES_MADE, SPANS); /* a trace in two runs counts twice */
    query = (MetaQuery){ .service = STR("s1"), .context = &operations, .operation = add_operation };
    operations = 0;
    assert_true(source_meta(store_spans(store), &query, &err));
    assert_int_equal(operations, NAMES * 6);
    query = (MetaQuery){ .context = &edges, .edge = add_edge };
    assert_true(source_meta(store_spans(store), &query, &err));
    assert_in_range(edges, 1, SERVICES * (SERVICES - 1));
}

/* ---- while the writer goes on ------------------------------------------------------------------
 */

typedef struct Busy {
    Store *store;
    int stored, asked;
} Busy;

enum { BUSY_BATCHES = 200, BUSY_READERS = 2 };

static void ask_on(void *argument)
{
    Busy *busy = argument;
    Err err;
    SpanBlock block;
    size_t before = 0;
    while (before < BUSY_BATCHES * PER_BATCH / 3) { /* the oldest leave, so it never gets to all */
        size_t count = 0;
        SpanScan query = { .limit = BUSY_BATCHES * PER_BATCH / 3 };
        ScanCursor *cursor = source_scan(store_spans(busy->store), &query, &err);
        assert_non_null(cursor);
        uint64_t previous = UINT64_MAX;
        while (scan_next(cursor, &block, &err) == SCAN_BLOCK)
            for (size_t i = 0; i < block.count; i++, count++) {
                assert_true(block.rows[i].start_ns <= previous);
                previous = block.rows[i].start_ns;
            }
        scan_close(cursor);
        StoreStats stats;
        store_stats(busy->store, &stats);
        before = count;
        busy->asked++;
    }
}

static void readers_and_the_writer_do_not_meet(void **state)
{
    (void)state;
    Err err;
    TestDisk *own_disk = test_disk_new(1);
    StoreSettings settings = store_defaults();
    settings.disk = test_disk_door(own_disk);
    settings.directory = "data";
    settings.sync = SEGLOG_SYNC_OFF;
    settings.reserve_bytes = 0;
    settings.segment_bytes = 64 * 1024;
    settings.bytes_max = 512 * 1024;
    Busy busy = { .store = store_open(&settings, &err) };
    assert_non_null(busy.store);
    Thread readers[BUSY_READERS];
    Busy asked[BUSY_READERS];
    for (int i = 0; i < BUSY_READERS; i++) {
        asked[i] = busy;
        assert_true(thread_start(&readers[i], "reader", ask_on, &asked[i], &err));
    }
    Buf lines = BUF(1 << 20);
    for (int i = 0; i < BUSY_BATCHES; i++) {
        for (int k = 0; k < PER_BATCH; k++)
            buf_addf(&lines, "trace=%x id=%x service=s name=n start=+%dms @text=\"%060d\"\n", i + 1,
                     k + 1, i, i);
        Batch *batch = make_spans(buf_str(&lines), &err);
        while (!store_append(busy.store, batch, told, &busy.stored, &err))
            clock_sleep_ns(NANOS_PER_MILLI);
        batch_unref(batch);
        buf_clear(&lines);
    }
    assert_true(store_flush(busy.store, INT64_MAX, &err));
    for (int i = 0; i < BUSY_READERS; i++)
        thread_join(&readers[i]);
    assert_int_equal(busy.stored, BUSY_BATCHES);
    StoreStats stats;
    store_stats(busy.store, &stats);
    assert_true(stats.spans_dropped > 0);
    assert_true(store_close(busy.store, INT64_MAX, &err));
    buf_free(&lines);
    test_disk_free(own_disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scans_find_what_a_plain_list_finds),
        cmocka_unit_test(a_deadline_ends_a_scan),
        cmocka_unit_test(too_many_matchers_are_refused),
        cmocka_unit_test(lookups_find_every_span_of_a_trace),
        cmocka_unit_test(values_are_distinct_and_sorted),
        cmocka_unit_test(meta_counts_what_a_plain_list_counts),
        cmocka_unit_test(readers_and_the_writer_do_not_meet),
    };
    return cmocka_run_group_tests_name("trace scan", tests, set_up, tear_down);
}
