/* options.c - the command line; see options.h.
 *
 * Options may stand before and behind the command and take their value as --option=value or
 * --option value.
 */
#include "cmd/options.h"

#include "base/str.h"
#include "cmd/command.h"

#include <stdio.h>

static const char help_begin[] =
    "cryostorm collects, stores and shows traces, metrics and logs: a collector that runs the "
    "public\n"
    "Collector's YAML, an embedded durable store, the Jaeger, Prometheus and Loki APIs and a web "
    "page,\n"
    "in one program.\n"
    "\n"
    "usage: cryostorm [command] [--config FILE]...\n"
    "\n"
    "commands (cryostorm COMMAND --help says more)\n"
    "  (none)        run; without --config with a built-in configuration: OTLP on 4317 and 4318,\n"
    "                the page on http://127.0.0.1:16686, data in ./cryostorm-data, all on "
    "loopback\n";

static const char help_end[] =
    "  help          this text\n"
    "\n"
    "options\n"
    "  --config FILE   a configuration file, or env:NAME, yaml:TEXT, http://... or https://...;\n"
    "                  given several times, later ones are laid over earlier ones: maps merge,\n"
    "                  everything else is replaced\n"
    "  --set A.B=V     one setting, laid over all of --config\n"
    "  --watch-config  reload when a file that the configuration was read from has changed\n"
    "  --sandbox MODE  auto: what this kernel offers (the default); strict: all of it, or no "
    "start;\n"
    "                  off: none, and core dumps stay on. The program gives up starting others,\n"
    "                  and files that the configuration does not name\n"
    "  --version       the version\n"
    "  --help          this text\n"
    "\n"
    "examples\n"
    "  cryostorm\n"
    "  cryostorm --config collector.yaml\n"
    "  cryostorm --config base.yaml --config production.yaml\n"
    "  cryostorm --config collector.yaml --set service.telemetry.logs.level=debug\n"
    "  cryostorm --config collector.yaml --sandbox strict\n"
    "  cryostorm validate --config collector.yaml\n"
    "  cryostorm explain otlp.protocols.grpc.keepalive\n"
    "  cryostorm send span hello\n"
    "  cryostorm query traces\n"
    "  cryostorm doctor\n"
    "\n"
    "exit codes: 0 it went well, 1 the configuration is wrong or something could not start,\n"
    "2 the command line is wrong.\n";

void options_print_overview(void)
{
    fputs(help_begin, stdout);
    for (size_t i = 0; command_at(i); i++)
        if (command_at(i)->summary)
            printf("  %-13s %s\n", command_at(i)->name, command_at(i)->summary);
    fputs(help_end, stdout);
}

static const struct {
    Str name;
    Command command;
} commands[] = {
    { STR_ROW("run"), COMMAND_RUN },         { STR_ROW("help"), COMMAND_HELP },
    { STR_ROW("version"), COMMAND_VERSION }, { STR_ROW("--help"), COMMAND_HELP },
    { STR_ROW("-h"), COMMAND_HELP },         { STR_ROW("--version"), COMMAND_VERSION },
    { STR_ROW("-v"), COMMAND_VERSION },
};

static bool find_command(Str word, Command *out)
{
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (!str_eq(commands[i].name, word))
            continue;
        *out = commands[i].command;
        return true;
    }
    return false;
}

static bool add_config(Options *out, const char *value, Err *err)
{
    if (!value || !*value)
        return fail(err, ERR_INPUT, "--config needs a file");
    if (out->config_count == CONFIGS_MAX)
        return fail(err, ERR_INPUT, "more than %d times --config", CONFIGS_MAX);
    out->configs[out->config_count++] = value;
    return true;
}

static bool add_set(Options *out, const char *value, Err *err)
{
    if (!value || !*value)
        return fail(err, ERR_INPUT, "--set needs key.key=value");
    if (out->set_count == SETS_MAX)
        return fail(err, ERR_INPUT, "more than %d times --set", SETS_MAX);
    out->sets[out->set_count++] = value;
    return true;
}

static bool set_sandbox(Options *out, const char *value, Err *err)
{
    return sandbox_mode_parse(str_from(value ? value : ""), &out->sandbox, err);
}

/* The public Collector's; there is nothing that they could switch here. */
static bool note_gates(Options *out, const char *value, Err *err)
{
    out->feature_gates = true;
    return value || fail(err, ERR_INPUT, "--feature-gates needs names");
}

/* Options that take a value, and what becomes of it (NULL: it is missing). */
static const struct {
    Str name;
    bool (*set)(Options *out, const char *value, Err *err);
} valued[] = {
    { STR_ROW("--config"), add_config },
    { STR_ROW("--feature-gates"), note_gates },
    { STR_ROW("--sandbox"), set_sandbox },
    { STR_ROW("--set"), add_set },
};

static const Str watch_config = STR_ROW("--watch-config");

static void consider(Str word, Str name, size_t *best, Str *nearest)
{
    size_t distance = str_distance(word, name, *best);
    if (distance >= *best)
        return;
    *best = distance;
    *nearest = name;
}

static bool unknown(Str word, Err *err)
{
    size_t best = 3;
    Str nearest = { NULL, 0 };
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        consider(word, commands[i].name, &best, &nearest);
    for (size_t i = 0; command_at(i); i++)
        consider(word, str_from(command_at(i)->name), &best, &nearest);
    for (size_t i = 0; i < COUNT_OF(valued); i++)
        consider(word, valued[i].name, &best, &nearest);
    consider(word, watch_config, &best, &nearest);
    if (nearest.len)
        return fail(err, ERR_INPUT, "'%.*s' is unknown; did you mean %.*s?", STR_ARG(word),
                    STR_ARG(nearest));
    return fail(err, ERR_INPUT, "'%.*s' is unknown; see cryostorm --help", STR_ARG(word));
}

/* True: argv[*at] is one of them, and *at stands on the last word of it. */
static bool take_valued(int argc, char **argv, int *at, Options *out, bool *ok, Err *err)
{
    Str word = str_from(argv[*at]);
    for (size_t i = 0; i < COUNT_OF(valued); i++) {
        Str name = valued[i].name;
        const char *value = NULL;
        if (!str_starts(word, name) || (word.len > name.len && word.ptr[name.len] != '='))
            continue;
        if (word.len > name.len)
            value = word.ptr + name.len + 1;
        else if (*at + 1 < argc)
            value = argv[++*at];
        *ok = valued[i].set(out, value, err);
        return true;
    }
    return false;
}

bool options_parse(int argc, char **argv, Options *out, Err *err)
{
    *out = (Options){ .command = COMMAND_RUN };
    bool commanded = false, ok = true;
    for (int i = 1; i < argc && ok; i++) {
        Str word = str_from(argv[i]);
        if (take_valued(argc, argv, &i, out, &ok, err)) {
            continue;
        } else if (str_eq(word, watch_config)) {
            out->watch_config = true;
        } else if (commanded) {
            return fail(err, ERR_INPUT, "'%.*s' is one command too many", STR_ARG(word));
        } else if (find_command(word, &out->command)) {
            commanded = true;
        } else {
            return unknown(word, err);
        }
    }
    return ok;
}

int options_command_at(int argc, char **argv)
{
    int at = 1;
    for (; at < argc && argv[at][0] == '-'; at++)
        for (size_t i = 0; i < COUNT_OF(valued); i++)
            if (str_eq(str_from(argv[at]), valued[i].name)) {
                at++;
                break;
            }
    return at < argc ? at : argc;
}
