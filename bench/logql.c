/* logql.c - what a query over a million log lines costs: filters, counting, parsing.
 *
 * Batches of a thousand lines in twenty streams, each line with a trace id and about a hundred
 * bytes of JSON, kept by a store in a directory of its own under TMPDIR (or /tmp). Items are lines
 * that a query has to look at.
 */
#include "support/harness.h"

#include "otlp/encode.h"
#include "query/logql/logql.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINES = 1000, BATCHES = 1000, STREAMS = 20, BYTES_MAX = 1 << 20, PATH_SIZE = 512 };
#define FIRST_NS UINT64_C(1700000000000000000)

typedef struct Work {
    Store *store;
    const char *query;
    bool is_range;
} Work;

static bool die(const Err *err)
{
    fprintf(stderr, "logql: %s\n", err->text);
    exit(1);
}

static void told(void *context, const Err *err)
{
    (void)context;
    if (err)
        die(err);
}

static void add_line(Buf *out, uint64_t i)
{
    char line[256];
    TraceId trace = { { 1 } };
    memcpy(trace.bytes + 8, &i, sizeof i);
    int len =
        snprintf(line, sizeof line,
                 "{\"method\":\"GET\",\"path\":\"/basket/%llu\",\"status\":%d,\"took\":\"%llums\","
                 "\"user\":\"user-%llu\",\"cached\":%s}",
                 (unsigned long long)i, i % 50 ? 200 : 500, (unsigned long long)(i * 7 % 300),
                 (unsigned long long)(i % 1000), i % 2 ? "true" : "false");
    size_t record = wire_open(out, SCOPES_ITEM);
    encode_log(out, &(LogView){ .time_ns = FIRST_NS + i * 1000000,
                                .severity_number = 9,
                                .severity_text = STR("INFO"),
                                .trace_id = trace,
                                .body = { .kind = VALUE_STRING, .text = { line, (size_t)len } } });
    wire_close(out, record);
}

static Batch *make_batch(uint64_t batch, Err *err)
{
    Buf out = BUF(BYTES_MAX);
    char name[32];
    int len = snprintf(name, sizeof name, "service-%u", (unsigned)(batch % STREAMS));
    size_t group = wire_open(&out, REQUEST_GROUP);
    size_t resource = wire_open(&out, GROUP_RESOURCE);
    encode_text(&out, RESOURCE_ATTRIBUTES, STR("service.name"), (Str){ name, (size_t)len });
    wire_close(&out, resource);
    size_t scopes = wire_open(&out, GROUP_SCOPES);
    for (uint64_t i = 0; i < LINES; i++)
        add_line(&out, batch * LINES + i);
    wire_close(&out, scopes);
    wire_close(&out, group);
    Batch *made = buf_ok(&out, err) ? batch_from_bytes(LOGS, &out, err) : NULL;
    buf_free(&out);
    return made;
}

static void fill(Store *store)
{
    for (uint64_t b = 0; b < BATCHES; b++) {
        Err err;
        Batch *batch = make_batch(b, &err);
        if (!batch)
            die(&err);
        while (!store_append(store, batch, told, NULL, &err)) {
            if (err.kind != ERR_BUSY)
                die(&err);
            clock_sleep_ns(NANOS_PER_MILLI);
        }
        batch_unref(batch);
    }
    Err err;
    if (!store_flush(store, INT64_MAX, &err))
        die(&err);
}

static void run_query(void *context, size_t rounds)
{
    const Work *work = context;
    const int64_t end = (int64_t)(FIRST_NS + (uint64_t)LINES * BATCHES * 1000000);
    for (size_t i = 0; i < rounds; i++) {
        Err err;
        LogqlResult result;
        LogqlQuery *query = logql_parse(str_from(work->query), &err);
        if (!query)
            die(&err);
        const LogqlAsk ask = { .source = store_logs(work->store),
                               .clock = clock_system(),
                               .from_ns = (int64_t)FIRST_NS,
                               .to_ns = end,
                               .step_ns = work->is_range ? 10 * NANOS_PER_SECOND : 0,
                               .newest_first = true };
        if (!logql_run(query, &ask, &result, &err))
            die(&err);
        bench_use(result.entry_count + result.series_count);
        logql_result_done(&result);
        logql_free(query);
    }
}

static void measure(Store *store, const char *name, const char *query, bool is_range)
{
    Work work = { store, query, is_range };
    bench(&(Bench){ name, run_query, &work, (size_t)LINES * BATCHES, 0, NULL });
}

static bool remove_one(void *context, Str name)
{
    char path[2 * PATH_SIZE];
    snprintf(path, sizeof path, "%s/%.*s", (const char *)context, STR_ARG(name));
    return unlink(path) == 0;
}

static void remove_all(const char *directory)
{
    static const char *const parts[] = { "traces", "metrics", "logs" };
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        Err ignored;
        char path[PATH_SIZE + 16];
        snprintf(path, sizeof path, "%s/%s", directory, parts[i]);
        (void)!disk_system()->list(disk_system(), path, remove_one, path, &ignored);
        rmdir(path);
    }
    rmdir(directory);
}

int main(void)
{
    Err err;
    char directory[PATH_SIZE];
    const char *under = getenv("TMPDIR");
    snprintf(directory, sizeof directory, "%s/bench_logql_XXXXXX", under ? under : "/tmp");
    if (!mkdtemp(directory))
        return perror(directory), 1;
    StoreSettings settings = store_defaults();
    settings.directory = directory;
    settings.sync = SEGLOG_SYNC_OFF;
    settings.bytes_max = settings.memory_max = UINT64_C(3) << 30;
    Store *store = store_open(&settings, &err);
    if (!store)
        die(&err);
    fill(store);
    measure(store, "a text that is nowhere", "{service_name=~\".+\"} |= \"nowhere\"", false);
    measure(store, "a regular expression that is nowhere",
            "{service_name=~\".+\"} |~ \"status.:5[1-9]\"", false);
    measure(store, "a trace that is nowhere",
            "{service_name=~\".+\"} | trace_id=\"00000000000000000000000000000001\"", false);
    measure(store, "rate, 100 steps", "sum(rate({service_name=~\".+\"}[1m]))", true);
    measure(store, "rate by stream, 100 steps",
            "sum by (service_name) (rate({service_name=~\".+\"}[1m]))", true);
    measure(store, "json, then a number",
            "sum(count_over_time({service_name=~\".+\"} | json | status >= 500 [1h]))", false);
    if (!store_close(store, INT64_MAX, &err))
        die(&err);
    remove_all(directory);
    return 0;
}
