/* worker.c - takes ended spans in batches and hands them to the sinks; see worker.h.
 *
 * The lock guards everything in `worker` but the atomics. It is never held while a sink works, so
 * that fork() and the span path wait for no network. The thread wakes for three reasons: a full
 * batch waits, somebody wants a flush, or the delay since the last export is over.
 */
#include "sdk/worker.h"
#include "sdk/diagnostics.h"

#include "base/mem.h"
#include "base/thread.h"
#include "sdk/tracer.h"

#include <inttypes.h>
#include <string.h>

enum {
    RESOURCE_MAX = 1 << 20,
    GRACE_MS = 500, /* what a sink may take beyond a deadline before we stop waiting for it */
};
#define REPORT_EVERY_NS (60 * NANOS_PER_SECOND)

static struct {
    Mutex lock;
    Cond wake, done;
    const RunConfig *config; /* NULL: idle */
    const CryoSettings *settings;
    Arena *arena;
    Resource resource;
    const CryoTracer *tracer;
    Sink *sinks[SINKS_MAX];
    size_t sink_count;
    Sink *orphans[SINKS_MAX]; /* the parent's, in a fork's child: kept, never used */
    Arena *orphan_arena;
    Record **batch;
    size_t batch_count;
    Thread thread;
    bool ready; /* conditions and lock are made */
    bool running, exited, stop, inherited;
    uint64_t flush_wanted, flush_done;
    Until until;
    atomic_bool started;   /* running, for those without the lock */
    atomic_bool wake_sent; /* a wake-up is on its way */
    _Atomic uint64_t exported, failed;
    int64_t reported_at;
    uint64_t failed_reported;
    uint64_t dropped_at_begin;
    bool drops_told;
} worker = { .lock = { PTHREAD_MUTEX_INITIALIZER } };

static int64_t now_ns(void)
{
    return clock_mono_ns(clock_system());
}

/* ---- sinks and resource ---------------------------------------------------------------------- */

static void sinks_destroy(void)
{
    while (worker.sink_count > 0) {
        Sink *sink = worker.sinks[--worker.sink_count];
        sink->type->destroy(sink);
    }
    arena_free(worker.arena);
    worker.arena = NULL;
}

static bool sinks_create(Err *err)
{
    Str names = str_from(worker.settings->tracing.exporter_type), name;
    while (str_split(&names, ',', &name)) {
        if (str_eq(name, STR("none")))
            continue;
        if (worker.sink_count == SINKS_MAX)
            return fail(err, ERR_LIMIT, "more than %d exporters", SINKS_MAX);
        Sink *sink = exporter_create(name, worker.settings, err);
        if (!sink)
            return false;
        worker.sinks[worker.sink_count++] = sink;
    }
    return true;
}

static bool outfit(Err *err)
{
    const CryoServiceSettings *service = &worker.settings->service;
    worker.tracer = tracer_find(str_from(service->name), str_from(service->version));
    if (!worker.tracer)
        return fail(err, ERR_MEMORY, "tracer of the service");
    worker.arena = arena_new(RESOURCE_MAX, err);
    if (worker.arena && resource_make(worker.settings, worker.arena, &worker.resource, err) &&
        sinks_create(err))
        return true;
    sinks_destroy();
    return false;
}

/* ---- one batch ------------------------------------------------------------------------------- */

static void record_free(Record *record)
{
    ChunkList chunks = { 0 };
    for (Chunk *chunk = &record->chunk, *next; chunk; chunk = next) {
        next = chunk->next;
        chunk_list_push(&chunks, chunk);
    }
    chunks_give(&chunks);
}

static bool take_record(void *context, Record *record)
{
    (void)context;
    if (worker.batch_count == worker.config->batch_size)
        return false;
    if (record->epoch == worker.config->epoch)
        worker.batch[worker.batch_count++] = record;
    else
        record_free(record); /* of a run that has ended without it */
    return true;
}

static size_t batch_fill(void)
{
    states_drain(take_record, NULL);
    queue_release(worker.config, (uint32_t)worker.batch_count);
    return worker.batch_count;
}

