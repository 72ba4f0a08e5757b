/* tick_test.c - the library without its thread: a program's event loop ticks. The far side lives in
 * the same thread, on a loop of its own, so a tick that waited for it would wait for ever. */
#include "sdk/kept_spans.h"

#include "net/server.h"
#include "otlp/batch.h"
#include "otlp/rpc.h"
#include "support/raw_peer.h"
#include "support/starve.h"

#include <cryostorm/log.h>
#include <cryostorm/metrics.h>
#include <cryostorm/tick.h>

#include <dirent.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_S = 30, LONG_MS = 600000 };

static const Signal signals[] = { TRACES, METRICS, LOGS };

/* ---- a slow resolver: this program's own, which the library's calls find first ----------------
 */

static struct {
    sem_t asked, answer;
    atomic_int lookups;
} resolver;

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    (void)name, (void)service, (void)hints;
    static struct sockaddr_in loopback = { .sin_family = AF_INET };
    loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    atomic_fetch_add(&resolver.lookups, 1);
    sem_post(&resolver.asked);
    while (sem_wait(&resolver.answer) != 0) {
    }
    struct addrinfo *info = calloc(1, sizeof *info);
    assert_non_null(info);
    *info = (struct addrinfo){ .ai_family = AF_INET,
                               .ai_socktype = SOCK_STREAM,
                               .ai_addrlen = sizeof loopback,
                               .ai_addr = (struct sockaddr *)&loopback };
    *out = info;
    return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
    free(list);
}

/* ---- the far side ---------------------------------------------------------------------------- */

static struct {
    Loop *loop; /* NULL: there is none */
    Server *server;
    uint16_t port;
    size_t items[ALL_SIGNALS];
    int unavailable; /* so many requests are answered with 503 first */
} peer;

static void take(Request *request, Signal signal)
{
    Err err;
    if (peer.unavailable > 0) {
        peer.unavailable--;
        request_answer_err(request, &(Err){ .kind = ERR_BUSY, .text = "later" });
        return;
    }
    Batch *batch = batch_from_copy(signal, request_body(request), &err);
    assert_non_null(batch);
    peer.items[signal] += batch_item_count(batch);
    batch_unref(batch);
    Buf body = BUF(1000);
    export_answer_write(&body, &(ExportAnswer){ 0 });
    if (request_is_grpc(request))
        request_answer_grpc(request, &body);
    else
        request_answer(request, &(Answer){ .status = 200,
                                           .content_type = STR("application/x-protobuf"),
                                           .body = body });
}

static void take_spans(void *owner, Request *request)
{
    (void)owner;
    take(request, TRACES);
}
static void take_logs(void *owner, Request *request)
{
    (void)owner;
    take(request, LOGS);
}
static void take_metrics(void *owner, Request *request)
{
    (void)owner;
    take(request, METRICS);
}

static void peer_start(void)
{
    static void (*const handlers[])(void *, Request *) = {
        [TRACES] = take_spans, [METRICS] = take_metrics, [LOGS] = take_logs
    };
    Err err;
    memset(&peer, 0, sizeof peer);
    peer.loop = loop_new(NULL, NULL, &err);
    assert_non_null(peer.loop);
    peer.server =
        server_new(&(ServerSettings){ .loop = peer.loop, .endpoint = STR("127.0.0.1:0") }, &err);
    assert_non_null(peer.server);
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        Signal signal = signals[i];
        Route route = { .path = otlp_http_path(signal), .handle = handlers[signal] };
        GrpcRoute call = { .path = otlp_grpc_path(signal), .handle = handlers[signal] };
        assert_true(server_route(peer.server, &route, &err));
        assert_true(server_grpc_route(peer.server, &call, &err));
    }
    assert_true(server_listen(peer.server, &err));
    Address address = server_address(peer.server);
    peer.port = address_port(&address);
}

static void peer_stop(void)
{
    server_free(peer.server);
    loop_free(peer.loop);
    memset(&peer, 0, sizeof peer);
}

/* ---- the program ----------------------------------------------------------------------------- */

