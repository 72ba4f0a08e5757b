/* prometheus_jobs_test.c - what a job's settings do to targets, requests and samples: a site that
 * answers as the test says, under a clock that the test moves. */
#include "base/log.h"
#include "net/server.h"
#include "otlp/batch.h"
#include "otlp/metric_view.h"
#include "otlp/view.h"
#include "support/starve.h"
#include "support/test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

extern const ComponentType prometheus_receiver;

enum { TEXT_MAX = 1 << 20, TURNS_MAX = 20000, ASKED_MAX = 16 };

typedef struct Asked {
    char target[200], authorization[100], extra[100], encodings[100], host[60], accept[400];
} Asked;

typedef struct Site {
    Loop *loop;
    Server *server;
    char endpoint[ADDRESS_TEXT_SIZE];
    const char *page, *type;
    char location[200]; /* not empty: /jump answers 302 with it */
    Asked asked[ASKED_MAX];
    size_t count;
} Site;

typedef struct Fixture {
    Site sites[2];
    TestHost *host;
} Fixture;

static void copy(char *out, size_t size, Str text)
{
    snprintf(out, size, "%.*s", STR_ARG(text));
}

static void answer(void *owner, Request *request)
{
    Site *site = owner;
    Asked *asked = &site->asked[site->count++ % ASKED_MAX];
    snprintf(asked->target, sizeof asked->target, "%.*s?%.*s", STR_ARG(request_path(request)),
             STR_ARG(request_query(request)));
    copy(asked->authorization, sizeof asked->authorization,
         request_field(request, STR("authorization")));
    copy(asked->extra, sizeof asked->extra, request_field(request, STR("x-extra")));
    copy(asked->encodings, sizeof asked->encodings, request_field(request, STR("accept-encoding")));
    copy(asked->accept, sizeof asked->accept, request_field(request, STR("accept")));
    copy(asked->host, sizeof asked->host, request_field(request, STR("host")));
    Answer page = { .status = 200, .content_type = str_from(site->type), .body = BUF(TEXT_MAX) };
    const HttpField location = { STR("location"), str_from(site->location) };
    if (site->location[0] && str_starts(request_path(request), STR("/jump"))) {
        page.status = 302;
        page.fields = &location;
        page.field_count = 1;
    } else {
        buf_add(&page.body, str_from(site->page));
    }
    request_answer(request, &page);
}

static void site_open(Site *site)
{
    Err err;
    *site = (Site){ .page = "a 1\n", .type = "text/plain", .loop = loop_new(NULL, NULL, &err) };
    const ServerSettings settings = { .loop = site->loop, .endpoint = STR("127.0.0.1:0") };
    const Route route = { .path = STR("/*"), .handle = answer, .owner = site };
    site->server = server_new(&settings, &err);
    assert_true(site->server && server_route(site->server, &route, &err));
    assert_true(server_listen(site->server, &err));
    Address address = server_address(site->server);
    address_text(&address, site->endpoint);
}

static void site_close(Site *site)
{
    server_free(site->server);
    loop_free(site->loop);
}

static void add_job(Buf *yaml, const Fixture *f, const char *job)
{
    for (; *job; job++)
        if (*job == '@')
            buf_add(yaml, str_from(f->sites[*++job - '0'].endpoint));
        else
            buf_add_byte(yaml, *job);
}

/* "@0" and "@1" in `job` are the sites' endpoints. */
static void begin_with(Fixture *f, const char *settings, const char *job)
{
    Err err = { 0 };
    Buf yaml = BUF(TEXT_MAX);
    if (!f->sites[0].server) {
        site_open(&f->sites[0]);
        site_open(&f->sites[1]);
    }
    buf_addf(&yaml,
             "{%sconfig: {global: {scrape_interval: 10s, scrape_timeout: 2s}, "
             "scrape_configs: [",
             settings);
    add_job(&yaml, f, job);
    buf_add(&yaml, STR("]}}"));
    f->host = test_host_new(&prometheus_receiver, buf_str(&yaml), NULL, &err);
    if (!f->host || !test_host_start(f->host, &err))
        fail_msg("%s", err.text);
    test_host_judge_all(f->host, true);
    buf_free(&yaml);
}

