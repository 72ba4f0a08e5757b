/* command_print_config.c - print-config: what a configuration came to. */
#include "cmd/command.h"
#include "cmd/config_print.h"
#include "cmd/config_words.h"

typedef struct PrintOptions {
    ConfigWords from;
    bool json, plain;
    const char *format, *mode, *validate;
} PrintOptions;

static const char *const formats[] = { "yaml", "json", NULL };
static const char *const modes[] = { "redacted", NULL };
static const char *const switches[] = { "true", "false", NULL };

static const OptionRow rows[] = {
    CONFIG_WORD_ROWS(PrintOptions),
    { "json", NULL, OPTION_FLAG, offsetof(PrintOptions, json), NULL, "JSON instead of YAML", NULL },
    { "plain", NULL, OPTION_FLAG, offsetof(PrintOptions, plain), NULL,
      "YAML without where each value came from", NULL },
    { "format", "FORMAT", OPTION_TEXT, offsetof(PrintOptions, format), "yaml",
      "yaml or json, as the public Collector has it", formats },
    { "mode", "MODE", OPTION_TEXT, offsetof(PrintOptions, mode), "redacted",
      "redacted: secrets are never shown", modes },
    { "validate", "BOOL", OPTION_TEXT, offsetof(PrintOptions, validate), "true",
      "only what is valid has come to something, so this changes nothing", switches },
    { 0 },
};

static const CommandForm form = {
    .name = "print-config",
    .arguments = "[--config SOURCE]... [--json]",
    .summary = "Shows every setting with its value and where that came from: a place, a variable, "
               "or the preset.\nSecrets are hidden; otherwise the output loads to the same "
               "configuration.",
    .rows = rows,
    .examples = "  cryostorm print-config --config collector.yaml\n"
                "  cryostorm print-config --config base.yaml --config more.yaml --json\n",
};

static int print(const PrintOptions *options, const LoadedConfig *config)
{
    Err err = { 0 };
    Buf out = BUF(CONFIG_PRINT_MAX);
    bool json = options->json || str_eq(str_from(options->format), STR("json"));
    bool good = json ? config_print_json(config, &out, &err)
                     : config_print_yaml(config, !options->plain, &out, &err);
    int code = good ? command_write(form.name, &out, &err) : command_failed(form.name, &err);
    buf_free(&out);
    return code;
}

int command_print_config(int argc, char **argv)
{
    PrintOptions options = { 0 };
    OptionWords arguments = { 0 };
    LoadedConfig config;
    int code;
    if (!command_read(&form, argc, argv, &options, &arguments, &code) ||
        !command_no_arguments(&form, &arguments, &code) ||
        !config_words_load(&options.from, form.name, &config, &code))
        return code;
    code = print(&options, &config);
    loaded_config_free(&config);
    return code;
}
