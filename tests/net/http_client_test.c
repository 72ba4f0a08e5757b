/* The HTTP client against our server, and against servers by hand that do what ours never would. */
#include "net/http_client.h"

#include "codec/gzip.h"
#include "net/server.h"
#include "support/raw_peer.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct Fixture {
    TestClock clock;
    Loop *loop;
    Server *server; /* NULL: listener is served by hand */
    int listener;
    HttpClient *client;
} Fixture;

typedef struct Outcome {
    int calls, status;
    ErrKind kind;
    char error[256];
    Buf body, request;
} Outcome;

static void note(void *owner, HttpResponse *response, const Err *err)
{
    Outcome *outcome = owner;
    outcome->calls++;
    outcome->kind = err ? err->kind : ERR_NONE;
    outcome->status = response->status;
    if (err)
        memcpy(outcome->error, err->text, sizeof err->text);
    assert_int_equal(response->fields != NULL, err == NULL);
    outcome->body = BUF(1 << 30);
    buf_add(&outcome->body, response->body);
    outcome->request = response->request_body;
    response->request_body = BUF(0);
}

static void outcome_done(Outcome *outcome)
{
    buf_free(&outcome->body);
    buf_free(&outcome->request);
}

static void echo(void *owner, Request *request)
{
    (void)owner;
    Answer answer = { .status = 200, .body = request_take_body(request) };
    request_answer(request, &answer);
}

/* Answers compressed, as room web does. */
static void packed(void *owner, Request *request)
{
    (void)owner;
    Err err = { 0 };
    HttpField field = { STR("content-encoding"), STR("gzip") };
    Answer answer = { .status = 200, .fields = &field, .field_count = 1, .body = BUF(1 << 20) };
    bool ok = gzip_compress(request_body(request), GZIP_FORMAT, &answer.body, &err);
    assert_true(ok || err.kind == ERR_MEMORY);
    request_answer(request, &answer);
}

static Purse *payer; /* of the client's answers */

static bool make_client(Fixture *f, const Address *address, Err *err)
{
    char text[ADDRESS_TEXT_SIZE], url[128];
    snprintf(url, sizeof url, "http://%s/base", address_text(address, text));
    HttpClientSettings settings = { .loop = f->loop,
                                    .url = str_from(url),
                                    .connections = 2,
                                    .waiting = 50,
                                    .response_bytes = 100000,
                                    .purse = payer };
    f->client = http_client_new(&settings, err);
    return f->client != NULL;
}

static bool make_server(Fixture *f, Err *err)
{
    ServerSettings settings = { .loop = f->loop, .endpoint = STR("127.0.0.1:0") };
    const Route routes[] = { { STR("/echo"), STR("POST, GET"), echo, f, 0 },
                             { STR("/packed"), STR("POST"), packed, f, 0 },
                             { STR("/small"), STR("POST"), echo, f, 10 } };
    f->server = server_new(&settings, err);
    for (size_t i = 0; f->server && i < COUNT_OF(routes); i++) {
        if (!server_route(f->server, &routes[i], err))
            return false;
    }
    return f->server && server_listen(f->server, err);
}

static bool start(Fixture *f, Err *err)
{
    *f = (Fixture){ .listener = -1 };
    test_clock_init(&f->clock, 0);
    f->loop = loop_new(&f->clock.base, NULL, err);
    if (!f->loop || !make_server(f, err))
        return false;
    Address address = server_address(f->server);
    return make_client(f, &address, err);
}

static void must_start(Fixture *f)
{
    Err err = { 0 };
    if (!start(f, &err))
        fail_msg("%s", err.text);
}

static void must_start_by_hand(Fixture *f)
{
    Err err = { 0 };
    Address address;
    *f = (Fixture){ 0 };
    test_clock_init(&f->clock, 0);
    f->loop = loop_new(&f->clock.base, NULL, &err);
    f->listener = raw_listen(&address);
    assert_true(f->loop && f->listener >= 0 && make_client(f, &address, &err));
}

static void stop(Fixture *f)
{
    http_client_free(f->client);
    server_free(f->server);
    loop_free(f->loop);
    if (f->listener >= 0)
        close(f->listener);
}

typedef struct Ask {
    const char *method, *target;
    size_t size;
    bool gzip;
} Ask;

