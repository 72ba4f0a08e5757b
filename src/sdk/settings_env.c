/* settings_env.c - the environment and the .env file as lists of variables, and the names that
 * nobody knows; see settings_internal.h. */
#include "sdk/diagnostics.h"
#include "sdk/settings_internal.h"

#include "base/disk.h"
#include "base/mem.h"

#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20, NEAR = 4 };

static const Str groups[] = { STR_ROW("SERVICE__"), STR_ROW("PROPAGATION__"), STR_ROW("TRACING__"),
                              STR_ROW("METRICS__"), STR_ROW("LOGGING__") };

/* Known names of what this version does not do yet. */
static const char *const idle_names[] = {
    "OTEL_ENTITIES",
    "OTEL_METRICS_EXEMPLAR_FILTER",
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
    "OTEL_EXPORTER_PROMETHEUS_HOST",
    "OTEL_EXPORTER_PROMETHEUS_PORT",
    "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
    "OTEL_EXPORTER_ZIPKIN_TIMEOUT",
};

/* Without these the program would do what nobody asked for. */
static const char *const refused_names[] = { "OTEL_CONFIG_FILE", "OTEL_EXPERIMENTAL_CONFIG_FILE" };

/* Names that rows do not have and apply_otel() reads. */
static const char *const special_names[] = {
    "OTEL_SDK_DISABLED",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_EXPORTER_OTLP_INSECURE",
    "OTEL_EXPORTER_OTLP_TRACES_INSECURE",
    "OTEL_EXPORTER_OTLP_METRICS_INSECURE",
    "OTEL_EXPORTER_OTLP_LOGS_INSECURE",
};

/* Prefixes of names that belong to others: SDKs of other languages, instrumentation. */
static const Str foreign[] = {
    STR_ROW("OTEL_PYTHON_"),  STR_ROW("OTEL_NODE_"), STR_ROW("OTEL_JAVA"),
    STR_ROW("OTEL_DOTNET_"),  STR_ROW("OTEL_GO_"),   STR_ROW("OTEL_PHP_"),
    STR_ROW("OTEL_RUBY_"),    STR_ROW("OTEL_CPP_"),  STR_ROW("OTEL_INSTRUMENTATION_"),
    STR_ROW("OTEL_SEMCONV_"),
};
static bool starts_with_any(Str name, const Str *prefixes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_starts(name, prefixes[i]))
            return true;
    return false;
}

static bool row_named(Str name)
{
    for (size_t i = 0; i < SETTING_COUNT_ALL; i++) {
        const SettingRow *row = &setting_rows[i];
        if (str_eq(name, str_from(row->key)) || str_eq(name, str_from(row->otel[0])) ||
            str_eq(name, str_from(row->otel[1])))
            return true;
    }
    return false;
}

/* Is it for us to judge? Single words such as LOG_LEVEL are ours only when a row has that name. */
static bool ours(Str name)
{
    return str_starts(name, STR("OTEL_")) || starts_with_any(name, groups, COUNT_OF(groups)) ||
           row_named(name);
}

/* ---- gathering ------------------------------------------------------------------------------- */

static void variable_add(SettingsLoad *load, Variables *variables, Str name, Str value)
{
    if (!variables->list || !ours(name))
        return;
    if (variables->count == VARIABLES_MAX) {
        if (!variables->full)
            load_error(load, "more than %d variables%s", VARIABLES_MAX,
                       variables->is_file ? " in .env" : "");
        variables->full = true;
        return;
    }
    Variable *to = &variables->list[variables->count];
    if (arena_copy(load->arena, name, &to->name, &load->starved) &&
        arena_copy(load->arena, value, &to->value, &load->starved))
        variables->count++;
    else
        load->failed = true;
}

static void variables_begin(SettingsLoad *load, Variables *out, bool is_file)
{
    *out = (Variables){ .is_file = is_file };
    out->list = ARENA_MAKE(load->arena, Variable, VARIABLES_MAX, &load->starved);
    load->failed = load->failed || !out->list;
}

void variables_from_environment(SettingsLoad *load, Variables *out)
{
    variables_begin(load, out, false);
    for (char **entry = environ; entry && *entry; entry++) {
        Str rest = str_from(*entry), name;
        const char *equals = strchr(*entry, '=');
        if (!equals)
            continue;
        name = str_first(rest, (size_t)(equals - *entry));
        variable_add(load, out, name, str_skip(rest, name.len + 1));
    }
}

/* "value", 'value' or the bare text up to " #". */
static Str unquoted(Str value)
{
    value = str_trim(value);
    char quote = value.len > 1 ? value.ptr[0] : '\0';
    if ((quote == '"' || quote == '\'') && value.ptr[value.len - 1] == quote)
        return str_first(str_skip(value, 1), value.len - 2);
    for (size_t i = 1; i < value.len; i++)
        if (value.ptr[i] == '#' && (value.ptr[i - 1] == ' ' || value.ptr[i - 1] == '\t'))
            return str_trim(str_first(value, i));
    return value;
}

