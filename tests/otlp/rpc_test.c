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
    assert_true(str_eq(otlp_http_path(LOGS), STR("/v1/logs")));
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
    err = (Err){ .kind = ERR_INPUT, .text = "bad" };
    status = rpc_status_of(&err);
    assert_false(status.has_retry);
    assert_false(grpc_retryable(status.code, status.has_retry));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_answer),
        cmocka_unit_test(test_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
