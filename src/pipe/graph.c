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
    ARENA_MAX = 256 << 20,   /* settings and rings; a large configuration takes some MiB */
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

Graph *graph_new(const ServiceConfig *config, const GraphOptions *options, Err *err)
{
    Graph *graph = MEM_MAKE(Graph, 1, err);
    if (!graph)
        return NULL;
    graph->config = config;
    graph->options = with_defaults(options);
    ledger_init(&graph->ledger);
    graph->arena = arena_new(ARENA_MAX, err);
    if (graph->arena && make_shards(graph, err) && graph_build(graph, err))
        return graph;
    blame(err, "building the pipelines");
    graph_free(graph);
    return NULL;
}

static void unit_done(Unit *unit)
{
    for (size_t i = 0; i < unit->instance_count; i++)
        account_done(&unit->instances[i].host.account);
    mutex_done(&unit->inbox.mutex);
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
    for (size_t i = 0; i < graph->unit_count; i++)
        unit_done(&graph->units[i]);
    arena_free(graph->arena);
    ledger_done(&graph->ledger);
    mem_free(graph);
}

/* --- calls on loops -------------------------------------------------------------------------- */

typedef struct Call {
    Post post;
    void (*run)(Instance *instance);
    Instance *instance;
    Mutex mutex;
    Cond finished;
    bool done;
} Call;

static void run_call(void *owner)
{
    Call *call = owner;
    call->run(call->instance);
    mutex_lock(&call->mutex);
    call->done = true;
    cond_signal(&call->finished);
    mutex_unlock(&call->mutex);
}

static void on_shard(Instance *instance, void (*run)(Instance *instance))
{
    if (!instance->unit->graph->threads_running) {
        run(instance);
        return;
    }
    Call call = { .run = run, .instance = instance };
    call.post = (Post){ .run = run_call, .owner = &call };
    mutex_init(&call.mutex);
    cond_init(&call.finished);
    loop_post(instance->shard->loop, &call.post);
    mutex_lock(&call.mutex);
    while (!call.done)
        cond_wait(&call.finished, &call.mutex);
    mutex_unlock(&call.mutex);
    cond_done(&call.finished);
    mutex_done(&call.mutex);
}

static void for_instances(Unit *unit, void (*run)(Instance *instance))
{
    for (size_t i = 0; i < unit->instance_count; i++)
        on_shard(&unit->instances[i], run);
}

/* From upstream on: receivers, processors from front to end, exporters, extensions. */
static void for_units_downstream(Graph *graph, void (*run)(Instance *instance))
{
    for (size_t i = graph->unit_count; i-- > 0;)
        for_instances(&graph->units[i], run);
}

/* --- start ----------------------------------------------------------------------------------- */

static bool start_instance(Instance *instance, Err *err)
{
    Unit *unit = instance->unit;
    memcpy(instance->self, unit->config->settings, unit->type->size);
    Component *component = instance->self;
    component->host = &instance->host;
    component->id = unit->config->id;
    instance->touched = true;
    if (unit->type->start && !unit->type->start(instance->self, err))
        return blame(err, "%ss::%.*s", component_kind_name(unit->type->kind),
                     STR_ARG(unit->config->id));
    instance->running = true;
    return true;
}

static bool start_units(Graph *graph, Err *err)
{
    for (size_t i = 0; i < graph->unit_count; i++) {
        Unit *unit = &graph->units[i];
        for (size_t j = 0; j < unit->instance_count; j++)
            if (!start_instance(&unit->instances[j], err))
                return false;
        if (unit->inbox.ring)
            inbox_open(&unit->inbox);
    }
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

static void close_all(Graph *graph)
{
    if (graph->closed)
        return;
    graph->closed = true;
    counter_sub(&graph->ready, counter_get(&graph->ready));
    for_units_downstream(graph, close_instance);
}

static bool is_drained(Graph *graph)
{
    return ledger_counts(&graph->ledger).open == 0;
}

/* Lets the loops work for a moment, or until nothing is open. */
static void wait_a_moment(Graph *graph, int64_t deadline)
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
        for_units_downstream(graph, flush_instance);
        wait_a_moment(graph, deadline_mono_ns);
    }
    LedgerCounts counts = ledger_counts(&graph->ledger);
    return (DrainReport){ .complete = counts.open == 0, .acks = counts };
}

/* --- stop ------------------------------------------------------------------------------------ */

static void stop_instance(Instance *instance)
{
    Unit *unit = instance->unit;
    if (!instance->touched)
        return;
    instance->running = false;
    if (unit->inbox.ring)
        inbox_close(unit);
    if (unit->type->stop)
        unit->type->stop(instance->self);
    instance->touched = false;
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

static bool is_between(const Unit *unit)
{
    return unit->type->kind != RECEIVER && unit->type->kind != EXTENSION;
}

void graph_stop(Graph *graph)
{
    if (!graph->started)
        return;
    close_all(graph);
    for (size_t i = graph->unit_count; i-- > 0;)
        if (is_between(&graph->units[i]))
            for_instances(&graph->units[i], stop_instance);
    let_verdicts_arrive(graph);
    for (size_t i = graph->unit_count; i-- > 0;)
        if (!is_between(&graph->units[i]))
            for_instances(&graph->units[i], stop_instance);
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
    into->kind = unit->type->kind;
    into->id = unit->config->id;
    into->pipeline = unit->pipeline ? unit->pipeline->id : (Str){ 0 };
    into->signals = unit->signals;
    for (size_t i = 0; i < unit->instance_count; i++)
        account_read(&unit->instances[i].host.account, into);
    if (unit->inbox.ring)
        into->queued = inbox_count(&unit->inbox);
}

GraphStatus *graph_status(Graph *graph, Arena *arena, Err *err)
{
    GraphStatus *status = ARENA_MAKE(arena, GraphStatus, 1, err);
    ComponentStatus *components = ARENA_MAKE(arena, ComponentStatus, graph->unit_count, err);
    if (!status || !components)
        return NULL;
    status->acks = ledger_counts(&graph->ledger);
    if (graph->options.budget)
        status->memory = budget_use(graph->options.budget);
    status->components = components;
    status->count = graph->unit_count;
    for (size_t i = 0; i < graph->unit_count; i++)
        read_unit(&graph->units[i], &components[i]);
    return status;
}
