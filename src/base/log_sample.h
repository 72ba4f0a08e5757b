/* log_sample.h - how often the same thing is said.
 *
 * Lines with the same cause are told `initial` times in an interval, then every `thereafter`-th one
 * (0: none), and the others are counted, so that a line can say how many stand behind it. A cause
 * is a hash that is not 0: of the component and the format. LOG_CAUSES are remembered; a further
 * one takes the place of the one whose interval is the oldest. Not thread-safe: log.c holds a lock.
 */
#ifndef BASE_LOG_SAMPLE_H
#define BASE_LOG_SAMPLE_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOG_CAUSES = 64 };

typedef struct LogSampling {
    int64_t interval_ns; /* 0: every line is told */
    uint32_t initial, thereafter;
} LogSampling;

typedef struct LogCause {
    uint64_t hash; /* 0: free */
    int64_t began_ns;
    uint32_t seen;   /* in this interval */
    uint64_t unsaid; /* since the last line that was told */
} LogCause;

typedef struct LogSampler {
    LogSampling rule;
    LogCause causes[LOG_CAUSES];
} LogSampler;

/* True: say it, and that *unsaid lines like it were not. mono_ns: the monotonic clock. */
CHECKED bool log_sample(LogSampler *sampler, uint64_t hash, int64_t mono_ns, uint64_t *unsaid);

/* A cause whose interval is over and of which something was not said: its count, once. 0: none.
 * `index` tells which, for whoever keeps more about it. */
uint64_t log_sample_overdue(LogSampler *sampler, int64_t mono_ns, size_t *index);
size_t log_sample_index(const LogSampler *sampler, uint64_t hash); /* LOG_CAUSES: not known */

#endif
