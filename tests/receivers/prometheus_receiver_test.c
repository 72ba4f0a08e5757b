/* prometheus_receiver_test.c - a site that tells what the test says, scraped under a clock that the
 * test moves. */
#include "base/log.h"
#include "net/server.h"
#include "otlp/batch.h"
#include "otlp/metric_view.h"
#include "support/starve.h"
#include "support/test_certs.h"
#include "support/test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

extern const ComponentType prometheus_receiver;

enum { TEXT_MAX = 1 << 20, TURNS_MAX = 20000 };

typedef struct Site {
    Loop *loop;
    Server *server;
    TlsContext *tls;
    char endpoint[ADDRESS_TEXT_SIZE];
    const char *page;
    int status;
    bool silent; /* takes the request and says nothing */
    Request *kept;
    int asked;
    char target[100], accept[200], timeout[20];
} Site;

typedef struct Fixture {
    Site site;
    TestHost *host;
} Fixture;

static const TestCert *site_cert; /* NULL: the site speaks plain text */

static void answer(void *owner, Request *request)
{
    Site *site = owner;
    site->asked++;
    snprintf(site->target, sizeof site->target, "%.*s?%.*s", STR_ARG(request_path(request)),
             STR_ARG(request_query(request)));
    snprintf(site->accept, sizeof site->accept, "%.*s",
             STR_ARG(request_field(request, STR("accept"))));
    snprintf(site->timeout, sizeof site->timeout, "%.*s",
             STR_ARG(request_field(request, STR("x-prometheus-scrape-timeout-seconds"))));
    if (site->silent) {
        if (site->kept) /* of an earlier scrape: when the first one comes depends on the port */
            request_answer_text(site->kept, 200, STR(""));
        site->kept = request;
        return;
    }
    Answer page = { .status = site->status,
                    .content_type = STR("text/plain"),
                    .body = BUF(TEXT_MAX) };
    buf_add(&page.body, str_from(site->page));
    request_answer(request, &page);
}

static void site_open(Site *site)
{
    Err err;
    *site = (Site){ .page = "a 1\n", .status = 200, .loop = loop_new(NULL, NULL, &err) };
    if (site_cert) {
        site->tls = tls_context_new(&(TlsOptions){ .role = TLS_SERVER,
                                                   .loop = site->loop,
                                                   .cert_pem = str_from(site_cert->cert),
                                                   .key_pem = str_from(site_cert->key) },
                                    &err);
        assert_non_null(site->tls);
    }
    const ServerSettings settings = { .loop = site->loop,
                                      .endpoint = STR("127.0.0.1:0"),
                                      .tls = site->tls };
    const Route route = { .path = STR("/*"), .handle = answer, .owner = site };
    site->server = server_new(&settings, &err);
    assert_true(site->server && server_route(site->server, &route, &err));
    assert_true(server_listen(site->server, &err));
    Address address = server_address(site->server);
    address_text(&address, site->endpoint);
}

static void site_close(Site *site)
{
    if (site->kept)
        request_answer_text(site->kept, 200, STR(""));
    server_free(site->server);
    tls_context_free(site->tls);
    loop_free(site->loop);
}

static Budget *lent; /* to what begins; NULL: none */

/* "%s" in `job` is the site's endpoint. */
static void begin(Fixture *f, const char *job)
{
    Err err = { 0 };
    site_open(&f->site);
    const char *mark = strstr(job, "%s");
    Buf yaml = BUF(TEXT_MAX);
    buf_add(&yaml, STR("{config: {global: {scrape_interval: 10s, scrape_timeout: 2s, "
                       "external_labels: {zone: z}}, scrape_configs: ["));
    buf_add(&yaml, (Str){ job, (size_t)(mark - job) });
    buf_add(&yaml, str_from(f->site.endpoint));
    buf_add(&yaml, str_from(mark + 2));
    buf_add(&yaml, STR("]}}"));
    f->host = test_host_new(&prometheus_receiver, buf_str(&yaml), NULL, &err);
    if (f->host)
        test_host_lend(f->host, lent);
    if (!f->host || !test_host_start(f->host, &err))
        fail_msg("%s", err.text);
    test_host_judge_all(f->host, true);
    buf_free(&yaml);
}

