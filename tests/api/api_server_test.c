/* The faces on a real server: questions through sockets and query threads, a queue that is full, an
 * end with questions still open. */
#include "api/api_server.h"

#include "api/jaeger.h"

#include "base/counter.h"
#include "base/thread.h"
#include "codec/gzip.h"
#include "store/store.h"
#include "support/make_spans.h"
#include "support/raw_peer.h"
#include "support/test_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A source whose meta waits until the test lets it go. */
typedef struct SlowSource {
    SpanSource base;
    Mutex mutex;
    Cond changed;
    int inside;
    bool released;
} SlowSource;

static bool slow_values(SpanSource *source, const ValuesQuery *query, ValueFound *found,
                        void *context, Err *err)
{
    (void)query;
    (void)err;
    SlowSource *slow = (SlowSource *)source;
    mutex_lock(&slow->mutex);
    slow->inside++;
    cond_broadcast(&slow->changed);
    while (!slow->released)
        cond_wait(&slow->changed, &slow->mutex);
    mutex_unlock(&slow->mutex);
    found(context, STR("slow"));
    return true;
}

static void slow_wait_inside(SlowSource *slow, int count)
{
    mutex_lock(&slow->mutex);
    while (slow->inside < count)
        cond_wait(&slow->changed, &slow->mutex);
    mutex_unlock(&slow->mutex);
}

static void slow_release(SlowSource *slow)
{
    mutex_lock(&slow->mutex);
    slow->released = true;
    cond_broadcast(&slow->changed);
    mutex_unlock(&slow->mutex);
}

typedef struct Fixture {
    Loop *loop;
    Server *server;
    ApiServer *api;
    Address address;
} Fixture;

static void fill_status(void *context, CryoStatus *out)
{
    (void)context;
    *out = (CryoStatus){ .start_unix_ns = 5 * NANOS_PER_SECOND,
                         .spans = 7,
                         .metric_points = 8,
                         .log_records = 9,
                         .spans_dropped = 2,
                         .memory = { .limit = 1000,
                                     .used = 60,
                                     .peak = 70,
                                     .refused = 3,
                                     .by_owner = { [BUDGET_BODIES] = 10, [BUDGET_STORE] = 50 } },
                         .otlp_grpc = STR("127.0.0.1:4317"),
                         .ui = STR("127.0.0.1:16686") };
}

/* A face that says what reached it. */
static void echo_face(const ApiSources *sources, const ApiRequest *request, ApiAnswer *answer)
{
    (void)sources;
    buf_addf(&answer->body, "%.*s query=%.*s body=%.*s field=%.*s status=%d",
             STR_ARG(request->method), STR_ARG(request->query), STR_ARG(request->body),
             STR_ARG(request->field), request->status != NULL);
    answer->status = 202;
    answer->content_type = STR("text/plain");
    answer->fields[answer->field_count++] = (HttpField){ STR("x-echo"), STR("yes") };
}

static const ApiRoute echo_routes[] = {
    { .path = STR_ROW("/echo"),
      .methods = STR_ROW("GET, POST"),
      .answer = echo_face,
      .field = STR_ROW("x-wanted"),
      .body_bytes = 64 },
    { .path = STR_ROW("/echo/now"), .answer = echo_face, .at_once = true },
};

static void start(Fixture *f, SpanSource *source, unsigned threads, size_t waiting)
{
    Err err = { 0 };
    f->loop = loop_new(NULL, NULL, &err);
    assert_non_null(f->loop);
    f->server =
        server_new(&(ServerSettings){ .loop = f->loop, .endpoint = STR("127.0.0.1:0") }, &err);
    assert_non_null(f->server);
    f->api = api_server_new(&(ApiServerSettings){ .loop = f->loop,
                                                  .sources = { .spans = source },
                                                  .clock = clock_system(),
                                                  .status = fill_status,
                                                  .threads = threads,
                                                  .waiting_max = waiting },
                            &err);
    assert_non_null(f->api);
    assert_true(api_server_show(f->api, f->server, jaeger_routes, JAEGER_ROUTES, &err));
    assert_true(api_server_show(f->api, f->server, cryo_status_routes, CRYO_STATUS_ROUTES, &err));
    assert_true(api_server_show(f->api, f->server, echo_routes, COUNT_OF(echo_routes), &err));
    assert_true(server_listen(f->server, &err));
    f->address = server_address(f->server);
}

