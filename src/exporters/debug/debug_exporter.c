/* debug_exporter.c - shows what passes: where the program logs, or in files and standard streams.
 *
 * One line per batch; with `verbosity: normal` a line per item behind it, with `detailed`
 * everything. Of batches of the same signal within one second the first `sampling_initial` are
 * shown, then every `sampling_thereafter`-th, so that a flood stays readable. A text larger than
 * TEXT_MAX loses its end. With `use_internal_logger: false` the same goes to each of
 * `output_paths`, behind what a file has already; one that cannot be written is told once, and
 * tried again with the next batch. The old name `logging` and its `loglevel` are accepted.
 */
#include "base/mem.h"
#include "exporters/debug/debug_text.h"
#include "pipe/host.h"

#include <stdio.h>

enum { TEXT_MAX = 16 << 20, LINE_MAX_BYTES = 512 };

typedef enum Verbosity { BASIC, NORMAL, DETAILED } Verbosity;

typedef struct Output { /* one of output_paths */
    FILE *stream;       /* stdout or stderr; NULL: the file */
    File *file;
    uint64_t size;
    bool told;
} Output;

typedef struct DebugExporter {
    Component base;
    int verbosity; /* settings */
    uint64_t sampling_initial, sampling_thereafter;
    bool use_internal_logger;
    TextList output_paths;
    int64_t second[LOGS + 1]; /* state, by signal: the second that is counted */
    uint64_t seen[LOGS + 1];
    Output *outputs;
} DebugExporter;

static const char *const verbosity_names[] = { "basic", "normal", "detailed", NULL };

static bool is_stream(Str path)
{
    return str_eq(path, STR("stdout")) || str_eq(path, STR("stderr"));
}

static bool check_output(Str path, Err *err)
{
    return is_stream(path) || str_starts(path, STR("/")) ||
           fail(err, ERR_INPUT, "must be stdout, stderr, or a path that begins with /");
}

static const ConfigField fields[] = {
    CHOICE(DebugExporter, verbosity, "basic", verbosity_names, "How much to show."),
    COUNT(DebugExporter, sampling_initial, "2", "0", "1000000000",
          "How many batches a second are shown at first."),
    COUNT(DebugExporter, sampling_thereafter, "1", "0", "1000000000",
          "Then every n-th; 0 shows no more in that second."),
    BOOL(DebugExporter, use_internal_logger, "true",
         "Write to where the program logs; otherwise to output_paths."),
    RETIRED("loglevel", "verbosity replaced it"),
    TEXT_LIST(DebugExporter, output_paths, "stdout",
              "Where to write instead: stdout, stderr, or files by their whole path.",
              .check = check_output, .path = OPENS_SOCKET),
    LATER("sending_queue", "a queue in front of it"),
    { 0 },
};

