/* load_config.h - from the sources on the command line to one checked configuration. */
#ifndef CMD_LOAD_CONFIG_H
#define CMD_LOAD_CONFIG_H

#include "base/disk.h"
#include "cmd/config_source.h"
#include "cmd/options.h"
#include "pipe/service_config.h"

enum { CONFIG_MEMORY_MAX = 64 << 20 }; /* trees and settings of all files */

/* Reads, merges, expands and checks, noting problems and files in the reader; *root: the tree, NULL
 * where not even that came about. NULL: there were errors. */
CHECKED const ServiceConfig *load_config_with(ConfigReader *reader, const Options *options,
                                              const Node **root);

/* The same with the process' environment; everything that is wrong is in `problems`. */
CHECKED const ServiceConfig *load_config(const Options *options, Disk *disk, Arena *arena,
                                         Problems *problems);

/* The same with an arena of its own, all problems told on standard error. False: there
 * were errors, and err has the first. */
typedef struct LoadedConfig {
    Arena *arena;
    const ServiceConfig *service;
    const Node *root;
    const char **files; /* that it was read from */
    size_t file_count;
} LoadedConfig;

void tell_problems(Problems *problems); /* on standard error */

CHECKED bool loaded_config_read(const Options *options, LoadedConfig *out, Err *err);
void loaded_config_free(LoadedConfig *config); /* harmless when zeroed, which it is afterwards */

#endif
