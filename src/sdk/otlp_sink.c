/* otlp_sink.c - sends batches to an OTLP endpoint, with another try where that may help.
 *
 *     otlp_send: encode (-> JSON) -> gzip (HTTP)
 *         |
 *         v
 *       PAUSED --ask--> ASKED --hear--> delivered, refused, or too late
 *         ^               |
 *         +--pause_begins-+  for the server's own delay, or a growing one with jitter
 *
 * Nothing here waits: the connection lives on the worker's loop, and each state says when it is to
 * be looked at again if nothing happens there. Link and connection are made when the first batch
 * goes out.
 */
#include "base/mem.h"
#include "base/random.h"
#include "codec/gzip.h"
#include "otlp/json_out.h"
#include "sdk/diagnostics.h"
#include "sdk/exporters.h"
#include "sdk/otlp_link.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    REQUEST_MAX = 64 << 20, /* the specification's ceiling */
    FIELDS_MAX = 64,
    ARENA_MAX = 256 << 10,
    FIRST_DELAY_MS = 1000,
    LAST_DELAY_MS = 5000,
    RELOAD_SECONDS = 60, /* how often certificates are looked at */
};

typedef struct OtlpSink {
    Sink base;
    Arena *arena; /* endpoint, names of files, headers */
    Str endpoint, certificate, client_certificate, client_key;
    HttpField fields[FIELDS_MAX];
    size_t field_count;
    bool grpc, json, gzip;
    int64_t timeout_ns;
    int64_t rejection_told_at;
    Random random;
    TlsContext *tls; /* NULL: plain text */
    OtlpLink *link;
    /* the batch that is being sent */
    enum { PAUSED, ASKED } stage;
    Buf request; /* while ASKED the link has it */
    LinkAnswer answer;
    unsigned tries;
    int64_t again_ns;   /* PAUSED: when to ask */
    int64_t give_up_ns; /* its own time-out; the worker's may come earlier */
} OtlpSink;

/* ---- making it ------------------------------------------------------------------------------- */

/* "key=value,key=value", percent-encoded. */
static bool headers_parse(OtlpSink *sink, Str text, Err *err)
{
    Str part;
    while (str_split(&text, ',', &part)) {
        part = str_trim(part);
        if (part.len == 0)
            continue;
        const char *equals = memchr(part.ptr, '=', part.len);
        if (!equals || equals == part.ptr || sink->field_count == FIELDS_MAX)
            return fail(err, ERR_INPUT, "headers must be key=value,key=value, at most %d",
                        FIELDS_MAX);
        Str key = str_trim(str_first(part, (size_t)(equals - part.ptr)));
        Buf value = BUF(16 << 10), name = BUF(1 << 10);
        for (size_t i = 0; i < key.len; i++) /* HTTP/2 wants them in lower case */
            buf_add_byte(&name, key.ptr[i] >= 'A' && key.ptr[i] <= 'Z' ? (char)(key.ptr[i] | 0x20)
                                                                       : key.ptr[i]);
        HttpField *field = &sink->fields[sink->field_count];
        bool good = (http_percent_decode(str_trim(str_skip(part, (size_t)(equals - part.ptr) + 1)),
                                         &value) ||
                     fail(err, ERR_INPUT, "header %.*s: badly percent-encoded", STR_ARG(key))) &&
                    arena_copy(sink->arena, buf_str(&name), &field->name, err) &&
                    arena_copy(sink->arena, buf_str(&value), &field->value, err);
        buf_free(&value);
        buf_free(&name);
        if (!good)
            return false;
        sink->field_count++;
    }
    return true;
}

static void link_close(OtlpSink *sink)
{
    if (sink->link)
        sink->link->free(sink->link);
    tls_context_free(sink->tls);
    sink->link = NULL;
    sink->tls = NULL;
}

static void otlp_destroy(Sink *base)
{
    OtlpSink *sink = (OtlpSink *)(void *)base;
    link_close(sink);
    buf_free(&sink->request);
    buf_free(&sink->answer.request);
    arena_free(sink->arena);
    mem_free(sink);
}

static const CryoOtlpSettings *settings_of(const CryoSettings *settings, Signal signal)
{
    return signal == TRACES    ? &settings->tracing.otlp
           : signal == METRICS ? &settings->metrics.otlp
                               : &settings->logging.otlp;
}

static bool copy_texts(OtlpSink *sink, const CryoOtlpSettings *otlp, Err *err)
{
    return arena_copy(sink->arena, str_from(otlp->endpoint), &sink->endpoint, err) &&
           arena_copy(sink->arena, str_from(otlp->certificate), &sink->certificate, err) &&
           arena_copy(sink->arena, str_from(otlp->client_certificate), &sink->client_certificate,
                      err) &&
           arena_copy(sink->arena, str_from(otlp->client_key), &sink->client_key, err);
}

