/* options.c - the command line; see options.h.
 *
 * Options may stand before and behind the command and take their value as --option=value or
 * --option value.
 */
#include "cmd/options.h"

#include "base/str.h"
#include "cmd/command.h"

const char options_help[] =
    "cryostorm collects, stores and shows traces, metrics and logs: a collector that runs the "
    "public\n"
    "Collector's YAML, an embedded durable store, the Jaeger, Prometheus and Loki APIs and a web "
    "page,\n"
    "in one program.\n"
    "\n"
    "usage: cryostorm [command] [--config FILE]...\n"
    "\n"
    "commands\n"
    "  (none)       run; without --config with a built-in configuration: OTLP on 4317 and 4318,\n"
    "               the page on http://127.0.0.1:16686, data in ./cryostorm-data, all on loopback\n"
    "  validate     check the configuration, print everything that is wrong with it, and end\n"
    "  components   list the receivers, processors, exporters and extensions of this program\n"
    "  send         send one span, metric or log record, to see whether it arrives\n"
    "  gen          make load: spans, data points or log records at a rate\n"
    "  query        show what is stored: traces, metrics, logs\n"
    "  doctor       find out why no data arrives\n"
    "  help         this text\n"
    "\n"
    "options\n"
    "  --config FILE   a configuration file; given several times, later ones are laid over "
    "earlier\n"
    "                  ones: maps merge, everything else is replaced\n"
    "  --version       the version\n"
    "  --help          this text\n"
    "\n"
    "examples\n"
    "  cryostorm\n"
    "  cryostorm --config collector.yaml\n"
    "  cryostorm --config base.yaml --config production.yaml\n"
    "  cryostorm validate --config collector.yaml\n"
    "  cryostorm send span hello\n"
    "  cryostorm query traces\n"
    "  cryostorm doctor\n"
    "\n"
    "exit codes: 0 it went well, 1 the configuration is wrong or something could not start,\n"
    "2 the command line is wrong.\n";

static const struct {
    Str name;
    Command command;
} commands[] = {
    { STR_ROW("run"), COMMAND_RUN },
    { STR_ROW("validate"), COMMAND_VALIDATE },
    { STR_ROW("components"), COMMAND_COMPONENTS },
    { STR_ROW("help"), COMMAND_HELP },
    { STR_ROW("version"), COMMAND_VERSION },
    { STR_ROW("--help"), COMMAND_HELP },
    { STR_ROW("-h"), COMMAND_HELP },
    { STR_ROW("--version"), COMMAND_VERSION },
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
    consider(word, STR("--config"), &best, &nearest);
    if (nearest.len)
        return fail(err, ERR_INPUT, "'%.*s' is unknown; did you mean %.*s?", STR_ARG(word),
                    STR_ARG(nearest));
    return fail(err, ERR_INPUT, "'%.*s' is unknown; see cryostorm --help", STR_ARG(word));
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

bool options_parse(int argc, char **argv, Options *out, Err *err)
{
    *out = (Options){ .command = COMMAND_RUN };
    bool commanded = false;
    for (int i = 1; i < argc; i++) {
        Str word = str_from(argv[i]);
        if (str_eq(word, STR("--config"))) {
            if (!add_config(out, i + 1 < argc ? argv[++i] : NULL, err))
                return false;
        } else if (str_starts(word, STR("--config="))) {
            if (!add_config(out, argv[i] + sizeof "--config=" - 1, err))
                return false;
        } else if (commanded) {
            return fail(err, ERR_INPUT, "'%.*s' is one command too many", STR_ARG(word));
        } else if (find_command(word, &out->command)) {
            commanded = true;
        } else {
            return unknown(word, err);
        }
    }
    return true;
}
