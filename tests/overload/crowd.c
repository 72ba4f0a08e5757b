/* crowd.c - see crowd.h. */
#include "overload/crowd.h"

#include "base/thread.h"
#include "codec/gzip.h"
#include "net/grpc_client.h"
#include "otlp/rpc.h"
#include "overload/hand_client.h"
#include "overload/load_request.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    BOMB_AGAIN_MS = 5000,  /* a hundred at once keep two processors busy for seconds */
    BOMB_BYTES = 64 << 20, /* plain */
    SPANS_AT_ONCE = 200,   /* of a large request */
    AGAIN_MS = 1000,       /* for those who were not told when */
    SLOW_KEPT = 4096,      /* what the kernel keeps for a slow reader */
    ASKS_AT_ONCE = 100,    /* by it */
    SLOW_ASKS = 5000,      /* so often at most: then nobody has stopped for it */
    SLOW_STUCK = 20,       /* tenths of a second */
    THREADS_MAX = SENDERS + BIG_SENDERS + BOMBERS + SLOW_READERS + 1,
};

/* How many are in the middle of something, and the most that were. */
typedef struct Crush {
    atomic_uint now, most, come;
} Crush;

static struct Crowd {
    CrowdPorts ports;
    atomic_bool rage, calm, over;
    atomic_uint acked[SENDERS], sent[SENDERS];
    atomic_bool big_done[BIG_SENDERS];
    Crush bombs_now, big_now;
    atomic_ullong told_to_wait, told_nothing, failed, bombs, bombs_opened, bombs_told_to_wait,
        bombs_unanswered, slow_stuck;
    atomic_int bombs_status;
    Mutex mutex;
    char failure[160]; /* guarded */
    Thread threads[THREADS_MAX];
    size_t thread_count;
    Loop *loop; /* of the gRPC senders */
    GrpcClient *clients[SENDERS / 2];
    Buf bomb;
} crowd = { .mutex = MUTEX_READY };

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static void heed(bool has_retry)
{
    atomic_fetch_add(has_retry ? &crowd.told_to_wait : &crowd.told_nothing, 1);
}

static void tell_failure(const char *how, int status, const char *text)
{
    mutex_lock(&crowd.mutex);
    if (!crowd.failure[0])
        snprintf(crowd.failure, sizeof crowd.failure, "%s %d: %.100s", how, status, text);
    mutex_unlock(&crowd.mutex);
    atomic_fetch_add(&crowd.failed, 1);
}

static bool is_at_end(uint32_t number)
{
    return atomic_load(&crowd.calm) || number + 1 == NUMBERS_MAX;
}

/* Whoever comes for the first time waits for the others. */
static void crush_enter(Crush *crush, unsigned expected, bool first)
{
    if (first)
        atomic_fetch_add(&crush->come, 1);
    unsigned now = atomic_fetch_add(&crush->now, 1) + 1, most = atomic_load(&crush->most);
    while (now > most && !atomic_compare_exchange_weak(&crush->most, &most, now))
        continue;
    while (first && atomic_load(&crush->come) < expected && !atomic_load(&crowd.over))
        sleep_ms(10);
}

static void crush_leave(Crush *crush)
{
    atomic_fetch_sub(&crush->now, 1);
}

/* ---- the well behaved, by gRPC ---- */

typedef struct Caller {
    uint32_t sender, number;
    Timer again;
} Caller;

static Caller callers[SENDERS / 2];

static void call_again(Caller *caller, int64_t ms)
{
    timer_set(crowd.loop, &caller->again, loop_now(crowd.loop) + ms * NANOS_PER_MILLI);
}

static void called(void *owner, GrpcReply *reply, const Err *err)
{
    Caller *caller = owner;
    if (atomic_load(&crowd.over))
        return;
    if (!err && reply->code == GRPC_OK) {
        atomic_store(&crowd.acked[caller->sender], ++caller->number);
        if (!is_at_end(caller->number))
            call_again(caller, 0);
        return;
    }
    if (!err && reply->code == GRPC_UNAVAILABLE)
        heed(reply->has_retry);
    else
        tell_failure("gRPC", err ? 0 : (int)reply->code, err ? err->text : "");
    call_again(caller, !err && reply->has_retry ? reply->retry_ms : AGAIN_MS);
}