static void begin(Fixture *f, const char *job)
{
    *f = (Fixture){ 0 };
    begin_with(f, "", job);
}

static void end(Fixture *f)
{
    test_host_close(f->host);
    test_host_stop(f->host);
    assert_int_equal(test_host_open(f->host), 0);
    test_host_free(f->host);
    site_close(&f->sites[0]);
    site_close(&f->sites[1]);
}

static void turn(Fixture *f)
{
    loop_step(f->sites[0].loop, 0);
    loop_step(f->sites[1].loop, 0);
    test_host_turn(f->host);
}

static void await(Fixture *f, size_t sent)
{
    for (int i = 0; i < TURNS_MAX && test_host_sent_count(f->host) < sent; i++)
        turn(f);
    assert_int_equal(test_host_sent_count(f->host), sent);
}

static void tick(Fixture *f, int seconds)
{
    for (int step = 0; step < seconds * 4; step++) {
        test_host_tick(f->host, NANOS_PER_SECOND / 4);
        for (int i = 0; i < 10; i++)
            turn(f);
    }
}

/* "name{key=value,...} number" of every point of the n-th batch, but those of the scrape itself. */
static void describe(Fixture *f, size_t n, Buf *out)
{
    const Batch *batch = test_host_sent(f->host, n)->batch;
    for (size_t m = 0; m < batch_metric_count(batch); m++) {
        MetricView metric = metric_view(batch, m);
        if (str_starts(metric.name, STR("scrape_")))
            continue;
        for (size_t i = metric.first_item; i < metric.end_item; i++) {
            NumberPointView view = number_point_view(batch, i);
            buf_addf(out, "%.*s", STR_ARG(metric.name));
            for (AttributeView at; attributes_next(&view.attributes, &at);)
                buf_addf(out, " %.*s=%.*s", STR_ARG(at.key), STR_ARG(at.value.text));
            if (view.flags)
                buf_add(out, STR(" ended\n"));
            else
                buf_addf(out, " %g\n", view.value.real);
        }
    }
}

static void expect(Fixture *f, size_t n, const char *expected)
{
    Buf text = BUF(TEXT_MAX);
    describe(f, n, &text);
    assert_string_equal(buf_text(&text), expected);
    buf_free(&text);
}

static double value_in(Fixture *f, size_t n, const char *name)
{
    const Batch *batch = test_host_sent(f->host, n)->batch;
    for (size_t m = 0; m < batch_metric_count(batch); m++) {
        MetricView metric = metric_view(batch, m);
        if (str_eq(metric.name, str_from(name)))
            return number_point_view(batch, metric.first_item).value.real;
    }
    return -2;
}

static Str resource_text(Fixture *f, size_t n, const char *key)
{
    ValueView value = { .text = STR("") };
    const Batch *batch = test_host_sent(f->host, n)->batch;
    (void)attributes_find(resource_view(batch, 0).attributes, str_from(key), &value);
    return value.text;
}

/* ---- relabelling ---- */

static void targets_are_relabelled(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "{job_name: j, params: {target: [x, y]}, relabel_configs: ["
              "{source_labels: [__address__], regex: 'drop.*', action: drop},"
              "{source_labels: [to], target_label: __address__},"
              "{regex: to, action: labeldrop},"
              "{target_label: __metrics_path__, replacement: /probe},"
              "{source_labels: [__param_target], target_label: instance},"
              "{target_label: __param_module, replacement: a b},"
              "{target_label: __tmp_x, replacement: secret},"
              "{target_label: job, replacement: other},"
              "{action: labelmap, regex: 'pod_(.+)'}],"
              "static_configs: [{targets: ['drop:1']}, {targets: ['nobody'], "
              "labels: {to: '@0', pod_name: p}}]}");
    tick(&f, 10);
    await(&f, 1);
    assert_string_equal(f.sites[0].asked[0].target, "/probe?module=a%20b&target=x&target=y");
    expect(&f, 0, "a name=p pod_name=p 1\nup name=p pod_name=p 1\n");
    assert_true(str_eq(resource_text(&f, 0, "service.name"), STR("other")));
    assert_true(str_eq(resource_text(&f, 0, "service.instance.id"), STR("x")));
    end(&f);
}

