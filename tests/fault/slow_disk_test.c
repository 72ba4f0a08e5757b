/* slow_disk_test.c - a disk whose syncs do not come back (a failing drive, a network disk that
 * hangs): who sends is told to wait, whoever only looks is answered, and when the disk is back all
 * that was taken is stored.
 *
 * A whole collector with its threads and real sockets; only the disk is the test's, and lets no
 * sync through until it is told to. Requests are large, so that the store's queue fills. Runs under
 * tsan, too.
 */
#include "cmd/registry.h"
#include "config/yaml.h"
#include "otlp/batch.h"
#include "pipe/graph.h"
#include "support/make_batch.h"
#include "support/test_disk.h"

#include "base/thread.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { SENDERS = 16, MEGABYTES = 5, PATIENCE_MS = 60000, HEAD_MAX = 4096 };

static const char *const yaml =
    "receivers:\n"
    "  otlp: {acknowledge: delivered, protocols: {http: {endpoint: 127.0.0.1:0}}}\n"
    "exporters: {store: }\n"
    "extensions:\n"
    "  store: {directory: data, sync: always, reserve_bytes: 0}\n"
    "  health_check: {endpoint: 127.0.0.1:0}\n"
    "  page: {endpoint: 127.0.0.1:0, store: store}\n"
    "service:\n"
    "  extensions: [health_check, store, page]\n"
    "  telemetry: {metrics: {level: none}}\n"
    "  pipelines:\n"
    "    logs: {receivers: [otlp], exporters: [store]}\n";

/* ---- the disk ----------------------------------------------------------------------------------
 */

static struct Gate {
    Mutex mutex;
    Cond opened;
    bool closed;
    int waiting;
} gate;

static bool through_gate(void *context)
{
    (void)context;
    mutex_lock(&gate.mutex);
    gate.waiting++;
    while (gate.closed)
        cond_wait(&gate.opened, &gate.mutex);
    gate.waiting--;
    mutex_unlock(&gate.mutex);
    return true;
}

static void set_gate(bool closed)
{
    mutex_lock(&gate.mutex);
    gate.closed = closed;
    cond_broadcast(&gate.opened);
    mutex_unlock(&gate.mutex);
}

/* ---- the collector ------------------------------------------------------------------------------
 */

static int ports[3]; /* receiver, health, page; read once everything has started */

static void listen_to_log(void *context, LogLevel level, Str component, Str message)
{
    static const Str who[] = { STR_ROW("receiver otlp"), STR_ROW("extension health_check"),
                               STR_ROW("extension page") };
    static const char host[] = "127.0.0.1:";
    (void)context, (void)level;
    const char *at = memmem(message.ptr, message.len, host, sizeof host - 1);
    for (size_t i = 0; i < COUNT_OF(who) && at; i++)
        if (str_eq(component, who[i]) && !ports[i])
            ports[i] = (int)strtol(at + sizeof host - 1, NULL, 10);
}

typedef struct Service {
    TestDisk *disk;
    Arena *arena;
    Graph *graph;
} Service;

static void begin(Service *service)
{
    Err err = { 0 };
    Problems problems;
    mutex_init(&gate.mutex);
    cond_init(&gate.opened);
    service->disk = test_disk_new(1);
    service->arena = arena_new(8 << 20, &err);
    problems_init(&problems, service->arena);
    const Node *root = yaml_parse(str_from(yaml), STR("c"), service->arena, &problems);
    const ServiceConfig *config =
        root ? service_config_load(registry, root, service->arena, &problems) : NULL;
    if (!config && problems_ok(&problems, &err))
        fail_msg("no configuration");
    assert_non_null(config);
    service->graph =
        graph_new(config,
                  &(GraphOptions){
                      .shards = 2, .threads = true, .disk = test_disk_door(service->disk) },
                  &err);
    assert_non_null(service->graph);
    if (!graph_start(service->graph, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < COUNT_OF(ports); i++)
        assert_true(ports[i] > 0);
    test_disk_on_sync(service->disk, through_gate, NULL);
}

static void end(Service *service)
{
    int64_t deadline = clock_mono_ns(clock_system()) + PATIENCE_MS * NANOS_PER_MILLI;
    assert_true(graph_drain(service->graph, deadline).complete);
    graph_free(service->graph);
    arena_free(service->arena);
    test_disk_free(service->disk);
    cond_done(&gate.opened);
    mutex_done(&gate.mutex);
}

/* ---- clients ------------------------------------------------------------------------------------
 */

static int dial(int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    return fd;
}

/* The status of the answer; 0: none yet. */
static int answer(int fd, int timeout_ms)
{
    char head[HEAD_MAX + 1] = { 0 };
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    if (poll(&wait, 1, timeout_ms) <= 0)
        return 0;
    ssize_t n = recv(fd, head, HEAD_MAX, 0);
    assert_true(n > 12 && !strncmp(head, "HTTP/1.1 ", 9));
    return (int)strtol(head + 9, NULL, 10);
}

static void send_all(int fd, Str bytes)
{
    while (bytes.len) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        assert_true(n > 0);
        bytes = str_skip(bytes, (size_t)n);
    }
}

