/* What goes wrong in TLS, on both sides: each fault is named to whoever can mend it, and nothing
 * but that connection suffers. */
#include "net/server_internal.h"
#include "net/tls_world.h"
#include "support/hand_tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static TestCert stranger; /* an authority that nobody trusts */

/* A world whose server shows `cert`, and whose clients trust the authority. */
static void open_with(const TestCert *cert)
{
    world_open_real();
    TlsOptions server = world_server_options(cert), client = world_client_options();
    world_open_server(&server);
    world_open_clients(&client);
}

static void connect_by_hand(HandTls *hand, const HandWish *wish)
{
    Address address = server_address(world.server);
    hand_tls_connect(hand, world.loop, &address, wish);
}

static void must_be_reported(int count, const char *part)
{
    for (int i = 0; i < 200 && world.failed_handshakes < count; i++)
        loop_step(world.loop, NANOS_PER_MILLI);
    assert_int_equal(world.failed_handshakes, count);
    assert_int_equal(server_counts(world.server).handshakes_failed, count);
    if (!strstr(world.fault, part))
        fail_msg("\"%s\" lacks \"%s\"", world.fault, part);
}

/* ---- what the client does not believe ---- */

static void an_expired_certificate_is_refused_by_both_clients(void **state)
{
    (void)state;
    TestCert expired;
    test_cert(&expired, &authority,
              &(TestWish){ .names = "DNS:localhost", .from_s = -7200, .for_s = 3600 });
    open_with(&expired);
    world_must_fail(BY_GRPC, "the certificate of localhost", "has expired");
    world_must_fail(BY_HTTP, "the certificate of localhost", "has expired");
    must_be_reported(2, "our certificate expired");
    world_close();
}

static void a_certificate_that_is_not_valid_yet_is_refused(void **state)
{
    (void)state;
    TestCert early;
    test_cert(&early, &authority, &(TestWish){ .names = "DNS:localhost", .from_s = 3600 });
    open_with(&early);
    world_must_fail(BY_GRPC, "the certificate of localhost", "is not valid yet");
    world_close();
}

static void a_certificate_for_another_name_is_refused(void **state)
{
    (void)state;
    TestCert other;
    test_cert(&other, &authority, &(TestWish){ .names = "DNS:elsewhere,IP:127.0.0.1" });
    open_with(&other);
    world_must_fail(BY_GRPC, "the certificate of localhost is for another name",
                    "server_name_override");
    world_close();
}

static void the_expected_name_can_be_said(void **state)
{
    (void)state;
    TestCert other;
    test_cert(&other, &authority, &(TestWish){ .names = "DNS:elsewhere" });
    world_open_real();
    TlsOptions server = world_server_options(&other), client = world_client_options();
    client.server_name = STR("elsewhere");
    world_open_server(&server);
    world_open_clients(&client);
    world_must_answer(BY_GRPC, 10);
    world_must_answer(BY_HTTP, 10);
    world_close();
}

static void an_address_must_be_in_the_certificate(void **state)
{
    (void)state;
    static const struct {
        const char *names;
        bool good;
    } cases[] = { { "DNS:localhost,IP:127.0.0.1", true }, { "DNS:127.0.0.1,IP:127.0.0.2", false } };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        TestCert cert;
        test_cert(&cert, &authority, &(TestWish){ .names = cases[i].names });
        world_open_real();
        TlsOptions server = world_server_options(&cert), client = world_client_options();
        client.server_name = STR("127.0.0.1");
        world_open_server(&server);
        world_open_clients(&client);
        if (cases[i].good)
            world_must_answer(BY_GRPC, 10);
        else
            world_must_fail(BY_GRPC, "the certificate of 127.0.0.1", "is for another name");
        world_close();
    }
}

static void an_unknown_authority_is_refused_unless_told_otherwise(void **state)
{
    (void)state;
    TestCert foreign;
    test_cert(&foreign, &stranger, &(TestWish){ .names = "DNS:localhost" });
    open_with(&foreign);
    world_must_fail(BY_HTTP, "is signed by an unknown authority", "set ca_file");
    world_close();
    world_open_real();
    TlsOptions server = world_server_options(&foreign), client = world_client_options();
    client.insecure_skip_verify = true;
    world_open_server(&server);
    world_open_clients(&client);
    world_must_answer(BY_GRPC, 10);
    world_close();
}

/* ---- clients that must show a certificate ---- */