static void intervals_are_relabelled(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "{job_name: j, relabel_configs: ["
              "{target_label: __scrape_interval__, replacement: 5s}], "
              "static_configs: [{targets: ['@0']}]}");
    tick(&f, 20);
    await(&f, 4);
    end(&f);
}

static void two_that_are_the_same_are_one(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "{job_name: j, static_configs: [{targets: ['@0', '@0']}, {targets: ['@0']}]}");
    tick(&f, 10);
    await(&f, 1);
    end(&f);
}

static void samples_are_relabelled(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "{job_name: j, metric_relabel_configs: ["
              "{source_labels: [__name__], regex: 'go_.*', action: drop},"
              "{source_labels: [__name__], regex: 'old_(.*)', target_label: __name__, "
              "replacement: 'new_$1'},"
              "{regex: secret, action: labeldrop},"
              "{source_labels: [instance], target_label: seen, replacement: 'yes'}],"
              "static_configs: [{targets: ['@0']}]}");
    f.sites[0].page = "# TYPE old_total counter\nold_total{secret=\"1\"} 3\n"
                      "go_x 1\nplain{k=\"v\"} 2\n";
    tick(&f, 10);
    await(&f, 1);
    expect(&f, 0, "new_total seen=yes 3\nplain k=v seen=yes 2\nup 1\n");
    assert_true(value_in(&f, 0, "scrape_samples_scraped") == 3);
    assert_true(value_in(&f, 0, "scrape_samples_post_metric_relabeling") == 2);
    end(&f);
}

/* ---- requests ---- */

static void ask_once(Fixture *f, const char *job)
{
    begin(f, job);
    tick(f, 10);
    await(f, 1);
    assert_true(value_in(f, 0, "up") == 1);
}

static void requests_say_who_asks(void **state)
{
    (void)state;
    char path[] = "/tmp/prometheus_jobs.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, " from-file\n", 11) == 11 && close(fd) == 0);
    static const struct {
        const char *settings, *authorization, *extra;
    } rows[] = {
        { "basic_auth: {username: me, password: 'pa ss'}", "Basic bWU6cGEgc3M=", "" },
        { "basic_auth: {username: me, password_file: %s}", "Basic bWU6ZnJvbS1maWxl", "" },
        { "basic_auth: {username_file: %s}", "Basic ZnJvbS1maWxlOg==", "" },
        { "authorization: {credentials: abc}", "Bearer abc", "" },
        { "authorization: {type: Token, credentials_file: %s}", "Token from-file", "" },
        { "bearer_token: abc", "Bearer abc", "" },
        { "bearer_token_file: %s", "Bearer from-file", "" },
        { "http_headers: {X-Extra: {values: [one]}}", "", "one" },
        { "http_headers: {X-Extra: {secrets: [two]}}", "", "two" },
        { "http_headers: {X-Extra: {files: ['%s']}}", "", "from-file" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Fixture f;
        Buf job = BUF(TEXT_MAX);
        const char *mark = strstr(rows[i].settings, "%s");
        size_t before = mark ? (size_t)(mark - rows[i].settings) : strlen(rows[i].settings);
        buf_addf(&job, "{job_name: j, %.*s%s%s, static_configs: [{targets: ['@0']}]}", (int)before,
                 rows[i].settings, mark ? path : "", mark ? mark + 2 : "");
        ask_once(&f, buf_text(&job));
        assert_string_equal(f.sites[0].asked[0].authorization, rows[i].authorization);
        assert_string_equal(f.sites[0].asked[0].extra, rows[i].extra);
        end(&f);
        buf_free(&job);
    }
    unlink(path);
}

static void compression_may_be_turned_off(void **state)
{
    (void)state;
    Fixture f;
    ask_once(&f, "{job_name: j, static_configs: [{targets: ['@0']}]}");
    assert_true(strstr(f.sites[0].asked[0].encodings, "gzip") != NULL);
    end(&f);
    ask_once(&f, "{job_name: j, enable_compression: false, static_configs: [{targets: ['@0']}]}");
    assert_string_equal(f.sites[0].asked[0].encodings, "identity");
    end(&f);
}

#define PROTO \
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
#define METRICS_1 "application/openmetrics-text;version=1.0.0"
#define METRICS_0 "application/openmetrics-text;version=0.0.1"
#define TEXT_0    "text/plain;version=0.0.4"

static void formats_are_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *settings, *accept;
    } rows[] = {
        { "", METRICS_1 ";q=0.6," METRICS_0 ";q=0.5," TEXT_0 ";q=0.4,*/*;q=0.3" },
        { "scrape_native_histograms: true, ",
          PROTO ";q=0.6," METRICS_1 ";q=0.5," METRICS_0 ";q=0.4," TEXT_0 ";q=0.3,*/*;q=0.2" },
        { "scrape_protocols: [PrometheusText0.0.4, PrometheusProto], ",
          TEXT_0 ";q=0.6," PROTO ";q=0.5,*/*;q=0.4" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Fixture f;
        Buf job = BUF(TEXT_MAX);
        buf_addf(&job, "{job_name: j, %sstatic_configs: [{targets: ['@0']}]}", rows[i].settings);
        ask_once(&f, buf_text(&job));
        assert_string_equal(f.sites[0].asked[0].accept, rows[i].accept);
        buf_free(&job);
        end(&f);
    }
}

