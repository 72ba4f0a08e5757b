/* prometheus_exporter_test.c - batches in, pages out, under a clock that the test moves. */
#include "base/log.h"
#include "support/json_metrics.h"
#include "support/otlp_peer.h"
#include "support/raw_peer.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

extern const ComponentType prometheus_exporter;

enum { PAGE_MAX = 64 << 20 };

typedef struct Fixture {
    TestHost *host;
    Peer peer;
} Fixture;

static Budget *lent; /* to what begins; NULL: none */

static void begin(Fixture *f, const char *more)
{
    Err err = { 0 };
    Buf yaml = BUF(10000);
    bool scopes = strstr(more, "without_scope_info") != NULL;
    buf_addf(&yaml, "{endpoint: '127.0.0.1:0', %s%s}", scopes ? "" : "without_scope_info: true, ",
             more);
    *f = (Fixture){ .host = test_host_new(&prometheus_exporter, buf_str(&yaml), NULL, &err) };
    if (f->host)
        test_host_lend(f->host, lent);
    if (!f->host || !test_host_start(f->host, &err))
        fail_msg("%s", err.text);
    buf_free(&yaml);
    peer_begin(&f->peer, f->host);
}

static void end(Fixture *f)
{
    peer_end(&f->peer);
    assert_int_equal(test_host_open(f->host), 0);
    test_host_free(f->host);
}

static void push(Fixture *f, const char *json)
{
    Err err;
    Batch *batch = json_metrics(json);
    assert_true(test_host_push(f->host, batch, false, &err));
    batch_unref(batch);
    test_host_turn(f->host);
}

static void push_metrics(Fixture *f, const char *metrics)
{
    Buf json = BUF(PAGE_MAX);
    buf_addf(&json, "{'resourceMetrics':[{'scopeMetrics':[{'metrics':[%s]}]}]}", metrics);
    push(f, buf_text(&json));
    buf_free(&json);
}

typedef struct Page {
    bool done;
    int status;
    char content_type[100];
    Buf body;
} Page;

static void page_came(void *owner, HttpResponse *response, const Err *err)
{
    Page *page = owner;
    page->done = true;
    if (err)
        return;
    page->status = response->status;
    snprintf(page->content_type, sizeof page->content_type, "%.*s",
             STR_ARG(http_fields_get(response->fields, STR("content-type"))));
    buf_add(&page->body, response->body);
}

static void scrape(Fixture *f, const char *accept, Page *page)
{
    Err err;
    const HttpField field = { STR("accept"), str_from(accept) };
    *page = (Page){ .body = BUF(PAGE_MAX) };
    HttpCall call = { .method = STR("GET"),
                      .target = STR("/metrics"),
                      .fields = &field,
                      .field_count = 1,
                      .timeout_ns = 100000 * NANOS_PER_SECOND,
                      .done = page_came,
                      .owner = page };
    assert_true(http_client_send(f->peer.http, &call, &err));
    for (int i = 0; !page->done && i < 100000; i++)
        test_host_turn(f->host);
    assert_true(page->done);
}

static void expect(Fixture *f, const char *text)
{
    Page page;
    scrape(f, "*/*", &page);
    assert_int_equal(page.status, 200);
    assert_string_equal(buf_text(&page.body), text);
    buf_free(&page.body);
}

static uint64_t dropped(Fixture *f, const char *reason)
{
    ComponentStatus status = test_host_status(f->host);
    for (size_t i = 0; i < status.drop_count; i++)
        if (strcmp(status.drops[i].reason, reason) == 0)
            return status.drops[i].items;
    return 0;
}

