/* otlp_peer.c - see otlp_peer.h. */
#include "support/otlp_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { BODY_MAX = 1 << 20, PATIENCE_SECONDS = 5 };

static void copy_field(const HttpFields *fields, Str name, char *out, size_t size)
{
    snprintf(out, size, "%.*s", STR_ARG(http_fields_get(fields, name)));
}

static void http_says(void *owner, HttpResponse *response, const Err *err)
{
    Reply *reply = owner;
    reply->calls++;
    reply->lost = err != NULL;
    reply->body = BUF(BODY_MAX);
    if (err)
        return;
    reply->status = response->status;
    copy_field(response->fields, STR("content-type"), reply->content_type,
               sizeof reply->content_type);
    copy_field(response->fields, STR("retry-after"), reply->retry_after, sizeof reply->retry_after);
    copy_field(response->fields, STR("allow"), reply->allow, sizeof reply->allow);
    buf_add(&reply->body, response->body);
}

static void grpc_says(void *owner, GrpcReply *said, const Err *err)
{
    Reply *reply = owner;
    reply->calls++;
    reply->lost = err != NULL;
    reply->body = BUF(BODY_MAX);
    if (err)
        return;
    reply->status = (int)said->code;
    reply->has_retry = said->has_retry;
    reply->retry_ms = said->retry_ms;
    buf_add(&reply->body, said->code == GRPC_OK ? said->message : said->status_text);
}

static void connect_to(Peer *peer, const EndpointStatus *endpoint)
{
    Err err = { 0 };
    char url[ENDPOINT_TEXT_MAX + 8];
    bool is_path = strncmp(endpoint->address, "unix:", 5) == 0;
    snprintf(url, sizeof url, "%s%s", is_path ? "" : "http://", endpoint->address);
    Loop *loop = host_loop(test_host_host(peer->host));
    if (!strcmp(endpoint->protocol, "HTTP"))
        peer->http =
            http_client_new(&(HttpClientSettings){ .loop = loop, .url = str_from(url) }, &err);
    else
        peer->grpc =
            grpc_client_new(&(GrpcClientSettings){ .loop = loop, .endpoint = str_from(url) }, &err);
    assert_int_equal(err.kind, ERR_NONE);
}

void peer_begin(Peer *peer, TestHost *host)
{
    *peer = (Peer){ .host = host };
    ComponentStatus status = test_host_status(host);
    for (size_t i = 0; i < status.endpoint_count; i++)
        connect_to(peer, &status.endpoints[i]);
}

void peer_end(Peer *peer)
{
    http_client_free(peer->http);
    grpc_client_free(peer->grpc);
    peer->http = NULL;
    peer->grpc = NULL;
}

static Buf copy_of(Str bytes)
{
    Buf copy = BUF(BODY_MAX);
    buf_add(&copy, bytes);
    assert_false(copy.failed);
    return copy;
}

void peer_ask(Peer *peer, const Question *question, Reply *reply)
{
    Err err = { 0 };
    const char *type = question->content_type ? question->content_type : "application/x-protobuf";
    HttpField fields[] = { { STR("content-type"), str_from(type) },
                           { STR("content-encoding"), STR("rot13") } };
    *reply = (Reply){ 0 };
    HttpCall call = { .method = str_from(question->method ? question->method : "POST"),
                      .target = str_from(question->target),
                      .fields = fields,
                      .field_count = question->encoded_wrong ? 2 : 1,
                      .body = copy_of(question->body),
                      .encoding = question->gzip ? encoding_find(ENCODING_HTTP, STR("gzip")) : NULL,
                      .done = http_says,
                      .owner = reply };
    assert_true(http_client_send(peer->http, &call, &err));
}

void peer_call(Peer *peer, const char *path, Str message, bool gzip, Reply *reply)
{
    Err err = { 0 };
    *reply = (Reply){ 0 };
    GrpcCall call = { .path = str_from(path),
                      .message = copy_of(message),
                      .encoding = gzip ? encoding_find(ENCODING_GRPC, STR("gzip")) : NULL,
                      .done = grpc_says,
                      .owner = reply };
    assert_true(grpc_client_call(peer->grpc, &call, &err));
}

void peer_await(Peer *peer, const Reply *reply)
{
    int64_t until = clock_mono_ns(clock_system()) + PATIENCE_SECONDS * NANOS_PER_SECOND;
    while (!reply->calls && clock_mono_ns(clock_system()) < until)
        test_host_turn(peer->host);
    assert_int_equal(reply->calls, 1);
}

void reply_done(Reply *reply)
{
    buf_free(&reply->body);
}
