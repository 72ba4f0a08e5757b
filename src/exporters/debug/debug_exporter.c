/* debug_exporter.c - shows what passes, on standard error.
 *
 * One line per batch; with `verbosity: normal` a line per item behind it, with `detailed`
 * everything. Of batches of the same signal within one second the first `sampling_initial` are
 * shown, then every `sampling_thereafter`-th, so that a flood stays readable. A text larger than
 * TEXT_MAX loses its end. The old name `logging` and its `loglevel` are accepted.
 */
#include "exporters/debug/debug_text.h"
#include "pipe/host.h"

#include <stdio.h>

enum { TEXT_MAX = 16 << 20 };

typedef enum Verbosity { BASIC, NORMAL, DETAILED } Verbosity;

typedef struct DebugExporter {
    Component base;
    int verbosity; /* settings */
    uint64_t sampling_initial, sampling_thereafter;
    bool use_internal_logger;
    int64_t second[LOGS + 1]; /* state, by signal: the second that is counted */
    uint64_t seen[LOGS + 1];
} DebugExporter;

static const char *const verbosity_names[] = { "basic", "normal", "detailed", NULL };

static const ConfigField fields[] = {
    CHOICE(DebugExporter, verbosity, "basic", verbosity_names, "How much to show."),
    COUNT(DebugExporter, sampling_initial, "2", "0", "1000000000",
          "How many batches a second are shown at first."),
    COUNT(DebugExporter, sampling_thereafter, "1", "0", "1000000000",
          "Then every n-th; 0 shows no more in that second."),
    BOOL(DebugExporter, use_internal_logger, "true", "Write to where the program logs."),
    RETIRED("loglevel", "verbosity replaced it"),
    LATER("output_paths", "writing elsewhere than to standard error"),
    LATER("sending_queue", "a queue in front of it"),
    { 0 },
};

static bool debug_check(const void *self, Err *err)
{
    return ((const DebugExporter *)self)->use_internal_logger ||
           fail(err, ERR_UNSUPPORTED, "use_internal_logger: false comes later");
}

static bool is_shown(DebugExporter *exporter, Signal signal)
{
    int64_t second = clock_mono_ns(host_clock(exporter->base.host)) / NANOS_PER_SECOND;
    if (exporter->second[signal] != second) {
        exporter->second[signal] = second;
        exporter->seen[signal] = 0;
    }
    uint64_t number = exporter->seen[signal]++;
    if (number < exporter->sampling_initial)
        return true;
    uint64_t every = exporter->sampling_thereafter;
    return every && (number - exporter->sampling_initial + 1) % every == 0;
}

static void show_line(const DebugExporter *exporter, const Batch *batch)
{
    Host *host = exporter->base.host;
    size_t resources = batch_resource_count(batch), items = batch_item_count(batch);
    switch (batch_signal(batch)) {
    case TRACES:
        host_log(host, LOG_INFO, "Traces {\"resource spans\": %zu, \"spans\": %zu}", resources,
                 items);
        break;
    case METRICS:
        host_log(host, LOG_INFO,
                 "Metrics {\"resource metrics\": %zu, \"metrics\": %zu, \"data points\": %zu}",
                 resources, batch_metric_count(batch), items);
        break;
    case LOGS:
        host_log(host, LOG_INFO, "Logs {\"resource logs\": %zu, \"log records\": %zu}", resources,
                 items);
        break;
    }
}

static void show_text(const DebugExporter *exporter, const Batch *batch)
{
    if (exporter->verbosity == BASIC)
        return;
    Buf text = BUF(TEXT_MAX);
    if (exporter->verbosity == NORMAL)
        debug_normal(batch, &text);
    else
        debug_detailed(batch, &text);
    fprintf(stderr, "%.*s%s", STR_ARG(buf_str(&text)), text.failed ? "... (cut)\n" : "");
    buf_free(&text);
}

static bool debug_consume(void *self, const Parcel *parcel, Err *err)
{
    DebugExporter *exporter = self;
    (void)err;
    if (is_shown(exporter, batch_signal(parcel->batch))) {
        show_line(exporter, parcel->batch);
        show_text(exporter, parcel->batch);
    }
    host_count_sent(exporter->base.host, batch_signal(parcel->batch),
                    batch_item_count(parcel->batch));
    ack_done(parcel->ack);
    return true;
}

static const char *const retired[] = { "logging", NULL };

const ComponentType debug_exporter = {
    .name = "debug",
    .retired = retired,
    .summary = "Shows what passes, on standard error.",
    .kind = EXPORTER,
    .stability = BETA,
    .placement = SINGLE,
    .signals = ALL_SIGNALS,
    .size = sizeof(DebugExporter),
    .fields = fields,
    .check = debug_check,
    .consume = debug_consume,
};