static const char *const all_kinds = MB_METRICS(
    MB_ATTR("service.name", "shop") "," MB_ATTR("service.namespace", "eu") "," MB_ATTR(
        "service.instance.id", "i-1") "," MB_ATTR("host.name", "h"),
    "{'name':'chat.requests','description':'Chats.','unit':'{request}','sum':{" MB_CUMULATIVE
        MB_MONOTONIC
    "'dataPoints':[{'timeUnixNano':'5000000','asInt':'7','attributes':[" MB_ATTR(
        "model.name",
        "m") "]}]}},"
             "{'name':'took','unit':'s','histogram':{" MB_CUMULATIVE
             "'dataPoints':[{'timeUnixNano':'6000000',"
             "'count':'6','sum':9.5,'bucketCounts':['1','2','3'],'explicitBounds':[0.005,10],"
             "'exemplars':[{'asDouble':1}]}]}},"
             "{'name':'rpc','summary':{'dataPoints':[{'timeUnixNano':'7000000','count':'3','sum':4,"
             "'quantileValues':[{'quantile':0.5,'value':1.5}]}]}},"
             "{'name':'cpu','unit':'1','gauge':{'dataPoints':[{'asDouble':0.25}]}}");

static void shows_every_kind(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "namespace: otel_demo, send_timestamps: true, const_labels: {zone: z1, job: no}");
    push(&f, all_kinds);
    expect(
        &f,
        "# HELP otel_demo_chat_requests_total Chats.\n"
        "# TYPE otel_demo_chat_requests_total counter\n"
        "otel_demo_chat_requests_total{instance=\"i-1\",job=\"eu/shop\",model_name=\"m\","
        "zone=\"z1\"} 7 5\n"
        "# TYPE otel_demo_cpu_ratio gauge\n"
        "otel_demo_cpu_ratio{instance=\"i-1\",job=\"eu/shop\",zone=\"z1\"} 0.25\n"
        "# TYPE otel_demo_rpc summary\n"
        "otel_demo_rpc{instance=\"i-1\",job=\"eu/shop\",zone=\"z1\",quantile=\"0.5\"} 1.5 7\n"
        "otel_demo_rpc_sum{instance=\"i-1\",job=\"eu/shop\",zone=\"z1\"} 4 7\n"
        "otel_demo_rpc_count{instance=\"i-1\",job=\"eu/shop\",zone=\"z1\"} 3 7\n"
        "# HELP otel_demo_target_info Target metadata\n"
        "# TYPE otel_demo_target_info gauge\n"
        "otel_demo_target_info{host_name=\"h\",instance=\"i-1\",job=\"eu/shop\"} 1\n"
        "# TYPE otel_demo_took_seconds histogram\n"
        "otel_demo_took_seconds_bucket{instance=\"i-1\",job=\"eu/shop\",zone=\"z1\",le=\"0.005\"}"
        " 1 6\n"
        "otel_demo_took_seconds_bucket{instance=\"i-1\",job=\"eu/shop\",zone=\"z1\",le=\"10\"} 3 "
        "6\n"
        "otel_demo_took_seconds_bucket{instance=\"i-1\",job=\"eu/shop\",zone=\"z1\",le=\"+Inf\"}"
        " 6 6\n"
        "otel_demo_took_seconds_sum{instance=\"i-1\",job=\"eu/shop\",zone=\"z1\"} 9.5 6\n"
        "otel_demo_took_seconds_count{instance=\"i-1\",job=\"eu/shop\",zone=\"z1\"} 6 6\n");
    assert_int_equal(test_host_status(f.host).sent, 4);
    end(&f);
}

static void labels_and_names_by_option(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "resource_to_telemetry_conversion: {enabled: true}, add_metric_suffixes: false");
    push(&f, MB_METRICS(MB_ATTR("service.name", "shop"),
                        MB_SUM("a.b", MB_CUMULATIVE MB_MONOTONIC, "{'asInt':1}")));
    expect(&f, "# TYPE a_b counter\na_b{job=\"shop\",service_name=\"shop\"} 1\n");
    end(&f);
    begin(&f, "translation_strategy: UnderscoreEscapingWithSuffixes, add_metric_suffixes: false, "
              "without_scope_info: false");
    push(&f, MB_METRICS("", MB_SUM("a.b", MB_CUMULATIVE MB_MONOTONIC, "{'asInt':1}")));
    expect(&f, "# TYPE a_b_total counter\n"
               "a_b_total{otel_scope_name=\"lib\",otel_scope_version=\"2\"} 1\n");
    end(&f);
}

