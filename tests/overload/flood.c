/* flood.c - see flood.h. */
#include "overload/flood.h"

#include "base/thread.h"
#include "net/grpc_client.h"
#include "net/http_client.h"
#include "otlp/rpc.h"
#include "overload/load_request.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    GRPC_CLIENTS = 8,
    TICK_MS = 2,
    BURST_MAX = 200,   /* requests of one tick: a late loop catches up bit by bit */
    HTTP_LINES = 2000, /* so many wait for their answer when each takes seconds */
    CALLS_MAX = 4096,  /* the same, of one gRPC client */
    PATIENCE_SECONDS = 30
};

typedef enum Fate { FATE_NONE, FATE_OK } Fate;

static struct Flood {
    Loop *loop;
    Thread thread;
    Timer tick;
    GrpcClient *grpc[GRPC_CLIENTS];
    HttpClient *http;
    atomic_ullong milli_rate; /* requests per 1000 s */
    int64_t from_ns;          /* since when it holds */
    uint64_t rate_now, due;   /* begun since then */
    atomic_uint begun;
    atomic_uchar *fates;
    atomic_ullong grpc_sent, http_sent, ok, told_to_wait, told_nothing, failed, unanswered;
    Mutex mutex;
    char first_failure[160]; /* guarded */
} flood = { .mutex = MUTEX_READY };

/* ---- answers ---- */

static void tell_failure(atomic_ullong *count, const char *how, int code, const char *text)
{
    mutex_lock(&flood.mutex);
    if (!flood.first_failure[0])
        snprintf(flood.first_failure, sizeof flood.first_failure, "%s %d: %.100s", how, code, text);
    mutex_unlock(&flood.mutex);
    atomic_fetch_add(count, 1);
}

static void note_ok(void *owner)
{
    atomic_store(&flood.fates[(uintptr_t)owner], FATE_OK);
    atomic_fetch_add(&flood.ok, 1);
}

static void called(void *owner, GrpcReply *reply, const Err *err)
{
    if (err)
        tell_failure(&flood.unanswered, "gRPC", 0, err->text);
    else if (reply->code == GRPC_OK)
        note_ok(owner);
    else if (reply->code == GRPC_UNAVAILABLE && reply->has_retry)
        atomic_fetch_add(&flood.told_to_wait, 1);
    else
        tell_failure(reply->code == GRPC_UNAVAILABLE ? &flood.told_nothing : &flood.failed, "gRPC",
                     (int)reply->code, reply->status_text.len ? reply->status_text.ptr : "");
}

static void posted(void *owner, HttpResponse *response, const Err *err)
{
    if (err)
        tell_failure(&flood.unanswered, "HTTP", 0, err->text);
    else if (response->status == 200)
        note_ok(owner);
    else if (response->status == 503 && http_fields_get(response->fields, STR("retry-after")).len)
        atomic_fetch_add(&flood.told_to_wait, 1);
    else
        tell_failure(response->status == 503 ? &flood.told_nothing : &flood.failed, "HTTP",
                     response->status, "");
}

/* ---- requests ---- */

static bool send_grpc(uint32_t number, Buf *message)
{
    Err err;
    GrpcCall call = { .path = otlp_grpc_path(TRACES),
                      .message = *message,
                      .timeout_ns = PATIENCE_SECONDS * NANOS_PER_SECOND,
                      .done = called,
                      .owner = (void *)(uintptr_t)number };
    bool sent = grpc_client_call(flood.grpc[flood.due / 2 % GRPC_CLIENTS], &call, &err);
    *message = call.message;
    atomic_fetch_add(&flood.grpc_sent, sent);
    return sent;
}

