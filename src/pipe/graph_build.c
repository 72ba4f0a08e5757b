/* graph_build.c - from pipelines to units and the arrows between them.
 *
 * Units come in order of start: extensions, exporters, the processors of each pipeline from its end
 * to its front, receivers. Looking one up walks the list; configurations have tens of them.
 *
 * A unit of the wiring that runs is taken over when it stands at the same place (kind, id and,
 * where it matters, pipeline and signals), what the user wrote for it is the same, and so are the
 * extensions whose services it has got. Nothing that it does is touched here: what the new wiring
 * wants of it is `planned`.
 */
#include "pipe/graph_internal.h"

#include "base/mem.h"
#include "config/path.h"

#include <string.h>

enum {
    LISTS_MAX = 64 << 20,      /* the lists of one wiring */
    UNIT_MAX = 64 << 20,       /* instances and ring of one unit: settings are small */
    FILE_MARKED_MAX = 1 << 20, /* of a file that settings name */
};

typedef struct Build {
    Graph *graph;
    const ServiceConfig *config;
    const Wiring *old; /* NULL: none */
    Wiring *out;
} Build;

/* --- files that settings name ------------------------------------------------------------------
 */

typedef struct FilesMark {
    Disk *disk;
    uint64_t mark;
} FilesMark;

static void mark_file(void *context, ConfigPath use, Str path)
{
    FilesMark *files = context;
    char bytes[1024];
    Err err;
    size_t got = 1;
    DiskInfo info = { 0 };
    if (use != READS_FILE || !path.len || !files->disk->info(files->disk, path.ptr, &info, &err) ||
        !info.is_file)
        return;
    File *file = disk_open(files->disk, path.ptr, DISK_READ, &err);
    for (uint64_t at = 0; file && at < FILE_MARKED_MAX && got; at += got) {
        if (!file_read(file, at, bytes, sizeof bytes, &got, &err))
            break;
        files->mark = files->mark * 31 + str_hash((Str){ bytes, got });
    }
    if (file)
        (void)!file_close(file, &err);
}

/* Certificates, keys, tokens: what was read once is another one now. */
static uint64_t files_mark(const Graph *graph, const ComponentConfig *config)
{
    FilesMark files = { .disk = graph->options.disk };
    if (config->type->fields)
        config_each_path(config->type->fields, config->settings, mark_file, &files);
    return files.mark;
}

/* --- units ----------------------------------------------------------------------------------- */

static bool make_instance(Unit *unit, Instance *instance, Shard *shard, Err *err)
{
    const GraphOptions *options = &unit->graph->options;
    instance->unit = unit;
    instance->shard = shard;
    account_init(&instance->host.account);
    instance->host.ops = &graph_host_ops;
    instance->host.type = unit->type;
    instance->host.id = unit->config->id;
    instance->host.loop = shard->loop;
    instance->host.shard = shard->index;
    instance->host.shards = unit->graph->shard_count;
    instance->host.stepped = options->stepped;
    instance->host.clock = options->clock;
    instance->host.random = &shard->random;
    instance->host.disk = options->disk;
    instance->host.budget = options->budget;
    instance->self = arena_alloc(unit->arena, 1, unit->type->size, err);
    return instance->self != NULL;
}

static bool make_instances(Unit *unit, Err *err)
{
    Graph *graph = unit->graph;
    bool sharded = unit->type->placement == SHARDED;
    size_t count = sharded ? graph->shard_count : 1;
    unit->arena = arena_new(UNIT_MAX, err);
    unit->instances = unit->arena ? ARENA_MAKE(unit->arena, Instance, count, err) : NULL;
    if (!unit->instances)
        return false;
    for (size_t i = 0; i < count; i++) {
        size_t home = sharded ? i : graph->next_home++ % graph->shard_count;
        unit->instance_count++;
        if (!make_instance(unit, &unit->instances[i], &graph->shards[home], err))
            return false;
    }
    if (sharded || !unit->type->consume)
        return true;
    unit->inbox.ring = ARENA_MAKE(unit->arena, Waiting, GRAPH_QUEUE_MAX, err);
    return unit->inbox.ring != NULL;
}

void unit_free(Unit *unit)
{
    if (!unit)
        return;
    for (size_t i = 0; i < unit->instance_count; i++)
        account_done(&unit->instances[i].host.account);
    mutex_done(&unit->inbox.mutex);
    mem_free(unit->inbox.inherited);
    arena_free(unit->arena);
    mem_free(unit);
}

