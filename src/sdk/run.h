/* run.h - telemetry between a start and its shutdown, as the paths of spans and log records see it.
 *
 * RunConfig is all that making a span or a log record reads of the settings. It is written before
 * it is published and never changed while it is; a late thread that still holds an old one finds it
 * intact for RUN_CONFIGS further starts. Each start has an epoch, and so has each record: what was
 * begun in an earlier run is not sent by a later one.
 */
#ifndef SDK_RUN_H
#define SDK_RUN_H

#include "base/clock.h"
#include "sdk/record.h"
#include "sdk/sampler.h"

enum { RUN_CONFIGS = 64 };

/* How many ended spans or log records may wait, and when the worker is told. */
typedef struct QueueConfig {
    uint32_t credit_batch; /* how many places a thread reserves at once */
    uint32_t size, batch_size;
    uint32_t wake_at; /* so many waiting wake the worker; 1: each one does */
} QueueConfig;

struct RunConfig {
    uint32_t epoch; /* from 1 */
    Clock *clock;
    Sampler sampler;
    EntryLimits span, event, link, log; /* of their attributes */
    uint32_t events_max, links_max;
    QueueConfig queues[ROW_COUNT];
};

extern _Atomic(const RunConfig *) run_config; /* for spans; NULL: not started, or no tracing */

extern _Atomic(const RunConfig *) log_config; /* the same one, for log records */

static inline const RunConfig *run_config_now(void)
{
    return atomic_load_explicit(&run_config, memory_order_acquire);
}

/* Places in the queue of ended spans or of log records. A thread takes some for itself; the worker
 * gives back those of the records that it has taken. */
uint32_t queue_reserve(const RunConfig *config, RowKind row); /* 0: full */
void queue_release(const RunConfig *config, RowKind row, uint32_t count);
void queue_reset(const RunConfig *config, RowKind row); /* at the start: all are free */
uint32_t queue_used(const RunConfig *config, RowKind row);

#endif
