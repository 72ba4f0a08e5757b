/* Our gRPC client against our gRPC server, both on one loop. */
#include "net/grpc_client.h"

#include "net/server.h"
#include "support/raw_peer.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

typedef struct Fixture {
    TestClock clock;
    Loop *loop;
    Server *server;
    GrpcClient *client;
    Request *kept;
    int handled, gone;
} Fixture;

typedef struct Outcome {
    int calls;
    GrpcCode code;
    ErrKind kind;
    bool has_retry;
    uint32_t retry_ms;
    char error[256], status_text[256];
    Buf message, request;
} Outcome;

static void note(void *owner, GrpcReply *reply, const Err *err)
{
    Outcome *outcome = owner;
    outcome->calls++;
    outcome->kind = err ? err->kind : ERR_NONE;
    outcome->code = reply->code;
    outcome->has_retry = reply->has_retry;
    outcome->retry_ms = reply->retry_ms;
    if (err)
        memcpy(outcome->error, err->text, sizeof err->text);
    size_t len = reply->status_text.len < 255 ? reply->status_text.len : 255;
    if (len > 0)
        memcpy(outcome->status_text, reply->status_text.ptr, len);
    outcome->message = BUF(1 << 30);
    buf_add(&outcome->message, reply->message);
    outcome->request = reply->request;
    reply->request = BUF(0);
}

static void outcome_done(Outcome *outcome)
{
    buf_free(&outcome->message);
    buf_free(&outcome->request);
}

static void echo(void *owner, Request *request)
{
    Fixture *f = owner;
    f->handled++;
    Buf body = request_take_body(request);
    request_answer_grpc(request, &body);
}

static void later(void *owner, Request *request)
{
    Fixture *f = owner;
    f->handled++;
    f->kept = request;
}

static void busy(void *owner, Request *request)
{
    (void)owner;
    Err err = { .kind = ERR_BUSY, .retry_ms = 2500, .text = "queue full: \xc3\xa9 100%" };
    request_answer_err(request, &err);
}

static bool start(Fixture *f, const ServerLimits *limits, Err *err)
{
    *f = (Fixture){ 0 };
    test_clock_init(&f->clock, 0);
    f->loop = loop_new(&f->clock.base, NULL, err);
    if (!f->loop)
        return false;
    ServerSettings settings = { .loop = f->loop, .endpoint = STR("127.0.0.1:0") };
    if (limits)
        settings.limits = *limits;
    const GrpcRoute routes[] = { { STR("/test.Service/Echo"), echo, f, 0 },
                                 { STR("/test.Service/Later"), later, f, 0 },
                                 { STR("/test.Service/Busy"), busy, f, 0 },
                                 { STR("/test.Service/Small"), echo, f, 10 } };
    f->server = server_new(&settings, err);
    for (size_t i = 0; f->server && i < COUNT_OF(routes); i++) {
        if (!server_grpc_route(f->server, &routes[i], err))
            return false;
    }
    if (!f->server || !server_listen(f->server, err))
        return false;
    Address address = server_address(f->server);
    char endpoint[ADDRESS_TEXT_SIZE];
    GrpcClientSettings client = { .loop = f->loop,
                                  .endpoint = str_from(address_text(&address, endpoint)) };
    f->client = grpc_client_new(&client, err);
    return f->client != NULL;
}

static void must_start(Fixture *f, const ServerLimits *limits)
{
    Err err = { 0 };
    if (!start(f, limits, &err))
        fail_msg("%s", err.text);
}

static void stop(Fixture *f)
{
    grpc_client_free(f->client);
    server_free(f->server);
    loop_free(f->loop);
}

typedef struct Ask {
    const char *path;
    size_t size; /* of the message */
    bool gzip;
    int64_t timeout_ns;
} Ask;

static bool begin(Fixture *f, const Ask *ask, Outcome *outcome, Err *err)
{
    GrpcCall call = { .path = str_from(ask->path),
                      .message = BUF(1 << 30),
                      .encoding = ask->gzip ? encoding_find(ENCODING_GRPC, STR("gzip")) : NULL,
                      .timeout_ns = ask->timeout_ns,
                      .done = note,
                      .owner = outcome };
    *outcome = (Outcome){ 0 };
    for (size_t i = 0; i < ask->size; i++)
        buf_add_byte(&call.message, (char)(i % 251));
    bool ok = buf_ok(&call.message, err) && grpc_client_call(f->client, &call, err);
    assert_int_equal(outcome->calls, 0); /* never from inside */
    buf_free(&call.message);
    return ok;
}

static void finish(Fixture *f, const Outcome *outcome)
{
    for (int i = 0; i < 100000 && !outcome->calls; i++)
        loop_step(f->loop, NANOS_PER_MILLI);
    assert_int_equal(outcome->calls, 1);
}