static void stop(Fixture *f)
{
    server_free(f->server);
    api_server_free(f->api);
    loop_free(f->loop);
}

static RawPeer ask(Fixture *f, const char *target)
{
    RawPeer peer;
    char request[256];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", target);
    assert_true(raw_peer_connect(&peer, f->loop, &f->address));
    raw_peer_send(&peer, str_from(request));
    return peer;
}

static void expect(Fixture *f, const char *target, const char *status, const char *body)
{
    RawPeer peer = ask(f, target);
    if (!raw_peer_wait(&peer, body) || !raw_peer_has(&peer, status))
        fail_msg("%s: expected %s %s, got %.*s", target, status, body, STR_ARG(buf_str(&peer.got)));
    raw_peer_close(&peer);
}

static void told(void *context, const Err *err)
{
    *(bool *)context = err == NULL;
}

static void faces_answer_through_the_server(void **state)
{
    (void)state;
    Err err;
    TestDisk *disk = test_disk_new(1);
    StoreSettings settings = store_defaults();
    settings.disk = test_disk_door(disk);
    settings.directory = "data";
    settings.own_thread = false;
    Store *store = store_open(&settings, &err);
    assert_non_null(store);
    Batch *batch = make_spans(STR("trace=a1 service=\"my shop\" name=buy"), &err);
    bool stored = false;
    assert_true(store_append(store, batch, told, &stored, &err));
    batch_unref(batch);
    store_step(store);
    assert_true(stored);
    Fixture f;
    start(&f, store_spans(store), 0, 0);
    expect(&f, "/api/services", " 200 ", "{\"data\":[\"my shop\"],\"total\":1,");
    expect(&f, "/api/services/my%20shop/operations", " 200 ", "{\"data\":[\"buy\"],");
    expect(&f, "/api/operations?service=my+shop", " 200 ", "{\"name\":\"buy\"");
    expect(&f, "/api/traces?service=my+shop&start=0", " 200 ", "{\"traceID\":\"00000000000000a1\"");
    expect(&f, "/api/traces/a1", "cache-control: no-store", "\"operationName\":\"buy\"");
    expect(&f, "/api/traces/a2", " 404 ", "\"trace not found\"");
    expect(&f, "/api/traces?limit=x", " 400 ", "parameter 'limit' is 'x'");
    expect(&f, "/api/dependencies", "content-type: application/json", "{\"data\":[],");
    expect(&f, "/api/services/what", " 404 ", "\"errors\":[{\"code\":404");
    expect(&f, "/api/cryo/status", " 200 ",
           "\"received\":{\"spans\":7,\"metric_points\":8,\"log_records\":9},"
           "\"stored\":{\"spans\":1,\"traces\":1,\"bytes\":");
    expect(&f, "/api/cryo/status", "{\"version\":\"",
           "\"dropped\":{\"spans\":2},\"memory\":{\"limit\":1000,\"held\":60,\"most_held\":70,"
           "\"refused\":3,\"by\":{\"connections\":0,\"bodies\":10,\"batches\":0,\"store\":50,"
           "\"caches\":0,\"queries\":0,\"vital\":0,\"unclaimed\":0}},\"endpoints\":{\"otlp_grpc\":"
           "\"127.0.0.1:4317\",\"otlp_http\":null,\"ui\":\"127.0.0.1:16686\"}}");
    stop(&f);
    assert_true(store_close(store, INT64_MAX, &err));
    test_disk_free(disk);
}