static char ca_path[64];

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0 && fclose(file) == 0);
}

static void open_mutual(const TestCert *shown)
{
    world_open_real();
    TlsOptions server = world_server_options(&good), client = world_client_options();
    snprintf(ca_path, sizeof ca_path, "/tmp/cryostorm_tls_%ld.pem", (long)getpid());
    write_file(ca_path, authority.cert);
    server.client_ca_file = str_from(ca_path);
    if (shown) {
        client.cert_pem = str_from(shown->cert);
        client.key_pem = str_from(shown->key);
    }
    world_open_server(&server);
    world_open_clients(&client);
    unlink(ca_path);
}

static void a_client_with_its_certificate_is_served(void **state)
{
    (void)state;
    open_mutual(&good);
    world_must_answer(BY_GRPC, 100);
    world_must_answer(BY_HTTP, 100);
    world_close();
}

static void a_client_without_a_certificate_learns_what_is_missing(void **state)
{
    (void)state;
    open_mutual(NULL);
    world_must_fail(BY_GRPC, "the peer demands a certificate from us", "cert_file and key_file");
    must_be_reported(1, "the client showed no certificate, and client_ca_file demands one");
    world_must_fail(BY_HTTP, "the peer demands a certificate from us", "cert_file and key_file");
    world_close();
}

static void a_client_of_an_unknown_authority_is_refused(void **state)
{
    (void)state;
    TestCert foreign;
    test_cert(&foreign, &stranger, &(TestWish){ 0 });
    open_mutual(&foreign);
    world_must_fail(BY_GRPC, "the peer does not know the authority", "our certificate");
    must_be_reported(1, "the certificate that the client showed is signed by an unknown authority");
    world_close();
}

/* ---- peers that are old, silent, slow or no TLS at all ---- */

static void old_versions_are_refused(void **state)
{
    (void)state;
    static const int versions[] = { TLS1_VERSION, TLS1_1_VERSION };
    open_with(&good);
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        HandTls hand;
        connect_by_hand(&hand,
                        &(HandWish){ .min_version = TLS1_VERSION, .max_version = versions[i] });
        assert_false(hand_tls_shake(&hand));
        hand_tls_close(&hand);
        must_be_reported((int)i + 1, "no TLS version that min_version");
    }
    HandTls newer;
    connect_by_hand(&newer, &(HandWish){ .max_version = TLS1_2_VERSION });
    assert_true(hand_tls_shake(&newer));
    hand_tls_close(&newer);
    world_close();
}

static const char request[] = "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi";

static void renegotiation_is_refused(void **state)
{
    (void)state;
    HandTls hand;
    open_with(&good);
    connect_by_hand(&hand, &(HandWish){ .max_version = TLS1_2_VERSION });
    assert_true(hand_tls_shake(&hand));
    hand_tls_send(&hand, str_from(request));
    assert_true(hand_tls_wait(&hand, "200 OK"));
    assert_int_equal(SSL_renegotiate(hand.ssl), 1);
    assert_false(hand_tls_shake(&hand));
    assert_int_equal(hand.reason, SSL_R_NO_RENEGOTIATION);
    hand_tls_close(&hand);
    world_must_answer(BY_HTTP, 10);
    world_close();
}

