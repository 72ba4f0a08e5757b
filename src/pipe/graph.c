/* graph.c - the life of a graph: made, started, drained, stopped, read.
 *
 *     new -> start -> drain -> stop -> start ... -> free
 *
 * Hooks run on their instance's loop: while the threads run, on_shard() sends a Call there and
 * waits; otherwise it calls in place. So components see one thread, and this file one caller.
 */
#include "pipe/graph.h"

#include "base/mem.h"
#include "pipe/graph_internal.h"

#include <stdio.h>
#include <string.h>

enum {
    ARENA_MAX = 1 << 20,     /* shards */
    FLUSH_EVERY_MS = 10,     /* between two rounds of flush while draining */
    SETTLE_MAX_MS = 2000,    /* for verdicts on their way home once everybody has stopped */
    SETTLE_TURNS_MAX = 1000, /* the same without threads */
};

/* --- new and free ---------------------------------------------------------------------------- */

static bool make_shards(Graph *graph, Err *err)
{
    unsigned count = graph->options.shards;
    graph->shards = ARENA_MAKE(graph->arena, Shard, count, err);
    if (!graph->shards)
        return false;
    for (unsigned i = 0; i < count; i++) {
        Shard *shard = &graph->shards[i];
        shard->index = i;
        if (graph->options.seed)
            random_seed(&shard->random, graph->options.seed + i);
        else
            random_seed_from_system(&shard->random);
        shard->loop = loop_new(graph->options.clock, graph->options.sockets, err);
        if (!shard->loop)
            return false;
        graph->shard_count++;
    }
    return true;
}

static GraphOptions with_defaults(const GraphOptions *options)
{
    GraphOptions all = *options;
    all.shards = all.shards ? all.shards : cpu_count();
    all.shards = all.shards < GRAPH_SHARDS_MAX ? all.shards : GRAPH_SHARDS_MAX;
    all.clock = all.clock ? all.clock : clock_system();
    all.disk = all.disk ? all.disk : disk_system();
    return all;
}

Epoch *graph_new_epoch(Graph *graph, Err *err)
{
    Epoch *epoch = MEM_MAKE(Epoch, 1, err);
    if (!epoch)
        return NULL;
    ledger_init(&epoch->ledger, &graph->ledger);
    epoch->next = graph->epochs;
    graph->epochs = epoch;
    return epoch;
}

Graph *graph_new(const ServiceConfig *config, const GraphOptions *options, Err *err)
{
    Graph *graph = MEM_MAKE(Graph, 1, err);
    if (!graph)
        return NULL;
    graph->options = with_defaults(options);
    mutex_init(&graph->mutex);
    ledger_init(&graph->ledger, NULL);
    graph->arena = arena_new(ARENA_MAX, err);
    graph->epoch = graph_new_epoch(graph, err);
    if (graph->epoch && graph->arena && make_shards(graph, err) &&
        wiring_build(graph, config, NULL, &graph->now, err))
        return graph;
    blame(err, "building the pipelines");
    graph_free(graph);
    return NULL;
}

static void free_units(Wiring *wiring)
{
    for (size_t i = 0; i < wiring->count; i++)
        unit_free(wiring->units[i]);
    wiring_free(wiring);
}

static void free_epochs(Graph *graph)
{
    while (graph->epochs) {
        Epoch *epoch = graph->epochs;
        graph->epochs = epoch->next;
        ledger_done(&epoch->ledger);
        mem_free(epoch);
    }
}

void graph_free(Graph *graph)
{
    if (!graph)
        return;
    graph_stop(graph);
    for (unsigned i = 0; i < graph->shard_count; i++) {
        loop_free(graph->shards[i].loop);
        mem_free(graph->shards[i].bookings.items);
    }
    free_units(&graph->now);
    free_epochs(graph);
    arena_free(graph->arena);
    ledger_done(&graph->ledger);
    mutex_done(&graph->mutex);
    mem_free(graph);
}

/* From upstream on: receivers, processors from front to end, exporters, extensions. */
static void for_units_downstream(Graph *graph, void (*run)(Unit *unit))
{
    for (size_t i = graph->now.count; i-- > 0;)
        run(graph->now.units[i]);
}

/* --- start ----------------------------------------------------------------------------------- */

