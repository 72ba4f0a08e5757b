/* page.c - from a path to an answer. Which files there are is embedded.h's business. */
#include "web/page.h"

#include "codec/gzip.h"
#include "web/embedded.h"

/* Nothing is loaded but from here, nothing runs that is written into the page, nobody frames it. */
#define POLICY                                                                        \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " \
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "      \
    "frame-ancestors 'none'"

/* clang-format off */
static const HttpField security[] = {
    { STR_ROW("content-security-policy"), STR_ROW(POLICY) },
    { STR_ROW("x-content-type-options"), STR_ROW("nosniff") },
    { STR_ROW("referrer-policy"), STR_ROW("no-referrer") },
    { STR_ROW("cross-origin-opener-policy"), STR_ROW("same-origin") },
};
/* clang-format on */

static void add_field(WebAnswer *out, Str name, Str value)
{
    out->fields[out->answer.field_count++] = (HttpField){ name, value };
}

/* A view's address is answered with the page; what only a program would ask for is not. */
static bool find_file(Str path, WebFile *file)
{
    if (web_find(path, file))
        return true;
    if (str_starts(path, STR("/assets/")) || str_starts(path, STR("/api/")) ||
        str_starts(path, STR("/loki/")))
        return false;
    return web_find(STR("/index.html"), file);
}

/* Compared weakly, as RFC 9110 has it: what stands before the quotes does not count. */
static bool is_current(Str if_none_match, Str etag)
{
    return str_contains(if_none_match, str_skip(etag, sizeof("W/") - 1));
}

static bool answer_file(const WebAsk *ask, const WebFile *file, WebAnswer *out, Err *err)
{
    add_field(out, STR("cache-control"), file->cache_control);
    add_field(out, STR("etag"), file->etag);
    add_field(out, STR("vary"), STR("accept-encoding"));
    if (is_current(ask->if_none_match, file->etag)) {
        out->answer.status = 304;
        return true;
    }
    out->answer.status = 200;
    out->answer.content_type = file->content_type;
    if (http_list_has(ask->accept_encoding, STR("gzip"))) {
        add_field(out, STR("content-encoding"), STR("gzip"));
        out->answer.static_body = file->gzip;
        return true;
    }
    out->answer.body = BUF(file->size);
    if (!gzip_expand(file->gzip, &out->answer.body, err)) {
        buf_free(&out->answer.body);
        return blame(err, "inflating %.*s", STR_ARG(file->path));
    }
    return true;
}

bool web_answer(const WebAsk *ask, WebAnswer *out, Err *err)
{
    *out = (WebAnswer){ 0 };
    for (size_t i = 0; i < COUNT_OF(security); i++)
        add_field(out, security[i].name, security[i].value);
    WebFile file;
    if (find_file(ask->path, &file))
        return answer_file(ask, &file, out, err);
    out->answer.status = 404;
    out->answer.content_type = STR("text/plain; charset=utf-8");
    out->answer.static_body = STR("Nothing is served at this path.\n");
    return true;
}

void web_handle(void *owner, Request *request)
{
    (void)owner;
    WebAsk ask = {
        .path = request_path(request),
        .accept_encoding = request_field(request, STR("accept-encoding")),
        .if_none_match = request_field(request, STR("if-none-match")),
    };
    WebAnswer out;
    Err err;
    if (!web_answer(&ask, &out, &err)) {
        request_answer_err(request, &err);
        return;
    }
    out.answer.fields = out.fields;
    request_answer(request, &out.answer);
}
