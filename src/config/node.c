/* node.c - a configuration as a tree; see node.h. */
#include "config/node.h"

#include <stdio.h>
#include <string.h>

#define FOLD "::"

enum {
    FIRST_CAP = 4,
    KEYS_MAX = 4096, /* in one map: no configuration has more, and finding a key walks them */
    SHOWN_MAX = 60,  /* bytes of a text in a message */
};

Node *node_new(Arena *arena, NodeKind kind, Place place, Err *err)
{
    Node *node = ARENA_MAKE(arena, Node, 1, err);
    if (!node)
        return NULL;
    node->kind = kind;
    node->place = place;
    return node;
}

Node *node_scalar(Arena *arena, Str text, Place place, Err *err)
{
    Node *node = node_new(arena, NODE_SCALAR, place, err);
    if (!node || !arena_copy(arena, text, &node->text, err))
        return NULL;
    return node;
}

/* Room for one more element; the old array stays behind in the arena. */
static void *room(Arena *arena, Node *node, void *old, size_t size, Err *err)
{
    if (node->count < node->cap)
        return old;
    size_t cap = node->cap ? node->cap * 2 : FIRST_CAP;
    void *grown = arena_alloc(arena, cap, size, err);
    if (!grown)
        return NULL;
    if (node->count)
        memcpy(grown, old, node->count * size);
    node->cap = cap;
    return grown;
}

bool node_append(Arena *arena, Node *list, Node *item, Err *err)
{
    Node **items = room(arena, list, list->items, sizeof(Node *), err);
    if (!items)
        return false;
    list->items = items;
    list->items[list->count++] = item;
    return true;
}

static NodePair *find(const Node *map, Str key)
{
    if (!map || map->kind != NODE_MAP)
        return NULL;
    for (size_t i = 0; i < map->count; i++)
        if (str_eq(map->pairs[i].key, key))
            return &map->pairs[i];
    return NULL;
}

bool node_put(Arena *arena, Node *map, NodePair pair, Err *err)
{
    NodePair *old = find(map, pair.key);
    if (old) {
        *old = pair;
        return true;
    }
    if (map->count == KEYS_MAX)
        return fail(err, ERR_LIMIT, "more than %d keys in one map", KEYS_MAX);
    NodePair *pairs = room(arena, map, map->pairs, sizeof(NodePair), err);
    if (!pairs)
        return false;
    map->pairs = pairs;
    map->pairs[map->count++] = pair;
    return true;
}

const NodePair *node_pair(const Node *map, Str key)
{
    return find(map, key);
}

Node *node_get(const Node *map, Str key)
{
    const NodePair *pair = find(map, key);
    return pair ? pair->value : NULL;
}

Node *node_at(const Node *root, Str path, char separator)
{
    Node *node = NULL;
    for (Str key; str_split(&path, separator, &key); root = node) {
        node = node_get(root, key);
        if (!node)
            return NULL;
    }
    return node;
}

static void make_map(Node *node, Place place)
{
    *node = (Node){ .kind = NODE_MAP, .place = place };
}

bool node_set(Arena *arena, Node *root, Str path, char separator, Node *value, Err *err)
{
    Str rest, key;
    if (!arena_copy(arena, path, &rest, err))
        return false;
    for (Node *map = root; str_split(&rest, separator, &key);) {
        if (map->kind != NODE_MAP)
            make_map(map, value->place);
        Node *next = node_get(map, key);
        bool last = rest.len == 0;
        if (last || !next) {
            next = last ? value : node_new(arena, NODE_MAP, value->place, err);
            NodePair pair = { .key = key, .place = value->place, .value = next };
            if (!next || !node_put(arena, map, pair, err))
                return false;
        }
        map = next;
    }
    return true;
}

/* Where the first "::" of a key is; its length when there is none. */
static size_t fold_at(Str key)
{
    size_t at = 0;
    while (at < key.len && !str_starts(str_skip(key, at), STR(FOLD)))
        at++;
    return at;
}

