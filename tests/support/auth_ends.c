/* auth_ends.c - see auth_ends.h. */
#include "support/auth_ends.h"

#include "otlp/batch.h"
#include "pipe/host_base.h"
#include "support/make_batch.h"
#include "support/test_certs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

extern const ComponentType otlp_receiver, otlp_exporter, otlphttp_exporter;

static const char *const file_names[] = { "ca.crt", "server.crt", "server.key" };

static TestHost *start(const ComponentType *type, const char *yaml, void *service)
{
    Err err = { 0 };
    Buf problems = BUF(1 << 16);
    TestHost *host = test_host_new(type, str_from(yaml), &problems, &err);
    if (!host)
        fail_msg("%s: %s", yaml, buf_text(&problems));
    buf_free(&problems);
    test_host_offer(host, service);
    test_host_clock(host)->wall = clock_wall_ns(clock_system());
    if (!test_host_start(host, &err))
        fail_msg("%s: %s", yaml, err.text);
    return host;
}

TestHost *auth_start(const ComponentType *type, const char *yaml)
{
    return start(type, yaml, NULL);
}

void auth_refuses(const ComponentType *type, const char *yaml, const char *says)
{
    Err err = { 0 };
    Buf problems = BUF(1 << 16);
    TestHost *host = test_host_new(type, str_from(yaml), &problems, &err);
    if (host && !test_host_start(host, &err))
        buf_addf(&problems, "%s", err.text);
    if (!str_contains(buf_str(&problems), str_from(says)))
        fail_msg("%s: not \"%s\" but \"%s\"", yaml, says, buf_text(&problems));
    test_host_free(host);
    buf_free(&problems);
}

/* ---- alone ---- */

static void *service_of(TestHost *host, ServiceKind kind)
{
    return test_host_host(host)->type->service(test_host_self(host), kind);
}

static void add_lines(HttpFields *fields, const char *lines)
{
    Err err = { 0 };
    Str line, name, rest = str_from(lines);
    while (str_split(&rest, '\n', &line) && line.len) {
        assert_true(str_split(&line, ':', &name));
        assert_true(http_fields_add(fields, name, str_trim(line), &err));
    }
}

const char *auth_asked(TestHost *host, const char *lines, Err *err, Buf *known)
{
    const ServerAuth *auth = service_of(host, SERVICE_SERVER_AUTH);
    HttpFields fields;
    *err = (Err){ 0 };
    assert_non_null(auth);
    ClientInfo *client = client_info_new(NULL, NULL, err);
    assert_non_null(client);
    http_fields_init(&fields, 1 << 20);
    add_lines(&fields, lines);
    bool ok = auth->authenticate(auth->self, &(AuthRequest){ .params = &fields }, client, err);
    for (size_t i = 0; known && i < client_info_count(client, CLIENT_AUTH); i++) {
        HttpField field = client_info_at(client, CLIENT_AUTH, i);
        buf_addf(known, " %.*s=%.*s", STR_ARG(field.name), STR_ARG(field.value));
    }
    http_fields_done(&fields);
    client_info_unref(client);
    return ok ? NULL : err->text;
}

bool auth_signed(TestHost *host, const ClientInfo *client, const char *lines, Buf *out, Err *err)
{
    const ClientAuth *auth = service_of(host, SERVICE_CLIENT_AUTH);
    HttpFields fields;
    *err = (Err){ 0 };
    assert_non_null(auth);
    http_fields_init(&fields, 1 << 20);
    add_lines(&fields, lines);
    bool ok = auth->sign(auth->self, client, &fields, err);
    for (size_t i = 0; i < fields.count; i++) {
        HttpField field = http_fields_at(&fields, i);
        buf_addf(out, "%.*s: %.*s\n", STR_ARG(field.name), STR_ARG(field.value));
    }
    http_fields_done(&fields);
    return ok;
}

/* ---- between two ends ---- */

