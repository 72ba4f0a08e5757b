/* memory_watch.c - see memory_watch.h. */
#include "cmd/memory_watch.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "host/memory.h"

#include <inttypes.h>

enum {
    LOOK_MS = 100,
    TRIM_FROM = 16 << 20,    /* trimming walks the heap: only for what is worth it */
    LIMIT_UNKNOWN = 1 << 30, /* when the kernel does not say what there is */
};

static void look(MemoryWatch *watch)
{
    Err ignored; /* then the last look holds */
    uint64_t resident;
    if (!memory_resident(watch->disk, &resident, &ignored))
        return;
    size_t unclaimed = budget_set_resident(&watch->budget, (size_t)resident);
    if (unclaimed < watch->floor)
        watch->floor = unclaimed;
    if (unclaimed - watch->floor < TRIM_FROM)
        return;
    mem_trim();
    if (memory_resident(watch->disk, &resident, &ignored))
        watch->floor = budget_set_resident(&watch->budget, (size_t)resident);
}

static void run(void *argument)
{
    MemoryWatch *watch = argument;
    mutex_lock(&watch->mutex);
    while (!watch->ending) {
        mutex_unlock(&watch->mutex);
        look(watch);
        mutex_lock(&watch->mutex);
        int64_t next = clock_mono_ns(clock_system()) + LOOK_MS * NANOS_PER_MILLI;
        while (!watch->ending && cond_wait_until(&watch->ends, &watch->mutex, next))
            continue;
    }
    mutex_unlock(&watch->mutex);
}

void memory_watch_start(MemoryWatch *watch, Disk *disk)
{
    Err err;
    *watch = (MemoryWatch){ .disk = disk };
    budget_init(&watch->budget, LIMIT_UNKNOWN);
    mutex_init(&watch->mutex);
    cond_init(&watch->ends);
    if (!thread_start(&watch->thread, "memory watch", run, watch, &err))
        log_write(LOG_WARN, "service", "resident memory is not watched: %s", err.text);
}

void memory_watch_set_limit(MemoryWatch *watch, uint64_t limit)
{
    Err err;
    uint64_t total;
    if (!limit && memory_total(watch->disk, &total, &err))
        limit = total / 2;
    else if (!limit)
        log_write(LOG_WARN, "service", "cannot tell how much memory there is: %s", err.text);
    limit = limit ? limit : LIMIT_UNKNOWN;
    budget_set_limit(&watch->budget, limit < SIZE_MAX ? (size_t)limit : SIZE_MAX);
    log_write(LOG_INFO, "service", "Memory is limited to %" PRIu64 " MiB (service.memory_limit)",
              limit >> 20);
}

void memory_watch_stop(MemoryWatch *watch)
{
    mutex_lock(&watch->mutex);
    watch->ending = true;
    cond_signal(&watch->ends);
    mutex_unlock(&watch->mutex);
    thread_join(&watch->thread);
    cond_done(&watch->ends);
    mutex_done(&watch->mutex);
}
