/* memory_watch.h - keeps the program's budget of memory (base/budget.h) true.
 *
 * The limit is that of the configuration, or half of what the machine and its control groups leave
 * to this process. A thread looks several times a second what the kernel counts as resident; what
 * nobody has charged of it becomes the budget's unclaimed part. Above all that is what the
 * allocator keeps of freed blocks: when it grows, libc is asked to give it back.
 */
#ifndef CMD_MEMORY_WATCH_H
#define CMD_MEMORY_WATCH_H

#include "base/attributes.h"
#include "base/budget.h"
#include "base/disk.h"
#include "base/thread.h"

typedef struct MemoryWatch {
    Budget budget; /* lent to everybody until memory_watch_stop() */
    Disk *disk;
    Thread thread;
    Mutex mutex;
    Cond ends;
    bool ending;  /* guarded */
    size_t floor; /* unclaimed after the last trim */
} MemoryWatch;

/* In place. Without a thread the budget still bounds what is charged. */
void memory_watch_start(MemoryWatch *watch, Disk *disk);
/* limit 0: half of what there is. */
void memory_watch_set_limit(MemoryWatch *watch, uint64_t limit);
void memory_watch_stop(MemoryWatch *watch); /* when nobody uses the budget any more */

#endif
