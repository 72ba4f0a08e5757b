/* graph_build.c - from pipelines to units and the arrows between them.
 *
 * Units come in order of start: extensions, exporters, the processors of each pipeline from its end
 * to its front, receivers. Looking one up walks the list; configurations have tens of them.
 */
#include "pipe/graph_internal.h"

#include <string.h>

/* --- units ----------------------------------------------------------------------------------- */

static bool make_instance(Graph *graph, Unit *unit, Instance *instance, Shard *shard, Err *err)
{
    const GraphOptions *options = &graph->options;
    instance->unit = unit;
    instance->shard = shard;
    account_init(&instance->host.account);
    instance->host.ops = &graph_host_ops;
    instance->host.type = unit->type;
    instance->host.id = unit->config->id;
    instance->host.loop = shard->loop;
    instance->host.shard = shard->index;
    instance->host.shards = graph->shard_count;
    instance->host.stepped = options->stepped;
    instance->host.clock = options->clock;
    instance->host.random = &shard->random;
    instance->host.disk = options->disk;
    instance->host.budget = options->budget;
    instance->self = arena_alloc(graph->arena, 1, unit->type->size, err);
    return instance->self != NULL;
}

static bool make_instances(Graph *graph, Unit *unit, Err *err)
{
    bool sharded = unit->type->placement == SHARDED;
    size_t count = sharded ? graph->shard_count : 1;
    unit->instances = ARENA_MAKE(graph->arena, Instance, count, err);
    if (!unit->instances)
        return false;
    for (size_t i = 0; i < count; i++) {
        size_t home = sharded ? i : graph->next_home++ % graph->shard_count;
        unit->instance_count++;
        if (!make_instance(graph, unit, &unit->instances[i], &graph->shards[home], err))
            return false;
    }
    if (sharded || !unit->type->consume)
        return true;
    unit->inbox.ring = ARENA_MAKE(graph->arena, Waiting, GRAPH_QUEUE_MAX, err);
    return unit->inbox.ring != NULL;
}

static Unit *add_unit(Graph *graph, const ComponentConfig *config, const PipelineConfig *pipeline,
                      Err *err)
{
    Unit *unit = &graph->units[graph->unit_count++];
    unit->graph = graph;
    unit->config = config;
    unit->type = config->type;
    unit->pipeline = pipeline;
    mutex_init(&unit->inbox.mutex);
    unit->inbox.post = (Post){ .run = inbox_run, .owner = unit };
    unit->inbox.again = (Timer){ .fire = inbox_run, .owner = unit };
    return make_instances(graph, unit, err) ? unit : NULL;
}

static bool is_shared(const Unit *unit, Signal signal)
{
    return unit->type->traits & ALL_SHARE || unit->signals & signal;
}

/* The unit that serves this component for the signal, or a new one. */
static Unit *unit_for(Graph *graph, const ComponentConfig *config, Signal signal, Err *err)
{
    for (size_t i = 0; i < graph->unit_count; i++) {
        Unit *unit = &graph->units[i];
        if (unit->config == config && is_shared(unit, signal)) {
            unit->signals |= signal;
            return unit;
        }
    }
    Unit *unit = add_unit(graph, config, NULL, err);
    if (unit)
        unit->signals = signal;
    return unit;
}

static bool add_exporters(Graph *graph, const PipelineConfig *pipeline, Err *err)
{
    for (size_t i = 0; i < pipeline->exporters.count; i++)
        if (!unit_for(graph, pipeline->exporters.items[i], pipeline->signal, err))
            return false;
    return true;
}

static bool add_processors(Graph *graph, const PipelineConfig *pipeline, Err *err)
{
    for (size_t i = pipeline->processors.count; i-- > 0;) {
        Unit *unit = add_unit(graph, pipeline->processors.items[i], pipeline, err);
        if (!unit)
            return false;
        unit->signals = pipeline->signal;
    }
    return true;
}

static bool add_receivers(Graph *graph, const PipelineConfig *pipeline, Err *err)
{
    for (size_t i = 0; i < pipeline->receivers.count; i++)
        if (!unit_for(graph, pipeline->receivers.items[i], pipeline->signal, err))
            return false;
    return true;
}

