/* http2.c - HTTP/2 over libnghttp2; see http2.h. The only file that knows it. */
#include "net/http2.h"

#include "base/clock.h"
#include "base/mem.h"

#include <assert.h>
#include <nghttp2/nghttp2.h>
#include <stddef.h>
#include <string.h>

/* As many as nghttp2 itself grants for the peer's resets. */
enum { RESET_BURST = 1000, RESETS_PER_SECOND = 33, EMPTY_BURST = 10000, EMPTIES_PER_SECOND = 330 };

enum {
    UPDATES_PER_STREAM = 2,  /* window updates that a finished exchange pays for */
    BYTES_PER_UPDATE = 1024, /* and what pays for a further one */
    HEADERS_BEYOND = 4,      /* times the limit: until then the refusal can still be said */
    CONTINUATIONS_MAX = 8,   /* of one header */
    /* nghttp2 counts every piece in which such a frame's head comes, not the frames; so it is told
     * what they may come to in single bytes, and we count them. */
    CONTINUATION_PIECES_MAX = 9 * (CONTINUATIONS_MAX + 1),
};

/* A bucket of tokens: `burst` at first, refilled by `rate` a second. */
typedef struct Bucket {
    int64_t tokens, burst, rate, filled_ns;
} Bucket;

struct Http2 {
    nghttp2_session *session;
    const Http2Events *events;
    void *owner;
    Http2Role role;
    int64_t now_ns; /* of the last feed */
    Bucket resets, empties, updates;
    size_t header_max, header_bytes; /* decoded, of the header that comes in */
    unsigned continuations;          /* of it */
    uint64_t pongs;
    Purse *purse;
    size_t held, paid; /* by nghttp2, and of that charged */
    bool greeted, peer_said_goaway;
    bool broken; /* there was no memory to say that it ends */
};

static void bucket_earn(Bucket *bucket, int64_t tokens)
{
    tokens += bucket->tokens;
    bucket->tokens = tokens < bucket->burst ? tokens : bucket->burst;
}

static bool bucket_take(Bucket *bucket, int64_t now_ns)
{
    int64_t earned = (now_ns - bucket->filled_ns) / (NANOS_PER_SECOND / bucket->rate);
    if (earned > 0) {
        bucket_earn(bucket, earned);
        bucket->filled_ns = now_ns;
    }
    return bucket->tokens-- > 0;
}

static bool check(int code, Err *err)
{
    if (code >= 0)
        return true;
    return fail(err, code == NGHTTP2_ERR_NOMEM ? ERR_MEMORY : ERR_INPUT, "HTTP/2: %s",
                nghttp2_strerror(code));
}

/* Without memory for its GOAWAY the session would stay open and hear nothing any more. */
static void terminate(Http2 *http2, uint32_t code)
{
    if (nghttp2_session_terminate_session(http2->session, code) != 0)
        http2->broken = true;
}

static void calm_down(Http2 *http2)
{
    terminate(http2, NGHTTP2_ENHANCE_YOUR_CALM);
}

static void *stream_of(Http2 *http2, int32_t id)
{
    return nghttp2_session_get_stream_user_data(http2->session, id);
}

/* ---- what nghttp2 calls ---- */

