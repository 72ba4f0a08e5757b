/* node.h - a configuration as a tree: what the user wrote and where, before anybody interprets it.
 *
 * A file (yaml.h), the environment or code builds it; expand.h replaces ${...} in it; config_load()
 * (field.h) turns it into structs. All of it lives in one Arena, whose limit bounds it. A key that
 * is missing has no pair; a key that is present without a value has a pair with NODE_NULL.
 *
 * A tree belongs to one thread. Functions that add to it take the arena of the tree.
 */
#ifndef CONFIG_NODE_H
#define CONFIG_NODE_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "base/str.h"
#include "config/place.h"

typedef enum NodeKind { NODE_NULL, NODE_SCALAR, NODE_LIST, NODE_MAP } NodeKind;

typedef struct Node Node;

typedef struct NodePair {
    Str key;
    Place place; /* the key's */
    Node *value; /* never NULL */
} NodePair;

struct Node {
    NodeKind kind;
    bool quoted; /* scalar: its quotes (or block style) say that it is text, whatever it looks like
                  */
    Place place;
    Str text;   /* scalar */
    Str origin; /* "${env:NAME}", when the value came from there; else empty */
    Str raw;    /* with an origin: the value before it was read as YAML; what text fields get */
    size_t count, cap;
    union {
        Node **items;    /* list */
        NodePair *pairs; /* map, in the order written */
    };
};

/* Builders, for --set, the environment and tests. NULL or false: the arena said no (err). Texts are
 * copied into the arena; a plain scalar fits whatever type the field has. */
CHECKED Node *node_new(Arena *arena, NodeKind kind, Place place, Err *err);
CHECKED Node *node_scalar(Arena *arena, Str text, Place place, Err *err);
CHECKED bool node_append(Arena *arena, Node *list, Node *item, Err *err);
CHECKED bool node_put(Arena *arena, Node *map, NodePair pair,
                      Err *err); /* replaces; key borrowed */

/* Sets the value at keys separated by `separator` ("tracing.collector.host", '.'), making maps on
 * the way; a null on the way becomes a map, a scalar or list is replaced. */
CHECKED bool node_set(Arena *arena, Node *root, Str path, char separator, Node *value, Err *err);

/* Keys such as "receivers::otlp::protocols", of the map itself but not of those in it, become maps
 * in maps, each laid over what is there already; a map only. */
CHECKED bool node_unfold(Arena *arena, Node *map, Err *err);

CHECKED Node *node_copy(Arena *arena, const Node *node, Err *err);

/* Lays `over` upon `base`: maps merge key by key, everything else is replaced, a null wipes what
 * was there. `base` takes over the nodes of `over`; both must live in `arena`. */
CHECKED bool node_merge(Arena *arena, Node *base, const Node *over, Err *err);

/* The same was written, wherever it stands; the order of a map does not matter. NULL is nothing. */
bool node_same(const Node *a, const Node *b);

/* NULL: not a map, or the key is missing. */
const NodePair *node_pair(const Node *map, Str key);
Node *node_get(const Node *map, Str key);
Node *node_at(const Node *root, Str path, char separator); /* walks maps only */

/* For the end of a message, "%s%.*s%s": " (from ${env:NAME})", or nothing at all. */
#define ORIGIN_FORMAT      "%s%.*s%s"
#define ORIGIN_ARG(origin) (origin).len ? " (from " : "", STR_ARG(origin), (origin).len ? ")" : ""

/* "a list", "a map", "nothing", "text 'abc'": for messages. Writes at most size bytes. */
const char *node_describe(const Node *node, char *out, size_t size);

#endif
