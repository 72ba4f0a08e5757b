/* file_exporter.c - writes batches to a file, as OTLP/JSON: one document a line.
 *
 *     consume --queue--> loop --job--> writer thread: JSON, one write per batch
 *                          ^             |
 *                          +---result----+
 *
 * All pipelines that name it share one instance and one file. A batch is acknowledged when its line
 * has been written, so there is no buffer of lines and nothing for flush_interval to do. A disk
 * that is full or broken keeps the batch in the sender's queue (pipe/sender.h), which tries again
 * until it works and refuses once the queue is full; line_file.h sees to it that no half line
 * stays.
 */
#include "base/mem.h"
#include "base/thread.h"
#include "exporters/file/line_file.h"
#include "net/loop.h"
#include "otlp/json_out.h"
#include "pipe/host.h"
#include "pipe/sender.h"

#include <inttypes.h>

enum {
    MIB = 1 << 20,
    JSON_FACTOR = 16, /* what JSON may take of a batch's bytes: names and quotes around numbers */
    JSON_SPARE = 4096,
    LINE_KEPT_MAX = 4 << 20, /* a larger buffer is given back after use */
};

typedef struct RotationSettings {
    bool present, localtime;
    uint64_t max_megabytes, max_days, max_backups;
} RotationSettings;

typedef struct FileExporter {
    Component base;
    Str path; /* settings */
    bool append, create_directory;
    RotationSettings rotation;
    int format;
    Sender *sender; /* state */
    LineFile *file; /* the writer's, while there is one */
    Buf line;
    bool told_trouble;
    Thread thread;
    Mutex mutex; /* guards the next four */
    Cond wake;
    Batch *job; /* one at a time: the sender has one consumer */
    bool stops;
    AckOutcome outcome;
    SendSlot *token; /* of the job; the loop's */
    Post written;
} FileExporter;

static const char *const format_names[] = { "json", "proto", NULL };

static bool check_path(Str text, Err *err)
{
    return text.len > 0 || fail(err, ERR_INPUT, "path must be non-empty");
}

static bool check_format(Str text, Err *err)
{
    return !str_eq_nocase(text, STR("proto")) ||
           fail(err, ERR_UNSUPPORTED, "format proto: not supported yet; it comes later");
}

static bool check_localtime(Str text, Err *err)
{
    return !str_eq_nocase(text, STR("true")) ||
           fail(err, ERR_UNSUPPORTED, "names in local time: not supported yet; they come later");
}

static const ConfigField rotation_fields[] = {
    COUNT(RotationSettings, max_megabytes, "100", "1", "1000000",
          "Begin a new file before one is larger than so many MiB."),
    COUNT(RotationSettings, max_days, "0", "0", "100000",
          "Remove rotated files that are older; 0: for ever."),
    COUNT(RotationSettings, max_backups, "100", "0", "4000",
          "Keep so many rotated files; 0: all of them."),
    BOOL(RotationSettings, localtime, "false", "Name rotated files by local time, not UTC.",
         .check = check_localtime),
    { 0 },
};

static const ConfigField fields[] = {
    TEXT(FileExporter, path, REQUIRED, "The file to write.", .check = check_path,
         .path = WRITES_FILE),
    BOOL(FileExporter, append, "false", "Go on behind what is there instead of beginning anew."),
    OPTIONAL_SECTION(FileExporter, rotation, RotationSettings, rotation_fields,
                     "Begin new files, and remove old ones."),
    CHOICE(FileExporter, format, "json", format_names, "json: a document of OTLP/JSON per line.",
           .check = check_format),
    BOOL(FileExporter, create_directory, "false", "Make the directories that are missing."),
    IGNORED("flush_interval", "every batch is written at once"),
    LATER("compression", "compressed files"),
    LATER("compression_params", "compressed files"),
    LATER("encoding", "encodings by extensions"),
    LATER("group_by", "several files, chosen by an attribute"),
    LATER("directory_permissions", "permissions of directories"),
    { 0 },
};

static bool exporter_check(const void *self, Err *err)
{
    const FileExporter *exporter = self;
    return !exporter->append || !exporter->rotation.present ||
           fail(err, ERR_INPUT, "append and rotation exclude each other: rotation appends anyway");
}

/* --- writing --------------------------------------------------------------------------------- */

static bool write_line(FileExporter *exporter, const Batch *batch, Err *err)
{
    Buf *line = &exporter->line;
    buf_clear(line);
    line->max = batch_bytes(batch).len * JSON_FACTOR + JSON_SPARE;
    if (!otlp_json_write(batch, line, err))
        return false;
    buf_add_byte(line, '\n');
    return buf_ok(line, err) && line_file_append(exporter->file, buf_str(line), err);
}

static void tell_trouble(FileExporter *exporter)
{
    const Err *trouble = line_file_trouble(exporter->file);
    if (trouble && !exporter->told_trouble)
        host_log(exporter->base.host, LOG_WARN, "old files stay: %s", trouble->text);
    exporter->told_trouble = trouble != NULL;
}

/* What no JSON can be made of is refused; anything else may pass. */
static AckOutcome write_batch(FileExporter *exporter, const Batch *batch)
{
    AckOutcome outcome = { .result = ACK_DELIVERED };
    if (!write_line(exporter, batch, &outcome.reason)) {
        bool hopeless = outcome.reason.kind == ERR_LIMIT && exporter->line.failed;
        outcome.result = hopeless ? ACK_REFUSED : ACK_RETRY;
    }
    if (exporter->line.cap > LINE_KEPT_MAX)
        buf_free(&exporter->line);
    tell_trouble(exporter);
    return outcome;
}

