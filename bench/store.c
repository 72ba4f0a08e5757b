/* store.c - what keeping and finding a span costs: rows from a batch, storing it durably or not,
 * searching, looking a trace up, starting again.
 *
 * Batches of a hundred spans with five attributes each, ten spans to a trace, in a directory of its
 * own under TMPDIR (or /tmp), on whatever disk that is.
 */
#include "support/harness.h"

#include "otlp/encode.h"
#include "store/scan.h"
#include "store/store.h"
#include "store/traces/span_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SPANS = 100, PER_TRACE = 10, HELD = 2000, BYTES_MAX = 1 << 20, PATH_SIZE = 512 };

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
                                  .start_ns = 1700000000000000000 + i * 1000000,
                                  .end_ns = 1700000000000200000 + i * 1000000 });
    encode_text(out, SPAN_ATTRIBUTES, STR("http.request.method"), STR("GET"));
    encode_text(out, SPAN_ATTRIBUTES, STR("url.path"), STR("/basket/1234"));
    encode_int(out, SPAN_ATTRIBUTES, STR("http.response.status_code"), i % 50 ? 200 : 500);
    encode_text(out, SPAN_ATTRIBUTES, STR("server.address"), STR("shop.example.org"));
    encode_bool(out, SPAN_ATTRIBUTES, STR("cache.hit"), i % 2 == 0);
    wire_close(out, span);
}

static Batch *make_batch(uint64_t first, Err *err)
{
    Buf out = BUF(BYTES_MAX);
    size_t group = wire_open(&out, REQUEST_GROUP);
    size_t resource = wire_open(&out, GROUP_RESOURCE);
    encode_text(&out, RESOURCE_ATTRIBUTES, STR("service.name"), STR("shop"));
    wire_close(&out, resource);
    size_t scopes = wire_open(&out, GROUP_SCOPES);
    for (uint64_t i = 0; i < SPANS; i++)
        add_span(&out, first + i);
    wire_close(&out, scopes);
    wire_close(&out, group);
    Batch *batch = buf_ok(&out, err) ? batch_from_bytes(TRACES, &out, err) : NULL;
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
        Piece *piece = piece_new(work->batches[i % HELD], 1, &err);
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
        uint64_t number = i * 7919 % (HELD * SPANS / PER_TRACE);
        memcpy(id.bytes + 8, &number, sizeof number);
        bench_use(drain(source_lookup(store_spans(work->store), &id, 1, &err), &err));
    }
}

static bool remove_one(void *context, Str name)
{
    char path[2 * PATH_SIZE];
    snprintf(path, sizeof path, "%s/traces/%.*s", (const char *)context, STR_ARG(name));
    return unlink(path) == 0;
}

static void remove_all(Work *work)
{
    Err err;
    char path[2 * PATH_SIZE];
    snprintf(path, sizeof path, "%s/traces", work->directory);
    if (!disk_system()->list(disk_system(), path, remove_one, work->directory, &err))
        die(&err);
    rmdir(path);
    rmdir(work->directory);
}

/* Exactly HELD batches, so that what queries search does not depend on the rounds before. */
static void hold(Work *work)
{
    open_store(work, SEGLOG_SYNC_SECOND);
    work->next = 0;
    run_store(work, HELD);
}

int main(void)
{
    static Work work;
    Err err;
    const char *under = getenv("TMPDIR");
    snprintf(work.directory, sizeof work.directory, "%s/bench_store_XXXXXX",
             under ? under : "/tmp");
    if (!mkdtemp(work.directory))
        return perror(work.directory), 1;
    work.settings = store_defaults();
    work.settings.directory = work.directory;
    work.settings.bytes_max = work.settings.memory_max = 256 << 20;
    for (uint64_t i = 0; i < HELD; i++)
        if (!(work.batches[i] = make_batch(i * SPANS, &err)))
            die(&err);
    size_t bytes = batch_bytes(work.batches[0]).len;
    printf("batches of %d spans, %zu bytes each span\n", SPANS, bytes / SPANS);
    bench(&(Bench){ "rows from a batch", run_rows, &work, SPANS, bytes });
    open_store(&work, SEGLOG_SYNC_SECOND);
    bench(&(Bench){ "store, sync 1s", run_store, &work, SPANS, bytes });
    close_store(&work);
    open_store(&work, SEGLOG_SYNC_ALWAYS);
    bench(&(Bench){ "store, sync always, many at once", run_store, &work, SPANS, bytes });
    close_store(&work);
    remove_all(&work);
    hold(&work);
    printf("with %d spans held:\n", HELD * SPANS);
    bench(&(Bench){ "search an attribute in vain", run_scan, &work, HELD * SPANS, 0 });
    bench(&(Bench){ "the newest 100 of a service", run_newest, &work, 1, 0 });
    bench(&(Bench){ "look a trace up", run_lookup, &work, 1, 0 });
    bench(&(Bench){ "stop and start", run_start, &work, HELD * SPANS, 0 });
    close_store(&work);
    remove_all(&work);
    for (size_t i = 0; i < HELD; i++)
        batch_unref(work.batches[i]);
    return 0;
}
