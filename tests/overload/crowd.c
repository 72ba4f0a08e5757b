/* crowd.c - see crowd.h.
 *
 * A request carries its sender and number in the trace ids of its spans, so the far side can tell
 * what has arrived: a bit for each span.
 */
#include "overload/crowd.h"

#include "base/counter.h"
#include "base/mem.h"
#include "base/thread.h"
#include "codec/gzip.h"
#include "codec/wire.h"
#include "net/grpc_client.h"
#include "net/server.h"
#include "otlp/batch.h"
#include "otlp/rpc.h"
#include "otlp/view.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
    SPANS = 50,            /* of a request */
    SPAN_BYTES = 1200,     /* about */
    NUMBERS_MAX = 20000,   /* requests of one sender */
    BIG_SPANS = 50000,     /* 60 MiB */
    SLOW_MS = 400,         /* the far side's, per call */
    BOMB_AGAIN_MS = 5000,  /* a hundred at once keep two processors busy for seconds */
    BOMB_BYTES = 64 << 20, /* plain */
    PEOPLE = SENDERS + BIG_SENDERS,
};

static struct Load {
    LoadPorts ports;
    atomic_bool calm, over;
    uint8_t *arrived; /* a bit per span of the well behaved */
    atomic_uint big_arrived[BIG_SENDERS];
    atomic_uint acked[SENDERS], sent[SENDERS];
    atomic_bool big_done[BIG_SENDERS];
    atomic_ullong told_to_wait, told_nothing, failed, bombs, idle_open;
    Thread threads[PEOPLE + BOMBERS + 3];
    size_t thread_count;
    Loop *loop; /* of the far side and the gRPC senders */
    Server *far;
    GrpcClient *clients[SENDERS / 2];
    Buf bomb;
} load;

static void die(const char *what)
{
    fprintf(stderr, "overload: %s\n", what);
    exit(2);
}

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

/* ---- requests ---- */

static void put_u32(char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (char)(value >> (24 - 8 * i));
}

