/* replay.c - see replay.h. */
#include "support/replay.h"

#include "base/mem.h"
#include "net/http2.h"
#include "otlp/rpc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_SIZE = 64 * 1024, FILL_SIZE = 256 * 1024, AGAIN_MS = 5, HEAD_MAX = 1024 };

typedef struct Slot { /* a call in flight */
    Http2Message message;
    Payload payload;
    bool busy, refused;
} Slot;

struct Replay {
    ReplaySettings settings;
    Watch watch;
    Timer again;
    Buf out; /* to be written */
    size_t out_sent;
    size_t to_begin, left, refused, next_body;
    Http2 *engine; /* gRPC */
    HttpFields fields;
    Slot slots[REPLAY_IN_FLIGHT_MAX];
    Buf in; /* HTTP/1.1: the answer so far */
    bool waits;
};

static void die(const char *what)
{
    fprintf(stderr, "replay: %s\n", what);
    exit(1);
}

static void hold(bool good, const Err *err)
{
    if (!good)
        die(err->text);
}

/* ---- what both have ---- */

static Str next_body(Replay *replay)
{
    return replay->settings.bodies[replay->next_body++ % replay->settings.body_count];
}

static void settle(Replay *replay, bool refused)
{
    if (!refused) {
        replay->left--;
        return;
    }
    replay->refused++;
    replay->to_begin++;
    timer_set(replay->settings.loop, &replay->again,
              loop_now(replay->settings.loop) + AGAIN_MS * NANOS_PER_MILLI);
}

/* ---- gRPC ---- */

static void begin_call(Replay *replay, Slot *slot)
{
    Err err = { 0 };
    int32_t id;
    Str body = next_body(replay);
    *slot = (Slot){ .busy = true, .payload = { .owned = BUF(0), .borrowed = body } };
    slot->payload.prefix_len = GRPC_PREFIX_SIZE;
    grpc_frame_prefix(slot->payload.prefix, replay->settings.gzip, (uint32_t)body.len);
    slot->message = (Http2Message){ .fields = &replay->fields, .payload = &slot->payload };
    hold(http2_request(replay->engine, &slot->message, slot, &id, &err), &err);
    replay->to_begin--;
}

static void begin_calls(Replay *replay)
{
    for (size_t i = 0; i < replay->settings.in_flight && replay->to_begin; i++) {
        if (!replay->slots[i].busy)
            begin_call(replay, &replay->slots[i]);
    }
}

static void *on_begin(void *owner, int32_t id)
{
    (void)owner, (void)id;
    return NULL;
}

static void on_field(void *owner, void *stream, Str name, Str value)
{
    (void)owner;
    Slot *slot = stream;
    if (str_eq(name, STR("grpc-status")) && !str_eq(value, STR("0")))
        slot->refused = true;
}

static void on_part(void *owner, void *stream)
{
    (void)owner, (void)stream;
}

static void on_body(void *owner, void *stream, Str bytes)
{
    (void)owner, (void)stream, (void)bytes;
}

static void on_closed(void *owner, void *stream, uint32_t code)
{
    Slot *slot = stream;
    slot->busy = false;
    settle(owner, slot->refused || code != 0);
}

static const Http2Events events = {
    on_begin, on_field, on_part, on_body, on_part, NULL, on_closed
};

static void open_grpc(Replay *replay)
{
    Err err = { 0 };
    const Http2Settings settings = {
        .role = HTTP2_CLIENT, .streams_max = 1, .header_max = 65536, .window = 1 << 20
    };
    const HttpField fields[] = { { STR(":method"), STR("POST") },
                                 { STR(":scheme"), STR("http") },
                                 { STR(":path"), otlp_grpc_path(replay->settings.signal) },
                                 { STR(":authority"), STR("localhost") },
                                 { STR("content-type"), STR("application/grpc") },
                                 { STR("te"), STR("trailers") },
                                 { STR("grpc-timeout"), STR("10S") },
                                 { STR("user-agent"), STR("replay") },
                                 { STR("grpc-encoding"), STR("gzip") } };
    http_fields_init(&replay->fields, 4096);
    for (size_t i = 0; i < COUNT_OF(fields) - !replay->settings.gzip; i++)
        hold(http_fields_add(&replay->fields, fields[i].name, fields[i].value, &err), &err);
    replay->engine = http2_new(&settings, &events, replay, &err);
    hold(replay->engine != NULL, &err);
}

/* ---- HTTP/1.1 ---- */

static void begin_request(Replay *replay)
{
    if (replay->waits || !replay->to_begin)
        return;
    Str body = next_body(replay);
    buf_addf(&replay->out,
             "POST %.*s HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-protobuf\r\n"
             "content-length: %zu\r\n%s\r\n",
             STR_ARG(otlp_http_path(replay->settings.signal)), body.len,
             replay->settings.gzip ? "content-encoding: gzip\r\n" : "");
    buf_add(&replay->out, body);
    replay->to_begin--;
    replay->waits = true;
}