static void an_answer_without_a_type_is_the_fallback(void **state)
{
    (void)state;
    for (int strict = 0; strict < 2; strict++) {
        Fixture f = { 0 };
        site_open(&f.sites[0]);
        site_open(&f.sites[1]);
        f.sites[0].type = "application/octet-stream";
        begin_with(&f, "",
                   strict ? "{job_name: j, fallback_scrape_protocol: OpenMetricsText1.0.0, "
                            "static_configs: [{targets: ['@0']}]}"
                          : "{job_name: j, static_configs: [{targets: ['@0']}]}");
        tick(&f, 10);
        await(&f, 1);
        assert_true(value_in(&f, 0, "up") == !strict); /* the page has no # EOF */
        end(&f);
    }
}

#define SECRETIVE "bearer_token: abc, http_headers: {X-Extra: {values: [one]}}, "

static void redirects_are_followed_without_secrets(void **state)
{
    (void)state;
    static const struct {
        const char *location;
        int site;
        const char *target;
    } rows[] = { { "/there?a=b", 0, "/there?a=b" },
                 { "there", 0, "/there?" },
                 { "http://@0/x#y", 0, "/x?" },
                 { "http://@1/x", 1, "/x?" },
                 { "http://@1", 1, "/?" } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Fixture f = { 0 };
        site_open(&f.sites[0]);
        site_open(&f.sites[1]);
        Buf location = BUF(200);
        add_job(&location, &f, rows[i].location);
        copy(f.sites[0].location, sizeof f.sites[0].location, buf_str(&location));
        begin_with(&f, "",
                   "{job_name: j, metrics_path: /jump, " SECRETIVE
                   "static_configs: [{targets: ['@0']}]}");
        tick(&f, 10);
        await(&f, 1);
        assert_true(value_in(&f, 0, "up") == 1);
        const Site *site = &f.sites[rows[i].site];
        const Asked *last = &site->asked[site->count - 1];
        assert_string_equal(f.sites[0].asked[0].authorization, "Bearer abc");
        assert_string_equal(last->target, rows[i].target);
        assert_string_equal(last->host, site->endpoint);
        assert_string_equal(last->authorization, rows[i].site ? "" : "Bearer abc");
        assert_string_equal(last->extra, rows[i].site ? "" : "one");
        buf_free(&location);
        end(&f);
    }
}

