/* The store with its own threads: one sender and two askers per signal, while the oldest leaves for
 * want of room. What an asker sees is in order, whole, and never more than was sent. */
#include "base/thread.h"
#include "store/log_scan.h"
#include "store/scan.h"
#include "store/series_scan.h"
#include "support/make_spans.h"
#include "support/store_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { BATCHES = 300, ITEMS = 40, ASKERS = 2, SIGNALS = 3, ROUNDS = 60 };

typedef struct Job {
    Store *store;
    int signal;
    int stored;    /* the writer's of that signal */
    size_t faults; /* an asker's: what it saw that cannot be */
} Job;

/* ---- sending ------------------------------------------------------------------------------------
 */

static Batch *spans_of(int number, Err *err)
{
    Buf lines = BUF(1 << 20);
    for (int i = 0; i < ITEMS; i++)
        buf_addf(&lines, "trace=%x id=%x service=s name=n start=+%dms @text=\"x%060d\"\n",
                 number + 1, i + 1, number, i);
    Batch *batch = make_spans(buf_str(&lines), err);
    buf_free(&lines);
    return batch;
}

static Batch *samples_of(int number, Err *err)
{
    Buf json = BUF(1 << 20);
    buf_add(&json, STR("{'resourceMetrics':[{'scopeMetrics':[{'metrics':[{'name':'m','gauge':{"
                       "'dataPoints':["));
    for (int i = 0; i < ITEMS; i++)
        buf_addf(&json,
                 "%s{'timeUnixNano':'%d000000','asInt':'%d','attributes':[{'key':'n','value':{"
                 "'stringValue':'%d-%d'}}]}",
                 i ? "," : "", number + 1, number, i, number / 50);
    buf_add(&json, STR("]}}]}]}]}"));
    Batch *batch = batch_from_json(METRICS, buf_text(&json), err);
    buf_free(&json);
    return batch;
}

static Batch *records_of(int number, Err *err)
{
    Buf json = BUF(1 << 20);
    buf_addf(&json,
             "{'resourceLogs':[{'resource':{'attributes':[{'key':'service.name','value':{"
             "'stringValue':'s%d'}}]},'scopeLogs':[{'logRecords':[",
             number / 50);
    for (int i = 0; i < ITEMS; i++)
        buf_addf(&json, "%s{'timeUnixNano':'%d','body':{'stringValue':'x%060d'}}", i ? "," : "",
                 number + 1, i);
    buf_add(&json, STR("]}]}]}"));
    Batch *batch = batch_from_json(LOGS, buf_text(&json), err);
    buf_free(&json);
    return batch;
}

static void told(void *context, const Err *err)
{
    ((Job *)context)->stored += err == NULL;
}

static void send_all(void *argument)
{
    static Batch *(*const makes[SIGNALS])(int, Err *) = { spans_of, samples_of, records_of };
    Job *job = argument;
    Err err;
    for (int i = 0; i < BATCHES; i++) {
        Batch *batch = makes[job->signal](i, &err);
        while (batch && !store_append(job->store, batch, told, job, &err))
            clock_sleep_ns(NANOS_PER_MILLI);
        batch_unref(batch);
    }
}

/* ---- asking -------------------------------------------------------------------------------------
 */

static void ask_spans(Job *job)
{
    Err err;
    SpanBlock block;
    SpanScan query = { 0 };
    uint64_t before = UINT64_MAX;
    ScanCursor *cursor = source_scan(store_spans(job->store), &query, &err);
    while (cursor && scan_next(cursor, &block, &err) == SCAN_BLOCK)
        for (size_t i = 0; i < block.count; i++) {
            job->faults += block.rows[i].start_ns > before || !str_eq(block.rows[i].name, STR("n"));
            before = block.rows[i].start_ns;
        }
    scan_close(cursor);
}

static bool count_text(void *context, Str text)
{
    ((Job *)context)->faults += text.len == 0;
    return true;
}

