/* debug_ask.c - see debug_ask.h. */
#include "support/debug_ask.h"

#include "support/raw_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static Address address_of(TestHost *test)
{
    Err err = { 0 };
    Str host;
    uint16_t port = 0;
    Address address;
    ComponentStatus status = test_host_status(test);
    assert_int_equal(status.endpoint_count, 1);
    assert_string_equal(status.endpoints[0].protocol, "HTTP");
    assert_true(endpoint_split(str_from(status.endpoints[0].address), &host, &port, &err));
    assert_true(address_from_literal(&address, host, port));
    return address;
}

Buf debug_ask(TestHost *test, const char *target, const char *host)
{
    RawPeer peer;
    char request[512];
    Address address = address_of(test);
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
             target, host);
    assert_true(raw_peer_connect(&peer, host_loop(test_host_host(test)), &address));
    raw_peer_send(&peer, str_from(request));
    assert_true(raw_peer_wait_end(&peer));
    Buf got = BUF(1 << 20);
    buf_add(&got, buf_str(&peer.got));
    raw_peer_close(&peer);
    return got;
}

TestHost *debug_start(const ComponentType *type, const char *yaml)
{
    Err err = { 0 };
    TestHost *test = test_host_new(type, str_from(yaml), NULL, &err);
    if (!test || !test_host_start(test, &err))
        fail_msg("%s", err.text);
    return test;
}

void debug_expect(TestHost *test, const char *target, const char *const *parts)
{
    Buf got = debug_ask(test, target, "localhost");
    for (; *parts; parts++)
        if (!str_contains(buf_str(&got), str_from(*parts)))
            fail_msg("%s: no \"%s\" in: %.*s", target, *parts, STR_ARG(buf_str(&got)));
    buf_free(&got);
}

void debug_expect_problem(const ComponentType *type, const char *yaml, const char *says)
{
    Err err = { 0 };
    Buf problems = BUF(1 << 16);
    assert_null(test_host_new(type, str_from(yaml), &problems, &err));
    if (!str_contains(buf_str(&problems), str_from(says)))
        fail_msg("no \"%s\" in: %.*s", says, STR_ARG(buf_str(&problems)));
    buf_free(&problems);
}

void debug_expect_strict(TestHost *test, const char *target)
{
    static const char *const fields[] = {
        "content-security-policy: default-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'\r\n",
        "x-content-type-options: nosniff\r\n",
        "referrer-policy: no-referrer\r\n",
        "cache-control: no-store\r\n",
        "charset=utf-8\r\n",
        NULL,
    };
    debug_expect(test, target, fields);
}
