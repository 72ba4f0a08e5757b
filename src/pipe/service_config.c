/* service_config.c - the sections of the file, then the references between them.
 *
 * First every section of components, so that each id is known (also the broken ones: a reference to
 * something that is wrong is not wrong itself), then service, then what nobody uses.
 */
#include "pipe/service_config.h"

#include "base/buf.h"
#include "config/field.h"
#include "config/mention.h"
#include "config/nearest.h"
#include "pipe/own_telemetry.h"

/* Below, hardly anything would be left beside the program itself. */
enum { MEMORY_LIMIT_LEAST = 64 << 20 };

typedef struct Loading {
    const ComponentType *const *registry;
    Arena *arena;
    Problems *problems;
    ServiceConfig *config;
} Loading;

/* --- what the file looks like ---------------------------------------------------------------- */

typedef struct Telemetry {
    LogsTelemetry logs;
    MetricsTelemetry metrics;
} Telemetry;

typedef struct ServiceSection {
    const Node *extensions, *pipelines;
    uint64_t memory_limit;
    Telemetry telemetry;
} ServiceSection;

typedef struct FileSections {
    const Node *receivers, *processors, *exporters, *connectors, *extensions;
    ServiceSection service;
} FileSections;

typedef struct PipelineSection {
    const Node *receivers, *processors, *exporters;
} PipelineSection;

static const ConfigField telemetry_fields[] = {
    SECTION(Telemetry, logs, LogsTelemetry, logs_telemetry_fields,
            "What the program says about itself."),
    SECTION(Telemetry, metrics, MetricsTelemetry, metrics_telemetry_fields,
            "Where its own metrics are served."),
    IGNORED("traces", "the program makes no traces of its own yet"),
    IGNORED("resource", "own metrics and log lines carry no resource yet"),
    { 0 },
};

static const ConfigField service_fields[] = {
    ANY(ServiceSection, extensions, "Which extensions to start, in this order."),
    ANY(ServiceSection, pipelines, "signal[/name]: receivers, processors, exporters."),
    SIZE(ServiceSection, memory_limit, "0", "0", "1PiB",
         "The most that the program holds in memory, at least 64MiB; 0: half of what there is for "
         "it."),
    SECTION(ServiceSection, telemetry, Telemetry, telemetry_fields, "The program's own telemetry."),
    { 0 },
};

const ConfigField service_config_fields[] = {
    ANY(FileSections, receivers, "What takes data in."),
    ANY(FileSections, processors, "What changes, drops or gathers data."),
    ANY(FileSections, exporters, "What sends data on."),
    ANY(FileSections, connectors, "What joins pipelines."),
    ANY(FileSections, extensions, "What serves beside the pipelines."),
    SECTION(FileSections, service, ServiceSection, service_fields, "What is started."),
    { 0 },
};

const ConfigField service_pipeline_fields[] = {
    ANY(PipelineSection, receivers, "Where the data comes from."),
    ANY(PipelineSection, processors, "What it passes through, in this order."),
    ANY(PipelineSection, exporters, "Where it goes."),
    { 0 },
};

/* --- small help ------------------------------------------------------------------------------ */

static void *make(Loading *loading, size_t count, size_t size)
{
    Err err;
    void *made = arena_alloc(loading->arena, count, size, &err);
    if (!made)
        problems_starve(loading->problems, &err);
    return made;
}

/* NULL or nothing: no pairs. Anything but a map is a problem. */
static size_t map_count(Loading *loading, const Node *node)
{
    if (!node || node->kind == NODE_NULL)
        return 0;
    if (node->kind == NODE_MAP)
        return node->count;
    char shown[128];
    problem_error(loading->problems, node->place, "must be a map, not %s",
                  node_describe(node, shown, sizeof shown));
    return 0;
}

/* `type/name` with the spaces around both parts gone. */
static bool copy_id(Loading *loading, ComponentId id, Str *out)
{
    Err err;
    Buf text = BUF(8192);
    buf_add(&text, id.type);
    if (id.name.len) {
        buf_add_byte(&text, '/');
        buf_add(&text, id.name);
    }
    bool good = buf_ok(&text, &err) && arena_copy(loading->arena, buf_str(&text), out, &err);
    if (!good)
        problems_starve(loading->problems, &err);
    buf_free(&text);
    return good;
}

