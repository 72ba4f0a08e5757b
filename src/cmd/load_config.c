/* load_config.c - files, merged in order, then ${...}, then the tables; see load_config.h. */
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

/* Only files so far; the public Collector also takes env:, yaml: and http: here. */
static Node *read_one(const char *source, Disk *disk, Arena *arena, Problems *problems)
{
    static const Str later[] = { STR_ROW("env:"), STR_ROW("yaml:"), STR_ROW("http:"),
                                 STR_ROW("https:") };
    Str text = str_from(source);
    for (size_t i = 0; i < COUNT_OF(later); i++) {
        if (!str_starts(text, later[i]))
            continue;
        problem_error(problems, (Place){ .source = text },
                      "configuration from %.*s comes later; give a file", STR_ARG(later[i]));
        return NULL;
    }
    if (str_starts(text, STR("file:")))
        source += sizeof "file:" - 1;
    return yaml_read(disk, source, arena, problems);
}

static Node *read_all(const Options *options, Disk *disk, Arena *arena, Problems *problems)
{
    if (!options->config_count)
        return read_default(arena, problems);
    Node *whole = NULL;
    bool ok = true;
    for (size_t i = 0; i < options->config_count; i++) {
        Node *next = read_one(options->configs[i], disk, arena, problems);
        Err err;
        if (!next) {
            ok = false; /* go on: the other files' mistakes are worth telling too */
        } else if (!whole) {
            whole = next;
        } else if (!node_merge(arena, whole, next, &err)) {
            problems_starve(problems, &err);
            ok = false;
        }
    }
    return ok ? whole : NULL;
}

const ServiceConfig *load_config(const Options *options, Disk *disk, Arena *arena,
                                 Problems *problems)
{
    Node *root = read_all(options, disk, arena, problems);
    if (!root || !config_expand(root, environment_process(), arena, problems))
        return NULL;
    return service_config_load(registry, root, arena, problems);
}

static void tell_problems(Problems *problems)
{
    Buf text = BUF(1 << 20);
    problems_write(problems, &text);
    fprintf(stderr, "%.*s", STR_ARG(buf_str(&text)));
    buf_free(&text);
}

bool loaded_config_read(const Options *options, LoadedConfig *out, Err *err)
{
    *out = (LoadedConfig){ .arena = arena_new(CONFIG_MEMORY_MAX, err) };
    if (!out->arena)
        return false;
    Problems problems;
    problems_init(&problems, out->arena);
    out->service = load_config(options, disk_system(), out->arena, &problems);
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
