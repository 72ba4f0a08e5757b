/* json_tree.c - see json_tree.h. Recursion is bounded by the reader's depth. */
#include "codec/json_tree.h"

#include "codec/json_number.h"

typedef struct Growing { /* a tree under way */
    JsonReader json;
    Arena *arena;
    Err *err;
} Growing;

static bool grow(Growing *tree, JsonValue *value);

static bool keep_text(Growing *tree, Str text, Str *out)
{
    return arena_copy(tree->arena, text, out, tree->err);
}

static bool grow_child(Growing *tree, JsonValue *parent, Str key, const JsonValue ***end)
{
    JsonValue *child = ARENA_MAKE(tree->arena, JsonValue, 1, tree->err);
    if (!child || !keep_text(tree, key, &child->key) || !grow(tree, child))
        return false;
    **end = child;
    *end = &child->next;
    parent->count++;
    return true;
}

static bool grow_object(Growing *tree, JsonValue *value)
{
    const JsonValue **end = &value->first;
    Str key;
    if (!json_read_object(&tree->json))
        return false;
    while (json_read_key(&tree->json, &key))
        if (!grow_child(tree, value, key, &end))
            return false;
    return true;
}

static bool grow_array(Growing *tree, JsonValue *value)
{
    const JsonValue **end = &value->first;
    if (!json_read_array(&tree->json))
        return false;
    while (json_read_element(&tree->json))
        if (!grow_child(tree, value, (Str){ NULL, 0 }, &end))
            return false;
    return true;
}

/* False: err is set, or the reader has failed and knows why. */
static bool grow(Growing *tree, JsonValue *value)
{
    Str text;
    value->kind = json_peek(&tree->json);
    switch (value->kind) {
    case JSON_OBJECT: return grow_object(tree, value);
    case JSON_ARRAY: return grow_array(tree, value);
    case JSON_TEXT:
        return json_read_text(&tree->json, &text) && keep_text(tree, text, &value->text);
    case JSON_NUMBER:
        return json_read_number(&tree->json, &text) && keep_text(tree, text, &value->text);
    case JSON_BOOL: return json_read_bool(&tree->json, &value->yes);
    case JSON_NULL: return json_read_null(&tree->json);
    case JSON_NO_VALUE: return json_skip(&tree->json); /* which fails, and says why */
    }
    return false;
}

const JsonValue *json_tree(Str text, Arena *arena, Err *err)
{
    Err starved = { 0 };
    Growing tree = { .json = json_reader(text), .arena = arena, .err = &starved };
    JsonValue *root = ARENA_MAKE(arena, JsonValue, 1, &starved);
    bool good = root && grow(&tree, root);
    if (starved.kind != ERR_NONE)
        *err = starved;
    else
        good = json_read_end(&tree.json, err) && good;
    json_reader_done(&tree.json);
    return good ? root : NULL;
}

const JsonValue *json_member(const JsonValue *object, Str key)
{
    const JsonValue *child = object && object->kind == JSON_OBJECT ? object->first : NULL;
    while (child && !str_eq(child->key, key))
        child = child->next;
    return child;
}

const JsonValue *json_element(const JsonValue *array, size_t index)
{
    const JsonValue *child = array && array->kind == JSON_ARRAY ? array->first : NULL;
    for (; child && index > 0; index--)
        child = child->next;
    return child;
}

Str json_text_of(const JsonValue *value)
{
    bool has = value && (value->kind == JSON_TEXT || value->kind == JSON_NUMBER);
    return has ? value->text : (Str){ NULL, 0 };
}

double json_double_of(const JsonValue *value)
{
    double number;
    Str text = json_text_of(value);
    if (json_number_double(text, &number) || str_to_double(text, &number))
        return number;
    return 0;
}

int64_t json_i64_of(const JsonValue *value)
{
    int64_t number;
    return json_number_i64(json_text_of(value), &number) ? number : 0;
}