static void keeps_the_newest(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "");
    push_metrics(&f, "{'name':'g','gauge':{'dataPoints':[{'timeUnixNano':'2000','asInt':1},"
                     "{'timeUnixNano':'1000','asInt':2},{'timeUnixNano':'2000','asInt':3}]}}");
    expect(&f, "# TYPE g gauge\ng 3\n");
    assert_int_equal(dropped(&f, "older than what is shown"), 1);
    assert_int_equal(test_host_status(f.host).sent, 2);
    push_metrics(&f, "{'name':'g','gauge':{'dataPoints':[{'timeUnixNano':'3000','flags':1}]}}");
    expect(&f, "");
    push_metrics(&f, "{'name':'g','description':'Again.','gauge':{'dataPoints':[{'asInt':4}]}}");
    expect(&f, "# HELP g Again.\n# TYPE g gauge\ng 4\n");
    end(&f);
}

static void refuses_what_it_cannot_show(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "");
    push_metrics(&f, "{'name':'a','gauge':{'dataPoints':[{'asInt':1},{}]}},"
                     "{'name':'a','summary':{'dataPoints':[{'count':'1'}]}},"
                     "{'name':'e','exponentialHistogram':{" MB_DELTA "'dataPoints':[{}]}},"
                     "{'name':'d','sum':{" MB_DELTA "'dataPoints':[{'asInt':1}]}},"
                     "{'name':'n','sum':{'dataPoints':[{'asInt':1}]}},"
                     "{'name':'h','histogram':{" MB_CUMULATIVE "'dataPoints':[{'count':'1',"
                     "'bucketCounts':['1','0','0'],'explicitBounds':[2,1]}]}}");
    expect(&f, "# TYPE a gauge\na 1\n");
    assert_int_equal(dropped(&f, "a type other than the metric had before"), 1);
    assert_int_equal(dropped(&f, "exponential histogram"), 1);
    assert_int_equal(dropped(&f, "delta of a sum that is not monotonic"), 1);
    assert_int_equal(dropped(&f, "unspecified temporality"), 1);
    assert_int_equal(dropped(&f, "a point without a value"), 1);
    assert_int_equal(dropped(&f, "bounds of a histogram that are not in order"), 1);
    assert_int_equal(test_host_status(f.host).sent, 1);
    end(&f);
}

#define DELTA_SUM(start, time, value)                                                        \
    "{'name':'s','sum':{" MB_DELTA MB_MONOTONIC "'dataPoints':[{'startTimeUnixNano':'" start \
    "','timeUnixNano':'" time "','asInt':" value "}]}}"

static void adds_up_deltas(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "");
    push_metrics(&f, DELTA_SUM("10", "20", "5"));
    push_metrics(&f, DELTA_SUM("20", "30", "7"));
    expect(&f, "# TYPE s_total counter\ns_total 12\n");
    push_metrics(&f, DELTA_SUM("40", "50", "2")); /* a gap: begins anew */
    expect(&f, "# TYPE s_total counter\ns_total 2\n");
    push_metrics(&f, DELTA_SUM("20", "30", "7"));
    expect(&f, "# TYPE s_total counter\ns_total 2\n");
    assert_int_equal(dropped(&f, "older than what is shown"), 1);
    end(&f);
}

#define DELTA_HISTOGRAM(start, time, bound)                                           \
    "{'name':'h','histogram':{" MB_DELTA "'dataPoints':[{'startTimeUnixNano':'" start \
    "','timeUnixNano':'" time                                                         \
    "','count':'3','sum':2.5,'bucketCounts':['1','2'],'explicitBounds':[" bound "]}]}}"