static Sink *otlp_create(const CryoSettings *settings, Signal signal, Err *err)
{
    const CryoOtlpSettings *otlp = settings_of(settings, signal);
    OtlpSink *sink = MEM_MAKE(OtlpSink, 1, err);
    if (!sink)
        return NULL;
    sink->base = (Sink){ .type = &otlp_sink, .signal = signal };
    sink->grpc = strcmp(otlp->protocol, "grpc") == 0;
    sink->json = strcmp(otlp->protocol, "http/json") == 0;
    sink->gzip = strcmp(otlp->compression, "gzip") == 0;
    sink->timeout_ns = otlp->timeout_millis * NANOS_PER_MILLI;
    random_seed_from_system(&sink->random);
    sink->arena = arena_new(ARENA_MAX, err);
    if (sink->arena && copy_texts(sink, otlp, err) &&
        headers_parse(sink, str_from(otlp->headers), err))
        return &sink->base;
    otlp_destroy(&sink->base);
    return NULL;
}

static bool is_https(const OtlpSink *sink)
{
    return str_starts(sink->endpoint, STR("https://")); /* as the settings have made it */
}

/* OpenSSL is loaded here, and only for https://. */
static bool tls_open(OtlpSink *sink, Err *err)
{
    if (!is_https(sink))
        return true;
    sink->tls =
        tls_context_new(&(TlsOptions){ .role = TLS_CLIENT,
                                       .loop = sink->base.loop,
                                       .ca_file = sink->certificate,
                                       .cert_file = sink->client_certificate,
                                       .key_file = sink->client_key,
                                       .reload_interval_ns = RELOAD_SECONDS * NANOS_PER_SECOND },
                        err);
    return sink->tls != NULL;
}

static bool link_make(OtlpSink *sink, Err *err)
{
    if (!tls_open(sink, err))
        return false;
    LinkSettings settings = { .loop = sink->base.loop,
                              .signal = sink->base.signal,
                              .endpoint = sink->endpoint,
                              .tls = sink->tls,
                              .fields = sink->fields,
                              .field_count = sink->field_count,
                              .json = sink->json,
                              .encoding =
                                  sink->gzip ? encoding_find(ENCODING_BOTH, STR("gzip")) : NULL };
    sink->link = sink->grpc ? otlp_grpc_link(&settings, err) : otlp_http_link(&settings, err);
    return sink->link != NULL;
}

static bool link_open(OtlpSink *sink, Err *err)
{
    if (sink->link || link_make(sink, err))
        return true;
    link_close(sink);
    return false;
}

/* ---- sending --------------------------------------------------------------------------------- */

/* The sink's own time-out, or what the worker says, which may move nearer. */
static int64_t end_ns(const OtlpSink *sink, const Until *until)
{
    int64_t end = until_ns(until);
    return end < sink->give_up_ns ? end : sink->give_up_ns;
}

static int64_t time_left(const OtlpSink *sink, const Until *until)
{
    return end_ns(sink, until) - loop_now(sink->base.loop);
}

static int64_t delay_ns(OtlpSink *sink)
{
    int64_t delay = FIRST_DELAY_MS;
    for (unsigned i = 1; i < sink->tries && delay < LAST_DELAY_MS; i++)
        delay += delay / 2;
    delay = delay < LAST_DELAY_MS ? delay : LAST_DELAY_MS;
    delay = delay / 2 + (int64_t)random_below(&sink->random, (uint64_t)delay);
    delay = sink->answer.retry_ms > delay ? sink->answer.retry_ms : delay;
    return delay * NANOS_PER_MILLI;
}

/* False: it would be too long, or we are in a hurry. */
static bool pause_begins(OtlpSink *sink, const Until *until)
{
    int64_t delay = delay_ns(sink);
    if (until_hurries(until) || delay >= time_left(sink, until))
        return false;
    sink->stage = PAUSED;
    sink->again_ns = loop_now(sink->base.loop) + delay;
    return true;
}

/* Room net speaks of tls settings by their names in a configuration; here they are variables. */
static void name_variables(Err *err)
{
    static const struct {
        Str there, here;
    } names[] = {
        { STR_ROW(", or set server_name_override to it"), STR_ROW("") },
        { STR_ROW("cert_file"), STR_ROW("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE") },
        { STR_ROW("key_file"), STR_ROW("OTEL_EXPORTER_OTLP_CLIENT_KEY") },
        { STR_ROW("ca_file"), STR_ROW("OTEL_EXPORTER_OTLP_CERTIFICATE") },
    };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char *at = err->text, rest[sizeof err->text];
        while ((at = strstr(at, names[i].there.ptr)) != NULL) {
            size_t room = sizeof err->text - (size_t)(at - err->text);
            snprintf(rest, sizeof rest, "%s", at + names[i].there.len);
            snprintf(at, room, "%s%s", names[i].here.ptr, rest);
            if (names[i].here.len >= room)
                break; /* cut */
            at += names[i].here.len;
        }
    }
}

static bool explained(const OtlpSink *sink, Err *err)
{
    if (is_https(sink))
        name_variables(err);
    if (err->kind == ERR_IO || err->kind == ERR_CLOSED || err->kind == ERR_TIMEOUT)
        blame(err, "%.*s (%s)", STR_ARG(sink->endpoint), sink->grpc ? "gRPC" : "HTTP");
    else
        blame(err, "%.*s", STR_ARG(sink->endpoint));
    return false;
}

