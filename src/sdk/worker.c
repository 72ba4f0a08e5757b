/* worker.c - gathers each signal's items in batches and hands them to its sinks; see worker.h.
 *
 * The lock guards everything in `worker` but the atomics. It is never held while a sink works, so
 * that fork() and the paths of spans and logs wait for no network. The thread wakes for three
 * reasons: a full batch waits, somebody wants a flush, or a duty's delay is over.
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

typedef struct Duty {
    const DutyType *type;
    bool on, begun;
    DutyPlan plan;
    int64_t due_ns;
    Sink *sinks[SINKS_MAX];
    size_t sink_count;
    Sink *copy;               /* the last one of them, or NULL: it does not count */
    Sink *orphans[SINKS_MAX]; /* the parent's, in a fork's child: kept, never used */
    _Atomic uint64_t exported, failed;
    int64_t reported_at;
    uint64_t failed_reported;
} Duty;

static struct {
    Mutex lock;
    Cond wake, done;
    const RunConfig *config; /* NULL: idle */
    DutyRun run;
    Arena *arena;
    Resource resource;
    Arena *orphan_arena;
    Duty duties[DUTY_COUNT];
    Thread thread;
    bool ready; /* conditions and lock are made */
    bool running, exited, stop, inherited;
    uint64_t flush_wanted, flush_done;
    Until until;
    _Atomic(const DutyType *) busy; /* whose round it is; NULL: nobody's */
    atomic_bool started;            /* running, for those without the lock */
    atomic_bool wake_sent;          /* a wake-up is on its way */
} worker = {
    .lock = { PTHREAD_MUTEX_INITIALIZER },
    .duties = { { .type = &span_duty }, { .type = &metric_duty }, { .type = &log_duty } },
};

static int64_t now_ns(void)
{
    return clock_mono_ns(clock_system());
}

/* The duties that are on, one after the other; NULL first and NULL at the end. */
static Duty *next_duty(const Duty *after)
{
    size_t i = after ? (size_t)(after - worker.duties) + 1 : 0;
    while (i < DUTY_COUNT && !worker.duties[i].on)
        i++;
    return i < DUTY_COUNT ? &worker.duties[i] : NULL;
}

/* ---- sinks and resource ---------------------------------------------------------------------- */

static void sinks_destroy(void)
{
    for (Duty *duty = next_duty(NULL); duty; duty = next_duty(duty))
        while (duty->sink_count > 0) {
            Sink *sink = duty->sinks[--duty->sink_count];
            sink->type->destroy(sink);
        }
    arena_free(worker.arena);
    worker.arena = NULL;
}

static bool sink_add(Duty *duty, Str name, Err *err)
{
    if (duty->sink_count == SINKS_MAX)
        return fail(err, ERR_LIMIT, "more than %d exporters", SINKS_MAX);
    Sink *sink = exporter_create(name, worker.run.settings, duty->type->signal, err);
    if (sink)
        duty->sinks[duty->sink_count++] = sink;
    return sink != NULL;
}

static bool sinks_create(Duty *duty, Err *err)
{
    Str names = str_from(duty->plan.exporters), name;
    while (str_split(&names, ',', &name))
        if (!str_eq(name, STR("none")) && !sink_add(duty, name, err))
            return false;
    duty->copy = NULL;
    if (!duty->plan.console_copy)
        return true;
    if (!sink_add(duty, STR("console"), err))
        return false;
    duty->copy = duty->sinks[duty->sink_count - 1];
    return true;
}

static bool outfit(Err *err)
{
    const CryoSettings *settings = worker.run.settings;
    worker.run.scope =
        tracer_find(str_from(settings->service.name), str_from(settings->service.version));
    if (!worker.run.scope)
        return fail(err, ERR_MEMORY, "tracer of the service");
    worker.arena = arena_new(RESOURCE_MAX, err);
    bool good = worker.arena && resource_make(settings, worker.arena, &worker.resource, err);
    for (Duty *duty = next_duty(NULL); duty && good; duty = next_duty(duty))
        good = sinks_create(duty, err);
    if (!good)
        sinks_destroy();
    return good;
}

/* ---- one batch ------------------------------------------------------------------------------- */

static void report_failure(Duty *duty, const Err *err)
{
    int64_t now = now_ns();
    if (duty->reported_at && now - duty->reported_at < REPORT_EVERY_NS)
        return;
    uint64_t failed = atomic_load(&duty->failed);
    duty->reported_at = now;
    duty->failed_reported = failed;
    const char *of = duty->type->signal == METRICS ? " data points" : "";
    say(CRYO_LOG_ERROR, "cannot export %s, %" PRIu64 "%s lost so far: %s", duty->type->what, failed,
        of, err->text);
}

