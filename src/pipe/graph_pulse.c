/* graph_pulse.c - do the loops of a graph still turn? See graph_silence_ns(). */
#include "pipe/graph_internal.h"

static void answer(void *owner)
{
    Shard *shard = owner;
    atomic_store(&shard->beaten, true);
}

/* A loop that has not answered is not asked again: its Post still waits. */
int64_t graph_silence_ns(Graph *graph)
{
    int64_t now = clock_mono_ns(graph->options.clock), silence = 0;
    for (unsigned i = 0; i < graph->shard_count; i++) {
        Shard *shard = &graph->shards[i];
        if (shard->beat.run && !atomic_load(&shard->beaten)) {
            silence = now - shard->asked_ns > silence ? now - shard->asked_ns : silence;
            continue;
        }
        atomic_store(&shard->beaten, false);
        shard->asked_ns = now;
        shard->beat = (Post){ .run = answer, .owner = shard };
        loop_post(shard->loop, &shard->beat);
    }
    return silence;
}
