/* custom_exporter.c - telemetry into code of one's own, registered under a name.
 *
 * The exporter "tally" prints a line per item, and is chosen for each signal as any other would be;
 * here in code, elsewhere by TRACING__EXPORTER_TYPE=tally and its siblings. It is called by the
 * worker thread, so it may take its time, and what it is shown it may only read.
 */
#include <cryostorm/exporter.h>
#include <cryostorm/log.h>
#include <cryostorm/metrics.h>
#include <cryostorm/telemetry.h>
#include <cryostorm/trace.h>

#include <stdio.h>

typedef struct Tally {
    size_t spans, points, logs;
} Tally;

static bool export_spans(void *self, const CryoSpanView *spans, size_t count, uint32_t timeout_ms,
                         CryoError *err)
{
    Tally *tally = self;
    (void)timeout_ms, (void)err;
    for (size_t i = 0; i < count; i++)
        printf("span    %.*s, %.3f ms\n", (int)spans[i].name.len, spans[i].name.ptr,
               (double)(spans[i].end_ns - spans[i].start_ns) / 1e6);
    tally->spans += count;
    return true; /* false: they count as failed, and err->text says why */
}

static bool export_metrics(void *self, const CryoMetricView *metrics, size_t count,
                           uint32_t timeout_ms, CryoError *err)
{
    Tally *tally = self;
    (void)timeout_ms, (void)err;
    for (size_t i = 0; i < count; i++) {
        printf("metric  %.*s, %zu points\n", (int)metrics[i].name.len, metrics[i].name.ptr,
               metrics[i].point_count);
        tally->points += metrics[i].point_count;
    }
    return true;
}

static bool export_logs(void *self, const CryoLogView *logs, size_t count, uint32_t timeout_ms,
                        CryoError *err)
{
    Tally *tally = self;
    (void)timeout_ms, (void)err;
    for (size_t i = 0; i < count; i++)
        if (logs[i].body.type == CRYO_STRING)
            printf("log     %.*s\n", (int)logs[i].body.as.string.len, logs[i].body.as.string.ptr);
    tally->logs += count;
    return true;
}

static const CryoExporterType tally_type = {
    .size = sizeof tally_type,
    .export_spans = export_spans,
    .export_metrics = export_metrics,
    .export_logs = export_logs,
};

int main(void)
{
    CryoError error;
    Tally tally = { 0 }; /* what its functions get as self */
    CryoSettings settings = { .service = { .name = "shop", .environment = "production" },
                              .tracing.exporter_type = "tally",
                              .metrics.exporter_type = "tally",
                              .logging.exporter_type = "tally" };
    if (!cryo_exporter_register("tally", &tally_type, &tally, &error) ||
        !cryo_start(&settings, &error)) {
        fprintf(stderr, "No telemetry: %s\n", error.text);
        return 1;
    }
    {
        CRYO_SPAN(span, "sell");
        cryo_log(CRYO_INFO, "sold", CRYO_ATTRS("item", "tea"));
        cryo_span_set(span, CRYO_ATTRS("item", "tea"));
        cryo_counter_add(cryo_counter("sold", NULL), 1, CRYO_ATTRS("item", "tea"));
    }
    cryo_shutdown(5000, NULL); /* after this nobody calls the exporter any more */
    printf("%zu spans, %zu data points, %zu logs\n", tally.spans, tally.points, tally.logs);
    return 0;
}