/* Or a peer could not tell the end of an answer from an attacker's cut. */
static void the_server_says_goodbye(void **state)
{
    (void)state;
    HandTls hand;
    open_with(&good);
    connect_by_hand(&hand, &(HandWish){ 0 });
    assert_true(hand_tls_shake(&hand));
    hand_tls_send(&hand, STR("GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
    assert_false(hand_tls_wait(&hand, "what it never says"));
    assert_true(hand.peer.ended);
    assert_true(SSL_get_shutdown(hand.ssl) & SSL_RECEIVED_SHUTDOWN);
    hand_tls_close(&hand);
    world_close();
}

static void a_handshake_byte_by_byte_succeeds(void **state)
{
    (void)state;
    HandTls hand;
    open_with(&good);
    connect_by_hand(&hand, &(HandWish){ .slowly = true });
    assert_true(hand_tls_shake(&hand));
    hand_tls_send(&hand, str_from(request));
    assert_true(hand_tls_wait(&hand, "200 OK"));
    hand_tls_close(&hand);
    world_close();
}

static void who_never_finishes_a_handshake_is_cut(void **state)
{
    (void)state;
    static const Str beginnings[] = { STR_ROW(""), STR_ROW("\x16\x03\x01\x02") };
    open_with(&good);
    for (size_t i = 0; i < COUNT_OF(beginnings); i++) {
        RawPeer peer;
        Address address = server_address(world.server);
        assert_true(raw_peer_connect(&peer, world.loop, &address));
        raw_peer_send(&peer, beginnings[i]);
        raw_peer_turn(&peer);
        world_advance(9 * NANOS_PER_SECOND);
        raw_peer_turn(&peer);
        assert_false(peer.ended);
        world_advance(2 * NANOS_PER_SECOND);
        assert_true(raw_peer_wait_end(&peer));
        must_be_reported((int)i + 1, "no TLS handshake within 10000 ms");
        raw_peer_close(&peer);
    }
    assert_int_equal(server_counts(world.server).connections_open, 0);
    world_close();
}

static void a_drip_of_bytes_does_not_buy_time(void **state)
{
    (void)state;
    RawPeer peer;
    open_with(&good);
    Address address = server_address(world.server);
    assert_true(raw_peer_connect(&peer, world.loop, &address));
    raw_peer_send(&peer, STR("\x16\x03\x01\x01"));
    for (int i = 0; i < 12 && !peer.ended; i++) {
        raw_peer_send(&peer, STR("\x01"));
        world_advance(NANOS_PER_SECOND);
        raw_peer_turn(&peer);
    }
    assert_true(raw_peer_wait_end(&peer));
    must_be_reported(1, "no TLS handshake within");
    raw_peer_close(&peer);
    world_close();
}

static void garbage_ends_the_connection(void **state)
{
    (void)state;
    RawPeer peer;
    open_with(&good);
    Address address = server_address(world.server);
    assert_true(raw_peer_connect(&peer, world.loop, &address));
    raw_peer_send(&peer, STR("\x07garbage and more garbage"));
    must_be_reported(1, "what the client sent is no TLS: it begins with the byte 0x07");
    assert_true(raw_peer_wait_end(&peer));
    raw_peer_close(&peer);
    world_must_answer(BY_GRPC, 10);
    world_close();
}

/* What it still says is forgotten, so that it can read why; but not for ever. */
static void who_was_refused_cannot_stay(void **state)
{
    (void)state;
    RawPeer peer;
    open_with(&good);
    Address address = server_address(world.server);
    assert_true(raw_peer_connect(&peer, world.loop, &address));
    raw_peer_send(&peer, STR("\x07garbage"));
    must_be_reported(1, "no TLS");
    assert_int_equal(server_counts(world.server).connections_open, 1);
    world_advance(2 * NANOS_PER_SECOND);
    assert_int_equal(server_counts(world.server).connections_open, 0);
    raw_peer_close(&peer);
    world_close();
}

static void plain_http_on_a_tls_port_is_told_so(void **state)
{
    (void)state;
    RawPeer peer;
    open_with(&good);
    Address address = server_address(world.server);
    assert_true(raw_peer_connect(&peer, world.loop, &address));
    raw_peer_send(&peer, str_from(request));
    assert_true(raw_peer_wait(&peer, "TLS is expected on this port: use https:// here\n"));
    assert_true(raw_peer_has(&peer, "HTTP/1.1 400 Bad Request\r\n"));
    assert_true(raw_peer_wait_end(&peer));
    must_be_reported(1, "a request in plain text on a port that expects TLS");
    raw_peer_close(&peer);
    world_close();
}

static void a_plain_grpc_client_on_a_tls_port_learns_it(void **state)
{
    (void)state;
    world_open_real();
    TlsOptions server = world_server_options(&good);
    world_open_server(&server);
    world_open_clients(NULL);
    world_must_fail(BY_GRPC, "expects TLS", "use https://");
    world_close();
}

/* As servers do that do not look for HTTP in a broken handshake. */
static void an_alert_in_plain_text_says_tls(void **state)
{
    (void)state;
    static const Way ways[] = { BY_GRPC, BY_HTTP };
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        Err err = { 0 };
        Address address;
        RawPeer peer;
        Outcome outcome;
        char url[64];
        world_open_real();
        int listener = raw_listen(&address);
        snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)address_port(&address));
        HttpClientSettings http = { .loop = world.loop, .url = str_from(url) };
        GrpcClientSettings grpc = { .loop = world.loop, .endpoint = str_from(url) };
        world.http = http_client_new(&http, &err);
        world.grpc = grpc_client_new(&grpc, &err);
        assert_true(world.http && world.grpc);
        world_ask(ways[i], 2, &outcome);
        assert_true(raw_peer_accept(&peer, world.loop, listener));
        raw_peer_send(&peer, STR("\x15\x03\x01\x00\x02\x02\x46"));
        world_wait(&outcome);
        assert_non_null(strstr(outcome.error, "expects TLS: use https://"));
        raw_peer_close(&peer);
        close(listener);
        world_close();
    }
}

