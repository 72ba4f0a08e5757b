/* Which route answers, and what Allow says when none does. */
#include "net/route_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void handle(void *owner, Request *request)
{
    (void)owner;
    (void)request;
}

static const Route routes[] = {
    { STR_ROW("/api/*"), STR_ROW("GET"), handle, NULL, 1 },
    { STR_ROW("/api/traces"), STR_ROW("GET"), handle, NULL, 2 },
    { STR_ROW("/api/traces/*"), STR_ROW("GET"), handle, NULL, 3 },
    { STR_ROW("/api/traces"), STR_ROW("POST, PUT"), handle, NULL, 4 },
    { STR_ROW("/any"), STR_ROW(""), handle, NULL, 5 },
};

static void the_closest_route_answers(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path;
        size_t route; /* its body_bytes; 0: none */
        RouteMatch match;
    } rows[] = {
        { "GET", "/api/traces", 2, ROUTE_FOUND },
        { "HEAD", "/api/traces", 2, ROUTE_FOUND },
        { "POST", "/api/traces", 4, ROUTE_FOUND },
        { "PUT", "/api/traces", 4, ROUTE_FOUND },
        { "GET", "/api/traces/", 3, ROUTE_FOUND },
        { "GET", "/api/traces/abc", 3, ROUTE_FOUND },
        { "GET", "/api/services", 1, ROUTE_FOUND },
        { "BREW", "/any", 5, ROUTE_FOUND },
        { "DELETE", "/api/traces", 0, ROUTE_NO_METHOD },
        { "GET", "/api", 0, ROUTE_NO_PATH },
        { "GET", "/any/", 0, ROUTE_NO_PATH },
    };
    RouteTable table = { 0 };
    Err err = { 0 };
    for (size_t i = 0; i < COUNT_OF(routes); i++)
        assert_true(route_add(&table, &routes[i], &err));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const RouteEntry *found;
        assert_int_equal(route_find(&table, str_from(rows[i].path), str_from(rows[i].method),
                                    &found),
                         rows[i].match);
        assert_int_equal(found ? found->body_bytes : 0, rows[i].route);
    }
    Buf allow = BUF(128);
    route_methods(&table, STR("/api/traces"), &allow);
    assert_true(str_eq(buf_str(&allow), STR("GET, HEAD, POST, PUT")));
    buf_free(&allow);
    routes_done(&table);
}

static void the_table_is_bounded_and_paths_begin_with_a_slash(void **state)
{
    (void)state;
    RouteTable table = { 0 };
    Err err = { 0 };
    assert_false(route_add(&table, &(Route){ .path = STR("x") }, &err));
    assert_int_equal(err.kind, ERR_INPUT);
    for (size_t i = 0; i < ROUTES_MAX; i++)
        assert_true(route_add(&table, &routes[0], &err));
    assert_false(route_add(&table, &routes[0], &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    routes_done(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_closest_route_answers),
        cmocka_unit_test(the_table_is_bounded_and_paths_begin_with_a_slash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
