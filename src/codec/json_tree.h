/* json_tree.h - a JSON document as a tree in an arena: for small answers that are looked at here
 * and there. What is read once, from one end to the other, is better read with json_reader.h.
 */
#ifndef CODEC_JSON_TREE_H
#define CODEC_JSON_TREE_H

#include "base/arena.h"
#include "codec/json_reader.h"

typedef struct JsonValue JsonValue;
struct JsonValue {
    JsonKind kind;
    Str key;                       /* of an object's member */
    Str text;                      /* of a text, unescaped; of a number its letters */
    bool yes;                      /* of a bool */
    const JsonValue *first, *next; /* members or elements, in order; the sibling behind this one */
    size_t count;
};

/* NULL: ERR_INPUT says where it is no JSON, or deeper than JSON_READ_DEPTH; ERR_LIMIT: larger than
 * the arena. Texts are copied. */
CHECKED const JsonValue *json_tree(Str text, Arena *arena, Err *err);

/* All of these take NULL for a value that is not there. */
const JsonValue *json_member(const JsonValue *object, Str key); /* the first of that key */
const JsonValue *json_element(const JsonValue *array, size_t index);
Str json_text_of(const JsonValue *value);      /* of a text or a number; else empty */
double json_double_of(const JsonValue *value); /* a number, also one in a text; else 0 */
int64_t json_i64_of(const JsonValue *value);   /* likewise */

#endif