static void report_success(Duty *duty)
{
    if (duty->failed_reported == 0)
        return;
    say(CRYO_LOG_INFO, "exporting %s again; %" PRIu64 " were lost", duty->type->what,
        atomic_load(&duty->failed));
    duty->failed_reported = 0; /* the time stays: a server that comes and goes is no flood */
}

/* A send may take until the export time-out; once we stop, until the deadline given there. */
static void set_deadline(const Duty *duty)
{
    int64_t limit = now_ns() + duty->plan.timeout_ns;
    mutex_lock(&worker.lock);
    if (!worker.stop)
        atomic_store(&worker.until.mono_ns, limit);
    mutex_unlock(&worker.lock);
}

static void batch_export(Duty *duty, Outgoing *out)
{
    bool good = true;
    for (size_t i = 0; i < duty->sink_count; i++) {
        Err err = { 0 };
        bool sent = duty->sinks[i]->type->send(duty->sinks[i], out, &worker.until, &err);
        if (sent || duty->sinks[i] == duty->copy)
            continue;
        if (good)
            atomic_fetch_add(&duty->failed, out->count);
        good = false;
        report_failure(duty, &err);
    }
    if (!good)
        return;
    uint64_t rejected = out->rejected < out->count ? out->rejected : out->count;
    atomic_fetch_add(&duty->failed, rejected);
    atomic_fetch_add(&duty->exported, out->count - rejected);
    report_success(duty);
}

/* All that waits, or only full batches. */
static void export_waiting(Duty *duty, bool all)
{
    const DutyType *type = duty->type;
    for (Gathered got = GATHERED_MORE; got == GATHERED_MORE;) {
        if (!all && !(type->full && type->full(type->self)))
            return;
        Outgoing out = { .signal = type->signal, .resource = &worker.resource };
        Err err = { 0 };
        got = type->gather(type->self, &out, &err);
        if (got == GATHERED_FAILED)
            report_failure(duty, &err);
        if (got != GATHERED_ALL && got != GATHERED_MORE)
            return;
        set_deadline(duty);
        batch_export(duty, &out);
        type->release(type->self);
    }
}

static void sinks_flush(Duty *duty)
{
    for (size_t i = 0; i < duty->sink_count; i++) {
        Err err = { 0 };
        if (duty->sinks[i]->type->flush &&
            !duty->sinks[i]->type->flush(duty->sinks[i], &worker.until, &err))
            report_failure(duty, &err);
    }
}

/* `wanted`: a flush, or the end. */
static void duty_turn(Duty *duty, bool wanted)
{
    bool over = now_ns() >= duty->due_ns;
    atomic_store(&worker.busy, duty->type);
    export_waiting(duty, over || wanted || duty->plan.at_once);
    if (over || wanted)
        duty->due_ns = now_ns() + duty->plan.delay_ns;
    if (wanted) {
        set_deadline(duty);
        sinks_flush(duty);
    }
    atomic_store(&worker.busy, NULL);
    if (duty->type->told)
        duty->type->told(duty->type->self);
}

static void worker_turn(bool wanted)
{
    for (Duty *duty = next_duty(NULL); duty; duty = next_duty(duty))
        duty_turn(duty, wanted);
}

/* ---- the thread ------------------------------------------------------------------------------ */

static int64_t next_due(void)
{
    int64_t due = INT64_MAX;
    for (Duty *duty = next_duty(NULL); duty; duty = next_duty(duty))
        due = duty->due_ns < due ? duty->due_ns : due;
    return due;
}

/* Locked. */
static void wait_for_work(int64_t due_ns)
{
    while (!worker.stop && worker.flush_wanted == worker.flush_done &&
           !atomic_load(&worker.wake_sent))
        if (!cond_wait_until(&worker.wake, &worker.lock, due_ns))
            return;
}

static void take_over_after_fork(void)
{
    Err err;
    if (!outfit(&err))
        say(CRYO_LOG_ERROR, "after fork: %s; the telemetry of this process is lost", err.text);
}

static void delays_begin(void)
{
    for (Duty *duty = next_duty(NULL); duty; duty = next_duty(duty))
        duty->due_ns = now_ns() + duty->plan.delay_ns;
}

