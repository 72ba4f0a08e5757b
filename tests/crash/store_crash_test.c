/* The store under load, and the world ends: at 100 random calls to the disk, and at every call in
 * turn. Every file is cut back to what was synced (or torn at random), the store opens again, and
 * under `sync: always` every batch whose storing was acknowledged is found whole; nothing is found
 * that was not sent, and a restart finds the same again. Batches are spans, samples and log records
 * in turn. */
#include "base/random.h"
#include "otlp/view.h"
#include "store/log_scan.h"
#include "store/scan.h"
#include "store/series_scan.h"
#include "support/make_spans.h"
#include "support/store_rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { POINTS = 100, SENDS = 80, LIVES = 3, ITEMS_EACH = 4 };

typedef enum Fate { NEVER_SENT, REFUSED, WAITING, ACKNOWLEDGED, FAILED } Fate;

typedef struct World {
    TestDisk *disk;
    TestClock clock;
    StoreSettings settings;
    Store *store;
    Fate fates[LIVES * SENDS]; /* of each batch, by its number */
    Err err;
} World;

typedef struct Sent {
    World *world;
    int number;
    bool told;
} Sent;

static Sent sents[LIVES * SENDS];

static void world_init(World *world, uint64_t seed)
{
    *world = (World){ .disk = test_disk_new(seed) };
    memset(sents, 0, sizeof sents);
    test_clock_init(&world->clock, (int64_t)SPANS_EPOCH_NS);
    world->settings = store_defaults();
    world->settings.disk = test_disk_door(world->disk);
    world->settings.clock = &world->clock.base;
    world->settings.directory = "data";
    world->settings.sync = SEGLOG_SYNC_ALWAYS;
    world->settings.segment_bytes = 8192;
    world->settings.reserve_bytes = 0;
    world->settings.own_thread = false;
}

static bool open_store(World *world)
{
    world->store = store_open(&world->settings, &world->err);
    return world->store != NULL;
}

static void told(void *context, const Err *err)
{
    Sent *sent = context;
    assert_false(sent->told); /* exactly once */
    sent->told = true;
    sent->world->fates[sent->number] = err ? FAILED : ACKNOWLEDGED;
}

static Batch *spans_of(int number, Err *err)
{
    char lines[1024] = "";
    for (int i = 0; i < ITEMS_EACH; i++)
        snprintf(lines + strlen(lines), sizeof lines - strlen(lines),
                 "trace=%x id=%x service=s name=batch-%d start=+%dms\n", number + 1, i + 1, number,
                 i);
    return make_spans(str_from(lines), err);
}

static Batch *samples_of(int number, Err *err)
{
    char json[2048] = "{'resourceMetrics':[{'scopeMetrics':[{'metrics':[";
    for (int i = 0; i < ITEMS_EACH; i++)
        snprintf(json + strlen(json), sizeof json - strlen(json),
                 "%s{'name':'m%d','gauge':{'dataPoints':[{'timeUnixNano':'%d000000','asInt':'%d'}]}"
                 "}",
                 i ? "," : "", i, number + 1, number);
    snprintf(json + strlen(json), sizeof json - strlen(json), "]}]}]}");
    return batch_from_json(METRICS, json, err);
}

static Batch *records_of(int number, Err *err)
{
    char json[2048] = "{'resourceLogs':[{'scopeLogs':[{'logRecords':[";
    for (int i = 0; i < ITEMS_EACH; i++)
        snprintf(json + strlen(json), sizeof json - strlen(json),
                 "%s{'body':{'stringValue':'batch-%d'},'severityNumber':%d}", i ? "," : "", number,
                 i + 1);
    snprintf(json + strlen(json), sizeof json - strlen(json), "]}]}]}");
    return batch_from_json(LOGS, json, err);
}

static Batch *make_one(int number, Err *err)
{
    switch (number % 3) {
    case 0: return spans_of(number, err);
    case 1: return samples_of(number, err);
    default: return records_of(number, err);
    }
}