static CryoSettings ticking(void)
{
    CryoSettings settings = { .service.environment = "production",
                              .enable_worker_thread = CRYO_OFF };
    settings.tracing.export_config.schedule_delay_millis = LONG_MS;
    settings.logging.processor_type = "batch";
    settings.logging.schedule_delay_millis = LONG_MS;
    settings.logging.exporter_type = "in_memory";
    settings.metrics.export_interval_millis = LONG_MS;
    settings.metrics.exporter_type = "in_memory";
    return settings;
}

typedef struct Urls {
    char text[ALL_SIGNALS][80];
} Urls;

static void send_to(CryoSettings *settings, Urls *urls, const char *host, const char *protocol)
{
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        Signal signal = signals[i];
        Str path = protocol[0] == 'g' ? STR("") : otlp_http_path(signal);
        snprintf(urls->text[signal], sizeof urls->text[signal], "http://%s%.*s", host,
                 STR_ARG(path));
    }
    CryoOtlpSettings otlp = { .endpoint = urls->text[TRACES],
                              .protocol = protocol,
                              .timeout_millis = LONG_MS };
    settings->tracing.exporter_type = settings->logging.exporter_type =
        settings->metrics.exporter_type = "otlp";
    settings->tracing.export_config.timeout_millis = LONG_MS;
    settings->logging.export_timeout_millis = LONG_MS;
    settings->metrics.export_timeout_millis = LONG_MS;
    settings->tracing.otlp = settings->logging.otlp = settings->metrics.otlp = otlp;
    settings->logging.otlp.endpoint = urls->text[LOGS];
    settings->metrics.otlp.endpoint = urls->text[METRICS];
}

static void start_sending(uint16_t port, const char *protocol)
{
    char host[32];
    Urls urls;
    CryoSettings settings = ticking();
    snprintf(host, sizeof host, "127.0.0.1:%u", port);
    send_to(&settings, &urls, host, protocol);
    memory_start(&settings);
}

static void make_spans(int count)
{
    for (int i = 0; i < count; i++)
        cryo_span_end(cryo_span_start("a span", NULL));
}

static CryoCounts counts(void)
{
    CryoCounts now;
    cryo_counts(&now);
    return now;
}

static void peer_turns(void)
{
    while (peer.loop && loop_step(peer.loop, 0)) {
    }
}

static bool all_sent(void)
{
    CryoCounts now = counts();
    return now.held == 0 && now.logs_held == 0;
}

/* Ticks and waits as a program does, for the descriptor and the time, and for the far side's. */
static bool until(bool (*is_so)(void))
{
    int64_t end = clock_mono_ns(clock_system()) + PATIENCE_S * NANOS_PER_SECOND;
    while (clock_mono_ns(clock_system()) < end) {
        int wait_ms = cryo_tick_ms(cryo_tick());
        peer_turns();
        if (is_so())
            return true;
        struct pollfd fds[] = { { .fd = cryo_tick_fd(), .events = POLLIN },
                                { .fd = peer.loop ? loop_descriptor(peer.loop) : -1,
                                  .events = POLLIN } };
        assert_true(fds[0].fd >= 0);
        assert_true(poll(fds, COUNT_OF(fds), wait_ms < 1000 ? wait_ms : 1000) >= 0);
    }
    return false;
}

static size_t entry_count(const char *directory)
{
    size_t count = 0;
    DIR *entries = opendir(directory);
    assert_non_null(entries);
    for (struct dirent *at = readdir(entries); at; at = readdir(entries))
        count += at->d_name[0] != '.';
    closedir(entries);
    return count;
}

static size_t thread_count(void)
{
    return entry_count("/proc/self/task");
}

static size_t descriptor_count(void)
{
    return entry_count("/proc/self/fd");
}

/* Nothing more to do at once. */
static void tick_on(void)
{
    while (cryo_tick() == 0) {
    }
}

