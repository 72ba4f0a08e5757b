/* memory_sink.c - finished spans kept in memory, for tests; see <cryostorm/exporter.h>.
 *
 * A ring of spans, each with an arena of its own; the oldest makes room. There is one ring per
 * process: it is asked without a handle, and it keeps its spans after a shutdown, until the next
 * start or cryo_memory_clear().
 */
#include "base/mem.h"
#include "sdk/exporters.h"

#include <pthread.h>

enum { SPANS_PRESET = 1000, SPANS_MAX = 100000, SPAN_BYTES_MAX = 16 << 20 };

typedef struct KeptSpan {
    Arena *arena;
    const CryoSpanView *view;
} KeptSpan;

static struct {
    pthread_mutex_t lock;
    KeptSpan *spans;
    size_t first, count, cap;
} ring = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void ring_clear(void) /* locked */
{
    for (size_t i = 0; i < ring.count; i++)
        arena_free(ring.spans[(ring.first + i) % ring.cap].arena);
    mem_free(ring.spans);
    ring.spans = NULL;
    ring.first = ring.count = 0;
}

static void ring_add(KeptSpan span) /* locked */
{
    if (ring.count == ring.cap) {
        arena_free(ring.spans[ring.first].arena);
        ring.first = (ring.first + 1) % ring.cap;
        ring.count--;
    }
    ring.spans[(ring.first + ring.count++) % ring.cap] = span;
}

static size_t max_spans(const CryoSettings *settings)
{
    CryoAttrs args = settings->tracing.additional_exporter_args;
    for (size_t i = 0; i < args.count; i++) {
        Str key = { args.ptr[i].key.ptr, args.ptr[i].key.len };
        int64_t value = args.ptr[i].value.as.integer;
        if (str_eq(key, STR("max_spans")) && args.ptr[i].value.type == CRYO_INTEGER && value > 0)
            return value < SPANS_MAX ? (size_t)value : SPANS_MAX;
    }
    return SPANS_PRESET;
}

static Sink *memory_create(const CryoSettings *settings, Err *err)
{
    Sink *sink = MEM_MAKE(Sink, 1, err);
    if (!sink)
        return NULL;
    sink->type = &memory_sink;
    pthread_mutex_lock(&ring.lock);
    ring_clear();
    ring.cap = max_spans(settings);
    pthread_mutex_unlock(&ring.lock);
    return sink;
}

static bool memory_keep(const SpanBatch *batch, size_t i, Err *err)
{
    SpanBatch one = *batch;
    one.records = &batch->records[i];
    one.count = 1;
    KeptSpan span = { .arena = arena_new(SPAN_BYTES_MAX, err) };
    span.view = span.arena ? span_batch_views(&one, span.arena, err) : NULL;
    if (!span.view) {
        arena_free(span.arena);
        return false;
    }
    pthread_mutex_lock(&ring.lock);
    if (!ring.spans)
        ring.spans = MEM_MAKE(KeptSpan, ring.cap, err);
    bool room = ring.spans != NULL;
    if (room)
        ring_add(span);
    pthread_mutex_unlock(&ring.lock);
    if (!room)
        arena_free(span.arena);
    return room;
}

static bool memory_send(Sink *sink, SpanBatch *batch, const Until *until, Err *err)
{
    (void)sink, (void)until;
    for (size_t i = 0; i < batch->count; i++)
        if (!memory_keep(batch, i, err))
            return false;
    return true;
}

static void memory_destroy(Sink *sink)
{
    mem_free(sink);
}

size_t cryo_memory_spans(void (*visit)(void *context, const CryoSpanView *span), void *context)
{
    pthread_mutex_lock(&ring.lock);
    size_t count = ring.count;
    for (size_t i = 0; visit && i < count; i++)
        visit(context, ring.spans[(ring.first + i) % ring.cap].view);
    pthread_mutex_unlock(&ring.lock);
    return count;
}

void cryo_memory_clear(void)
{
    pthread_mutex_lock(&ring.lock);
    ring_clear();
    pthread_mutex_unlock(&ring.lock);
}

void memory_sink_lock(void)
{
    pthread_mutex_lock(&ring.lock);
}
void memory_sink_unlock(void)
{
    pthread_mutex_unlock(&ring.lock);
}

const SinkType memory_sink = {
    .name = "in_memory", .create = memory_create, .send = memory_send, .destroy = memory_destroy
};