static void redirects_end(void **state)
{
    (void)state;
    static const struct {
        const char *location, *more;
        size_t asked;
    } rows[] = { { "/jump", "", 11 },
                 { "/there", "follow_redirects: false, ", 1 },
                 { "ftp://x/", "", 1 },
                 { "//evil/", "", 1 } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Fixture f = { 0 };
        Buf job = BUF(TEXT_MAX);
        site_open(&f.sites[0]);
        site_open(&f.sites[1]);
        copy(f.sites[0].location, sizeof f.sites[0].location, str_from(rows[i].location));
        buf_addf(&job, "{job_name: j, metrics_path: /jump, %sstatic_configs: [{targets: ['@0']}]}",
                 rows[i].more);
        begin_with(&f, "", buf_text(&job));
        tick(&f, 10);
        await(&f, 1);
        assert_true(value_in(&f, 0, "up") == 0);
        assert_int_equal(f.sites[0].count, rows[i].asked);
        buf_free(&job);
        end(&f);
    }
}

/* ---- limits ---- */

static void limits_fail_the_scrape(void **state)
{
    (void)state;
    static const struct {
        const char *limit;
        bool up;
    } rows[] = {
        { "sample_limit: 2", true },
        { "sample_limit: 1", false },
        { "label_limit: 4", true }, /* __name__, instance, job, key */
        { "label_limit: 3", false },
        { "label_name_length_limit: 8", true }, /* instance */
        { "label_name_length_limit: 7", false },
        { "label_value_length_limit: 30", true },
        { "label_value_length_limit: 19", false },
        { "body_size_limit: 100B", true },
        { "body_size_limit: 20B", false },
        { "target_limit: 1", true },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Fixture f;
        Buf job = BUF(TEXT_MAX);
        buf_addf(&job, "{job_name: j, %s, static_configs: [{targets: ['@0']}]}", rows[i].limit);
        f = (Fixture){ 0 };
        site_open(&f.sites[0]);
        site_open(&f.sites[1]);
        f.sites[0].page = "a{key=\"a value of 20 bytes!\"} 1\nb 2\n";
        begin_with(&f, "report_extra_scrape_metrics: true, ", buf_text(&job));
        tick(&f, 10);
        await(&f, 1);
        if ((value_in(&f, 0, "up") == 1) != rows[i].up)
            fail_msg("%s", rows[i].limit);
        assert_true((value_in(&f, 0, "a") == 1) == rows[i].up);
        assert_true(value_in(&f, 0, "scrape_timeout_seconds") == 2);
        bool body = str_starts(str_from(rows[i].limit), STR("body"));
        assert_true(value_in(&f, 0, "scrape_samples_scraped") >= (body && !rows[i].up ? 0 : 1));
        assert_true((value_in(&f, 0, "scrape_body_size_bytes") == -1) == (body && !rows[i].up));
        buf_free(&job);
        end(&f);
    }
}

static void too_many_targets_are_all_down(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "{job_name: j, target_limit: 1, static_configs: [{targets: ['@0', '@1']}]}");
    tick(&f, 10);
    await(&f, 2);
    assert_true(value_in(&f, 0, "up") == 0 && value_in(&f, 1, "up") == 0);
    assert_int_equal(f.sites[0].count + f.sites[1].count, 0);
    end(&f);
}

/* ---- discovery ---- */

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0 && fclose(file) == 0);
}

/* "@0" in text is the site's endpoint. */
static void write_targets(const Fixture *f, const char *path, const char *text)
{
    Buf all = BUF(TEXT_MAX);
    add_job(&all, f, text);
    write_file(path, buf_text(&all));
    buf_free(&all);
}

static void expect_asked(Fixture *f, size_t first, size_t second)
{
    size_t before[2] = { f->sites[0].count, f->sites[1].count };
    tick(f, 10);
    for (int i = 0; i < 100; i++)
        turn(f);
    assert_int_equal(f->sites[0].count - before[0], first);
    assert_int_equal(f->sites[1].count - before[1], second);
}

