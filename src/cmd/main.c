/* main.c - the program cryostorm: reads the command line and calls one command. */
#include "cmd/command.h"
#include "cmd/encodings.h"
#include "cmd/load_config.h"
#include "cmd/options.h"
#include "cmd/registry.h"
#include "cmd/run_service.h"

#include <cryostorm/version.h>

#include <stdio.h>

static int with_config(const Options *options);
static int print_components(void);
static int print(const char *text);
static int run(int argc, char **argv);

int main(int argc, char **argv)
{
    Err err = { 0 };
    if (!encodings_register(&err)) {
        fprintf(stderr, "cryostorm: %s\n", err.text);
        return 1;
    }
    int status = run(argc, argv);
    encodings_done();
    return status;
}

static int run(int argc, char **argv)
{
    const CommandEntry *command = argc > 1 ? command_find(argv[1]) : NULL;
    if (command)
        return command->run(argc - 2, argv + 2);
    Options options;
    Err err = { 0 };
    if (!options_parse(argc, argv, &options, &err)) {
        fprintf(stderr, "cryostorm: %s\n", err.text);
        return 2;
    }
    switch (options.command) {
    case COMMAND_RUN:
    case COMMAND_VALIDATE: return with_config(&options);
    case COMMAND_COMPONENTS: return print_components();
    case COMMAND_HELP: return print(options_help);
    case COMMAND_VERSION: return print("cryostorm " CRYO_VERSION "\n");
    }
    return 2;
}

static int print(const char *text)
{
    return fputs(text, stdout) < 0 ? 1 : 0;
}

/* Both commands load and tell all problems; only one goes on. */
static int with_config(const Options *options)
{
    Err err = { 0 };
    LoadedConfig config;
    if (!loaded_config_read(options, &config, &err)) {
        if (err.kind == ERR_MEMORY)
            fprintf(stderr, "cryostorm: %s\n", err.text);
        return 1;
    }
    if (options->command == COMMAND_RUN)
        return run_service(options, &config);
    printf("the configuration is valid\n");
    loaded_config_free(&config);
    return 0;
}

static void print_kind(ComponentKind kind)
{
    static const char *const stabilities[] = { "alpha", "beta", "stable" };
    static const struct {
        unsigned signal;
        const char *name;
    } signals[] = { { TRACES, " traces" }, { METRICS, " metrics" }, { LOGS, " logs" } };
    printf("%ss\n", component_kind_name(kind));
    for (const ComponentType *const *type = registry; *type; type++) {
        if ((*type)->kind != kind)
            continue;
        printf("  %-14s %-7s %s", (*type)->name, stabilities[(*type)->stability], (*type)->summary);
        if ((*type)->signals)
            printf(" [");
        for (size_t i = 0; i < COUNT_OF(signals); i++)
            if ((*type)->signals & signals[i].signal)
                printf("%s", signals[i].name);
        printf("%s\n", (*type)->signals ? " ]" : "");
    }
}

static int print_components(void)
{
    static const ComponentKind kinds[] = { RECEIVER, PROCESSOR, EXPORTER, EXTENSION };
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        print_kind(kinds[i]);
    return 0;
}
