/* metric_memory.h - the memory of metrics, under one byte budget: series, cells, caches, bound
 * attributes. Instruments themselves are few and stand outside of it. Any thread. */
#ifndef SDK_METRIC_MEMORY_H
#define SDK_METRIC_MEMORY_H

#include "base/attributes.h"

#include <stddef.h>

enum { METRIC_BYTES_MAX = 64 << 20 };

CHECKED void *metric_alloc(size_t size); /* zeroed; NULL: the budget or the allocator said no */
/* The same for what only saves time: not when half of the budget is in use. */
CHECKED void *metric_alloc_spare(size_t size);
void metric_free(void *ptr);             /* NULL is fine */
size_t metric_capacity(const void *ptr); /* what was asked for */

void metric_set_budget(size_t bytes); /* for tests; 0: METRIC_BYTES_MAX */

#endif