static void targets_come_from_files(void **state)
{
    (void)state;
    char directory[] = "/tmp/prometheus_jobs.XXXXXX", one[64], two[64];
    assert_non_null(mkdtemp(directory));
    snprintf(one, sizeof one, "%s/one.json", directory);
    snprintf(two, sizeof two, "%s/two.yml", directory);
    Fixture f = { 0 };
    Buf job = BUF(TEXT_MAX);
    site_open(&f.sites[0]);
    site_open(&f.sites[1]);
    write_targets(&f, one, "[{\"targets\": [\"@0\"], \"labels\": {\"team\": \"t\"}}]");
    buf_addf(&job,
             "{job_name: j, relabel_configs: [{source_labels: [__meta_filepath], "
             "target_label: file}], file_sd_configs: [{files: ['%s/*.json', '%s'], "
             "refresh_interval: 2s}]}",
             directory, two);
    begin_with(&f, "", buf_text(&job));
    tick(&f, 10);
    await(&f, 1);
    Buf text = BUF(TEXT_MAX);
    buf_addf(&text, "a file=%s team=t 1\nup file=%s team=t 1\n", one, one);
    expect(&f, 0, buf_text(&text));
    write_targets(&f, two, "- targets: ['@1']\n");
    tick(&f, 4);
    expect_asked(&f, 1, 1);
    write_file(one, "[{"); /* what was there stays */
    tick(&f, 4);
    expect_asked(&f, 1, 1);
    size_t sent = test_host_sent_count(f.host);
    unlink(one);
    tick(&f, 4);
    buf_clear(&text);
    buf_addf(&text, "a file=%s team=t ended\nup file=%s team=t ended\n", one, one);
    bool ended = false;
    for (; sent < test_host_sent_count(f.host); sent++) {
        Buf said = BUF(TEXT_MAX);
        describe(&f, sent, &said);
        ended = ended || str_eq(buf_str(&said), buf_str(&text));
        buf_free(&said);
    }
    assert_true(ended);
    expect_asked(&f, 0, 1);
    write_file(two, "");
    tick(&f, 4);
    expect_asked(&f, 0, 0);
    unlink(two);
    rmdir(directory);
    buf_free(&text);
    buf_free(&job);
    end(&f);
}

static void targets_come_from_http(void **state)
{
    (void)state;
    Fixture f = { 0 };
    Buf list = BUF(TEXT_MAX);
    site_open(&f.sites[0]);
    site_open(&f.sites[1]);
    add_job(&list, &f, "[{\"targets\": [\"@0\"], \"labels\": {\"__meta_x\": \"y\"}}]");
    f.sites[1].page = buf_text(&list);
    f.sites[1].type = "application/json; charset=utf-8";
    begin_with(&f, "",
               "{job_name: j, relabel_configs: [{source_labels: [__meta_x], "
               "target_label: x}], http_sd_configs: [{url: 'http://@1/sd?a=b', "
               "refresh_interval: 5s, bearer_token: abc}]}");
    for (int i = 0; i < 500; i++)
        turn(&f);
    assert_string_equal(f.sites[1].asked[0].target, "/sd?a=b");
    assert_string_equal(f.sites[1].asked[0].authorization, "Bearer abc");
    expect_asked(&f, 1, 2);
    expect(&f, 0, "a x=y 1\nup x=y 1\n");
    f.sites[1].type = "text/html"; /* what was there stays */
    tick(&f, 6);
    expect_asked(&f, 1, 2);
    f.sites[1].type = "application/json";
    f.sites[1].page = "[]";
    tick(&f, 6);
    expect_asked(&f, 0, 2);
    assert_string_equal(f.sites[0].asked[0].authorization, "");
    buf_free(&list);
    end(&f);
}

/* Whatever the machine's resolver says, and whether or not it has said it by the end. */
static void names_are_looked_up(void **state)
{
    (void)state;
    for (int turns = 0; turns < 3; turns++) {
        Fixture f;
        begin(&f, "{job_name: j, dns_sd_configs: [{names: [nobody.invalid], refresh_interval: 1s}, "
                  "{names: [nobody.invalid], type: A, port: 80}], "
                  "static_configs: [{targets: ['@0']}]}");
        for (int i = 0; i < turns * 200; i++)
            turn(&f);
        tick(&f, turns ? 10 : 0);
        if (turns)
            await(&f, 1);
        end(&f);
    }
}