static void call(void *owner)
{
    Err err;
    Caller *caller = owner;
    GrpcCall made = { .path = otlp_grpc_path(TRACES),
                      .message = BUF(SMALL_MAX),
                      .timeout_ns = 30 * NANOS_PER_SECOND,
                      .done = called,
                      .owner = caller };
    request_make(&made.message, caller->sender, caller->number);
    atomic_store(&crowd.sent[caller->sender], caller->number + 1);
    if (!grpc_client_call(crowd.clients[caller->sender], &made, &err)) {
        buf_free(&made.message);
        call_again(caller, AGAIN_MS);
    }
}

static void run_callers(void *unused)
{
    (void)unused;
    loop_run(crowd.loop);
}

static void make_callers(void)
{
    Err err;
    char endpoint[32];
    snprintf(endpoint, sizeof endpoint, "127.0.0.1:%u", crowd.ports.grpc);
    crowd.loop = loop_new(NULL, NULL, &err);
    if (!crowd.loop)
        die(err.text);
    for (uint32_t i = 0; i < SENDERS / 2; i++) {
        crowd.clients[i] = grpc_client_new(&(GrpcClientSettings){ .loop = crowd.loop,
                                                                  .endpoint = str_from(endpoint) },
                                           &err);
        if (!crowd.clients[i])
            die(err.text);
        callers[i] = (Caller){ .sender = i, .again = { .fire = call, .owner = &callers[i] } };
        call_again(&callers[i], 0);
    }
}

/* ---- by HTTP ---- */

static bool send_head(int fd, size_t body_bytes, const char *encoding)
{
    char head[256];
    int n = snprintf(head, sizeof head,
                     "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                     "Content-Type: application/x-protobuf\r\n%sContent-Length: %zu\r\n\r\n",
                     encoding, body_bytes);
    return hand_send(fd, (Str){ head, (size_t)n });
}

/* A refusal may be there before the body's end. */
static HandAnswer post(Str body)
{
    int fd = hand_connect(crowd.ports.http, 0);
    if (fd < 0)
        return (HandAnswer){ 0, -1 };
    bool sent = send_head(fd, body.len, "") && hand_send(fd, body);
    (void)sent;
    HandAnswer answer = hand_answer(fd);
    close(fd);
    return answer;
}

/* True: it was said OK to. Else waits as long as was asked. */
static bool is_taken(HandAnswer answer)
{
    if (answer.status == 200)
        return true;
    if (answer.status == 503)
        heed(answer.retry_ms >= 0);
    else
        tell_failure("HTTP", answer.status, "");
    sleep_ms(answer.retry_ms >= 0 ? answer.retry_ms : AGAIN_MS);
    return false;
}

static void run_sender(void *argument)
{
    uint32_t sender = (uint32_t)(uintptr_t)argument;
    Buf body = BUF(SMALL_MAX);
    for (uint32_t number = 0; !atomic_load(&crowd.over) && (number == 0 || !is_at_end(number));) {
        buf_clear(&body);
        request_make(&body, sender, number);
        atomic_store(&crowd.sent[sender], ++number);
        while (!is_taken(post(buf_str(&body))))
            if (atomic_load(&crowd.over))
                goto done;
        atomic_store(&crowd.acked[sender], number);
    }
done:
    buf_free(&body);
}

/* ---- large requests ---- */

static bool send_big(int fd, uint32_t sender)
{
    Buf bytes = BUF(SMALL_MAX);
    big_head(&bytes);
    bool sent = hand_send(fd, buf_str(&bytes));
    for (uint32_t at = 0; sent && at < BIG_SPANS; at += SPANS_AT_ONCE) {
        buf_clear(&bytes);
        big_spans(&bytes, sender, at, SPANS_AT_ONCE);
        sent = hand_send(fd, buf_str(&bytes));
    }
    buf_free(&bytes);
    return sent;
}

