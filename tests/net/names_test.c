/* Names that do not exist, resolvers that fail or say nothing, names that appear and move: what
 * becomes of the requests of both clients. The system's resolver is replaced by functions of the
 * same name in this program. */
#include "net/grpc_client.h"
#include "net/http_client.h"
#include "net/server.h"

#include "base/thread.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOST "collector.test"

/* ---- the resolver ---- */

static struct {
    Mutex mutex;
    Cond changed;
    int code;            /* of what getaddrinfo says */
    const char *address; /* NULL: none, with code 0 too */
    bool silent;
    size_t asked;
} resolver = { .mutex = MUTEX_READY };

static struct addrinfo *entry_of(const char *address)
{
    struct addrinfo *entry = calloc(1, sizeof *entry);
    struct sockaddr_in *in = calloc(1, sizeof *in);
    if (!entry || !in || inet_pton(AF_INET, address, &in->sin_addr) != 1)
        abort();
    in->sin_family = AF_INET;
    entry->ai_family = AF_INET;
    entry->ai_addrlen = sizeof *in;
    entry->ai_addr = (struct sockaddr *)in;
    return entry;
}

int getaddrinfo(const char *restrict node, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict out)
{
    (void)service;
    (void)hints;
    mutex_lock(&resolver.mutex);
    resolver.asked += strcmp(node, HOST) == 0;
    while (resolver.silent)
        cond_wait(&resolver.changed, &resolver.mutex);
    int code = resolver.code;
    *out = code == 0 && resolver.address ? entry_of(resolver.address) : NULL;
    mutex_unlock(&resolver.mutex);
    return code;
}

void freeaddrinfo(struct addrinfo *list)
{
    if (list)
        free(list->ai_addr);
    free(list);
}

static void resolver_says(int code, const char *address)
{
    mutex_lock(&resolver.mutex);
    resolver.code = code;
    resolver.address = address;
    mutex_unlock(&resolver.mutex);
}

static void resolver_is_silent(bool silent)
{
    mutex_lock(&resolver.mutex);
    resolver.silent = silent;
    cond_broadcast(&resolver.changed);
    mutex_unlock(&resolver.mutex);
}

static size_t times_asked(void)
{
    mutex_lock(&resolver.mutex);
    size_t asked = resolver.asked;
    mutex_unlock(&resolver.mutex);
    return asked;
}

/* ---- the world ---- */

enum { BY_HTTP, BY_GRPC, WAYS, MANY = 20 };

typedef struct World {
    TestClock clock;
    Loop *loop;
    Server *server;
    uint16_t port;
    HttpClient *http;
    GrpcClient *grpc;
} World;

typedef struct Told {
    int calls;
    bool answered;
    Err err;
    char request[8]; /* as handed back */
} Told;

static World world;

static void echo(void *owner, Request *request)
{
    (void)owner;
    Buf body = request_take_body(request);
    if (request_is_grpc(request)) {
        request_answer_grpc(request, &body);
        return;
    }
    Answer answer = { .status = 200, .body = body };
    request_answer(request, &answer);
}

static void serve_at(const char *host)
{
    Err err = { 0 };
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "%s:%u", host, (unsigned)world.port);
    const ServerSettings settings = { .loop = world.loop, .endpoint = str_from(endpoint) };
    const Route route = { STR("/p"), STR("POST"), echo, NULL, 0 };
    const GrpcRoute call = { .path = STR("/s/M"), .handle = echo };
    world.server = server_new(&settings, &err);
    if (!world.server || !server_route(world.server, &route, &err) ||
        !server_grpc_route(world.server, &call, &err) || !server_listen(world.server, &err))
        fail_msg("%s", err.text);
    Address address = server_address(world.server);
    world.port = address_port(&address);
}