static int get(int port, const char *path)
{
    char request[256];
    int fd = dial(port);
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nhost: localhost\r\n\r\n", path);
    send_all(fd, str_from(request));
    int status = answer(fd, PATIENCE_MS);
    close(fd);
    return status;
}

static Buf make_request(void)
{
    Err err = { 0 };
    Buf words = BUF((MEGABYTES + 1) << 20), request = BUF((MEGABYTES + 1) << 20);
    buf_addf(&words, "{service.name=s} ");
    for (size_t i = 0; i < (size_t)MEGABYTES << 10; i++)
        buf_addf(&words, "%01024d", 1);
    Batch *batch = make_batch(LOGS, buf_str(&words), &err);
    assert_non_null(batch);
    buf_addf(&request,
             "POST /v1/logs HTTP/1.1\r\nhost: localhost\r\n"
             "content-type: application/x-protobuf\r\ncontent-length: %zu\r\n\r\n",
             batch_bytes(batch).len);
    buf_add(&request, batch_bytes(batch));
    assert_false(request.failed);
    batch_unref(batch);
    buf_free(&words);
    return request;
}

/* ---- the case -----------------------------------------------------------------------------------
 */

static void senders_wait_and_lookers_do_not(void **state)
{
    (void)state;
    Service service;
    int fds[SENDERS], status[SENDERS] = { 0 }, refused = 0, stored = 0;
    Buf request = make_request();
    begin(&service);
    set_gate(true);
    for (int i = 0; i < SENDERS; i++) {
        fds[i] = dial(ports[0]);
        send_all(fds[i], buf_str(&request));
    }
    /* The queue takes 64 MiB; at least the last one hears that it has to come again. */
    for (int64_t until = clock_mono_ns(clock_system()) + PATIENCE_MS * NANOS_PER_MILLI;
         !refused && clock_mono_ns(clock_system()) < until;)
        for (int i = 0; i < SENDERS; i++)
            if (!status[i] && (status[i] = answer(fds[i], 10)))
                refused += status[i] == 503;
    assert_true(refused > 0);
    for (int i = 0; i < SENDERS; i++)
        assert_true(status[i] == 0 || status[i] == 503); /* nothing is synced: nobody hears OK */
    assert_int_equal(get(ports[1], "/"), 200);
    assert_int_equal(get(ports[2], "/api/cryo/status"), 200);
    assert_int_equal(get(ports[2], "/loki/api/v1/labels"), 200);
    set_gate(false);
    for (int i = 0; i < SENDERS; i++) {
        status[i] = status[i] ? status[i] : answer(fds[i], PATIENCE_MS);
        assert_true(status[i] == 200 || status[i] == 503);
        stored += status[i] == 200;
        close(fds[i]);
    }
    assert_true(stored > 0);
    end(&service);
    buf_free(&request);
    print_message("counts: slow disk: %d of %d large requests were told to wait, %d stored in the "
                  "end\n",
                  SENDERS - stored, SENDERS, stored);
}

int main(void)
{
    log_set_sink(&(LogSink){ listen_to_log, NULL, LOG_INFO });
    const struct CMUnitTest tests[] = { cmocka_unit_test(senders_wait_and_lookers_do_not) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
