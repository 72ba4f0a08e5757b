/* options.h - the command line, read into one struct. */
#ifndef CMD_OPTIONS_H
#define CMD_OPTIONS_H

#include "base/attributes.h"
#include "base/err.h"
#include "cmd/sandbox.h"

#include <stddef.h>

typedef enum Command {
    COMMAND_RUN,
    COMMAND_HELP,
    COMMAND_VERSION,
    COMMAND_LOOK, /* one of command.h's that reads a configuration and does not run it */
} Command;

enum { CONFIGS_MAX = 32, SETS_MAX = 64 };

typedef struct Options {
    Command command;
    const char *configs[CONFIGS_MAX]; /* as given, in order; none: the built-in one */
    size_t config_count;
    const char *sets[SETS_MAX]; /* "a.b.c=value", in order */
    size_t set_count;
    bool feature_gates; /* were given, as to the public Collector */
    SandboxMode sandbox;
    bool watch_config; /* reload when a file of the configuration changes */
} Options;

/* err: which argument is wrong, and what is meant perhaps. */
CHECKED bool options_parse(int argc, char **argv, Options *out, Err *err);

/* Where the command's word stands behind options that take a value, as in `--config a.yaml
 * validate`; argc: there is none. */
int options_command_at(int argc, char **argv);

void options_print_overview(void); /* on standard output */

#endif