static uint32_t get_u32(const char *at)
{
    const uint8_t *b = (const uint8_t *)at;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static void add_span(Buf *out, uint32_t sender, uint32_t number, uint32_t which)
{
    static char text[SPAN_BYTES];
    char id[16] = { 0 };
    if (!text[0])
        memset(text, 'x', sizeof text);
    put_u32(id, sender + 1);
    put_u32(id + 4, number);
    put_u32(id + 8, which + 1);
    size_t span = wire_open(out, 2);
    wire_add_bytes(out, 1, (Str){ id, 16 });
    wire_add_bytes(out, 2, (Str){ id + 4, 8 });
    wire_add_bytes(out, 5, (Str){ text, sizeof text });
    wire_close(out, span);
}

static void make_request(Buf *out, uint32_t sender, uint32_t number, uint32_t spans)
{
    size_t resource = wire_open(out, 1);
    size_t scope = wire_open(out, 2);
    for (uint32_t i = 0; i < spans; i++)
        add_span(out, sender, number, i);
    wire_close(out, scope);
    wire_close(out, resource);
    if (out->failed)
        die("no memory for a request");
}

/* ---- the far side ---- */

typedef struct Late {
    Request *request;
    Timer timer;
} Late;

static size_t bit_of(uint32_t sender, uint32_t number, uint32_t span)
{
    return ((size_t)sender * NUMBERS_MAX + number) * SPANS + span;
}

static void note_span(const uint8_t *id)
{
    uint32_t sender = get_u32((const char *)id) - 1, number = get_u32((const char *)id + 4),
             span = get_u32((const char *)id + 8) - 1;
    if (sender >= SENDERS && sender < PEOPLE) {
        atomic_fetch_add(&load.big_arrived[sender - SENDERS], 1);
    } else if (sender < SENDERS && number < NUMBERS_MAX && span < SPANS) {
        size_t bit = bit_of(sender, number, span);
        load.arrived[bit / 8] |= (uint8_t)(1u << bit % 8);
    }
}

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

static void take(void *owner, Request *request)
{
    (void)owner;
    Err err;
    Buf bytes = request_take_body(request);
    Batch *batch = batch_from_bytes(TRACES, &bytes, &err);
    buf_free(&bytes);
    if (!batch)
        die("the far side got what is no batch");
    for (size_t i = 0; i < batch_item_count(batch); i++)
        note_span((const uint8_t *)span_view(batch, i).trace_id.bytes);
    batch_unref(batch);
    Late *late = atomic_load(&load.calm) ? NULL : calloc(1, sizeof *late);
    if (!late) {
        answer(request);
        return;
    }
    *late = (Late){ request, { .fire = late_fires, .owner = late } };
    timer_set(load.loop, &late->timer, loop_now(load.loop) + SLOW_MS * NANOS_PER_MILLI);
}

static void start_far_side(void)
{
    Err err;
    char endpoint[32];
    snprintf(endpoint, sizeof endpoint, "127.0.0.1:%u", load.ports.far);
    load.far =
        server_new(&(ServerSettings){ .loop = load.loop, .endpoint = str_from(endpoint) }, &err);
    const GrpcRoute route = { .path = otlp_grpc_path(TRACES), .handle = take };
    if (!load.far || !server_grpc_route(load.far, &route, &err) || !server_listen(load.far, &err))
        die(err.text);
}

/* ---- the well behaved, by gRPC ---- */

typedef struct Caller {
    uint32_t sender, number;
    Timer again;
} Caller;

static Caller callers[SENDERS / 2];

static void heed(bool has_retry)
{
    atomic_fetch_add(has_retry ? &load.told_to_wait : &load.told_nothing, 1);
}

static bool is_at_end(uint32_t number)
{
    return atomic_load(&load.calm) || number + 1 == NUMBERS_MAX;
}

static void call_again(Caller *caller, int64_t ms)
{
    timer_set(load.loop, &caller->again, loop_now(load.loop) + ms * NANOS_PER_MILLI);
}

static void called(void *owner, GrpcReply *reply, const Err *err)
{
    Caller *caller = owner;
    if (atomic_load(&load.over))
        return;
    if (!err && reply->code == GRPC_OK) {
        atomic_store(&load.acked[caller->sender], ++caller->number);
        if (!is_at_end(caller->number))
            call_again(caller, 0);
        return;
    }
    if (!err && reply->code != GRPC_UNAVAILABLE)
        atomic_fetch_add(&load.failed, 1);
    else if (!err)
        heed(reply->has_retry);
    call_again(caller, !err && reply->has_retry ? reply->retry_ms : 1000);
}

static void call(void *owner)
{
    Err err;
    Caller *caller = owner;
    GrpcCall made = { .path = otlp_grpc_path(TRACES),
                      .message = BUF(1 << 20),
                      .timeout_ns = 30 * NANOS_PER_SECOND,
                      .done = called,
                      .owner = caller };
    make_request(&made.message, caller->sender, caller->number, SPANS);
    atomic_store(&load.sent[caller->sender], caller->number + 1);
    if (!grpc_client_call(load.clients[caller->sender], &made, &err)) {
        buf_free(&made.message);
        call_again(caller, 1000);
    }
}

static void start_callers(void)
{
    Err err;
    char endpoint[32];
    snprintf(endpoint, sizeof endpoint, "127.0.0.1:%u", load.ports.grpc);
    for (uint32_t i = 0; i < SENDERS / 2; i++) {
        load.clients[i] = grpc_client_new(&(GrpcClientSettings){ .loop = load.loop,
                                                                 .endpoint = str_from(endpoint) },
                                          &err);
        if (!load.clients[i])
            die(err.text);
        callers[i] = (Caller){ .sender = i, .again = { .fire = call, .owner = &callers[i] } };
        call_again(&callers[i], 0);
    }
}

static void run_loop(void *unused)
{
    (void)unused;
    loop_run(load.loop);
}

/* ---- by hand ---- */

static int connect_to(uint16_t port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval patience = { .tv_sec = 20 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool send_all(int fd, Str bytes)
{
    while (bytes.len) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes = str_skip(bytes, (size_t)n);
    }
    return true;
}

/* The status of the answer, 0: there was none; its Retry-After in ms, -1: it has none. */
static int read_answer(int fd, long *retry_ms)
{
    char text[4096];
    size_t len = 0;
    ssize_t n;
    while (len < sizeof text - 1 && (n = recv(fd, text + len, sizeof text - 1 - len, 0)) > 0) {
        len += (size_t)n;
        text[len] = 0;
        if (strstr(text, "\r\n\r\n"))
            break;
    }
    text[len] = 0;
    const char *retry = strstr(text, "retry-after: ");
    *retry_ms = retry ? strtol(retry + 13, NULL, 10) * 1000 : -1;
    return len > 12 ? (int)strtol(text + 9, NULL, 10) : 0;
}

static int post_once(Str body, const char *encoding, long *retry_ms)
{
    char head[256];
    int n = snprintf(head, sizeof head,
                     "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                     "Content-Type: application/x-protobuf\r\n%sContent-Length: %zu\r\n\r\n",
                     encoding, body.len);
    *retry_ms = -1;
    int fd = connect_to(load.ports.http), status = 0;
    if (fd < 0)
        return 0;
    bool sent = send_all(fd, (Str){ head, (size_t)n }) && send_all(fd, body);
    (void)sent; /* a refusal may be there before the body's end */
    status = read_answer(fd, retry_ms);
    close(fd);
    return status;
}

/* Until it is said OK to, or all is over. */
static bool post(Str body)
{
    while (!atomic_load(&load.over)) {
        long retry_ms;
        int status = post_once(body, "", &retry_ms);
        if (status == 200)
            return true;
        if (status == 503)
            heed(retry_ms >= 0);
        else if (status)
            atomic_fetch_add(&load.failed, 1);
        sleep_ms(retry_ms >= 0 ? retry_ms : 1000);
    }
    return false;
}

static void run_sender(void *argument)
{
    uint32_t sender = (uint32_t)(uintptr_t)argument;
    Buf body = BUF(1 << 20);
    for (uint32_t number = 0; !atomic_load(&load.over) && (number == 0 || !is_at_end(number));) {
        buf_clear(&body);
        make_request(&body, sender, number, SPANS);
        atomic_store(&load.sent[sender], number + 1);
        if (post(buf_str(&body)))
            atomic_store(&load.acked[sender], ++number);
    }
    buf_free(&body);
}

static void run_big_sender(void *argument)
{
    uint32_t sender = (uint32_t)(uintptr_t)argument;
    static Mutex one_at_a_time = MUTEX_READY; /* making them all at once is not what is tested */
    Buf body = BUF(64 << 20);
    mutex_lock(&one_at_a_time);
    make_request(&body, sender, 0, BIG_SPANS);
    mutex_unlock(&one_at_a_time);
    if (post(buf_str(&body)))
        atomic_store(&load.big_done[sender - SENDERS], true);
    buf_free(&body);
}

static void run_bomber(void *unused)
{
    (void)unused;
    while (!atomic_load(&load.calm)) {
        long retry_ms;
        post_once(buf_str(&load.bomb), "Content-Encoding: gzip\r\n", &retry_ms);
        atomic_fetch_add(&load.bombs, 1);
        sleep_ms(retry_ms >= 0 ? retry_ms : BOMB_AGAIN_MS);
    }
}

/* Half of them speak HTTP/1.1, half HTTP/2. */
static void run_idlers(void *unused)
{
    (void)unused;
    static int fds[IDLERS];
    static const char get[] = "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n";
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
    for (size_t i = 0; i < IDLERS; i++) {
        bool h2 = i % 2;
        fds[i] = connect_to(h2 ? load.ports.grpc : load.ports.http);
        if (fds[i] < 0)
            continue;
        send_all(fds[i], h2 ? (Str){ preface, sizeof preface - 1 } : (Str){ get, sizeof get - 1 });
        atomic_fetch_add(&load.idle_open, 1);
    }
    while (!atomic_load(&load.over))
        sleep_ms(100);
    for (size_t i = 0; i < IDLERS; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static void run_slow_readers(void *unused)
{
    (void)unused;
    static const char get[] = "GET /debug/servicez HTTP/1.1\r\nHost: localhost\r\n\r\n";
    int fds[SLOW_READERS];
    for (size_t i = 0; i < SLOW_READERS; i++) {
        fds[i] = connect_to(load.ports.page);
        for (int k = 0; k < 500 && fds[i] >= 0; k++)
            if (send(fds[i], get, sizeof get - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                break;
    }
    while (!atomic_load(&load.over))
        sleep_ms(100);
    for (size_t i = 0; i < SLOW_READERS; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* ---- all together ---- */

static void begin(void (*run)(void *), uintptr_t argument)
{
    Err err;
    if (!thread_start(&load.threads[load.thread_count++], "load", run, (void *)argument, &err))
        die(err.text);
}

static void make_bomb(void)
{
    Err err;
    Str zeros = { calloc(1, BOMB_BYTES), BOMB_BYTES };
    load.bomb = BUF(1 << 20);
    if (!zeros.ptr || !gzip_compress(zeros, GZIP_FORMAT, &load.bomb, &err))
        die("no memory for a bomb");
    free((void *)(uintptr_t)zeros.ptr);
}

void load_start(const LoadPorts *ports)
{
    Err err;
    load.ports = *ports;
    load.arrived = calloc(1, (size_t)SENDERS * NUMBERS_MAX * SPANS / 8);
    load.loop = loop_new(NULL, NULL, &err);
    if (!load.loop || !load.arrived)
        die("no memory");
    make_bomb();
    start_far_side();
    start_callers();
    begin(run_loop, 0);
    begin(run_idlers, 0);
    begin(run_slow_readers, 0);
    for (uintptr_t i = SENDERS / 2; i < SENDERS; i++)
        begin(run_sender, i);
    for (uintptr_t i = SENDERS; i < PEOPLE; i++)
        begin(run_big_sender, i);
    for (uintptr_t i = 0; i < BOMBERS; i++)
        begin(run_bomber, 0);
}

void load_calm(void)
{
    atomic_store(&load.calm, true);
}

static bool has_arrived(uint32_t sender, uint32_t number)
{
    for (uint32_t span = 0; span < SPANS; span++) {
        size_t bit = bit_of(sender, number, span);
        if (!(load.arrived[bit / 8] & 1u << bit % 8))
            return false;
    }
    return true;
}

static uint64_t count_missing(void)
{
    uint64_t missing = 0;
    for (uint32_t sender = 0; sender < SENDERS; sender++)
        for (uint32_t number = 0; number < atomic_load(&load.acked[sender]); number++)
            missing += !has_arrived(sender, number);
    for (size_t i = 0; i < BIG_SENDERS; i++)
        missing += atomic_load(&load.big_done[i]) && atomic_load(&load.big_arrived[i]) < BIG_SPANS;
    return missing;
}

bool load_is_settled(void)
{
    for (size_t i = 0; i < SENDERS; i++)
        if (atomic_load(&load.acked[i]) < atomic_load(&load.sent[i]))
            return false;
    for (size_t i = 0; i < BIG_SENDERS; i++)
        if (!atomic_load(&load.big_done[i]))
            return false;
    return count_missing() == 0;
}

void load_stop(LoadReport *report)
{
    atomic_store(&load.calm, true);
    atomic_store(&load.over, true);
    *report = (LoadReport){ .told_to_wait = load.told_to_wait,
                            .told_nothing = load.told_nothing,
                            .failed = load.failed,
                            .bombs = load.bombs,
                            .idle_open = load.idle_open,
                            .missing = count_missing() };
    for (size_t i = 0; i < SENDERS; i++) {
        report->sent += load.sent[i];
        report->acknowledged += load.acked[i];
    }
    for (size_t i = 0; i < BIG_SENDERS; i++)
        report->big_acknowledged += load.big_done[i];
}
