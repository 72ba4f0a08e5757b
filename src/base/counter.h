/* counter.h - a number that many threads raise and anybody may read.
 *
 * Every access is a relaxed atomic: each raise arrives exactly once, and a reader sees some recent
 * value. That is enough for accounting, because no reader concludes from one counter that other
 * memory has been written; whoever must conclude that uses a lock.
 */
#ifndef BASE_COUNTER_H
#define BASE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

typedef struct Counter {
    _Atomic uint64_t value;
} Counter;

static inline void counter_add(Counter *counter, uint64_t by)
{
    atomic_fetch_add_explicit(&counter->value, by, memory_order_relaxed);
}
static inline void counter_sub(Counter *counter, uint64_t by)
{
    atomic_fetch_sub_explicit(&counter->value, by, memory_order_relaxed);
}
static inline uint64_t counter_get(const Counter *counter)
{
    return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

#endif