static void report_failure(const Err *err)
{
    int64_t now = now_ns();
    if (worker.reported_at && now - worker.reported_at < REPORT_EVERY_NS)
        return;
    uint64_t failed = atomic_load(&worker.failed);
    worker.reported_at = now;
    worker.failed_reported = failed;
    say(CRYO_LOG_ERROR, "cannot export spans, %" PRIu64 " lost so far: %s", failed, err->text);
}

static void report_success(void)
{
    if (worker.failed_reported == 0)
        return;
    say(CRYO_LOG_INFO, "exporting spans again; %" PRIu64 " were lost", atomic_load(&worker.failed));
    worker.failed_reported = 0; /* the time stays: a server that comes and goes is no flood */
}

static uint64_t dropped_so_far(void)
{
    uint64_t tallies[TALLY_COUNT];
    tallies_sum(tallies);
    return tallies[TALLY_DROPPED_QUEUE] + tallies[TALLY_DROPPED_MEMORY];
}

static void report_queue(void)
{
    if (worker.drops_told || dropped_so_far() == worker.dropped_at_begin)
        return;
    say(CRYO_LOG_WARN, "spans end faster than they can be exported: they are dropped now and "
                       "counted (TRACING__MAX_QUEUE_SIZE)");
    worker.drops_told = true;
}

static void batch_export(void)
{
    Clock *clock = worker.config->clock;
    SpanBatch batch = { .records = worker.batch,
                        .count = worker.batch_count,
                        .wall_offset_ns = clock_wall_ns(clock) - clock_mono_ns(clock),
                        .resource = &worker.resource,
                        .tracer = worker.tracer };
    bool good = true;
    for (size_t i = 0; i < worker.sink_count; i++) {
        Err err = { 0 };
        if (worker.sinks[i]->type->send(worker.sinks[i], &batch, &worker.until, &err))
            continue;
        if (good)
            atomic_fetch_add(&worker.failed, batch.count);
        good = false;
        report_failure(&err);
    }
    if (good) {
        uint64_t rejected = batch.rejected < batch.count ? batch.rejected : batch.count;
        atomic_fetch_add(&worker.failed, rejected);
        atomic_fetch_add(&worker.exported, batch.count - rejected);
        report_success();
    }
    for (size_t i = 0; i < batch.count; i++)
        record_free(batch.records[i]);
    worker.batch_count = 0;
}

/* A send may take until the export time-out; once we stop, until the deadline given there. */
static void set_deadline(void)
{
    int64_t limit =
        now_ns() + worker.settings->tracing.export_config.timeout_millis * NANOS_PER_MILLI;
    mutex_lock(&worker.lock);
    if (!worker.stop)
        atomic_store(&worker.until.mono_ns, limit);
    mutex_unlock(&worker.lock);
}

/* All that waits, or only full batches. */
static void export_waiting(bool all)
{
    const RunConfig *config = worker.config;
    while (all || queue_used(config) >= config->batch_size) {
        size_t count = batch_fill();
        if (count == 0)
            return;
        set_deadline();
        batch_export();
        if (count < config->batch_size)
            return;
    }
}

