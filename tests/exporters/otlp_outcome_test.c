/* What every answer of an OTLP server means, as a table. */
#include "exporters/otlp_outcome.h"

#include "otlp/rpc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW_NS (INT64_C(1750000000) * NANOS_PER_SECOND) /* Sun, 15 Jun 2025 15:06:40 GMT */

static void expect_grpc(GrpcCode code, AckResult want, AckResult want_with_retry)
{
    GrpcReply reply = { .code = code, .status_text = STR("why") };
    AckOutcome plain = otlp_grpc_outcome(&reply, NULL);
    assert_int_equal(plain.result, want);
    assert_int_equal(plain.retry_ms, 0);
    if (code != GRPC_OK) {
        assert_true(str_contains(str_from(plain.reason.text), STR("why")));
        assert_true(str_starts(str_from(plain.reason.text), str_from(grpc_code_name(code))));
    }
    reply.has_retry = true;
    reply.retry_ms = 1500;
    AckOutcome timed = otlp_grpc_outcome(&reply, NULL);
    assert_int_equal(timed.result, want_with_retry);
    if (want_with_retry == ACK_RETRY)
        assert_int_equal(timed.retry_ms, 1500);
}

static void grpc_codes_sort_themselves(void **state)
{
    (void)state;
    static const bool again[GRPC_CODE_COUNT] = {
        [GRPC_CANCELLED] = true,    [GRPC_DEADLINE_EXCEEDED] = true, [GRPC_ABORTED] = true,
        [GRPC_OUT_OF_RANGE] = true, [GRPC_UNAVAILABLE] = true,       [GRPC_DATA_LOSS] = true,
    };
    for (int code = 0; code < GRPC_CODE_COUNT; code++) {
        AckResult want = code == GRPC_OK ? ACK_DELIVERED : again[code] ? ACK_RETRY : ACK_REFUSED;
        /* with a RetryInfo "used up" is only "not now" */
        expect_grpc((GrpcCode)code, want, code == GRPC_RESOURCE_EXHAUSTED ? ACK_RETRY : want);
    }
}

static AckOutcome of_typed(int status, const char *type, const char *retry_after, Str body)
{
    Err err = { 0 };
    HttpFields fields;
    http_fields_init(&fields, 4096);
    if (type)
        assert_true(http_fields_add(&fields, STR("content-type"), str_from(type), &err));
    if (retry_after)
        assert_true(http_fields_add(&fields, STR("retry-after"), str_from(retry_after), &err));
    HttpResponse response = { .status = status, .fields = &fields, .body = body };
    AckOutcome outcome = otlp_http_outcome(&response, NULL, NOW_NS);
    http_fields_done(&fields);
    return outcome;
}

static AckOutcome of_http(int status, const char *retry_after, Str body)
{
    return of_typed(status, NULL, retry_after, body);
}

static void http_statuses_sort_themselves(void **state)
{
    (void)state;
    for (int status = 200; status < 600; status++) {
        bool again = status == 429 || (status >= 502 && status <= 504);
        AckResult want = status < 300 ? ACK_DELIVERED : again ? ACK_RETRY : ACK_REFUSED;
        AckOutcome outcome = of_http(status, NULL, STR(""));
        assert_int_equal(outcome.result, want);
        if (want == ACK_RETRY)
            assert_true(err_retryable(outcome.reason.kind));
        if (want == ACK_REFUSED)
            assert_false(err_retryable(outcome.reason.kind));
    }
}

