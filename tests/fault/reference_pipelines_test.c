/* configs/demo.yaml and configs/review.yaml as they lie there, on a network and a clock of the
 * test's own: all three signals go in, and come out where the files say. */
#include "base/log.h"
#include "net/server.h"
#include "otlp/batch.h"
#include "otlp/json_out.h"
#include "otlp/rpc.h"
#include "support/collector.h"
#include "support/make_batch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define FAR_ENDPOINT "127.0.0.1:24317"
#define API_ENDPOINT "127.0.0.1:8000"

/* --- the far side: takes traces and metrics by gRPC, as Jaeger and Alloy do ------------------- */

typedef struct FarSide {
    Loop *loop;
    Server *server, *api;
    Buf items; /* what came, in words and as JSON */
} FarSide;

static void take(FarSide *far, Signal signal, Request *request)
{
    Err err;
    Buf answer = BUF(16);
    Batch *batch = batch_from_copy(signal, request_body(request), &err);
    assert_non_null(batch);
    describe_batch(batch, &far->items);
    assert_true(otlp_json_write(batch, &far->items, &err));
    buf_add_byte(&far->items, '\n');
    batch_unref(batch);
    request_answer_grpc(request, &answer);
}

static void take_traces(void *owner, Request *request)
{
    take(owner, TRACES, request);
}

static void take_metrics(void *owner, Request *request)
{
    take(owner, METRICS, request);
}

static void take_logs(void *owner, Request *request)
{
    take(owner, LOGS, request);
}

/* What the application of the review site shows. */
static void show_metrics(void *owner, Request *request)
{
    (void)owner;
    request_answer_text(request, 200,
                        STR("# TYPE http_requests_total counter\n"
                            "http_requests_total{method=\"GET\",status=\"200\"} 5\n"));
}

static void far_begin(FarSide *far, SimNet *net)
{
    Err err;
    *far = (FarSide){ .items = BUF(1 << 20) };
    far->loop = loop_new(&net->clock.base, &net->sockets, &err);
    assert_non_null(far->loop);
    far->server =
        server_new(&(ServerSettings){ .loop = far->loop, .endpoint = STR(FAR_ENDPOINT) }, &err);
    const GrpcRoute traces = { otlp_grpc_path(TRACES), take_traces, far, 0 };
    const GrpcRoute metrics = { otlp_grpc_path(METRICS), take_metrics, far, 0 };
    const GrpcRoute logs = { otlp_grpc_path(LOGS), take_logs, far, 0 };
    assert_true(far->server && server_grpc_route(far->server, &traces, &err) &&
                server_grpc_route(far->server, &metrics, &err) &&
                server_grpc_route(far->server, &logs, &err) && server_listen(far->server, &err));
    const Route page = { .path = STR("/metrics"), .handle = show_metrics };
    far->api =
        server_new(&(ServerSettings){ .loop = far->loop, .endpoint = STR(API_ENDPOINT) }, &err);
    assert_true(far->api && server_route(far->api, &page, &err) && server_listen(far->api, &err));
}

static void far_end(FarSide *far)
{
    server_free(far->server);
    server_free(far->api);
    loop_free(far->loop);
    buf_free(&far->items);
}

/* --- the collector ---------------------------------------------------------------------------- */

typedef struct Fixture {
    Collector *collector;
    FarSide far;
    int stderr_kept;
} Fixture;

/* What the debug exporter shows is read by nobody here. */
static void turn(Fixture *f, int millis)
{
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    fflush(stderr);
    dup2(nowhere, STDERR_FILENO);
    close(nowhere);
    for (int i = 0; i < millis; i++) {
        collector_turn(f->collector);
        while (loop_step(f->far.loop, 0))
            continue;
    }
    fflush(stderr);
    dup2(f->stderr_kept, STDERR_FILENO);
}

