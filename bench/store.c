/* store.c - what keeping and finding a span, a data point and a log record costs: storing it
 * durably or not, searching, looking a trace up, starting again.
 *
 * Batches of a hundred: spans with five attributes each, ten to a trace; points of a gauge with
 * three attributes, of a thousand series in turn; records with three attributes and a trace. In a
 * directory of its own under TMPDIR (or /tmp), on whatever disk that is.
 */
#include "support/harness.h"

#include "otlp/encode.h"
#include "store/log_scan.h"
#include "store/scan.h"
#include "store/series_scan.h"
#include "store/store.h"
#include "store/traces/span_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ITEMS = 100, PER_TRACE = 10, SERIES = 1000, HELD = 2000 };
enum { BYTES_MAX = 1 << 20, PATH_SIZE = 512 };
#define START_NS UINT64_C(1700000000000000000)

typedef struct Work {
    char directory[PATH_SIZE];
    StoreSettings settings;
    Store *store;
    Batch *batches[HELD];
    size_t next;
} Work;

static void add_span(Buf *out, uint64_t i)
{
    TraceId trace = { { 1 } };
    SpanId id = { { 2 } };
    uint64_t number = i / PER_TRACE;
    memcpy(trace.bytes + 8, &number, sizeof number);
    memcpy(id.bytes, &i, sizeof i);
    size_t span = wire_open(out, SCOPES_ITEM);
    encode_span(out, &(SpanView){ .trace_id = trace,
                                  .span_id = id,
                                  .name = STR("GET /basket/{id}"),
                                  .kind = 2,
                                  .start_ns = START_NS + i * 1000000,
                                  .end_ns = START_NS + 200000 + i * 1000000 });
    encode_text(out, SPAN_ATTRIBUTES, STR("http.request.method"), STR("GET"));
    encode_text(out, SPAN_ATTRIBUTES, STR("url.path"), STR("/basket/1234"));
    encode_int(out, SPAN_ATTRIBUTES, STR("http.response.status_code"), i % 50 ? 200 : 500);
    encode_text(out, SPAN_ATTRIBUTES, STR("server.address"), STR("shop.example.org"));
    encode_bool(out, SPAN_ATTRIBUTES, STR("cache.hit"), i % 2 == 0);
    wire_close(out, span);
}

static void add_point(Buf *out, uint64_t i)
{
    char pod[32];
    snprintf(pod, sizeof pod, "shop-%03d", (int)(i % SERIES));
    size_t point = wire_open(out, DATA_POINTS);
    encode_number_point(out, &(NumberPointView){ .time_ns = START_NS + i / SERIES * 10000000000,
                                                 .value = { NUMBER_DOUBLE, .real = (double)i } });
    encode_text(out, NUMBER_ATTRIBUTES, STR("http.request.method"), STR("GET"));
    encode_text(out, NUMBER_ATTRIBUTES, STR("k8s.pod.name"), str_from(pod));
    encode_int(out, NUMBER_ATTRIBUTES, STR("http.response.status_code"), 200);
    wire_close(out, point);
}

static void add_record(Buf *out, uint64_t i)
{
    TraceId trace = { { 1 } };
    memcpy(trace.bytes + 8, &i, sizeof i);
    size_t record = wire_open(out, SCOPES_ITEM);
    encode_log(out, &(LogView){ .time_ns = START_NS + i * 1000000,
                                .severity_number = 9,
                                .severity_text = STR("INFO"),
                                .body = { VALUE_STRING,
                                          .text = STR("GET /basket/1234 answered 200 in 12 ms") },
                                .trace_id = trace });
    encode_text(out, LOG_ATTRIBUTES, STR("http.request.method"), STR("GET"));
    encode_text(out, LOG_ATTRIBUTES, STR("url.path"), STR("/basket/1234"));
    encode_int(out, LOG_ATTRIBUTES, STR("http.response.status_code"), 200);
    wire_close(out, record);
}

static void add_points(Buf *out, uint64_t first)
{
    size_t metric = wire_open(out, SCOPES_ITEM);
    encode_metric(out, &(MetricView){ .name = STR("http.server.active"), .kind = METRIC_GAUGE });
    size_t data = wire_open(out, METRIC_GAUGE);
    for (uint64_t i = 0; i < ITEMS; i++)
        add_point(out, first + i);
    wire_close(out, data);
    wire_close(out, metric);
}

static Batch *make_batch(Signal signal, uint64_t first, Err *err)
{
    Buf out = BUF(BYTES_MAX);
    size_t group = wire_open(&out, REQUEST_GROUP);
    size_t resource = wire_open(&out, GROUP_RESOURCE);
    encode_text(&out, RESOURCE_ATTRIBUTES, STR("service.name"), STR("shop"));
    wire_close(&out, resource);
    size_t scopes = wire_open(&out, GROUP_SCOPES);
    if (signal == METRICS)
        add_points(&out, first);
    for (uint64_t i = 0; signal != METRICS && i < ITEMS; i++)
        (signal == TRACES ? add_span : add_record)(&out, first + i);
    wire_close(&out, scopes);
    wire_close(&out, group);
    Batch *batch = buf_ok(&out, err) ? batch_from_bytes(signal, &out, err) : NULL;
    buf_free(&out);
    return batch;
}