static void end(Fixture *f)
{
    test_host_close(f->host);
    test_host_stop(f->host);
    assert_int_equal(test_host_open(f->host), 0);
    test_host_free(f->host);
    site_close(&f->site);
}

static void turn(Fixture *f)
{
    loop_step(f->site.loop, 0);
    test_host_turn(f->host);
}

/* Until so many batches were sent on. */
static void await(Fixture *f, size_t sent)
{
    for (int i = 0; i < TURNS_MAX && test_host_sent_count(f->host) < sent; i++)
        turn(f);
    assert_int_equal(test_host_sent_count(f->host), sent);
}

static void await_asked(Fixture *f, int asked)
{
    for (int i = 0; i < TURNS_MAX && f->site.asked < asked; i++)
        turn(f);
    assert_int_equal(f->site.asked, asked);
}

/* In small steps, so that an answer has the time to come before its timeout. */
static void tick(Fixture *f, int seconds)
{
    for (int step = 0; step < seconds * 4; step++) {
        test_host_tick(f->host, NANOS_PER_SECOND / 4);
        for (int i = 0; i < 10; i++)
            turn(f);
    }
}

/* The value of the metric in the n-th batch; -1: it is not there. */
static double value_in(Fixture *f, size_t n, const char *name)
{
    const Batch *batch = test_host_sent(f->host, n)->batch;
    for (size_t m = 0; m < batch_metric_count(batch); m++) {
        MetricView metric = metric_view(batch, m);
        if (str_eq(metric.name, str_from(name)))
            return number_point_view(batch, metric.first_item).value.real;
    }
    return -1;
}

static bool has_attribute(Fixture *f, size_t n, const char *key, const char *text)
{
    ValueView value;
    const Batch *batch = test_host_sent(f->host, n)->batch;
    return attributes_find(item_attributes(batch, 0), str_from(key), &value) &&
           str_eq(value.text, str_from(text));
}

static uint64_t dropped(Fixture *f, const char *reason)
{
    ComponentStatus status = test_host_status(f->host);
    for (size_t i = 0; i < status.drop_count; i++)
        if (strcmp(status.drops[i].reason, reason) == 0)
            return status.drops[i].items;
    return 0;
}

static void asks_every_interval(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "{job_name: j, metrics_path: /m, params: {module: [a b, c]}, scrape_timeout: 1500ms, "
              "static_configs: [{targets: ['%s'], labels: {team: t}}]}");
    tick(&f, 10);
    await(&f, 1);
    assert_string_equal(f.site.target, "/m?module=a%20b&module=c");
    assert_true(strstr(f.site.accept, "application/openmetrics-text;version=1.0.0") != NULL);
    assert_string_equal(f.site.timeout, "1.500");
    assert_true(value_in(&f, 0, "a") == 1);
    assert_true(value_in(&f, 0, "up") == 1);
    assert_true(has_attribute(&f, 0, "team", "t"));
    assert_true(has_attribute(&f, 0, "zone", "z"));
    f.site.page = "a 2\n";
    tick(&f, 20); /* the first came somewhere in its interval, the others keep the step */
    await(&f, 3);
    assert_int_equal(f.site.asked, 3);
    assert_true(value_in(&f, 1, "a") == 2);
    assert_int_equal(test_host_ack_count(f.host), 3);
    end(&f);
}

static void failures_stay_with_their_target(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "{job_name: nobody, static_configs: [{targets: ['127.0.0.1:1']}]}, "
              "{job_name: j, static_configs: [{targets: ['%s']}]}");
    tick(&f, 10);
    await(&f, 2);
    assert_true(value_in(&f, 0, "up") + value_in(&f, 1, "up") == 1);
    assert_int_equal(dropped(&f, "a scrape that failed"), 1);
    end(&f);
}

