/* kept_metrics.c - see kept_metrics.h. */
#include "sdk/kept_metrics.h"

#include "sdk/metric_callback.h"

#include <cryostorm/telemetry.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static TestClock test_clock;
static Arena *arena;
static MetricBatch batch;
static Buf said = { .max = 1 << 20 };

static void hear(void *context, CryoLogLevel level, CryoString message)
{
    (void)context, (void)level;
    buf_add(&said, (Str){ message.ptr, message.len });
    buf_add_byte(&said, '\n');
}

void messages_begin(void)
{
    buf_clear(&said);
    cryo_set_log_handler(hear, NULL);
}

size_t messages_with(const char *part)
{
    size_t count = 0;
    Str rest = buf_str(&said), line;
    while (str_split(&rest, '\n', &line))
        count += str_contains(line, str_from(part));
    return count;
}

void metrics_begin_again(TemporalityPreference preference, size_t sets_max)
{
    meter_begin(&(MeterConfig){
        .clock = &test_clock.base, .preference = preference, .sets_max = sets_max });
    CRYO_RELEASE(cryo_metering, 1);
}

void metrics_begin(TemporalityPreference preference, size_t sets_max)
{
    test_clock_init(&test_clock, METRICS_EPOCH_S * NANOS_PER_SECOND);
    metrics_begin_again(preference, sets_max);
}

void metrics_end(void)
{
    CRYO_RELEASE(cryo_metering, 0);
    meter_end();
    callbacks_forget();
    arena_free(arena);
    arena = NULL;
    batch = (MetricBatch){ 0 };
    buf_free(&said);
    cryo_set_log_handler(NULL, NULL);
}

void metrics_wait(int64_t seconds)
{
    test_clock_advance(&test_clock, seconds * NANOS_PER_SECOND);
}

const MetricBatch *metrics_collect(void)
{
    static const Resource resource;
    const MetricSource source = { &resource, STR("shop"), STR("1.2") };
    Err err;
    arena_free(arena);
    arena = arena_new(METRIC_BATCH_BYTES_MAX, &err);
    assert_non_null(arena);
    if (!metric_collect(&source, arena, &batch, &err))
        fail_msg("%s", err.text);
    return &batch;
}

static bool named(const CryoMetricView *metric, const char *name)
{
    return str_eq((Str){ metric->name.ptr, metric->name.len }, str_from(name));
}

const CryoMetricView *metric_named(const char *name)
{
    for (size_t i = 0; i < batch.count; i++)
        if (named(&batch.metrics[i], name))
            return &batch.metrics[i];
    return NULL;
}

const CryoPointView *point_with(const CryoMetricView *metric, CryoAttrs attributes)
{
    for (size_t i = 0; metric && i < metric->point_count; i++)
        if (set_equal(metric->points[i].attributes, attributes))
            return &metric->points[i];
    return NULL;
}

const CryoPointView *only_point(const char *name)
{
    const CryoPointView *point = point_with(metric_named(name), cryo_no_attributes());
    assert_non_null(point);
    return point;
}