static void start(void)
{
    Err err = { 0 };
    char endpoint[64], url[80];
    world = (World){ 0 };
    test_clock_init(&world.clock, 0);
    world.loop = loop_new(&world.clock.base, NULL, &err);
    assert_non_null(world.loop);
    serve_at("127.0.0.1");
    snprintf(endpoint, sizeof endpoint, HOST ":%u", (unsigned)world.port);
    snprintf(url, sizeof url, "http://%s", endpoint);
    const HttpClientSettings http = { .loop = world.loop, .url = str_from(url) };
    const GrpcClientSettings grpc = { .loop = world.loop,
                                      .endpoint = str_from(endpoint),
                                      .idle_timeout_ns = 30 * NANOS_PER_SECOND };
    world.http = http_client_new(&http, &err);
    world.grpc = grpc_client_new(&grpc, &err);
    assert_true(world.http && world.grpc);
    resolver_says(0, "127.0.0.1");
    resolver.asked = 0;
}

static void stop(void)
{
    http_client_free(world.http);
    grpc_client_free(world.grpc);
    server_free(world.server);
    loop_free(world.loop);
}

static void keep_request(Told *told, Buf *request)
{
    assert_true(request->len < sizeof told->request);
    memcpy(told->request, request->ptr, request->len);
}

static void http_done(void *owner, HttpResponse *response, const Err *err)
{
    Told *told = owner;
    told->calls++;
    told->answered = !err && response->status == 200;
    told->err = err ? *err : (Err){ 0 };
    keep_request(told, &response->request_body);
}

static void grpc_done(void *owner, GrpcReply *reply, const Err *err)
{
    Told *told = owner;
    told->calls++;
    told->answered = !err && reply->code == GRPC_OK;
    told->err = err ? *err : (Err){ 0 };
    keep_request(told, &reply->request);
}

static void begin(int way, Told *told)
{
    Err err = { 0 };
    Buf body = BUF(16);
    buf_add(&body, STR("abc"));
    HttpCall post = { .method = STR("POST"),
                      .target = STR("/p"),
                      .timeout_ns = 60 * NANOS_PER_SECOND,
                      .done = http_done,
                      .owner = told };
    GrpcCall call = {
        .path = STR("/s/M"), .timeout_ns = 60 * NANOS_PER_SECOND, .done = grpc_done, .owner = told
    };
    *told = (Told){ 0 };
    post.body = call.message = body;
    assert_true(way == BY_HTTP ? http_client_send(world.http, &post, &err)
                               : grpc_client_call(world.grpc, &call, &err));
    assert_int_equal(told->calls, 0);
}

static void finish(const Told *told)
{
    for (int i = 0; i < 30000 && !told->calls; i++)
        loop_step(world.loop, NANOS_PER_MILLI);
    assert_int_equal(told->calls, 1);
}

static Told ask(int way)
{
    Told told;
    begin(way, &told);
    finish(&told);
    return told;
}

static void pass(int64_t seconds)
{
    for (int64_t i = 0; i < 10 * seconds; i++) {
        test_clock_advance(&world.clock, NANOS_PER_SECOND / 10);
        loop_step(world.loop, 0);
    }
}

/* The sender may try again, has its bytes, and can see which name it was. */
static void assert_handed_back(const Told *told, const char *why)
{
    assert_false(told->answered);
    assert_true(err_retryable(told->err.kind));
    assert_string_equal(told->request, "abc");
    if (!strstr(told->err.text, HOST) || !strstr(told->err.text, why))
        fail_msg("not \"" HOST "\" and \"%s\": %s", why, told->err.text);
}

/* ---- what is not there ---- */

static void what_is_not_found_hands_the_request_back_once(void **state)
{
    (void)state;
    static const int codes[] = { EAI_NONAME, EAI_AGAIN, EAI_FAIL, EAI_NODATA, EAI_SYSTEM, 0 };
    start();
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        resolver_says(codes[i], NULL);
        for (int way = 0; way < WAYS; way++) {
            size_t before = times_asked();
            Told told = ask(way);
            assert_handed_back(&told, codes[i] ? gai_strerror(codes[i]) : "no address");
            pass(60); /* and nobody goes on asking */
            assert_int_equal(times_asked(), before + 1);
        }
    }
    stop();
}

