/* store_extension.c - owns the embedded store; exporters write to it and the page reads from it.
 *
 * It is a component of its own because several others need the same one: they name it by its id, so
 * one configuration may have several stores. Opening replays what is on the disk and happens before
 * any receiver starts.
 *
 * The store writes on a thread of its own. In a graph that is stepped (host_is_stepped) a timer of
 * the loop takes the thread's place.
 */
#include "net/loop.h"
#include "pipe/host.h"
#include "store/store.h"

#include <inttypes.h>

enum {
    CLOSE_SECONDS = 5, /* for what is written but not synced; a disk that hangs is waited for */
    ROUND_MS = 1,      /* stepped: how late an append may be seen */
};

typedef struct StoreExtension {
    Component base;
    Str directory; /* settings */
    int sync;
    uint64_t max_bytes, max_memory, segment_bytes, reserve_bytes;
    int64_t max_age;
    Store *store; /* state */
    Timer round;  /* stepped: when the writer's next one is */
} StoreExtension;

static const char *const sync_names[] = { "always", "1s", "off", NULL }; /* in SeglogSync's order */

/* The files would go to the root of the file system. */
static bool check_directory(Str text, Err *err)
{
    return text.len ||
           fail(err, ERR_INPUT, "must not be empty; write a path such as /var/lib/cryostorm");
}

static const ConfigField fields[] = {
    TEXT(StoreExtension, directory, "./cryostorm-data", "Where the files are.",
         .check = check_directory, .path = WRITES_DIRECTORY),
    CHOICE(StoreExtension, sync, "1s", sync_names,
           "When data must be on the disk: always before it counts as stored, within 1s, or when "
           "the system pleases."),
    SIZE(StoreExtension, max_bytes, "1GiB", "1MiB", "1PiB",
         "Files larger than this together: the oldest data leaves."),
    SIZE(StoreExtension, max_memory, "1GiB", "1MiB", "1TiB",
         "Rows in memory larger than this together, or than three eighths of service.memory_limit: "
         "the oldest data leaves."),
    DURATION(StoreExtension, max_age, "168h", "0s", "87600h",
             "Data received longer ago than this leaves; 0s keeps it."),
    SIZE(StoreExtension, segment_bytes, "16MiB", "64KiB", "1GiB",
         "How much leaves at once: the size of a file."),
    SIZE(StoreExtension, reserve_bytes, "100MiB", "0", "1TiB",
         "Free space on the disk that is left to others."),
    { 0 },
};

/* Rows fill whatever they may have, so under a small limit they leave the larger part of it to what
 * is moving and to queries. */
static uint64_t memory_max(const StoreExtension *extension)
{
    const Budget *budget = host_budget(extension->base.host);
    uint64_t most = budget ? (uint64_t)budget_use(budget).limit * 3 / 8 : UINT64_MAX;
    return extension->max_memory < most ? extension->max_memory : most;
}

static bool open_store(StoreExtension *extension, Err *err)
{
    Host *host = extension->base.host;
    StoreSettings settings = store_defaults();
    settings.disk = host_disk(host);
    settings.clock = host_clock(host);
    settings.directory = extension->directory.ptr; /* settings' texts end with a zero byte */
    settings.sync = (SeglogSync)extension->sync;
    settings.bytes_max = extension->max_bytes;
    settings.memory_max = memory_max(extension);
    settings.budget = host_budget(host);
    settings.age_max_ns = extension->max_age;
    settings.segment_bytes = extension->segment_bytes;
    settings.reserve_bytes = extension->reserve_bytes;
    settings.own_thread = !host_is_stepped(host);
    extension->store = store_open(&settings, err);
    return extension->store != NULL;
}

/* What recovery found is worth a line each; nothing of it stops the start. */
static void tell_recovery(const StoreExtension *extension)
{
    Host *host = extension->base.host;
    StoreStats stats;
    store_stats(extension->store, &stats);
    host_log(host, LOG_INFO,
             "%" PRIu64 " spans of %" PRIu64 " traces, %" PRIu64 " samples of %" PRIu64
             " series, %" PRIu64 " log records of %" PRIu64 " streams in %.*s",
             stats.spans, stats.traces, stats.samples, stats.series, stats.records, stats.streams,
             STR_ARG(extension->directory));
    const SeglogStats *log = &stats.log;
    if (log->torn_tails)
        host_log(host, LOG_WARN, "cut off %" PRIu64 " bytes that the last run had not finished",
                 log->torn_bytes);
    if (log->damaged_segments)
        host_log(host, LOG_ERROR,
                 "%" PRIu64 " files are damaged (%" PRIu64
                 " bytes); what is whole is served, the originals are kept as *.corrupt",
                 log->damaged_segments, log->damaged_bytes);
    if (log->poison_frames)
        host_log(host, LOG_ERROR,
                 "%" PRIu64 " records crashed the last starts; set aside as *.poison",
                 log->poison_frames);
}

static void run_round(void *owner)
{
    StoreExtension *extension = owner;
    Loop *loop = host_loop(extension->base.host);
    store_step(extension->store);
    timer_set(loop, &extension->round, loop_now(loop) + ROUND_MS * NANOS_PER_MILLI);
}

static bool extension_start(void *self, Err *err)
{
    StoreExtension *extension = self;
    extension->round = (Timer){ .fire = run_round, .owner = extension };
    if (!open_store(extension, err))
        return false;
    tell_recovery(extension);
    if (host_is_stepped(extension->base.host))
        run_round(extension);
    return true;
}

static void extension_stop(void *self)
{
    StoreExtension *extension = self;
    if (!extension->store)
        return;
    timer_cancel(host_loop(extension->base.host), &extension->round);
    int64_t deadline =
        clock_mono_ns(host_clock(extension->base.host)) + CLOSE_SECONDS * NANOS_PER_SECOND;
    Err err = { 0 };
    if (!store_close(extension->store, deadline, &err))
        host_log(extension->base.host, LOG_ERROR, "not everything was stored: %s", err.text);
    extension->store = NULL;
}

static void *extension_service(void *self, ServiceKind kind)
{
    return kind == SERVICE_STORE ? ((StoreExtension *)self)->store : NULL;
}

const ComponentType store_extension = {
    .name = "store",
    .summary = "The embedded store: durable, bounded by size, memory and age.",
    .kind = EXTENSION,
    .stability = ALPHA,
    .placement = SINGLE,
    .size = sizeof(StoreExtension),
    .fields = fields,
    .start = extension_start,
    .stop = extension_stop,
    .service = extension_service,
};
