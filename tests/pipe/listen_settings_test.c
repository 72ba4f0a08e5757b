/* What listeners have in common, behind a component that does nothing but listen. */
#include "pipe/listen_settings.h"

#include "codec/gzip.h"
#include "support/raw_peer.h"
#include "support/test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef struct Ear {
    Component base;
    ListenSettings listen;
    Listener listener;
} Ear;

static const ConfigField http_fields[] = { LISTEN_HTTP_ROWS(Ear, listen, "127.0.0.1:0", "1KiB"),
                                           { 0 } };
static const ConfigField grpc_fields[] = { LISTEN_GRPC_ROWS(Ear, listen, "127.0.0.1:0"), { 0 } };

static bool ear_check(const void *self, Err *err)
{
    return listen_check(&((const Ear *)self)->listen, err);
}

/* And what is known of whoever sent it, as a header. */
static void echo(void *owner, Request *request)
{
    (void)owner;
    ClientInfo *client = listener_client(request);
    HttpField known = { .name = STR("known") };
    if (client && client_info_count(client, CLIENT_AUTH))
        known.value = client_info_at(client, CLIENT_AUTH, 0).value;
    else if (client)
        known.value = client_info_get(client, CLIENT_METADATA, STR("X-Tenant"));
    request_answer(request, &(Answer){ .status = 200,
                                       .fields = &known,
                                       .field_count = known.value.len > 0,
                                       .body = request_take_body(request) });
    client_info_unref(client);
}

static bool ear_start(void *self, Err *err)
{
    Ear *ear = self;
    const ListenWish wish = { .name = "http", .risk = "hear all", .limits = { .body_bytes = 64 } };
    const Route route = { .path = STR("/echo"), .methods = STR("POST"), .handle = echo };
    if (!listener_open(&ear->listener, &ear->listen, &wish, ear->base.host, err) ||
        !server_route(ear->listener.server, &route, err) || !listener_listen(&ear->listener, err))
        return false;
    listener_announce(&ear->listener, "HTTP");
    return true;
}

static void ear_stop(void *self)
{
    listener_close(&((Ear *)self)->listener);
}

#define EAR(word, rows)                                                                            \
    {                                                                                              \
        .name = word, .kind = EXTENSION, .placement = SINGLE, .size = sizeof(Ear), .fields = rows, \
        .check = ear_check, .start = ear_start, .stop = ear_stop                                   \
    }
static const ComponentType http_ear = EAR("http_ear", http_fields);
static const ComponentType grpc_ear = EAR("grpc_ear", grpc_fields);

/* ---- what is wrong is told before anything starts ---- */