static void a_tls_client_on_a_plain_port_learns_it(void **state)
{
    (void)state;
    world_open_real();
    TlsOptions client = world_client_options();
    world_open_server(NULL);
    world_open_clients(&client);
    world_must_fail(BY_GRPC, "this port does not speak TLS", "localhost");
    must_be_reported(world.failed_handshakes, "a TLS handshake on a port in plain text");
    world_must_fail(BY_HTTP, "this port does not speak TLS", "localhost");
    world_close();
}

static void a_handshake_is_charged_until_it_is_done(void **state)
{
    (void)state;
    HandTls hand;
    open_with(&good);
    connect_by_hand(&hand, &(HandWish){ 0 });
    raw_peer_turn(&hand.peer);
    assert_int_equal(budget_use(&world.budget).used, CONNECTION_COST + TLS_COST + HANDSHAKE_COST);
    assert_true(hand_tls_shake(&hand));
    hand_tls_pump(&hand);
    assert_int_equal(budget_use(&world.budget).used, CONNECTION_COST + TLS_COST);
    hand_tls_close(&hand);
    world_close(); /* where nothing is left */
}

/* ---- servers that misbehave ---- */

typedef struct FalseServer {
    int listener;
    HandTls hand;
    Outcome outcome;
} FalseServer;

/* Our HTTP client asks a server that the test plays. */
static void open_false_server(FalseServer *server, Way way)
{
    Err err = { 0 };
    Address address;
    char url[64];
    world_open_real();
    TlsOptions options = world_client_options();
    world.client_tls = tls_context_new(&options, &err);
    server->listener = raw_listen(&address);
    snprintf(url, sizeof url, "https://127.0.0.1:%u", (unsigned)address_port(&address));
    HttpClientSettings http = { .loop = world.loop, .url = str_from(url), .tls = world.client_tls };
    GrpcClientSettings grpc = { .loop = world.loop,
                                .endpoint = str_from(url),
                                .tls = world.client_tls };
    world.http = http_client_new(&http, &err);
    world.grpc = grpc_client_new(&grpc, &err);
    assert_true(world.client_tls && world.http && world.grpc);
    world_ask(way, 2, &server->outcome);
}

static void close_false_server(FalseServer *server)
{
    hand_tls_close(&server->hand);
    close(server->listener);
    world_close();
}

static void must_say(const FalseServer *server, const char *part)
{
    world_wait(&server->outcome);
    assert_false(server->outcome.answered);
    if (!strstr(server->outcome.error, part))
        fail_msg("\"%s\" lacks \"%s\"", server->outcome.error, part);
}

/* An answer without a length ends with the connection: only if the server says that it does. */
static void a_truncated_answer_is_no_answer(void **state)
{
    (void)state;
    static const char head[] = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\ncd";
    for (int in_order = 0; in_order < 2; in_order++) {
        FalseServer server;
        open_false_server(&server, BY_HTTP);
        assert_true(hand_tls_accept(&server.hand, world.loop, server.listener,
                                    &(HandWish){ .cert = &good }));
        assert_true(hand_tls_shake(&server.hand));
        assert_true(hand_tls_wait(&server.hand, "POST /p"));
        hand_tls_send(&server.hand, str_from(head));
        if (in_order)
            SSL_shutdown(server.hand.ssl);
        hand_tls_pump(&server.hand);
        raw_peer_close(&server.hand.peer);
        if (in_order) {
            world_wait(&server.outcome);
            assert_true(server.outcome.answered);
        } else {
            must_say(&server, "what came may be cut short");
        }
        close_false_server(&server);
    }
}

static void a_server_that_is_silent_in_the_handshake_is_given_up(void **state)
{
    (void)state;
    FalseServer server;
    open_false_server(&server, BY_GRPC);
    assert_true(
        hand_tls_accept(&server.hand, world.loop, server.listener, &(HandWish){ .cert = &good }));
    world_advance(9 * NANOS_PER_SECOND);
    assert_int_equal(server.outcome.told, 0);
    world_advance(2 * NANOS_PER_SECOND);
    must_say(&server, "within 10000 ms");
    close_false_server(&server);
}