static void of_many_that_wait_each_is_handed_back(void **state)
{
    (void)state;
    static Told told[MANY];
    start();
    resolver_says(EAI_NONAME, NULL);
    for (int way = 0; way < WAYS; way++) {
        size_t before = times_asked();
        for (size_t i = 0; i < MANY; i++)
            begin(way, &told[i]);
        for (size_t i = 0; i < MANY; i++) {
            finish(&told[i]);
            assert_handed_back(&told[i], gai_strerror(EAI_NONAME));
        }
        assert_true(times_asked() - before <= 8); /* as many as there may be connections */
    }
    stop();
}

/* ---- what changes ---- */

static void a_name_that_appears_is_found(void **state)
{
    (void)state;
    start();
    for (int way = 0; way < WAYS; way++) {
        resolver_says(EAI_NONAME, NULL);
        Told told = ask(way);
        assert_handed_back(&told, gai_strerror(EAI_NONAME));
        resolver_says(0, "127.0.0.1");
        assert_true(ask(way).answered);
    }
    stop();
}

static void a_name_that_moves_is_found_where_it_is_now(void **state)
{
    (void)state;
    start();
    for (int way = 0; way < WAYS; way++)
        assert_true(ask(way).answered);
    server_free(world.server);
    serve_at("127.0.0.2");
    resolver_says(0, "127.0.0.2");
    for (int i = 0; i < 100; i++)
        loop_step(world.loop, 0); /* the connections end */
    for (int way = 0; way < WAYS; way++) {
        Told told = ask(way); /* where it was a moment ago */
        assert_handed_back(&told, "refused");
    }
    pass(6);
    for (int way = 0; way < WAYS; way++)
        assert_true(ask(way).answered);
    stop();
}

/* ---- a resolver that is out of order ---- */

static void what_was_known_serves_while_the_resolver_fails(void **state)
{
    (void)state;
    start();
    for (int way = 0; way < WAYS; way++)
        assert_true(ask(way).answered);
    resolver_says(EAI_AGAIN, NULL);
    size_t before = times_asked();
    pass(60); /* connections that nobody uses end */
    for (int way = 0; way < WAYS; way++)
        assert_true(ask(way).answered);
    assert_int_equal(times_asked(), before + WAYS);
    stop();
}

static void wait_until_asked(size_t times)
{
    for (int i = 0; i < 30000 && times_asked() < times; i++)
        loop_step(world.loop, NANOS_PER_MILLI);
    assert_int_equal(times_asked(), times);
}

static void what_was_known_serves_while_the_resolver_is_silent(void **state)
{
    (void)state;
    start();
    for (int way = 0; way < WAYS; way++) {
        Told told;
        assert_true(ask(way).answered);
        pass(60);
        size_t before = times_asked();
        resolver_is_silent(true);
        begin(way, &told);
        wait_until_asked(before + 1);
        pass(4);
        assert_int_equal(told.calls, 0);
        pass(2); /* half of the ten seconds that connecting may take */
        finish(&told);
        assert_true(told.answered);
        resolver_is_silent(false);
    }
    stop();
}

static void a_silent_resolver_is_not_waited_for_without_end(void **state)
{
    (void)state;
    start();
    resolver_is_silent(true);
    for (int way = 0; way < WAYS; way++) {
        Told told;
        size_t before = times_asked();
        begin(way, &told);
        wait_until_asked(before + 1);
        pass(9);
        assert_int_equal(told.calls, 0);
        pass(2);
        finish(&told);
        assert_handed_back(&told, "no answer within 10000 ms");
    }
    resolver_is_silent(false);
    for (int way = 0; way < WAYS; way++)
        assert_true(ask(way).answered);
    stop();
}

static int make_resolver(void **state)
{
    (void)state;
    cond_init(&resolver.changed);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_found_hands_the_request_back_once),
        cmocka_unit_test(of_many_that_wait_each_is_handed_back),
        cmocka_unit_test(a_name_that_appears_is_found),
        cmocka_unit_test(a_name_that_moves_is_found_where_it_is_now),
        cmocka_unit_test(what_was_known_serves_while_the_resolver_fails),
        cmocka_unit_test(what_was_known_serves_while_the_resolver_is_silent),
        cmocka_unit_test(a_silent_resolver_is_not_waited_for_without_end),
    };
    return cmocka_run_group_tests(tests, make_resolver, NULL);
}