/* ---- names and start times ---- */

static void names_may_be_trimmed(void **state)
{
    (void)state;
    Fixture f = { 0 };
    site_open(&f.sites[0]);
    site_open(&f.sites[1]);
    f.sites[0].page = "# TYPE a_total counter\na_total 3\n_total 4\n";
    begin_with(&f, "trim_metric_suffixes: true, ",
               "{job_name: j, static_configs: [{targets: ['@0']}]}");
    tick(&f, 10);
    await(&f, 1);
    expect(&f, 0, "a 3\n_total 4\nup 1\n");
    end(&f);
}

static void a_metric_may_tell_the_start(void **state)
{
    (void)state;
    static const char *const settings[] = { "use_start_time_metric: true, ",
                                            ("use_start_time_metric: true, "
                                             "start_time_metric_regex: start_seconds$, "),
                                            "" };
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        Fixture f = { 0 };
        site_open(&f.sites[0]);
        site_open(&f.sites[1]);
        f.sites[0].page = "# TYPE a_total counter\na_total 3\n# TYPE process_start_time_seconds "
                          "gauge\nprocess_start_time_seconds 100\nmy_start_seconds 200\n";
        begin_with(&f, settings[i], "{job_name: j, static_configs: [{targets: ['@0']}]}");
        tick(&f, 10);
        await(&f, 1);
        uint64_t start = number_point_view(test_host_sent(f.host, 0)->batch, 0).start_ns;
        assert_true(i == 2 ? start > 1000 * (uint64_t)NANOS_PER_SECOND
                           : start == (i + 1) * 100 * (uint64_t)NANOS_PER_SECOND);
        end(&f);
    }
}

static void further_metrics_may_be_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *settings, *job;
        bool there;
    } rows[] = { { "", "", false },
                 { "report_extra_scrape_metrics: true, ", "", true },
                 { "", "extra_scrape_metrics: true, ", true },
                 { "", "extra_scrape_metrics: false, ", false } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Fixture f = { 0 };
        Buf job = BUF(TEXT_MAX);
        buf_addf(&job, "{job_name: j, %sstatic_configs: [{targets: ['@0']}]}", rows[i].job);
        begin_with(&f, rows[i].settings, buf_text(&job));
        tick(&f, 10);
        await(&f, 1);
        assert_true((value_in(&f, 0, "scrape_sample_limit") == 0) == rows[i].there);
        buf_free(&job);
        end(&f);
    }
}

/* ---- no memory ---- */

static char starved_file[64];

static void run_starved(void)
{
    starve_hold();
    Fixture f = { 0 };
    Buf list = BUF(TEXT_MAX), job = BUF(TEXT_MAX);
    site_open(&f.sites[0]);
    site_open(&f.sites[1]);
    add_job(&list, &f, "[{\"targets\": [\"@0\"], \"labels\": {\"__meta_x\": \"y\"}}]");
    f.sites[1].page = buf_text(&list);
    f.sites[1].type = "application/json";
    write_file(starved_file, f.sites[1].page);
    buf_addf(&job,
             "{job_name: j, basic_auth: {username: a, password: b}, "
             "relabel_configs: [{source_labels: [__meta_x], target_label: '${1}'}, "
             "{source_labels: [__address__], target_label: a, action: hashmod, modulus: 7}], "
             "metric_relabel_configs: [{action: labelmap, regex: '(.+)', "
             "replacement: 'x_${1}'}], file_sd_configs: [{files: ['%s'], "
             "refresh_interval: 1s}], http_sd_configs: [{url: 'http://@1/', "
             "refresh_interval: 1s}], static_configs: [{targets: ['@0'], "
             "labels: {team: t}}]}",
             starved_file);
    begin_with(&f, "", buf_text(&job));
    for (int i = 0; i < 60; i++) {
        test_clock_advance(test_host_clock(f.host), NANOS_PER_SECOND / 4);
        starve_resume();
        test_host_turn(f.host);
        starve_hold();
        loop_step(f.sites[0].loop, 0);
        loop_step(f.sites[1].loop, 0);
    }
    buf_free(&list);
    buf_free(&job);
    end(&f);
    starve_resume();
}

