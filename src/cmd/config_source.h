/* config_source.h - where configurations come from: one --config, one --set, one ${file:...}.
 *
 *     file.yaml, file:/etc/x.yaml   a file
 *     env:NAME                      the whole configuration in a variable
 *     yaml:exporters::debug::verbosity: detailed
 *                                   here; "::" in the outermost keys nests, as in every source
 *     http://host/x, https://host/x what is there (SOURCE_FETCH_SECONDS, YAML_BYTES_MAX)
 *     --set a.b.c=value             value is YAML
 *
 * A scheme has two characters at least, so C:x is a file. Every problem is noted with its source.
 * What --set and yaml: say is named by its keys, never by its values, which may be secrets.
 */
#ifndef CMD_CONFIG_SOURCE_H
#define CMD_CONFIG_SOURCE_H

#include "base/disk.h"
#include "config/expand.h"

enum {
    SOURCE_FILES_MAX = 128,   /* files that one configuration is read from */
    SOURCE_FETCHES_MAX = 32,  /* answers by HTTP that it is made of */
    SOURCE_FETCH_SECONDS = 10 /* the longest wait for one of them */
};

/* One reading of a configuration, from the first --config to the last ${file:...}. */
typedef struct ConfigReader {
    Disk *disk;
    Arena *arena;
    Problems *problems;
    const Environment *variables; /* its find() */
    Str files[SOURCE_FILES_MAX];  /* that were read, in the arena, each followed by a zero byte */
    size_t file_count, fetches;
} ConfigReader;

/* The tree, a map; NULL: `problems` says why. A source that is empty gives an empty map. */
CHECKED Node *config_source_read(ConfigReader *reader, const char *uri);

/* Lays one "a.b.c=value" over the tree; false: `problems` says why. */
CHECKED bool config_source_set(ConfigReader *reader, Node *root, const char *assignment);

/* What config_expand() needs to read from the same places. */
Environment config_source_environment(ConfigReader *reader);

#endif