static void send_one(World *world, int number)
{
    Batch *batch = make_one(number, &world->err);
    assert_non_null(batch);
    sents[number] = (Sent){ world, number, false };
    world->fates[number] = WAITING;
    if (!store_append(world->store, batch, told, &sents[number], &world->err))
        world->fates[number] = REFUSED;
    batch_unref(batch);
}

static void send_many(World *world, int first)
{
    for (int i = 0; i < SENDS; i++) {
        send_one(world, first + i);
        if (i % 3)
            continue; /* several share a group */
        test_clock_advance(&world->clock, 5 * NANOS_PER_MILLI);
        store_step(world->store);
    }
    test_clock_advance(&world->clock, 5 * NANOS_PER_MILLI);
    store_step(world->store);
}

/* The power goes; what the dying process still hears does not count. */
static void power_cut(World *world, DiskCrash how)
{
    static Fate before[LIVES * SENDS];
    memcpy(before, world->fates, sizeof before);
    test_disk_crash(world->disk, how);
    (void)store_close(world->store, INT64_MAX, &world->err);
    memcpy(world->fates, before, sizeof before);
    test_disk_fail(world->disk, (DiskFault){ .after = -1 });
}

static int found[LIVES * SENDS];
static bool seen[LIVES * SENDS][ITEMS_EACH];

/* An item that was found: it must be one that was sent, and come once. */
static void note(const World *world, int number, int item)
{
    assert_in_range(number, 0, LIVES * SENDS - 1);
    assert_in_range(item, 0, ITEMS_EACH - 1);
    assert_true(world->fates[number] != NEVER_SENT && world->fates[number] != REFUSED);
    assert_false(seen[number][item]);
    seen[number][item] = true;
    found[number]++;
}

static void read_spans(World *world)
{
    SpanScan query = { 0 };
    SpanBlock block;
    ScanCursor *cursor = source_scan(store_spans(world->store), &query, &world->err);
    assert_non_null(cursor);
    while (scan_next(cursor, &block, &world->err) == SCAN_BLOCK) {
        for (size_t i = 0; i < block.count; i++) {
            const SpanRow *row = &block.rows[i];
            int number = (row->trace_id.bytes[14] << 8 | row->trace_id.bytes[15]) - 1;
            int id = row->span_id.bytes[7] - 1;
            char name[32];
            note(world, number, id);
            snprintf(name, sizeof name, "batch-%d", number);
            assert_true(str_eq(span_view(row->batch, row->span).name, str_from(name)));
            assert_int_equal(row->start_ns,
                             SPANS_EPOCH_NS + (uint64_t)id * (uint64_t)NANOS_PER_MILLI);
        }
    }
    scan_close(cursor);
}

static void read_samples(World *world)
{
    SeriesScan query = { .to_ms = INT64_MAX };
    SeriesRow row;
    SeriesCursor *cursor = series_scan(store_series(world->store), &query, &world->err);
    assert_non_null(cursor);
    while (series_next(cursor, &row, &world->err) == SERIES_ROW) {
        int item = labels_get(row.labels, STR(LABEL_METRIC_NAME)).ptr[1] - '0';
        for (size_t i = 0; i < row.count; i++) {
            int number = (int)row.samples[i].value;
            note(world, number, item);
            assert_int_equal(row.samples[i].time_ms, number + 1);
        }
    }
    series_close(cursor);
}

static void read_records(World *world)
{
    LogScan query = { 0 };
    LogBlock block;
    LogCursor *cursor = log_scan(store_logs(world->store), &query, &world->err);
    assert_non_null(cursor);
    while (log_next(cursor, &block, &world->err) == LOG_BLOCK) {
        for (size_t i = 0; i < block.count; i++) {
            uint64_t number = UINT64_MAX;
            Str line = block.rows[i].line;
            assert_true(str_to_u64(str_skip(line, sizeof "batch-" - 1), &number));
            note(world, (int)number, (int)block.rows[i].severity - 1);
        }
    }
    log_close(cursor);
}

