/* otlp_sink.c - sends batches to an OTLP endpoint, with another try where that may help.
 *
 *     encode (-> JSON) -> gzip (HTTP) -> attempt -> delivered
 *                                            |  ^
 *                                            v  | after the server's own delay, or a growing one
 * with jitter again, until the time-out or the shutdown
 *
 * The loop, the connection and all that belongs to it live on the worker's thread and are made when
 * the first batch goes out. Waiting is done in steps of the loop, short enough that a shutdown is
 * noticed soon.
 */
#include "base/mem.h"
#include "base/random.h"
#include "codec/gzip.h"
#include "otlp/json_out.h"
#include "sdk/diagnostics.h"
#include "sdk/exporters.h"
#include "sdk/otlp_link.h"
#include "sdk/otlp_sockets.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    REQUEST_MAX = 64 << 20, /* the specification's ceiling */
    FIELDS_MAX = 64,
    ARENA_MAX = 256 << 10,
    STEP_MS = 50,
    FIRST_DELAY_MS = 1000,
    LAST_DELAY_MS = 5000,
    RELOAD_SECONDS = 60, /* how often certificates are looked at while there is something to send */
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
    TrackedSockets sockets;
    Loop *loop;
    TlsContext *tls; /* NULL: plain text */
    OtlpLink *link;
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
    loop_free(sink->loop);
    sink->link = NULL;
    sink->tls = NULL;
    sink->loop = NULL;
}

static void otlp_destroy(Sink *base)
{
    OtlpSink *sink = (OtlpSink *)(void *)base;
    link_close(sink);
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
    sink->base = (Sink){ &otlp_sink, signal };
    sink->grpc = strcmp(otlp->protocol, "grpc") == 0;
    sink->json = strcmp(otlp->protocol, "http/json") == 0;
    sink->gzip = strcmp(otlp->compression, "gzip") == 0;
    sink->timeout_ns = otlp->timeout_millis * NANOS_PER_MILLI;
    random_seed_from_system(&sink->random);
    tracked_sockets_init(&sink->sockets);
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
                                       .loop = sink->loop,
                                       .ca_file = sink->certificate,
                                       .cert_file = sink->client_certificate,
                                       .key_file = sink->client_key,
                                       .reload_interval_ns = RELOAD_SECONDS * NANOS_PER_SECOND },
                        err);
    return sink->tls != NULL;
}

