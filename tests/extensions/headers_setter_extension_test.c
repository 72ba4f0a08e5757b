/* Headers of what exporters send, from settings and from whoever sent the data. */
#include "base/log.h"
#include "support/auth_ends.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

extern const ComponentType headers_setter_extension;

static void wrong_settings_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *says;
    } rows[] = {
        { "{}", "missing headers configuration" },
        { "{headers: [{value: a}]}", "headers[0]: missing header name" },
        { "{headers: [{key: 'a b', value: a}]}", "headers[0]: key: not the name of a header" },
        { "{headers: [{key: a, value: a}, {key: b}]}", "headers[1]: missing header source" },
        { "{headers: [{key: a, value: a, from_context: b}]}", "invalid header source" },
        { "{headers: [{key: a, from_attribute: a, from_context: b}]}", "invalid header source" },
        { "{headers: [{key: a, value: b, action: replace}]}", "action" },
        { "{headers: [{key: a, value_file: b}]}", "a value from a file" },
        { "{additional_auth: oauth2client}", "a second authenticator" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        auth_refuses(&headers_setter_extension, rows[i].yaml, rows[i].says);
}

static ClientInfo *make_client(void)
{
    Err err = { 0 };
    ClientInfo *client = client_info_new(NULL, NULL, &err);
    assert_non_null(client);
    assert_true(client_info_add(client, CLIENT_METADATA, STR("x-tenant"), STR("red"), &err));
    assert_true(client_info_add(client, CLIENT_METADATA, STR("twice"), STR("one"), &err));
    assert_true(client_info_add(client, CLIENT_METADATA, STR("twice"), STR("two"), &err));
    assert_true(client_info_add(client, CLIENT_AUTH, STR("username"), STR("ann"), &err));
    return client;
}

static const struct {
    const char *rules;
    bool nobody;      /* nothing is known of the client */
    const char *sent; /* NULL: refused */
} rows[] = {
    { "{key: B, value: 2}", false, "a: 1\nb: 2\n" },
    { "{key: A, value: 2}", false, "a: 2\n" },
    { "{action: insert, key: b, value: 2}", false, "a: 1\nb: 2\n" },
    { "{action: insert, key: a, value: 2}", false, "a: 1\n" },
    { "{action: update, key: a, value: 2}", false, "a: 2\n" },
    { "{action: update, key: b, value: 2}", false, "a: 1\n" },
    { "{action: delete, key: A}", false, "" },
    { "{action: delete, key: b}", false, "a: 1\n" },
    { "{action: delete, key: a}, {key: b, value: 2}, {action: update, key: b, value: 3}", false,
      "b: 3\n" },
    { "{key: t, from_context: X-Tenant}", false, "a: 1\nt: red\n" },
    { "{key: t, from_context: absent}", false, "a: 1\nt: \n" },
    { "{key: t, from_context: absent, default_value: blue}", false, "a: 1\nt: blue\n" },
    { "{key: t, from_context: x-tenant, default_value: blue}", false, "a: 1\nt: red\n" },
    { "{key: t, from_context: x-tenant, default_value: blue}", true, "a: 1\nt: blue\n" },
    { "{key: t, from_context: username, default_value: blue}", false, "a: 1\nt: blue\n" },
    { "{key: t, from_context: twice}", false, NULL },
    { "{key: u, from_attribute: username}", false, "a: 1\nu: ann\n" },
    { "{key: u, from_attribute: x-tenant, default_value: x}", false, "a: 1\nu: x\n" },
    { "{key: u, from_attribute: username, default_value: x}", true, "a: 1\nu: x\n" },
};

static void rules_act_in_order(void **state)
{
    (void)state;
    ClientInfo *client = make_client();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char yaml[256];
        Err err;
        Buf out = BUF(1 << 12);
        snprintf(yaml, sizeof yaml, "{headers: [%s]}", rows[i].rules);
        TestHost *host = auth_start(&headers_setter_extension, yaml);
        bool ok = auth_signed(host, rows[i].nobody ? NULL : client, "a: 1", &out, &err);
        if (ok != (rows[i].sent != NULL) || (ok && strcmp(buf_text(&out), rows[i].sent) != 0))
            fail_msg("%s: %s", rows[i].rules, ok ? buf_text(&out) : err.text);
        test_host_free(host);
        buf_free(&out);
    }
    client_info_unref(client);
}

/* In plain text, too: what it sends need not be a secret. */
static void what_was_sent_arrives(void **state)
{
    (void)state;
    ClientInfo *client = make_client();
    TestHost *setter = auth_start(&headers_setter_extension,
                                  "{headers: [{key: X-Scope-OrgID, from_context: X-Tenant}, "
                                  "{key: x-user, from_attribute: username}]}");
    for (int grpc = 0; grpc < 2; grpc++) {
        AuthEnds ends;
        auth_ends_begin(&ends, &(AuthWish){ .grpc = grpc,
                                            .plain = true,
                                            .client = setter,
                                            .listen = ", include_metadata: true",
                                            .send = ", headers: {X-User: nobody}" });
        test_host_set_client(ends.exporter, client);
        assert_int_equal(auth_ends_push(&ends)->result, ACK_DELIVERED);
        const ClientInfo *seen = auth_ends_client(&ends);
        assert_true(
            str_eq(client_info_get(seen, CLIENT_METADATA, STR("x-scope-orgid")), STR("red")));
        assert_true(str_eq(client_info_get(seen, CLIENT_METADATA, STR("x-user")), STR("ann")));
        auth_ends_end(&ends);
    }
    test_host_free(setter);
    client_info_unref(client);
}

int main(void)
{
    log_set_level(LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_settings_are_told),
        cmocka_unit_test(rules_act_in_order),
        cmocka_unit_test(what_was_sent_arrives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