static void run_writer(void *argument)
{
    FileExporter *exporter = argument;
    mutex_lock(&exporter->mutex);
    for (;;) {
        while (!exporter->job && !exporter->stops)
            cond_wait(&exporter->wake, &exporter->mutex);
        if (!exporter->job)
            break;
        const Batch *batch = exporter->job;
        mutex_unlock(&exporter->mutex);
        AckOutcome outcome = write_batch(exporter, batch);
        mutex_lock(&exporter->mutex);
        exporter->outcome = outcome;
        exporter->job = NULL;
        loop_post(host_loop(exporter->base.host), &exporter->written);
    }
    mutex_unlock(&exporter->mutex);
}

static void tell_sender(void *owner)
{
    FileExporter *exporter = owner;
    SendSlot *token = exporter->token;
    mutex_lock(&exporter->mutex);
    AckOutcome outcome = exporter->outcome;
    mutex_unlock(&exporter->mutex);
    exporter->token = NULL;
    if (token)
        sender_result(exporter->sender, token, &outcome);
}

static void start_writing(void *self, const SendAttempt *attempt)
{
    FileExporter *exporter = self;
    if (!exporter->thread.started) {
        AckOutcome outcome = write_batch(exporter, attempt->batch);
        sender_result(exporter->sender, attempt->token, &outcome);
        return;
    }
    exporter->token = attempt->token;
    mutex_lock(&exporter->mutex);
    exporter->job = attempt->batch;
    cond_signal(&exporter->wake);
    mutex_unlock(&exporter->mutex);
}

/* --- hooks ----------------------------------------------------------------------------------- */

static bool open_file(FileExporter *exporter, Err *err)
{
    const RotationSettings *rotation = &exporter->rotation;
    exporter->file = line_file_open(
        &(LineFileSettings){
            .disk = host_disk(exporter->base.host),
            .clock = host_clock(exporter->base.host),
            .path = exporter->path,
            .append = exporter->append,
            .rotates = rotation->present,
            .makes_parts = exporter->create_directory,
            .bytes_max = rotation->max_megabytes * MIB,
            .backups_max = rotation->max_backups,
            .age_max_ns = (int64_t)rotation->max_days * 24 * 3600 * NANOS_PER_SECOND,
        },
        err);
    if (exporter->file && line_file_cut(exporter->file))
        host_log(exporter->base.host, LOG_WARN,
                 "cut an unfinished line of %" PRIu64 " bytes at the end of %.*s",
                 line_file_cut(exporter->file), STR_ARG(exporter->path));
    return exporter->file != NULL;
}

static bool exporter_start(void *self, Err *err)
{
    static const RetrySettings retry = {
        .enabled = true,
        .initial_interval = NANOS_PER_SECOND,
        .max_interval = 30 * NANOS_PER_SECOND,
        .multiplier = 1.5,
    };
    static const SendingQueueSettings queue = {
        .enabled = true, .num_consumers = 1, .queue_size = 1000, .sizer = SIZE_BY_REQUESTS
    };
    FileExporter *exporter = self;
    exporter->line = BUF(JSON_SPARE);
    exporter->written = (Post){ .run = tell_sender, .owner = exporter };
    mutex_init(&exporter->mutex);
    cond_init(&exporter->wake);
    exporter->sender = sender_new(&(SenderOptions){ .host = exporter->base.host,
                                                    .self = exporter,
                                                    .send = start_writing,
                                                    .retry = &retry,
                                                    .queue = &queue },
                                  err);
    return exporter->sender && open_file(exporter, err) &&
           (host_is_stepped(exporter->base.host) ||
            thread_start(&exporter->thread, "file", run_writer, exporter, err));
}

static bool exporter_reserve(void *self, const Batch *batch, Err *err)
{
    return sender_reserve(((FileExporter *)self)->sender, batch, err);
}

static void exporter_unreserve(void *self, const Batch *batch)
{
    sender_unreserve(((FileExporter *)self)->sender, batch);
}

static bool exporter_consume(void *self, const Parcel *parcel, Err *err)
{
    return sender_take(((FileExporter *)self)->sender, parcel, err);
}

static void exporter_flush(void *self)
{
    sender_flush(((FileExporter *)self)->sender);
}

/* The writer ends what it has begun. */
static void stop_writer(FileExporter *exporter)
{
    if (!exporter->thread.started)
        return;
    mutex_lock(&exporter->mutex);
    exporter->stops = true;
    cond_signal(&exporter->wake);
    mutex_unlock(&exporter->mutex);
    thread_join(&exporter->thread);
    loop_unpost(host_loop(exporter->base.host), &exporter->written);
    tell_sender(exporter);
}

static void exporter_stop(void *self)
{
    FileExporter *exporter = self;
    if (!exporter->written.owner)
        return; /* it was never started */
    sender_close(exporter->sender);
    stop_writer(exporter);
    sender_free(exporter->sender);
    line_file_close(exporter->file);
    buf_free(&exporter->line);
    cond_done(&exporter->wake);
    mutex_done(&exporter->mutex);
    exporter->written.owner = exporter->sender = NULL;
    exporter->file = NULL;
}

const ComponentType file_exporter = {
    .name = "file",
    .summary = "Writes to a file, one document of OTLP/JSON per line.",
    .kind = EXPORTER,
    .stability = ALPHA,
    .placement = SINGLE,
    .signals = ALL_SIGNALS,
    .traits = ALL_SHARE | HOLDS,
    .size = sizeof(FileExporter),
    .fields = fields,
    .check = exporter_check,
    .start = exporter_start,
    .reserve = exporter_reserve,
    .unreserve = exporter_unreserve,
    .consume = exporter_consume,
    .flush = exporter_flush,
    .stop = exporter_stop,
};