/* The answer to a question of `size` bytes, and whether it came compressed. */
static Buf echoed(Fixture *f, size_t size, const char *accepted, bool *compressed)
{
    RawPeer peer;
    Err err;
    Buf request = BUF(10000), body = BUF(10000);
    buf_add(&request, STR("GET /echo?"));
    while (request.len < size)
        buf_add(&request, STR("again and again "));
    for (size_t i = 4; i < request.len; i++)
        if (request.ptr[i] == ' ')
            request.ptr[i] = '+';
    buf_addf(&request, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", accepted);
    assert_true(raw_peer_connect(&peer, f->loop, &f->address));
    raw_peer_send(&peer, buf_str(&request));
    assert_true(raw_peer_wait_end(&peer));
    const char *head_end = strstr(buf_text(&peer.got), "\r\n\r\n");
    assert_non_null(head_end);
    assert_true(raw_peer_has(&peer, "vary: accept-encoding\r\n"));
    *compressed = raw_peer_has(&peer, "content-encoding: gzip\r\n");
    Str rest = str_skip(buf_str(&peer.got), (size_t)(head_end - peer.got.ptr) + 4);
    if (*compressed)
        assert_true(gzip_expand(rest, &body, &err));
    else
        buf_add(&body, rest);
    raw_peer_close(&peer);
    buf_free(&request);
    return body;
}

static void large_answers_are_compressed_for_who_takes_it(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        const char *accepted;
        bool compressed;
    } rows[] = {
        { 3000, "Accept-Encoding: br, gzip\r\n", true },
        { 3000, "", false },
        { 3000, "Accept-Encoding: gzip;q=0\r\n", false },
        { 100, "Accept-Encoding: gzip\r\n", false },
    };
    Fixture f;
    start(&f, NULL, 1, 1);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool compressed;
        Buf body = echoed(&f, rows[i].size, rows[i].accepted, &compressed);
        assert_int_equal(compressed, rows[i].compressed);
        assert_true(str_starts(buf_str(&body), STR("GET query=again+and+again+")));
        assert_true(str_ends(buf_str(&body), STR("again+ body= field= status=0")));
        buf_free(&body);
    }
    stop(&f);
}

static void slow_init(SlowSource *slow)
{
    *slow = (SlowSource){ .base = { .values = slow_values } };
    mutex_init(&slow->mutex);
    cond_init(&slow->changed);
}

static void slow_done(SlowSource *slow)
{
    cond_done(&slow->changed);
    mutex_done(&slow->mutex);
}

/* Lets the loop take what was sent: a query thread is inside, or the queue has it. */
static void turn(Fixture *f)
{
    for (int i = 0; i < 50; i++)
        loop_step(f->loop, NANOS_PER_MILLI);
}

static void a_full_queue_is_busy_and_the_loop_goes_on(void **state)
{
    (void)state;
    SlowSource slow;
    slow_init(&slow);
    Fixture f;
    start(&f, &slow.base, 1, 1);
    RawPeer first = ask(&f, "/api/services");
    turn(&f);
    slow_wait_inside(&slow, 1);
    RawPeer second = ask(&f, "/api/services");
    turn(&f);
    expect(&f, "/api/services", " 503 ", "too many queries are waiting");
    slow_release(&slow);
    assert_true(raw_peer_wait(&first, "[\"slow\"]"));
    assert_true(raw_peer_wait(&second, "[\"slow\"]"));
    raw_peer_close(&first);
    raw_peer_close(&second);
    stop(&f);
    slow_done(&slow);
}

/* A source that is only done when its deadline has passed. */
typedef struct EndlessSource {
    SpanSource base;
    Counter begun, ended;
} EndlessSource;

