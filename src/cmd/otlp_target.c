/* otlp_target.c - see otlp_target.h. The links are those of the library. */
#include "cmd/otlp_target.h"

#include "net/address.h"
#include "otlp/json_out.h"
#include "otlp/rpc.h"

#include <stdlib.h>
#include <string.h>

enum { TARGET_MEMORY_MAX = 1 << 20, REQUEST_MAX = 64 << 20, STEP_MS = 50 };

const char *const otlp_protocols[] = { "grpc", "http/protobuf", "http/json", NULL };
const char *const otlp_compressions[] = { "none",    "gzip", "zstd", "snappy",
                                          "deflate", "zlib", "lz4",  "x-snappy-framed",
                                          NULL };

static bool is_grpc(const OtlpTarget *target)
{
    return strcmp(target->protocol, "grpc") == 0;
}
static bool is_json(const OtlpTarget *target)
{
    return strcmp(target->protocol, "http/json") == 0;
}
static bool choose_encoding(const OtlpTarget *target, const Encoding **out, Err *err)
{
    EncodingUse use = is_grpc(target) ? ENCODING_GRPC : ENCODING_HTTP;
    return encoding_choose(use, str_from(target->compression), out, err);
}

static void default_from(const char **member, const char *variable)
{
    if (!*member)
        *member = getenv(variable);
}

void otlp_target_complete(OtlpTarget *target)
{
    default_from(&target->endpoint, "OTEL_EXPORTER_OTLP_ENDPOINT");
    if (!target->endpoint || !*target->endpoint)
        target->endpoint = "http://127.0.0.1:4317";
    default_from(&target->tls.ca_file, "OTEL_EXPORTER_OTLP_CERTIFICATE");
    default_from(&target->tls.cert_file, "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE");
    default_from(&target->tls.key_file, "OTEL_EXPORTER_OTLP_CLIENT_KEY");
    Str endpoint = str_from(target->endpoint);
    while (str_ends(endpoint, STR("/")))
        endpoint.len--;
    if (!target->protocol)
        target->protocol = str_contains(endpoint, STR(":4318")) ? "http/protobuf" : "grpc";
}

/* As the specification has it for OTEL_EXPORTER_OTLP_ENDPOINT: the signal's path goes behind it. */
static bool otlp_target_url(const OtlpTarget *target, Signal signal, Arena *arena, Str *out,
                            Err *err)
{
    Str base = str_from(target->endpoint);
    while (str_ends(base, STR("/")))
        base.len--;
    Buf url = BUF(4096);
    Str path;
    bool is_path = endpoint_is_path(base, &path);
    if (is_path && !is_grpc(target))
        return fail(err, ERR_INPUT, "unix sockets are for --protocol grpc");
    if (!is_path && !str_contains(base, STR("://")))
        buf_add(&url, STR("http://"));
    buf_add(&url, base);
    if (!is_grpc(target))
        buf_add(&url, otlp_http_path(signal));
    bool good = buf_ok(&url, err) && arena_copy(arena, buf_str(&url), out, err);
    buf_free(&url);
    return good || blame(err, "endpoint");
}

static bool read_headers(const OtlpTarget *target, Arena *arena, HttpField **out, Err *err)
{
    HttpField *fields = ARENA_MAKE(arena, HttpField, target->headers.count + 1, err);
    for (size_t i = 0; fields && i < target->headers.count; i++) {
        Str value = str_from(target->headers.items[i]), name;
        if (!str_split(&value, '=', &name) || name.len == 0)
            return fail(err, ERR_INPUT, "--header %s: write KEY=VALUE", target->headers.items[i]);
        fields[i] = (HttpField){ name, value };
    }
    *out = fields;
    return fields != NULL;
}

OtlpLink *otlp_target_link(const OtlpTarget *target, Signal signal, Loop *loop, TlsContext *tls,
                           Arena *arena, Err *err)
{
    LinkSettings settings = { .loop = loop, .signal = signal, .tls = tls };
    HttpField *fields = NULL;
    if (!otlp_target_url(target, signal, arena, &settings.endpoint, err) ||
        !read_headers(target, arena, &fields, err) ||
        !choose_encoding(target, &settings.encoding, err))
        return NULL;
    settings.json = is_json(target);
    settings.fields = fields;
    settings.field_count = target->headers.count;
    return is_grpc(target) ? otlp_grpc_link(&settings, err) : otlp_http_link(&settings, err);
}

bool otlp_target_begin(const OtlpTarget *target, OtlpLink *link, Signal signal, Buf *request,
                       LinkAnswer *answer, Err *err)
{
    if (is_json(target) && !otlp_json_replace(signal, request, err))
        return false;
    const Encoding *encoding;
    if (!choose_encoding(target, &encoding, err))
        return false;
    if (encoding && !is_grpc(target)) { /* of gRPC the link does it */
        Buf packed = BUF(encoding_most(request->len));
        if (!encoding->encode(buf_str(request), &packed, err)) {
            buf_free(&packed);
            return false;
        }
        buf_free(request);
        *request = packed;
    }
    return link->begin(link, request, target->timeout_ns, answer, err);
}

static bool wait_for_answer(Loop *loop, const LinkAnswer *answer, int64_t timeout_ns, Err *err)
{
    int64_t until = loop_now(loop) + timeout_ns;
    while (!answer->done && loop_now(loop) < until)
        (void)loop_step(loop, STEP_MS * NANOS_PER_MILLI);
    return answer->done || fail(err, ERR_TIMEOUT, "no answer within %lld ms",
                                (long long)(timeout_ns / NANOS_PER_MILLI));
}

static bool exchange(const OtlpTarget *target, OtlpLink *link, Loop *loop, Signal signal,
                     Buf *request, LinkAnswer *answer, Err *err)
{
    if (!otlp_target_begin(target, link, signal, request, answer, err) ||
        !wait_for_answer(loop, answer, target->timeout_ns + NANOS_PER_SECOND, err))
        return false;
    if (answer->verdict == LINK_DELIVERED)
        return true;
    *err = answer->err;
    return false;
}

bool otlp_target_send(const OtlpTarget *target, Signal signal, Buf *request, LinkAnswer *answer,
                      Err *err)
{
    *answer = (LinkAnswer){ 0 };
    Arena *arena = arena_new(TARGET_MEMORY_MAX, err);
    Loop *loop = arena ? loop_new(NULL, NULL, err) : NULL;
    TlsContext *tls = NULL;
    OtlpLink *link = loop && command_tls_open(&target->tls, target->endpoint, loop, &tls, err)
                         ? otlp_target_link(target, signal, loop, tls, arena, err)
                         : NULL;
    bool good = link && exchange(target, link, loop, signal, request, answer, err);
    if (link)
        link->free(link);
    buf_free(&answer->request);
    tls_context_free(tls);
    loop_free(loop);
    arena_free(arena);
    return good || blame(err, "%s (%s)", target->endpoint, target->protocol);
}