static void retry_after_is_kept_where_it_counts(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *retry_after;
        uint32_t ms;
    } rows[] = {
        { 503, "7", 7000 },
        { 429, "0", 0 },
        { 503, "Sun, 15 Jun 2025 15:06:50 GMT", 10000 },
        { 503, "Sun, 15 Jun 2025 15:06:30 GMT", 0 },
        { 503, "soon", 0 },
        { 400, "7", 0 },
        { 200, "7", 0 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(of_http(rows[i].status, rows[i].retry_after, STR("")).retry_ms,
                         rows[i].ms);
}

static void part_of_it_may_be_lost(void **state)
{
    (void)state;
    Buf body = BUF(1024);
    export_answer_write(&body, &(ExportAnswer){ 3, STR("too old") });
    GrpcReply reply = { .code = GRPC_OK, .message = buf_str(&body) };
    AckOutcome both[] = { otlp_grpc_outcome(&reply, NULL), of_http(200, NULL, buf_str(&body)) };
    for (size_t i = 0; i < COUNT_OF(both); i++) {
        assert_int_equal(both[i].result, ACK_PARTLY);
        assert_int_equal(both[i].refused, 3);
        assert_string_equal(both[i].reason.text, "partial success: too old");
    }
    buf_clear(&body);
    export_answer_write(&body, &(ExportAnswer){ 0, STR("only a warning") });
    assert_int_equal(of_http(200, NULL, buf_str(&body)).result, ACK_DELIVERED);
    buf_free(&body);
    /* a body that is no answer does not undo a success */
    assert_int_equal(of_http(200, NULL, STR("<html>")).result, ACK_DELIVERED);
}

static void reasons_come_from_a_status_or_from_text(void **state)
{
    (void)state;
    Buf body = BUF(1024);
    rpc_status_encode(&(RpcStatus){ .code = GRPC_INVALID_ARGUMENT, .message = STR("bad span") },
                      &body);
    assert_string_equal(of_http(400, NULL, buf_str(&body)).reason.text,
                        "400 Bad Request: bad span");
    buf_free(&body);
    assert_string_equal(of_http(502, NULL, STR("<html>")).reason.text, "502 Bad Gateway: <html>");
    static char endless[100000];
    memset(endless, 'x', sizeof endless);
    AckOutcome outcome = of_http(500, NULL, (Str){ endless, sizeof endless });
    assert_true(strlen(outcome.reason.text) < sizeof outcome.reason.text);
}

static void json_says_the_same(void **state)
{
    (void)state;
    static const char *const type = "application/json; charset=utf-8";
    AckOutcome partly = of_typed(
        200, type, NULL,
        STR("{\"partialSuccess\":{\"rejectedLogRecords\":\"3\",\"errorMessage\":\"too old\"}}"));
    assert_int_equal(partly.result, ACK_PARTLY);
    assert_int_equal(partly.refused, 3);
    assert_string_equal(partly.reason.text, "partial success: too old");
    assert_int_equal(of_typed(200, type, NULL, STR("{\"partialSuccess\":{}}")).result,
                     ACK_DELIVERED);
    assert_int_equal(of_typed(200, type, NULL, STR("<html>")).result, ACK_DELIVERED);
    AckOutcome refused = of_typed(400, type, NULL, STR("{\"code\":3,\"message\":\"bad span\"}"));
    assert_int_equal(refused.result, ACK_REFUSED);
    assert_string_equal(refused.reason.text, "400 Bad Request: bad span");
    AckOutcome later = of_typed(503, type, "2", STR("{\"message\":\"full\"}"));
    assert_int_equal(later.result, ACK_RETRY);
    assert_int_equal(later.retry_ms, 2000);
    assert_string_equal(of_typed(500, type, NULL, STR("{oh")).reason.text,
                        "500 Internal Server Error: {oh");
}

static void without_an_answer_the_kind_decides(void **state)
{
    (void)state;
    for (int kind = ERR_NONE + 1; kind < ERR_KIND_COUNT; kind++) {
        Err err = { .kind = (ErrKind)kind, .retry_ms = 40, .text = "no way" };
        /* no verdict on the data, so it is not lost for that */
        bool unreadable = kind == ERR_INPUT || kind == ERR_UNSUPPORTED;
        AckResult want = err_retryable((ErrKind)kind) || unreadable ? ACK_RETRY : ACK_REFUSED;
        AckOutcome both[] = { otlp_grpc_outcome(NULL, &err), otlp_http_outcome(NULL, &err, 0) };
        for (size_t i = 0; i < COUNT_OF(both); i++) {
            assert_int_equal(both[i].result, want);
            assert_int_equal(both[i].retry_ms, 40);
            assert_string_equal(both[i].reason.text, "no way");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grpc_codes_sort_themselves),
        cmocka_unit_test(http_statuses_sort_themselves),
        cmocka_unit_test(retry_after_is_kept_where_it_counts),
        cmocka_unit_test(part_of_it_may_be_lost),
        cmocka_unit_test(reasons_come_from_a_status_or_from_text),
        cmocka_unit_test(json_says_the_same),
        cmocka_unit_test(without_an_answer_the_kind_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
