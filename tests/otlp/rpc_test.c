/* rpc_test.c - services, answers, statuses and what their codes mean. */
#include "otlp/rpc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_paths(void **state)
{
    (void)state;
    static const Signal all[] = { TRACES, METRICS, LOGS };
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        Signal signal;
        assert_true(otlp_grpc_parse(otlp_grpc_path(all[i]), &signal));
        assert_int_equal(signal, all[i]);
    }
    Signal signal;
    assert_false(otlp_grpc_parse(STR("/grpc.health.v1.Health/Check"), &signal));
    assert_false(otlp_grpc_parse(STR(""), &signal));
    assert_true(str_eq(otlp_http_path(LOGS), STR("/v1/logs")));
    assert_int_equal(otlp_grpc_path((Signal)9).len + otlp_http_path((Signal)9).len, 0);
}

static void test_answer(void **state)
{
    (void)state;
    Err err;
    Buf bytes = BUF(1000);
    export_answer_write(&bytes, &(ExportAnswer){ 0 });
    assert_int_equal(bytes.len, 0);
    export_answer_write(&bytes, &(ExportAnswer){ .rejected = 7, .message = STR("too old") });
    assert_true(str_eq(buf_str(&bytes), STR("\x0A\x0B\x08\x07\x12\x07too old")));
    ExportAnswer answer;
    assert_true(export_answer_read(buf_str(&bytes), &answer, &err));
    assert_int_equal(answer.rejected, 7);
    assert_true(str_eq(answer.message, STR("too old")));
    for (size_t len = 1; len < bytes.len; len++)
        assert_false(export_answer_read((Str){ bytes.ptr, len }, &answer, &err));
    assert_true(export_answer_read(STR("\x0A\x0B\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"),
                                   &answer, &err));
    assert_int_equal(answer.rejected, 0);
    buf_free(&bytes);
}

/* A warning alone, unknown fields, and what is broken inside or twice. */
static void test_odd_answers(void **state)
{
    (void)state;
    Err err;
    ExportAnswer answer;
    Buf bytes = BUF(1000);
    export_answer_write(&bytes, &(ExportAnswer){ .message = STR("slow") });
    assert_true(str_eq(buf_str(&bytes), STR("\x0A\x06\x12\x04slow")));
    buf_clear(&bytes);
    export_answer_write(&bytes, &(ExportAnswer){ .rejected = 2 });
    assert_true(str_eq(buf_str(&bytes), STR("\x0A\x02\x08\x02")));
    buf_free(&bytes);
    assert_true(export_answer_read(STR("\x10\x01\x0A\x04\x18\x05\x08\x03"), &answer, &err));
    assert_int_equal(answer.rejected, 3);
    assert_false(export_answer_read(STR("\x0A\x01\x08\x0A\x02\x08\x02"), &answer, &err));
    assert_int_equal(err.kind, ERR_INPUT);
}

/* The HTTP status of each code, and which of both a client may try again. */
static void test_codes(void **state)
{
    (void)state;
    static const int statuses[GRPC_CODE_COUNT] = {
        [GRPC_OK] = 200,
        [GRPC_CANCELLED] = 503,
        [GRPC_UNKNOWN] = 500,
        [GRPC_INVALID_ARGUMENT] = 400,
        [GRPC_DEADLINE_EXCEEDED] = 503,
        [GRPC_NOT_FOUND] = 500,
        [GRPC_ALREADY_EXISTS] = 500,
        [GRPC_PERMISSION_DENIED] = 403,
        [GRPC_RESOURCE_EXHAUSTED] = 429,
        [GRPC_FAILED_PRECONDITION] = 500,
        [GRPC_ABORTED] = 503,
        [GRPC_OUT_OF_RANGE] = 503,
        [GRPC_UNIMPLEMENTED] = 404,
        [GRPC_INTERNAL] = 500,
        [GRPC_UNAVAILABLE] = 503,
        [GRPC_DATA_LOSS] = 503,
        [GRPC_UNAUTHENTICATED] = 401,
    };
    for (int code = 0; code < GRPC_CODE_COUNT; code++)
        assert_int_equal(http_status_of_grpc((GrpcCode)code), statuses[code]);
    for (int status = 100; status < 600; status++)
        assert_int_equal(http_retryable(status), status == 429 || (status >= 502 && status <= 504));
}

static void test_policy(void **state)
{
    (void)state;
    assert_true(http_retryable(503));
    assert_false(http_retryable(500));
    assert_int_equal(http_status_of_grpc(GRPC_RESOURCE_EXHAUSTED), 429);
    assert_int_equal(http_status_of_grpc(GRPC_DATA_LOSS), 503);
    assert_int_equal(http_status_of_grpc((GrpcCode)77), 500);
    Err err = { .kind = ERR_BUSY, .retry_ms = 50, .text = "queue is full" };
    RpcStatus status = rpc_status_of(&err);
    assert_true(status.has_retry);
    assert_true(grpc_retryable(status.code, status.has_retry));
    err = (Err){ .kind = ERR_BUSY, .text = "for now" };
    assert_true(grpc_retryable(rpc_status_of(&err).code, rpc_status_of(&err).has_retry));
    err = (Err){ .kind = ERR_INPUT, .retry_ms = 50, .text = "never" };
    assert_false(rpc_status_of(&err).has_retry);
    err = (Err){ .kind = ERR_INPUT, .text = "bad" };
    status = rpc_status_of(&err);
    assert_false(status.has_retry);
    assert_false(grpc_retryable(status.code, status.has_retry));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),       cmocka_unit_test(test_answer),
        cmocka_unit_test(test_odd_answers), cmocka_unit_test(test_codes),
        cmocka_unit_test(test_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