/* How much of the answer there must be, 0 while its head is not whole. */
static size_t answer_size(Str answer)
{
    const char *end = memmem(answer.ptr, answer.len, "\r\n\r\n", 4);
    if (!end)
        return 0;
    char head[HEAD_MAX];
    size_t len = (size_t)(end - answer.ptr) + 4;
    if (len >= sizeof head)
        die("an answer with a long head");
    memcpy(head, answer.ptr, len);
    head[len] = 0;
    const char *length = strcasestr(head, "content-length:");
    return len + (length ? strtoul(length + 15, NULL, 10) : 0);
}

static void take_answer(Replay *replay, Str bytes)
{
    buf_add(&replay->in, bytes);
    size_t size = answer_size(buf_str(&replay->in));
    if (!size || replay->in.len < size)
        return;
    bool taken = memcmp(replay->in.ptr + 9, "200", 3) == 0;
    bool later = memcmp(replay->in.ptr + 9, "503", 3) == 0;
    if (!taken && !later)
        die("an answer that is neither 200 nor 503");
    buf_clear(&replay->in);
    replay->waits = false;
    settle(replay, later);
}

/* ---- bytes ---- */

static void fill(Replay *replay)
{
    buf_clear(&replay->out);
    replay->out_sent = 0;
    if (replay->engine)
        http2_fill(replay->engine, &replay->out, FILL_SIZE);
    else
        begin_request(replay);
}

static void flush(Replay *replay)
{
    Err err = { 0 };
    Sockets *sockets = loop_sockets(replay->settings.loop);
    bool blocked = false;
    while (!blocked) {
        if (replay->out_sent == replay->out.len)
            fill(replay);
        if (replay->out.len == 0)
            break;
        ssize_t n = sockets->write(sockets, replay->watch.fd, replay->out.ptr + replay->out_sent,
                                   replay->out.len - replay->out_sent);
        blocked = n == -EAGAIN;
        if (n < 0 && !blocked)
            die("the connection broke");
        replay->out_sent += n > 0 ? (size_t)n : 0;
    }
    unsigned wanted = SOCKET_READ | (blocked ? SOCKET_WRITE : 0U);
    hold(loop_want(replay->settings.loop, &replay->watch, wanted, &err), &err);
}

static void go_on(Replay *replay)
{
    if (replay->engine && !replay->again.set)
        begin_calls(replay);
    if (replay->engine || !replay->again.set)
        flush(replay);
}

static void ready(void *owner, unsigned what)
{
    Replay *replay = owner;
    Sockets *sockets = loop_sockets(replay->settings.loop);
    Err err = { 0 };
    char bytes[READ_SIZE];
    ssize_t n = what & SOCKET_READ ? sockets->read(sockets, replay->watch.fd, bytes, sizeof bytes)
                                   : -EAGAIN;
    if (n == 0 || (n < 0 && n != -EAGAIN))
        die("the connection ended");
    Str in = { bytes, n > 0 ? (size_t)n : 0 };
    if (n > 0 && replay->engine)
        hold(http2_feed(replay->engine, in, loop_now(replay->settings.loop), &err), &err);
    else if (n > 0)
        take_answer(replay, in);
    go_on(replay);
}

static void try_again(void *owner)
{
    go_on(owner);
}

/* ---- life ---- */

Replay *replay_new(const ReplaySettings *settings)
{
    Err err = { 0 };
    Replay *replay = MEM_MAKE(Replay, 1, &err);
    hold(replay != NULL, &err);
    replay->settings = *settings;
    replay->out = BUF(64 << 20);
    replay->in = BUF(1 << 20);
    replay->watch = (Watch){ .ready = ready, .owner = replay };
    replay->again = (Timer){ .fire = try_again, .owner = replay };
    if (settings->grpc)
        open_grpc(replay);
    Sockets *sockets = loop_sockets(settings->loop);
    int fd = sockets->connect(sockets, &settings->to);
    if (fd < 0)
        die("no connection");
    hold(loop_watch(settings->loop, &replay->watch, fd, SOCKET_READ | SOCKET_WRITE, &err), &err);
    return replay;
}

void replay_send(Replay *replay, size_t requests)
{
    replay->to_begin += requests;
    replay->left += requests;
    go_on(replay);
}

size_t replay_left(const Replay *replay)
{
    return replay->left;
}

size_t replay_refused(const Replay *replay)
{
    return replay->refused;
}

void replay_free(Replay *replay)
{
    if (!replay)
        return;
    Sockets *sockets = loop_sockets(replay->settings.loop);
    timer_cancel(replay->settings.loop, &replay->again);
    loop_forget(replay->settings.loop, &replay->watch);
    sockets->close(sockets, replay->watch.fd);
    http2_free(replay->engine);
    http_fields_done(&replay->fields);
    buf_free(&replay->out);
    buf_free(&replay->in);
    mem_free(replay);
}
