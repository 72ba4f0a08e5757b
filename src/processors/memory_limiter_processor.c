/* memory_limiter_processor.c - refuses data while this process takes too much memory.
 *
 *     below soft  --measured above--> refusing  --measured below--> below soft
 *
 * What is measured, every check_interval, is the memory that the kernel counts as resident, since
 * that is what a container is killed for. (The public Collector measures Go's heap.) Refused is
 * everything from the soft limit on, limit - spike_limit, with ERR_BUSY, so that senders try again
 * later; what may still arrive until the next look is what the spike is for.
 *
 * libc keeps freed memory for itself, so resident memory need not fall when the load does. Above
 * the soft limit it is therefore asked to give memory back, at most once in the interval that the
 * settings call by its old name, that of a garbage collection. Asking walks the whole heap: when it
 * was in vain (still above, and hardly less than before) the intervals double up to their longest,
 * until memory does come down.
 *
 * Every instance measures by itself: they all see the same process, and need no lock between loops.
 * A look that fails changes nothing, and is said once.
 */
#include "base/mem.h"
#include "host/memory.h"
#include "net/loop.h"
#include "otlp/batch.h"
#include "pipe/host.h"

#include <inttypes.h>

enum {
    MIB = 1 << 20,
    RETRY_MS_MAX = 30000,
    VAIN_PERCENT = 5, /* giving back less than this was in vain */
};

typedef struct Limiter {
    Component base;
    int64_t check_interval; /* settings */
    uint64_t limit_mib, limit_percentage, spike_limit_mib, spike_limit_percentage;
    int64_t min_gc_interval_when_soft_limited, min_gc_interval_when_hard_limited;
    int64_t max_gc_interval_when_soft_limited, max_gc_interval_when_hard_limited;
    uint64_t soft, hard;                      /* state: bytes */
    bool refuses, blind;                      /* blind: the last look failed */
    int64_t trimmed_ns, soft_wait, hard_wait; /* waits: 0, or longer ones, as it was in vain */
    Timer timer;
} Limiter;

#define MIB_MAX "17592186044415" /* in bytes it still fits */

static const ConfigField fields[] = {
    DURATION(Limiter, check_interval, "0s", "0s", "1h", "How often to look; 1s is advised."),
    COUNT(Limiter, limit_mib, "0", "0", MIB_MAX, "The most that this process should take."),
    COUNT(Limiter, spike_limit_mib, "0", "0", MIB_MAX,
          "Refuse from this much below the limit on; 0: a fifth of it."),
    COUNT(Limiter, limit_percentage, "0", "0", NULL,
          "The same as limit_mib, of the memory that there is for this process."),
    COUNT(Limiter, spike_limit_percentage, "0", "0", NULL,
          "The same as spike_limit_mib, of the memory that there is for this process."),
    DURATION(Limiter, min_gc_interval_when_soft_limited, "10s", "0s", "24h",
             "Above the soft limit, give unused memory back no more often than this."),
    DURATION(Limiter, min_gc_interval_when_hard_limited, "0s", "0s", "24h",
             "The same above the limit itself."),
    DURATION(Limiter, max_gc_interval_when_soft_limited, "30s", "0s", "24h",
             "While that is in vain, wait twice as long each time, up to this; 0s: never longer."),
    DURATION(Limiter, max_gc_interval_when_hard_limited, "30s", "0s", "24h",
             "The same above the limit itself."),
    RETIRED("ballast_size_mib", "there is no ballast any more; limit_mib alone counts"),
    { 0 },
};

/* --- settings -------------------------------------------------------------------------------- */

static bool check_mib(const Limiter *l, Err *err)
{
    return l->spike_limit_mib < l->limit_mib ||
           fail(err, ERR_INPUT, "'spike_limit_mib' must be smaller than 'limit_mib'");
}