static void worker_main(void *nothing)
{
    (void)nothing;
    thread_locals.suppressed = true;
    delays_begin();
    if (worker.inherited)
        take_over_after_fork();
    mutex_lock(&worker.lock);
    worker.inherited = false;
    for (bool stop = false; !stop;) {
        wait_for_work(next_due());
        stop = worker.stop;
        uint64_t flush = worker.flush_wanted;
        bool wanted = stop || flush != worker.flush_done;
        (void)atomic_exchange(&worker.wake_sent, false);
        mutex_unlock(&worker.lock);
        worker_turn(wanted);
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
        /* No thread to be had now: whoever comes next asks again. */
        if (ensure_running(&err))
            cond_signal(&worker.wake);
    }
    mutex_unlock(&worker.lock);
}

/* Both sides exchange wake_sent instead of looking at it first: whichever comes later sees what the
 * other did before, so a record is either found by the turn that begins or wakes another. */
void worker_notice(const RunConfig *config, RowKind row)
{
    bool first = !atomic_load_explicit(&worker.started, memory_order_relaxed);
    bool wake = queue_used(config, row) >= config->queues[row].wake_at &&
                !atomic_exchange(&worker.wake_sent, true);
    if (first || wake)
        notify(config);
}

void worker_needed(void)
{
    Err err;
    if (atomic_load_explicit(&worker.started, memory_order_relaxed))
        return;
    mutex_lock(&worker.lock);
    if (worker.config && !worker.stop)
        (void)ensure_running(&err); /* none to be had now: the next one asks again */
    mutex_unlock(&worker.lock);
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

static bool duty_begin(Duty *duty, const CryoSettings *settings)
{
    duty->on = duty->type->plan && duty->type->plan(settings, &duty->plan);
    duty->reported_at = 0;
    duty->failed_reported = 0;
    atomic_store(&duty->exported, 0);
    atomic_store(&duty->failed, 0);
    return duty->on;
}

static void duties_end(void)
{
    for (Duty *duty = next_duty(NULL); duty; duty = next_duty(duty))
        if (duty->begun) {
            duty->type->end(duty->type->self);
            duty->begun = false;
        }
}

static bool duties_begin(Err *err)
{
    bool good = outfit(err);
    for (Duty *duty = next_duty(NULL); duty && good; duty = next_duty(duty)) {
        duty->begun = true;
        good = duty->type->begin(duty->type->self, &worker.run, err);
    }
    if (!good) {
        duties_end();
        sinks_destroy();
    }
    return good;
}

bool worker_begin(const RunConfig *config, const CryoSettings *settings, Err *err)
{
    bool any = false;
    make_ready();
    worker.run = (DutyRun){ .config = config, .settings = settings, .resource = &worker.resource };
    for (size_t i = 0; i < DUTY_COUNT; i++)
        any = duty_begin(&worker.duties[i], settings) || any;
    if (any && !duties_begin(err))
        return false;
    mutex_lock(&worker.lock);
    worker.stop = worker.inherited = false;
    worker.flush_wanted = worker.flush_done = 0;
    atomic_store(&worker.until.hurry, false);
    atomic_store(&worker.wake_sent, false);
    worker.config = any ? config : NULL;
    mutex_unlock(&worker.lock);
    return true;
}

bool worker_serves(Signal signal)
{
    for (Duty *duty = next_duty(NULL); duty; duty = next_duty(duty))
        if (duty->type->signal == signal)
            return true;
    return false;
}

/* The thread has ended, or there was none. What nobody took has failed. */
static void take_down(void)
{
    thread_join(&worker.thread);
    for (Duty *duty = next_duty(NULL); duty; duty = next_duty(duty))
        if (duty->type->discard)
            atomic_fetch_add(&duty->failed, duty->type->discard(duty->type->self));
    duties_end();
    sinks_destroy();
    mutex_lock(&worker.lock); /* a thread that still ends a span of this run may look */
    worker.running = worker.exited = false;
    atomic_store(&worker.started, false);
    worker.config = NULL;
    mutex_unlock(&worker.lock);
}

bool worker_stuck(void)
{
    mutex_lock(&worker.lock);
    bool stuck = worker.config && worker.running && !worker.exited;
    bool over = worker.config && worker.stop && !stuck;
    mutex_unlock(&worker.lock);
    if (over)
        take_down();
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

/* How much each duty had lost before, and what that has come to since. */
typedef struct Losses {
    uint64_t failed[DUTY_COUNT];
} Losses;

static Losses losses_now(void)
{
    Losses now;
    for (size_t i = 0; i < DUTY_COUNT; i++)
        now.failed[i] = atomic_load(&worker.duties[i].failed);
    return now;
}

/* "3 spans, 1 logs could not be delivered"; true: nothing was lost. */
static bool nothing_lost(const Losses *before, ErrKind kind, Err *err)
{
    Losses now = losses_now();
    Buf text = BUF(sizeof err->text);
    for (size_t i = 0; i < DUTY_COUNT; i++) {
        Str item = signal_item_name(worker.duties[i].type->signal);
        uint64_t lost = now.failed[i] - before->failed[i];
        if (lost)
            buf_addf(&text, "%s%" PRIu64 " %.*s", text.len ? ", " : "", lost, STR_ARG(item));
    }
    bool none = text.len == 0;
    if (!none)
        fail(err, kind, "%.*s could not be delivered", STR_ARG(buf_str(&text)));
    buf_free(&text);
    return none;
}

/* Says whose exporter keeps us waiting. */
static bool too_late(const char *what, Err *err)
{
    const DutyType *type = atomic_load(&worker.busy);
    return type ? fail(err, ERR_TIMEOUT, "%s; still exporting %s", what, type->what)
                : fail(err, ERR_TIMEOUT, "%s", what);
}

bool worker_end(int64_t deadline_mono_ns, Err *err)
{
    Losses before = losses_now();
    if (!worker.config)
        return true;
    if (!wait_for_exit(deadline_mono_ns))
        return too_late("an exporter did not return in time", err);
    if (!worker.running) { /* nothing ever ended, or no thread could be made */
        if (worker.inherited)
            take_over_after_fork();
        worker_turn(true);
    }
    Losses tried = losses_now();
    take_down();
    bool whole = nothing_lost(&tried, ERR_TIMEOUT, err);
    return nothing_lost(&before, whole ? ERR_IO : ERR_TIMEOUT, err);
}

bool worker_flush(int64_t deadline_mono_ns, Err *err)
{
    Losses before = losses_now();
    mutex_lock(&worker.lock);
    bool good = !worker.config || worker.stop || ensure_running(err);
    bool wait = good && worker.config && !worker.stop;
    uint64_t wanted = wait ? ++worker.flush_wanted : 0;
    if (wait)
        cond_signal(&worker.wake);
    while (good && worker.flush_done < wanted && !worker.exited)
        if (!cond_wait_until(&worker.done, &worker.lock, deadline_mono_ns))
            good = worker.flush_done >= wanted ||
                   too_late("not everything was delivered in time", err);
    mutex_unlock(&worker.lock);
    return good && nothing_lost(&before, ERR_IO, err);
}

void worker_counts(Signal signal, uint64_t *exported, uint64_t *failed)
{
    *exported = *failed = 0;
    for (size_t i = 0; i < DUTY_COUNT; i++)
        if (worker.duties[i].type->signal == signal) {
            *exported = atomic_load(&worker.duties[i].exported);
            *failed = atomic_load(&worker.duties[i].failed);
        }
}

/* ---- fork ------------------------------------------------------------------------------------ */

void worker_before_fork(void)
{
    mutex_lock(&worker.lock);
}

static void duty_becomes_child(Duty *duty)
{
    for (size_t i = 0; i < duty->sink_count; i++) {
        if (duty->sinks[i]->type->abandon)
            duty->sinks[i]->type->abandon(duty->sinks[i]);
        duty->orphans[i] = duty->sinks[i];
    }
    duty->sink_count = 0;
    atomic_store(&duty->exported, 0);
    atomic_store(&duty->failed, 0);
    if (worker.config)
        duty->type->forked(duty->type->self);
}

static void become_child(void)
{
    for (Duty *duty = next_duty(NULL); duty; duty = next_duty(duty))
        duty_becomes_child(duty);
    worker.inherited = worker.config != NULL;
    worker.orphan_arena = worker.arena;
    worker.arena = NULL; /* the parent's worker may have been reading it; it stays as it is */
    worker.thread.started = false;
    worker.running = worker.exited = false;
    worker.flush_wanted = worker.flush_done = 0;
    atomic_store(&worker.started, false);
    atomic_store(&worker.wake_sent, false);
    if (worker.ready) {
        cond_init(&worker.wake); /* whoever waited on them is in the parent */
        cond_init(&worker.done);
    }
}

void worker_after_fork(bool in_child)
{
    if (in_child)
        become_child();
    mutex_unlock(&worker.lock);
}
