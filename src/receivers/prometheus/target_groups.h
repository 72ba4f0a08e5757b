/* target_groups.h - what a source of targets says: groups of addresses with labels in common, as
 * files and http endpoints write them:
 *
 *     [ { "targets": ["host:port", ...], "labels": { "name": "value" } }, ... ]
 *
 * Refused: anything else, labels that are no label names, more than TARGETS_MAX targets.
 */
#ifndef RECEIVERS_PROMETHEUS_TARGET_GROUPS_H
#define RECEIVERS_PROMETHEUS_TARGET_GROUPS_H

#include "config/node.h"
#include "model/labels.h"

enum { TARGETS_MAX = 100000, GROUPS_BYTES_MAX = 64 << 20 };

typedef struct TargetGroup {
    Str *targets;
    size_t target_count;
    Label *labels;
    size_t label_count;
} TargetGroup;

typedef struct TargetGroups {
    Arena *arena; /* NULL: what is borrowed, or nothing */
    TargetGroup *items;
    size_t count;
} TargetGroups;

/* From YAML, which JSON is, too; empty text is no group. Labels found with `source` (a __meta_
 * label and its value) in each group. */
CHECKED bool target_groups_read(TargetGroups *groups, Str text, Label source, Purse *purse,
                                Err *err);
/* An empty list in an arena of its own; and what another list says, copied behind it. */
CHECKED bool target_groups_begin(TargetGroups *groups, Purse *purse, Err *err);
CHECKED bool target_groups_add(TargetGroups *groups, const TargetGroups *more, Err *err);
void target_groups_done(TargetGroups *groups); /* a zeroed one is fine */

#endif
