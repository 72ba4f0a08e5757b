/* otlp_tls_sink_test.c - the library sends over TLS as OpenTelemetry's variables say, and its one
 * line about a failure names the variable to set. */
#include "sdk/kept_spans.h"

#include "base/thread.h"
#include "net/server.h"
#include "otlp/batch.h"
#include "otlp/rpc.h"
#include "support/test_certs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static TestCert authority, stranger, server_cert, other_cert, client_cert;
static char folder[] = "/tmp/otlp_tls_sink_test.XXXXXX";
static char said[4096];

static struct {
    Loop *loop;
    TlsContext *tls;
    Server *server;
    Thread thread;
    atomic_size_t spans;
} peer;

static void path_of(const char *name, char out[128])
{
    snprintf(out, 128, "%s/%s", folder, name);
}

static void save(const char *name, const char *text)
{
    char path[128];
    path_of(name, path);
    FILE *file = fopen(path, "w");
    assert_true(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static int make_files(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    test_authority(&authority, "an authority");
    test_authority(&stranger, "another one");
    test_cert(&server_cert, &authority, &(TestWish){ .names = "IP:127.0.0.1" });
    test_cert(&other_cert, &authority, &(TestWish){ .names = "DNS:elsewhere" });
    test_cert(&client_cert, &authority, &(TestWish){ .names = "DNS:app" });
    save("ca", authority.cert);
    save("stranger", stranger.cert);
    save("cert", client_cert.cert);
    save("key", client_cert.key);
    return 0;
}

static int remove_files(void **state)
{
    static const char *const names[] = { "ca", "stranger", "cert", "key" };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char path[128];
        path_of(names[i], path);
        unlink(path);
    }
    return rmdir(folder);
}

static void take(void *owner, Request *request)
{
    (void)owner;
    Err err;
    Buf body = request_take_body(request), nothing = BUF(16);
    Batch *batch = batch_from_bytes(TRACES, &body, &err);
    if (batch)
        atomic_fetch_add(&peer.spans, batch_item_count(batch));
    batch_unref(batch);
    buf_free(&body);
    if (request_is_grpc(request))
        request_answer_grpc(request, &nothing);
    else
        request_answer_text(request, 200, STR(""));
}

static void run_peer(void *nothing)
{
    (void)nothing;
    loop_run(peer.loop);
}

/* cert NULL: plain text. mutual: clients must show a certificate. */
static uint16_t peer_start(const TestCert *cert, bool mutual)
{
    Err err;
    char ca[128];
    path_of("ca", ca);
    peer.loop = loop_new(NULL, NULL, &err);
    assert_non_null(peer.loop);
    if (cert) {
        const TlsOptions options = { .role = TLS_SERVER,
                                     .loop = peer.loop,
                                     .cert_pem = str_from(cert->cert),
                                     .key_pem = str_from(cert->key),
                                     .client_ca_file = mutual ? str_from(ca) : STR("") };
        peer.tls = tls_context_new(&options, &err);
        assert_non_null(peer.tls);
    }
    const ServerSettings settings = { .loop = peer.loop,
                                      .endpoint = STR("127.0.0.1:0"),
                                      .tls = peer.tls };
    const Route route = { .path = STR("/v1/traces"), .handle = take };
    const GrpcRoute grpc = { .path = otlp_grpc_path(TRACES), .handle = take };
    peer.server = server_new(&settings, &err);
    assert_true(peer.server && server_route(peer.server, &route, &err) &&
                server_grpc_route(peer.server, &grpc, &err) && server_listen(peer.server, &err));
    Address address = server_address(peer.server);
    atomic_store(&peer.spans, 0);
    assert_true(thread_start(&peer.thread, "peer", run_peer, NULL, &err));
    return address_port(&address);
}

static void peer_stop(void)
{
    loop_stop(peer.loop);
    thread_join(&peer.thread);
    server_free(peer.server);
    tls_context_free(peer.tls);
    loop_free(peer.loop);
    peer.tls = NULL;
}

static void keep_line(void *context, CryoLogLevel level, CryoString message)
{
    (void)context, (void)level;
    size_t len = strlen(said);
    snprintf(said + len, sizeof said - len, "%.*s\n", (int)message.len, message.ptr);
}

static const char *const variables[] = {
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY",
    "OTEL_EXPORTER_OTLP_INSECURE",
    "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
    "OTEL_METRICS_EXPORTER",
    "OTEL_LOGS_EXPORTER",
};

/* "NAME=value" each, a value that begins with '@' is a file of ours. */
static void set_variables(const char *const *list, const char *protocol, uint16_t port)
{
    char text[256];
    for (size_t i = 0; i < COUNT_OF(variables); i++)
        unsetenv(variables[i]);
    snprintf(text, sizeof text, "https://127.0.0.1:%u", port);
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", text, 1);
    setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol, 1);
    setenv("OTEL_METRICS_EXPORTER", "none", 1);
    setenv("OTEL_LOGS_EXPORTER", "none", 1);
    for (; *list; list++) {
        char name[64] = { 0 }, path[128];
        const char *equals = strchr(*list, '=');
        memcpy(name, *list, (size_t)(equals - *list));
        if (equals[1] == '@')
            path_of(equals + 2, path);
        if (equals[1] == ':') /* instead of the scheme */
            snprintf(text, sizeof text, "127.0.0.1:%u", port);
        setenv(name, equals[1] == '@' ? path : equals[1] == ':' ? text : equals + 1, 1);
    }
}

