/* Services judged by their spans: which count, how they are counted, and what is refused. */
#include "api/cryo_services.h"

#include "base/clock.h"
#include "store/store.h"
#include "support/make_spans.h"
#include "support/starve.h"
#include "support/test_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static TestDisk *disk;
static Store *store;

static void told(void *context, const Err *err)
{
    *(bool *)context = err == NULL;
}

static void put(const char *lines)
{
    Err err;
    bool stored = false;
    Batch *batch = make_spans(str_from(lines), &err);
    assert_non_null(batch);
    assert_true(store_append(store, batch, told, &stored, &err));
    batch_unref(batch);
    store_step(store);
    assert_true(stored);
}

static int set_up(void **state)
{
    (void)state;
    Err err;
    disk = test_disk_new(1);
    StoreSettings settings = store_defaults();
    settings.disk = test_disk_door(disk);
    settings.directory = "data";
    settings.sync = SEGLOG_SYNC_OFF;
    settings.own_thread = false;
    store = store_open(&settings, &err);
    return store ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    Err err;
    bool ok = store_close(store, INT64_MAX, &err);
    test_disk_free(disk);
    return ok ? 0 : 1;
}

static ApiAnswer ask_until(const char *query, int64_t deadline_mono_ns)
{
    ApiAnswer answer = { .body = BUF(64 << 20) };
    ApiRequest request = { .method = STR("GET"),
                           .path = STR("/api/cryo/services"),
                           .query = str_from(query),
                           .now_ns = (int64_t)SPANS_EPOCH_NS + 3600 * NANOS_PER_SECOND,
                           .deadline_mono_ns = deadline_mono_ns };
    ApiSources sources = { .spans = store_spans(store) };
    cryo_services_routes[0].answer(&sources, &request, &answer);
    return answer;
}

static void check(const char *query, int status, const char *expected)
{
    ApiAnswer answer = ask_until(query, 0);
    if (answer.status != status || !str_contains(buf_str(&answer.body), str_from(expected)))
        fail_msg("%s: %d %.*s\nwithout %s", query, answer.status, STR_ARG(buf_str(&answer.body)),
                 expected);
    buf_free(&answer.body);
}

static void an_empty_store_has_no_services(void **state)
{
    (void)state;
    check("", 200, "\"complete\":true,\"services\":[]}");
    check("start=1750000000&end=1750000010&step=2", 200,
          "{\"start\":1750000000,\"end\":1750000010,\"step\":2,");
}

static void entry_spans_count_and_others_do_not(void **state)
{
    (void)state;
    put("trace=a1 id=1 service=shop name=GET kind=server start=+0s last=10ms\n"
        "trace=a1 id=2 parent=1 service=shop name=SELECT kind=client start=+1s last=900ms\n"
        "trace=a1 id=3 parent=2 service=mail name=take kind=consumer start=+1s last=20ms "
        "status=error\n"
        "trace=a2 id=1 service=shop name=GET kind=server start=+5s last=30ms status=error\n"
        "trace=a3 id=1 service=shop name=timer start=+5s last=7s\n"
        "trace=a4 id=1 service=cron name=night start=+9s last=-5ms\n"
        "trace=a4 id=2 parent=1 service=lib name=help start=+9s last=1ms\n");
    const char *window = "start=1750000000&end=1750000010&step=5";
    check(window, 200,
          "{\"name\":\"shop\",\"counted\":\"entry\",\"spans\":2,\"errors\":1,\"p50_ms\":10");
    check(window, 200, "\"p95_ms\":30,\"p99_ms\":30,\"rate\":[0.2,0.2],\"error_rate\":[0,0.2]}");
    check(window, 200,
          "{\"name\":\"mail\",\"counted\":\"entry\",\"spans\":1,\"errors\":1,\"p50_ms\":20,"
          "\"p95_ms\":20,\"p99_ms\":20,\"rate\":[0.2,0],\"error_rate\":[0.2,0]}");
    check(window, 200,
          "{\"name\":\"cron\",\"counted\":\"root\",\"spans\":1,\"errors\":0,\"p50_ms\":0,"
          "\"p95_ms\":0,\"p99_ms\":0,\"rate\":[0,0.2],\"error_rate\":[0,0]}");
    check(window, 200,
          "{\"name\":\"lib\",\"counted\":\"none\",\"spans\":0,\"errors\":0,\"p50_ms\":null,"
          "\"p95_ms\":null,\"p99_ms\":null,\"rate\":[0,0],\"error_rate\":[0,0]}");
    check(window, 200, "\"services\":[{\"name\":\"cron\"");
}

static void the_time_is_half_open_and_its_last_step_may_be_short(void **state)
{
    (void)state;
    /* shop: +0s and +5s; the second step lasts one second. */
    check("start=1750000000&end=1750000006&step=5", 200, "\"rate\":[0.2,1]");
    check("start=1750000000&end=1750000005&step=5", 200, "\"spans\":1,\"errors\":0");
    check("start=1750000001&end=1750000005&step=5", 200, "\"name\":\"shop\",\"counted\":\"none\"");
    check("start=1750000020&end=1750000030", 200, "\"services\":[]");
    check("", 200, "\"step\":60,\"complete\":true,\"services\":[{\"name\":\"cron\"");
}

