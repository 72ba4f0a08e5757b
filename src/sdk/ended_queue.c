/* ended_queue.c - how many ended spans, and log records, may wait; see run.h.
 *
 * One word holds the epoch of the run and the places that are left in its queue, so that a thread
 * which slept through a restart cannot take a place of the new run. The records themselves wait
 * in their threads' rows.
 */
#include "sdk/run.h"

static _Atomic uint64_t places[ROW_COUNT]; /* epoch << 32 | left */

static uint64_t places_of(uint32_t epoch, uint32_t left)
{
    return (uint64_t)epoch << 32 | left;
}

void queue_reset(const RunConfig *config, RowKind row)
{
    atomic_store(&places[row], places_of(config->epoch, config->queues[row].size));
}

uint32_t queue_used(const RunConfig *config, RowKind row)
{
    uint64_t now = atomic_load_explicit(&places[row], memory_order_relaxed);
    return now >> 32 == config->epoch ? config->queues[row].size - (uint32_t)now : 0;
}

uint32_t queue_reserve(const RunConfig *config, RowKind row)
{
    uint64_t now = atomic_load_explicit(&places[row], memory_order_relaxed);
    uint32_t taken, left;
    do {
        if (now >> 32 != config->epoch)
            return 0;
        left = (uint32_t)now;
        taken = left < config->queues[row].credit_batch ? left : config->queues[row].credit_batch;
    } while (!atomic_compare_exchange_weak_explicit(&places[row], &now, now - taken,
                                                    memory_order_relaxed, memory_order_relaxed));
    return taken;
}

void queue_release(const RunConfig *config, RowKind row, uint32_t count)
{
    uint64_t now = atomic_load_explicit(&places[row], memory_order_relaxed);
    while (now >> 32 == config->epoch &&
           !atomic_compare_exchange_weak_explicit(&places[row], &now, now + count,
                                                  memory_order_relaxed, memory_order_relaxed))
        continue;
}