static bool is_readable(int fd)
{
    struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
    return poll(&poll_fd, 1, 0) == 1;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void without_a_start_there_is_nothing_to_tick(void **state)
{
    (void)state;
    assert_true(cryo_tick() < 0);
    assert_int_equal(cryo_tick_fd(), -1);
    memory_start(NULL); /* the worker thread does it */
    assert_true(cryo_tick() < 0);
    assert_int_equal(cryo_tick_fd(), -1);
    memory_stop();
    CryoSettings settings = ticking();
    memory_start(&settings);
    assert_true(cryo_tick() >= 0);
    assert_true(cryo_tick_fd() >= 0);
    memory_stop();
    assert_true(cryo_tick() < 0);
    assert_int_equal(cryo_tick_fd(), -1);
    assert_int_equal(cryo_tick_ms(-1), -1);
    assert_int_equal(cryo_tick_ms(0), 0);
    assert_int_equal(cryo_tick_ms(1), 1);
    assert_int_equal(cryo_tick_ms(2000001), 3);
    assert_int_equal(cryo_tick_ms(INT64_MAX), 86400000);
}

static void the_environment_chooses_it(void **state)
{
    (void)state;
    setenv("ENABLE_WORKER_THREAD", "false", 1);
    memory_start(NULL);
    assert_true(cryo_tick_fd() >= 0);
    memory_stop();
    unsetenv("ENABLE_WORKER_THREAD");
}

static void no_thread_is_made(void **state)
{
    (void)state;
    size_t before = thread_count();
    CryoSettings settings = ticking();
    settings.logging.processor_type = "simple";
    memory_start(&settings);
    make_spans(600);
    cryo_log(CRYO_INFO, "a line");
    cryo_counter_add(cryo_counter("a.counter", NULL), 1, CRYO_ATTRS("a", 1));
    (void)cryo_tick();
    assert_int_equal(thread_count(), before);
    assert_true(cryo_flush(10000, NULL));
    assert_int_equal(thread_count(), before);
    assert_int_equal(cryo_memory_spans(NULL, NULL), 600);
    assert_int_equal(cryo_memory_logs(NULL, NULL), 1);
    assert_true(cryo_shutdown(10000, NULL));
    assert_int_equal(thread_count(), before);
    memory_stop();
}

static void a_tick_does_what_is_due(void **state)
{
    (void)state;
    CryoSettings settings = ticking();
    memory_start(&settings);
    int fd = cryo_tick_fd();
    make_spans(10);
    assert_false(is_readable(fd));
    assert_true(cryo_tick() > 0);
    assert_int_equal(counts().held, 10); /* no batch is full, and the delay not over */
    make_spans(512);
    assert_true(is_readable(fd));
    (void)cryo_tick();
    assert_int_equal(counts().held, 10); /* just the full one */
    tick_on();
    assert_int_equal(counts().held, 10);
    assert_false(is_readable(fd));
    memory_stop();
    settings.tracing.export_config.schedule_delay_millis = 5;
    memory_start(&settings);
    make_spans(10);
    int64_t wait_ns = cryo_tick();
    assert_true(wait_ns <= 5 * NANOS_PER_MILLI);
    assert_true(until(all_sent));
    assert_int_equal(counts().exported, 10);
    memory_stop();
}

static void simple_processors_ask_for_a_tick_each_time(void **state)
{
    (void)state;
    CryoSettings settings = ticking();
    settings.tracing.processor_type = "simple";
    memory_start(&settings);
    for (int i = 1; i <= 3; i++) {
        make_spans(1);
        assert_true(is_readable(cryo_tick_fd()));
        tick_on();
        assert_int_equal(counts().exported, i);
        assert_false(is_readable(cryo_tick_fd()));
    }
    memory_stop();
}

static size_t wanted_spans, wanted_logs;

static bool arrived(void)
{
    return peer.items[TRACES] >= wanted_spans && peer.items[LOGS] >= wanted_logs && all_sent();
}

/* Time is never what makes the next tick due here: the descriptor alone says so. */
static void all_arrives_over(const char *protocol)
{
    peer_start();
    start_sending(peer.port, protocol);
    wanted_spans = wanted_logs = 512;
    make_spans(512);
    for (int i = 0; i < 512; i++)
        cryo_log(CRYO_INFO, "a line");
    cryo_counter_add(cryo_counter("a.counter", NULL), 1, CRYO_ATTRS("a", 1));
    assert_true(until(arrived));
    make_spans(512);
    wanted_spans = 1024;
    assert_true(until(arrived));
    assert_int_equal(peer.items[TRACES], 1024);
    assert_int_equal(peer.items[LOGS], 512);
    assert_int_equal(counts().exported, 1024);
    assert_int_equal(counts().logs_exported, 512);
    cryo_shutdown(0, NULL);
    memory_stop();
    peer_stop();
}

static void all_arrives_over_each_transport(void **state)
{
    (void)state;
    all_arrives_over("grpc");
    all_arrives_over("http/protobuf");
}

static void what_was_not_taken_is_tried_again(void **state)
{
    (void)state;
    peer_start();
    start_sending(peer.port, "http/protobuf");
    peer.unavailable = 1;
    make_spans(512);
    assert_true(until(all_sent));
    assert_int_equal(counts().exported, 512);
    assert_int_equal(peer.unavailable, 0);
    memory_stop();
    peer_stop();
}

/* It takes connections and says nothing. Had a tick waited for it, the batch would have failed, or
 * the test would run for the ten minutes of its time-out. */
static void a_silent_far_side_holds_up_nothing(const char *protocol)
{
    Address address;
    int listener = raw_listen(&address);
    assert_true(listener >= 0);
    start_sending(address_port(&address), protocol);
    for (int i = 0; i < 100; i++) {
        make_spans(50);
        (void)cryo_tick();
    }
    CryoCounts now = counts();
    assert_int_equal(now.failed, 0);
    assert_int_equal(now.exported, 0);
    assert_true(now.held >= 2048);
    assert_int_equal(now.held + now.dropped_queue, 5000);
    CryoError error;
    assert_false(cryo_flush(20, &error));
    assert_non_null(strstr(error.text, "still exporting spans"));
    assert_true(cryo_tick() >= 0);
    assert_int_equal(counts().failed, 0); /* it still has its time */
    assert_false(cryo_shutdown(20, &error));
    assert_non_null(strstr(error.text, "could not be delivered"));
    assert_int_equal(counts().held, 0);
    memory_stop();
    close(listener);
}

static void a_far_side_that_never_answers(void **state)
{
    (void)state;
    a_silent_far_side_holds_up_nothing("grpc");
    a_silent_far_side_holds_up_nothing("http/protobuf");
}

static void quiet(void *context, CryoLogLevel level, CryoString message)
{
    (void)context, (void)level, (void)message;
}

static void a_far_side_that_is_not_there(void **state)
{
    (void)state;
    Address address;
    int listener = raw_listen(&address);
    close(listener);
    cryo_set_log_handler(quiet, NULL);
    start_sending(address_port(&address), "grpc");
    make_spans(512);
    for (int i = 0; i < 50; i++) {
        make_spans(1);
        (void)cryo_tick();
        struct pollfd fd = { .fd = cryo_tick_fd(), .events = POLLIN };
        (void)poll(&fd, 1, 1);
    }
    assert_int_equal(counts().exported, 0);
    assert_int_equal(counts().failed, 0); /* it waits for the next try, in a second or so */
    assert_int_equal(counts().held, 562);
    CryoError error;
    assert_false(cryo_shutdown(5000, &error));
    assert_int_equal(counts().failed, 562);
    memory_stop();
}

static void a_slow_resolver_holds_up_nothing(void **state)
{
    (void)state;
    char host[64];
    Urls urls;
    CryoSettings settings = ticking();
    peer_start();
    snprintf(host, sizeof host, "collector.example:%u", peer.port);
    send_to(&settings, &urls, host, "http/protobuf");
    settings.enable_metrics = CRYO_OFF;
    memory_start(&settings);
    make_spans(512);
    (void)cryo_tick();
    while (sem_wait(&resolver.asked) != 0) {
    }
    for (int i = 0; i < 100; i++)
        (void)cryo_tick();
    assert_int_equal(counts().held, 512);
    assert_int_equal(counts().failed, 0);
    sem_post(&resolver.answer); /* the descriptor says that there is one */
    wanted_spans = 512;
    wanted_logs = 0;
    assert_true(until(arrived));
    assert_int_equal(atomic_load(&resolver.lookups), 1);
    memory_stop();
    peer_stop();
}

static bool logs_arrived(void)
{
    return counts().logs_exported == 512;
}

/* The spans' server is silent; the log records go to another. */
static void one_signal_holds_up_no_other(void **state)
{
    (void)state;
    char host[64];
    Urls urls;
    Address address;
    int listener = raw_listen(&address);
    for (CryoSwitch thread = CRYO_OFF; thread <= CRYO_ON; thread++) {
        CryoSettings settings = ticking();
        snprintf(host, sizeof host, "127.0.0.1:%u", address_port(&address));
        send_to(&settings, &urls, host, "http/protobuf");
        settings.enable_worker_thread = thread;
        settings.logging.exporter_type = "in_memory";
        memory_start(&settings);
        make_spans(512);
        for (int i = 0; i < 512; i++)
            cryo_log(CRYO_INFO, "a line");
        int64_t end = clock_mono_ns(clock_system()) + PATIENCE_S * NANOS_PER_SECOND;
        while (!logs_arrived() && clock_mono_ns(clock_system()) < end) {
            (void)cryo_tick();
            usleep(1000);
        }
        assert_true(logs_arrived());
        assert_int_equal(counts().held, 512);
        assert_false(cryo_shutdown(0, NULL));
        memory_stop();
    }
    close(listener);
}

/* ---- flush, exporters, threads, forks -------------------------------------------------------- */

static void flush_ticks_inside(void **state)
{
    (void)state;
    CryoSettings settings = ticking();
    memory_start(&settings);
    make_spans(1500);
    assert_true(cryo_flush(10000, NULL));
    assert_int_equal(counts().exported, 1500);
    make_spans(3);
    assert_true(cryo_shutdown(10000, NULL));
    assert_int_equal(counts().exported, 1503);
    memory_stop();
}

static struct {
    int64_t ticked;
    bool flushed;
    int fd;
    uint64_t spans;
} inside;

static bool export_and_tick(void *self, const CryoSpanView *spans, size_t count,
                            uint32_t timeout_ms, CryoError *err)
{
    (void)self, (void)spans, (void)timeout_ms, (void)err;
    inside.ticked = cryo_tick();
    inside.fd = cryo_tick_fd();
    inside.flushed = cryo_flush(1, NULL);
    make_spans(1); /* suppressed: an exporter's own spans would never end */
    inside.spans += count;
    return true;
}

static void an_exporter_may_call_all_of_it(void **state)
{
    (void)state;
    const CryoExporterType type = { .size = sizeof type, .export_spans = export_and_tick };
    assert_true(cryo_exporter_register("inside", &type, NULL, NULL));
    CryoSettings settings = ticking();
    settings.tracing.exporter_type = "inside";
    memory_start(&settings);
    make_spans(512);
    int64_t wait_ns = cryo_tick();
    assert_int_equal(inside.spans, 512);
    assert_true(inside.ticked < 0);
    assert_false(inside.flushed);
    assert_int_equal(inside.fd, cryo_tick_fd());
    assert_true(wait_ns >= 0);
    make_spans(1); /* ours are recorded as before */
    assert_int_equal(counts().held, 1);
    memory_stop();
}

enum { THREADS = 4, SPANS_EACH = 20000 };

static void *make_and_tick(void *nothing)
{
    (void)nothing;
    for (int i = 0; i < SPANS_EACH / 10; i++) {
        make_spans(10);
        (void)cryo_tick();
        if (i % 500 == 0)
            (void)cryo_flush(10000, NULL);
    }
    return NULL;
}

static void any_thread_may_tick(void **state)
{
    (void)state;
    CryoSettings settings = ticking();
    settings.tracing.max_queue_size = THREADS * SPANS_EACH;
    memory_start(&settings);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_and_tick, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_true(cryo_flush(10000, NULL));
    assert_int_equal(counts().exported, THREADS * SPANS_EACH);
    memory_stop();
}

static void a_million_spans(void **state)
{
    (void)state;
    peer_start();
    start_sending(peer.port, "grpc");
    enum { MILLION = 1000000, AT_ONCE = 500 };
    for (int made = 0; made < MILLION; made += AT_ONCE) {
        make_spans(AT_ONCE);
        for (int i = 0; i < 100 && counts().held > 512; i++) {
            (void)cryo_tick();
            peer_turns();
        }
    }
    CryoCounts now = counts();
    assert_int_equal(now.started, MILLION);
    assert_int_equal(now.exported + now.failed + now.dropped_queue + now.held, MILLION);
    assert_int_equal(now.failed, 0);
    assert_true(now.exported > 0);
    assert_true(now.exported <= peer.items[TRACES]);
    (void)cryo_shutdown(0, NULL);
    memory_stop();
    peer_stop();
}

/* ---- without memory -------------------------------------------------------------------------- */

/* A far side that needs no memory of ours: one connection, one request, 200. */
static struct {
    int listener, fd;
    char got[65536];
    size_t len;
} plain = { .fd = -1 };

static bool request_is_whole(void)
{
    plain.got[plain.len] = '\0';
    const char *length = strstr(plain.got, "content-length: "),
               *end = strstr(plain.got, "\r\n\r\n");
    return length && end &&
           plain.len >= (size_t)(end + 4 - plain.got) + strtoul(length + 16, NULL, 10);
}

static void plain_peer_turns(void)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    if (plain.fd < 0) {
        plain.fd = accept(plain.listener, NULL, NULL);
        plain.len = 0;
        return;
    }
    ssize_t n =
        recv(plain.fd, plain.got + plain.len, sizeof plain.got - 1 - plain.len, MSG_DONTWAIT);
    if (n == 0) {
        close(plain.fd);
        plain.fd = -1;
        return;
    }
    plain.len += n > 0 ? (size_t)n : 0;
    if (!request_is_whole())
        return;
    assert_int_equal(send(plain.fd, answer, sizeof answer - 1, MSG_NOSIGNAL), sizeof answer - 1);
    plain.len = 0;
}

