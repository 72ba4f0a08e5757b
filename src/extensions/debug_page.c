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

Server *debug_server_new(Host *host, Str endpoint, const TextList *allowed_hosts, Err *err)
{
    const ServerSettings settings = {
        .loop = host_loop(host),
        .endpoint = endpoint,
        .check_host = true,
        .allowed_hosts = allowed_hosts->items,
        .allowed_host_count = allowed_hosts->count,
        .limits = { .body_bytes = 1 << 16, .connections = 100 },
    };
    return server_new(&settings, err);
}

bool debug_server_listen(Host *host, Server *server, Err *err)
{
    if (!server_listen(server, err))
        return blame(err, "endpoint");
    Address address = server_address(server);
    char text[ADDRESS_TEXT_SIZE];
    host_announce(host, "HTTP", address_text(&address, text));
    if (!address_is_loopback(&address))
        host_log(host, LOG_WARN,
                 "%s listens beyond this machine, without TLS and without authentication", text);
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
