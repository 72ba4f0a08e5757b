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

#define RETRY_INFO "\x0A\x28type.googleapis.com/google.rpc.RetryInfo"

static RpcStatus parsed(Str bytes)
{
    Err err = { 0 };
    RpcStatus out;
    if (!rpc_status_parse(bytes, &out, &err))
        fail_msg("%s", err.text);
    return out;
}

/* What holds the default is not written, and success is nothing at all. */
static void test_defaults(void **state)
{
    (void)state;
    Buf bytes = BUF(1000);
    rpc_status_encode(&(RpcStatus){ 0 }, &bytes);
    assert_int_equal(bytes.len, 0);
    rpc_status_encode(&(RpcStatus){ .message = STR("x") }, &bytes);
    assert_true(str_eq(buf_str(&bytes), STR("\x12\x01x")));
    RpcStatus out = parsed(STR(""));
    assert_true(out.code == GRPC_OK && !out.message.len && !out.has_retry);
    buf_free(&bytes);
}

/* Delays that are none, and those that no clock has: at least nothing, at most 49 days. */
static void test_odd_delays(void **state)
{
    (void)state;
    static const struct {
        Str status;
        uint32_t ms;
    } cases[] = {
        /* seconds -1, nanos -1 */
        { STR_ROW("\x1A\x39" RETRY_INFO
                  "\x12\x0D\x0A\x0B\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"),
          0 },
        { STR_ROW("\x1A\x39" RETRY_INFO
                  "\x12\x0D\x0A\x0B\x10\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"),
          0 },
        /* seconds 2^62 */
        { STR_ROW("\x1A\x38" RETRY_INFO "\x12\x0C\x0A\x0A\x08\x80\x80\x80\x80\x80\x80\x80\x80\x40"),
          (UINT32_MAX / 1000 - 1) * 1000 },
        /* nanos 2^31 - 1 are less than a second, and are rounded up */
        { STR_ROW("\x1A\x34" RETRY_INFO "\x12\x08\x0A\x06\x10\xFF\xFF\xFF\xFF\x07"), 1000 },
        { STR_ROW("\x1A\x30" RETRY_INFO "\x12\x04\x0A\x02\x10\x01"), 1 },
        /* no delay at all, and one with a field that nobody knows */
        { STR_ROW("\x1A\x2C" RETRY_INFO "\x12\x00"), 0 },
        { STR_ROW("\x1A\x34" RETRY_INFO "\x12\x08\x0A\x06\x18\x01\x08\x01\x08\x02"), 2000 },
        { STR_ROW("\x1A\x32" RETRY_INFO "\x12\x06\x10\x07\x0A\x02\x08\x03"), 3000 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        RpcStatus out = parsed(cases[i].status);
        assert_true(out.has_retry);
        assert_int_equal(out.retry_ms, cases[i].ms);
    }
}

/* Unknown fields and codes are no mistakes. */
static void test_unknown(void **state)
{
    (void)state;
    RpcStatus out = parsed(STR("\x08\x63\x20\x01\x1A\x02\x18\x01"));
    assert_int_equal(out.code, GRPC_UNKNOWN);
    assert_false(out.has_retry);
    assert_int_equal(parsed(STR("\x08\x10")).code, GRPC_UNAUTHENTICATED);
    assert_int_equal(parsed(STR("\x08\x11")).code, GRPC_UNKNOWN); /* the first that is none */
    assert_string_equal(grpc_code_name(GRPC_CODE_COUNT), "UNKNOWN");
}

/* Broken at every depth, also when something whole follows. */
static void test_malformed(void **state)
{
    (void)state;
    static const Str bad[] = {
        STR_ROW("\x08"),                                                       /* status */
        STR_ROW("\x1A\x02\x0A\x05"),                                           /* detail */
        STR_ROW("\x1A\x02\x0A\x05\x1A\x02\x18\x01"),                           /* ... and another */
        STR_ROW("\x1A\x2D" RETRY_INFO "\x12\x01\x0A"),                         /* RetryInfo */
        STR_ROW("\x1A\x2F" RETRY_INFO "\x12\x03\x0A\x01\x08"),                 /* Duration */
        STR_ROW("\x1A\x33" RETRY_INFO "\x12\x07\x0A\x01\x08\x0A\x02\x08\x01"), /* ... and another */
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        Err err = { 0 };
        RpcStatus out;
        if (rpc_status_parse(bad[i], &out, &err))
            fail_msg("case %zu is taken", i);
        assert_int_equal(err.kind, ERR_INPUT);
    }
}

static void test_policy(void **state)
{
    (void)state;
    static const bool retryable[GRPC_CODE_COUNT] = {
        [GRPC_CANCELLED] = true,    [GRPC_DEADLINE_EXCEEDED] = true, [GRPC_ABORTED] = true,
        [GRPC_OUT_OF_RANGE] = true, [GRPC_UNAVAILABLE] = true,       [GRPC_DATA_LOSS] = true,
    };
    for (int code = 0; code < GRPC_CODE_COUNT; code++)
        assert_int_equal(grpc_retryable((GrpcCode)code, false), retryable[code]);
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
        cmocka_unit_test(test_status),   cmocka_unit_test(test_foreign_status),
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_odd_delays),
        cmocka_unit_test(test_unknown),  cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