/* Start, send, shut down. Gives how many spans were delivered; -1: it could not even start. */
static long send_twice_three(uint16_t port)
{
    char host[32];
    Urls urls;
    CryoError error;
    CryoSettings settings = ticking();
    snprintf(host, sizeof host, "127.0.0.1:%u", port);
    send_to(&settings, &urls, host, "http/protobuf");
    settings.tracing.processor_type = "simple";
    settings.enable_metrics = CRYO_OFF;
    settings.env_file = "";
    if (!cryo_start(&settings, &error))
        return -1;
    for (int batch = 0; batch < 2; batch++) {
        make_spans(3);
        for (int i = 0; i < 1000 && counts().held > 0; i++) {
            (void)cryo_tick();
            plain_peer_turns();
        }
    }
    (void)cryo_shutdown(0, NULL);
    CryoCounts now = counts();
    assert_int_equal(now.exported + now.failed + now.dropped_queue, now.started);
    assert_int_equal(now.held, 0);
    return (long)now.exported;
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    Address address;
    plain.listener = raw_listen(&address);
    cryo_set_log_handler(quiet, NULL);
    starve_after(-1);
    assert_int_equal(send_twice_three(address_port(&address)), 6);
    long live = starve_live(), refused = 0, delivered = 0, n = 0;
    for (;; n++) {
        starve_after(n);
        long sent = send_twice_three(address_port(&address));
        if (!starve_happened())
            break;
        refused += sent < 0;
        delivered += sent >= 3;
        assert_int_equal(starve_live(), live);
    }
    starve_end();
    assert_true(refused > 10);  /* of the settings and the start */
    assert_true(delivered > 0); /* a batch that fails spoils no other */
    assert_true(n > refused + delivered);
    if (plain.fd >= 0)
        close(plain.fd);
    close(plain.listener);
}