static bool begin(Fixture *f, const Ask *ask, Outcome *outcome, Err *err)
{
    HttpField field = { STR("content-type"), STR("text/plain") };
    HttpCall call = { .method = str_from(ask->method),
                      .target = str_from(ask->target),
                      .fields = &field,
                      .field_count = 1,
                      .body = BUF(1 << 30),
                      .encoding = ask->gzip ? encoding_find(ENCODING_HTTP, STR("gzip")) : NULL,
                      .done = note,
                      .owner = outcome };
    *outcome = (Outcome){ 0 };
    for (size_t i = 0; i < ask->size; i++)
        buf_add_byte(&call.body, (char)('a' + i % 23));
    bool ok = buf_ok(&call.body, err) && http_client_send(f->client, &call, err);
    assert_int_equal(outcome->calls, 0); /* never from inside */
    buf_free(&call.body);
    return ok;
}

static void finish(Fixture *f, const Outcome *outcome)
{
    for (int i = 0; i < 5000 && !outcome->calls; i++)
        loop_step(f->loop, NANOS_PER_MILLI);
    assert_int_equal(outcome->calls, 1);
}

static void a_lent_body_is_sent_as_it_is_and_stays_the_callers(void **state)
{
    (void)state;
    static const char bytes[] = "lent, and nobody's to free";
    static const Str pieces[] = { STR_ROW("lent"), STR_ROW(""), STR_ROW(", and nobody's"),
                                  STR_ROW(" to free") };
    Fixture f;
    must_start(&f);
    for (int round = 0; round < 4; round++) {
        bool packed = round & 1, cut = round & 2;
        Str all = str_from(bytes);
        Outcome outcome = { 0 };
        Err err = { 0 };
        HttpCall call = { .method = STR("POST"),
                          .target = STR("/echo"),
                          .lent = cut ? pieces : &all,
                          .lent_count = cut ? COUNT_OF(pieces) : 1,
                          .encoding = packed ? encoding_find(ENCODING_HTTP, STR("gzip")) : NULL,
                          .done = note,
                          .owner = &outcome };
        assert_true(http_client_send(f.client, &call, &err));
        finish(&f, &outcome);
        assert_int_equal(outcome.status, 200);
        assert_true(str_eq(buf_str(&outcome.body), str_from(bytes)));
        assert_int_equal(outcome.request.len, 0);
        outcome_done(&outcome);
    }
    stop(&f);
}

static void must_begin(Fixture *f, const Ask *ask, Outcome *outcome)
{
    Err err = { 0 };
    if (!begin(f, ask, outcome, &err))
        fail_msg("%s", err.text);
}

static Outcome must_ask(Fixture *f, const Ask *ask)
{
    Outcome outcome;
    must_begin(f, ask, &outcome);
    finish(f, &outcome);
    return outcome;
}

static void answers_are_paid_for_and_refused_without_room(void **state)
{
    (void)state;
    static const Ask asks[] = { { "POST", "/echo", 60000, false },
                                { "POST", "/packed", 60000, false } };
    Fixture f;
    Budget budget;
    budget_init(&budget, 160000);
    payer = budget_purse(&budget, BUDGET_BODIES);
    must_start(&f);
    for (size_t i = 0; i < COUNT_OF(asks); i++) {
        Outcome outcome = must_ask(&f, &asks[i]);
        assert_int_equal(outcome.status, 200);
        outcome_done(&outcome);
        assert_int_equal(payer->used, 0);
        assert_true(purse_take(payer, 100000));
        outcome = must_ask(&f, &asks[i]);
        assert_int_equal(outcome.kind, ERR_BUSY);
        outcome_done(&outcome);
        purse_give(payer, 100000);
    }
    assert_in_range(budget_use(&budget).peak, 100000, 130000);
    stop(&f);
    payer = NULL;
    assert_int_equal(budget_use(&budget).used, 0);
}

