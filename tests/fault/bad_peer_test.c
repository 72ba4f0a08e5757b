/* bad_peer_test.c - everything that the far side of an OTLP exporter may do wrong, by HTTP and
 * gRPC.
 *
 * A collector forwards traces to a peer that misbehaves, and stores metrics. While it lasts: nobody
 * is told OK for a trace, the queue refuses what it has no room for, and the other pipeline and the
 * health page answer as ever. Then the peer is a real server: a fresh trace gets through, and in
 * the end nothing is left over. On the simulated network, so time-outs cost no time. Names are
 * looked up by a thread of the system's, so an unknown one is in otlp_exporters_test.c.
 */
#include "support/collector.h"
#include "support/starve.h"

#include "base/log.h"
#include "net/server.h"
#include "otlp/rpc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum {
    PORT = 9999,
    PEERS_MAX = 64,
    BAD_TURNS = 1500,
    GOOD_TURNS = 20000,
    PAUSE_TURNS = 1500,
    TRACES_SENT = 12,
    QUEUE = 4,
};

static const char yaml[] = "receivers:\n"
                           "  otlp:\n"
                           "    acknowledge: delivered\n"
                           "    protocols:\n"
                           "      grpc: { endpoint: 127.0.0.1:4317 }\n"
                           "      http: { endpoint: 127.0.0.1:4318 }\n"
                           "exporters:\n"
                           "  store: {}\n"
                           "  otlp:\n"
                           "    endpoint: 127.0.0.1:9999\n"
                           "    tls: { insecure: true }\n"
                           "    timeout: 300ms\n"
                           "    sending_queue: { num_consumers: 2, queue_size: 4 }\n"
                           "    retry_on_failure: { initial_interval: 50ms, max_interval: 100ms }\n"
                           "  otlphttp:\n"
                           "    endpoint: http://127.0.0.1:9999\n"
                           "    timeout: 300ms\n"
                           "    sending_queue: { num_consumers: 2, queue_size: 4 }\n"
                           "    retry_on_failure: { initial_interval: 50ms, max_interval: 100ms }\n"
                           "extensions:\n"
                           "  store: { directory: data, sync: always, reserve_bytes: 0 }\n"
                           "  health_check: { endpoint: 127.0.0.1:13133 }\n"
                           "service:\n"
                           "  extensions: [health_check, store]\n"
                           "  telemetry: { metrics: { level: none } }\n"
                           "  pipelines:\n"
                           "    traces: { receivers: [otlp], exporters: [%s] }\n"
                           "    metrics: { receivers: [otlp], exporters: [store] }\n";

/* ---- the bad peer -------------------------------------------------------------------------------
 */

typedef enum Manner {
    REFUSES,     /* nobody listens */
    NEVER_TAKES, /* connections are made and never accepted: bytes go nowhere */
    SAYS,        /* `answer`, and waits */
    SAYS_CLOSES, /* `answer`, and ends the connection */
    DRIPS,       /* `answer`, a byte in 20 ms */
    FLOODS,      /* `answer`, and then bytes without end */
} Manner;

typedef struct Badness {
    const char *name;
    Manner manner;
    const char *answer;
} Badness;