static void wrong_settings_are_told(void **state)
{
    (void)state;
    static const struct {
        const ComponentType *type;
        const char *yaml, *says;
    } rows[] = {
        { &http_ear, "{endpoint: nowhere}", "endpoint" },
        { &http_ear, "{endpoint: /run/a.sock}", "a path needs transport: unix" },
        { &http_ear, "{transport: unix}", "it must be a path" },
        { &http_ear, "{transport: carrier}", "transport" },
        { &http_ear, "{auth: {}}", "auth: authenticator: name an extension" },
        { &http_ear, "{tls: {}}", "tls: a server needs cert_file and key_file" },
        { &http_ear, "{tls: {cert_file: a}}",
          "tls: a certificate is set without key_file or key_pem" },
        { &http_ear, "{tls: {key_pem: a}}", "tls: a key is set without cert_file or cert_pem" },
        { &http_ear, "{tls: {cert_file: a, cert_pem: b, key_file: c}}",
          "tls: cert_file and cert_pem exclude each other" },
        { &grpc_ear, "{tls: {cert_file: a, key_file: b, key_pem: c}}",
          "tls: key_file and key_pem exclude each other" },
        { &grpc_ear, "{tls: {cert_file: a, key_file: b, min_version: '1.3', max_version: '1.2'}}",
          "tls: min_version is above max_version" },
        { &grpc_ear, "{tls: {cert_file: a, key_file: b, min_version: '1.1'}}", "min_version" },
        { &grpc_ear, "{tls: {tpm: {enabled: true}}}", "keys in a TPM: not supported yet" },
        { &grpc_ear, "{cors: {}}", "cors" },
        { &http_ear, "{cors: {allowed_origins: ['http://*.a.*']}}", "only one * is possible" },
        { &http_ear, "{cors: {allowed_origins: [a.test]}}", "'a.test' is no origin" },
        { &http_ear, "{cors: {allowed_origins: ['http://a.test/']}}", "is no origin" },
        { &http_ear, "{cors: {allowed_origins: ['*/']}}", "is no origin" },
        { &http_ear, "{limits: {max_header_size: 1023}}", "must be at least 1024 bytes" },
        { &http_ear, "{compression_algorithms: [gzip, br]}", "compression_algorithms" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err = { 0 };
        Buf problems = BUF(1 << 16);
        assert_null(test_host_new(rows[i].type, str_from(rows[i].yaml), &problems, &err));
        if (!str_contains(buf_str(&problems), str_from(rows[i].says)))
            fail_msg("%s\n%s", rows[i].yaml, buf_text(&problems));
        buf_free(&problems);
    }
}

/* Whatever the public Collector's configurations have is taken, or said to have no effect. */
static void the_public_keys_are_taken(void **state)
{
    (void)state;
    static const struct {
        const ComponentType *type;
        const char *yaml;
    } rows[] = {
        { &http_ear,
          "{endpoint: '0.0.0.0:4318', transport: tcp, max_request_body_size: 20971520, "
          "cors: {allowed_origins: ['http://*.a.b', '*', '*.a.b', 'https://a.b:8443', 'null'], "
          "allowed_headers: ['*'], max_age: 7200}, "
          "compression_algorithms: ['', gzip, deflate], read_timeout: 0s, "
          "read_header_timeout: 1m, write_timeout: 30s, idle_timeout: 1m, "
          "keep_alives_enabled: true, response_headers: {a: b}}" },
        { &http_ear, "{tls: {cert_file: a, key_file: b, client_ca_file: c, min_version: 1.2, "
                     "max_version: '1.3', client_ca_file_reload: true, reload_interval: 24h, "
                     "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256], "
                     "curve_preferences: [X25519, P256], include_system_ca_certs_pool: false}}" },
        { &grpc_ear,
          "{max_recv_msg_size_mib: 0, max_concurrent_streams: 16, read_buffer_size: 524288, "
          "keepalive: {server_parameters: {max_connection_idle: 11s, max_connection_age: 12s, "
          "max_connection_age_grace: 13s, time: 30s, timeout: 5s}, "
          "enforcement_policy: {min_time: 10s, permit_without_stream: true}}}" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err = { 0 };
        TestHost *host = test_host_new(rows[i].type, str_from(rows[i].yaml), NULL, &err);
        if (!host)
            fail_msg("%s\n%s", rows[i].yaml, err.text);
        test_host_free(host);
    }
}

/* ---- what they do ---- */

static void begin(TestHost **host, RawPeer *peer, const char *yaml)
{
    Err err = { 0 };
    *host = test_host_new(&http_ear, str_from(yaml), NULL, &err);
    if (!*host || !test_host_start(*host, &err))
        fail_msg("%s", err.text);
    const Ear *ear = test_host_self(*host);
    const Address address = server_address(ear->listener.server);
    if (peer)
        assert_true(raw_peer_connect(peer, host_loop(test_host_host(*host)), &address));
}

static void expect(const char *yaml, const char *request, const char *answer)
{
    TestHost *host;
    RawPeer peer;
    begin(&host, &peer, yaml);
    raw_peer_send(&peer, str_from(request));
    if (!raw_peer_wait(&peer, answer))
        fail_msg("%s: not %s but %.*s", yaml, answer, STR_ARG(buf_str(&peer.got)));
    raw_peer_close(&peer);
    test_host_free(host);
}

#define POST(fields) "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n" fields "\r\n"
#define BIG                                                                                        \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
    "x"                                                                                            \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
    "x"                                                                                            \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
    "x"
#define BIGGER BIG BIG BIG BIG

static void every_setting_reaches_the_server(void **state)
{
    (void)state;
    const char *seventy = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 70\r\n\r\n"
                          "0123456789012345678901234567890123456789012345678901234567890123456789";
    expect("{}", seventy, "200 OK");
    expect("{max_request_body_size: 69}", seventy, "413 Content Too Large");
    expect("{max_request_body_size: 0}", seventy, "413 Content Too Large"); /* the wish's 64 */
    expect("{response_headers: {X-Served-By: edge}}", seventy, "x-served-by: edge\r\n");
    expect("{cors: {allowed_origins: ['http://*.test']}}", POST("Origin: http://a.test\r\n"),
           "access-control-allow-origin: http://a.test\r\n");
    expect("{cors: {allowed_origins: ['http://*.test'], max_age: 60}}",
           "OPTIONS /echo HTTP/1.1\r\nHost: x\r\nOrigin: http://a.test\r\n"
           "Access-Control-Request-Method: POST\r\n\r\n",
           "access-control-max-age: 60\r\n");
    expect("{compression_algorithms: [deflate]}", POST("Content-Encoding: gzip\r\n"), "415 ");
    expect("{keep_alives_enabled: false}", seventy, "connection: close\r\n");
    expect("{limits: {max_header_size: 1KiB}}", POST("A: " BIGGER "\r\n"), "431 ");
    expect("{limits: {max_header_size: 2KiB}}", POST("A: " BIGGER "\r\n"), "200 ");
}

/* A body of `size` bytes that comes as a few. */
static void expect_packed(const char *yaml, size_t size, const char *answer)
{
    static const char zeros[8192];
    Err err = { 0 };
    TestHost *host;
    RawPeer peer;
    Buf packed = BUF(8192), request = BUF(8192);
    assert_true(gzip_compress((Str){ zeros, size }, GZIP_FORMAT, &packed, &err));
    buf_addf(&request,
             "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n"
             "Content-Length: %zu\r\n\r\n",
             packed.len);
    buf_add(&request, buf_str(&packed));
    begin(&host, &peer, yaml);
    raw_peer_send(&peer, buf_str(&request));
    if (!raw_peer_wait(&peer, answer))
        fail_msg("%s, %zu: not %s but %.*s", yaml, size, answer, STR_ARG(buf_str(&peer.got)));
    raw_peer_close(&peer);
    test_host_free(host);
    buf_free(&packed);
    buf_free(&request);
}

static void what_a_body_inflates_to_has_its_limit(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        size_t most;
    } rows[] = {
        { "{}", 1024 }, /* that of the body as it comes */
        { "{max_request_body_size: 0}", 64 },
        { "{max_request_body_size: 2KiB}", 2048 },
        { "{limits: {max_inflated_size: 4KiB}}", 4096 },
        { "{max_request_body_size: 2KiB, limits: {max_inflated_size: 100}}", 100 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[64];
        snprintf(text, sizeof text, "inflate to more than the limit of %zu bytes", rows[i].most);
        expect_packed(rows[i].yaml, rows[i].most, "200 OK");
        expect_packed(rows[i].yaml, rows[i].most + 1, text);
    }
}

static void a_listener_takes_so_many_connections_and_no_more(void **state)
{
    (void)state;
    TestHost *host;
    RawPeer first, second;
    begin(&host, &first, "{limits: {max_connections: 1}}");
    raw_peer_send(&first, STR(POST("")));
    const Ear *ear = test_host_self(host);
    const Address address = server_address(ear->listener.server);
    assert_true(raw_peer_connect(&second, host_loop(test_host_host(host)), &address));
    assert_true(raw_peer_wait(&second, "503 Service Unavailable"));
    raw_peer_close(&first);
    raw_peer_close(&second);
    test_host_free(host);
}

static void time_outs_are_those_of_the_settings(void **state)
{
    (void)state;
    TestHost *host;
    RawPeer peer;
    begin(&host, &peer, "{read_header_timeout: 2s, idle_timeout: 1h}");
    raw_peer_send(&peer, STR("POST /ec"));
    test_host_tick(host, 1900 * NANOS_PER_MILLI);
    assert_false(raw_peer_has(&peer, "408"));
    test_host_tick(host, 200 * NANOS_PER_MILLI);
    assert_true(raw_peer_wait(&peer, "408 "));
    raw_peer_close(&peer);
    test_host_free(host);
}

/* ---- who comes ---- */

static bool knows_ann(void *self, const AuthRequest *asked, ClientInfo *client, Err *err)
{
    (void)self;
    Str given = auth_request_field(asked, STR("authorization"));
    if (str_eq(given, STR("later")))
        return (fail)(err, ERR_BUSY, "no keys yet");
    if (!str_eq(given, STR("ann")))
        return (fail)(err, ERR_UNKNOWN, "who are you?");
    return client_info_add(client, CLIENT_AUTH, STR("subject"), STR("Ann"), err);
}

static void ask_with(const char *yaml, const char *request, const char *answer)
{
    static ServerAuth auth = { .challenge = STR_ROW("Ear realm=\"x\""), .authenticate = knows_ann };
    Err err = { 0 };
    RawPeer peer;
    TestHost *host = test_host_new(&http_ear, str_from(yaml), NULL, &err);
    test_host_offer(host, &auth);
    if (!test_host_start(host, &err))
        fail_msg("%s", err.text);
    const Address address = server_address(((Ear *)test_host_self(host))->listener.server);
    assert_true(raw_peer_connect(&peer, host_loop(test_host_host(host)), &address));
    raw_peer_send(&peer, str_from(request));
    if (!raw_peer_wait(&peer, answer))
        fail_msg("%s: not %s but %.*s", request, answer, STR_ARG(buf_str(&peer.got)));
    raw_peer_close(&peer);
    test_host_free(host);
}

static void ask_with_auth(const char *request, const char *answer)
{
    ask_with("{auth: {authenticator: ears}}", request, answer);
}

#define QUERY(query, fields) \
    "POST /echo?" query " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n" fields "\r\n"

static void parameters_count_as_headers_where_they_are_named(void **state)
{
    (void)state;
    const char *named = "{auth: {authenticator: ears, request_params: [key, Authorization]}}";
    ask_with(named, QUERY("Authorization=ann", ""), "known: Ann\r\n");
    ask_with(named, QUERY("x=1&Authorization=%61nn", "Authorization: bob\r\n"), "known: Ann\r\n");
    ask_with(named, QUERY("key=ann", "Authorization: ann\r\n"), "known: Ann\r\n");
    ask_with(named, QUERY("key=ann", ""), "401 ");
    ask_with(named, QUERY("Authorization=%zz", ""), "401 ");
    ask_with_auth(QUERY("Authorization=ann", ""), "401 ");
}

static void an_authenticator_says_who_may_come(void **state)
{
    (void)state;
    ask_with_auth(POST("Authorization: ann\r\n"), "known: Ann\r\n");
    ask_with_auth(POST(""), "401 Unauthorized");
    ask_with_auth(POST(""), "www-authenticate: Ear realm=\"x\"\r\n");
    ask_with_auth(POST("Authorization: bob\r\n"), "who are you?");
    ask_with_auth(POST("Authorization: later\r\n"), "503 ");
    ask_with_auth("POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "404 ");
}

static void an_authenticator_that_is_not_there_is_missed_at_the_start(void **state)
{
    (void)state;
    Err err = { 0 };
    TestHost *host = test_host_new(&http_ear, STR("{auth: {authenticator: ears}}"), NULL, &err);
    assert_false(test_host_start(host, &err));
    assert_string_equal(err.text, "auth: authenticator: extension \"ears\" is not listed in "
                                  "service.extensions");
    test_host_free(host);
}

static void headers_travel_when_they_are_asked_for(void **state)
{
    (void)state;
    expect("{include_metadata: true}", POST("X-Tenant: red\r\n"), "known: red\r\n");
    TestHost *host;
    RawPeer peer;
    begin(&host, &peer, "{}");
    raw_peer_send(&peer, STR(POST("X-Tenant: red\r\n")));
    assert_true(raw_peer_wait(&peer, "200 OK"));
    assert_false(raw_peer_has(&peer, "known"));
    raw_peer_close(&peer);
    test_host_free(host);
}

/* ---- what is said ---- */

static void keep_line(void *context, LogLevel level, Str component, Str message)
{
    (void)component;
    buf_addf(context, "%s: %.*s\n", log_level_name(level), STR_ARG(message));
}

static void a_port_that_others_reach_without_tls_is_warned_of(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *says;
        bool there;
    } rows[] = {
        { "{endpoint: '0.0.0.0:0'}", "warn: 0.0.0.0:", true },
        { "{endpoint: '0.0.0.0:0'}",
          "without TLS and without authentication: "
          "whoever reaches it can hear all\n",
          true },
        { "{endpoint: '127.0.0.1:0'}", "warn", false },
        { "{cors: {allowed_headers: [x]}}", "cors: headers have no effect", true },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        TestHost *host;
        Buf lines = BUF(1 << 16);
        log_set_sink(&(LogSink){ keep_line, &lines, LOG_INFO });
        begin(&host, NULL, rows[i].yaml);
        test_host_free(host);
        log_set_sink(NULL);
        if (str_contains(buf_str(&lines), str_from(rows[i].says)) != rows[i].there)
            fail_msg("%s\n%s", rows[i].yaml, buf_text(&lines));
        assert_true(str_contains(buf_str(&lines), STR("info: Listening for HTTP on ")));
        buf_free(&lines);
    }
}

int main(void)
{
    log_set_level(LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_settings_are_told),
        cmocka_unit_test(the_public_keys_are_taken),
        cmocka_unit_test(every_setting_reaches_the_server),
        cmocka_unit_test(what_a_body_inflates_to_has_its_limit),
        cmocka_unit_test(a_listener_takes_so_many_connections_and_no_more),
        cmocka_unit_test(time_outs_are_those_of_the_settings),
        cmocka_unit_test(parameters_count_as_headers_where_they_are_named),
        cmocka_unit_test(an_authenticator_says_who_may_come),
        cmocka_unit_test(an_authenticator_that_is_not_there_is_missed_at_the_start),
        cmocka_unit_test(headers_travel_when_they_are_asked_for),
        cmocka_unit_test(a_port_that_others_reach_without_tls_is_warned_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