static void ask_samples(Job *job)
{
    Err err;
    SeriesRow row;
    LabelMatcher matcher = { LABEL_EQUAL, STR(LABEL_METRIC_NAME), STR("m") };
    SeriesScan query = { .matchers = &matcher, .matcher_count = 1, .to_ms = INT64_MAX };
    SeriesCursor *cursor = series_scan(store_series(job->store), &query, &err);
    while (cursor && series_next(cursor, &row, &err) == SERIES_ROW)
        for (size_t i = 0; i < row.count; i++)
            job->faults += (int64_t)row.samples[i].value + 1 != row.samples[i].time_ms ||
                           (i && row.samples[i].time_ms <= row.samples[i - 1].time_ms);
    series_close(cursor);
    LabelQuery labels = { .name = STR("n"), .to_ms = INT64_MAX };
    job->faults += !series_labels(store_series(job->store), &labels, count_text, job, &err);
}

static bool check_stream(void *context, Labels stream)
{
    ((Job *)context)->faults += stream.count != 1;
    return true;
}

static void ask_records(Job *job)
{
    Err err;
    LogBlock block;
    LogScan query = { .newest_first = true };
    uint64_t before = UINT64_MAX;
    LogCursor *cursor = log_scan(store_logs(job->store), &query, &err);
    while (cursor && log_next(cursor, &block, &err) == LOG_BLOCK)
        for (size_t i = 0; i < block.count; i++) {
            job->faults += block.rows[i].time_ns > before || block.rows[i].line.len != 61;
            before = block.rows[i].time_ns;
        }
    log_close(cursor);
    LogStreamQuery streams = { 0 };
    job->faults += !log_streams(store_logs(job->store), &streams, check_stream, job, &err);
}

static void ask_on(void *argument)
{
    static void (*const asks[SIGNALS])(Job *) = { ask_spans, ask_samples, ask_records };
    Job *job = argument;
    for (int i = 0; i < ROUNDS; i++) {
        StoreStats stats;
        asks[job->signal](job);
        store_stats(job->store, &stats);
        job->faults += stats.spans + stats.spans_dropped > BATCHES * ITEMS;
    }
}

/* ---- all at once --------------------------------------------------------------------------------
 */

static void senders_and_askers_do_not_meet(void **state)
{
    (void)state;
    StoreRig rig;
    store_rig_init(&rig);
    rig.settings.clock = clock_system();
    rig.settings.sync = SEGLOG_SYNC_OFF;
    rig.settings.own_thread = true;
    rig.settings.segment_bytes = 64 * 1024;
    rig.settings.bytes_max = 1 << 20;
    assert_true(store_rig_open(&rig));
    Thread senders[SIGNALS], askers[SIGNALS * ASKERS];
    Job sent[SIGNALS], asked[SIGNALS * ASKERS];
    for (int i = 0; i < SIGNALS * ASKERS; i++) {
        asked[i] = (Job){ .store = rig.store, .signal = i % SIGNALS };
        assert_true(thread_start(&askers[i], "asker", ask_on, &asked[i], &rig.err));
    }
    for (int i = 0; i < SIGNALS; i++) {
        sent[i] = (Job){ .store = rig.store, .signal = i };
        assert_true(thread_start(&senders[i], "sender", send_all, &sent[i], &rig.err));
    }
    for (int i = 0; i < SIGNALS; i++)
        thread_join(&senders[i]);
    for (int i = 0; i < SIGNALS * ASKERS; i++)
        thread_join(&askers[i]);
    assert_true(store_flush(rig.store, INT64_MAX, &rig.err));
    StoreStats stats;
    store_stats(rig.store, &stats);
    assert_true(stats.spans_dropped + stats.samples_dropped + stats.records_dropped > 0);
    assert_int_equal(stats.spans + stats.spans_dropped, BATCHES * ITEMS);
    assert_int_equal(stats.samples + stats.samples_dropped, BATCHES * ITEMS);
    assert_int_equal(stats.records + stats.records_dropped, BATCHES * ITEMS);
    for (int i = 0; i < SIGNALS; i++)
        assert_int_equal(sent[i].stored, BATCHES);
    for (int i = 0; i < SIGNALS * ASKERS; i++)
        assert_int_equal(asked[i].faults, 0);
    store_rig_done(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(senders_and_askers_do_not_meet) };
    return cmocka_run_group_tests_name("store threads", tests, NULL, NULL);
}