static ComponentConfig *find_component(const ComponentList *list, Str id)
{
    for (size_t i = 0; i < list->count; i++)
        if (str_eq(list->items[i]->id, id))
            return list->items[i];
    return NULL;
}

/* --- components ------------------------------------------------------------------------------ */

static void unknown_type(Loading *loading, ComponentKind kind, Str type, Place place)
{
    Nearest nearest = { .given = type };
    Buf known = BUF(400); /* what does not fit is left out; `cryostorm components` lists all */
    for (size_t i = 0; loading->registry[i]; i++) {
        const ComponentType *candidate = loading->registry[i];
        if (candidate->kind != kind)
            continue;
        nearest_try(&nearest, str_from(candidate->name));
        buf_addf(&known, "%s%s", known.len ? ", " : "", candidate->name);
    }
    problem_error(loading->problems, place,
                  "unknown %s type \"%.*s\"" NEAREST_FORMAT " (there %s%.*s)",
                  component_kind_name(kind), STR_ARG(type), NEAREST_ARG(nearest),
                  known.len ? "are: " : "is none yet", STR_ARG(buf_str(&known)));
    buf_free(&known);
}

static void load_settings(Loading *loading, ComponentConfig *component, const Node *node)
{
    const ComponentType *type = component->type;
    static const ConfigField no_fields[] = { { 0 } };
    void *settings = make(loading, 1, type->size);
    if (!settings)
        return;
    component->settings = settings;
    Err err;
    if (config_load(type->fields ? type->fields : no_fields, node, settings, loading->arena,
                    loading->problems) &&
        type->check && !type->check(settings, &err))
        problem_error(loading->problems, node_mentioned(node, str_from(err.text), component->place),
                      "%s", err.text);
}

static void load_component(Loading *loading, ComponentKind kind, const NodePair *pair)
{
    ComponentList *list = &loading->config->defined[kind];
    ComponentId id;
    Err err;
    if (!component_id_parse(pair->key, &id, &err)) {
        problem_error(loading->problems, pair->place, "%s", err.text);
        return;
    }
    ComponentConfig *component = make(loading, 1, sizeof *component);
    if (!component || !copy_id(loading, id, &component->id))
        return;
    if (find_component(list, component->id)) {
        problem_error(loading->problems, pair->place, "duplicate name \"%.*s\"",
                      STR_ARG(component->id));
        return;
    }
    component->place = pair->place;
    component->node = pair->value;
    component->type = component_find(loading->registry, kind, id.type);
    list->items[list->count++] = component;
    if (!component->type) {
        unknown_type(loading, kind, id.type, pair->place);
        return;
    }
    if (component_is_retired_name(component->type, id.type))
        problem_warning(loading->problems, pair->place, "\"%.*s\" is an older name of \"%s\"",
                        STR_ARG(id.type), component->type->name);
    load_settings(loading, component, pair->value);
}

static void load_components(Loading *loading, ComponentKind kind, const Node *section)
{
    problems_enter(loading->problems, str_from(component_kind_section(kind)));
    size_t count = map_count(loading, section);
    ComponentList *list = &loading->config->defined[kind];
    list->items = count ? make(loading, count, sizeof *list->items) : NULL;
    for (size_t i = 0; i < count && list->items; i++) {
        problems_enter(loading->problems, section->pairs[i].key);
        load_component(loading, kind, &section->pairs[i]);
        problems_leave(loading->problems);
    }
    problems_leave(loading->problems);
}

/* --- references ------------------------------------------------------------------------------ */

/* What a list of ids may name, and where the components go. */
typedef struct References {
    ComponentKind kind;
    ComponentList *found;
} References;

static ComponentConfig *resolve(Loading *loading, ComponentKind kind, Str text, const Node *at)
{
    ComponentId id;
    Err err;
    Str whole;
    const ComponentList *defined = &loading->config->defined[kind];
    if (!component_id_parse(text, &id, &err)) {
        problem_error(loading->problems, at->place, "%s" ORIGIN_FORMAT, err.text,
                      ORIGIN_ARG(at->origin));
        return NULL;
    }
    if (!copy_id(loading, id, &whole))
        return NULL;
    ComponentConfig *component = find_component(defined, whole);
    if (component) {
        component->used = true;
        return component;
    }
    if (loading->problems->starved.kind != ERR_NONE)
        return NULL; /* it may be missing because there was no memory for it */
    Nearest nearest = { .given = whole };
    for (size_t i = 0; i < defined->count; i++)
        nearest_try(&nearest, defined->items[i]->id);
    problem_error(loading->problems, at->place,
                  "references %s \"%.*s\" which is not configured" NEAREST_FORMAT ORIGIN_FORMAT,
                  component_kind_name(kind), STR_ARG(whole), NEAREST_ARG(nearest),
                  ORIGIN_ARG(at->origin));
    return NULL;
}