static void no_memory_is_survived(void **state)
{
    (void)state;
    char directory[] = "/tmp/prometheus_jobs.XXXXXX";
    assert_non_null(mkdtemp(directory));
    snprintf(starved_file, sizeof starved_file, "%s/a.json", directory);
    assert_true(starve_every(run_starved) > 50);
    unlink(starved_file);
    rmdir(directory);
}

/* ---- what is wrong ---- */

static void wrong_settings_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *job, *says;
    } rows[] = {
        { "basic_auth: {username: a, username_file: b}", "set username or username_file" },
        { "basic_auth: {password: a, password_file: b}", "set password or password_file" },
        { "authorization: {credentials: a, credentials_file: b}", "credentials_file, not both" },
        { "authorization: {type: Basic}", "basic_auth is for" },
        { "bearer_token: a, basic_auth: {username: b}", "set one of" },
        { "bearer_token: a, bearer_token_file: b", "not both" },
        { "http_headers: {Authorization: {values: [a]}}", "set by the receiver itself" },
        { "http_headers: {'a b': {values: [a]}}", "not the name of a header" },
        { "proxy_url: http://a", "proxy" },
        { "relabel_configs: [{action: hashmod, target_label: a}]", "relabel_configs: rule 1" },
        { "metric_relabel_configs: [{target_label: a, regex: '('}]",
          "metric_relabel_configs: rule 1" },
        { "relabel_configs: [{action: nonsense}]", "action" },
        { "file_sd_configs: [{}]", "files: is needed" },
        { "file_sd_configs: [{files: [a.txt]}]", "must end in .json" },
        { "file_sd_configs: [{files: ['*/a.json']}]", "behind the last /" },
        { "http_sd_configs: [{}]", "url" },
        { "http_sd_configs: [{url: 'ftp://a'}]", "must begin with http" },
        { "dns_sd_configs: [{}]", "names: is needed" },
        { "dns_sd_configs: [{names: [a], type: A}]", "port: is needed" },
        { "dns_sd_configs: [{names: [a], type: TXT}]", "type" },
        { "kubernetes_sd_configs: [{role: pod}]", "discovery" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err = { 0 };
        Buf yaml = BUF(TEXT_MAX), problems = BUF(TEXT_MAX);
        buf_addf(&yaml, "{config: {scrape_configs: [{job_name: j, %s}]}}", rows[i].job);
        TestHost *host = test_host_new(&prometheus_receiver, buf_str(&yaml), &problems, &err);
        buf_addf(&problems, "%s", err.text);
        if (host || !str_contains(buf_str(&problems), str_from(rows[i].says)))
            fail_msg("%s: %s", rows[i].job, buf_text(&problems));
        buf_free(&problems);
        buf_free(&yaml);
    }
}

int main(void)
{
    log_set_level(LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_are_relabelled),
        cmocka_unit_test(intervals_are_relabelled),
        cmocka_unit_test(two_that_are_the_same_are_one),
        cmocka_unit_test(samples_are_relabelled),
        cmocka_unit_test(requests_say_who_asks),
        cmocka_unit_test(compression_may_be_turned_off),
        cmocka_unit_test(formats_are_asked_for),
        cmocka_unit_test(an_answer_without_a_type_is_the_fallback),
        cmocka_unit_test(redirects_are_followed_without_secrets),
        cmocka_unit_test(redirects_end),
        cmocka_unit_test(limits_fail_the_scrape),
        cmocka_unit_test(too_many_targets_are_all_down),
        cmocka_unit_test(targets_come_from_files),
        cmocka_unit_test(targets_come_from_http),
        cmocka_unit_test(names_are_looked_up),
        cmocka_unit_test(names_may_be_trimmed),
        cmocka_unit_test(a_metric_may_tell_the_start),
        cmocka_unit_test(further_metrics_may_be_asked_for),
        cmocka_unit_test(no_memory_is_survived),
        cmocka_unit_test(wrong_settings_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