enum { CHILD_FINE = 7 };

static void be_the_child(void)
{
    size_t threads = thread_count(); /* a sanitizer may have one of its own */
    int fd = cryo_tick_fd();
    bool good = fd >= 0 && counts().held == 0;
    make_spans(512);
    good = good && is_readable(fd);
    int64_t end = clock_mono_ns(clock_system()) + PATIENCE_S * NANOS_PER_SECOND;
    while (!all_sent() && clock_mono_ns(clock_system()) < end) {
        (void)cryo_tick();
        usleep(100);
    }
    good = good && counts().exported == 512 && thread_count() == threads;
    good = good && cryo_shutdown(5000, NULL);
    _exit(good ? CHILD_FINE : 1);
}

static void a_child_begins_anew(void **state)
{
    (void)state;
    Address address;
    int listener = raw_listen(&address);
    start_sending(address_port(&address), "http/protobuf");
    make_spans(600);
    (void)cryo_tick(); /* a batch is on its way */
    pid_t child = fork();
    if (child == 0) {
        close(listener);
        (void)cryo_shutdown(0, NULL);
        CryoSettings settings = ticking();
        memory_start(&settings);
        be_the_child();
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), CHILD_FINE);
    (void)cryo_tick();
    assert_int_equal(counts().held, 600);
    assert_int_equal(counts().failed, 0);
    (void)cryo_shutdown(0, NULL);
    memory_stop();
    close(listener);
}