static void add_reference(Loading *loading, const References *to, Str text, const Node *at)
{
    ComponentConfig *component = resolve(loading, to->kind, text, at);
    if (!component)
        return;
    if (find_component(to->found, component->id)) {
        if (to->kind == PROCESSOR)
            problem_error(loading->problems, at->place,
                          "references processor \"%.*s\" multiple times", STR_ARG(component->id));
        else
            problem_warning(loading->problems, at->place,
                            "\"%.*s\" is listed twice; once is enough", STR_ARG(component->id));
        return;
    }
    to->found->items[to->found->count++] = component;
}

/* "a, b" is a list too, as everywhere in the public Collector. */
static void load_split_references(Loading *loading, const References *to, const Node *node)
{
    size_t count = 0;
    Str part;
    for (Str rest = node->text; str_split(&rest, ',', &part);)
        count++;
    to->found->items = make(loading, count, sizeof *to->found->items);
    for (Str rest = node->text; to->found->items && str_split(&rest, ',', &part);)
        add_reference(loading, to, part, node);
}

static void load_references(Loading *loading, const References *to, const Node *node)
{
    char shown[128];
    if (!node || node->kind == NODE_NULL)
        return;
    if (node->kind == NODE_SCALAR) {
        load_split_references(loading, to, node);
        return;
    }
    if (node->kind != NODE_LIST) {
        problem_error(loading->problems, node->place, "must be a list of ids, not %s",
                      node_describe(node, shown, sizeof shown));
        return;
    }
    to->found->items = node->count ? make(loading, node->count, sizeof *to->found->items) : NULL;
    for (size_t i = 0; i < node->count && to->found->items; i++) {
        const Node *item = node->items[i];
        problems_enter_item(loading->problems, i);
        if (item->kind == NODE_SCALAR)
            add_reference(loading, to, item->text, item);
        else
            problem_error(loading->problems, item->place, "must be an id, not %s",
                          node_describe(item, shown, sizeof shown));
        problems_leave(loading->problems);
    }
}

/* --- pipelines ------------------------------------------------------------------------------- */

static bool pipeline_signal(Loading *loading, Str type, Place place, Signal *out)
{
    static const Signal signals[] = { TRACES, METRICS, LOGS };
    if (signal_parse(type, out))
        return true;
    if (str_eq(type, STR("profiles"))) {
        problem_error(loading->problems, place,
                      "pipelines of profiles: not supported yet; they come later");
        return false;
    }
    Nearest nearest = { .given = type };
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        nearest_try(&nearest, signal_name(signals[i]));
    problem_error(loading->problems, place,
                  "unknown signal \"%.*s\"" NEAREST_FORMAT " (there are: traces, metrics, logs)",
                  STR_ARG(type), NEAREST_ARG(nearest));
    return false;
}

static void check_signals(Loading *loading, const PipelineConfig *pipeline,
                          const ComponentList *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const ComponentConfig *component = list->items[i];
        if (component->type && !(component->type->signals & pipeline->signal))
            problem_error(loading->problems, pipeline->place, "%s \"%.*s\" does not support %.*s",
                          component_kind_name(component->type->kind), STR_ARG(component->id),
                          STR_ARG(signal_name(pipeline->signal)));
    }
}

static void load_pipeline_lists(Loading *loading, PipelineConfig *pipeline,
                                const PipelineSection *section)
{
    const struct {
        ComponentKind kind;
        const Node *node;
        ComponentList *found;
        bool needed;
    } lists[] = {
        { RECEIVER, section->receivers, &pipeline->receivers, true },
        { PROCESSOR, section->processors, &pipeline->processors, false },
        { EXPORTER, section->exporters, &pipeline->exporters, true },
    };
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        size_t before = loading->problems->errors;
        References to = { .kind = lists[i].kind, .found = lists[i].found };
        problems_enter(loading->problems, str_from(component_kind_section(lists[i].kind)));
        load_references(loading, &to, lists[i].node);
        check_signals(loading, pipeline, lists[i].found);
        problems_leave(loading->problems);
        if (lists[i].needed && !lists[i].found->count && loading->problems->errors == before)
            problem_error(loading->problems, pipeline->place, "must have at least one %s",
                          component_kind_name(lists[i].kind));
    }
}