static bool endless_values(SpanSource *source, const ValuesQuery *query, ValueFound *found,
                           void *context, Err *err)
{
    (void)found;
    (void)context;
    EndlessSource *endless = (EndlessSource *)source;
    counter_add(&endless->begun, 1);
    while (clock_mono_ns(query->clock) < query->deadline_mono_ns)
        clock_sleep_ns(NANOS_PER_MILLI);
    counter_add(&endless->ended, 1);
    *err = (Err){ .kind = ERR_TIMEOUT };
    return false;
}

enum { TURNS_MAX = 100 }; /* of 50 ms each: far less than a question may take */

static void who_goes_away_is_not_worked_for(void **state)
{
    (void)state;
    EndlessSource endless = { .base = { .values = endless_values } };
    Fixture f;
    start(&f, &endless.base, 1, 8);
    RawPeer asks = ask(&f, "/api/services"), waits = ask(&f, "/api/services");
    for (int i = 0; i < TURNS_MAX && !counter_get(&endless.begun); i++)
        turn(&f);
    assert_int_equal(counter_get(&endless.begun), 1);
    raw_peer_close(&waits); /* in the queue: it is never begun */
    turn(&f);
    raw_peer_close(&asks);
    for (int i = 0; i < TURNS_MAX && !counter_get(&endless.ended); i++)
        turn(&f);
    assert_int_equal(counter_get(&endless.ended), 1);
    expect(&f, "/echo", " 202 ", "GET");
    assert_int_equal(counter_get(&endless.begun), 1);
    stop(&f);
}

static void expect_raw(Fixture *f, const char *request, const char *status, const char *body)
{
    RawPeer peer;
    assert_true(raw_peer_connect(&peer, f->loop, &f->address));
    raw_peer_send(&peer, str_from(request));
    if (!raw_peer_wait(&peer, body) || !raw_peer_has(&peer, status))
        fail_msg("%s: expected %s %s, got %.*s", request, status, body,
                 STR_ARG(buf_str(&peer.got)));
    raw_peer_close(&peer);
}

static void bodies_and_fields_reach_the_face(void **state)
{
    (void)state;
    Fixture f;
    start(&f, NULL, 1, 0);
    expect_raw(&f,
               "POST /echo?a=1 HTTP/1.1\r\nHost: localhost\r\nX-Wanted: me\r\n"
               "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
               "Content-Length: 7\r\n\r\na=2&b=3",
               "x-echo: yes", "POST query=a=2&b=3&a=1 body= field=me status=0");
    expect_raw(&f, "POST /echo?a=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nraw",
               " 202 ", "POST query=a=1 body=raw field= status=0");
    expect_raw(&f, "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 65\r\n\r\n", " 413 ",
               "larger than the limit");
    expect_raw(&f, "PUT /echo/now?q HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
               "content-type: text/plain", "PUT query=q body= field= status=0");
    expect(&f, "/api/services", " 503 ", "there is no store of traces");
    stop(&f);
}

static void an_end_with_open_questions(void **state)
{
    (void)state;
    SlowSource slow;
    slow_init(&slow);
    Fixture f;
    start(&f, &slow.base, 1, 8);
    RawPeer peers[3];
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        peers[i] = ask(&f, "/api/services");
        turn(&f);
    }
    slow_wait_inside(&slow, 1);
    slow_release(&slow);
    raw_peer_close(&peers[0]); /* one of them does not even wait */
    stop(&f);
    for (size_t i = 1; i < COUNT_OF(peers); i++) {
        peers[i].loop = NULL;
        raw_peer_close(&peers[i]);
    }
    slow_done(&slow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faces_answer_through_the_server),
        cmocka_unit_test(large_answers_are_compressed_for_who_takes_it),
        cmocka_unit_test(a_full_queue_is_busy_and_the_loop_goes_on),
        cmocka_unit_test(who_goes_away_is_not_worked_for),
        cmocka_unit_test(bodies_and_fields_reach_the_face),
        cmocka_unit_test(an_end_with_open_questions),
    };
    return cmocka_run_group_tests_name("api server", tests, NULL, NULL);
}
