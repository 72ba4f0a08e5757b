/* command_validate.c - validate: everything that is wrong with a configuration, without a start. */
#include "base/clock.h"
#include "cmd/command.h"
#include "cmd/config_files.h"
#include "cmd/config_words.h"

#include <stdio.h>

typedef struct ValidateOptions {
    ConfigWords from;
    bool no_files;
} ValidateOptions;

static const OptionRow rows[] = {
    CONFIG_WORD_ROWS(ValidateOptions),
    { "no-files", NULL, OPTION_FLAG, offsetof(ValidateOptions, no_files), NULL,
      "leave the files alone that it names: they are on another machine", NULL },
    { 0 },
};

static const CommandForm form = {
    .name = "validate",
    .arguments = "[--config SOURCE]... [--set A.B=V]...",
    .summary =
        "Checks a configuration and tells every mistake with its place, and what is hardly "
        "meant as\nwarnings; opens the files that it names: certificates, keys, directories. "
        "Without --config\nthe built-in configuration is checked.",
    .rows = rows,
    .examples =
        "  cryostorm validate --config collector.yaml\n"
        "  cryostorm validate --config base.yaml --config production.yaml\n"
        "  cryostorm validate --config collector.yaml --set exporters.debug.verbosity=basic\n",
};

static bool check_files(const ValidateOptions *options, const LoadedConfig *config)
{
    Problems problems;
    if (options->no_files)
        return true;
    problems_init(&problems, config->arena);
    config_check_files(config->service, disk_system(), clock_wall_ns(clock_system()), &problems);
    tell_problems(&problems);
    return problems_none(&problems);
}

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
    code = check_files(&options, &config) ? 0 : 1;
    if (code == 0)
        printf("the configuration is valid\n");
    loaded_config_free(&config);
    return code;
}