static Unit *unit_new(Build *build, const ComponentConfig *config, Err *err)
{
    Unit *unit = MEM_MAKE(Unit, 1, err);
    if (!unit)
        return NULL;
    unit->graph = build->graph;
    unit->origin = build->config;
    unit->config = config;
    unit->type = config->type;
    unit->epoch = build->graph->epoch;
    unit->files_mark = files_mark(build->graph, config);
    mutex_init(&unit->inbox.mutex);
    unit->inbox.post = (Post){ .run = inbox_run, .owner = unit };
    unit->inbox.again = (Timer){ .fire = inbox_run, .owner = unit };
    if (make_instances(unit, err))
        return unit;
    unit_free(unit);
    return NULL;
}

/* --- what is the same ------------------------------------------------------------------------- */

static bool names(const ComponentList *list, const ComponentConfig *config)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i] == config)
            return true;
    return false;
}

/* What a component that serves all pipelines at once will carry. */
static unsigned all_signals(const ServiceConfig *service, const ComponentConfig *config)
{
    unsigned signals = 0;
    for (size_t i = 0; i < service->pipeline_count; i++) {
        const PipelineConfig *pipeline = &service->pipelines[i];
        if (names(&pipeline->receivers, config) || names(&pipeline->exporters, config))
            signals |= pipeline->signal;
    }
    return signals;
}

static bool same_pipeline(const PipelineConfig *a, const PipelineConfig *b)
{
    return (!a && !b) || (a && b && a->signal == b->signal && str_eq(a->id, b->id));
}

bool unit_is_same_place(const Unit *a, const Wires *a_wires, const Unit *b, const Wires *b_wires)
{
    bool shared = a->type->traits & ALL_SHARE;
    return a->type->kind == b->type->kind && str_eq(a->config->id, b->config->id) &&
           same_pipeline(a_wires->pipeline, b_wires->pipeline) &&
           (shared || a_wires->signals == b_wires->signals);
}

/* Those that come first in a wiring are known already. */
static bool has_same_services(const Unit *unit)
{
    if (unit->service_count > SERVICES_MAX)
        return false;
    for (size_t i = 0; i < unit->service_count; i++)
        if (!unit->services[i]->planned_in)
            return false;
    return true;
}

/* `batch:` and `batch: {}`. */
static bool is_nothing(const Node *node)
{
    return !node || node->kind == NODE_NULL || (node->kind == NODE_MAP && !node->count);
}

static bool is_written_the_same(const Node *a, const Node *b)
{
    return (is_nothing(a) && is_nothing(b)) || node_same(a, b);
}

/* A receiver listens for the signals that it carries. */
static bool may_stay(const Build *build, const Unit *unit, const ComponentConfig *config,
                     const Wires *wires)
{
    const Unit wanted = { .type = config->type, .config = config };
    bool listens = unit->type->kind == RECEIVER && unit->type->traits & ALL_SHARE;
    return !unit->planned_in && unit->started && !unit->left && unit->type == config->type &&
           unit_is_same_place(unit, &unit->wires, &wanted, wires) &&
           (!listens || unit->wires.signals == all_signals(build->config, config)) &&
           is_written_the_same(unit->config->node, config->node) && has_same_services(unit) &&
           unit->files_mark == files_mark(build->graph, config);
}

static Unit *find_staying(const Build *build, const ComponentConfig *config, const Wires *wires)
{
    for (size_t i = 0; build->old && i < build->old->count; i++)
        if (may_stay(build, build->old->units[i], config, wires))
            return build->old->units[i];
    return NULL;
}

/* --- the units of a wiring ------------------------------------------------------------------- */

static Unit *add_unit(Build *build, const ComponentConfig *config, Wires wires, Err *err)
{
    Unit *unit = find_staying(build, config, &wires);
    bool stays = unit != NULL;
    if (!stays)
        unit = unit_new(build, config, err);
    if (!unit)
        return NULL;
    unit->planned = wires;
    unit->planned_config = config;
    unit->planned_in = stays;
    build->out->units[build->out->count++] = unit;
    return unit;
}

static bool is_shared(const Unit *unit, Signal signal)
{
    return unit->type->traits & ALL_SHARE || unit->planned.signals & signal;
}

/* The unit that serves this component for the signal, or a new one. */
static Unit *unit_for(Build *build, const ComponentConfig *config, Signal signal, Err *err)
{
    for (size_t i = 0; i < build->out->count; i++) {
        Unit *unit = build->out->units[i];
        if (unit->planned_config == config && is_shared(unit, signal)) {
            unit->planned.signals |= signal;
            return unit;
        }
    }
    return add_unit(build, config, (Wires){ .signals = signal }, err);
}

static bool add_exporters(Build *build, const PipelineConfig *pipeline, Err *err)
{
    for (size_t i = 0; i < pipeline->exporters.count; i++)
        if (!unit_for(build, pipeline->exporters.items[i], pipeline->signal, err))
            return false;
    return true;
}

static bool add_processors(Build *build, const PipelineConfig *pipeline, Err *err)
{
    const Wires wires = { .pipeline = pipeline, .signals = pipeline->signal };
    for (size_t i = pipeline->processors.count; i-- > 0;)
        if (!add_unit(build, pipeline->processors.items[i], wires, err))
            return false;
    return true;
}