static bool check_percentages(const Limiter *l, Err *err)
{
    if (l->limit_percentage > 100 || l->spike_limit_percentage > 100)
        return fail(err, ERR_INPUT,
                    "'limit_percentage' and 'spike_limit_percentage' must be greater than zero and "
                    "less than or equal to hundred");
    return l->spike_limit_percentage < l->limit_percentage ||
           fail(err, ERR_INPUT, "'spike_limit_percentage' must be smaller than 'limit_percentage'");
}

static bool check_longest(const Limiter *l, Err *err)
{
    int64_t soft = l->max_gc_interval_when_soft_limited;
    int64_t hard = l->max_gc_interval_when_hard_limited;
    if (soft && soft < l->min_gc_interval_when_soft_limited)
        return fail(err, ERR_INPUT,
                    "'max_gc_interval_when_soft_limited' must be greater than or equal to "
                    "'min_gc_interval_when_soft_limited' (or 0 to disable)");
    if (hard && hard < l->min_gc_interval_when_hard_limited)
        return fail(err, ERR_INPUT,
                    "'max_gc_interval_when_hard_limited' must be greater than or equal to "
                    "'min_gc_interval_when_hard_limited' (or 0 to disable)");
    return !soft || !hard || soft >= hard ||
           fail(err, ERR_INPUT,
                "'max_gc_interval_when_soft_limited' should be larger than or equal to "
                "'max_gc_interval_when_hard_limited' (when both are set)");
}

static bool limiter_check(const void *self, Err *err)
{
    const Limiter *l = self;
    if (l->check_interval <= 0)
        return fail(err, ERR_INPUT, "'check_interval' must be greater than zero");
    if (!l->limit_mib && !l->limit_percentage)
        return fail(err, ERR_INPUT, "'limit_mib' or 'limit_percentage' must be greater than zero");
    if (l->min_gc_interval_when_hard_limited > l->min_gc_interval_when_soft_limited)
        return fail(err, ERR_INPUT,
                    "'min_gc_interval_when_soft_limited' should be larger than "
                    "'min_gc_interval_when_hard_limited'");
    return check_longest(l, err) && (!l->limit_mib || check_mib(l, err)) &&
           (!l->limit_percentage || check_percentages(l, err));
}

/* limit_mib wins over limit_percentage. */
static bool learn_limits(Limiter *l, Err *err)
{
    uint64_t total, spike;
    if (l->limit_mib) {
        l->hard = l->limit_mib * MIB;
        spike = l->spike_limit_mib * MIB;
    } else {
        if (!memory_total(host_disk(l->base.host), &total, err))
            return blame(err, "limit_percentage");
        l->hard = total / 100 * l->limit_percentage;
        spike = total / 100 * l->spike_limit_percentage;
    }
    l->soft = l->hard - (spike ? spike : l->hard / 5);
    return true;
}

/* --- looking --------------------------------------------------------------------------------- */

static void say(const Limiter *l, LogLevel level, const char *what, uint64_t resident)
{
    host_log(l->base.host, level, "%s cur_mem_mib=%" PRIu64, what, resident / MIB);
}