/* What carries nothing, and what only says that more may be sent, costs tokens. */
static bool may_come(Http2 *http2, const nghttp2_frame_hd *head)
{
    bool padded = head->flags & NGHTTP2_FLAG_PADDED;
    switch (head->type) {
    case NGHTTP2_HEADERS: http2->continuations = 0; return true;
    case NGHTTP2_CONTINUATION: return ++http2->continuations <= CONTINUATIONS_MAX;
    case NGHTTP2_WINDOW_UPDATE: return bucket_take(&http2->updates, http2->now_ns);
    case NGHTTP2_DATA:
        if (head->length > (padded ? 1 : 0) || head->flags & NGHTTP2_FLAG_END_STREAM)
            return true;
        break;
    default: break;
    }
    return bucket_take(&http2->empties, http2->now_ns);
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *head, void *self)
{
    (void)session;
    if (!may_come(self, head))
        calm_down(self);
    return 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *self)
{
    Http2 *http2 = self;
    http2->header_bytes = 0;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    void *stream = http2->events->begin(http2->owner, frame->hd.stream_id);
    if (!stream)
        http2_reset(http2, frame->hd.stream_id, HTTP2_REFUSED_STREAM);
    return nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *self)
{
    (void)session;
    (void)flags;
    Http2 *http2 = self;
    void *stream = stream_of(http2, frame->hd.stream_id);
    http2->header_bytes += name_len + value_len + HTTP_FIELD_OVERHEAD;
    if (http2->header_bytes / HEADERS_BEYOND > http2->header_max) {
        calm_down(http2); /* a few bytes may stand for a field of the whole dynamic table */
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (stream)
        http2->events->field(http2->owner, stream, (Str){ (const char *)name, name_len },
                             (Str){ (const char *)value, value_len });
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *self)
{
    (void)session;
    Http2 *http2 = self;
    if (frame->hd.type == NGHTTP2_GOAWAY)
        http2->peer_said_goaway = true;
    if (frame->hd.type == NGHTTP2_SETTINGS)
        http2->greeted = true;
    if (frame->hd.type == NGHTTP2_PING && frame->hd.flags & NGHTTP2_FLAG_ACK)
        http2->pongs++;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    void *stream = stream_of(http2, frame->hd.stream_id);
    if (stream && frame->hd.type == NGHTTP2_HEADERS)
        http2->events->head(http2->owner, stream);
    if (stream && frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
        http2->events->end(http2->owner, stream);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                   size_t size, void *self)
{
    (void)flags;
    Http2 *http2 = self;
    void *stream = stream_of(http2, id);
    if (stream)
        http2->events->body(http2->owner, stream, (Str){ (const char *)bytes, size });
    bool manual = http2->role == HTTP2_SERVER;
    return manual && nghttp2_session_consume_connection(session, size) == NGHTTP2_ERR_NOMEM
               ? NGHTTP2_ERR_CALLBACK_FAILURE
               : 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *self)
{
    Http2 *http2 = self;
    void *stream = stream_of(http2, id);
    if (!stream)
        return 0;
    bucket_earn(&http2->updates, UPDATES_PER_STREAM);
    nghttp2_session_set_stream_user_data(session, id, NULL);
    http2->events->closed(http2->owner, stream, code);
    return 0;
}

/* The answer has gone out whole. */
static void on_answered(Http2 *http2, int32_t id)
{
    void *stream = stream_of(http2, id);
    if (stream && http2->events->early && http2->role == HTTP2_SERVER &&
        nghttp2_session_get_stream_remote_close(http2->session, id) == 0)
        http2->events->early(http2->owner, stream);
}

static int on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *self)
{
    (void)session;
    Http2 *http2 = self;
    if (frame->hd.type == NGHTTP2_DATA)
        bucket_earn(&http2->updates, (int64_t)(frame->hd.length / BYTES_PER_UPDATE));
    bool ends = (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
                frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    if (ends)
        on_answered(http2, frame->hd.stream_id);
    bool provoked = frame->hd.type == NGHTTP2_RST_STREAM &&
                    frame->rst_stream.error_code != NGHTTP2_NO_ERROR &&
                    frame->rst_stream.error_code != NGHTTP2_CANCEL;
    if (provoked && !bucket_take(&http2->resets, http2->now_ns))
        calm_down(http2);
    return 0;
}

static bool add_callbacks(nghttp2_session_callbacks **out, Err *err)
{
    if (!check(nghttp2_session_callbacks_new(out), err))
        return false;
    nghttp2_session_callbacks_set_on_begin_frame_callback(*out, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(*out, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(*out, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(*out, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(*out, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(*out, on_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(*out, on_sent);
    return true;
}

/* ---- memory ---- */

/* Every block says how large it is, so that the sum is known and paid for; in steps, for a request
 * takes a dozen small ones. */
typedef union Block {
    size_t size;
    max_align_t aligned;
} Block;

enum { PAY_STEP = 4096 };

static bool pay_for(Http2 *http2, size_t held)
{
    size_t due = (held + PAY_STEP - 1) / PAY_STEP * PAY_STEP;
    bool more = due > http2->paid, less = due + PAY_STEP < http2->paid;
    if (more && !purse_take(http2->purse, due - http2->paid))
        return false;
    if (less)
        purse_give(http2->purse, http2->paid - due);
    if (more || less)
        http2->paid = due;
    return true;
}

static void *engine_realloc(void *ptr, size_t size, void *self)
{
    Http2 *http2 = self;
    Block *old = ptr ? (Block *)ptr - 1 : NULL;
    size_t before = old ? old->size : 0, held = http2->held - before + size;
    Block *block = size <= SIZE_MAX - sizeof *old && pay_for(http2, held)
                       ? mem_grow(old, sizeof *block + size)
                       : NULL;
    if (!block)
        return NULL;
    http2->held = held;
    block->size = size;
    return block + 1;
}

static void *engine_malloc(size_t size, void *self)
{
    return engine_realloc(NULL, size, self);
}

static void engine_free(void *ptr, void *self)
{
    Http2 *http2 = self;
    if (!ptr)
        return;
    Block *block = (Block *)ptr - 1;
    http2->held -= block->size;
    mem_free(block);
    bool paid = pay_for(http2, http2->held);
    assert(paid); /* less than before is never refused */
    (void)paid;
}

static void *engine_calloc(size_t count, size_t size, void *self)
{
    void *ptr = size && count > SIZE_MAX / size ? NULL : engine_realloc(NULL, count * size, self);
    return ptr ? memset(ptr, 0, count * size) : NULL;
}

/* ---- life ---- */

static int open_session(Http2 *http2, const nghttp2_session_callbacks *callbacks,
                        const nghttp2_option *option)
{
    nghttp2_mem memory = { http2, engine_malloc, engine_free, engine_calloc, engine_realloc };
    if (http2->role == HTTP2_SERVER)
        return nghttp2_session_server_new3(&http2->session, callbacks, http2, option, &memory);
    return nghttp2_session_client_new3(&http2->session, callbacks, http2, option, &memory);
}

static bool announce(Http2 *http2, const Http2Settings *settings, Err *err)
{
    nghttp2_settings_entry entries[] = {
        { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings->streams_max },
        { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings->header_max },
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings->window },
        { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
    };
    size_t count = COUNT_OF(entries) - (settings->role == HTTP2_SERVER); /* push is a client's */
    return check(nghttp2_submit_settings(http2->session, NGHTTP2_FLAG_NONE, entries, count), err) &&
           check(nghttp2_session_set_local_window_size(http2->session, NGHTTP2_FLAG_NONE, 0,
                                                       (int32_t)settings->window_all),
                 err);
}

static bool make_session(Http2 *http2, Err *err)
{
    nghttp2_option *option = NULL;
    nghttp2_session_callbacks *callbacks = NULL;
    bool ok = check(nghttp2_option_new(&option), err) && add_callbacks(&callbacks, err);
    if (ok) {
        nghttp2_option_set_no_closed_streams(option, 1);
        nghttp2_option_set_max_continuations(option, CONTINUATION_PIECES_MAX);
        nghttp2_option_set_no_auto_window_update(option, http2->role == HTTP2_SERVER);
        ok = check(open_session(http2, callbacks, option), err);
    }
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    return ok;
}

Http2 *http2_new(const Http2Settings *settings, const Http2Events *events, void *owner, Err *err)
{
    Http2 *http2 = MEM_MAKE(Http2, 1, err);
    if (!http2)
        return NULL;
    http2->events = events;
    http2->owner = owner;
    http2->role = settings->role;
    http2->purse = settings->purse;
    http2->resets = (Bucket){ RESET_BURST, RESET_BURST, RESETS_PER_SECOND, 0 };
    http2->empties = (Bucket){ EMPTY_BURST, EMPTY_BURST, EMPTIES_PER_SECOND, 0 };
    http2->updates = http2->empties;
    http2->header_max = settings->header_max;
    if (make_session(http2, err) && announce(http2, settings, err))
        return http2;
    http2_free(http2);
    return NULL;
}

void http2_free(Http2 *http2)
{
    if (!http2)
        return;
    nghttp2_session_del(http2->session);
    assert(!http2->held);
    purse_give(http2->purse, http2->paid);
    mem_free(http2);
}

/* ---- bytes ---- */

bool http2_feed(Http2 *http2, Str bytes, int64_t now_ns, Err *err)
{
    http2->now_ns = now_ns;
    ssize_t n = nghttp2_session_mem_recv(http2->session, (const uint8_t *)bytes.ptr, bytes.len);
    return check(http2->broken ? NGHTTP2_ERR_NOMEM : n < 0 ? (int)n : 0, err);
}

void http2_fill(Http2 *http2, Buf *out, size_t size)
{
    out->failed = out->failed || http2->broken;
    while (out->len < size && !out->failed) {
        const uint8_t *bytes;
        ssize_t n = nghttp2_session_mem_send(http2->session, &bytes);
        if (n == 0)
            return;
        if (n < 0) { /* out of memory: what was serialised is lost, and with it the connection */
            out->failed = true;
            return;
        }
        buf_add(out, (Str){ (const char *)bytes, (size_t)n });
    }
}

bool http2_is_greeted(const Http2 *http2)
{
    return http2->greeted;
}

bool http2_is_over(const Http2 *http2)
{
    return !nghttp2_session_want_read(http2->session) &&
           !nghttp2_session_want_write(http2->session);
}

/* ---- sending messages ---- */

static nghttp2_nv pair_of(Str name, Str value)
{
    return (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)name.ptr, /* copied, not written */
                         .value = (uint8_t *)(uintptr_t)value.ptr,
                         .namelen = name.len,
                         .valuelen = value.len };
}

/* The fields as nghttp2 wants them; the caller frees. `first` is a pseudo field, or empty. */
static nghttp2_nv *pairs_of(HttpField first, const HttpFields *fields, size_t *count, Err *err)
{
    nghttp2_nv *pairs = MEM_MAKE(nghttp2_nv, fields->count + 1, err);
    *count = 0;
    if (!pairs)
        return NULL;
    if (first.name.len > 0)
        pairs[(*count)++] = pair_of(first.name, first.value);
    for (size_t i = 0; i < fields->count; i++) {
        HttpField field = http_fields_at(fields, i);
        pairs[(*count)++] = pair_of(field.name, field.value);
    }
    return pairs;
}

static bool submit_trailers(nghttp2_session *session, int32_t id, const HttpFields *trailers)
{
    size_t count;
    Err err = { 0 };
    nghttp2_nv *pairs = pairs_of((HttpField){ 0 }, trailers, &count, &err);
    bool ok = pairs && nghttp2_submit_trailer(session, id, pairs, count) == 0;
    mem_free(pairs);
    return ok;
}

static ssize_t read_payload(nghttp2_session *session, int32_t id, uint8_t *out, size_t size,
                            uint32_t *flags, nghttp2_data_source *source, void *self)
{
    (void)self;
    const Http2Message *message = source->ptr;
    size_t n = message->payload ? payload_read(message->payload, out, size) : 0;
    if (message->payload && payload_left(message->payload) > 0)
        return (ssize_t)n;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!message->trailers)
        return (ssize_t)n;
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    if (!submit_trailers(session, id, message->trailers))
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* resets the stream */
    return (ssize_t)n;
}

static bool has_data(const Http2Message *message)
{
    return message->payload || message->trailers;
}

bool http2_request(Http2 *http2, Http2Message *message, void *stream, int32_t *out_id, Err *err)
{
    size_t count;
    nghttp2_nv *pairs = pairs_of((HttpField){ 0 }, message->fields, &count, err);
    if (!pairs)
        return false;
    nghttp2_data_provider data = { .source.ptr = message, .read_callback = read_payload };
    *out_id = nghttp2_submit_request(http2->session, NULL, pairs, count,
                                     has_data(message) ? &data : NULL, stream);
    mem_free(pairs);
    return check(*out_id, err);
}

bool http2_answer(Http2 *http2, int32_t id, int status, Http2Message *message, Err *err)
{
    size_t count;
    char text[3] = { (char)('0' + status / 100 % 10), (char)('0' + status / 10 % 10),
                     (char)('0' + status % 10) };
    HttpField first = { STR(":status"), { text, sizeof text } };
    nghttp2_nv *pairs = pairs_of(first, message->fields, &count, err);
    if (!pairs)
        return false;
    nghttp2_data_provider data = { .source.ptr = message, .read_callback = read_payload };
    int code =
        nghttp2_submit_response(http2->session, id, pairs, count, has_data(message) ? &data : NULL);
    mem_free(pairs);
    return check(code, err);
}

/* Without memory for a frame the connection cannot go on; a stream that is gone needs none. */
static void must(Http2 *http2, int code)
{
    if (code == NGHTTP2_ERR_NOMEM)
        terminate(http2, NGHTTP2_INTERNAL_ERROR);
}

void http2_consume(Http2 *http2, int32_t id, size_t size)
{
    must(http2, nghttp2_session_consume_stream(http2->session, id, size));
}

void http2_widen(Http2 *http2, int32_t id, size_t window)
{
    int32_t now = nghttp2_session_get_stream_effective_local_window_size(http2->session, id);
    int32_t wanted = window < INT32_MAX ? (int32_t)window : INT32_MAX;
    if (now >= 0 && now < wanted)
        must(http2,
             nghttp2_session_set_local_window_size(http2->session, NGHTTP2_FLAG_NONE, id, wanted));
}

/* Without memory even for this the connection cannot go on. */
void http2_reset(Http2 *http2, int32_t id, uint32_t code)
{
    if (nghttp2_submit_rst_stream(http2->session, NGHTTP2_FLAG_NONE, id, code) != 0)
        terminate(http2, NGHTTP2_INTERNAL_ERROR);
}

/* Without memory for it none is sent, and the silence that follows ends the connection. */
void http2_ping(Http2 *http2)
{
    (void)!nghttp2_submit_ping(http2->session, NGHTTP2_FLAG_NONE, NULL);
}

uint64_t http2_pongs(const Http2 *http2)
{
    return http2->pongs;
}

void http2_goaway(Http2 *http2)
{
    int32_t last = nghttp2_session_get_last_proc_stream_id(http2->session);
    if (nghttp2_submit_goaway(http2->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0) !=
        0)
        terminate(http2, NGHTTP2_INTERNAL_ERROR);
}

bool http2_may_request(const Http2 *http2)
{
    return !http2->peer_said_goaway && nghttp2_session_check_request_allowed(http2->session);
}