static HandAnswer post_big(uint32_t sender, bool first)
{
    HandAnswer answer = { 0, -1 };
    int fd = hand_connect(crowd.ports.http, 0);
    crush_enter(&crowd.big_now, BIG_SENDERS, first);
    if (fd >= 0 && send_head(fd, big_size(), "")) {
        bool sent = send_big(fd, sender);
        (void)sent; /* as in post() */
        answer = hand_answer(fd);
    }
    crush_leave(&crowd.big_now);
    if (fd >= 0)
        close(fd);
    return answer;
}

static void run_big_sender(void *argument)
{
    uint32_t sender = (uint32_t)(uintptr_t)argument;
    for (bool first = true; !atomic_load(&crowd.over); first = false) {
        if (!is_taken(post_big(sender, first)))
            continue;
        atomic_store(&crowd.big_done[sender], true);
        return;
    }
}

/* ---- bombs ---- */

static void count_bomb(HandAnswer answer)
{
    atomic_fetch_add(&crowd.bombs, 1);
    if (answer.status == 400)
        atomic_fetch_add(&crowd.bombs_opened, 1);
    else if (answer.status == 503 && answer.retry_ms >= 0)
        atomic_fetch_add(&crowd.bombs_told_to_wait, 1);
    else if (atomic_fetch_add(&crowd.bombs_unanswered, 1) == 0)
        atomic_store(&crowd.bombs_status, answer.status);
}

static void run_bomber(void *unused)
{
    (void)unused;
    for (bool first = true; !atomic_load(&crowd.calm); first = false) {
        HandAnswer answer = { 0, -1 };
        int fd = hand_connect(crowd.ports.http, 0);
        crush_enter(&crowd.bombs_now, BOMBERS, first);
        if (fd >= 0 && send_head(fd, crowd.bomb.len, "Content-Encoding: gzip\r\n") &&
            hand_send(fd, buf_str(&crowd.bomb)))
            answer = hand_answer(fd);
        crush_leave(&crowd.bombs_now);
        if (fd >= 0)
            close(fd);
        count_bomb(answer);
        while (!atomic_load(&crowd.rage) && !atomic_load(&crowd.calm))
            sleep_ms(10);
        sleep_ms(answer.retry_ms >= 0 ? answer.retry_ms : BOMB_AGAIN_MS);
    }
}

static void make_bomb(void)
{
    Err err;
    Str zeros = { calloc(1, BOMB_BYTES), BOMB_BYTES };
    crowd.bomb = BUF(1 << 20);
    if (!zeros.ptr || !gzip_compress(zeros, GZIP_FORMAT, &crowd.bomb, &err))
        die("no memory for a bomb");
    free((void *)(uintptr_t)zeros.ptr);
}

/* ---- slow readers ---- */

/* Asks until the program takes no more questions, because it cannot get rid of its answers: for two
 * seconds the kernel has had no room for another one. */
static bool ask_until_stuck(int fd, Str questions)
{
    unsigned stuck = 0;
    for (int i = 0; i < SLOW_ASKS && stuck < SLOW_STUCK && !atomic_load(&crowd.over);) {
        ssize_t n = send(fd, questions.ptr, questions.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n == (ssize_t)questions.len) {
            stuck = 0;
            i++;
        } else if (n < 0 && errno != EAGAIN) {
            return false;
        } else {
            if (n > 0) /* the rest is not sent: nobody will get there */
                questions = str_skip(questions, (size_t)n);
            stuck++;
            sleep_ms(100);
        }
    }
    return stuck == SLOW_STUCK;
}

