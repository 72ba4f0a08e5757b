/* rpc_status_test.c - codes, and statuses there and back, also as others write them. */
#include "codec/rpc_status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_status(void **state)
{
    (void)state;
    static const uint32_t delays[] = { 0, 1, 999, 1000, 1500, 3600000, UINT32_MAX / 1000 * 500 };
    for (size_t i = 0; i < COUNT_OF(delays); i++) {
        Err err;
        Buf bytes = BUF(1000);
        RpcStatus in = { .code = GRPC_RESOURCE_EXHAUSTED,
                         .message = STR("full"),
                         .has_retry = true,
                         .retry_ms = delays[i] };
        RpcStatus out;
        rpc_status_encode(&in, &bytes);
        assert_true(rpc_status_parse(buf_str(&bytes), &out, &err));
        assert_int_equal(out.code, in.code);
        assert_true(str_eq(out.message, in.message));
        assert_true(out.has_retry);
        assert_int_equal(out.retry_ms, in.retry_ms);
        buf_free(&bytes);
    }
}

/* RetryInfo of 2.5 s as Go's library writes it, between two details that nobody knows. */
static void test_foreign_status(void **state)
{
    (void)state;
    Err err;
    RpcStatus out;
    Str bytes =
        STR("\x08\x0E\x12\x04"
            "busy\x1A\x05\x0A\x03x/y\x1A\x36\x0A\x28type.googleapis.com/google.rpc.RetryInfo"
            "\x12\x0A\x0A\x08\x08\x02\x10\x80\xCA\xB5\xEE\x01\x1A\x00");
    assert_true(rpc_status_parse(bytes, &out, &err));
    assert_int_equal(out.code, GRPC_UNAVAILABLE);
    assert_true(str_eq(out.message, STR("busy")));
    assert_true(out.has_retry);
    assert_int_equal(out.retry_ms, 2500);
}

static void test_policy(void **state)
{
    (void)state;
    assert_true(grpc_retryable(GRPC_UNAVAILABLE, false));
    assert_false(grpc_retryable(GRPC_RESOURCE_EXHAUSTED, false));
    assert_true(grpc_retryable(GRPC_RESOURCE_EXHAUSTED, true));
    assert_false(grpc_retryable(GRPC_INTERNAL, true));
    assert_string_equal(grpc_code_name(GRPC_UNAVAILABLE), "UNAVAILABLE");
    assert_string_equal(grpc_code_name((GrpcCode)-1), "UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_foreign_status),
        cmocka_unit_test(test_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
