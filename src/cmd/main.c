/* main.c - the program cryostorm: reads the command line and calls one command. */
#include "cmd/command.h"
#include "cmd/encodings.h"
#include "cmd/load_config.h"
#include "cmd/options.h"
#include "cmd/run_service.h"

#include <cryostorm/version.h>

#include <stdio.h>

static int run_config(const Options *options);
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

/* The command's words: all but its own, which may stand behind --config. */
static int run_command(const CommandEntry *command, int at, int argc, char **argv)
{
    for (int i = at; i > 1; i--)
        argv[i] = argv[i - 1];
    return command->run(argc - 2, argv + 2);
}

static int run(int argc, char **argv)
{
    int at = options_command_at(argc, argv);
    const CommandEntry *command = at < argc ? command_find(argv[at]) : NULL;
    if (command)
        return run_command(command, at, argc, argv);
    Options options;
    Err err = { 0 };
    if (!options_parse(argc, argv, &options, &err)) {
        fprintf(stderr, "cryostorm: %s\n", err.text);
        return 2;
    }
    switch (options.command) {
    case COMMAND_RUN: return run_config(&options);
    case COMMAND_HELP: options_print_overview(); return 0;
    case COMMAND_VERSION: return fputs("cryostorm " CRYO_VERSION "\n", stdout) < 0 ? 1 : 0;
    case COMMAND_LOOK: break;
    }
    return 2;
}

static int run_config(const Options *options)
{
    Err err = { 0 };
    LoadedConfig config;
    if (loaded_config_read(options, &config, &err))
        return run_service(options, &config);
    if (err.kind == ERR_MEMORY)
        fprintf(stderr, "cryostorm: %s\n", err.text);
    return 1;
}
