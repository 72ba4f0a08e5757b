/* The health check: what it says before, during and after the pipelines run. */
#include "base/log.h"
#include "support/otlp_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

extern const ComponentType health_check_extension;

typedef struct Fixture {
    TestHost *host;
    Peer peer;
} Fixture;

static void begin(Fixture *f, const char *yaml)
{
    Err err = { 0 };
    *f = (Fixture){ .host = test_host_new(&health_check_extension, str_from(yaml), NULL, &err) };
    if (!f->host || !test_host_start(f->host, &err))
        fail_msg("%s", err.text);
    peer_begin(&f->peer, f->host);
}

static void end(Fixture *f)
{
    peer_end(&f->peer);
    test_host_free(f->host);
}

static void expect(Fixture *f, const char *method, const char *target, int status, const char *body)
{
    Reply reply;
    peer_ask(&f->peer, &(Question){ .method = method, .target = target }, &reply);
    peer_await(&f->peer, &reply);
    assert_int_equal(reply.status, status);
    if (body)
        assert_string_equal(buf_text(&reply.body), body);
    reply_done(&reply);
}

static void says_since_when_and_how_long(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "{endpoint: '127.0.0.1:0'}"); /* the test host's clock begins at 1000 s */
    expect(&f, "GET", "/", 200,
           "{\"status\":\"Server available\",\"upSince\":\"1970-01-01T00:16:40.000000000Z\","
           "\"uptime\":\"0.000s\"}");
    test_clock_advance(test_host_clock(f.host), 3661 * NANOS_PER_SECOND + 5 * NANOS_PER_MILLI);
    expect(&f, "GET", "/?verbose", 200,
           "{\"status\":\"Server available\",\"upSince\":\"1970-01-01T00:16:40.000000000Z\","
           "\"uptime\":\"1h1m1.005s\"}");
    end(&f);
}

static void is_unavailable_while_nothing_runs(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "{endpoint: '127.0.0.1:0'}");
    test_host_set_ready(f.host, false);
    expect(&f, "GET", "/", 503,
           "{\"status\":\"Server not available\",\"upSince\":\"0001-01-01T00:00:00Z\","
           "\"uptime\":\"\"}");
    test_host_set_ready(f.host, true);
    expect(&f, "GET", "/", 200, NULL);
    end(&f);
}

static void answers_may_be_of_ones_own(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "{endpoint: '127.0.0.1:0', path: /alive, "
              "response_body: {healthy: fine, unhealthy: ill}}");
    expect(&f, "GET", "/alive", 200, "fine");
    expect(&f, "HEAD", "/alive", 200, "");
    expect(&f, "GET", "/", 404, NULL);
    expect(&f, "POST", "/alive", 405, NULL);
    test_host_set_ready(f.host, false);
    expect(&f, "GET", "/alive", 503, "ill");
    end(&f);
}

static void wrong_settings_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *says;
    } rows[] = { { "{path: alive}", "path must start with /" },
                 { "{endpoint: nowhere}", "endpoint" },
                 { "{tls: {}}", "tls: a server needs cert_file and key_file" } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err = { 0 };
        Buf problems = BUF(1 << 16);
        assert_null(
            test_host_new(&health_check_extension, str_from(rows[i].yaml), &problems, &err));
        assert_true(str_contains(buf_str(&problems), str_from(rows[i].says)));
        buf_free(&problems);
    }
}

/* Whether data flows is another question than whether the program has started. */
static void says_who_blocks_the_data(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "{endpoint: '127.0.0.1:0'}");
    expect(&f, "GET", "/ready", 200, "{\"started\":true,\"blocked\":[],\"ready\":true}");
    host_set_blocked(test_host_host(f.host), "sending \"queue\" is full");
    expect(&f, "GET", "/ready", 503,
           "{\"started\":true,\"blocked\":[{\"kind\":\"extension\",\"id\":\"health_check\","
           "\"why\":\"sending \\\"queue\\\" is full\"}],\"ready\":false}");
    expect(&f, "GET", "/", 200, NULL);
    host_set_blocked(test_host_host(f.host), NULL);
    expect(&f, "GET", "/ready", 200, NULL);
    test_host_set_ready(f.host, false);
    expect(&f, "GET", "/ready", 503, "{\"started\":false,\"blocked\":[],\"ready\":false}");
    end(&f);
}

/* Trouble that what comes in does not feel yet takes nobody out of a load balancer. */
static void says_who_is_in_trouble(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "{endpoint: '127.0.0.1:0'}");
    host_set_degraded(test_host_host(f.host), "the circuit breaker is open: gone");
    expect(&f, "GET", "/ready", 200,
           "{\"started\":true,\"blocked\":[],\"degraded\":[{\"kind\":\"extension\","
           "\"id\":\"health_check\",\"why\":\"the circuit breaker is open: gone\"}],"
           "\"ready\":true}");
    host_set_degraded(test_host_host(f.host), NULL);
    expect(&f, "GET", "/ready", 200, "{\"started\":true,\"blocked\":[],\"ready\":true}");
    end(&f);
}

int main(void)
{
    log_set_level(LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_since_when_and_how_long),
        cmocka_unit_test(is_unavailable_while_nothing_runs),
        cmocka_unit_test(answers_may_be_of_ones_own),
        cmocka_unit_test(says_who_blocks_the_data),
        cmocka_unit_test(says_who_is_in_trouble),
        cmocka_unit_test(wrong_settings_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