static void adds_up_delta_histograms(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "");
    push_metrics(&f, DELTA_HISTOGRAM("10", "20", "1"));
    push_metrics(&f, DELTA_HISTOGRAM("20", "30", "1"));
    expect(&f, "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 6\n"
               "h_sum 5\nh_count 6\n");
    push_metrics(&f, DELTA_HISTOGRAM("25", "40", "1"));
    assert_int_equal(dropped(&f, "a delta that overlaps the one before"), 1);
    push_metrics(&f, DELTA_HISTOGRAM("30", "40", "2")); /* other bounds: begins anew */
    expect(&f, "# TYPE h histogram\nh_bucket{le=\"2\"} 1\nh_bucket{le=\"+Inf\"} 3\n"
               "h_sum 2.5\nh_count 3\n");
    end(&f);
}

static void expired_series_leave(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "metric_expiration: 10s");
    push_metrics(&f, "{'name':'a','gauge':{'dataPoints':[{'asInt':1}]}},"
                     "{'name':'b','gauge':{'dataPoints':[{'asInt':1}]}}");
    test_clock_advance(test_host_clock(f.host), 6 * NANOS_PER_SECOND);
    push_metrics(&f, "{'name':'b','gauge':{'dataPoints':[{'asInt':2}]}}");
    test_clock_advance(test_host_clock(f.host), 5 * NANOS_PER_SECOND);
    expect(&f, "# TYPE b gauge\nb 2\n");
    /* Nobody scrapes, and the name is free for another type all the same. */
    test_host_tick(f.host, 21 * NANOS_PER_SECOND);
    push_metrics(&f, "{'name':'b','summary':{'dataPoints':[{'count':'1'}]}}");
    expect(&f, "# TYPE b summary\nb_sum 0\nb_count 1\n");
    end(&f);
}

static void speaks_openmetrics_when_asked(void **state)
{
    (void)state;
    Fixture f;
    Page page;
    const char *accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5";
    begin(&f, "enable_open_metrics: true");
    push_metrics(&f, MB_SUM("a", MB_CUMULATIVE MB_MONOTONIC, "{'asInt':3}"));
    scrape(&f, accept, &page);
    assert_string_equal(buf_text(&page.body), "# TYPE a counter\na_total 3.0\n# EOF\n");
    assert_string_equal(page.content_type,
                        "application/openmetrics-text; version=1.0.0; charset=utf-8");
    buf_free(&page.body);
    scrape(&f, "text/plain", &page);
    assert_string_equal(page.content_type, "text/plain; version=0.0.4; charset=utf-8");
    buf_free(&page.body);
    end(&f);
    begin(&f, "");
    scrape(&f, accept, &page);
    assert_string_equal(page.content_type, "text/plain; version=0.0.4; charset=utf-8");
    buf_free(&page.body);
    end(&f);
}

static void expect_openmetrics(Fixture *f, const char *text)
{
    Page page;
    scrape(f, "application/openmetrics-text;version=1.0.0", &page);
    assert_string_equal(buf_text(&page.body), text);
    buf_free(&page.body);
}

#define EXEMPLAR(value, ms, more) "{'timeUnixNano':'" ms "000000','asDouble':" value more "}"
#define TRACE                     ",'traceId':'0102030405060708090a0b0c0d0e0f10'"
#define IDS                       TRACE ",'spanId':'0102030405060708'"

#define TWO_AND_ONE               EXEMPLAR("2", "5000", IDS) "," EXEMPLAR("1", "4000", "")
#define IN_BUCKETS                EXEMPLAR("0.5", "1500", "") "," EXEMPLAR("11", "2000", IDS) ",{}"

