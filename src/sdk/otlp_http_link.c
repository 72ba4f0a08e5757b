/* otlp_http_link.c - OTLP over HTTP/1.1 as a link; see otlp_link.h. */
#include "sdk/otlp_link.h"

#include "base/mem.h"
#include "codec/rpc_status.h"
#include "net/http_client.h"
#include "net/url.h"
#include "otlp/json_in.h"

#include <cryostorm/version.h>

#include <string.h>

#define USER_AGENT "OTel-OTLP-Exporter-C/" CRYO_VERSION

enum { OWN_FIELDS = 3, ANSWER_MAX = 1 << 20 };

typedef struct HttpLink {
    OtlpLink base;
    HttpClient *client;
    HttpField *fields;
    size_t field_count;
    Str target;
} HttpLink;

static bool answer_is_json(const HttpResponse *response)
{
    Str type = http_fields_get(response->fields, STR("content-type"));
    return str_eq_nocase(str_first(type, strlen("application/json")), STR("application/json"));
}

static void http_taken(LinkAnswer *answer, const HttpResponse *response)
{
    ExportAnswer said = { 0 };
    Buf scratch = BUF(ANSWER_MAX);
    Err ignored; /* it was taken, whatever else was said */
    bool read = answer_is_json(response)
                    ? otlp_json_read_answer(response->body, &scratch, &said, &ignored)
                    : export_answer_read(response->body, &said, &ignored);
    if (!read)
        said = (ExportAnswer){ 0 };
    link_success(answer, &said);
    buf_free(&scratch);
}

static void http_refused(LinkAnswer *answer, const HttpResponse *response)
{
    RpcStatus said = { 0 };
    Buf scratch = BUF(ANSWER_MAX);
    Err ignored;
    bool read = answer_is_json(response)
                    ? otlp_json_read_status(response->body, &scratch, &said, &ignored)
                    : rpc_status_parse(response->body, &said, &ignored);
    if (!read)
        said.message = response->body;
    answer->verdict = http_retryable(response->status) ? LINK_AGAIN : LINK_REFUSED;
    Str rest = utf8_valid(said.message) ? str_trim(said.message) : STR(""), text = STR("");
    (void)str_split(&rest, '\n', &text); /* our message is one line */
    text = str_first(text, 120);
    fail(&answer->err, ERR_IO, "the server said %d %s%s%.*s%s", response->status,
         http_status_text(response->status), text.len ? ": " : "", STR_ARG(text),
         response->status == 404 ? " (is the path right?)" : "");
    buf_free(&scratch);
}

static void http_done(void *owner, HttpResponse *response, const Err *err)
{
    LinkAnswer *answer = owner;
    answer->request = response->request_body;
    response->request_body = (Buf){ 0 };
    if (err) {
        link_no_answer(answer, err);
    } else if (response->status >= 200 && response->status < 300) {
        http_taken(answer, response);
    } else {
        http_refused(answer, response);
        Str after = http_fields_get(response->fields, STR("retry-after"));
        answer->retry_ms = http_retry_after_ms(after, clock_wall_ns(clock_system()));
    }
    answer->done = true;
}

static bool http_begin(OtlpLink *link, Buf *request, int64_t timeout_ns, LinkAnswer *answer,
                       Err *err)
{
    HttpLink *self = (HttpLink *)(void *)link;
    HttpCall call = { .method = STR("POST"),
                      .target = self->target,
                      .fields = self->fields,
                      .field_count = self->field_count,
                      .body = *request,
                      .timeout_ns = timeout_ns,
                      .done = http_done,
                      .owner = answer };
    *answer = (LinkAnswer){ 0 };
    if (!http_client_send(self->client, &call, err))
        return false;
    *request = (Buf){ 0 };
    return true;
}

static void http_free(OtlpLink *link)
{
    HttpLink *self = (HttpLink *)(void *)link;
    http_client_free(self->client);
    mem_free(self->fields);
    mem_free(self);
}

static bool http_fields_make(HttpLink *self, const LinkSettings *settings, Err *err)
{
    self->fields = MEM_MAKE(HttpField, settings->field_count + OWN_FIELDS, err);
    if (!self->fields)
        return false;
    for (size_t i = 0; i < settings->field_count; i++)
        self->fields[self->field_count++] = settings->fields[i];
    self->fields[self->field_count++] =
        (HttpField){ STR("content-type"),
                     settings->json ? STR("application/json") : STR("application/x-protobuf") };
    self->fields[self->field_count++] = (HttpField){ STR("user-agent"), STR(USER_AGENT) };
    if (settings->encoding)
        self->fields[self->field_count++] =
            (HttpField){ STR("content-encoding"), settings->encoding->name };
    return true;
}

OtlpLink *otlp_http_link(const LinkSettings *settings, Err *err)
{
    Url url;
    if (!url_parse(settings->endpoint, &url, err))
        return NULL;
    HttpLink *self = MEM_MAKE(HttpLink, 1, err);
    if (!self)
        return NULL;
    self->base = (OtlpLink){ http_begin, http_free };
    self->target = url.path.len ? url.path : STR("/");
    self->client = http_client_new(&(HttpClientSettings){ .loop = settings->loop,
                                                          .url = settings->endpoint,
                                                          .tls = settings->tls,
                                                          .connections = 1 },
                                   err);
    if (self->client && http_fields_make(self, settings, err))
        return &self->base;
    http_free(&self->base);
    return NULL;
}