static bool die(const Err *err)
{
    fprintf(stderr, "store: %s\n", err->text);
    exit(1);
}

static void told(void *context, const Err *err)
{
    (void)context;
    if (err)
        die(err);
}

/* A full queue is waited for: that is the disk's share of the time. */
static void append(Work *work)
{
    Err err;
    Batch *batch = work->batches[work->next++ % HELD];
    while (!store_append(work->store, batch, told, NULL, &err)) {
        if (err.kind != ERR_BUSY)
            die(&err);
        clock_sleep_ns(NANOS_PER_MILLI);
    }
}

static void run_rows(void *context, size_t rounds)
{
    Work *work = context;
    Err err;
    for (size_t i = 0; i < rounds; i++) {
        Piece *piece = span_piece_new(work->batches[i % HELD], 1, &err);
        bench_use(piece ? piece->count : 0);
        piece_unref(piece);
    }
}

static void run_store(void *context, size_t rounds)
{
    Work *work = context;
    Err err;
    for (size_t i = 0; i < rounds; i++)
        append(work);
    if (!store_flush(work->store, INT64_MAX, &err))
        die(&err);
}

static void open_store(Work *work, SeglogSync sync)
{
    Err err;
    work->settings.sync = sync;
    work->store = store_open(&work->settings, &err);
    if (!work->store)
        die(&err);
}

static void close_store(Work *work)
{
    Err err;
    if (!store_close(work->store, INT64_MAX, &err))
        die(&err);
}

static void run_start(void *context, size_t rounds)
{
    Work *work = context;
    for (size_t i = 0; i < rounds; i++) {
        close_store(work);
        open_store(work, SEGLOG_SYNC_SECOND);
    }
}

static size_t drain(ScanCursor *cursor, const Err *err)
{
    if (!cursor)
        die(err);
    SpanBlock block;
    Err failed;
    size_t rows = 0;
    while (scan_next(cursor, &block, &failed) == SCAN_BLOCK)
        rows += block.count;
    scan_close(cursor);
    return rows;
}

static void run_scan(void *context, size_t rounds)
{
    Work *work = context;
    Err err;
    const Matcher matchers[] = {
        { .field = MATCH_SERVICE, .value = STR("shop") },
        { .field = MATCH_ANY_ATTRIBUTE,
          .key = STR("http.response.status_code"),
          .value = STR("404") },
    };
    SpanScan query = { .matchers = matchers, .matcher_count = 2 };
    for (size_t i = 0; i < rounds; i++)
        bench_use(drain(source_scan(store_spans(work->store), &query, &err), &err));
}

static void run_newest(void *context, size_t rounds)
{
    Work *work = context;
    Err err;
    const Matcher matcher = { .field = MATCH_SERVICE, .value = STR("shop") };
    SpanScan query = { .matchers = &matcher, .matcher_count = 1, .limit = 100 };
    for (size_t i = 0; i < rounds; i++)
        bench_use(drain(source_scan(store_spans(work->store), &query, &err), &err));
}

static void run_lookup(void *context, size_t rounds)
{
    Work *work = context;
    Err err;
    for (size_t i = 0; i < rounds; i++) {
        TraceId id = { { 1 } };
        uint64_t number = i * 7919 % (HELD * ITEMS / PER_TRACE);
        memcpy(id.bytes + 8, &number, sizeof number);
        bench_use(drain(source_lookup(store_spans(work->store), &id, 1, &err), &err));
    }
}

/* ---- logs and metrics ---------------------------------------------------------------------------
 */

static size_t drain_logs(Work *work, const LogScan *query)
{
    Err err;
    LogBlock block;
    size_t rows = 0;
    LogCursor *cursor = log_scan(store_logs(work->store), query, &err);
    if (!cursor)
        die(&err);
    while (log_next(cursor, &block, &err) == LOG_BLOCK)
        rows += block.count;
    log_close(cursor);
    return rows;
}

static void run_lines(void *context, size_t rounds)
{
    const Str word = STR("answered 404");
    const LogScan query = { .contains = &word, .contains_count = 1 };
    for (size_t i = 0; i < rounds; i++)
        bench_use(drain_logs(context, &query));
}

static void run_newest_lines(void *context, size_t rounds)
{
    const LabelMatcher matcher = { LABEL_EQUAL, STR("service_name"), STR("shop") };
    const LogScan query = {
        .matchers = &matcher, .matcher_count = 1, .newest_first = true, .limit = 100
    };
    for (size_t i = 0; i < rounds; i++)
        bench_use(drain_logs(context, &query));
}

