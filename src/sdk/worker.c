/* worker.c - the life of what serves all signals, and who drives it; see worker.h.
 *
 * The lock guards everything in `worker` but the atomics. It is never held while somebody drives,
 * so that fork() and the paths of spans and logs wait for no network. `driven` says that somebody
 * does, the thread or a caller: loop, sinks and rounds are his. There is something to do for three
 * reasons: a full batch waits, somebody wants a flush, or a duty's delay is over; and while a batch
 * is on its way, whatever happens on the loop.
 */
#include "sdk/worker.h"
#include "sdk/diagnostics.h"

#include "base/mem.h"
#include "base/thread.h"
#include "sdk/otlp_sockets.h"
#include "sdk/round.h"
#include "sdk/tracer.h"

#include <inttypes.h>
#include <string.h>

enum {
    RESOURCE_MAX = 1 << 20,
    GRACE_MS = 500, /* what a sink may take beyond a deadline before we stop waiting */
    DUTY_COUNT = ROW_COUNT + 1,
    TICK_STEPS = 16, /* of the loop: a fast peer ends no tick, and must not keep one either */
};
#define WAIT_MAX_NS (3600 * NANOS_PER_SECOND) /* keeps sums of times in range */

static struct {
    Mutex lock;
    Cond done;
    const RunConfig *config; /* NULL: idle */
    DutyRun run;
    Arena *arena;
    Resource resource;
    TrackedSockets sockets;
    Loop *loop;
    Post nudge; /* what wakes whoever waits on the loop */
    Arena *orphan_arena;
    Loop *orphan_loop;
    Duty duties[DUTY_COUNT]; /* of a row, under its number; then those that have none */
    Thread thread;
    bool ready;   /* condition and lock are made */
    bool ticking; /* no thread: the program drives */
    bool driven;
    bool stop, over; /* over: no round will follow */
    bool inherited;
    uint64_t flush_wanted, flush_done;
    atomic_bool started; /* whoever drives is there, for those without the lock */
} worker = {
    .lock = { PTHREAD_MUTEX_INITIALIZER },
    .duties = { [ROW_SPANS] = { .type = &span_duty },
                [ROW_LOGS] = { .type = &log_duty },
                [ROW_COUNT] = { .type = &metric_duty } },
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

static void loop_close(void)
{
    mutex_lock(&worker.lock); /* a thread that still ends a span of this run may look */
    Loop *loop = worker.loop;
    worker.loop = NULL;
    mutex_unlock(&worker.lock);
    loop_free(loop);
}

static bool sink_add(Duty *duty, Str name, Err *err)
{
    if (duty->sink_count == SINKS_MAX)
        return fail(err, ERR_LIMIT, "more than %d exporters", SINKS_MAX);
    Sink *sink = exporter_create(name, worker.run.settings, duty->type->signal, err);
    if (!sink)
        return false;
    sink->loop = worker.loop;
    duty->sinks[duty->sink_count++] = sink;
    return true;
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

static void nudged(void *nothing)
{
    (void)nothing; /* the loop turns, and so do the duties */
}

static bool outfit(Err *err)
{
    const CryoSettings *settings = worker.run.settings;
    worker.run.scope =
        tracer_find(str_from(settings->service.name), str_from(settings->service.version));
    if (!worker.run.scope)
        return fail(err, ERR_MEMORY, "tracer of the service");
    worker.arena = arena_new(RESOURCE_MAX, err);
    tracked_sockets_init(&worker.sockets);
    worker.nudge = (Post){ .run = nudged };
    Loop *loop = loop_new(NULL, &worker.sockets.base, err);
    mutex_lock(&worker.lock);
    worker.loop = loop;
    mutex_unlock(&worker.lock);
    bool good =
        loop && worker.arena && resource_make(settings, worker.arena, &worker.resource, err);
    for (Duty *duty = next_duty(NULL); duty && good; duty = next_duty(duty))
        good = sinks_create(duty, err);
    if (!good) {
        sinks_destroy();
        loop_close();
    }
    return good;
}

/* ---- driving --------------------------------------------------------------------------------- */

/* One turn of every duty. When the next one is due at the latest. */
static int64_t duties_turn(void)
{
    int64_t due = INT64_MAX;
    mutex_lock(&worker.lock);
    uint64_t flush = worker.flush_wanted, done = flush;
    bool stop = worker.stop;
    mutex_unlock(&worker.lock);
    for (Duty *duty = next_duty(NULL); duty; duty = next_duty(duty)) {
        int64_t next = duty_turn(duty, &worker.resource, flush);
        due = next < due ? next : due;
        done = duty->flush_done < done ? duty->flush_done : done;
    }
    mutex_lock(&worker.lock);
    bool news = worker.flush_done != done;
    worker.flush_done = done;
    worker.over = worker.over || (stop && done == flush);
    if (news || worker.over)
        cond_broadcast(&worker.done);
    mutex_unlock(&worker.lock);
    return due;
}

static void take_over_after_fork(void)
{
    Err err;
    worker.inherited = false;
    if (outfit(&err))
        return;
    say(CRYO_LOG_ERROR, "after fork: %s; the telemetry of this process is lost", err.text);
    mutex_lock(&worker.lock);
    worker.stop = worker.over = true; /* nobody shall wait for any */
    mutex_unlock(&worker.lock);
}

/* Locked at both; unlocked in between. Gives what leave_driving() wants to have back. */
static bool begin_driving(void)
{
    bool suppressed = thread_locals.suppressed;
    thread_locals.suppressed = true; /* our own requests are not traced */
    worker.driven = true;
    mutex_unlock(&worker.lock);
    if (worker.inherited)
        take_over_after_fork();
    return suppressed;
}

static void leave_driving(bool suppressed)
{
    thread_locals.suppressed = suppressed;
    mutex_lock(&worker.lock);
    worker.driven = false;
    cond_broadcast(&worker.done);
}

static bool is_done(uint64_t flush)
{
    mutex_lock(&worker.lock);
    bool done = worker.over || worker.flush_done >= flush;
    mutex_unlock(&worker.lock);
    return done;
}

/* Locked. Until all is over, that flush is done, or the deadline. */
static void drive(uint64_t flush, int64_t deadline)
{
    bool suppressed = begin_driving();
    while (!is_done(flush)) {
        int64_t due = duties_turn(), now = now_ns();
        if (is_done(flush) || now >= deadline)
            break;
        due = due < deadline ? due : deadline;
        due = due < now + WAIT_MAX_NS ? due : now + WAIT_MAX_NS;
        (void)loop_step(worker.loop, due > now ? due - now : 0);
    }
    leave_driving(suppressed);
}

static void delays_begin(void)
{
    for (Duty *duty = next_duty(NULL); duty; duty = next_duty(duty))
        duty->due_ns = now_ns() + duty->plan.delay_ns;
}

static void worker_main(void *nothing)
{
    (void)nothing;
    delays_begin();
    mutex_lock(&worker.lock);
    drive(UINT64_MAX, INT64_MAX);
    mutex_unlock(&worker.lock);
}

/* Locked. From here on it drives. */
static bool ensure_running(Err *err)
{
    if (!worker.driven && !worker.ticking) {
        if (!thread_start(&worker.thread, "cryo-export", worker_main, NULL, err))
            return false;
        worker.driven = true;
    }
    atomic_store(&worker.started, true);
    return true;
}

/* Locked. Whoever waits on the loop looks around. */
static void nudge(void)
{
    if (worker.loop)
        loop_post(worker.loop, &worker.nudge);
}

static COLD void notify(const RunConfig *config)
{
    Err err;
    mutex_lock(&worker.lock);
    if (worker.config == config && !worker.stop) {
        /* No thread to be had now: whoever comes next asks again. */
        if (ensure_running(&err))
            nudge();
    }
    mutex_unlock(&worker.lock);
}

/* Both sides exchange `woken` instead of looking at it first: whichever comes later sees what the
 * other did before, so a record is either found by the round that begins or wakes another. */
void worker_notice(const RunConfig *config, RowKind row)
{
    bool first = !atomic_load_explicit(&worker.started, memory_order_relaxed);
    bool wake = queue_used(config, row) >= config->queues[row].wake_at &&
                !atomic_exchange(&worker.duties[row].woken, true);
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
        cond_init(&worker.done);
        worker.ready = true;
    }
}

static bool duty_begin(Duty *duty, const CryoSettings *settings)
{
    duty->on = duty->type->plan && duty->type->plan(settings, &duty->plan);
    duty->reported_at = 0;
    duty->failed_reported = 0;
    duty_forget_round(duty);
    atomic_store(&duty->until.end_ns, INT64_MAX);
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
        loop_close();
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
    delays_begin();
    mutex_lock(&worker.lock);
    worker.ticking = settings->enable_worker_thread == CRYO_OFF;
    worker.stop = worker.over = worker.inherited = false;
    worker.flush_wanted = worker.flush_done = 0;
    worker.config = any ? config : NULL;
    if (worker.ticking)
        atomic_store(&worker.started, true);
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

/* Nobody drives any more. What nobody took has failed. */
static void take_down(void)
{
    thread_join(&worker.thread);
    for (Duty *duty = next_duty(NULL); duty; duty = next_duty(duty))
        if (duty->type->discard)
            atomic_fetch_add(&duty->failed, duty->type->discard(duty->type->self));
    duties_end();
    sinks_destroy();
    mutex_lock(&worker.lock);
    atomic_store(&worker.started, false);
    worker.config = NULL;
    mutex_unlock(&worker.lock);
    loop_close();
}

bool worker_stuck(void)
{
    mutex_lock(&worker.lock);
    bool stuck = worker.config && worker.driven;
    bool over = worker.config && worker.stop && !stuck;
    mutex_unlock(&worker.lock);
    if (over)
        take_down();
    return stuck;
}

/* False: somebody is still inside of an exporter. */
static bool finish(int64_t deadline)
{
    mutex_lock(&worker.lock);
    worker.stop = true;
    worker.flush_wanted++;
    for (size_t i = 0; i < DUTY_COUNT; i++)
        atomic_store(&worker.duties[i].until.end_ns, deadline);
    nudge();
    while (worker.driven)
        if (!cond_wait_until(&worker.done, &worker.lock, deadline + GRACE_MS * NANOS_PER_MILLI))
            break;
    bool free = !worker.driven;
    if (free && !worker.over) /* no thread: nothing ever ended, none was to be had or wanted */
        drive(worker.flush_wanted, INT64_MAX);
    mutex_unlock(&worker.lock);
    return free;
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
    for (size_t i = 0; i < DUTY_COUNT; i++)
        if (atomic_load(&worker.duties[i].busy))
            return fail(err, ERR_TIMEOUT, "%s; still exporting %s", what,
                        worker.duties[i].type->what);
    return fail(err, ERR_TIMEOUT, "%s", what);
}

bool worker_end(int64_t deadline_mono_ns, Err *err)
{
    Losses before = losses_now();
    if (!worker.config)
        return true;
    if (!finish(deadline_mono_ns))
        return too_late("an exporter did not return in time", err);
    Losses tried = losses_now();
    take_down();
    bool whole = nothing_lost(&tried, ERR_TIMEOUT, err);
    return nothing_lost(&before, whole ? ERR_IO : ERR_TIMEOUT, err);
}

/* Locked. Somebody else drives, or we do. False: it is too late. */
static bool wait_for_flush(uint64_t flush, int64_t deadline)
{
    while (worker.flush_done < flush && !worker.over) {
        if (now_ns() >= deadline)
            return false;
        if (!worker.driven)
            drive(flush, deadline);
        else
            (void)cond_wait_until(&worker.done, &worker.lock, deadline);
    }
    return true;
}

bool worker_flush(int64_t deadline_mono_ns, Err *err)
{
    Losses before = losses_now();
    mutex_lock(&worker.lock);
    bool wanted = worker.config && !worker.stop;
    bool good = !wanted || ensure_running(err);
    if (wanted && good) {
        uint64_t flush = ++worker.flush_wanted;
        nudge();
        good = wait_for_flush(flush, deadline_mono_ns) ||
               too_late("not everything was delivered in time", err);
        if (worker.ticking)
            nudge(); /* what is on its way is the next tick's */
    }
    mutex_unlock(&worker.lock);
    return good && nothing_lost(&before, ERR_IO, err);
}

/* ---- ticks ----------------------------------------------------------------------------------- */

/* Locked. */
static bool may_tick(void)
{
    return worker.config && worker.ticking && !worker.stop && !worker.driven;
}

static int64_t tick(void)
{
    int64_t due = 0;
    bool more = true;
    for (int i = 0; more && i < TICK_STEPS && !is_done(UINT64_MAX); i++) {
        more = loop_step(worker.loop, 0);
        due = duties_turn();
        more = more && due > now_ns(); /* else the next batch is the next tick's */
    }
    if (is_done(UINT64_MAX))
        return -1; /* after a fork, without memory or descriptors */
    int64_t left = (due < loop_due(worker.loop) ? due : loop_due(worker.loop)) - now_ns();
    return left > 0 ? left : 0;
}

int64_t worker_tick(void)
{
    int64_t wait_ns = -1;
    mutex_lock(&worker.lock);
    if (may_tick()) {
        bool suppressed = begin_driving();
        wait_ns = tick();
        leave_driving(suppressed);
    }
    mutex_unlock(&worker.lock);
    return wait_ns;
}

int worker_tick_fd(void)
{
    mutex_lock(&worker.lock);
    if (may_tick() && worker.inherited)
        leave_driving(begin_driving());
    int fd = worker.loop && worker.ticking ? loop_descriptor(worker.loop) : -1;
    mutex_unlock(&worker.lock);
    return fd;
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
    memcpy(duty->orphans, duty->sinks, sizeof duty->orphans);
    duty->sink_count = 0;
    duty_forget_round(duty);
    atomic_store(&duty->exported, 0);
    atomic_store(&duty->failed, 0);
    if (worker.config)
        duty->type->forked(duty->type->self);
}

/* The loop and all that lives on it may be in the middle of something: only descriptors are let go
 * of, without a word to anybody's peer. */
static void become_child(void)
{
    for (Duty *duty = next_duty(NULL); duty; duty = next_duty(duty))
        duty_becomes_child(duty);
    if (worker.loop) {
        tracked_sockets_abandon(&worker.sockets);
        loop_abandon(worker.loop);
    }
    worker.orphan_loop = worker.loop;
    worker.loop = NULL;
    worker.inherited = worker.config != NULL;
    worker.orphan_arena = worker.arena;
    worker.arena = NULL; /* the parent's worker may have been reading it; it stays as it is */
    worker.thread.started = false;
    worker.driven = worker.over = false;
    worker.flush_wanted = worker.flush_done = 0;
    atomic_store(&worker.started, false);
    if (worker.ready)
        cond_init(&worker.done); /* whoever waited on it is in the parent */
}

void worker_after_fork(bool in_child)
{
    if (in_child)
        become_child();
    mutex_unlock(&worker.lock);
}
