/* metric_duty_test.c - metrics through the whole library: settings, worker, exporters, flush,
 * shutdown, fork. */
#include "sdk/kept_spans.h"

#include "support/starve.h"

#include <cryostorm/metrics.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void begin(CryoMetricsSettings metrics)
{
    if (!metrics.exporter_type)
        metrics.exporter_type = "in_memory";
    memory_start(&(CryoSettings){ .metrics = metrics });
}

static int stop(void **state)
{
    (void)state;
    memory_stop();
    return 0;
}

typedef struct Found {
    const char *name;
    int64_t value;
    size_t times;
} Found;

static void look(void *context, const CryoMetricView *metric)
{
    Found *found = context;
    if (!text_is(metric->name, found->name))
        return;
    found->times++;
    found->value = metric->points[0].value.as.integer;
}

static Found find(const char *name)
{
    Found found = { .name = name };
    cryo_memory_metrics(look, &found);
    return found;
}

static void a_flush_collects(void **state)
{
    (void)state;
    begin((CryoMetricsSettings){ 0 });
    CryoCounter counter = cryo_counter("duty.flush", NULL);
    assert_true(cryo_has("metrics"));
    cryo_counter_add(counter, 2);
    assert_true(cryo_flush(5000, NULL));
    assert_int_equal(find("duty.flush").value, 2);
    cryo_counter_add(counter, 3);
    assert_true(cryo_flush(5000, NULL));
    assert_int_equal(find("duty.flush").value, 5);
    assert_int_equal(find("duty.flush").times, 2);
}

static void a_shutdown_collects_once_more(void **state)
{
    (void)state;
    begin((CryoMetricsSettings){ .temporality = "delta" });
    CryoCounter counter = cryo_counter("duty.shutdown", NULL);
    cryo_counter_add(counter, 7);
    assert_true(cryo_shutdown(5000, NULL));
    assert_int_equal(find("duty.shutdown").value, 7);
    cryo_counter_add(counter, 1); /* nobody listens */
    begin((CryoMetricsSettings){ 0 });
    assert_true(cryo_flush(5000, NULL));
    assert_int_equal(find("duty.shutdown").times, 0);
}

static _Atomic int asked;

static void tell(void *context, CryoObserver *observer)
{
    cryo_observe(observer, *(CryoObservable *)context, atomic_fetch_add(&asked, 1) + 1);
}

/* Nothing is measured and no span ends: the observable alone keeps the worker going. */
static void the_interval_collects(void **state)
{
    (void)state;
    CryoObservable gauge = cryo_observable_gauge("duty.interval", NULL);
    assert_int_not_equal(cryo_callback_add(tell, &gauge, &gauge, 1), 0);
    begin((CryoMetricsSettings){ .export_interval_millis = 5 });
    for (int i = 0; i < 10000 && atomic_load(&asked) < 5; i++)
        usleep(1000);
    assert_true(atomic_load(&asked) >= 5);
    cryo_reset(); /* forgets callbacks, too */
    begin((CryoMetricsSettings){ 0 });
    int before = atomic_load(&asked);
    assert_true(cryo_flush(5000, NULL));
    assert_int_equal(atomic_load(&asked), before);
}

static void it_can_be_off(void **state)
{
    (void)state;
    begin((CryoMetricsSettings){ .enabled = CRYO_OFF });
    CryoCounter counter = cryo_counter("duty.off", NULL);
    assert_false(cryo_metrics_enabled());
    cryo_counter_add(counter, 1);
    assert_true(cryo_flush(5000, NULL));
    assert_int_equal(find("duty.off").times, 0);
}

static size_t points;

static bool take(void *self, const CryoMetricView *metrics, size_t count, uint32_t timeout_ms,
                 CryoError *err)
{
    (void)self, (void)timeout_ms, (void)err;
    for (size_t i = 0; i < count; i++)
        points += text_is(metrics[i].name, "duty.custom") ? metrics[i].point_count : 0;
    return true;
}

static void a_registered_exporter_sees_metrics(void **state)
{
    (void)state;
    const CryoExporterType type = { .size = sizeof type, .export_metrics = take };
    assert_true(cryo_exporter_register("mine", &type, NULL, NULL));
    begin((CryoMetricsSettings){ .exporter_type = "mine" });
    CryoHistogram spread = cryo_histogram("duty.custom", NULL);
    cryo_histogram_record(spread, 1, CRYO_ATTRS("a", 1));
    cryo_histogram_record(spread, 1, CRYO_ATTRS("a", 2));
    assert_true(cryo_flush(5000, NULL));
    assert_int_equal(points, 2);
}

#ifndef __SANITIZE_THREAD__ /* which cannot follow a thread that is started in a fork's child */
static void a_child_sends_its_own(void **state)
{
    (void)state;
    int status;
    begin((CryoMetricsSettings){ 0 });
    CryoCounter counter = cryo_counter("duty.fork", NULL);
    cryo_counter_add(counter, 10);
    pid_t child = fork();
    if (child == 0) {
        cryo_counter_add(counter, 1);
        bool good = cryo_flush(5000, NULL);
        _exit(good && find("duty.fork").value == 1 ? 7 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_true(cryo_flush(5000, NULL));
    assert_int_equal(find("duty.fork").value, 10);
}
#endif

/* A whole life of metrics in which each allocation fails once: it starts or says why, and nothing
 * stays behind. */
static void life(void)
{
    CryoSettings code = { .env_file = "",
                          .tracing.enabled = CRYO_OFF,
                          .logging.enabled = CRYO_OFF,
                          .metrics = { .exporter_type = "in_memory" } };
    CryoError error;
    if (cryo_start(&code, &error)) {
        CryoCounter counter = cryo_counter("duty.life", NULL);
        for (int i = 0; i < 10; i++)
            cryo_counter_add(counter, 1, CRYO_ATTRS("i", i));
        (void)cryo_flush(5000, NULL);
        (void)cryo_shutdown(5000, NULL);
    } else {
        assert_true(error.text[0]);
    }
    cryo_reset();
}

static void quiet(void *context, CryoLogLevel level, CryoString message)
{
    (void)context, (void)level, (void)message;
}

static void quiet_life(void)
{
    cryo_set_log_handler(quiet, NULL);
    life();
}

static void the_nth_allocation_may_fail(void **state)
{
    (void)state;
    starve_after(-1);
    quiet_life(); /* what lives as long as the process */
    assert_in_range(starve_every(quiet_life), 50, 100000);
}

int main(void)
{
#define DUTY_TEST(function) cmocka_unit_test_teardown(function, stop)
    const struct CMUnitTest tests[] = {
        DUTY_TEST(a_flush_collects),
        DUTY_TEST(a_shutdown_collects_once_more),
        DUTY_TEST(the_interval_collects),
        DUTY_TEST(it_can_be_off),
        DUTY_TEST(a_registered_exporter_sees_metrics),
#ifndef __SANITIZE_THREAD__
        DUTY_TEST(a_child_sends_its_own),
#endif
        DUTY_TEST(the_nth_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
