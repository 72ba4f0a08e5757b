/* command_validate.c - validate: everything that is wrong with a configuration, without a start. */
#include "cmd/command.h"
#include "cmd/config_words.h"

#include <stdio.h>

typedef struct ValidateOptions {
    ConfigWords from;
} ValidateOptions;

static const OptionRow rows[] = { CONFIG_WORD_ROWS(ValidateOptions), { 0 } };

static const CommandForm form = {
    .name = "validate",
    .arguments = "[--config SOURCE]... [--set A.B=V]...",
    .summary = "Checks a configuration and tells every mistake with its place, and what is hardly "
               "meant as\nwarnings. Without --config the built-in configuration is checked.",
    .rows = rows,
    .examples =
        "  cryostorm validate --config collector.yaml\n"
        "  cryostorm validate --config base.yaml --config production.yaml\n"
        "  cryostorm validate --config collector.yaml --set exporters.debug.verbosity=basic\n",
};

int command_validate(int argc, char **argv)
{
    ValidateOptions options = { 0 };
    OptionWords arguments = { 0 };
    LoadedConfig config;
    int code;
    if (!command_read(&form, argc, argv, &options, &arguments, &code) ||
        !command_no_arguments(&form, &arguments, &code) ||
        !config_words_load(&options.from, form.name, &config, &code))
        return code;
    printf("the configuration is valid\n");
    loaded_config_free(&config);
    return 0;
}