static bool debug_check(const void *self, Err *err)
{
    const DebugExporter *exporter = self;
    const TextList *paths = &exporter->output_paths;
    bool preset = paths->count == 1 && str_eq(paths->items[0], STR("stdout"));
    if (exporter->use_internal_logger)
        return preset || fail(err, ERR_INPUT,
                              "output_paths is not supported when use_internal_logger is true");
    return paths->count ||
           fail(err, ERR_INPUT, "output_paths must not be empty when use_internal_logger is false");
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

/* ---- where it goes ---- */

static bool write_file(Host *host, Output *output, Str path, Str text)
{
    Err err = { 0 };
    if (file_write(output->file, output->size, text.ptr, text.len, &err)) {
        output->size += text.len;
        output->told = false;
        return true;
    }
    if (!output->told)
        host_log(host, LOG_ERROR, "%.*s: %s", STR_ARG(path), err.text);
    output->told = true;
    return false;
}

static void show(DebugExporter *exporter, Str text)
{
    if (exporter->use_internal_logger) {
        fprintf(stderr, "%.*s", STR_ARG(text));
        return;
    }
    for (size_t i = 0; i < exporter->output_paths.count; i++) {
        Output *output = &exporter->outputs[i];
        if (!output->stream)
            (void)write_file(exporter->base.host, output, exporter->output_paths.items[i], text);
        else if (fprintf(output->stream, "%.*s", STR_ARG(text)) >= 0)
            fflush(output->stream);
    }
}

static void add_line(const Batch *batch, Buf *out)
{
    size_t resources = batch_resource_count(batch), items = batch_item_count(batch);
    switch (batch_signal(batch)) {
    case TRACES:
        buf_addf(out, "Traces {\"resource spans\": %zu, \"spans\": %zu}", resources, items);
        break;
    case METRICS:
        buf_addf(out, "Metrics {\"resource metrics\": %zu, \"metrics\": %zu, \"data points\": %zu}",
                 resources, batch_metric_count(batch), items);
        break;
    case LOGS:
        buf_addf(out, "Logs {\"resource logs\": %zu, \"log records\": %zu}", resources, items);
        break;
    }
}

static void show_line(DebugExporter *exporter, const Batch *batch)
{
    Host *host = exporter->base.host;
    Buf line = BUF(LINE_MAX_BYTES);
    char time[TIME_TEXT_SIZE];
    if (!exporter->use_internal_logger)
        buf_addf(&line, "%s\tinfo\t", time_text(clock_wall_ns(host_clock(host)), time));
    add_line(batch, &line);
    if (exporter->use_internal_logger) {
        host_log(host, LOG_INFO, "%.*s", STR_ARG(buf_str(&line)));
    } else {
        buf_add_byte(&line, '\n');
        show(exporter, buf_str(&line));
    }
    buf_free(&line);
}

static void show_text(DebugExporter *exporter, const Batch *batch)
{
    if (exporter->verbosity == BASIC)
        return;
    Buf text = BUF(TEXT_MAX);
    if (exporter->verbosity == NORMAL)
        debug_normal(batch, &text);
    else
        debug_detailed(batch, &text);
    show(exporter, buf_str(&text));
    if (text.failed)
        show(exporter, STR("... (cut)\n"));
    buf_free(&text);
}

/* ---- hooks ---- */

static bool open_output(const DebugExporter *exporter, Str path, Output *output, Err *err)
{
    Disk *disk = host_disk(exporter->base.host);
    DiskInfo info;
    if (is_stream(path)) {
        output->stream = str_eq(path, STR("stdout")) ? stdout : stderr;
        return true;
    }
    output->file = disk_open(disk, path.ptr, DISK_WRITE, err);
    if (!output->file || !disk->info(disk, path.ptr, &info, err))
        return blame(err, "output_paths");
    output->size = info.size;
    return true;
}

static bool debug_start(void *self, Err *err)
{
    DebugExporter *exporter = self;
    size_t count = exporter->output_paths.count;
    if (exporter->use_internal_logger)
        return true;
    exporter->outputs = MEM_MAKE(Output, count, err);
    for (size_t i = 0; i < count && exporter->outputs; i++)
        if (!open_output(exporter, exporter->output_paths.items[i], &exporter->outputs[i], err))
            return false;
    return exporter->outputs != NULL;
}

static void debug_stop(void *self)
{
    DebugExporter *exporter = self;
    Err err = { 0 };
    for (size_t i = 0; i < exporter->output_paths.count && exporter->outputs; i++)
        if (exporter->outputs[i].file && !file_close(exporter->outputs[i].file, &err))
            host_log(exporter->base.host, LOG_WARN, "%.*s: %s",
                     STR_ARG(exporter->output_paths.items[i]), err.text);
    mem_free(exporter->outputs);
    exporter->outputs = NULL;
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
    .summary = "Shows what passes, where the program logs or in files.",
    .kind = EXPORTER,
    .stability = BETA,
    .placement = SINGLE,
    .signals = ALL_SIGNALS,
    .size = sizeof(DebugExporter),
    .fields = fields,
    .check = debug_check,
    .start = debug_start,
    .consume = debug_consume,
    .stop = debug_stop,
};