static int64_t longer(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Once per process is enough: the instance on the first loop does it. */
static bool may_trim(const Limiter *l, uint64_t resident, int64_t now)
{
    int64_t interval = resident > l->hard
                           ? longer(l->min_gc_interval_when_hard_limited, l->hard_wait)
                           : longer(l->min_gc_interval_when_soft_limited, l->soft_wait);
    return resident > l->soft && host_shard(l->base.host) == 0 && now - l->trimmed_ns >= interval;
}

static int64_t next_wait(const Limiter *l, int64_t wait, int64_t least, int64_t most)
{
    int64_t twice = 2 * longer(wait, longer(least, l->check_interval));
    return !most ? least : twice < most ? twice : most;
}

/* Both grow at once, whichever limit it was: memory that goes up and down is the same memory. */
static void learn_from_trim(Limiter *l, uint64_t before, uint64_t after)
{
    if (after <= l->soft || after <= before / 100 * (100 - VAIN_PERCENT)) {
        l->soft_wait = l->hard_wait = 0;
        return;
    }
    l->soft_wait = next_wait(l, l->soft_wait, l->min_gc_interval_when_soft_limited,
                             l->max_gc_interval_when_soft_limited);
    l->hard_wait = next_wait(l, l->hard_wait, l->min_gc_interval_when_hard_limited,
                             l->max_gc_interval_when_hard_limited);
}

static bool measure(Limiter *l, uint64_t *resident, Err *err)
{
    Disk *disk = host_disk(l->base.host);
    int64_t now = loop_now(host_loop(l->base.host));
    if (!memory_resident(disk, resident, err))
        return false;
    if (*resident <= l->soft)
        l->soft_wait = l->hard_wait = 0;
    if (!may_trim(l, *resident, now))
        return true;
    uint64_t before = *resident;
    mem_trim();
    l->trimmed_ns = now;
    if (!memory_resident(disk, resident, err))
        return false;
    learn_from_trim(l, before, *resident);
    return true;
}

static void judge(Limiter *l, uint64_t resident)
{
    bool above = resident > l->soft;
    if (above && !l->refuses)
        say(l, LOG_WARN, "Memory usage is above soft limit. Refusing data.", resident);
    if (!above && l->refuses)
        say(l, LOG_INFO, "Memory usage back within limits. Resuming normal operation.", resident);
    l->refuses = above;
}

static void look(void *owner)
{
    Limiter *l = owner;
    Loop *loop = host_loop(l->base.host);
    uint64_t resident;
    Err err;
    bool seen = measure(l, &resident, &err);
    if (seen)
        judge(l, resident);
    else if (!l->blind)
        host_log(l->base.host, LOG_ERROR, "cannot measure memory: %s", err.text);
    l->blind = !seen;
    timer_set(loop, &l->timer, loop_now(loop) + l->check_interval);
}

/* --- hooks ----------------------------------------------------------------------------------- */

static bool limiter_start(void *self, Err *err)
{
    Limiter *l = self;
    uint64_t resident;
    l->refuses = l->blind = false;
    l->trimmed_ns = INT64_MIN / 2;
    l->soft_wait = l->hard_wait = 0;
    l->timer = (Timer){ .fire = look, .owner = l };
    if (!learn_limits(l, err) || !memory_resident(host_disk(l->base.host), &resident, err))
        return false;
    if (host_shard(l->base.host) == 0)
        host_log(l->base.host, LOG_INFO,
                 "Memory limiter configured limit_mib=%" PRIu64 " spike_limit_mib=%" PRIu64,
                 l->hard / MIB, (l->hard - l->soft) / MIB);
    look(l);
    return true;
}

static bool limiter_may_take(const void *self, Err *err)
{
    const Limiter *l = self;
    if (!l->refuses)
        return true;
    int64_t retry_ms = l->check_interval / NANOS_PER_MILLI;
    fail(err, ERR_BUSY, "data refused due to high memory usage");
    err->retry_ms = retry_ms < RETRY_MS_MAX ? (uint32_t)retry_ms + 1 : RETRY_MS_MAX;
    return false;
}

/* A receiver asks before it reads a request; what was on its way by then is refused here. */
static bool limiter_consume(void *self, const Parcel *parcel, Err *err)
{
    const Limiter *l = self;
    return limiter_may_take(l, err) && host_send(l->base.host, parcel, err);
}

static void limiter_stop(void *self)
{
    Limiter *l = self;
    timer_cancel(host_loop(l->base.host), &l->timer);
}

const ComponentType memory_limiter_processor = {
    .name = "memory_limiter",
    .summary = "Refuses data while this process takes too much memory.",
    .kind = PROCESSOR,
    .stability = ALPHA,
    .placement = SHARDED,
    .signals = ALL_SIGNALS,
    .size = sizeof(Limiter),
    .fields = fields,
    .check = limiter_check,
    .start = limiter_start,
    .may_take = limiter_may_take,
    .consume = limiter_consume,
    .stop = limiter_stop,
};
