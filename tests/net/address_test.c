/* Endpoints in text: what is taken, what is refused, and that text and address agree. */
#include "net/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void endpoints_are_cut_in_host_and_port(void **state)
{
    (void)state;
    static const struct {
        const char *endpoint, *host;
        uint16_t default_port, port;
    } rows[] = {
        { "localhost:4317", "localhost", 0, 4317 },
        { ":4318", "", 0, 4318 },
        { "[::1]:80", "::1", 0, 80 },
        { "0.0.0.0:0", "0.0.0.0", 0, 0 },
        { "collector", "collector", 443, 443 },
        { "[fe80::1]", "fe80::1", 80, 80 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err = { 0 };
        Str host;
        uint16_t port = rows[i].default_port;
        assert_true(endpoint_split(str_from(rows[i].endpoint), &host, &port, &err));
        assert_true(str_eq(host, str_from(rows[i].host)));
        assert_int_equal(port, rows[i].port);
    }
}

static void what_is_no_endpoint_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "",         "localhost", "localhost:", "a:65536",
                                       "::1:4317", "[::1",      "[::1]x:80",  "a:-1",
                                       "a:80b",    "a:b:80",    "[::1]80",    "a: 80" };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        Err err = { 0 };
        Str host;
        uint16_t port = 0;
        assert_false(endpoint_split(str_from(bad[i]), &host, &port, &err));
        assert_int_equal(err.kind, ERR_INPUT);
    }
}

static void literals_become_addresses_and_text_again(void **state)
{
    (void)state;
    static const struct {
        const char *host, *text;
        bool loopback;
    } rows[] = {
        { "127.0.0.1", "127.0.0.1:4317", true }, { "localhost", "127.0.0.1:4317", true },
        { "::1", "[::1]:4317", true },           { "", "[::]:4317", false },
        { "10.1.2.3", "10.1.2.3:4317", false },  { "127.9.9.9", "127.9.9.9:4317", true },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Address address;
        char text[ADDRESS_TEXT_SIZE];
        assert_true(address_from_literal(&address, str_from(rows[i].host), 1));
        address_set_port(&address, 4317);
        assert_string_equal(address_text(&address, text), rows[i].text);
        assert_int_equal(address_is_loopback(&address), rows[i].loopback);
    }
    Address address;
    assert_false(address_from_literal(&address, STR("example.org"), 1));
    assert_false(address_from_literal(&address, STR("300.1.1.1"), 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoints_are_cut_in_host_and_port),
        cmocka_unit_test(what_is_no_endpoint_is_refused),
        cmocka_unit_test(literals_become_addresses_and_text_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
