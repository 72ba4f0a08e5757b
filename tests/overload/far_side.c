/* far_side.c - see far_side.h. */
#include "overload/far_side.h"

#include "base/thread.h"
#include "net/server.h"
#include "otlp/batch.h"
#include "otlp/rpc.h"
#include "otlp/view.h"
#include "overload/load_request.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static struct FarSide {
    Loop *loop;
    Server *server;
    Thread thread;
    atomic_bool hurries;
} far;

typedef struct Late {
    Request *request;
    Timer timer;
} Late;

static void answer(Request *request)
{
    Buf empty = BUF(16);
    request_answer_grpc(request, &empty);
}

static void late_fires(void *owner)
{
    Late *late = owner;
    answer(late->request);
    free(late);
}

static void note(Request *request)
{
    Err err;
    Buf bytes = request_take_body(request);
    Batch *batch = batch_from_bytes(TRACES, &bytes, &err);
    buf_free(&bytes);
    if (!batch)
        die("the far side got what is no batch");
    for (size_t i = 0; i < batch_item_count(batch); i++)
        book_note((const uint8_t *)span_view(batch, i).trace_id.bytes);
    batch_unref(batch);
}

static void take(void *owner, Request *request)
{
    (void)owner;
    note(request);
    Late *late = atomic_load(&far.hurries) ? NULL : calloc(1, sizeof *late);
    if (!late) {
        answer(request);
        return;
    }
    *late = (Late){ request, { .fire = late_fires, .owner = late } };
    timer_set(far.loop, &late->timer, loop_now(far.loop) + SLOW_MS * NANOS_PER_MILLI);
}

static void run(void *unused)
{
    (void)unused;
    loop_run(far.loop);
}

void far_side_start(uint16_t port)
{
    Err err;
    char endpoint[32];
    snprintf(endpoint, sizeof endpoint, "127.0.0.1:%u", port);
    far.loop = loop_new(NULL, NULL, &err);
    if (!far.loop)
        die(err.text);
    const ServerSettings settings = { .loop = far.loop, .endpoint = str_from(endpoint) };
    const GrpcRoute route = { .path = otlp_grpc_path(TRACES), .handle = take };
    far.server = server_new(&settings, &err);
    if (!far.server || !server_grpc_route(far.server, &route, &err) ||
        !server_listen(far.server, &err) || !thread_start(&far.thread, "far side", run, NULL, &err))
        die(err.text);
}

void far_side_hurry(void)
{
    atomic_store(&far.hurries, true);
}