static const Badness rows[] = {
    { "refused", REFUSES, "" },
    { "a black hole", NEVER_TAKES, "" },
    { "half open", SAYS, "" },
    { "closed at once", SAYS_CLOSES, "" },
    { "half an answer", SAYS_CLOSES, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf" },
    { "half an answer, and silence", SAYS, "HTTP/1.1 200 OK\r\ncontent-le" },
    { "a proxy's page", SAYS,
      "HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\ncontent-length: 28\r\n\r\n"
      "<html><h1>502 oops</h1></html>" },
    { "another protocol", SAYS, "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n" },
    { "too busy", SAYS, "HTTP/1.1 503 Busy\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n" },
    { "too many", SAYS, "HTTP/1.1 429 Slow\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n" },
    { "too large", SAYS, "HTTP/1.1 413 Large\r\ncontent-length: 0\r\n\r\n" },
    { "not wanted", SAYS, "HTTP/1.1 400 Bad\r\ncontent-length: 0\r\n\r\n" },
    { "a byte now and then", DRIPS, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n" },
    { "an error without end", FLOODS, "HTTP/1.1 503 Busy\r\n\r\n" },
    { "a head without end", FLOODS, "HTTP/1.1 200 OK\r\nx: " },
};

typedef struct Bad {
    const Badness *how;
    Sockets *sockets;
    int listener;
    struct {
        int fd; /* 0: free */
        size_t said, turns;
        bool heard;
    } peers[PEERS_MAX];
} Bad;

static void bad_begin(Bad *bad, Collector *c, const Badness *how)
{
    Address address;
    *bad = (Bad){ .how = how, .sockets = &collector_net(c)->sockets };
    assert_true(address_from_literal(&address, STR("127.0.0.1"), PORT));
    if (how->manner != REFUSES)
        bad->listener = bad->sockets->listen(bad->sockets, &address, (ListenOptions){ 0 });
    assert_true(bad->listener >= 0);
}

static void bad_hang_up(Bad *bad, size_t i)
{
    bad->sockets->close(bad->sockets, bad->peers[i].fd);
    bad->peers[i].fd = 0;
}

static void bad_end(Bad *bad)
{
    for (size_t i = 0; i < PEERS_MAX; i++)
        if (bad->peers[i].fd)
            bad_hang_up(bad, i);
    if (bad->listener)
        bad->sockets->close(bad->sockets, bad->listener);
}

static void bad_accept(Bad *bad)
{
    Address from;
    for (size_t i = 0; i < PEERS_MAX; i++) {
        if (bad->peers[i].fd)
            continue;
        int fd = bad->sockets->accept(bad->sockets, bad->listener, &from);
        if (fd <= 0)
            return;
        bad->peers[i].fd = fd;
        bad->peers[i].said = bad->peers[i].turns = 0;
        bad->peers[i].heard = false;
    }
}

/* False: the connection is over. */
static bool bad_talk(Bad *bad, size_t i)
{
    static const char flood[4096] = "x";
    Sockets *sockets = bad->sockets;
    const Badness *how = bad->how;
    size_t *said = &bad->peers[i].said, len = strlen(how->answer), most = len - *said;
    if (how->manner == DRIPS)
        most = most && bad->peers[i].turns++ % 20 == 0;
    ssize_t n = most ? sockets->write(sockets, bad->peers[i].fd, how->answer + *said, most) : 0;
    *said += n > 0 ? (size_t)n : 0;
    if (how->manner == SAYS_CLOSES && *said == len)
        return false;
    if (how->manner == FLOODS && *said == len)
        n = sockets->write(sockets, bad->peers[i].fd, flood, sizeof flood);
    return n >= 0 || n == -EAGAIN;
}

static void bad_turn(Bad *bad)
{
    char bytes[4096];
    if (bad->how->manner == REFUSES || bad->how->manner == NEVER_TAKES)
        return;
    bad_accept(bad);
    for (size_t i = 0; i < PEERS_MAX; i++) {
        ssize_t n = -EAGAIN;
        if (!bad->peers[i].fd)
            continue;
        while ((n = bad->sockets->read(bad->sockets, bad->peers[i].fd, bytes, sizeof bytes)) > 0)
            bad->peers[i].heard = true;
        bool over = n == 0 || n != -EAGAIN;
        if (over || (bad->peers[i].heard && !bad_talk(bad, i)))
            bad_hang_up(bad, i);
    }
}

/* ---- the good one -------------------------------------------------------------------------------
 */

typedef struct Good {
    Loop *loop;
    Server *server;
    size_t requests;
} Good;

static void take(void *owner, Request *request)
{
    Good *good = owner;
    Buf body = BUF(64);
    good->requests++;
    export_answer_write(&body, &(ExportAnswer){ 0 });
    if (request_is_grpc(request))
        request_answer_grpc(request, &body);
    else
        request_answer(request, &(Answer){ .status = 200,
                                           .content_type = STR("application/x-protobuf"),
                                           .body = body });
}

static void good_begin(Good *good, Collector *c)
{
    Err err = { 0 };
    SimNet *net = collector_net(c);
    *good = (Good){ .loop = loop_new(&net->clock.base, &net->sockets, &err) };
    assert_non_null(good->loop);
    good->server =
        server_new(&(ServerSettings){ .loop = good->loop, .endpoint = STR("127.0.0.1:9999") },
                   &err);
    assert_non_null(good->server);
    Route route = {
        .path = otlp_http_path(TRACES), .methods = STR("POST"), .handle = take, .owner = good
    };
    GrpcRoute grpc = { .path = otlp_grpc_path(TRACES), .handle = take, .owner = good };
    assert_true(server_route(good->server, &route, &err));
    assert_true(server_grpc_route(good->server, &grpc, &err));
    assert_true(server_listen(good->server, &err));
}

static void good_turn(Good *good)
{
    for (int i = 0; i < 1000 && loop_step(good->loop, 0); i++)
        continue;
}

static void good_end(Good *good)
{
    server_free(good->server);
    loop_free(good->loop);
}

/* ---- the case -----------------------------------------------------------------------------------
 */

static void while_it_is_bad(Collector *c, const Badness *how)
{
    Bad bad;
    bad_begin(&bad, c, how);
    for (int i = 0; i < TRACES_SENT; i++)
        collector_send(c, TRACES, i % 2);
    size_t metric = collector_send(c, METRICS, true);
    size_t health = collector_get(c, "http://127.0.0.1:13133/");
    for (int i = 0; i < BAD_TURNS; i++) {
        bad_turn(&bad);
        collector_turn(c);
    }
    size_t refused = 0;
    for (size_t i = 0; i < TRACES_SENT; i++) {
        const Ask *ask = collector_ask(c, i);
        if (ask->verdict == VERDICT_YES)
            fail_msg("%s: trace %zu was told OK", how->name, i);
        refused += ask->answered && ask->verdict == VERDICT_NO;
    }
    if (refused < TRACES_SENT - QUEUE)
        fail_msg("%s: %zu of %d were refused", how->name, refused, TRACES_SENT);
    if (collector_ask(c, metric)->verdict != VERDICT_YES ||
        collector_ask(c, health)->verdict != VERDICT_YES)
        fail_msg("%s: the other pipeline, or the health page, did not answer", how->name);
    bad_end(&bad);
}

static void once_it_is_good(Collector *c, const Badness *how)
{
    Good good;
    good_begin(&good, c);
    bool through = false;
    for (int tries = 0; !through && tries < 20; tries++) {
        size_t fresh = collector_send(c, TRACES, tries % 2);
        for (int i = 0; i < GOOD_TURNS && !collector_ask(c, fresh)->answered; i++) {
            good_turn(&good);
            collector_turn(c);
        }
        through = collector_ask(c, fresh)->verdict == VERDICT_YES;
        for (int i = 0; i < PAUSE_TURNS; i++) { /* also what was told to come back later does */
            good_turn(&good);
            collector_turn(c);
        }
    }
    if (!through || !good.requests)
        fail_msg("%s: a fresh trace does not get through afterwards", how->name);
    if (!collector_stop(c))
        fail_msg("%s: something was left when it ended", how->name);
    good_end(&good);
}

static void bad_then_good(const Badness *how, bool http)
{
    char text[sizeof yaml + 16];
    Err err = { 0 };
    snprintf(text, sizeof text, yaml, http ? "otlphttp" : "otlp");
    starve_after(-1);
    long before = starve_live();
    Collector *c = collector_new(1, text);
    if (!collector_start(c, &err))
        fail_msg("%s", err.text);
    while_it_is_bad(c, how);
    once_it_is_good(c, how);
    collector_free(c);
    if (starve_live() != before)
        fail_msg("%s: %ld blocks are left", how->name, starve_live() - before);
}

static void whatever_the_far_side_does_by_http(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        bad_then_good(&rows[i], true);
}

static void whatever_the_far_side_does_by_grpc(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        bad_then_good(&rows[i], false);
}

int main(void)
{
    log_set_level(LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_the_far_side_does_by_http),
        cmocka_unit_test(whatever_the_far_side_does_by_grpc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