static Outcome must_call(Fixture *f, const Ask *ask)
{
    Outcome outcome;
    Err err = { 0 };
    if (!begin(f, ask, &outcome, &err))
        fail_msg("%s", err.text);
    finish(f, &outcome);
    return outcome;
}

static void messages_of_every_size_come_back_plain_and_gzipped(void **state)
{
    (void)state;
    Fixture f;
    must_start(&f, NULL);
    static const size_t sizes[] = { 0, 1, 5, 1000, 16384, 65536, 100000, 4 << 20 };
    for (size_t i = 0; i < 2 * COUNT_OF(sizes); i++) {
        Ask ask = { "/test.Service/Echo", sizes[i / 2], i % 2, 0 };
        Outcome outcome = must_call(&f, &ask);
        if (outcome.kind)
            fail_msg("%zu: %s", ask.size, outcome.error);
        assert_int_equal(outcome.code, GRPC_OK);
        assert_int_equal(outcome.message.len, ask.size);
        assert_true(str_eq(buf_str(&outcome.message), buf_str(&outcome.request)));
        outcome_done(&outcome);
    }
    assert_int_equal(server_counts(f.server).connections_accepted, 1);
    stop(&f);
}

static void a_lent_message_is_sent_as_it_is_and_stays_the_callers(void **state)
{
    (void)state;
    static const char bytes[] = "lent, and nobody's to free";
    static const Str pieces[] = { STR_ROW("lent"), STR_ROW(""), STR_ROW(", and nobody's"),
                                  STR_ROW(" to free") };
    Fixture f;
    must_start(&f, NULL);
    for (int round = 0; round < 4; round++) {
        bool packed = round & 1, cut = round & 2;
        Str all = str_from(bytes);
        Outcome outcome = { 0 };
        Err err = { 0 };
        GrpcCall call = { .path = STR("/test.Service/Echo"),
                          .lent = cut ? pieces : &all,
                          .lent_count = cut ? COUNT_OF(pieces) : 1,
                          .encoding = packed ? encoding_find(ENCODING_GRPC, STR("gzip")) : NULL,
                          .done = note,
                          .owner = &outcome };
        assert_true(grpc_client_call(f.client, &call, &err));
        finish(&f, &outcome);
        assert_int_equal(outcome.code, GRPC_OK);
        assert_true(str_eq(buf_str(&outcome.message), str_from(bytes)));
        assert_int_equal(outcome.request.len, 0);
        outcome_done(&outcome);
    }
    stop(&f);
}

/* More than a frame, a write and a window hold; pieces that end anywhere. */
static void a_large_message_in_pieces_arrives_in_order(void **state)
{
    (void)state;
    enum { SIZE = 300000, MANY = 700 };
    static char bytes[SIZE];
    static Str pieces[MANY];
    Fixture f;
    must_start(&f, NULL);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 31 % 253);
    for (size_t i = 0, at = 0; i < MANY; i++) {
        size_t len = i + 1 == MANY ? SIZE - at : i * i % 787;
        pieces[i] = (Str){ bytes + at, len };
        at += len;
    }
    for (int packed = 0; packed < 2; packed++) {
        Outcome outcome = { 0 };
        Err err = { 0 };
        GrpcCall call = { .path = STR("/test.Service/Echo"),
                          .lent = pieces,
                          .lent_count = MANY,
                          .encoding = packed ? encoding_find(ENCODING_GRPC, STR("gzip")) : NULL,
                          .done = note,
                          .owner = &outcome };
        assert_true(grpc_client_call(f.client, &call, &err));
        finish(&f, &outcome);
        assert_int_equal(outcome.code, GRPC_OK);
        assert_true(str_eq(buf_str(&outcome.message), (Str){ bytes, SIZE }));
        outcome_done(&outcome);
    }
    stop(&f);
}

static void many_calls_share_a_connection(void **state)
{
    (void)state;
    enum { MANY = 1000 }; /* more than the server's streams */
    static Outcome outcomes[MANY];
    Fixture f;
    must_start(&f, NULL);
    Err err = { 0 };
    for (size_t i = 0; i < MANY; i++)
        assert_true(
            begin(&f, &(Ask){ "/test.Service/Echo", i, i % 3 == 0, 0 }, &outcomes[i], &err));
    for (size_t i = 0; i < MANY; i++) {
        finish(&f, &outcomes[i]);
        assert_int_equal(outcomes[i].kind, ERR_NONE);
        assert_int_equal(outcomes[i].message.len, i);
        outcome_done(&outcomes[i]);
    }
    ServerCounts counts = server_counts(f.server);
    assert_int_equal(counts.connections_accepted, 1);
    assert_int_equal(counts.requests_in_flight, 0);
    assert_int_equal(f.handled, MANY);
    stop(&f);
}