static void save(const AuthEnds *ends, const char *name, const char *text)
{
    char path[64];
    snprintf(path, sizeof path, "%s/%s", ends->folder, name);
    FILE *file = fopen(path, "w");
    assert_true(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void save_certs(AuthEnds *ends)
{
    TestCert authority, server;
    snprintf(ends->folder, sizeof ends->folder, "/tmp/auth_ends.XXXXXX");
    assert_non_null(mkdtemp(ends->folder));
    test_authority(&authority, "an authority");
    test_cert(&server, &authority, &(TestWish){ .names = "IP:127.0.0.1" });
    save(ends, "ca.crt", authority.cert);
    save(ends, "server.crt", server.cert);
    save(ends, "server.key", server.key);
}

static const char *or_none(const char *text)
{
    return text ? text : "";
}

static void begin_receiver(AuthEnds *ends)
{
    const AuthWish *wish = &ends->wish;
    char yaml[1024], tls[256] = "";
    if (!wish->plain)
        snprintf(tls, sizeof tls, ", tls: {cert_file: %s/server.crt, key_file: %s/server.key}",
                 ends->folder, ends->folder);
    snprintf(yaml, sizeof yaml, "{protocols: {%s: {endpoint: '127.0.0.1:0'%s%s%s}}}",
             wish->grpc ? "grpc" : "http", wish->server ? ", auth: {authenticator: a}" : "", tls,
             or_none(wish->listen));
    ends->receiver = start(&otlp_receiver, yaml,
                           wish->server ? service_of(wish->server, SERVICE_SERVER_AUTH) : NULL);
}

void auth_ends_begin(AuthEnds *ends, const AuthWish *wish)
{
    char yaml[1024], tls[256];
    *ends = (AuthEnds){ .wish = *wish };
    save_certs(ends);
    begin_receiver(ends);
    ComponentStatus status = test_host_status(ends->receiver);
    if (wish->plain)
        snprintf(tls, sizeof tls, "insecure: true");
    else
        snprintf(tls, sizeof tls, "ca_file: %s/ca.crt", ends->folder);
    snprintf(yaml, sizeof yaml,
             "{endpoint: '%s127.0.0.1:%s', retry_on_failure: {enabled: false}, tls: {%s}%s%s}",
             wish->grpc    ? ""
             : wish->plain ? "http://"
                           : "https://",
             strrchr(status.endpoints[0].address, ':') + 1, tls,
             wish->client ? ", auth: {authenticator: a}" : "", or_none(wish->send));
    ends->exporter = start(wish->grpc ? &otlp_exporter : &otlphttp_exporter, yaml,
                           wish->client ? service_of(wish->client, SERVICE_CLIENT_AUTH) : NULL);
}

const AckOutcome *auth_ends_push(AuthEnds *ends)
{
    Err err = { 0 };
    size_t count = test_host_ack_count(ends->exporter);
    Batch *batch = make_batch(TRACES, STR("{service.name=shop} a b"), &err);
    assert_true(batch && test_host_push(ends->exporter, batch, false, &err));
    batch_unref(batch);
    for (int i = 0; i < 5000 && !test_host_ack(ends->exporter, count)->heard; i++) {
        test_host_turn(ends->exporter);
        test_host_turn(ends->receiver);
        if (i > 200)
            usleep(1000);
    }
    assert_true(test_host_ack(ends->exporter, count)->heard);
    return &test_host_ack(ends->exporter, count)->outcome;
}

const ClientInfo *auth_ends_client(const AuthEnds *ends)
{
    size_t count = test_host_sent_count(ends->receiver);
    assert_true(count > 0);
    return ack_client(test_host_sent(ends->receiver, count - 1)->ack);
}

void auth_ends_end(AuthEnds *ends)
{
    test_host_free(ends->exporter);
    test_host_free(ends->receiver);
    for (size_t i = 0; i < COUNT_OF(file_names); i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/%s", ends->folder, file_names[i]);
        unlink(path);
    }
    rmdir(ends->folder);
}