static void a_server_that_hangs_up_in_the_handshake_is_named(void **state)
{
    (void)state;
    FalseServer server;
    open_false_server(&server, BY_GRPC);
    assert_true(
        hand_tls_accept(&server.hand, world.loop, server.listener, &(HandWish){ .cert = &good }));
    while (server.hand.peer.got.len == 0) /* unread bytes would make it a reset */
        raw_peer_turn(&server.hand.peer);
    raw_peer_close(&server.hand.peer);
    must_say(&server, "closed the connection in the TLS handshake: does this port speak TLS?");
    close_false_server(&server);
}

static void a_server_without_http2_is_no_grpc_port(void **state)
{
    (void)state;
    FalseServer server;
    open_false_server(&server, BY_GRPC);
    assert_true(hand_tls_accept(&server.hand, world.loop, server.listener,
                                &(HandWish){ .cert = &good })); /* which chooses no ALPN */
    assert_true(hand_tls_shake(&server.hand));
    must_say(&server, "does not agree to speak HTTP/2");
    close_false_server(&server);
}

static void a_protocol_that_nobody_speaks_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *offer;
        const char *chosen; /* NULL: refused */
    } cases[] = { { "\x02h2\x08http/1.1", "h2" },
                  { "\x08http/1.1\x02h2", "h2" },
                  { "\x08http/1.1", "http/1.1" },
                  { "\x06spdy/1", NULL } };
    open_with(&good);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        HandTls hand;
        const unsigned char *name = NULL;
        unsigned len = 0;
        connect_by_hand(&hand, &(HandWish){ .alpn = cases[i].offer });
        assert_int_equal(hand_tls_shake(&hand), cases[i].chosen != NULL);
        SSL_get0_alpn_selected(hand.ssl, &name, &len);
        if (cases[i].chosen)
            assert_true(str_eq((Str){ (const char *)name, len }, str_from(cases[i].chosen)));
        hand_tls_close(&hand);
    }
    must_be_reported(1, "neither h2 nor http/1.1");
    world_close();
}

int main(void)
{
    world_make_certs();
    test_authority(&stranger, "a stranger");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_expired_certificate_is_refused_by_both_clients),
        cmocka_unit_test(a_certificate_that_is_not_valid_yet_is_refused),
        cmocka_unit_test(a_certificate_for_another_name_is_refused),
        cmocka_unit_test(the_expected_name_can_be_said),
        cmocka_unit_test(an_address_must_be_in_the_certificate),
        cmocka_unit_test(an_unknown_authority_is_refused_unless_told_otherwise),
        cmocka_unit_test(a_client_with_its_certificate_is_served),
        cmocka_unit_test(a_client_without_a_certificate_learns_what_is_missing),
        cmocka_unit_test(a_client_of_an_unknown_authority_is_refused),
        cmocka_unit_test(old_versions_are_refused),
        cmocka_unit_test(renegotiation_is_refused),
        cmocka_unit_test(the_server_says_goodbye),
        cmocka_unit_test(a_handshake_byte_by_byte_succeeds),
        cmocka_unit_test(who_never_finishes_a_handshake_is_cut),
        cmocka_unit_test(a_drip_of_bytes_does_not_buy_time),
        cmocka_unit_test(garbage_ends_the_connection),
        cmocka_unit_test(who_was_refused_cannot_stay),
        cmocka_unit_test(plain_http_on_a_tls_port_is_told_so),
        cmocka_unit_test(a_plain_grpc_client_on_a_tls_port_learns_it),
        cmocka_unit_test(an_alert_in_plain_text_says_tls),
        cmocka_unit_test(a_tls_client_on_a_plain_port_learns_it),
        cmocka_unit_test(a_handshake_is_charged_until_it_is_done),
        cmocka_unit_test(a_truncated_answer_is_no_answer),
        cmocka_unit_test(a_server_that_is_silent_in_the_handshake_is_given_up),
        cmocka_unit_test(a_server_that_hangs_up_in_the_handshake_is_named),
        cmocka_unit_test(a_server_without_http2_is_no_grpc_port),
        cmocka_unit_test(a_protocol_that_nobody_speaks_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