static void broken_answers_are_told(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "{job_name: j, body_size_limit: 1000, static_configs: [{targets: ['%s']}]}");
    Buf large = BUF(TEXT_MAX);
    while (large.len < 2000)
        buf_addf(&large, "a%zu 1\n", large.len);
    const struct {
        const char *page;
        int status;
    } rows[] = { { "a{ 1\n", 200 }, { "a 1\n", 500 }, { buf_text(&large), 200 } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        f.site.page = rows[i].page;
        f.site.status = rows[i].status;
        tick(&f, 10);
        await(&f, i + 1);
        assert_true(value_in(&f, i, "up") == 0);
        assert_true(value_in(&f, i, "a") == -1);
    }
    f.site.page = "a 1\n";
    tick(&f, 10);
    await(&f, COUNT_OF(rows) + 1);
    assert_true(value_in(&f, COUNT_OF(rows), "up") == 1);
    assert_int_equal(dropped(&f, "a scrape that failed"), COUNT_OF(rows));
    buf_free(&large);
    end(&f);
}

static void slow_targets_time_out(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "{job_name: j, static_configs: [{targets: ['%s']}]}");
    f.site.silent = true;
    tick(&f, 10);
    await_asked(&f, 1);
    tick(&f, 2);
    await(&f, 1);
    assert_true(value_in(&f, 0, "up") == 0);
    end(&f);
}

static void an_answer_may_come_after_the_end(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "{job_name: j, static_configs: [{targets: ['%s']}]}");
    f.site.silent = true;
    tick(&f, 10);
    await_asked(&f, 1);
    end(&f);
    assert_int_equal(f.site.asked, 1);
}

static void what_is_refused_is_lost_and_no_more(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "{job_name: j, static_configs: [{targets: ['%s']}]}");
    test_host_refuse(f.host, ERR_BUSY);
    tick(&f, 10);
    await_asked(&f, 1);
    for (int i = 0; i < 200; i++)
        turn(&f);
    test_host_refuse(f.host, ERR_NONE);
    tick(&f, 10);
    await(&f, 1);
    assert_true(value_in(&f, 0, "up") == 1);
    end(&f);
}

/* The PEM text of a certificate as YAML: a line of it ends in \n. */
static void add_pem(Buf *yaml, const char *pem)
{
    buf_add_byte(yaml, '"');
    for (; *pem; pem++) {
        if (*pem == '\n')
            buf_add(yaml, STR("\\n"));
        else
            buf_add_byte(yaml, *pem);
    }
    buf_add_byte(yaml, '"');
}

static void a_target_is_asked_over_https(void **state)
{
    (void)state;
    TestCert authority, cert;
    test_authority(&authority, "an authority");
    test_cert(&cert, &authority, &(TestWish){ .names = "DNS:shop" });
    site_cert = &cert;
    for (int right = 0; right < 2; right++) {
        Fixture f;
        Buf job = BUF(TEXT_MAX);
        buf_addf(&job, "{job_name: j, scheme: https, tls_config: {server_name: %s, ca: ",
                 right ? "shop" : "stop");
        add_pem(&job, authority.cert);
        buf_add(&job, STR("}, static_configs: [{targets: ['%s']}]}"));
        begin(&f, buf_text(&job));
        tick(&f, 10);
        await(&f, 1);
        assert_int_equal(f.site.asked, right);
        end(&f);
        buf_free(&job);
    }
    site_cert = NULL;
}

static void wrong_settings_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *says;
    } rows[] = {
        { "{}", "no Prometheus scrape_configs set" },
        { "{config: {scrape_configs: [{}]}}", "job_name" },
        { "{config: {scrape_configs: [{job_name: ''}]}}", "job_name" },
        { "{config: {scrape_configs: [{job_name: a}, {job_name: a}]}}", "is there twice" },
        { "{config: {scrape_configs: [{job_name: a, tls_config: {cert: b}}]}}",
          "tls: a certificate is set without key_file" },
        { "{config: {scrape_configs: [{job_name: a, tls_config: {min_version: TLS11}}]}}",
          "min_version" },
        { "{config: {scrape_configs: [{job_name: a, scheme: ftp}]}}", "must be http" },
        { "{config: {scrape_configs: [{job_name: a, metrics_path: m}]}}", "must start with /" },
        { "{config: {scrape_configs: [{job_name: a, scrape_timeout: 2m}]}}",
          "scrape_timeout is longer than scrape_interval" },
        { "{config: {global: {scrape_timeout: 2m}, scrape_configs: [{job_name: a}]}}",
          "scrape_timeout is longer than scrape_interval" },
        { "{config: {scrape_configs: [{job_name: a, params: [b]}]}}", "must be a map of lists" },
        { "{config: {scrape_configs: [{job_name: a, params: {b: c}}]}}",
          "must be a list of texts" },
        { "{config: {scrape_configs: [{job_name: a, static_configs: [{targets: ['h/x']}]}]}}",
          "\"h/x\" is not host:port" },
        { "{config: {scrape_configs: [{job_name: a, static_configs: [{labels: {a.b: c}}]}]}}",
          "\"a.b\" is not a label name" },
        { "{config: {global: {external_labels: {'9': c}}, scrape_configs: [{job_name: a}]}}",
          "\"9\" is not a label name" },
        { "{config: {remote_write: []}}", "sending" },
        { "{target_allocator: {}}", "target allocator" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err = { 0 };
        Buf problems = BUF(TEXT_MAX);
        TestHost *host =
            test_host_new(&prometheus_receiver, str_from(rows[i].yaml), &problems, &err);
        buf_addf(&problems, "%s", err.text);
        if (host || !str_contains(buf_str(&problems), str_from(rows[i].says)))
            fail_msg("%s: %s", rows[i].yaml, buf_text(&problems));
        buf_free(&problems);
    }
}