/* { a: { b: value } } of the pair "a::b": value. */
static Node *unfold_pair(Arena *arena, NodePair pair, Err *err)
{
    Node *root = node_new(arena, NODE_MAP, pair.place, err), *map = root;
    for (Str rest = pair.key; root;) {
        size_t at = fold_at(rest);
        bool last = at == rest.len;
        NodePair part = { .key = str_first(rest, at), .place = pair.place };
        if (!part.key.len) {
            fail(err, ERR_INPUT, "\"%.*s\" has a part without a name",
                 STR_ARG(str_first(pair.key, SHOWN_MAX)));
            return NULL;
        }
        part.value = last ? pair.value : node_new(arena, NODE_MAP, pair.place, err);
        if (!part.value || !node_put(arena, map, part, err))
            return NULL;
        if (last)
            break;
        map = part.value;
        rest = str_skip(rest, at + sizeof FOLD - 1);
    }
    return root;
}

bool node_unfold(Arena *arena, Node *map, Err *err)
{
    bool folded = false;
    for (size_t i = 0; i < map->count; i++)
        folded = folded || fold_at(map->pairs[i].key) < map->pairs[i].key.len;
    if (!folded)
        return true;
    Node *whole = node_new(arena, NODE_MAP, map->place, err);
    for (size_t i = 0; whole && i < map->count; i++) {
        Node *over = unfold_pair(arena, map->pairs[i], err);
        if (!over || !node_merge(arena, whole, over, err))
            return false;
    }
    if (whole)
        *map = *whole;
    return whole != NULL;
}

Node *node_copy(Arena *arena, const Node *node, Err *err)
{
    Node *copy = node_new(arena, node->kind, node->place, err);
    if (!copy)
        return NULL;
    *copy = *node;
    copy->count = copy->cap = 0;
    for (size_t i = 0; i < node->count; i++) {
        const Node *from = node->kind == NODE_MAP ? node->pairs[i].value : node->items[i];
        Node *value = node_copy(arena, from, err);
        if (!value)
            return NULL;
        if (node->kind == NODE_LIST && !node_append(arena, copy, value, err))
            return NULL;
        if (node->kind == NODE_MAP) {
            NodePair pair = node->pairs[i];
            pair.value = value;
            if (!node_put(arena, copy, pair, err))
                return NULL;
        }
    }
    return copy;
}

bool node_merge(Arena *arena, Node *base, const Node *over, Err *err)
{
    if (base->kind != NODE_MAP || over->kind != NODE_MAP) {
        *base = *over;
        return true;
    }
    for (size_t i = 0; i < over->count; i++) {
        const NodePair *pair = &over->pairs[i];
        Node *old = node_get(base, pair->key);
        if (old ? !node_merge(arena, old, pair->value, err) : !node_put(arena, base, *pair, err))
            return false;
    }
    return true;
}

const char *node_describe(const Node *node, char *out, size_t size)
{
    Str shown = str_first(node->text, SHOWN_MAX);
    const char *dots = shown.len < node->text.len ? "..." : "";
    switch (node->kind) {
    case NODE_NULL: snprintf(out, size, "nothing"); break;
    case NODE_LIST: snprintf(out, size, "a list"); break;
    case NODE_MAP: snprintf(out, size, "a map"); break;
    case NODE_SCALAR:
        snprintf(out, size, "%s'%.*s%s'", node->quoted ? "the text " : "", STR_ARG(shown), dots);
        break;
    }
    return out;
}

/* --- comparing ------------------------------------------------------------------------------- */

static bool same_list(const Node *a, const Node *b)
{
    for (size_t i = 0; i < a->count; i++)
        if (!node_same(a->items[i], b->items[i]))
            return false;
    return true;
}

/* Keys are unique, so as many that are all found are the same. */
static bool same_map(const Node *a, const Node *b)
{
    for (size_t i = 0; i < a->count; i++) {
        const NodePair *other = node_pair(b, a->pairs[i].key);
        if (!other || !node_same(a->pairs[i].value, other->value))
            return false;
    }
    return true;
}

bool node_same(const Node *a, const Node *b)
{
    NodeKind kind = a ? a->kind : NODE_NULL;
    if (kind != (b ? b->kind : NODE_NULL))
        return false;
    switch (kind) {
    case NODE_NULL: return true;
    case NODE_SCALAR:
        return a->quoted == b->quoted && str_eq(a->text, b->text) && str_eq(a->raw, b->raw);
    case NODE_LIST: return a->count == b->count && same_list(a, b);
    case NODE_MAP: return a->count == b->count && same_map(a, b);
    }
    return false;
}