static size_t drain_series(Work *work, const LabelMatcher *matchers, size_t count)
{
    Err err;
    SeriesRow row;
    size_t samples = 0;
    SeriesScan query = { .matchers = matchers, .matcher_count = count, .to_ms = INT64_MAX };
    SeriesCursor *cursor = series_scan(store_series(work->store), &query, &err);
    if (!cursor)
        die(&err);
    while (series_next(cursor, &row, &err) == SERIES_ROW)
        samples += row.count;
    series_close(cursor);
    return samples;
}

static const LabelMatcher of_series[] = {
    { LABEL_EQUAL, STR_ROW(LABEL_METRIC_NAME), STR_ROW("http_server_active") },
    { LABEL_EQUAL, STR_ROW("k8s_pod_name"), STR_ROW("shop-007") },
};

static void run_series(void *context, size_t rounds)
{
    for (size_t i = 0; i < rounds; i++)
        bench_use(drain_series(context, of_series, 2));
}

static void run_metric(void *context, size_t rounds)
{
    for (size_t i = 0; i < rounds; i++)
        bench_use(drain_series(context, of_series, 1));
}

/* ---- the whole ----------------------------------------------------------------------------------
 */

static bool remove_one(void *context, Str name)
{
    char path[2 * PATH_SIZE];
    snprintf(path, sizeof path, "%s/%.*s", (const char *)context, STR_ARG(name));
    return unlink(path) == 0;
}

static void remove_all(Work *work)
{
    static const char *const schemas[] = { "traces", "metrics", "logs" };
    Err err;
    for (size_t i = 0; i < COUNT_OF(schemas); i++) {
        char path[2 * PATH_SIZE];
        snprintf(path, sizeof path, "%s/%s", work->directory, schemas[i]);
        if (!disk_system()->list(disk_system(), path, remove_one, path, &err))
            die(&err);
        rmdir(path);
    }
    rmdir(work->directory);
}

/* Exactly HELD batches, so that what queries search does not depend on the rounds before. */
static void hold(Work *work)
{
    open_store(work, SEGLOG_SYNC_SECOND);
    work->next = 0;
    run_store(work, HELD);
}

static void bench_storing(Work *work, Signal signal)
{
    static const char *const sync_names[] = { "store, sync always, many at once",
                                              "store, sync 1s" };
    Err err;
    for (uint64_t i = 0; i < HELD; i++) {
        batch_unref(work->batches[i]);
        if (!(work->batches[i] = make_batch(signal, i * ITEMS, &err)))
            die(&err);
    }
    size_t bytes = batch_bytes(work->batches[0]).len;
    printf("batches of %d %.*s, %zu bytes each\n", ITEMS, STR_ARG(signal_item_name(signal)),
           bytes / ITEMS);
    if (signal == TRACES)
        bench(&(Bench){ "rows from a batch", run_rows, work, ITEMS, bytes, NULL });
    for (int sync = SEGLOG_SYNC_SECOND; sync >= (int)SEGLOG_SYNC_ALWAYS; sync--) {
        open_store(work, (SeglogSync)sync);
        bench(&(Bench){ sync_names[sync], run_store, work, ITEMS, bytes, NULL });
        close_store(work);
        remove_all(work);
    }
}

static void bench_asking(Work *work, Signal signal)
{
    hold(work);
    printf("with %d %.*s held:\n", HELD * ITEMS, STR_ARG(signal_item_name(signal)));
    if (signal == TRACES) {
        bench(&(Bench){ "search an attribute in vain", run_scan, work, HELD * ITEMS, 0, NULL });
        bench(&(Bench){ "the newest 100 of a service", run_newest, work, 1, 0, NULL });
        bench(&(Bench){ "look a trace up", run_lookup, work, 1, 0, NULL });
    } else if (signal == METRICS) {
        bench(&(Bench){ "all of one series", run_series, work, 1, 0, NULL });
        bench(&(Bench){ "all of a thousand series", run_metric, work, HELD * ITEMS, 0, NULL });
    } else {
        bench(&(Bench){ "search lines in vain", run_lines, work, HELD * ITEMS, 0, NULL });
        bench(&(Bench){ "the newest 100 of a stream", run_newest_lines, work, 1, 0, NULL });
    }
    bench(&(Bench){ "stop and start", run_start, work, HELD * ITEMS, 0, NULL });
    close_store(work);
    remove_all(work);
}

int main(void)
{
    static Work work;
    static const Signal signals[] = { TRACES, METRICS, LOGS };
    const char *under = getenv("TMPDIR");
    snprintf(work.directory, sizeof work.directory, "%s/bench_store_XXXXXX",
             under ? under : "/tmp");
    if (!mkdtemp(work.directory))
        return perror(work.directory), 1;
    work.settings = store_defaults();
    work.settings.directory = work.directory;
    work.settings.bytes_max = work.settings.memory_max = 256 << 20;
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        bench_storing(&work, signals[i]);
        bench_asking(&work, signals[i]);
    }
    for (size_t i = 0; i < HELD; i++)
        batch_unref(work.batches[i]);
    return 0;
}
