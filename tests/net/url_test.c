/* Endpoints of clients, taken apart. */
#include "net/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void urls_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        UrlScheme scheme;
        const char *host;
        uint16_t port;
        const char *path;
    } rows[] = {
        { "http://localhost:4318/v1/traces", URL_HTTP, "localhost", 4318, "/v1/traces" },
        { "http://collector", URL_HTTP, "collector", 80, "" },
        { "HTTPS://x/a?b=c", URL_HTTPS, "x", 443, "/a?b=c" },
        { "https://[::1]:8443/", URL_HTTPS, "::1", 8443, "/" },
        { "localhost:4317", URL_NO_SCHEME, "localhost", 4317, "" },
        { "http://[fe80::1]", URL_HTTP, "fe80::1", 80, "" },
        { "unix:///run/a b.sock", URL_UNIX, "unix:///run/a b.sock", 0, "" },
        { "unix:a.sock", URL_UNIX, "unix:a.sock", 0, "" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err = { 0 };
        Url url;
        assert_true(url_parse(str_from(rows[i].text), &url, &err));
        assert_int_equal(url.scheme, rows[i].scheme);
        assert_true(str_eq(url.host, str_from(rows[i].host)));
        assert_int_equal(url.port, rows[i].port);
        assert_true(str_eq(url.path, str_from(rows[i].path)));
    }
}

static void the_authority_is_what_requests_say(void **state)
{
    (void)state;
    static const char *const rows[][2] = { { "http://a/b", "a:80" },
                                           { "[::1]:4317", "[::1]:4317" },
                                           { "unix:///run/x", "localhost" } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err = { 0 };
        Url url;
        char text[URL_AUTHORITY_SIZE];
        assert_true(url_parse(str_from(rows[i][0]), &url, &err));
        assert_true(url_authority(&url, text, &err));
        assert_string_equal(text, rows[i][1]);
    }
}

static void a_host_name_has_a_longest(void **state)
{
    (void)state;
    char host[URL_AUTHORITY_SIZE];
    memset(host, 'a', sizeof host);
    for (size_t len = URL_AUTHORITY_SIZE - 4; len <= URL_AUTHORITY_SIZE - 3; len++) {
        Err err = { 0 };
        char text[URL_AUTHORITY_SIZE];
        Url url = { .scheme = URL_HTTP, .host = { host, len }, .port = 80 };
        assert_int_equal(url_authority(&url, text, &err), len == URL_AUTHORITY_SIZE - 4);
        assert_true(len == URL_AUTHORITY_SIZE - 4 || strstr(err.text, "a host name of"));
    }
}

static void what_is_no_endpoint_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",           "localhost",      "http://",       "http://:80",
        "http://a:b", "ftp://a",        "http://u@host", "http://a#b",
        "http://a b", "http://a:99999", "http://[::1",   "//a:1",
        "unix://",    "unix:"
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        Err err = { 0 };
        Url url;
        if (url_parse(str_from(bad[i]), &url, &err))
            fail_msg("\"%s\" was taken", bad[i]);
        assert_int_equal(err.kind, ERR_INPUT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_taken_apart),
        cmocka_unit_test(the_authority_is_what_requests_say),
        cmocka_unit_test(a_host_name_has_a_longest),
        cmocka_unit_test(what_is_no_endpoint_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