static void load_pipeline(Loading *loading, const NodePair *pair)
{
    ServiceConfig *config = loading->config;
    PipelineConfig pipeline = { .place = pair->place };
    PipelineSection section = { 0 };
    ComponentId id;
    Err err;
    config_load(service_pipeline_fields, pair->value, &section, loading->arena, loading->problems);
    if (!component_id_parse(pair->key, &id, &err)) {
        problem_error(loading->problems, pair->place, "%s", err.text);
        return;
    }
    if (!pipeline_signal(loading, id.type, pair->place, &pipeline.signal) ||
        !copy_id(loading, id, &pipeline.id))
        return;
    for (size_t i = 0; i < config->pipeline_count; i++)
        if (str_eq(config->pipelines[i].id, pipeline.id))
            problem_error(loading->problems, pair->place, "duplicate name \"%.*s\"",
                          STR_ARG(pipeline.id));
    load_pipeline_lists(loading, &pipeline, &section);
    config->pipelines[config->pipeline_count++] = pipeline;
}

static void load_pipelines(Loading *loading, const Node *node, Place service)
{
    problems_enter(loading->problems, STR("pipelines"));
    size_t count = map_count(loading, node);
    if (!count)
        problem_error(loading->problems, node ? node->place : service,
                      "service must have at least one pipeline");
    loading->config->pipelines = count ? make(loading, count, sizeof(PipelineConfig)) : NULL;
    for (size_t i = 0; i < count && loading->config->pipelines; i++) {
        problems_enter(loading->problems, node->pairs[i].key);
        load_pipeline(loading, &node->pairs[i]);
        problems_leave(loading->problems);
    }
    problems_leave(loading->problems);
}

/* --- the whole ------------------------------------------------------------------------------- */

/* Gone from the public Collector, and still in many files. */
static void warn_of_address(Loading *loading, const Node *address)
{
    problems_enter(loading->problems, STR("address"));
    problem_warning(loading->problems, address->place,
                    "is no longer used by the public Collector; readers replaced it: readers: "
                    "[{pull: {exporter: {prometheus: {host: localhost, port: 8888}}}}]");
    problems_leave(loading->problems);
}

/* What is served without being asked for, so that whoever prints the settings sees it. */
static void put_default_reader(Loading *loading, MetricsTelemetry *metrics)
{
    MetricReader *reader = make(loading, 1, sizeof *reader);
    if (!reader)
        return;
    reader->pull.present = true;
    reader->pull.exporter.prometheus = (PrometheusReader){ .present = true,
                                                           .without_scope_info = true,
                                                           .without_units = true,
                                                           .without_type_suffix = true,
                                                           .host = STR("127.0.0.1"),
                                                           .port = 8888 };
    metrics->readers = (MetricReaders){ reader, 1 };
}

static void load_own_metrics(Loading *loading, MetricsTelemetry *metrics, const Node *root)
{
    Err err;
    const Node *telemetry = node_get(node_get(root, STR("service")), STR("telemetry"));
    const NodePair *section = node_pair(telemetry, STR("metrics"));
    Place place = section ? section->place : root->place;
    problems_enter(loading->problems, STR("service.telemetry.metrics"));
    if (!metrics_telemetry_endpoint(metrics, section ? section->value : NULL, loading->arena,
                                    &loading->config->own_metrics, &err))
        problem_error(loading->problems, place, "%s", err.text);
    else if (metrics->address.len)
        warn_of_address(loading, node_get(section->value, STR("address")));
    else if (loading->config->own_metrics.len && !metrics->readers.count)
        put_default_reader(loading, metrics);
    problems_leave(loading->problems);
}