static bool send_http(uint32_t number, Buf *message)
{
    static const HttpField type = { STR_ROW("content-type"), STR_ROW("application/x-protobuf") };
    Err err;
    HttpCall call = { .method = STR("POST"),
                      .target = otlp_http_path(TRACES),
                      .fields = &type,
                      .field_count = 1,
                      .body = *message,
                      .timeout_ns = PATIENCE_SECONDS * NANOS_PER_SECOND,
                      .done = posted,
                      .owner = (void *)(uintptr_t)number };
    bool sent = http_client_send(flood.http, &call, &err);
    *message = call.body;
    atomic_fetch_add(&flood.http_sent, sent);
    return sent;
}

/* What our own clients have no room for was not offered. */
static void send_next(bool by_grpc)
{
    uint32_t number = atomic_load(&flood.begun);
    if (number == FLOOD_MAX)
        return;
    Buf message = BUF(SMALL_MAX);
    request_make(&message, FLOOD, number);
    if (by_grpc ? send_grpc(number, &message) : send_http(number, &message))
        atomic_store(&flood.begun, number + 1);
    buf_free(&message);
}

static void tick(void *unused)
{
    (void)unused;
    uint64_t rate = atomic_load(&flood.milli_rate);
    int64_t now = loop_now(flood.loop);
    if (rate != flood.rate_now) {
        flood.rate_now = rate;
        flood.from_ns = now;
        flood.due = 0;
    }
    uint64_t due = (uint64_t)((now - flood.from_ns) / NANOS_PER_MILLI) * rate / 1000000;
    for (int i = 0; i < BURST_MAX && flood.due < due; i++, flood.due++)
        send_next(flood.due % 2);
    timer_set(flood.loop, &flood.tick, now + TICK_MS * NANOS_PER_MILLI);
}

/* ---- all of it ---- */

static void run(void *unused)
{
    (void)unused;
    loop_run(flood.loop);
}

static void make_clients(uint16_t grpc_port, uint16_t http_port)
{
    Err err;
    char text[48];
    snprintf(text, sizeof text, "127.0.0.1:%u", grpc_port);
    const GrpcClientSettings grpc = { .loop = flood.loop,
                                      .endpoint = str_from(text),
                                      .calls = CALLS_MAX };
    for (size_t i = 0; i < GRPC_CLIENTS; i++) {
        flood.grpc[i] = grpc_client_new(&grpc, &err);
        if (!flood.grpc[i])
            die(err.text);
    }
    snprintf(text, sizeof text, "http://127.0.0.1:%u", http_port);
    const HttpClientSettings http = {
        .loop = flood.loop, .url = str_from(text), .connections = HTTP_LINES, .waiting = CALLS_MAX
    };
    flood.http = http_client_new(&http, &err);
    if (!flood.http)
        die(err.text);
}

void flood_start(uint16_t grpc_port, uint16_t http_port)
{
    Err err;
    flood.loop = loop_new(NULL, NULL, &err);
    flood.fates = calloc(FLOOD_MAX, 1);
    if (!flood.loop || !flood.fates)
        die("no memory for the flood");
    make_clients(grpc_port, http_port);
    flood.tick = (Timer){ .fire = tick };
    timer_set(flood.loop, &flood.tick, loop_now(flood.loop));
    if (!thread_start(&flood.thread, "flood", run, NULL, &err))
        die(err.text);
}

void flood_rate(double requests_per_second)
{
    atomic_store(&flood.milli_rate, (unsigned long long)(requests_per_second * 1000));
}

FloodCounts flood_counts(void)
{
    FloodCounts counts = { .grpc = flood.grpc_sent,
                           .http = flood.http_sent,
                           .ok = flood.ok,
                           .told_to_wait = flood.told_to_wait,
                           .told_nothing = flood.told_nothing,
                           .failed = flood.failed,
                           .unanswered = flood.unanswered };
    for (uint32_t number = 0; number < atomic_load(&flood.begun); number++)
        counts.missing += atomic_load(&flood.fates[number]) == FATE_OK && !book_has(FLOOD, number);
    mutex_lock(&flood.mutex);
    memcpy(counts.first_failure, flood.first_failure, sizeof counts.first_failure);
    mutex_unlock(&flood.mutex);
    return counts;
}
