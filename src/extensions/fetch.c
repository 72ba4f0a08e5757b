/* fetch.c - see fetch.h. A client may not be freed while it calls done(), so it is put aside and
 * swept up by a message. */
#include "extensions/fetch.h"

#include "net/url.h"

bool fetch_check_url(Str url, Err *err)
{
    Url parts;
    if (!url_parse(url, &parts, err))
        return false;
    return parts.scheme == URL_HTTP || parts.scheme == URL_HTTPS ||
           fail(err, ERR_INPUT, "must begin with https:// or http://");
}

static void sweep(void *owner)
{
    Fetch *fetch = owner;
    http_client_free(fetch->spent);
    fetch->spent = NULL;
}

static void answered(void *owner, HttpResponse *response, const Err *err)
{
    Fetch *fetch = owner;
    if (fetch->stopped)
        return;
    http_client_free(fetch->spent);
    fetch->spent = fetch->client;
    fetch->client = NULL;
    fetch->sweep = (Post){ .run = sweep, .owner = fetch };
    loop_post(fetch->loop, &fetch->sweep);
    fetch->done(fetch->owner, err ? 0 : response->status, err ? (Str){ 0 } : response->body, err);
}

static bool send_call(Fetch *fetch, const FetchWish *wish, Str target, Err *err)
{
    HttpField fields[3] = { { STR("accept"), STR("application/json") } };
    size_t count = 1;
    if (wish->form.ptr)
        fields[count++] =
            (HttpField){ STR("content-type"), STR("application/x-www-form-urlencoded") };
    if (wish->authorization.len)
        fields[count++] = (HttpField){ STR("authorization"), wish->authorization };
    HttpCall call = { .method = wish->form.ptr ? STR("POST") : STR("GET"),
                      .target = target.len ? target : STR("/"),
                      .fields = fields,
                      .field_count = count,
                      .body = BUF(FETCH_BODY_MAX),
                      .timeout_ns = fetch->timeout_ns,
                      .done = answered,
                      .owner = fetch };
    buf_add(&call.body, wish->form);
    if (buf_ok(&call.body, err) && http_client_send(fetch->client, &call, err))
        return true;
    buf_free(&call.body);
    return false;
}

bool fetch_begin(Fetch *fetch, const FetchWish *wish, Err *err)
{
    Url url;
    if (!fetch_check_url(wish->url, err) || !url_parse(wish->url, &url, err))
        return false;
    fetch->client =
        http_client_new(&(HttpClientSettings){ .loop = fetch->loop,
                                               .url = wish->url,
                                               .tls = url.scheme == URL_HTTPS ? fetch->tls : NULL,
                                               .connections = 1,
                                               .response_bytes = FETCH_BODY_MAX },
                        err);
    if (fetch->client && send_call(fetch, wish, url.path, err))
        return true;
    http_client_free(fetch->client);
    fetch->client = NULL;
    return false;
}

bool fetch_is_busy(const Fetch *fetch)
{
    return fetch->client != NULL;
}

void fetch_stop(Fetch *fetch)
{
    fetch->stopped = true;
    if (fetch->spent)
        loop_unpost(fetch->loop, &fetch->sweep);
    http_client_free(fetch->spent);
    http_client_free(fetch->client);
    fetch->client = fetch->spent = NULL;
}
