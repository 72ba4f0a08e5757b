/* scrape_past.h - what one look leaves for the next: the counters that parts of time are worked out
 * from. Bounded by the machine's processors and processes, and by the ceilings here. */
#ifndef RECEIVERS_HOSTMETRICS_SCRAPE_PAST_H
#define RECEIVERS_HOSTMETRICS_SCRAPE_PAST_H

#include "host/proc_text.h"

enum { PAST_CPUS_MAX = 8192 }; /* as many as Linux can be built for */

typedef struct CpuPast {
    uint64_t number;
    uint64_t ticks[CPU_STATES];
} CpuPast;

typedef struct ProcessPast {
    uint64_t pid, start_ticks; /* both together are one process */
    uint64_t user_ticks, system_ticks, wait_ticks;
} ProcessPast;

typedef struct ScrapePast { /* all zero: there was none */
    CpuPast *cpus;
    size_t cpu_count;
    ProcessPast *processes; /* by pid */
    size_t process_count;
    int64_t processes_ns; /* when, on the clock that only grows */
} ScrapePast;

void scrape_past_done(ScrapePast *past);

#endif