static void a_child_goes_on_ticking(void **state)
{
    (void)state;
    CryoSettings settings = ticking();
    size_t before = descriptor_count();
    memory_start(&settings);
    make_spans(100);
    int fd = cryo_tick_fd();
    pid_t child = fork();
    if (child == 0) {
        if (descriptor_count() != before) /* the parent's are closed */
            _exit(2);
        be_the_child();
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), CHILD_FINE);
    assert_int_equal(cryo_tick_fd(), fd);
    assert_true(cryo_flush(10000, NULL));
    assert_int_equal(counts().exported, 100);
    memory_stop();
}

static int clean_up(void **state)
{
    (void)state;
    cryo_reset(); /* what a failed test left */
    return 0;
}

int main(void)
{
    starve_after(-1); /* before anything allocates */
    sem_init(&resolver.asked, 0, 0);
    sem_init(&resolver.answer, 0, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(without_a_start_there_is_nothing_to_tick, clean_up),
        cmocka_unit_test_teardown(the_environment_chooses_it, clean_up),
        cmocka_unit_test_teardown(no_thread_is_made, clean_up),
        cmocka_unit_test_teardown(a_tick_does_what_is_due, clean_up),
        cmocka_unit_test_teardown(simple_processors_ask_for_a_tick_each_time, clean_up),
        cmocka_unit_test_teardown(all_arrives_over_each_transport, clean_up),
        cmocka_unit_test_teardown(what_was_not_taken_is_tried_again, clean_up),
        cmocka_unit_test_teardown(a_far_side_that_never_answers, clean_up),
        cmocka_unit_test_teardown(a_far_side_that_is_not_there, clean_up),
        cmocka_unit_test_teardown(a_slow_resolver_holds_up_nothing, clean_up),
        cmocka_unit_test_teardown(one_signal_holds_up_no_other, clean_up),
        cmocka_unit_test_teardown(flush_ticks_inside, clean_up),
        cmocka_unit_test_teardown(an_exporter_may_call_all_of_it, clean_up),
        cmocka_unit_test_teardown(any_thread_may_tick, clean_up),
        cmocka_unit_test_teardown(a_million_spans, clean_up),
        cmocka_unit_test_teardown(any_allocation_may_fail, clean_up),
        cmocka_unit_test_teardown(a_child_begins_anew, clean_up),
        cmocka_unit_test_teardown(a_child_goes_on_ticking, clean_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