static void begin(Fixture *f, const char *path)
{
    Err err;
    Buf yaml = BUF(1 << 20);
    *f = (Fixture){ .stderr_kept = dup(STDERR_FILENO) };
    assert_true(disk_read_all(disk_system(), path, &yaml, &err));
    f->collector = collector_new(1, buf_text(&yaml));
    test_disk_put(collector_disk(f->collector), "/proc/self/status", STR("VmRSS: 1024 kB\n"));
    far_begin(&f->far, collector_net(f->collector));
    if (!collector_start(f->collector, &err))
        fail_msg("%s: %s", path, err.text);
    buf_free(&yaml);
}

static void end(Fixture *f)
{
    turn(f, 10);
    far_end(&f->far);
    collector_free(f->collector);
    close(f->stderr_kept);
}

static const Ask *answer_of(Fixture *f, size_t number)
{
    for (int i = 0; i < 3000 && !collector_ask(f->collector, number)->answered; i++)
        turn(f, 1);
    const Ask *ask = collector_ask(f->collector, number);
    assert_true(ask->answered);
    return ask;
}

static const char *page(Fixture *f, const char *url)
{
    const Ask *ask = answer_of(f, collector_get(f->collector, url));
    if (ask->verdict != VERDICT_YES)
        fail_msg("%s: %d %s", url, ask->status, ask->text);
    return ask->text;
}

static void expect_in(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no \"%s\" in:\n%s", part, text);
}

static void send_all_signals(Fixture *f)
{
    static const Signal signals[] = { TRACES, METRICS, LOGS };
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        for (int by_grpc = 0; by_grpc < 2; by_grpc++)
            assert_int_equal(
                answer_of(f, collector_send(f->collector, signals[i], by_grpc))->verdict,
                VERDICT_YES);
}

static void the_demo_takes_all_signals_where_they_belong(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "configs/demo.yaml");
    expect_in(page(&f, "http://127.0.0.1:13133/"), "Server available");
    send_all_signals(&f);
    turn(&f, 2000);
    const char *traces = buf_text(&f.far.items);
    expect_in(traces, "service.name=shop");
    expect_in(traces, "deployment.environment=development");
    const char *metrics = page(&f, "http://127.0.0.1:8889/metrics");
    expect_in(metrics, "otel_demo_");
    expect_in(metrics, "deployment_environment=\"development\"");
    (void)page(&f, "http://127.0.0.1:55679/debug/servicez");
    (void)page(&f, "http://127.0.0.1:1777/debug/pprof/");
    end(&f);
}

static void put_machine(TestDisk *disk)
{
    test_disk_put(disk, "/proc/stat", STR("cpu0 1 2 3 4 5 6 7 8\ncpu1 1 2 3 4 5 6 7 8\nbtime 9\n"));
    test_disk_put(disk, "/proc/loadavg", STR("0.5 1.5 2.5 1/80 11206\n"));
    test_disk_put(disk, "/proc/meminfo", STR("MemTotal: 100 kB\nMemFree: 40 kB\n"));
}

static void the_review_site_has_all_of_its_metrics(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "configs/review.yaml");
    put_machine(collector_disk(f.collector));
    send_all_signals(&f);
    turn(&f, 70000); /* the target has been asked, and the batch's time is over */
    const char *far = buf_text(&f.far.items);
    static const char *const parts[] = {
        "service.name=shop",
        "deployment.environment=development",
        "collector.version=0.1.0",
        "thereview_http_requests_total",
        "{\"key\":\"status_code\",\"value\":{\"stringValue\":\"200\"}}",
        "service.name=thereview-api",
        "system.cpu.load_average.15m",
        "system.cpu.time.total",
        "{\"key\":\"cpu\",\"value\":{\"stringValue\":\"cpu1\"}}",
        "\"name\":\"up\"",
    };
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        expect_in(far, parts[i]);
    (void)page(&f, "http://127.0.0.1:8889/metrics");
    end(&f);
}

int main(void)
{
    log_set_level(LOG_OFF);
    setenv("JAEGER_ENDPOINT", FAR_ENDPOINT, 1);
    setenv("ALLOY_ENDPOINT", FAR_ENDPOINT, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_demo_takes_all_signals_where_they_belong),
        cmocka_unit_test(the_review_site_has_all_of_its_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
