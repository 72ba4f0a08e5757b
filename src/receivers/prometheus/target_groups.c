/* target_groups.c - see target_groups.h. */
#include "receivers/prometheus/target_groups.h"

#include "config/problem.h"
#include "config/yaml.h"
#include "regex/relabel.h"

#include <string.h>

static bool wrong(const Node *node, const char *what, Err *err)
{
    return fail(err, ERR_INPUT, "line %u, column %u: %s", (unsigned)node->place.line,
                (unsigned)node->place.column, what);
}

static bool read_targets(TargetGroup *group, const Node *list, Arena *arena, Err *err)
{
    if (list->kind == NODE_NULL)
        return true;
    if (list->kind != NODE_LIST)
        return wrong(list, "targets must be a list of texts", err);
    group->targets = ARENA_MAKE(arena, Str, list->count + 1, err);
    for (size_t i = 0; group->targets && i < list->count; i++) {
        if (list->items[i]->kind != NODE_SCALAR)
            return wrong(list->items[i], "a target must be a text", err);
        group->targets[group->target_count++] = list->items[i]->text;
    }
    return group->targets != NULL;
}

static bool read_labels(TargetGroup *group, const Node *map, Err *err)
{
    if (map->kind == NODE_NULL)
        return true;
    if (map->kind != NODE_MAP)
        return wrong(map, "labels must be a map of texts", err);
    for (size_t i = 0; i < map->count; i++) {
        const NodePair *pair = &map->pairs[i];
        if (!label_name_valid(pair->key))
            return fail(err, ERR_INPUT, "line %u: \"%.*s\" is not a label name",
                        (unsigned)pair->place.line, STR_ARG(str_first(pair->key, 60)));
        if (pair->value->kind == NODE_NULL)
            continue;
        if (pair->value->kind != NODE_SCALAR)
            return wrong(pair->value, "the value of a label must be a text", err);
        group->labels[group->label_count++] = (Label){ pair->key, pair->value->text };
    }
    return true;
}

static bool read_group(TargetGroup *group, const Node *map, Label source, Arena *arena, Err *err)
{
    if (map->kind != NODE_MAP)
        return wrong(map, "a group must be a map of targets and labels", err);
    const Node *targets = node_get(map, STR("targets")), *labels = node_get(map, STR("labels"));
    for (size_t i = 0; i < map->count; i++)
        if (!str_eq(map->pairs[i].key, STR("targets")) && !str_eq(map->pairs[i].key, STR("labels")))
            return fail(err, ERR_INPUT, "line %u: \"%.*s\" is neither targets nor labels",
                        (unsigned)map->pairs[i].place.line,
                        STR_ARG(str_first(map->pairs[i].key, 60)));
    size_t count = labels && labels->kind == NODE_MAP ? labels->count : 0;
    group->labels = ARENA_MAKE(arena, Label, count + 1, err);
    if (!group->labels || (targets && !read_targets(group, targets, arena, err)) ||
        (labels && !read_labels(group, labels, err)))
        return false;
    if (source.name.len)
        group->labels[group->label_count++] = source;
    return true;
}

static bool read_groups(TargetGroups *groups, const Node *root, Label source, Err *err)
{
    size_t total = 0;
    if (root->kind == NODE_NULL)
        return true;
    if (root->kind != NODE_LIST)
        return wrong(root, "must be a list of groups", err);
    groups->items = ARENA_MAKE(groups->arena, TargetGroup, root->count + 1, err);
    for (size_t i = 0; groups->items && i < root->count; i++) {
        TargetGroup *group = &groups->items[groups->count++];
        if (!read_group(group, root->items[i], source, groups->arena, err))
            return false;
        total += group->target_count;
    }
    if (total > TARGETS_MAX)
        return fail(err, ERR_LIMIT, "more than %d targets", TARGETS_MAX);
    return groups->items != NULL;
}

bool target_groups_read(TargetGroups *groups, Str text, Label source, Purse *purse, Err *err)
{
    Problems problems;
    *groups = (TargetGroups){ .arena = arena_new_in(purse, GROUPS_BYTES_MAX, err) };
    if (!groups->arena)
        return false;
    problems_init(&problems, groups->arena);
    const Node *root = yaml_parse(text, STR("targets"), groups->arena, &problems);
    bool ok = root || (!problems_ok(&problems, err) && false);
    ok = ok && (!source.name.len || arena_copy(groups->arena, source.value, &source.value, err));
    if (ok && read_groups(groups, root, source, err))
        return true;
    target_groups_done(groups);
    return false;
}

void target_groups_done(TargetGroups *groups)
{
    arena_free(groups->arena);
    *groups = (TargetGroups){ 0 };
}

/* ---- lists of lists ---- */

bool target_groups_begin(TargetGroups *groups, Purse *purse, Err *err)
{
    *groups = (TargetGroups){ .arena = arena_new_in(purse, GROUPS_BYTES_MAX, err) };
    return groups->arena != NULL;
}

static bool copy_group(TargetGroup *to, const TargetGroup *from, Arena *arena, Err *err)
{
    to->targets = ARENA_MAKE(arena, Str, from->target_count + 1, err);
    to->labels = ARENA_MAKE(arena, Label, from->label_count + 1, err);
    if (!to->targets || !to->labels)
        return false;
    for (; to->target_count < from->target_count; to->target_count++)
        if (!arena_copy(arena, from->targets[to->target_count], &to->targets[to->target_count],
                        err))
            return false;
    for (; to->label_count < from->label_count; to->label_count++) {
        const Label *label = &from->labels[to->label_count];
        Label *copy = &to->labels[to->label_count];
        if (!arena_copy(arena, label->name, &copy->name, err) ||
            !arena_copy(arena, label->value, &copy->value, err))
            return false;
    }
    return true;
}

bool target_groups_add(TargetGroups *groups, const TargetGroups *more, Err *err)
{
    size_t count = groups->count + more->count;
    TargetGroup *items = ARENA_MAKE(groups->arena, TargetGroup, count + 1, err);
    if (!items)
        return false;
    if (groups->count)
        memcpy(items, groups->items, groups->count * sizeof *items);
    groups->items = items;
    for (size_t i = 0; i < more->count; i++)
        if (!copy_group(&items[groups->count++], &more->items[i], groups->arena, err))
            return false;
    return true;
}