static void file_line(SettingsLoad *load, Variables *out, Str line, size_t number)
{
    line = str_trim(line);
    if (line.len == 0 || line.ptr[0] == '#')
        return;
    if (str_starts(line, STR("export ")))
        line = str_trim(str_skip(line, 7));
    const char *equals = memchr(line.ptr, '=', line.len);
    if (!equals || equals == line.ptr) {
        load_error(load, ".env:%zu: NAME=value expected, found '%.*s'", number,
                   STR_ARG(str_first(line, 40)));
        return;
    }
    Str name = str_first(line, (size_t)(equals - line.ptr));
    variable_add(load, out, str_trim(name), unquoted(str_skip(line, name.len + 1)));
}

void variables_from_file(SettingsLoad *load, const char *path, bool required, Variables *out)
{
    variables_begin(load, out, true);
    Disk *disk = disk_system();
    DiskInfo info;
    Err err;
    if (!*path || !disk->info(disk, path, &info, &err) || !info.is_file) {
        if (required && *path)
            load_error(load, "%s: there is no such file", path);
        return;
    }
    Buf text = BUF(FILE_MAX);
    if (disk_read_all(disk, path, &text, &err)) {
        Str rest = buf_str(&text), line;
        if (str_starts(rest, STR("\xEF\xBB\xBF"))) /* some editors put a byte order mark there */
            rest = str_skip(rest, 3);
        for (size_t number = 1; str_split(&rest, '\n', &line); number++)
            file_line(load, out, line, number);
    } else if (err.kind == ERR_MEMORY) {
        load->starved = err;
        load->failed = true;
    } else {
        load_error(load, "%s", err.text); /* it names the path */
    }
    buf_free(&text);
}

const Variable *variable_find(const Variables *variables, const char *name)
{
    for (size_t i = variables->count; name && i-- > 0;) /* of a file's repeated names the last */
        if (str_eq(variables->list[i].name, str_from(name)))
            return variables->list[i].value.len ? &variables->list[i] : NULL;
    return NULL;
}

/* ---- judging --------------------------------------------------------------------------------- */

static void nearer(Str name, const char *candidate, const char **best, size_t *distance)
{
    if (!candidate)
        return;
    size_t d = str_distance(name, str_from(candidate), NEAR);
    if (d < *distance) {
        *best = candidate;
        *distance = d;
    }
}

static const char *nearest(Str name)
{
    const char *best = NULL;
    size_t distance = NEAR + 1;
    for (size_t i = 0; i < SETTING_COUNT_ALL; i++) {
        nearer(name, setting_rows[i].key, &best, &distance);
        nearer(name, setting_rows[i].otel[0], &best, &distance);
        nearer(name, setting_rows[i].otel[1], &best, &distance);
    }
    for (size_t i = 0; i < COUNT_OF(special_names); i++)
        nearer(name, special_names[i], &best, &distance);
    for (size_t i = 0; i < COUNT_OF(refused_names); i++)
        nearer(name, refused_names[i], &best, &distance);
    for (size_t i = 0; i < COUNT_OF(idle_names); i++)
        nearer(name, idle_names[i], &best, &distance);
    return best;
}

static bool named_in(Str name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(name, str_from(names[i])))
            return true;
    return false;
}

static void judge_one(SettingsLoad *load, const Variables *variables, const Variable *variable)
{
    Str name = variable->name;
    if (row_named(name) || named_in(name, special_names, COUNT_OF(special_names)) ||
        starts_with_any(name, foreign, COUNT_OF(foreign)))
        return;
    if (named_in(name, refused_names, COUNT_OF(refused_names))) {
        if (variable->value.len == 0)
            return;
        load_error(load, "%.*s%s: settings from such a file come in a later version; unset it",
                   STR_ARG(name), variables->is_file ? " (in .env)" : "");
        return;
    }
    if (named_in(name, idle_names, COUNT_OF(idle_names))) {
        buf_addf(&load->idle, "%s%.*s", load->idle.len ? ", " : "", STR_ARG(name));
        return;
    }
    const char *near = nearest(name);
    const char *ask = near ? "; did you mean " : "";
    near = near ? near : "";
    if (variables->is_file)
        load_error(load, "%.*s (in .env): there is no such setting%s%s", STR_ARG(name), ask, near);
    else
        say(CRYO_LOG_WARN, "%.*s: there is no such setting%s%s", STR_ARG(name), ask, near);
}

void variables_judge(SettingsLoad *load, const Variables *variables)
{
    for (size_t i = 0; i < variables->count; i++)
        judge_one(load, variables, &variables->list[i]);
}
