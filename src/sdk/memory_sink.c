/* memory_sink.c - what was exported kept in memory, for tests; see <cryostorm/exporter.h>.
 *
 * A ring per signal; the oldest item makes room. The items of one export share an arena, which goes
 * with the last of them. The rings are the process's: they are asked without a handle, and keep
 * what they have after a shutdown, until the next start or cryo_memory_clear().
 */
#include "base/mem.h"
#include "sdk/exporters.h"

#include <cryostorm/exporter.h>

#include <pthread.h>

enum { KEEP_PRESET = 1000, KEEP_MAX = 100000, EXPORT_BYTES_MAX = 256 << 20 };

typedef struct Export { /* at the start of its arena */
    Arena *arena;
    size_t items;
} Export;

typedef struct Kept {
    Export *of;
    const void *view;
} Kept;

typedef struct Ring {
    Kept *items;
    size_t first, count, cap;
} Ring;

static struct {
    pthread_mutex_t lock;
    Ring spans, metrics, logs;
} memory = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- rings; all locked ----------------------------------------------------------------------- */

static Ring *ring_of(Signal signal)
{
    return signal == TRACES ? &memory.spans : signal == METRICS ? &memory.metrics : &memory.logs;
}

static void export_unref(Export *of)
{
    if (--of->items == 0)
        arena_free(of->arena);
}

static void ring_clear(Ring *ring)
{
    for (size_t i = 0; i < ring->count; i++)
        export_unref(ring->items[(ring->first + i) % ring->cap].of);
    mem_free(ring->items);
    ring->items = NULL;
    ring->first = ring->count = 0;
}

static void ring_add(Ring *ring, Kept item)
{
    item.of->items++;
    if (ring->count == ring->cap) {
        export_unref(ring->items[ring->first].of);
        ring->first = (ring->first + 1) % ring->cap;
        ring->count--;
    }
    ring->items[(ring->first + ring->count++) % ring->cap] = item;
}

/* ---- the sink -------------------------------------------------------------------------------- */

static CryoAttrs arguments_of(const CryoSettings *settings, Signal signal, Str *key)
{
    switch (signal) {
    case TRACES: *key = STR("max_spans"); return settings->tracing.additional_exporter_args;
    case METRICS: *key = STR("max_metrics"); return settings->metrics.additional_exporter_args;
    case LOGS: break;
    }
    *key = STR("max_logs");
    return settings->logging.additional_exporter_args;
}

static size_t keep_max(const CryoSettings *settings, Signal signal)
{
    Str wanted;
    CryoAttrs args = arguments_of(settings, signal, &wanted);
    for (size_t i = 0; i < args.count; i++) {
        Str key = { args.ptr[i].key.ptr, args.ptr[i].key.len };
        int64_t value = args.ptr[i].value.as.integer;
        if (str_eq(key, wanted) && args.ptr[i].value.type == CRYO_INTEGER && value > 0)
            return value < KEEP_MAX ? (size_t)value : KEEP_MAX;
    }
    return KEEP_PRESET;
}

static Sink *memory_create(const CryoSettings *settings, Signal signal, Err *err)
{
    Sink *sink = MEM_MAKE(Sink, 1, err);
    if (!sink)
        return NULL;
    *sink = (Sink){ .type = &memory_sink, .signal = signal };
    pthread_mutex_lock(&memory.lock);
    ring_clear(ring_of(signal));
    ring_of(signal)->cap = keep_max(settings, signal);
    pthread_mutex_unlock(&memory.lock);
    return sink;
}

static const void *view_at(Signal signal, const void *views, size_t i)
{
    return signal == TRACES    ? (const void *)((const CryoSpanView *)views + i)
           : signal == METRICS ? (const void *)((const CryoMetricView *)views + i)
                               : (const void *)((const CryoLogView *)views + i);
}

static bool keep_all(const Outgoing *outgoing, Export *of, const void *views, Err *err)
{
    pthread_mutex_lock(&memory.lock);
    Ring *ring = ring_of(outgoing->signal);
    if (!ring->items)
        ring->items = MEM_MAKE(Kept, ring->cap, err);
    bool room = ring->items != NULL;
    of->items = 1; /* ours, until all are in: some may already leave again */
    for (size_t i = 0; room && i < outgoing->view_count; i++)
        ring_add(ring, (Kept){ of, view_at(outgoing->signal, views, i) });
    export_unref(of);
    pthread_mutex_unlock(&memory.lock);
    return room;
}

static bool memory_send(Sink *sink, Outgoing *outgoing, const Until *until, Err *err)
{
    (void)sink, (void)until;
    Arena *arena = arena_new(EXPORT_BYTES_MAX, err);
    Export *of = arena ? ARENA_MAKE(arena, Export, 1, err) : NULL;
    const void *views = of ? outgoing->views(outgoing, arena, err) : NULL;
    if (!views) {
        arena_free(arena);
        return false;
    }
    of->arena = arena;
    return keep_all(outgoing, of, views, err);
}

static void memory_destroy(Sink *sink)
{
    mem_free(sink);
}

/* ---- asking ---------------------------------------------------------------------------------- */

size_t cryo_memory_spans(void (*visit)(void *context, const CryoSpanView *span), void *context)
{
    pthread_mutex_lock(&memory.lock);
    const Ring *ring = &memory.spans;
    for (size_t i = 0; visit && i < ring->count; i++)
        visit(context, ring->items[(ring->first + i) % ring->cap].view);
    size_t count = ring->count;
    pthread_mutex_unlock(&memory.lock);
    return count;
}

size_t cryo_memory_metrics(void (*visit)(void *context, const CryoMetricView *metric),
                           void *context)
{
    pthread_mutex_lock(&memory.lock);
    const Ring *ring = &memory.metrics;
    for (size_t i = 0; visit && i < ring->count; i++)
        visit(context, ring->items[(ring->first + i) % ring->cap].view);
    size_t count = ring->count;
    pthread_mutex_unlock(&memory.lock);
    return count;
}

size_t cryo_memory_logs(void (*visit)(void *context, const CryoLogView *log), void *context)
{
    pthread_mutex_lock(&memory.lock);
    const Ring *ring = &memory.logs;
    for (size_t i = 0; visit && i < ring->count; i++)
        visit(context, ring->items[(ring->first + i) % ring->cap].view);
    size_t count = ring->count;
    pthread_mutex_unlock(&memory.lock);
    return count;
}

void cryo_memory_clear(void)
{
    pthread_mutex_lock(&memory.lock);
    ring_clear(&memory.spans);
    ring_clear(&memory.metrics);
    ring_clear(&memory.logs);
    pthread_mutex_unlock(&memory.lock);
}

void memory_sink_lock(void)
{
    pthread_mutex_lock(&memory.lock);
}
void memory_sink_unlock(void)
{
    pthread_mutex_unlock(&memory.lock);
}

const SinkType memory_sink = {
    .name = "in_memory", .create = memory_create, .send = memory_send, .destroy = memory_destroy
};