static void sinks_flush(void)
{
    for (size_t i = 0; i < worker.sink_count; i++) {
        Err err = { 0 };
        if (worker.sinks[i]->type->flush &&
            !worker.sinks[i]->type->flush(worker.sinks[i], &worker.until, &err))
            report_failure(&err);
    }
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* Locked. True: the delay is over. */
static bool wait_for_work(int64_t due_ns)
{
    while (!worker.stop && worker.flush_wanted == worker.flush_done &&
           !atomic_load(&worker.wake_sent))
        if (!cond_wait_until(&worker.wake, &worker.lock, due_ns))
            return true;
    return false;
}

static void worker_turn(bool all, bool flush)
{
    export_waiting(all);
    if (flush)
        sinks_flush();
    report_queue();
}

static void take_over_after_fork(void)
{
    Err err;
    if (!outfit(&err))
        say(CRYO_LOG_ERROR, "after fork: %s; spans of this process are lost", err.text);
}

static void worker_main(void *nothing)
{
    (void)nothing;
    thread_locals.suppressed = true;
    bool simple = worker.config->credit_batch == 1 && worker.config->wake_at == 1;
    int64_t delay = worker.settings->tracing.export_config.schedule_delay_millis * NANOS_PER_MILLI;
    int64_t due = now_ns() + delay;
    if (worker.inherited)
        take_over_after_fork();
    mutex_lock(&worker.lock);
    worker.inherited = false;
    for (bool stop = false; !stop;) {
        bool timer = wait_for_work(due);
        stop = worker.stop;
        uint64_t flush = worker.flush_wanted;
        bool wanted = stop || flush != worker.flush_done;
        (void)atomic_exchange(&worker.wake_sent, false);
        mutex_unlock(&worker.lock);
        worker_turn(timer || wanted || simple, wanted);
        if (timer || wanted)
            due = now_ns() + delay;
        mutex_lock(&worker.lock);
        worker.flush_done = flush;
        cond_broadcast(&worker.done);
    }
    worker.exited = true;
    cond_broadcast(&worker.done);
    mutex_unlock(&worker.lock);
}

/* Locked. */
static bool ensure_running(Err *err)
{
    if (worker.running)
        return true;
    worker.exited = false;
    if (!thread_start(&worker.thread, "cryo-export", worker_main, NULL, err))
        return false;
    worker.running = true;
    atomic_store(&worker.started, true);
    return true;
}

static COLD void notify(const RunConfig *config)
{
    Err err;
    mutex_lock(&worker.lock);
    if (worker.config == config && !worker.stop) {
        /* No thread to be had now: the next span that ends asks again. */
        if (ensure_running(&err))
            cond_signal(&worker.wake);
    }
    mutex_unlock(&worker.lock);
}

/* Both sides exchange wake_sent instead of looking at it first: whichever comes later sees what the
 * other did before, so a span is either found by the turn that begins or wakes another. */
void worker_notice(const RunConfig *config)
{
    bool first = !atomic_load_explicit(&worker.started, memory_order_relaxed);
    bool wake = queue_used(config) >= config->wake_at && !atomic_exchange(&worker.wake_sent, true);
    if (first || wake)
        notify(config);
}

/* ---- begin, end, flush ----------------------------------------------------------------------- */

static void make_ready(void)
{
    if (!worker.ready) {
        cond_init(&worker.wake);
        cond_init(&worker.done);
        worker.ready = true;
    }
}

bool worker_begin(const RunConfig *config, const CryoSettings *settings, Err *err)
{
    make_ready();
    worker.settings = settings;
    worker.batch = MEM_MAKE(Record *, config->batch_size, err);
    if (!worker.batch)
        return false;
    if (!outfit(err)) {
        mem_free(worker.batch);
        worker.batch = NULL;
        return false;
    }
    mutex_lock(&worker.lock);
    worker.stop = worker.inherited = false;
    worker.flush_wanted = worker.flush_done = 0;
    worker.batch_count = 0;
    worker.reported_at = 0;
    worker.failed_reported = 0;
    worker.dropped_at_begin = dropped_so_far();
    worker.drops_told = false;
    atomic_store(&worker.until.hurry, false);
    atomic_store(&worker.wake_sent, false);
    atomic_store(&worker.exported, 0);
    atomic_store(&worker.failed, 0);
    worker.config = config;
    mutex_unlock(&worker.lock);
    return true;
}

static bool discard_record(void *context, Record *record)
{
    if (record->epoch == worker.config->epoch)
        *(uint64_t *)context += 1;
    record_free(record);
    return true;
}

/* The thread has ended, or there was none. Gives the number of spans that nobody took. */
static uint64_t take_down(void)
{
    uint64_t left = 0;
    thread_join(&worker.thread);
    states_drain(discard_record, &left);
    sinks_destroy();
    mem_free(worker.batch);
    worker.batch = NULL;
    mutex_lock(&worker.lock); /* a thread that still ends a span of this run may look */
    worker.running = worker.exited = false;
    atomic_store(&worker.started, false);
    worker.config = NULL;
    mutex_unlock(&worker.lock);
    atomic_fetch_add(&worker.failed, left);
    return left;
}

bool worker_stuck(void)
{
    mutex_lock(&worker.lock);
    bool stuck = worker.config && worker.running && !worker.exited;
    bool over = worker.config && worker.stop && !stuck;
    mutex_unlock(&worker.lock);
    if (over)
        (void)take_down();
    return stuck;
}

/* False: the thread is still there. */
static bool wait_for_exit(int64_t deadline)
{
    mutex_lock(&worker.lock);
    worker.stop = true;
    atomic_store(&worker.until.hurry, true);
    atomic_store(&worker.until.mono_ns, deadline);
    cond_signal(&worker.wake);
    while (worker.running && !worker.exited)
        if (!cond_wait_until(&worker.done, &worker.lock, deadline + GRACE_MS * NANOS_PER_MILLI))
            break;
    bool over = !worker.running || worker.exited;
    mutex_unlock(&worker.lock);
    return over;
}

bool worker_end(int64_t deadline_mono_ns, Err *err)
{
    uint64_t failed_before = atomic_load(&worker.failed);
    if (!worker.config)
        return true;
    if (!wait_for_exit(deadline_mono_ns))
        return fail(err, ERR_TIMEOUT, "an exporter did not return in time");
    if (!worker.running) { /* nothing ever ended, or no thread could be made */
        if (worker.inherited)
            take_over_after_fork();
        worker_turn(true, true);
    }
    uint64_t left = take_down();
    uint64_t lost = atomic_load(&worker.failed) - failed_before;
    if (lost == 0)
        return true;
    return fail(err, left ? ERR_TIMEOUT : ERR_IO, "%" PRIu64 " spans could not be delivered", lost);
}

bool worker_flush(int64_t deadline_mono_ns, Err *err)
{
    uint64_t failed_before = atomic_load(&worker.failed);
    mutex_lock(&worker.lock);
    bool good = worker.config && !worker.stop && ensure_running(err);
    uint64_t wanted = good ? ++worker.flush_wanted : 0;
    if (good)
        cond_signal(&worker.wake);
    while (good && worker.flush_done < wanted && !worker.exited)
        if (!cond_wait_until(&worker.done, &worker.lock, deadline_mono_ns))
            good = worker.flush_done >= wanted ||
                   fail(err, ERR_TIMEOUT, "not everything was delivered in time");
    mutex_unlock(&worker.lock);
    uint64_t lost = atomic_load(&worker.failed) - failed_before;
    if (good && lost > 0)
        return fail(err, ERR_IO, "%" PRIu64 " spans could not be delivered", lost);
    return good;
}

void worker_counts(uint64_t *exported, uint64_t *failed)
{
    *exported = atomic_load(&worker.exported);
    *failed = atomic_load(&worker.failed);
}

/* ---- fork ------------------------------------------------------------------------------------ */

void worker_before_fork(void)
{
    mutex_lock(&worker.lock);
}

static void become_child(void)
{
    for (size_t i = 0; i < worker.sink_count; i++) {
        if (worker.sinks[i]->type->abandon)
            worker.sinks[i]->type->abandon(worker.sinks[i]);
        worker.orphans[i] = worker.sinks[i];
    }
    worker.inherited = worker.config != NULL;
    worker.dropped_at_begin = 0; /* the child counts anew */
    worker.drops_told = false;
    worker.sink_count = 0;
    worker.orphan_arena = worker.arena;
    worker.arena = NULL; /* the parent's worker may have been reading it; it stays as it is */
    worker.batch_count = 0;
    worker.thread.started = false;
    worker.running = worker.exited = false;
    worker.flush_wanted = worker.flush_done = 0;
    atomic_store(&worker.started, false);
    atomic_store(&worker.wake_sent, false);
    atomic_store(&worker.exported, 0);
    atomic_store(&worker.failed, 0);
    if (worker.ready) {
        cond_init(&worker.wake); /* whoever waited on them is in the parent */
        cond_init(&worker.done);
    }
    if (worker.config)
        queue_reset(worker.config);
}

void worker_after_fork(bool in_child)
{
    if (in_child)
        become_child();
    mutex_unlock(&worker.lock);
}