/* Every other reads a byte now and then, the others nothing. */
static void run_slow_reader(void *argument)
{
    bool reads = (uintptr_t)argument % 2;
    char byte;
    Buf asks = BUF(SMALL_MAX);
    for (int i = 0; i < ASKS_AT_ONCE; i++)
        buf_addf(&asks, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
                 reads ? "/debug/servicez" : "/");
    int fd = hand_connect(reads ? crowd.ports.zpages : crowd.ports.page, SLOW_KEPT);
    if (fd < 0)
        return;
    atomic_fetch_add(&crowd.slow_stuck, ask_until_stuck(fd, buf_str(&asks)));
    buf_free(&asks);
    while (!atomic_load(&crowd.over)) {
        sleep_ms(100);
        if (reads && recv(fd, &byte, 1, MSG_DONTWAIT) == 0)
            break;
    }
    close(fd);
}

/* ---- all together ---- */

static void begin(void (*run)(void *), uintptr_t argument)
{
    Err err;
    if (!thread_start(&crowd.threads[crowd.thread_count++], "crowd", run, (void *)argument, &err))
        die(err.text);
}

void crowd_open(const CrowdPorts *ports)
{
    crowd.ports = *ports;
}

void crowd_start(void)
{
    make_callers();
    begin(run_callers, 0);
    for (uintptr_t i = SENDERS / 2; i < SENDERS; i++)
        begin(run_sender, i);
}

void crowd_bomb(void)
{
    make_bomb();
    for (uintptr_t i = 0; i < BOMBERS; i++)
        begin(run_bomber, 0);
}

bool crowd_has_bombed(void)
{
    return atomic_load(&crowd.bombs) >= BOMBERS;
}

void crowd_rage(void)
{
    atomic_store(&crowd.rage, true);
    for (uintptr_t i = 0; i < SLOW_READERS; i++)
        begin(run_slow_reader, i);
    for (uintptr_t i = 0; i < BIG_SENDERS; i++)
        begin(run_big_sender, i);
}

void crowd_calm(void)
{
    atomic_store(&crowd.calm, true);
}

static uint64_t count_missing(void)
{
    uint64_t missing = 0;
    for (uint32_t sender = 0; sender < SENDERS; sender++)
        for (uint32_t number = 0; number < atomic_load(&crowd.acked[sender]); number++)
            missing += !book_has(sender, number);
    for (uint32_t i = 0; i < BIG_SENDERS; i++)
        missing += atomic_load(&crowd.big_done[i]) && !book_has_big(i);
    return missing;
}

bool crowd_is_settled(void)
{
    for (size_t i = 0; i < SENDERS; i++)
        if (atomic_load(&crowd.acked[i]) < atomic_load(&crowd.sent[i]))
            return false;
    for (size_t i = 0; i < BIG_SENDERS; i++)
        if (!atomic_load(&crowd.big_done[i]))
            return false;
    return count_missing() == 0;
}

void crowd_stop(void)
{
    atomic_store(&crowd.calm, true);
    atomic_store(&crowd.over, true);
}

CrowdReport crowd_report(void)
{
    CrowdReport report = { .told_to_wait = crowd.told_to_wait,
                           .told_nothing = crowd.told_nothing,
                           .failed = crowd.failed,
                           .big_at_once = crowd.big_now.most,
                           .bombs = crowd.bombs,
                           .bombs_at_once = crowd.bombs_now.most,
                           .bombs_opened = crowd.bombs_opened,
                           .bombs_told_to_wait = crowd.bombs_told_to_wait,
                           .bombs_unanswered = crowd.bombs_unanswered,
                           .bombs_status = crowd.bombs_status,
                           .slow_stuck = crowd.slow_stuck,
                           .missing = count_missing() };
    mutex_lock(&crowd.mutex);
    memcpy(report.failure, crowd.failure, sizeof report.failure);
    mutex_unlock(&crowd.mutex);
    for (size_t i = 0; i < SENDERS; i++) {
        report.sent += crowd.sent[i];
        report.acknowledged += crowd.acked[i];
    }
    for (size_t i = 0; i < BIG_SENDERS; i++)
        report.big_acknowledged += crowd.big_done[i];
    return report;
}