static void errors_carry_code_text_and_retry(void **state)
{
    (void)state;
    Fixture f;
    must_start(&f, NULL);
    Outcome outcome = must_call(&f, &(Ask){ "/test.Service/Busy", 3, false, 0 });
    assert_int_equal(outcome.code, GRPC_UNAVAILABLE);
    assert_string_equal(outcome.status_text, "queue full: \xc3\xa9 100%");
    assert_true(outcome.has_retry);
    assert_int_equal(outcome.retry_ms, 2500);
    outcome_done(&outcome);
    outcome = must_call(&f, &(Ask){ "/test.Service/None", 3, false, 0 });
    assert_int_equal(outcome.code, GRPC_UNIMPLEMENTED);
    assert_string_equal(outcome.status_text, "unknown method /test.Service/None");
    outcome_done(&outcome);
    stop(&f);
}

static void a_message_over_the_limit_is_resource_exhausted(void **state)
{
    (void)state;
    Fixture f;
    must_start(&f, NULL);
    static const struct {
        size_t size;
        bool gzip;
        GrpcCode code;
    } rows[] = {
        { 10, false, GRPC_OK },
        { 11, false, GRPC_RESOURCE_EXHAUSTED },
        { 3 << 20, false, GRPC_RESOURCE_EXHAUSTED },
        { 3 << 20, true, GRPC_RESOURCE_EXHAUSTED },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Outcome outcome =
            must_call(&f, &(Ask){ "/test.Service/Small", rows[i].size, rows[i].gzip, 0 });
        assert_int_equal(outcome.kind, ERR_NONE);
        assert_int_equal(outcome.code, rows[i].code);
        outcome_done(&outcome);
    }
    stop(&f);
}

static void an_answer_over_the_limit_is_an_error(void **state)
{
    (void)state;
    Fixture f;
    must_start(&f, NULL);
    Outcome outcome = must_call(&f, &(Ask){ "/test.Service/Echo", (4 << 20) + 1, false, 0 });
    assert_int_equal(outcome.kind, ERR_LIMIT); /* gzip on the way back; seen once inflated */
    outcome_done(&outcome);
    outcome = must_call(&f, &(Ask){ "/test.Service/Echo", 5, false, 0 });
    assert_int_equal(outcome.code, GRPC_OK);
    outcome_done(&outcome);
    stop(&f);
}

static void gone(void *owner)
{
    ((Fixture *)owner)->gone++;
}

static void a_deadline_ends_the_call_on_both_sides(void **state)
{
    (void)state;
    Fixture f;
    must_start(&f, NULL);
    Outcome outcome;
    Err err = { 0 };
    assert_true(
        begin(&f, &(Ask){ "/test.Service/Later", 3, false, 2 * NANOS_PER_SECOND }, &outcome, &err));
    while (!f.kept)
        loop_step(f.loop, NANOS_PER_MILLI);
    request_on_gone(f.kept, gone, &f);
    assert_int_equal(request_deadline_ns(f.kept), loop_now(f.loop) + 2 * NANOS_PER_SECOND);
    test_clock_advance(&f.clock, 2 * NANOS_PER_SECOND);
    finish(&f, &outcome);
    assert_int_equal(outcome.kind, ERR_TIMEOUT);
    while (!f.gone)
        loop_step(f.loop, NANOS_PER_MILLI);
    assert_true(request_is_gone(f.kept));
    Buf late = BUF(0);
    request_answer_grpc(f.kept, &late);
    outcome_done(&outcome);
    stop(&f);
}

static void a_lost_connection_fails_its_calls_and_the_next_connects_again(void **state)
{
    (void)state;
    Fixture f;
    must_start(&f, NULL);
    Outcome outcome;
    Err err = { 0 };
    assert_true(begin(&f, &(Ask){ "/test.Service/Later", 3, true, 0 }, &outcome, &err));
    while (!f.kept)
        loop_step(f.loop, NANOS_PER_MILLI);
    test_clock_advance(&f.clock, 3 * NANOS_PER_SECOND);
    server_drain(f.server, loop_now(f.loop), NULL, NULL); /* cuts at once */
    finish(&f, &outcome);
    assert_true(err_retryable(outcome.kind));
    outcome_done(&outcome);
    request_answer_text(f.kept, 200, STR("to nobody"));
    outcome = must_call(&f, &(Ask){ "/test.Service/Echo", 3, false, 0 });
    assert_true(err_retryable(outcome.kind)); /* refused: nobody listens any more */
    assert_non_null(strstr(outcome.error, "connecting to 127.0.0.1:"));
    outcome_done(&outcome);
    stop(&f);
}

static void count_drained(void *owner)
{
    ++*(int *)owner;
}

