/* service_config.h - the configuration file as a whole: which components there are, and which
 * pipelines they form.
 *
 * Reads the public Collector's layout: receivers, processors, exporters, extensions, and service
 * with extensions, pipelines and telemetry. Ids are `type[/name]`. Everything that is wrong is
 * noted at once, settings of the components included (config/field.h), so that the result either
 * can be built or is NULL. Defined but unused components are checked, and are a warning.
 *
 * Refused for now, each with a sentence that says so: connectors, and pipelines of profiles.
 */
#ifndef PIPE_SERVICE_CONFIG_H
#define PIPE_SERVICE_CONFIG_H

#include "base/arena.h"
#include "config/node.h"
#include "config/problem.h"
#include "pipe/component.h"
#include "pipe/own_telemetry.h"

typedef struct ComponentConfig {
    const ComponentType *type;
    Str id; /* "batch/fast", as the user wrote it, without spaces around */
    Place place;
    const Node *node;     /* what the user wrote; may be NODE_NULL */
    const void *settings; /* type->size bytes: a prototype of the instances */
    bool used;
} ComponentConfig;

typedef struct ComponentList {
    ComponentConfig **items;
    size_t count;
} ComponentList;

typedef struct PipelineConfig {
    Str id; /* "traces/fast" */
    Place place;
    Signal signal;
    ComponentList receivers, processors, exporters;
} PipelineConfig;

typedef struct ServiceConfig {
    ComponentList defined[COMPONENT_KIND_COUNT]; /* all, in the order of the file */
    ComponentList extensions;                    /* those to start, in this order */
    PipelineConfig *pipelines;
    size_t pipeline_count;
    uint64_t memory_limit; /* service.memory_limit; 0: not said */
    LogRules logs;         /* service.telemetry.logs */
    Str own_metrics;       /* host:port where own metrics are served; empty: nowhere */
    const void *sections;  /* what service_config_fields fills */
} ServiceConfig;

/* Everything lives in the arena, which must outlive what is built from it; so must the tree.
 * registry: NULL at the end. NULL: `problems` says why. */
CHECKED const ServiceConfig *service_config_load(const ComponentType *const *registry,
                                                 const Node *root, Arena *arena,
                                                 Problems *problems);

/* The outermost keys. Those of components, service.extensions and service.pipelines are ANY rows:
 * what they hold is said by the components' tables and by service_pipeline_fields. */
extern const ConfigField service_config_fields[], service_pipeline_fields[];

/* Where in the configuration stands what a message of graph_start() speaks of; without a source
 * where that is unknown. */
Place service_config_place(const ServiceConfig *config, Str message);

#endif