static bool add_receivers(Build *build, const PipelineConfig *pipeline, Err *err)
{
    for (size_t i = 0; i < pipeline->receivers.count; i++)
        if (!unit_for(build, pipeline->receivers.items[i], pipeline->signal, err))
            return false;
    return true;
}

static bool for_each_pipeline(Build *build, bool (*add)(Build *, const PipelineConfig *, Err *),
                              Err *err)
{
    for (size_t i = 0; i < build->config->pipeline_count; i++)
        if (!add(build, &build->config->pipelines[i], err))
            return false;
    return true;
}

/* --- arrows ---------------------------------------------------------------------------------- */

static Unit *find_processor(const Build *build, const PipelineConfig *pipeline, size_t at)
{
    for (size_t i = 0; i < build->out->count; i++) {
        Unit *unit = build->out->units[i];
        if (unit->planned.pipeline == pipeline &&
            unit->planned_config == pipeline->processors.items[at])
            return unit;
    }
    return NULL;
}

static bool grow(Build *build, UnitList *list, Unit *unit, Err *err)
{
    if (list->count == FAN_OUT_MAX)
        return fail(err, ERR_LIMIT, "more than %d places to send to in front of \"%.*s\"",
                    FAN_OUT_MAX, STR_ARG(unit->config->id));
    Unit **items = ARENA_MAKE(build->out->arena, Unit *, list->count + 1, err);
    if (!items)
        return false;
    if (list->count)
        memcpy(items, list->items, list->count * sizeof *items);
    items[list->count++] = unit;
    list->items = items;
    return true;
}

static bool link_exporters(Build *build, const PipelineConfig *pipeline, UnitList *list, Err *err)
{
    for (size_t i = 0; i < pipeline->exporters.count; i++) {
        Unit *exporter = unit_for(build, pipeline->exporters.items[i], pipeline->signal, err);
        if (!exporter || !grow(build, list, exporter, err))
            return false;
    }
    return true;
}

/* What comes after processor `at` - 1 of the pipeline, or after its receivers when at is 0. */
static bool link_next(Build *build, const PipelineConfig *pipeline, size_t at, Unit *from, Err *err)
{
    UnitList *list = &from->planned.next[signal_index(pipeline->signal)];
    if (at < pipeline->processors.count)
        return grow(build, list, find_processor(build, pipeline, at), err);
    return link_exporters(build, pipeline, list, err);
}

static bool link_pipeline(Build *build, const PipelineConfig *pipeline, Err *err)
{
    for (size_t i = 0; i < pipeline->receivers.count; i++) {
        Unit *receiver = unit_for(build, pipeline->receivers.items[i], pipeline->signal, err);
        if (!receiver || !link_next(build, pipeline, 0, receiver, err))
            return false;
    }
    for (size_t i = 0; i < pipeline->processors.count; i++)
        if (!link_next(build, pipeline, i + 1, find_processor(build, pipeline, i), err))
            return false;
    return true;
}

/* --- the whole ------------------------------------------------------------------------------- */

/* Those that offer something to others start first, whatever the order of the list. */
static bool add_extensions(Build *build, bool offering, Err *err)
{
    const ComponentList *list = &build->config->extensions;
    for (size_t i = 0; i < list->count; i++)
        if ((list->items[i]->type->service != NULL) == offering &&
            !add_unit(build, list->items[i], (Wires){ 0 }, err))
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

/* What is new has no other wires than these. */
static void wire_new(Wiring *wiring)
{
    for (size_t i = 0; i < wiring->count; i++)
        if (!wiring->units[i]->planned_in)
            wiring->units[i]->wires = wiring->units[i]->planned;
}

bool wiring_build(Graph *graph, const ServiceConfig *config, const Wiring *old, Wiring *out,
                  Err *err)
{
    for (size_t i = 0; old && i < old->count; i++)
        old->units[i]->planned_in = false;
    *out = (Wiring){ .config = config, .arena = arena_new(LISTS_MAX, err) };
    out->units = out->arena ? ARENA_MAKE(out->arena, Unit *, unit_max(config), err) : NULL;
    if (!out->units)
        return false;
    Build build = { .graph = graph, .config = config, .old = old, .out = out };
    bool good = add_extensions(&build, true, err) && add_extensions(&build, false, err) &&
                for_each_pipeline(&build, add_exporters, err) &&
                for_each_pipeline(&build, add_processors, err) &&
                for_each_pipeline(&build, add_receivers, err) &&
                for_each_pipeline(&build, link_pipeline, err);
    wire_new(out);
    return good;
}

void wiring_free(Wiring *wiring)
{
    arena_free(wiring->arena);
    *wiring = (Wiring){ 0 };
}