static void start_instance(Instance *instance)
{
    Unit *unit = instance->unit;
    memcpy(instance->self, unit->config->settings, unit->type->size);
    Component *component = instance->self;
    component->host = &instance->host;
    component->id = unit->config->id;
    instance->touched = true;
    instance->running = !unit->type->start || unit->type->start(instance->self, instance->err);
    if (!instance->running)
        blame(instance->err, "%ss::%.*s", component_kind_name(unit->type->kind),
              STR_ARG(unit->config->id));
}

static void open_inbox(Instance *instance)
{
    inbox_open(instance->unit);
}

bool unit_start(Unit *unit, Err *err)
{
    unit->service_count = 0;
    for (size_t i = 0; i < unit->instance_count; i++) {
        unit->instances[i].err = err;
        instance_call(&unit->instances[i], start_instance);
        if (!unit->instances[i].running)
            return false;
    }
    if (unit->inbox.ring)
        instance_call(&unit->instances[0], open_inbox);
    unit->started = true;
    return true;
}

static bool start_units(Graph *graph, Err *err)
{
    for (size_t i = 0; i < graph->now.count; i++)
        if (!unit_start(graph->now.units[i], err))
            return false;
    return true;
}

static void run_loop(void *argument)
{
    Shard *shard = argument;
    loop_run(shard->loop);
}

static void stop_threads(Graph *graph)
{
    for (unsigned i = 0; i < graph->shard_count; i++)
        if (graph->shards[i].thread.started)
            loop_stop(graph->shards[i].loop);
    for (unsigned i = 0; i < graph->shard_count; i++)
        thread_join(&graph->shards[i].thread);
    graph->threads_running = false;
}

static bool start_threads(Graph *graph, Err *err)
{
    for (unsigned i = 0; i < graph->shard_count; i++) {
        char name[16];
        snprintf(name, sizeof name, "loop %u", i);
        Shard *shard = &graph->shards[i];
        if (!thread_start(&shard->thread, name, run_loop, shard, err)) {
            stop_threads(graph);
            return false;
        }
    }
    graph->threads_running = true;
    return true;
}

bool graph_start(Graph *graph, Err *err)
{
    graph->started = true;
    graph->closed = false;
    if (start_units(graph, err) && (!graph->options.threads || start_threads(graph, err))) {
        counter_add(&graph->ready, 1);
        return true;
    }
    graph_stop(graph);
    return false;
}

/* --- drain ----------------------------------------------------------------------------------- */

static void close_instance(Instance *instance)
{
    if (instance->running && instance->unit->type->close)
        instance->unit->type->close(instance->self);
}

static void flush_instance(Instance *instance)
{
    if (instance->running && instance->unit->type->flush)
        instance->unit->type->flush(instance->self);
}

void unit_close(Unit *unit)
{
    unit_call(unit, close_instance);
}

void unit_flush(Unit *unit)
{
    unit_call(unit, flush_instance);
}

static void close_all(Graph *graph)
{
    if (graph->closed)
        return;
    graph->closed = true;
    counter_sub(&graph->ready, counter_get(&graph->ready));
    for_units_downstream(graph, unit_close);
}

static bool is_drained(Graph *graph)
{
    return ledger_counts(&graph->ledger).open == 0;
}

/* Lets the loops work for a moment, or until nothing is open. */
void graph_wait_a_moment(Graph *graph, int64_t deadline)
{
    int64_t until = clock_mono_ns(graph->options.clock) + FLUSH_EVERY_MS * NANOS_PER_MILLI;
    until = until < deadline ? until : deadline;
    if (graph->threads_running) {
        ledger_wait(&graph->ledger, until);
        return;
    }
    for (int i = 0; i < SETTLE_TURNS_MAX && graph_step(graph, 0); i++)
        continue;
    if (is_drained(graph))
        return;
    if (graph->options.idle)
        graph->options.idle(graph->options.idle_context);
    else
        graph_step(graph, FLUSH_EVERY_MS * NANOS_PER_MILLI);
}

DrainReport graph_drain(Graph *graph, int64_t deadline_mono_ns)
{
    close_all(graph);
    while (!is_drained(graph) && clock_mono_ns(graph->options.clock) < deadline_mono_ns) {
        for_units_downstream(graph, unit_flush);
        graph_wait_a_moment(graph, deadline_mono_ns);
    }
    LedgerCounts counts = ledger_counts(&graph->ledger);
    return (DrainReport){ .complete = counts.open == 0, .acks = counts };
}

