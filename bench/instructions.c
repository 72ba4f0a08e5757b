/* instructions.c - the hot paths, one after the other, for tools/instructions to count.
 *
 * Each path runs once to warm up and once inside counted(), which is where valgrind's callgrind
 * counts, and writes down what it counted when it is left. Standard output says in the same order
 * what was counted and for how many items. Nothing here depends on time: clocks stand still or are
 * only read, the network is simulated, and the library's worker sleeps meanwhile.
 */
#include "base/attributes.h"
#include "net/grpc_client.h"
#include "net/server.h"
#include "otlp/batch.h"
#include "otlp/combine.h"
#include "otlp/edit.h"
#include "otlp/encode.h"
#include "otlp/json_in.h"
#include "otlp/json_out.h"
#include "store/traces/span_run.h"
#include "support/harness.h"
#include "support/sample.h"
#include "support/sim_net.h"

#include <cryostorm/exporter.h>
#include <cryostorm/log.h>
#include <cryostorm/metrics.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALLS = 100, ITEMS = 200, JOINED = 8, EXCHANGES = 20, MESSAGE_SIZE = 4096, MAX = 4 << 20 };

static CryoCounter counter, bound;
static Buf request = { .max = MAX }, json = { .max = MAX }, scratch = { .max = MAX };
static Batch *batch;

static void die(const char *what)
{
    fprintf(stderr, "instructions: %s\n", what);
    exit(1);
}

/* Not inlined, so that callgrind sees it being entered and left. */
__attribute__((noinline)) static void counted(void (*run)(void))
{
    run();
    bench_use(0);
}

/* ---- the library -------------------------------------------------------------------------------
 */

static void run_spans(void)
{
    for (int i = 0; i < CALLS; i++) {
        CRYO_SPAN(span, "scoped");
        bench_use((size_t)span.generation);
    }
}

static void run_attributes(void)
{
    for (int i = 0; i < CALLS; i++) {
        CRYO_SPAN(span, "attributes");
        cryo_span_set(span, CRYO_ATTRS("http.request.method", "GET", "url.path", "/basket/1234",
                                       "http.response.status_code", 200, "http.route",
                                       "/basket/{id}", "server.port", 8080, "server.address",
                                       "shop.example", "user.id", 42, "cache.hit", CRYO_BOOL(1),
                                       "ratio", 0.5, "network.protocol.version", "1.1"));
    }
}

static void run_bound(void)
{
    for (int i = 0; i < CALLS; i++)
        cryo_counter_add(bound, 1);
}

static void run_counter(void)
{
    for (int i = 0; i < CALLS; i++)
        cryo_counter_add(counter, 1,
                         CRYO_ATTRS("http.request.method", "GET", "http.route", "/basket/{id}",
                                    "http.response.status_code", 200));
}

static void run_log(void)
{
    for (int i = 0; i < CALLS; i++)
        cryo_log(CRYO_INFO, "order accepted",
                 CRYO_ATTRS("item", "tea", "count", 3, "price", 4.5, "express", CRYO_BOOL(1)));
}

static bool take_spans(void *self, const CryoSpanView *spans, size_t count, uint32_t timeout_ms,
                       CryoError *err)
{
    (void)self, (void)spans, (void)count, (void)timeout_ms, (void)err;
    return true;
}

static bool take_metrics(void *self, const CryoMetricView *metrics, size_t count,
                         uint32_t timeout_ms, CryoError *err)
{
    (void)self, (void)metrics, (void)count, (void)timeout_ms, (void)err;
    return true;
}

static bool take_logs(void *self, const CryoLogView *logs, size_t count, uint32_t timeout_ms,
                      CryoError *err)
{
    (void)self, (void)logs, (void)count, (void)timeout_ms, (void)err;
    return true;
}

/* Queues that hold everything, and a worker that has no reason to wake up. */
static void start_library(void)
{
    static const CryoExporterType nothing = { .size = sizeof nothing,
                                              .export_spans = take_spans,
                                              .export_metrics = take_metrics,
                                              .export_logs = take_logs };
    CryoError error;
    CryoSettings settings = {
        .env_file = "",
        .tracing = { .exporter_type = "nothing",
                     .max_queue_size = 4096,
                     .export_config = { .batch_size = 4096, .schedule_delay_millis = 1000000 } },
        .metrics.exporter_type = "nothing",
        .logging = { .exporter_type = "nothing",
                     .processor_type = "batch",
                     .max_queue_size = 4096,
                     .max_export_batch_size = 4096 },
    };
    if (!cryo_exporter_register("nothing", &nothing, NULL, &error) ||
        !cryo_start(&settings, &error))
        die(error.text);
    counter = cryo_counter("counter", NULL);
    bound = cryo_counter_bind(counter, CRYO_ATTRS("http.request.method", "GET"));
}

/* ---- batches -----------------------------------------------------------------------------------
 */

static void run_encode(void)
{
    buf_clear(&scratch);
    sample_request(TRACES, ITEMS, 1, &scratch);
}