static void load_service(Loading *loading, const ServiceSection *service, Place place)
{
    problems_enter(loading->problems, STR("service"));
    References to = { .kind = EXTENSION, .found = &loading->config->extensions };
    problems_enter(loading->problems, STR("extensions"));
    load_references(loading, &to, service->extensions);
    problems_leave(loading->problems);
    load_pipelines(loading, service->pipelines, place);
    loading->config->memory_limit = service->memory_limit;
    if (service->memory_limit && service->memory_limit < MEMORY_LIMIT_LEAST)
        problem_error(loading->problems, place, "memory_limit must be at least 64MiB, or 0");
    loading->config->logs = logs_telemetry_rules(&service->telemetry.logs);
    problems_leave(loading->problems);
}

/* They come later; a file that defines some would silently lose data if we went on. */
static void refuse_connectors(Loading *loading, const Node *connectors)
{
    problems_enter(loading->problems, STR("connectors"));
    if (map_count(loading, connectors))
        problem_error(loading->problems, connectors->place,
                      "connectors: not supported yet; they come later");
    problems_leave(loading->problems);
}

/* Only where all else is well: a misspelt reference is the likelier reason. */
static void warn_of_unused(Loading *loading)
{
    if (!problems_none(loading->problems))
        return;
    for (int kind = 0; kind < COMPONENT_KIND_COUNT; kind++) {
        const ComponentList *list = &loading->config->defined[kind];
        problems_enter(loading->problems, str_from(component_kind_section((ComponentKind)kind)));
        for (size_t i = 0; i < list->count; i++) {
            const ComponentConfig *component = list->items[i];
            if (component->used || !component->type)
                continue;
            problems_enter(loading->problems, component->id);
            problem_warning(loading->problems, component->place,
                            "is not used by service.%s, so it is not started",
                            kind == EXTENSION ? "extensions" : "pipelines");
            problems_leave(loading->problems);
        }
        problems_leave(loading->problems);
    }
}

static void load_file(Loading *loading, const Node *root)
{
    FileSections *made = make(loading, 1, sizeof *made), sections = { 0 };
    bool good =
        config_load(service_config_fields, root, &sections, loading->arena, loading->problems);
    if (made)
        *made = sections;
    loading->config->sections = made;
    load_components(loading, RECEIVER, sections.receivers);
    load_components(loading, PROCESSOR, sections.processors);
    load_components(loading, EXPORTER, sections.exporters);
    load_components(loading, EXTENSION, sections.extensions);
    refuse_connectors(loading, sections.connectors);
    if (!sections.receivers || !sections.receivers->count)
        problem_error(loading->problems, root->place,
                      "no receiver configuration specified in config");
    if (!sections.exporters || !sections.exporters->count)
        problem_error(loading->problems, root->place,
                      "no exporter configuration specified in config");
    const NodePair *service = node_pair(root, STR("service"));
    load_service(loading, &sections.service, service ? service->place : root->place);
    if (good && made) /* else a rule across keys may only be broken because a key is */
        load_own_metrics(loading, &made->service.telemetry.metrics, root);
    warn_of_unused(loading);
}

const ServiceConfig *service_config_load(const ComponentType *const *registry, const Node *root,
                                         Arena *arena, Problems *problems)
{
    Loading loading = { .registry = registry, .arena = arena, .problems = problems };
    loading.config = make(&loading, 1, sizeof *loading.config);
    if (!loading.config)
        return NULL;
    if (root->kind == NODE_NULL || (root->kind == NODE_MAP && !root->count))
        problem_error(problems, root->place, "empty configuration file");
    else if (map_count(&loading, root))
        load_file(&loading, root);
    return problems_none(problems) ? loading.config : NULL;
}

/* "receivers::otlp: endpoint: ...": as graph.c names what does not start. */
static bool is_about(Str message, const ComponentConfig *component, ComponentKind kind)
{
    Str section = str_from(component_kind_section(kind));
    if (!str_starts(message, section) || !str_starts(str_skip(message, section.len), STR("::")))
        return false;
    Str id = str_skip(message, section.len + 2);
    return str_starts(id, component->id) && str_starts(str_skip(id, component->id.len), STR(": "));
}

Place service_config_place(const ServiceConfig *config, Str message)
{
    for (int kind = 0; kind < COMPONENT_KIND_COUNT; kind++) {
        const ComponentList *list = &config->defined[kind];
        for (size_t i = 0; i < list->count; i++)
            if (is_about(message, list->items[i], (ComponentKind)kind))
                return node_mentioned(list->items[i]->node, message, list->items[i]->place);
    }
    return (Place){ .line = 0 };
}