/* --- stop ------------------------------------------------------------------------------------ */

static void stop_instance(Instance *instance)
{
    const ComponentType *type = instance->unit->type;
    instance->running = false;
    if (instance->touched && type->stop)
        type->stop(instance->self);
    instance->touched = false;
}

static void end_instance(Instance *instance)
{
    instance->running = false;
    if (instance->unit->inbox.ring)
        inbox_close(instance->unit);
    stop_instance(instance);
}

/* Every Ack has its verdict now; the listeners still have to hear it. */
static void let_verdicts_arrive(Graph *graph)
{
    if (graph->threads_running) {
        int64_t until = clock_mono_ns(clock_system()) + SETTLE_MAX_MS * NANOS_PER_MILLI;
        ledger_wait(&graph->ledger, until);
    } else {
        for (int i = 0; i < SETTLE_TURNS_MAX && graph_step(graph, 0); i++)
            continue;
    }
    LedgerCounts counts = ledger_counts(&graph->ledger);
    if (counts.open)
        log_write(LOG_ERROR, "pipelines", "%llu acknowledgements were never settled",
                  (unsigned long long)counts.open);
}

void unit_stop(Unit *unit)
{
    unit_call(unit, end_instance);
    unit->started = false;
}

void unit_stop_half(Unit *unit)
{
    unit_call(unit, stop_instance);
}

bool unit_is_between(const Unit *unit)
{
    return unit->type->kind != RECEIVER && unit->type->kind != EXTENSION;
}

void graph_stop(Graph *graph)
{
    if (!graph->started)
        return;
    close_all(graph);
    for (size_t i = graph->now.count; i-- > 0;)
        if (unit_is_between(graph->now.units[i]))
            unit_stop(graph->now.units[i]);
    let_verdicts_arrive(graph);
    for (size_t i = graph->now.count; i-- > 0;)
        if (!unit_is_between(graph->now.units[i]))
            unit_stop(graph->now.units[i]);
    graph_end_left(graph);
    stop_threads(graph);
    graph->started = false;
}

/* --- looking in ------------------------------------------------------------------------------ */

bool graph_step(Graph *graph, int64_t timeout_ns)
{
    bool ran = false;
    for (unsigned i = 0; i < graph->shard_count; i++)
        ran = loop_step(graph->shards[i].loop, timeout_ns / (int64_t)graph->shard_count) || ran;
    return ran;
}

Loop *graph_loop(Graph *graph, unsigned shard)
{
    return graph->shards[shard].loop;
}

static void read_unit(Unit *unit, ComponentStatus *into)
{
    for (size_t i = 0; i < unit->instance_count; i++)
        account_read(&unit->instances[i].host.account, into);
    if (unit->inbox.ring)
        into->queued += inbox_count(&unit->inbox);
    if (unit->forebear)
        read_unit(unit->forebear, into);
}

/* The texts are copied: the configuration that they are in may be gone before the status is. */
static bool read_place(const Unit *unit, Arena *arena, ComponentStatus *into, Err *err)
{
    const PipelineConfig *pipeline = unit->wires.pipeline;
    into->kind = unit->type->kind;
    into->signals = unit->wires.signals;
    return arena_copy(arena, unit->config->id, &into->id, err) &&
           (!pipeline || arena_copy(arena, pipeline->id, &into->pipeline, err));
}

/* Under the lock. */
static bool read_components(const Wiring *wiring, Arena *arena, GraphStatus *into, Err *err)
{
    into->components = ARENA_MAKE(arena, ComponentStatus, wiring->count, err);
    bool good = into->components != NULL;
    for (size_t i = 0; i < wiring->count && good; i++) {
        ComponentStatus *component = &into->components[into->count++];
        good = read_place(wiring->units[i], arena, component, err);
        read_unit(wiring->units[i], component);
    }
    return good;
}

GraphStatus *graph_status(Graph *graph, Arena *arena, Err *err)
{
    GraphStatus *status = ARENA_MAKE(arena, GraphStatus, 1, err);
    if (!status)
        return NULL;
    status->acks = ledger_counts(&graph->ledger);
    if (graph->options.budget)
        status->memory = budget_use(graph->options.budget);
    mutex_lock(&graph->mutex);
    bool good = read_components(&graph->now, arena, status, err);
    mutex_unlock(&graph->mutex);
    return good ? status : NULL;
}