static void run_index(void)
{
    Err err;
    Batch *made = batch_from_copy(TRACES, buf_str(&request), &err);
    bench_use(made ? batch_item_count(made) : 0);
    batch_unref(made);
}

static void run_edit(void)
{
    Err err;
    const AttributeView attribute = { STR("deployment.environment.name"),
                                      { .kind = VALUE_STRING, .text = STR("production") } };
    Edits *edits = edits_new(batch, MAX, &err);
    for (size_t i = 0; edits && i < ITEMS; i++)
        bench_use(edits_set(edits, EDIT_ITEM, i, &attribute, &err));
    Batch *changed = edits ? edits_apply(edits, &err) : NULL;
    bench_use(changed ? batch_item_count(changed) : 0);
    batch_unref(changed);
    edits_free(edits);
}

static void run_join(void)
{
    Err err;
    Batch *batches[JOINED];
    for (size_t i = 0; i < JOINED; i++)
        batches[i] = batch;
    Batch *joined = batch_concat(batches, JOINED, &err);
    bench_use(joined ? batch_item_count(joined) : 0);
    batch_unref(joined);
}

static void run_json(void)
{
    Err err;
    buf_clear(&scratch);
    bench_use(otlp_json_read(TRACES, buf_str(&json), &scratch, &err));
}

static void run_rows(void)
{
    Err err;
    Piece *piece = span_piece_new(batch, 1, &err);
    bench_use(piece ? piece->count : 0);
    piece_unref(piece);
}

static void make_batch(void)
{
    Err err;
    sample_request(TRACES, ITEMS, 1, &request);
    batch = batch_from_copy(TRACES, buf_str(&request), &err);
    if (!batch || !otlp_json_write(batch, &json, &err))
        die(err.text);
}

/* ---- an exchange -------------------------------------------------------------------------------
 */

static SimNet net;
static Loop *loop;
static Server *server;
static GrpcClient *client;
static size_t answered;

static void take(void *owner, Request *call)
{
    (void)owner;
    Buf nothing = BUF(0);
    request_answer_grpc(call, &nothing);
}

static void done(void *owner, GrpcReply *reply, const Err *err)
{
    (void)owner;
    answered += !err && reply->code == GRPC_OK;
}

static void run_exchange(void)
{
    static const char bytes[MESSAGE_SIZE];
    static const Str message = { bytes, sizeof bytes };
    Err err = { 0 };
    for (size_t i = 0; i < EXCHANGES; i++) {
        size_t before = answered;
        GrpcCall call = {
            .path = STR("/bench.Service/Export"), .lent = &message, .lent_count = 1, .done = done
        };
        if (!grpc_client_call(client, &call, &err))
            die(err.text);
        while (answered == before)
            loop_step(loop, -1);
    }
}

static void open_exchange(void)
{
    Err err = { 0 };
    const GrpcRoute route = { STR("/bench.Service/Export"), take, NULL, 0 };
    sim_net_init(&net, 1, 0);
    loop = loop_new(&net.clock.base, &net.sockets, &err);
    if (!loop)
        die(err.text);
    const ServerSettings settings = { .loop = loop, .endpoint = STR("127.0.0.1:4317") };
    const GrpcClientSettings theirs = { .loop = loop, .endpoint = settings.endpoint };
    server = server_new(&settings, &err);
    if (!server || !server_grpc_route(server, &route, &err) || !server_listen(server, &err))
        die(err.text);
    client = grpc_client_new(&theirs, &err);
    if (!client)
        die(err.text);
}

static void close_exchange(void)
{
    grpc_client_free(client);
    server_free(server);
    loop_free(loop);
}

/* ---- all of them -------------------------------------------------------------------------------
 */

int main(void)
{
    static const struct {
        const char *name;
        void (*run)(void);
        unsigned items;
    } rows[] = {
        { "span", run_spans, CALLS },
        { "span_10_attributes", run_attributes, CALLS },
        { "counter_add_bound", run_bound, CALLS },
        { "counter_add_3_attributes", run_counter, CALLS },
        { "log_record_4_attributes", run_log, CALLS },
        { "encode_span", run_encode, ITEMS },
        { "validate_and_index_span", run_index, ITEMS },
        { "edit_span", run_edit, ITEMS },
        { "join_span", run_join, ITEMS * JOINED },
        { "json_in_span", run_json, ITEMS },
        { "store_rows_span", run_rows, ITEMS },
        { "grpc_exchange_4_kib", run_exchange, EXCHANGES },
    };
    start_library();
    make_batch();
    open_exchange();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rows[i].run();
        printf("counted %s %u\n", rows[i].name, rows[i].items);
        fflush(stdout);
        counted(rows[i].run);
    }
    close_exchange();
    batch_unref(batch);
    buf_free(&request);
    buf_free(&json);
    buf_free(&scratch);
    cryo_shutdown(1000, NULL);
    return 0;
}
