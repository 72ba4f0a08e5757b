/* debug_page.c - see debug_page.h. */
#include "extensions/debug_page.h"

/* clang-format off */
static const HttpField security[] = {
    { STR_ROW("content-security-policy"),
      STR_ROW("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'") },
    { STR_ROW("x-content-type-options"), STR_ROW("nosniff") },
    { STR_ROW("referrer-policy"), STR_ROW("no-referrer") },
    { STR_ROW("cross-origin-opener-policy"), STR_ROW("same-origin") },
    { STR_ROW("cache-control"), STR_ROW("no-store") },
};
/* clang-format on */

bool debug_open(Listener *listener, const ListenSettings *settings, const TextList *allowed_hosts,
                Host *host, Err *err)
{
    const ListenWish wish = {
        .name = "http",
        .risk = "look inside",
        .check_host = true,
        .allowed_hosts = allowed_hosts,
        .limits = { .body_bytes = 1 << 16, .connections = 100 },
    };
    return listener_open(listener, settings, &wish, host, err);
}

bool debug_listen(Listener *listener, Err *err)
{
    if (!listener_listen(listener, err))
        return false;
    listener_announce(listener, "HTTP");
    return true;
}

static Str escape_of(char byte)
{
    switch (byte) {
    case '<': return STR("&lt;");
    case '>': return STR("&gt;");
    case '&': return STR("&amp;");
    case '"': return STR("&quot;");
    case '\'': return STR("&#39;");
    default: return (Str){ 0 };
    }
}

void html_text(Buf *out, Str text)
{
    for (size_t i = 0; i < text.len; i++) {
        Str escape = escape_of(text.ptr[i]);
        buf_add(out, escape.len ? escape : (Str){ text.ptr + i, 1 });
    }
}

void html_begin(Buf *out, Str title)
{
    buf_add(out, STR("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>"));
    html_text(out, title);
    buf_add(out, STR("</title>\n<h1>"));
    html_text(out, title);
    buf_add(out, STR("</h1>\n"));
}

void html_end(Buf *out)
{
    buf_add(out, STR("</html>\n"));
}

static void answer(Request *request, Answer *what)
{
    what->fields = security;
    what->field_count = COUNT_OF(security);
    request_answer(request, what);
}

void debug_answer_page(Request *request, Buf *page)
{
    Err err;
    if (!buf_ok(page, &err)) {
        buf_free(page);
        request_answer_err(request, &err);
        return;
    }
    Answer what = { .status = 200, .content_type = STR("text/html; charset=utf-8"), .body = *page };
    *page = BUF(0);
    answer(request, &what);
}

void debug_answer_text(Request *request, int status, Str sentence)
{
    Answer what = { .status = status,
                    .content_type = STR("text/plain; charset=utf-8"),
                    .static_body = sentence };
    answer(request, &what);
}
