/* Own metrics over HTTP, beside a graph that runs; and a port that is taken. (runs under tsan) */
#include "cmd/own_metrics.h"

#include "base/log.h"
#include "cmd/registry.h"
#include "config/yaml.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct Fixture {
    Arena *arena;
    Graph *graph;
    OwnMetricsOptions options;
} Fixture;

static void begin(Fixture *f, bool threads)
{
    static const char yaml[] =
        "receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}\n"
        "exporters: {debug: }\n"
        "service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}\n";
    Err err;
    Problems problems;
    *f = (Fixture){ .arena = arena_new(1 << 20, &err) };
    problems_init(&problems, f->arena);
    const Node *root = yaml_parse(str_from(yaml), STR("c"), f->arena, &problems);
    const ServiceConfig *config = service_config_load(registry, root, f->arena, &problems);
    assert_non_null(config);
    f->graph = graph_new(config, &(GraphOptions){ .shards = 2, .threads = threads }, &err);
    assert_true(f->graph && graph_start(f->graph, &err));
    f->options = (OwnMetricsOptions){
        .graph = f->graph,
        .clock = clock_system(),
        .disk = disk_system(),
        .endpoint = STR("127.0.0.1:0"),
        .began_ns = clock_mono_ns(clock_system()),
    };
}

static void end(Fixture *f)
{
    graph_free(f->graph);
    arena_free(f->arena);
}

/* The whole answer to a GET, by a client of the test's own. */
static void get(const OwnMetrics *metrics, const char *target, Buf *out)
{
    char chunk[4096];
    Address to = own_metrics_address(metrics);
    int fd = socket(to.os.ss_family, SOCK_STREAM, 0);
    assert_true(fd >= 0 && !connect(fd, (struct sockaddr *)&to.os, to.len));
    int len = snprintf(chunk, sizeof chunk,
                       "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", target);
    assert_int_equal(send(fd, chunk, (size_t)len, 0), len);
    for (ssize_t got; (got = recv(fd, chunk, sizeof chunk, 0)) > 0;)
        buf_add(out, (Str){ chunk, (size_t)got });
    close(fd);
    assert_non_null(buf_text(out));
}

static void who_asks_is_answered(void **state)
{
    (void)state;
    Fixture f;
    Err err;
    Buf got = BUF(1 << 20);
    begin(&f, true);
    OwnMetrics *metrics = own_metrics_start(&f.options, &err);
    if (!metrics)
        fail_msg("%s", err.text);
    get(metrics, "/metrics", &got);
    assert_true(str_starts(buf_str(&got), STR("HTTP/1.1 200")));
    assert_non_null(strstr(got.ptr, "text/plain; version=0.0.4; charset=utf-8"));
    assert_non_null(strstr(got.ptr, "\notelcol_receiver_accepted_spans{receiver=\"otlp\"} 0\n"));
    assert_non_null(strstr(got.ptr, "\notelcol_process_memory_rss "));
    assert_non_null(strstr(got.ptr, "\notelcol_process_cpu_seconds "));
    buf_clear(&got);
    get(metrics, "/", &got);
    assert_true(str_starts(buf_str(&got), STR("HTTP/1.1 404")));
    own_metrics_stop(metrics);
    buf_free(&got);
    end(&f);
}

static void a_taken_port_is_an_error_that_says_so(void **state)
{
    (void)state;
    Fixture f;
    Err err;
    char text[ADDRESS_TEXT_SIZE];
    begin(&f, true);
    OwnMetrics *first = own_metrics_start(&f.options, &err);
    assert_non_null(first);
    Address address = own_metrics_address(first);
    f.options.endpoint = str_from(address_text(&address, text));
    assert_null(own_metrics_start(&f.options, &err));
    assert_non_null(strstr(err.text, text));
    own_metrics_stop(first);
    own_metrics_stop(NULL);
    end(&f);
}

static Fixture starved;

static void start_and_stop(void)
{
    Err err;
    own_metrics_stop(own_metrics_start(&starved.options, &err));
}

static void memory_that_fails_leaks_nothing(void **state)
{
    (void)state;
    starve_after(-1);
    begin(&starved, false); /* whose threads would allocate, too */
    assert_true(starve_every(start_and_stop) > 3);
    end(&starved);
}

int main(void)
{
    log_set_level(LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_asks_is_answered),
        cmocka_unit_test(a_taken_port_is_an_error_that_says_so),
        cmocka_unit_test(memory_that_fails_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