static void run_starved(void)
{
    starve_hold();
    Fixture f;
    begin(&f, "{job_name: j, static_configs: [{targets: ['%s']}]}");
    test_clock_advance(test_host_clock(f.host), 10 * NANOS_PER_SECOND);
    for (int i = 0; i < 60; i++) {
        starve_resume();
        test_host_turn(f.host);
        starve_hold();
        loop_step(f.site.loop, 0);
    }
    end(&f);
    starve_resume();
}

static void no_memory_is_survived(void **state)
{
    (void)state;
    assert_true(starve_every(run_starved) > 10);
}

/* All but 50 KB of what `owner` may have is taken; then it is there again. */
static void scrape_without_room(Budget *budget, BudgetOwner owner, size_t taken, const char *page)
{
    Fixture f;
    Purse *purse = budget_purse(budget, owner);
    begin(&f, "{job_name: j, static_configs: [{targets: ['%s']}]}");
    f.site.page = page;
    assert_true(purse_take(purse, taken - 50000));
    tick(&f, 10);
    await(&f, 1);
    purse_give(purse, taken - 50000);
    assert_true(value_in(&f, 0, "up") == 0);
    assert_int_equal(dropped(&f, "a scrape that failed"), 1);
    tick(&f, 10);
    await(&f, 2);
    assert_true(value_in(&f, 1, "up") == 1);
    assert_true(value_in(&f, 1, "last") == 1);
    assert_int_equal(budget_use(budget).by_owner[BUDGET_BODIES], 0);
    assert_true(budget_use(budget).by_owner[BUDGET_CACHES] > 100000);
    assert_true(budget_use(budget).by_owner[BUDGET_BATCHES] > 100000);
    end(&f);
    assert_int_equal(budget_use(budget).used, 0);
}

/* For the answer, and for what is remembered of it. */
static void a_scrape_without_room_has_failed(void **state)
{
    (void)state;
    Budget budget;
    Buf page = BUF(TEXT_MAX);
    while (page.len < 100000)
        buf_addf(&page, "a%zu 1\n", page.len);
    buf_add(&page, STR("last 1\n"));
    budget_init(&budget, 64 << 20);
    lent = &budget;
    scrape_without_room(&budget, BUDGET_BODIES, 52 << 20, buf_text(&page));
    scrape_without_room(&budget, BUDGET_CACHES, 16 << 20, buf_text(&page));
    lent = NULL;
    buf_free(&page);
}

int main(void)
{
    log_set_level(LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_every_interval),
        cmocka_unit_test(failures_stay_with_their_target),
        cmocka_unit_test(broken_answers_are_told),
        cmocka_unit_test(slow_targets_time_out),
        cmocka_unit_test(an_answer_may_come_after_the_end),
        cmocka_unit_test(what_is_refused_is_lost_and_no_more),
        cmocka_unit_test(a_target_is_asked_over_https),
        cmocka_unit_test(wrong_settings_are_told),
        cmocka_unit_test(no_memory_is_survived),
        cmocka_unit_test(a_scrape_without_room_has_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
