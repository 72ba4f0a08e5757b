/* metric_duty.c - metrics as the worker sees them: one collection per interval, none of them
 * waiting anywhere else; see duty.h. */
#include "sdk/duty.h"
#include "sdk/meter.h"
#include "sdk/metric_batch.h"
#include "sdk/tracer.h"

#include <string.h>

static struct {
    MetricSource source;
    Arena *arena; /* of the batch that is on its way */
    MetricBatch batch;
} metrics;

static bool metrics_plan(const CryoSettings *settings, DutyPlan *out)
{
    *out = (DutyPlan){
        .exporters = settings->metrics.exporter_type,
        .delay_ns = settings->metrics.export_interval_millis * NANOS_PER_MILLI,
        .timeout_ns = settings->metrics.export_timeout_millis * NANOS_PER_MILLI,
    };
    return settings->metrics.enabled == CRYO_ON;
}

static TemporalityPreference preference(const char *name)
{
    return strcmp(name, "delta") == 0       ? PREFER_DELTA
           : strcmp(name, "lowmemory") == 0 ? PREFER_LOWMEMORY
                                            : PREFER_CUMULATIVE;
}

static bool metrics_begin(void *self, const DutyRun *run, Err *err)
{
    (void)self, (void)err;
    metrics.source = (MetricSource){ run->resource, run->scope->name, run->scope->version };
    meter_begin(&(MeterConfig){ .clock = run->config->clock,
                                .preference = preference(run->settings->metrics.temporality) });
    return true;
}

static bool metrics_encode(const Outgoing *outgoing, Buf *out, Err *err)
{
    return metric_batch_encode(outgoing->batch, out, err);
}

static void *metrics_views(const Outgoing *outgoing, Arena *arena, Err *err)
{
    return metric_batch_views(outgoing->batch, arena, err);
}

static void metrics_release(void *self)
{
    (void)self;
    arena_free(metrics.arena);
    metrics.arena = NULL;
}

static Gathered metrics_gather(void *self, Outgoing *out, Err *err)
{
    metrics.arena = arena_new(METRIC_BATCH_BYTES_MAX, err);
    bool good =
        metrics.arena && metric_collect(&metrics.source, metrics.arena, &metrics.batch, err);
    if (!good || metrics.batch.count == 0) {
        metrics_release(self);
        return good ? GATHERED_NOTHING : GATHERED_FAILED;
    }
    out->count = metrics.batch.point_count;
    out->view_count = metrics.batch.count;
    out->batch = &metrics.batch;
    out->encode = metrics_encode;
    out->views = metrics_views;
    return GATHERED_ALL;
}

/* The meter has its own handler of forks (fork.c). A batch on its way stays the parent's. */
static void metrics_forked(void *self)
{
    (void)self;
    metrics.arena = NULL;
}

static void metrics_end(void *self)
{
    (void)self;
    meter_end();
}

const DutyType metric_duty = { .signal = METRICS,
                               .what = "metrics",
                               .plan = metrics_plan,
                               .begin = metrics_begin,
                               .gather = metrics_gather,
                               .release = metrics_release,
                               .end = metrics_end,
                               .forked = metrics_forked };