static bool link_make(OtlpSink *sink, Err *err)
{
    sink->loop = loop_new(NULL, &sink->sockets.base, err);
    if (!sink->loop || !tls_open(sink, err))
        return false;
    LinkSettings settings = { .loop = sink->loop,
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

/* When to give up: the sink's own time-out, or what the worker says, which may move nearer. */
typedef struct Patience {
    const Until *until;
    int64_t own_ns;
} Patience;

static int64_t time_left(const OtlpSink *sink, const Patience *patience)
{
    int64_t until = atomic_load(&patience->until->mono_ns);
    return (until < patience->own_ns ? until : patience->own_ns) - loop_now(sink->loop);
}

/* One request and its answer. False: there was no time to wait for it, or no memory to ask. */
static bool attempt(OtlpSink *sink, const Patience *patience, Buf *request, LinkAnswer *answer,
                    Err *err)
{
    int64_t left = time_left(sink, patience);
    if (left <= 0)
        return fail(err, ERR_TIMEOUT, "no answer in time");
    (void)loop_step(sink->loop, 0); /* the server may have closed the connection meanwhile */
    if (!sink->link->begin(sink->link, request, left, answer, err))
        return false;
    while (!answer->done && time_left(sink, patience) > 0)
        (void)loop_step(sink->loop, STEP_MS * NANOS_PER_MILLI);
    bool answered = answer->done;
    if (!answered)
        link_close(sink); /* fills the answer, and hands the request back */
    *request = answer->request;
    return answered || fail(err, ERR_TIMEOUT, "no answer in time");
}

static int64_t delay_ns(OtlpSink *sink, unsigned tries, const LinkAnswer *answer)
{
    int64_t delay = FIRST_DELAY_MS;
    for (unsigned i = 1; i < tries && delay < LAST_DELAY_MS; i++)
        delay += delay / 2;
    delay = delay < LAST_DELAY_MS ? delay : LAST_DELAY_MS;
    delay = delay / 2 + (int64_t)random_below(&sink->random, (uint64_t)delay);
    delay = answer->retry_ms > delay ? answer->retry_ms : delay;
    return delay * NANOS_PER_MILLI;
}

/* False: it would be too long, or we are in a hurry. */
static bool wait_before_next(OtlpSink *sink, const Patience *patience, int64_t delay)
{
    int64_t due = loop_now(sink->loop) + delay;
    bool hurried = atomic_load(&patience->until->hurry);
    if (hurried || delay >= time_left(sink, patience))
        return false;
    while (loop_now(sink->loop) < due) {
        if (time_left(sink, patience) <= 0)
            return false;
        if (atomic_load(&patience->until->hurry))
            return true; /* one last try, now */
        (void)loop_step(sink->loop, STEP_MS * NANOS_PER_MILLI);
    }
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

static bool no_answer_advice(LinkAnswer *answer, Err *err)
{
    *err = answer->err;
    size_t len = strlen(err->text);
    bool silent = err->kind == ERR_IO || err->kind == ERR_CLOSED;
    bool spoken = strstr(err->text, "TLS") || strstr(err->text, "certificate");
    if (silent && !spoken && !strstr(err->text, "the server said") && len + 60 < sizeof err->text)
        memcpy(err->text + len, "; is a collector listening there?",
               sizeof "; is a collector listening there?");
    return false;
}

static bool deliver(OtlpSink *sink, const Patience *patience, Buf *request, LinkAnswer *answer,
                    Err *err)
{
    for (unsigned tries = 1;; tries++) {
        if (!link_open(sink, err) || !attempt(sink, patience, request, answer, err))
            return false;
        if (answer->verdict == LINK_DELIVERED)
            return true;
        if (answer->verdict == LINK_REFUSED ||
            !wait_before_next(sink, patience, delay_ns(sink, tries, answer)))
            return no_answer_advice(answer, err);
        say(CRYO_LOG_DEBUG, "%.*s: %s; trying again", STR_ARG(sink->endpoint), answer->err.text);
    }
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
static void tell_rejection(OtlpSink *sink, const LinkAnswer *answer)
{
    int64_t now = clock_mono_ns(clock_system());
    bool told = sink->rejection_told_at && now - sink->rejection_told_at < 60 * NANOS_PER_SECOND;
    if (told || !answer->err.text[0])
        return;
    sink->rejection_told_at = now;
    say(CRYO_LOG_WARN, "%.*s: %" PRIu64 " %.*s rejected; %s", STR_ARG(sink->endpoint),
        answer->rejected, STR_ARG(signal_item_name(sink->base.signal)), answer->err.text);
}

static bool otlp_send(Sink *base, Outgoing *outgoing, const Until *until, Err *err)
{
    OtlpSink *sink = (OtlpSink *)(void *)base;
    Buf request = BUF(REQUEST_MAX);
    LinkAnswer answer = { 0 };
    Patience patience = { until, clock_mono_ns(clock_system()) + sink->timeout_ns };
    bool good = make_request(sink, outgoing, &request, err) &&
                deliver(sink, &patience, &request, &answer, err);
    buf_free(&request);
    if (!good)
        return explained(sink, err);
    outgoing->rejected = answer.rejected;
    tell_rejection(sink, &answer);
    return true;
}

static void otlp_abandon(Sink *base)
{
    tracked_sockets_abandon(&((OtlpSink *)(void *)base)->sockets);
}

const SinkType otlp_sink = { .name = "otlp",
                             .create = otlp_create,
                             .send = otlp_send,
                             .destroy = otlp_destroy,
                             .abandon = otlp_abandon };