static void read_all(World *world)
{
    memset(found, 0, sizeof found);
    memset(seen, 0, sizeof seen);
    read_spans(world);
    read_samples(world);
    read_records(world);
}

/* Returns how many batches were acknowledged. */
static int judge(World *world)
{
    int acknowledged = 0;
    read_all(world);
    for (int i = 0; i < LIVES * SENDS; i++) {
        assert_true(found[i] == 0 || found[i] == ITEMS_EACH); /* whole, or not at all */
        if (world->fates[i] == ACKNOWLEDGED)
            assert_int_equal(found[i], ITEMS_EACH);
        acknowledged += world->fates[i] == ACKNOWLEDGED;
    }
    return acknowledged;
}

/* ---- 100 random points --------------------------------------------------------------------------
 */

static int lives_and_power_cuts(uint64_t seed)
{
    World world;
    Random random;
    random_seed(&random, seed);
    world_init(&world, seed);
    int acknowledged = 0;
    for (int life = 0; life < LIVES; life++) {
        DiskFault end = { CALL_ANY, (long)random_below(&random, 250), EIO, true };
        DiskCrash how = random_below(&random, 2) ? CRASH_CUT : CRASH_TEAR;
        test_disk_fail(world.disk, end);
        if (open_store(&world)) {
            send_many(&world, life * SENDS);
            power_cut(&world, how);
        } else {
            test_disk_crash(world.disk, how);
            test_disk_fail(world.disk, (DiskFault){ .after = -1 });
        }
        for (int again = 0; again < 2; again++) {
            assert_true(open_store(&world));
            acknowledged = judge(&world);
            assert_true(store_close(world.store, INT64_MAX, &world.err));
        }
    }
    test_disk_free(world.disk);
    return acknowledged;
}

static void nothing_acknowledged_is_missing(void **state)
{
    (void)state;
    int acknowledged = 0;
    for (uint64_t seed = 1; seed <= POINTS; seed++)
        acknowledged += lives_and_power_cuts(seed);
    printf("counts: %d power cuts of the store, %d acknowledged batches, none missing, none "
           "invented\n",
           POINTS * LIVES, acknowledged);
    assert_true(acknowledged > POINTS * SENDS / 2);
}

/* ---- every call in turn -------------------------------------------------------------------------
 */

static long each_call_fails(bool for_good)
{
    long n = 0;
    for (bool done = false; !done; n++) {
        World world;
        world_init(&world, (uint64_t)n);
        test_disk_fail(world.disk, (DiskFault){ CALL_ANY, n, EIO, for_good });
        bool opened = open_store(&world);
        if (opened)
            send_many(&world, 0);
        done = !test_disk_failed(world.disk);
        test_disk_fail(world.disk, (DiskFault){ .after = -1 });
        if (opened) {
            send_many(&world, SENDS); /* the disk is well again: all of these are stored */
            for (int i = SENDS; i < 2 * SENDS; i++)
                assert_int_equal(world.fates[i], ACKNOWLEDGED);
            judge(&world);
            power_cut(&world, n % 2 ? CRASH_CUT : CRASH_TEAR);
        }
        assert_true(open_store(&world));
        judge(&world);
        assert_true(store_close(world.store, INT64_MAX, &world.err));
        test_disk_free(world.disk);
    }
    return n - 1;
}

static void any_call_may_fail(void **state)
{
    (void)state;
    printf("counts: the store survives each of %ld disk calls failing", each_call_fails(false));
    printf(", and of %ld failing from then on\n", each_call_fails(true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_acknowledged_is_missing),
        cmocka_unit_test(any_call_may_fail),
    };
    return cmocka_run_group_tests_name("store crash", tests, NULL, NULL);
}
