/* err_test.c - what an Err says, and what each kind tells a sender. */
#include "base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#undef fail /* ours, not the one of cmocka */

static void test_blame_puts_the_place_in_front(void **state)
{
    (void)state;
    Err err = { 0 };
    assert_false(fail(&err, ERR_IO, "short read of %d", 7));
    assert_false(blame(&err, "wal %d", 3));
    assert_false(blame(&err, "opening store"));
    assert_string_equal(err.text, "opening store: wal 3: short read of 7");
    assert_int_equal(err.kind, ERR_IO);
}

static void test_overlong_text_is_cut(void **state)
{
    (void)state;
    char wide[600];
    memset(wide, 120, sizeof wide - 1);
    wide[sizeof wide - 1] = 0;
    Err err = { 0 };
    fail(&err, ERR_INPUT, "%s", wide);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    blame(&err, "place");
    assert_memory_equal(err.text, "place: xxx", 10);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    blame(&err, "%s", wide);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
}

static void test_errno_chooses_the_kind(void **state)
{
    (void)state;
    Err err = { 0 };
    fail_errno(&err, ENOENT, "data/%s", "wal");
    assert_int_equal(err.kind, ERR_IO);
    assert_string_equal(err.text, "data/wal: No such file or directory");
    fail_errno(&err, ENOMEM, "x");
    assert_int_equal(err.kind, ERR_MEMORY);
}

static void test_every_kind_has_a_policy(void **state)
{
    (void)state;
    for (int kind = ERR_NONE; kind < ERR_KIND_COUNT; kind++) {
        assert_non_null(err_kind_name((ErrKind)kind));
        assert_true(err_http_status((ErrKind)kind) >= 200);
        /* OTLP: what may be retried must not look final to a client, over either protocol */
        int status = err_http_status((ErrKind)kind), code = err_grpc_code((ErrKind)kind);
        bool http_retries = status == 429 || status == 502 || status == 503 || status == 504;
        bool grpc_retries = code == 1 || code == 4 || code == 10 || code == 11 || code == 14;
        assert_int_equal(err_retryable((ErrKind)kind), http_retries);
        assert_int_equal(err_retryable((ErrKind)kind), grpc_retries);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blame_puts_the_place_in_front),
        cmocka_unit_test(test_overlong_text_is_cut),
        cmocka_unit_test(test_errno_chooses_the_kind),
        cmocka_unit_test(test_every_kind_has_a_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