/* One to 1000 milliseconds, a span each: the quantiles are known. */
static void quantiles_are_within_one_percent(void **state)
{
    (void)state;
    Buf lines = BUF(1 << 20);
    for (int i = 1; i <= 1000; i++)
        buf_addf(&lines, "trace=b%x id=%x service=even name=n kind=server start=+100s last=%dms\n",
                 i, i, i);
    put(buf_text(&lines));
    buf_free(&lines);
    ApiAnswer answer = ask_until("start=1750000100&end=1750000101", 0);
    static const struct {
        const char *key;
        double exact;
    } rows[] = { { "\"p50_ms\":", 500 }, { "\"p95_ms\":", 950 }, { "\"p99_ms\":", 990 } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *at = strstr(buf_text(&answer.body), rows[i].key);
        assert_non_null(at);
        double found = strtod(at + strlen(rows[i].key), NULL);
        if (found < rows[i].exact * 0.99 || found > rows[i].exact * 1.01)
            fail_msg("%s is %g, not %g", rows[i].key, found, rows[i].exact);
    }
    buf_free(&answer.body);
}

static void any_duration_has_its_place(void **state)
{
    (void)state;
    put("trace=c1 id=1 service=least name=n kind=server start=+200s last=1ns\n"
        "trace=c2 id=1 service=odd name=n kind=server start=+200s last=127ns\n"
        "trace=c3 id=1 service=even name=n kind=server start=+200s last=128ns\n"
        "trace=c4 id=1 service=most name=n kind=server start=+200s last=2000000h\n");
    const char *window = "start=1750000200&end=1750000201";
    check(window, 200,
          "\"name\":\"least\",\"counted\":\"entry\",\"spans\":1,\"errors\":0,"
          "\"p50_ms\":1e-06,");
    check(window, 200, "\"p50_ms\":0.000127,");
    check(window, 200, "\"p50_ms\":0.000128,");
    check(window, 200, "\"p99_ms\":7200000000000,");
}

static void what_cannot_be_answered_is_refused(void **state)
{
    (void)state;
    check("start=soon", 400, "parameter 'start' is 'soon'");
    check("step=never", 400, "parameter 'step' is 'never'");
    check("start=20&end=10", 400, "{\"error\":\"parameter 'end' must be later than 'start'\"}");
    check("start=10&end=10", 400, "later than");
    check("start=0&end=10000&step=1", 400, "makes 10000 points of this time: at most 1000");
    ApiAnswer none = { .body = BUF(1 << 16) };
    cryo_services_routes[0].answer(&(ApiSources){ 0 }, &(ApiRequest){ 0 }, &none);
    assert_int_equal(none.status, 503);
    buf_free(&none.body);
    ApiAnswer late = ask_until("start=1750000000&end=1750000300", 1);
    assert_int_equal(late.status, 504);
    buf_free(&late.body);
}

static void services_beyond_the_ceiling_are_said_to_be_missing(void **state)
{
    (void)state;
    Buf lines = BUF(4 << 20);
    for (int i = 0; i <= CRYO_SERVICES_MAX; i++)
        buf_addf(&lines, "trace=d%x id=%x service=s%d name=n kind=server start=+300s last=1ms\n",
                 i + 1, i + 1, i);
    put(buf_text(&lines));
    buf_free(&lines);
    check("start=1750000300&end=1750000301", 200, "\"complete\":false");
}

static void no_memory_is_an_answer_too(void **state)
{
    (void)state;
    const char *query = "start=1750000000&end=1750000010&step=1";
    starve_after(-1);
    ApiAnswer whole = ask_until(query, 0);
    assert_int_equal(whole.status, 200);
    long n = 0;
    for (bool done = false; !done; n++) {
        long before = starve_live();
        starve_after(n);
        ApiAnswer answer = ask_until(query, 0);
        done = !starve_happened();
        starve_end();
        if (answer.status == 503)
            assert_false(done);
        else
            assert_true(answer.status == 200 &&
                        str_eq(buf_str(&answer.body), buf_str(&whole.body)));
        buf_free(&answer.body);
        assert_int_equal(starve_live(), before);
    }
    printf("counts: the overview survives %ld failed allocations\n", n - 1);
    assert_true(n > 5);
    buf_free(&whole.body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_store_has_no_services),
        cmocka_unit_test(entry_spans_count_and_others_do_not),
        cmocka_unit_test(the_time_is_half_open_and_its_last_step_may_be_short),
        cmocka_unit_test(quantiles_are_within_one_percent),
        cmocka_unit_test(any_duration_has_its_place),
        cmocka_unit_test(what_cannot_be_answered_is_refused),
        cmocka_unit_test(services_beyond_the_ceiling_are_said_to_be_missing),
        cmocka_unit_test(no_memory_is_an_answer_too),
    };
    return cmocka_run_group_tests_name("cryo_services", tests, set_up, tear_down);
}