static void a_drain_lets_calls_finish(void **state)
{
    (void)state;
    Fixture f;
    must_start(&f, NULL);
    Outcome outcome;
    Err err = { 0 };
    int drained = 0;
    assert_true(begin(&f, &(Ask){ "/test.Service/Later", 3, false, 0 }, &outcome, &err));
    while (!f.kept)
        loop_step(f.loop, NANOS_PER_MILLI);
    server_drain(f.server, loop_now(f.loop) + NANOS_PER_SECOND, count_drained, &drained);
    for (int i = 0; i < 20; i++)
        loop_step(f.loop, 0);
    assert_int_equal(drained, 0);
    Buf message = BUF(16);
    buf_add(&message, STR("done"));
    request_answer_grpc(f.kept, &message);
    finish(&f, &outcome);
    assert_int_equal(outcome.code, GRPC_OK);
    for (int i = 0; i < 1000 && !drained; i++)
        loop_step(f.loop, NANOS_PER_MILLI);
    assert_int_equal(drained, 1);
    outcome_done(&outcome);
    stop(&f);
}

static void freeing_the_client_tells_every_caller(void **state)
{
    (void)state;
    Fixture f;
    must_start(&f, NULL);
    Outcome sent, waiting;
    Err err = { 0 };
    assert_true(begin(&f, &(Ask){ "/test.Service/Later", 3, true, 0 }, &sent, &err));
    while (!f.kept)
        loop_step(f.loop, NANOS_PER_MILLI);
    assert_true(begin(&f, &(Ask){ "/test.Service/Later", 3 << 20, false, 0 }, &waiting, &err));
    grpc_client_free(f.client);
    f.client = NULL;
    assert_int_equal(sent.calls + waiting.calls, 2);
    assert_int_equal(sent.kind, ERR_CLOSED);
    assert_int_equal(waiting.kind, ERR_CLOSED);
    assert_int_equal(waiting.request.len, 3 << 20);
    request_answer_text(f.kept, 200, STR("to nobody"));
    outcome_done(&sent);
    outcome_done(&waiting);
    stop(&f);
}

static void endpoints_that_cannot_work_are_refused_at_once(void **state)
{
    (void)state;
    Fixture f;
    must_start(&f, NULL);
    static const struct {
        const char *endpoint;
        ErrKind kind;
    } rows[] = {
        { "https://localhost:4317", ERR_INPUT },
        { "ftp://localhost:4317", ERR_INPUT },
        { "localhost", ERR_INPUT },
        { "", ERR_INPUT },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err = { 0 };
        GrpcClientSettings settings = { .loop = f.loop, .endpoint = str_from(rows[i].endpoint) };
        assert_null(grpc_client_new(&settings, &err));
        assert_int_equal(err.kind, rows[i].kind);
    }
    stop(&f);
}

static void one_exchange(void)
{
    Fixture f;
    Err err = { 0 };
    Outcome outcomes[3] = { 0 };
    if (start(&f, NULL, &err)) {
        static const Ask asks[] = { { "/test.Service/Echo", 2000, true, 0 },
                                    { "/test.Service/Busy", 3, false, 0 },
                                    { "/test.Service/None", 3, false, 0 } };
        for (size_t i = 0; i < COUNT_OF(asks); i++) {
            if (!begin(&f, &asks[i], &outcomes[i], &err)) {
                assert_true(err.kind == ERR_MEMORY);
                continue;
            }
            for (int k = 0; k < 50 && !outcomes[i].calls; k++)
                loop_step(f.loop, NANOS_PER_MILLI);
        }
    } else {
        assert_int_equal(err.kind, ERR_MEMORY);
    }
    stop(&f);
    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        assert_true(outcomes[i].calls <= 1);
        outcome_done(&outcomes[i]);
    }
}

static void starved_anywhere_it_neither_leaks_nor_crashes(void **state)
{
    (void)state;
    assert_true(starve_every(one_exchange) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starved_anywhere_it_neither_leaks_nor_crashes),
        cmocka_unit_test(messages_of_every_size_come_back_plain_and_gzipped),
        cmocka_unit_test(a_lent_message_is_sent_as_it_is_and_stays_the_callers),
        cmocka_unit_test(a_large_message_in_pieces_arrives_in_order),
        cmocka_unit_test(many_calls_share_a_connection),
        cmocka_unit_test(errors_carry_code_text_and_retry),
        cmocka_unit_test(a_message_over_the_limit_is_resource_exhausted),
        cmocka_unit_test(an_answer_over_the_limit_is_an_error),
        cmocka_unit_test(a_deadline_ends_the_call_on_both_sides),
        cmocka_unit_test(a_lost_connection_fails_its_calls_and_the_next_connects_again),
        cmocka_unit_test(a_drain_lets_calls_finish),
        cmocka_unit_test(freeing_the_client_tells_every_caller),
        cmocka_unit_test(endpoints_that_cannot_work_are_refused_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