static void exemplars_stand_behind_their_samples(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "enable_open_metrics: true");
    push_metrics(&f,
                 "{'name':'a','sum':{'aggregationTemporality':2,'isMonotonic':true,'dataPoints':["
                 "{'asInt':3,'exemplars':[" TWO_AND_ONE "]}]}},"
                 "{'name':'g','gauge':{'dataPoints':[{'asInt':1,'exemplars':[" TWO_AND_ONE
                 "]}]}},{'name':'h','histogram':{'aggregationTemporality':2,'dataPoints':["
                 "{'count':'3','bucketCounts':['1','1','1'],'explicitBounds':[1,10],"
                 "'exemplars':[" IN_BUCKETS "]}]}}");
    expect_openmetrics(
        &f, "# TYPE a counter\n"
            "a_total 3.0 # {trace_id=\"0102030405060708090a0b0c0d0e0f10\",span_id="
            "\"0102030405060708\"} 2.0 5.000\n"
            "# TYPE g gauge\ng 1.0\n"
            "# TYPE h histogram\n"
            "h_bucket{le=\"1.0\"} 1 # {} 0.5 1.500\n"
            "h_bucket{le=\"10.0\"} 2\n"
            "h_bucket{le=\"+Inf\"} 3 # {trace_id=\"0102030405060708090a0b0c0d0e0f10\",span_id="
            "\"0102030405060708\"} 11.0 2.000\n"
            "h_count 3\n# EOF\n");
    push_metrics(&f, MB_SUM("a", MB_CUMULATIVE MB_MONOTONIC, "{'asInt':4}"));
    Page page;
    scrape(&f, "application/openmetrics-text;version=1.0.0", &page);
    assert_non_null(strstr(buf_text(&page.body), "a_total 4.0\n"));
    buf_free(&page.body);
    scrape(&f, "text/plain", &page);
    assert_null(strstr(buf_text(&page.body), "trace_id"));
    buf_free(&page.body);
    end(&f);
}

static void count_conflicts(void *context, LogLevel level, Str component, Str message)
{
    size_t *told = context;
    (void)level, (void)component;
    *told += str_contains(message, STR("a has come as another type before"));
}

static void a_conflict_of_types_is_told_once(void **state)
{
    (void)state;
    Fixture f;
    size_t told = 0;
    begin(&f, "");
    log_set_sink(&(LogSink){ count_conflicts, &told, LOG_WARN });
    for (int i = 0; i < 3; i++)
        push_metrics(&f, "{'name':'a','gauge':{'dataPoints':[{'asInt':1}]}},"
                         "{'name':'a','summary':{'dataPoints':[{'count':'1'}]}}");
    log_set_sink(NULL);
    log_set_level(LOG_OFF);
    assert_int_equal(told, 1);
    assert_int_equal(dropped(&f, "a type other than the metric had before"), 3);
    expect(&f, "# TYPE a gauge\na 1\n");
    end(&f);
}

static void push_many(Fixture *f, int count)
{
    Buf json = BUF(PAGE_MAX);
    for (int i = 0; i < count; i++)
        buf_addf(&json, "%s{'asInt':%d,'attributes':[" MB_ATTR("n", "%d") "]}", i ? "," : "", i, i);
    Buf metrics = BUF(PAGE_MAX);
    buf_addf(&metrics, "{'name':'g','gauge':{'dataPoints':[%s]}}", buf_text(&json));
    push_metrics(f, buf_text(&metrics));
    buf_free(&metrics);
    buf_free(&json);
}

static void series_are_bounded(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "max_series: 3");
    push_many(&f, 5);
    expect(&f, "# TYPE g gauge\ng{n=\"0\"} 0\ng{n=\"1\"} 1\ng{n=\"2\"} 2\n");
    assert_int_equal(dropped(&f, "max_series is reached"), 2);
    push_many(&f, 3); /* what is there goes on */
    push_metrics(&f, "{'name':'k','gauge':{'dataPoints':[{'asInt':7}]}},"
                     "{'name':'l','gauge':{'dataPoints':[{'asInt':7}]}},"
                     "{'name':'m','gauge':{'dataPoints':[{'asInt':7}]}}");
    assert_int_equal(test_host_status(f.host).sent, 6);
    assert_int_equal(dropped(&f, "max_series is reached"), 5);
    push_metrics(&f, "{'name':'g','gauge':{'dataPoints':[{'timeUnixNano':'1','flags':1,"
                     "'attributes':[" MB_ATTR("n", "1") "]}]}}");
    push_metrics(&f, "{'name':'h','histogram':{" MB_CUMULATIVE "'dataPoints':[{'count':'1'}]}},"
                     "{'name':'k','gauge':{'dataPoints':[{'asInt':7}]}}");
    expect(&f, "# TYPE g gauge\ng{n=\"0\"} 0\ng{n=\"2\"} 2\n# TYPE k gauge\nk 7\n");
    end(&f);
}