static bool for_each_pipeline(Graph *graph, bool (*add)(Graph *, const PipelineConfig *, Err *),
                              Err *err)
{
    for (size_t i = 0; i < graph->config->pipeline_count; i++)
        if (!add(graph, &graph->config->pipelines[i], err))
            return false;
    return true;
}

/* --- arrows ---------------------------------------------------------------------------------- */

static Unit *find_processor(const Graph *graph, const PipelineConfig *pipeline, size_t at)
{
    for (size_t i = 0; i < graph->unit_count; i++)
        if (graph->units[i].pipeline == pipeline &&
            graph->units[i].config == pipeline->processors.items[at])
            return &graph->units[i];
    return NULL;
}

static bool grow(Graph *graph, UnitList *list, Unit *unit, Err *err)
{
    if (list->count == FAN_OUT_MAX)
        return fail(err, ERR_LIMIT, "more than %d places to send to in front of \"%.*s\"",
                    FAN_OUT_MAX, STR_ARG(unit->config->id));
    Unit **items = ARENA_MAKE(graph->arena, Unit *, list->count + 1, err);
    if (!items)
        return false;
    if (list->count)
        memcpy(items, list->items, list->count * sizeof *items);
    items[list->count++] = unit;
    list->items = items;
    return true;
}

static bool link_exporters(Graph *graph, const PipelineConfig *pipeline, UnitList *list, Err *err)
{
    for (size_t i = 0; i < pipeline->exporters.count; i++) {
        Unit *exporter = unit_for(graph, pipeline->exporters.items[i], pipeline->signal, err);
        if (!exporter || !grow(graph, list, exporter, err))
            return false;
    }
    return true;
}

/* What comes after processor `at` - 1 of the pipeline, or after its receivers when at is 0. */
static bool link_next(Graph *graph, const PipelineConfig *pipeline, size_t at, Unit *from, Err *err)
{
    UnitList *list = &from->next[signal_index(pipeline->signal)];
    if (at < pipeline->processors.count)
        return grow(graph, list, find_processor(graph, pipeline, at), err);
    return link_exporters(graph, pipeline, list, err);
}

static bool link_pipeline(Graph *graph, const PipelineConfig *pipeline, Err *err)
{
    for (size_t i = 0; i < pipeline->receivers.count; i++) {
        Unit *receiver = unit_for(graph, pipeline->receivers.items[i], pipeline->signal, err);
        if (!receiver || !link_next(graph, pipeline, 0, receiver, err))
            return false;
    }
    for (size_t i = 0; i < pipeline->processors.count; i++)
        if (!link_next(graph, pipeline, i + 1, find_processor(graph, pipeline, i), err))
            return false;
    return true;
}

/* --- the whole ------------------------------------------------------------------------------- */

/* Those that offer something to others start first, whatever the order of the list. */
static bool add_extensions(Graph *graph, bool offering, Err *err)
{
    const ComponentList *list = &graph->config->extensions;
    for (size_t i = 0; i < list->count; i++)
        if ((list->items[i]->type->service != NULL) == offering &&
            !add_unit(graph, list->items[i], NULL, err))
            return false;
    return true;
}

static size_t unit_max(const ServiceConfig *config)
{
    size_t count = config->extensions.count;
    for (size_t i = 0; i < config->pipeline_count; i++)
        count += config->pipelines[i].receivers.count + config->pipelines[i].processors.count +
                 config->pipelines[i].exporters.count;
    return count;
}

bool graph_build(Graph *graph, Err *err)
{
    graph->units = ARENA_MAKE(graph->arena, Unit, unit_max(graph->config), err);
    if (!graph->units)
        return false;
    return add_extensions(graph, true, err) && add_extensions(graph, false, err) &&
           for_each_pipeline(graph, add_exporters, err) &&
           for_each_pipeline(graph, add_processors, err) &&
           for_each_pipeline(graph, add_receivers, err) &&
           for_each_pipeline(graph, link_pipeline, err);
}
