/* budget.c - a bounded counter; see budget.h. */
#include "base/budget.h"

#include <assert.h>

void budget_init(Budget *budget, size_t limit)
{
    atomic_init(&budget->used, 0);
    budget->limit = limit;
}

/* Relaxed order is enough: the counter guards no other data, it only has to add up. The loop
 * retries only when another thread changed the counter in between, so somebody always advances. */
bool budget_take(Budget *budget, size_t size)
{
    size_t used = atomic_load_explicit(&budget->used, memory_order_relaxed);
    do {
        if (used > budget->limit || size > budget->limit - used)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&budget->used, &used, used + size,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

void budget_give(Budget *budget, size_t size)
{
    size_t before = atomic_fetch_sub_explicit(&budget->used, size, memory_order_relaxed);
    assert(before >= size);
    (void)before;
}

size_t budget_used(Budget *budget)
{
    return atomic_load_explicit(&budget->used, memory_order_relaxed);
}