static Address address_of(Fixture *f)
{
    Err err;
    Address address;
    ComponentStatus status = test_host_status(f->host);
    Str host;
    uint16_t port;
    assert_true(endpoint_split(str_from(status.endpoints[0].address), &host, &port, &err));
    assert_true(address_from_literal(&address, host, port));
    return address;
}

static void large_pages_come_in_pieces(void **state)
{
    (void)state;
    Fixture f;
    Page page;
    RawPeer peer;
    begin(&f, "");
    push_many(&f, 9000);
    Address address = address_of(&f);
    assert_true(raw_peer_connect(&peer, host_loop(test_host_host(f.host)), &address));
    raw_peer_send(&peer, STR("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                             "\r\n"));
    assert_true(raw_peer_wait_end(&peer));
    scrape(&f, "*/*", &page); /* the same page, compressed on the way */
    assert_int_equal(page.body.len,
                     strlen("# TYPE g gauge\n") + 9 * 9000 + 2 * (10 + 180 + 2700 + 32000));
    assert_true(raw_peer_has(&peer, buf_text(&page.body)));
    raw_peer_close(&peer);
    buf_free(&page.body);
    end(&f);
}

static void scraper_may_leave(void **state)
{
    (void)state;
    Fixture f;
    RawPeer peers[3];
    begin(&f, "");
    push_many(&f, 20000);
    Address address = address_of(&f);
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        assert_true(raw_peer_connect(&peers[i], host_loop(test_host_host(f.host)), &address));
        raw_peer_send(&peers[i], STR("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        raw_peer_turn(&peers[i]);
    }
    raw_peer_close(&peers[0]);
    push_many(&f, 100);
    for (int i = 0; i < 5; i++)
        test_host_turn(f.host);
    assert_true(raw_peer_wait(&peers[1], "g{n=\"19999\"} 19999\n"));
    raw_peer_close(&peers[1]);
    raw_peer_send(&peers[2], STR("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    end(&f); /* with an answer under way */
    raw_peer_close(&peers[2]);
}

static void wrong_settings_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *says;
    } rows[] = { { "{endpoint: nowhere}", "endpoint" },
                 { "{tls: {}}", "tls: a server needs cert_file and key_file" },
                 { "{const_labels: {a.b: c}}", "\"a.b\" is not a label name" },
                 { "{translation_strategy: NoTranslation}", "translation_strategy" },
                 { "{max_series: 0}", "max_series" } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err = { 0 };
        Buf problems = BUF(1 << 16);
        assert_null(test_host_new(&prometheus_exporter, str_from(rows[i].yaml), &problems, &err));
        if (!str_contains(buf_str(&problems), str_from(rows[i].says)))
            fail_msg("%s", buf_text(&problems));
        buf_free(&problems);
    }
}

static void foreign_pages_are_refused(void **state)
{
    (void)state;
    Fixture f;
    RawPeer peer;
    begin(&f, "");
    Address address = address_of(&f);
    assert_true(raw_peer_connect(&peer, host_loop(test_host_host(f.host)), &address));
    raw_peer_send(&peer, STR("GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n"));
    assert_true(raw_peer_wait(&peer, "HTTP/1.1 403"));
    raw_peer_close(&peer);
    end(&f);
}

static void run_starved(void)
{
    Err err = { 0 };
    starve_hold();
    Fixture f;
    begin(&f, "");
    Batch *batch = json_metrics(all_kinds);
    starve_resume();
    (void)test_host_push(f.host, batch, false, &err);
    starve_hold();
    batch_unref(batch);
    end(&f);
    starve_resume();
}

static void no_memory_is_survived(void **state)
{
    (void)state;
    assert_true(starve_every(run_starved) > 5);
}

/* ---- memory -------------------------------------------------------------------------------------
 */

/* One gauge or histogram with `count` series, the n-th labelled so. */
static void push_series(Fixture *f, bool histogram, int count, const char *time)
{
    Buf metrics = BUF(PAGE_MAX);
    buf_addf(&metrics, histogram ? "{'name':'h','histogram':{" MB_CUMULATIVE "'dataPoints':["
                                 : "{'name':'g','gauge':{'dataPoints':[");
    for (int i = 0; i < count; i++)
        buf_addf(&metrics,
                 "%s{'timeUnixNano':'%s',%s,'attributes':[{'key':'n','value':{'intValue':'%d'}}]}",
                 i ? "," : "", time,
                 histogram ? "'count':'3','sum':2.5,'bucketCounts':['1','2'],'explicitBounds':[1]"
                           : "'asInt':1",
                 i);
    buf_add(&metrics, STR("]}}"));
    push_metrics(f, buf_text(&metrics));
    buf_free(&metrics);
}

static void a_full_budget_takes_no_new_series(void **state)
{
    (void)state;
    Fixture f;
    Budget budget;
    budget_init(&budget, 1 << 20); /* a quarter of it for caches */
    lent = &budget;
    begin(&f, "");
    Purse *caches = budget_purse(&budget, BUDGET_CACHES);
    push_series(&f, false, 3000, "1000");
    uint64_t gone = dropped(&f, "no room in memory now");
    assert_in_range(gone, 1, 2500);
    assert_int_equal(test_host_status(f.host).sent, 3000 - gone);
    size_t used = caches->used;
    assert_in_range(used, 200 << 10, 256 << 10);
    push_series(&f, false, 3000, "2000"); /* those that are there have newer values */
    assert_int_equal(test_host_status(f.host).sent, 2 * (3000 - gone));
    assert_int_equal(caches->used, used);
    push_series(&f, true, 1, "1000"); /* its buckets, too, are too much */
    assert_int_equal(dropped(&f, "no room in memory now"), 2 * gone + 1);
    test_host_tick(f.host, 600 * NANOS_PER_SECOND);
    assert_int_equal(caches->used, 0); /* all has expired */
    push_series(&f, true, 10, "1000");
    used = caches->used;
    assert_true(used > 10 * 100);
    push_series(&f, true, 10, "2000");
    assert_int_equal(caches->used, used);
    end(&f);
    lent = NULL;
    assert_int_equal(budget_use(&budget).used, 0);
}

static void an_answer_without_room_is_503(void **state)
{
    (void)state;
    Fixture f;
    Page page;
    Budget budget;
    budget_init(&budget, 1 << 20);
    lent = &budget;
    begin(&f, "");
    push_series(&f, false, 1000, "1000");
    Purse *queries = budget_purse(&budget, BUDGET_QUERIES);
    size_t rest = (256 << 10) - 1000;
    assert_true(purse_take(queries, rest));
    scrape(&f, "*/*", &page);
    assert_int_equal(page.status, 503);
    purse_give(queries, rest);
    buf_free(&page.body);
    scrape(&f, "*/*", &page);
    assert_int_equal(page.status, 200);
    buf_free(&page.body);
    end(&f);
    lent = NULL;
    assert_int_equal(budget_use(&budget).used, 0);
}

int main(void)
{
    log_set_level(LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_budget_takes_no_new_series),
        cmocka_unit_test(an_answer_without_room_is_503),
        cmocka_unit_test(shows_every_kind),
        cmocka_unit_test(labels_and_names_by_option),
        cmocka_unit_test(keeps_the_newest),
        cmocka_unit_test(refuses_what_it_cannot_show),
        cmocka_unit_test(adds_up_deltas),
        cmocka_unit_test(adds_up_delta_histograms),
        cmocka_unit_test(expired_series_leave),
        cmocka_unit_test(speaks_openmetrics_when_asked),
        cmocka_unit_test(exemplars_stand_behind_their_samples),
        cmocka_unit_test(a_conflict_of_types_is_told_once),
        cmocka_unit_test(series_are_bounded),
        cmocka_unit_test(large_pages_come_in_pieces),
        cmocka_unit_test(scraper_may_leave),
        cmocka_unit_test(wrong_settings_are_told),
        cmocka_unit_test(foreign_pages_are_refused),
        cmocka_unit_test(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
