/* yaml.h - YAML text into a tree of nodes, with line and column of every node.
 *
 * The one file that knows libfyaml is yaml.c. It reads libfyaml's events and builds the tree
 * itself, so that every bound is ours: bytes, nodes, nesting, and what aliases may unfold to (each
 * alias is a copy that counts against the nodes, so a bomb ends at once). Refused, each with its
 * place: duplicate keys, several documents, invalid UTF-8, keys that are not scalars, tags other
 * than those of the core schema, and aliases to an anchor that is not complete. `<<` merges maps as
 * YAML 1.1 has it. A plain empty value, ~ and null are NODE_NULL; everything else keeps the text as
 * written.
 */
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include "base/disk.h"
#include "config/node.h"
#include "config/problem.h"

enum {
    YAML_BYTES_MAX = 4 << 20, /* a large collector configuration has some 100 KiB */
    YAML_NODES_MAX = 200000,  /* scalars, lists and maps, aliases unfolded */
    YAML_DEPTH_MAX = 64,      /* what libfyaml guarantees */
    YAML_BLANK_MAX = 500,     /* line ends with nothing between, in a row */
    YAML_DIRECTIVES_MAX = 100,
};

/* The tree, in the arena; NULL: `problems` says why. An empty text gives NODE_NULL. `source` is the
 * name in messages; the arena keeps a copy of it and of every text. */
CHECKED Node *yaml_parse(Str text, Str source, Arena *arena, Problems *problems);

/* The same for a file. */
CHECKED Node *yaml_read(Disk *disk, const char *path, Arena *arena, Problems *problems);

#endif