static void requests_are_answered_over_one_kept_connection(void **state)
{
    (void)state;
    Fixture f;
    must_start(&f);
    static const struct {
        Ask ask;
        int status;
        size_t size;
    } rows[] = {
        { { "POST", "/echo", 5, false }, 200, 5 },
        { { "POST", "/echo", 0, false }, 200, 0 },
        { { "GET", "/echo?x=1", 0, false }, 200, 0 },
        { { "HEAD", "/echo", 0, false }, 200, 0 },
        { { "POST", "/echo", 90000, true }, 200, 90000 },
        { { "POST", "/packed", 90000, false }, 200, 90000 },
        { { "POST", "/packed", 90000, true }, 200, 90000 },
        { { "POST", "/none", 3, false }, 404, 19 },
        { { "POST", "/echo", 1, false }, 200, 1 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Outcome outcome = must_ask(&f, &rows[i].ask);
        if (outcome.kind)
            fail_msg("%zu: %s", i, outcome.error);
        assert_int_equal(outcome.status, rows[i].status);
        assert_int_equal(outcome.body.len, rows[i].size);
        assert_int_equal(outcome.request.len, rows[i].ask.size);
        outcome_done(&outcome);
    }
    assert_true(server_counts(f.server).connections_accepted <= 2); /* a refusal closes */
    stop(&f);
}

static void many_requests_share_few_connections_and_too_many_are_refused(void **state)
{
    (void)state;
    enum { MANY = 60 };
    static Outcome outcomes[MANY];
    Fixture f;
    must_start(&f);
    size_t taken = 0;
    Err err = { 0 };
    while (taken < MANY &&
           begin(&f, &(Ask){ "POST", "/echo", taken, false }, &outcomes[taken], &err))
        taken++;
    assert_int_equal(err.kind, ERR_BUSY);
    assert_int_equal(taken, 50);
    for (size_t i = 0; i < taken; i++) {
        finish(&f, &outcomes[i]);
        assert_int_equal(outcomes[i].status, 200);
        assert_int_equal(outcomes[i].body.len, i);
        outcome_done(&outcomes[i]);
    }
    assert_int_equal(server_counts(f.server).connections_accepted, 2);
    stop(&f);
}

static void an_early_refusal_is_heard_while_the_body_is_still_leaving(void **state)
{
    (void)state;
    Fixture f;
    must_start(&f);
    for (int i = 0; i < 5; i++) {
        Outcome outcome = must_ask(&f, &(Ask){ "POST", "/small", 3 << 20, false });
        if (outcome.kind)
            fail_msg("%s", outcome.error);
        assert_int_equal(outcome.status, 413);
        outcome_done(&outcome);
    }
    stop(&f);
}

static void answers_over_the_limit_are_errors(void **state)
{
    (void)state;
    Fixture f;
    must_start(&f);
    static const Ask asks[] = { { "POST", "/echo", 100001, false },
                                { "POST", "/packed", 100001, false } };
    for (size_t i = 0; i < COUNT_OF(asks); i++) {
        Outcome outcome = must_ask(&f, &asks[i]);
        assert_int_equal(outcome.kind, ERR_LIMIT);
        outcome_done(&outcome);
    }
    stop(&f);
}

static void answers_by_hand_mean_what_http_says(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        int status; /* 0: an error */
        const char *body;
    } rows[] = {
        { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", 200, "ab" },
        { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", 202,
          "" },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n", 200,
          "ab" },
        { "HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, "until the end" },
        { "HTTP/1.1 204 No Content\r\n\r\n", 204, "" },
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", 0, "" },
        { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Encoding: br\r\n\r\nab", 0, "" },
        { "HTTP/1.1 200 OK\r\nContent-Len", 0, "" },
        { "SSH-2.0-OpenSSH\r\n", 0, "" },
        { "", 0, "" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Fixture f;
        RawPeer peer;
        Outcome outcome;
        must_start_by_hand(&f);
        must_begin(&f, &(Ask){ "POST", "/v1/traces", 3, false }, &outcome);
        assert_true(raw_peer_accept(&peer, f.loop, f.listener));
        assert_true(raw_peer_wait(&peer, "\r\n\r\nabc"));
        raw_peer_send_slowly(&peer, str_from(rows[i].answer));
        raw_peer_close(&peer);
        finish(&f, &outcome);
        assert_int_equal(outcome.status, rows[i].status);
        assert_true(str_eq(buf_str(&outcome.body), str_from(rows[i].body)));
        assert_int_equal(outcome.kind == ERR_NONE, rows[i].status != 0);
        outcome_done(&outcome);
        stop(&f);
    }
}

static void a_request_that_met_a_closing_connection_is_sent_again_once(void **state)
{
    (void)state;
    Fixture f;
    RawPeer peer;
    Outcome outcome;
    must_start_by_hand(&f);
    must_begin(&f, &(Ask){ "POST", "/", 3, false }, &outcome);
    assert_true(raw_peer_accept(&peer, f.loop, f.listener));
    assert_true(raw_peer_wait(&peer, "abc"));
    raw_peer_send(&peer, STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    finish(&f, &outcome);
    outcome_done(&outcome);
    must_begin(&f, &(Ask){ "POST", "/", 4, false }, &outcome); /* on the kept connection */
    assert_true(raw_peer_wait(&peer, "abcd"));
    raw_peer_close(&peer); /* without an answer */
    assert_true(raw_peer_accept(&peer, f.loop, f.listener));
    assert_true(raw_peer_wait(&peer, "abcd"));
    raw_peer_close(&peer);
    finish(&f, &outcome);
    assert_true(err_retryable(outcome.kind));
    outcome_done(&outcome);
    stop(&f);
}

static void a_server_that_never_answers_times_out(void **state)
{
    (void)state;
    Fixture f;
    RawPeer peer;
    Outcome outcome;
    must_start_by_hand(&f);
    must_begin(&f, &(Ask){ "POST", "/", 3, false }, &outcome);
    assert_true(raw_peer_accept(&peer, f.loop, f.listener));
    assert_true(raw_peer_wait(&peer, "abc"));
    test_clock_advance(&f.clock, 10 * NANOS_PER_SECOND - 1);
    loop_step(f.loop, 0);
    assert_int_equal(outcome.calls, 0);
    test_clock_advance(&f.clock, 1);
    finish(&f, &outcome);
    assert_int_equal(outcome.kind, ERR_TIMEOUT);
    assert_int_equal(outcome.request.len, 3);
    assert_true(raw_peer_wait_end(&peer));
    raw_peer_close(&peer);
    outcome_done(&outcome);
    stop(&f);
}

static void nobody_there_is_an_error_that_says_where(void **state)
{
    (void)state;
    Fixture f;
    must_start_by_hand(&f);
    close(f.listener);
    f.listener = -1;
    Outcome outcome = must_ask(&f, &(Ask){ "POST", "/", 3, false });
    assert_int_equal(outcome.kind, ERR_IO);
    assert_non_null(strstr(outcome.error, "connecting to 127.0.0.1:"));
    assert_non_null(strstr(outcome.error, "Connection refused"));
    outcome_done(&outcome);
    stop(&f);
}

static void freeing_the_client_tells_every_caller(void **state)
{
    (void)state;
    Fixture f;
    RawPeer peer;
    Outcome outcomes[4];
    must_start_by_hand(&f);
    for (size_t i = 0; i < COUNT_OF(outcomes); i++)
        must_begin(&f, &(Ask){ "POST", "/", 3 + i, false }, &outcomes[i]);
    assert_true(raw_peer_accept(&peer, f.loop, f.listener));
    assert_true(raw_peer_wait(&peer, "abc"));
    http_client_free(f.client);
    f.client = NULL;
    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        assert_int_equal(outcomes[i].calls, 1);
        assert_int_equal(outcomes[i].kind, ERR_CLOSED);
        assert_int_equal(outcomes[i].request.len, 3 + i);
        outcome_done(&outcomes[i]);
    }
    raw_peer_close(&peer);
    stop(&f);
}

static void one_exchange(void)
{
    Fixture f;
    Err err = { 0 };
    Outcome outcomes[3] = { 0 };
    if (start(&f, &err)) {
        static const Ask asks[] = { { "POST", "/packed", 2000, true },
                                    { "POST", "/none", 3, false },
                                    { "GET", "/echo", 0, false } };
        for (size_t i = 0; i < COUNT_OF(asks); i++) {
            if (!begin(&f, &asks[i], &outcomes[i], &err)) {
                assert_int_equal(err.kind, ERR_MEMORY);
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
        cmocka_unit_test(answers_are_paid_for_and_refused_without_room),
        cmocka_unit_test(requests_are_answered_over_one_kept_connection),
        cmocka_unit_test(a_lent_body_is_sent_as_it_is_and_stays_the_callers),
        cmocka_unit_test(many_requests_share_few_connections_and_too_many_are_refused),
        cmocka_unit_test(an_early_refusal_is_heard_while_the_body_is_still_leaving),
        cmocka_unit_test(answers_over_the_limit_are_errors),
        cmocka_unit_test(answers_by_hand_mean_what_http_says),
        cmocka_unit_test(a_request_that_met_a_closing_connection_is_sent_again_once),
        cmocka_unit_test(a_server_that_never_answers_times_out),
        cmocka_unit_test(nobody_there_is_an_error_that_says_where),
        cmocka_unit_test(freeing_the_client_tells_every_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
