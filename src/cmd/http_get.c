/* http_get.c - see http_get.h. */
#include "cmd/http_get.h"

#include "net/http_client.h"

#include <stdio.h>
#include <string.h>

enum { GET_STEP_MS = 50, TARGET_MAX = 64 << 10 };

typedef struct Getting {
    HttpGot *out;
    int64_t timeout_ns;
    Err err;
    bool done, good;
} Getting;

static void copy_field(const HttpFields *fields, Str name, char *out, size_t size)
{
    Str value = http_fields_get(fields, name);
    snprintf(out, size, "%.*s", STR_ARG(value));
}

static void got(void *owner, HttpResponse *response, const Err *err)
{
    Getting *getting = owner;
    getting->done = true;
    if (err) {
        getting->err = *err;
        return;
    }
    getting->out->status = response->status;
    copy_field(response->fields, STR("content-type"), getting->out->content_type,
               sizeof getting->out->content_type);
    copy_field(response->fields, STR("server"), getting->out->server, sizeof getting->out->server);
    buf_add(&getting->out->body, response->body);
    getting->good = buf_ok(&getting->out->body, &getting->err);
}

/* The path of the base, if it has one, goes in front of the target. */
static Str base_path(const char *base)
{
    const char *host = strstr(base, "://");
    const char *path = strchr(host ? host + 3 : base, '/');
    Str text = str_from(path);
    while (str_ends(text, STR("/")))
        text.len--;
    return text;
}

static bool wait_for(Loop *loop, HttpClient *client, Str target, Getting *getting, Err *err)
{
    HttpCall call = { .method = STR("GET"),
                      .target = target,
                      .timeout_ns = getting->timeout_ns,
                      .done = got,
                      .owner = getting };
    if (!http_client_send(client, &call, err))
        return false;
    while (!getting->done)
        (void)loop_step(loop, GET_STEP_MS * NANOS_PER_MILLI);
    if (!getting->good)
        *err = getting->err;
    return getting->good;
}

bool http_get(const HttpAsk *ask, HttpGot *out, Err *err)
{
    static const CommandTls plain = { 0 };
    const CommandTls *tls = ask->tls ? ask->tls : &plain;
    size_t body_max = ask->body_max ? ask->body_max : HTTP_GET_BODY_MAX;
    *out = (HttpGot){ .body = BUF(body_max) };
    Getting getting = { .out = out, .timeout_ns = ask->timeout_ns };
    Buf whole = BUF(TARGET_MAX);
    buf_add(&whole, base_path(ask->base));
    buf_add(&whole, ask->target);
    if (!whole.len)
        buf_add_byte(&whole, '/');
    HttpClientSettings settings = { .url = str_from(ask->base), .response_bytes = body_max };
    Loop *loop = buf_ok(&whole, err) ? loop_new(NULL, NULL, err) : NULL;
    settings.loop = loop;
    bool open = loop && command_tls_open(tls, ask->base, loop, &settings.tls, err);
    HttpClient *client = open ? http_client_new(&settings, err) : NULL;
    bool good = client && wait_for(loop, client, buf_str(&whole), &getting, err);
    http_client_free(client);
    tls_context_free(settings.tls);
    loop_free(loop);
    buf_free(&whole);
    if (!good)
        buf_free(&out->body);
    return good || blame(err, "%s", ask->base);
}

void target_add(Buf *target, const char *name, Str value)
{
    bool first = !str_contains(buf_str(target), STR("?"));
    buf_addf(target, "%c%s=", first ? '?' : '&', name);
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '_' || c == '.' || c == '~';
        if (plain)
            buf_add_byte(target, (char)c);
        else
            buf_addf(target, "%%%02X", c);
    }
}
