/* load_config.c - sources, merged in order, then ${...}, then the tables; see load_config.h. */
#include "cmd/load_config.h"

#include "base/clock.h"
#include "cmd/config_advice.h"
#include "cmd/log_output.h"
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
    const ServiceConfig *config =
        service_config_load(registry, root, reader->arena, reader->problems);
    if (!config || !config_check_names(config, reader->problems))
        return NULL;
    config_advise(config, root, reader->problems);
    return problems_none(reader->problems) ? config : NULL; /* memory may have come to its end */
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

static bool wants_json(const Node *root)
{
    const Node *encoding = root ? node_at(root, STR("service.telemetry.logs.encoding"), '.') : NULL;
    return encoding && encoding->kind == NODE_SCALAR && str_eq_nocase(encoding->text, STR("json"));
}

/* Whoever reads the program's log lines by machine gets these as log lines, too. */
static void tell_as_log(Problems *problems, LogLevel least)
{
    Buf text = BUF(1 << 20);
    problems_sort(problems);
    for (size_t i = 0; i < problems->count; i++) {
        const Problem *row = problems->rows[i];
        LogLevel level = row->level == PROBLEM_ERROR ? LOG_ERROR : LOG_WARN;
        Buf line = BUF(1 << 14);
        problem_write(row, &line);
        if (level >= least)
            log_line_json(&text, clock_wall_ns(clock_system()), level, STR("config"),
                          buf_str(&line));
        buf_free(&line);
    }
    fprintf(stderr, "%.*s", STR_ARG(buf_str(&text)));
    buf_free(&text);
}

void tell_problems(Problems *problems)
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
    if (options->feature_gates)
        problem_warning(&problems, (Place){ 0 },
                        "--feature-gates has no effect: there are no feature gates here");
    const ServiceConfig *service = load_config_with(&reader, options, &out->root);
    if (keep_files(out, &reader))
        out->service = service;
    if (options->command == COMMAND_RUN && wants_json(out->root))
        tell_as_log(&problems, out->service ? out->service->logs.level : LOG_DEBUG);
    else
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
