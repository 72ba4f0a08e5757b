/* load_config.c - sources, merged in order, then ${...}, then the tables; see load_config.h. */
#include "cmd/load_config.h"

#include "cmd/registry.h"
#include "config/expand.h"
#include "config/yaml.h"

#include <stdio.h>

extern const char cmd_default_config[], cmd_default_config_end[]; /* default_config.S */

static Node *read_default(Arena *arena, Problems *problems)
{
    Str text = { cmd_default_config, (size_t)(cmd_default_config_end - cmd_default_config) };
    return yaml_parse(text, STR("configs/default.yaml (built in)"), arena, problems);
}

/* All of --config, then all of --set, wherever they stand on the command line. */
static Node *read_all(ConfigReader *reader, const Options *options)
{
    Err err;
    size_t errors = reader->problems->errors;
    Node *whole = options->config_count ? node_new(reader->arena, NODE_MAP, (Place){ 0 }, &err)
                                        : read_default(reader->arena, reader->problems);
    bool good = whole != NULL;
    for (size_t i = 0; good && i < options->config_count; i++) {
        const Node *next = config_source_read(reader, options->configs[i]);
        if (next && !whole->place.source.len)
            whole->place = next->place;
        good = !next || node_merge(reader->arena, whole, next, &err);
    }
    if (!good && options->config_count)
        problems_starve(reader->problems, &err);
    for (size_t i = 0; good && i < options->set_count; i++)
        (void)!config_source_set(reader, whole, options->sets[i]); /* problems are counted below */
    return good && reader->problems->errors == errors ? whole : NULL;
}

const ServiceConfig *load_config_with(ConfigReader *reader, const Options *options,
                                      const Node **out)
{
    Node *root = read_all(reader, options);
    const Environment environment = config_source_environment(reader);
    *out = root;
    if (!root || !config_expand(root, &environment, reader->arena, reader->problems))
        return NULL;
    return service_config_load(registry, root, reader->arena, reader->problems);
}

const ServiceConfig *load_config(const Options *options, Disk *disk, Arena *arena,
                                 Problems *problems)
{
    ConfigReader reader = {
        .disk = disk, .arena = arena, .problems = problems, .variables = environment_process()
    };
    const Node *root;
    return load_config_with(&reader, options, &root);
}

static void tell_problems(Problems *problems)
{
    Buf text = BUF(1 << 20);
    problems_write(problems, &text);
    fprintf(stderr, "%.*s", STR_ARG(buf_str(&text)));
    buf_free(&text);
}

static bool keep_files(LoadedConfig *out, const ConfigReader *reader)
{
    Err err;
    out->files = ARENA_MAKE(out->arena, const char *, reader->file_count + 1, &err);
    for (; out->files && out->file_count < reader->file_count; out->file_count++)
        out->files[out->file_count] = reader->files[out->file_count].ptr;
    if (!out->files)
        problems_starve(reader->problems, &err);
    return out->files != NULL;
}

bool loaded_config_read(const Options *options, LoadedConfig *out, Err *err)
{
    *out = (LoadedConfig){ .arena = arena_new(CONFIG_MEMORY_MAX, err) };
    if (!out->arena)
        return false;
    Problems problems;
    problems_init(&problems, out->arena);
    ConfigReader reader = { .disk = disk_system(),
                            .arena = out->arena,
                            .problems = &problems,
                            .variables = environment_process() };
    const ServiceConfig *service = load_config_with(&reader, options, &out->root);
    if (keep_files(out, &reader))
        out->service = service;
    tell_problems(&problems);
    if (out->service)
        return true;
    if (problems_ok(&problems, err))
        fail(err, ERR_INPUT, "the configuration is wrong");
    loaded_config_free(out);
    return false;
}

void loaded_config_free(LoadedConfig *config)
{
    arena_free(config->arena);
    *config = (LoadedConfig){ 0 };
}