static SinkProgress no_answer_advice(const OtlpSink *sink, Err *err)
{
    *err = sink->answer.err;
    size_t len = strlen(err->text);
    bool silent = err->kind == ERR_IO || err->kind == ERR_CLOSED;
    bool spoken = strstr(err->text, "TLS") || strstr(err->text, "certificate");
    if (silent && !spoken && !strstr(err->text, "the server said") && len + 60 < sizeof err->text)
        memcpy(err->text + len, "; is a collector listening there?",
               sizeof "; is a collector listening there?");
    return SINK_FAILED;
}

static SinkProgress too_late(Err *err)
{
    fail(err, ERR_TIMEOUT, "no answer in time");
    return SINK_FAILED;
}

static SinkProgress wait_until(OtlpSink *sink, int64_t at_ns)
{
    sink->base.due_ns = at_ns;
    return SINK_WAITS;
}

/* PAUSED. In a hurry it is the last try. */
static SinkProgress ask(OtlpSink *sink, const Until *until, Err *err)
{
    int64_t left = time_left(sink, until), end = end_ns(sink, until);
    if (left <= 0)
        return sink->tries ? no_answer_advice(sink, err) : too_late(err);
    if (loop_now(sink->base.loop) < sink->again_ns && !until_hurries(until))
        return wait_until(sink, sink->again_ns < end ? sink->again_ns : end);
    if (!link_open(sink, err) ||
        !sink->link->begin(sink->link, &sink->request, left, &sink->answer, err))
        return SINK_FAILED;
    sink->stage = ASKED;
    sink->tries++;
    return wait_until(sink, end);
}

/* ASKED. */
static SinkProgress hear(OtlpSink *sink, const Until *until, Err *err)
{
    bool answered = sink->answer.done;
    if (!answered && time_left(sink, until) > 0)
        return wait_until(sink, end_ns(sink, until));
    if (!answered)
        link_close(sink); /* fills the answer, and hands the request back */
    sink->request = sink->answer.request;
    sink->answer.request = (Buf){ 0 };
    sink->stage = PAUSED;
    if (!answered)
        return too_late(err);
    if (sink->answer.verdict == LINK_DELIVERED)
        return SINK_SENT;
    if (sink->answer.verdict == LINK_REFUSED || !pause_begins(sink, until))
        return no_answer_advice(sink, err);
    say(CRYO_LOG_DEBUG, "%.*s: %s; trying again", STR_ARG(sink->endpoint), sink->answer.err.text);
    return ask(sink, until, err);
}

static bool make_request(OtlpSink *sink, const Outgoing *outgoing, Buf *out, Err *err)
{
    Buf plain = BUF(REQUEST_MAX);
    bool good = outgoing->encode(outgoing, &plain, err) &&
                (!sink->json || otlp_json_replace(outgoing->signal, &plain, err));
    if (good && sink->gzip && !sink->grpc) {
        good = gzip_compress(buf_str(&plain), GZIP_FORMAT, out, err);
        buf_free(&plain);
    } else {
        *out = plain;
    }
    return good;
}

/* At most a line a minute: a server that dislikes one of our batches dislikes all of them. */
static void tell_rejection(OtlpSink *sink)
{
    int64_t now = clock_mono_ns(clock_system());
    bool told = sink->rejection_told_at && now - sink->rejection_told_at < 60 * NANOS_PER_SECOND;
    if (told || !sink->answer.err.text[0])
        return;
    sink->rejection_told_at = now;
    say(CRYO_LOG_WARN, "%.*s: %" PRIu64 " %.*s rejected; %s", STR_ARG(sink->endpoint),
        sink->answer.rejected, STR_ARG(signal_item_name(sink->base.signal)), sink->answer.err.text);
}

static bool otlp_send(Sink *base, Outgoing *outgoing, const Until *until, Err *err)
{
    (void)until;
    OtlpSink *sink = (OtlpSink *)(void *)base;
    sink->request = BUF(REQUEST_MAX);
    sink->answer = (LinkAnswer){ 0 };
    sink->stage = PAUSED;
    sink->tries = 0;
    sink->again_ns = INT64_MIN;
    sink->give_up_ns = loop_now(base->loop) + sink->timeout_ns;
    if (make_request(sink, outgoing, &sink->request, err))
        return true;
    buf_free(&sink->request);
    return explained(sink, err);
}

static SinkProgress otlp_go_on(Sink *base, Outgoing *outgoing, const Until *until, Err *err)
{
    OtlpSink *sink = (OtlpSink *)(void *)base;
    SinkProgress progress = sink->stage == ASKED ? hear(sink, until, err) : ask(sink, until, err);
    if (progress == SINK_WAITS)
        return progress;
    buf_free(&sink->request);
    if (progress == SINK_FAILED) {
        explained(sink, err);
    } else {
        outgoing->rejected = sink->answer.rejected;
        tell_rejection(sink);
    }
    return progress;
}

const SinkType otlp_sink = { .name = "otlp",
                             .create = otlp_create,
                             .send = otlp_send,
                             .go_on = otlp_go_on,
                             .destroy = otlp_destroy };
