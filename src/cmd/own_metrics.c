/* own_metrics.c - see own_metrics.h. */
#include "cmd/own_metrics.h"

#include "base/mem.h"
#include "base/random.h"
#include "base/thread.h"
#include "cmd/own_metrics_text.h"
#include "host/memory.h"
#include "host/process_time.h"
#include "net/server.h"

enum { ANSWER_MAX = 16 << 20, STATUS_MAX = 64 << 20, UUID_LEN = 36 };

struct OwnMetrics {
    OwnMetricsOptions options;
    char instance_id[UUID_LEN + 1];
    Loop *loop;
    Server *server;
    Thread thread;
};

static void make_instance_id(char out[UUID_LEN + 1])
{
    Random random;
    uint8_t bytes[16];
    char hex[2 * sizeof bytes];
    random_seed_from_system(&random);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)random_below(&random, 256);
    bytes[6] = (uint8_t)((bytes[6] & 0x0F) | 0x40); /* version 4, variant 1 */
    bytes[8] = (uint8_t)((bytes[8] & 0x3F) | 0x80);
    hex_write(hex, bytes, sizeof bytes);
    size_t at = 0;
    for (size_t i = 0; i < sizeof hex; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            out[at++] = '-';
        out[at++] = hex[i];
    }
    out[at] = 0;
}

static ProcessFacts facts_of(const OwnMetrics *metrics)
{
    Err ignored; /* then it is not told */
    const OwnMetricsOptions *options = &metrics->options;
    ProcessFacts facts = { .instance_id = str_from(metrics->instance_id) };
    int64_t up_ns = clock_mono_ns(options->clock) - options->began_ns;
    facts.uptime_seconds = (double)up_ns / (double)NANOS_PER_SECOND;
    facts.has_cpu = process_cpu_seconds(options->disk, &facts.cpu_seconds, &ignored);
    facts.has_resident = memory_resident(options->disk, &facts.resident_bytes, &ignored);
    return facts;
}

static bool write_answer(const OwnMetrics *metrics, Buf *body, Err *err)
{
    Arena *arena = arena_new(STATUS_MAX, err);
    const GraphStatus *status = arena ? graph_status(metrics->options.graph, arena, err) : NULL;
    const ProcessFacts facts = facts_of(metrics);
    if (status)
        own_metrics_write(status, &facts, body);
    arena_free(arena);
    return status && buf_ok(body, err);
}

static void answer(void *owner, Request *request)
{
    Err err;
    Buf body = BUF(ANSWER_MAX);
    if (write_answer(owner, &body, &err)) {
        request_answer(request,
                       &(Answer){ .status = 200,
                                  .content_type = STR("text/plain; version=0.0.4; charset=utf-8"),
                                  .body = body });
        return;
    }
    buf_free(&body);
    request_answer_err(request, &err);
}

static void run(void *argument)
{
    OwnMetrics *metrics = argument;
    loop_run(metrics->loop);
}

static bool start(OwnMetrics *metrics, Err *err)
{
    const Route route = {
        .path = STR("/metrics"), .methods = STR("GET"), .handle = answer, .owner = metrics
    };
    metrics->loop = loop_new(NULL, NULL, err);
    if (!metrics->loop)
        return false;
    metrics->server = server_new(&(ServerSettings){ .loop = metrics->loop,
                                                    .endpoint = metrics->options.endpoint,
                                                    .budget = metrics->options.budget,
                                                    .vital = true,
                                                    .check_host = endpoint_is_loopback(
                                                        metrics->options.endpoint) },
                                 err);
    return metrics->server && server_route(metrics->server, &route, err) &&
           server_listen(metrics->server, err) &&
           thread_start(&metrics->thread, "own metrics", run, metrics, err);
}

OwnMetrics *own_metrics_start(const OwnMetricsOptions *options, Err *err)
{
    OwnMetrics *metrics = MEM_MAKE(OwnMetrics, 1, err);
    if (!metrics)
        return NULL;
    metrics->options = *options;
    make_instance_id(metrics->instance_id);
    if (start(metrics, err))
        return metrics;
    own_metrics_stop(metrics);
    return NULL;
}

Address own_metrics_address(const OwnMetrics *metrics)
{
    return server_address(metrics->server);
}

void own_metrics_stop(OwnMetrics *metrics)
{
    if (!metrics)
        return;
    if (metrics->thread.started)
        loop_stop(metrics->loop);
    thread_join(&metrics->thread);
    server_free(metrics->server);
    loop_free(metrics->loop);
    mem_free(metrics);
}