#define CA     "OTEL_EXPORTER_OTLP_CERTIFICATE=@ca"
#define MUTUAL "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=@cert", "OTEL_EXPORTER_OTLP_CLIENT_KEY=@key"
#define HOST   "OTEL_EXPORTER_OTLP_ENDPOINT=:"

static const struct {
    const char *variables[5];
    const TestCert *cert;
    bool mutual;
    const char *says; /* NULL: the span arrives */
} rows[] = {
    { { CA }, &server_cert, false, NULL },
    { { "OTEL_EXPORTER_OTLP_CERTIFICATE=@stranger", "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE=@ca" },
      &server_cert,
      false,
      NULL },
    { { CA, MUTUAL }, &server_cert, true, NULL },
    { { 0 },
      &server_cert,
      false,
      "signed by an unknown authority; set OTEL_EXPORTER_OTLP_CERTIFICATE to its authority's" },
    { { CA },
      &server_cert,
      true,
      "set OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY" },
    { { CA, "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=@cert" },
      &server_cert,
      true,
      "but OTEL_EXPORTER_OTLP_CLIENT_KEY is missing" },
    { { CA }, &other_cert, false, "is for another name; dial the name it is for\n" },
    { { "OTEL_EXPORTER_OTLP_CERTIFICATE=@nothing" }, &server_cert, false, "/nothing" },
    { { CA }, NULL, false, "TLS" },
    /* without a scheme: TLS, unless INSECURE says otherwise */
    { { CA, HOST }, &server_cert, false, NULL },
    { { HOST, "OTEL_EXPORTER_OTLP_INSECURE=true" }, NULL, false, NULL },
};

static void spans_arrive_or_one_line_says_what_to_set(void **state)
{
    (void)state;
    static const char *const protocols[] = { "grpc", "http/protobuf" };
    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        const char *says = rows[i / 2].says;
        set_variables(rows[i / 2].variables, protocols[i % 2],
                      peer_start(rows[i / 2].cert, rows[i / 2].mutual));
        said[0] = 0;
        cryo_set_log_handler(keep_line, NULL);
        CryoError error;
        if (!cryo_start(NULL, &error))
            fail_msg("%s", error.text);
        {
            CRYO_SPAN(span, "a span");
        }
        bool sent = cryo_shutdown(3000, NULL);
        if (sent != !says || atomic_load(&peer.spans) != !says || !strstr(said, says ? says : ""))
            fail_msg("row %zu, %s: %zu spans, said: %s", i / 2, protocols[i % 2],
                     atomic_load(&peer.spans), said);
        peer_stop();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_arrive_or_one_line_says_what_to_set),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
