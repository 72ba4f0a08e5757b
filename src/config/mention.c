/* mention.c - where in a tree stands what a message speaks of; see mention.h. */
#include "config/mention.h"

enum { MENTION_LEAST = 5, KEY_LEAST = 3 };

typedef struct Search {
    Str message;
    size_t value_len, key_len; /* of the best so far */
    Place value, key;
} Search;

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* As a word of its own: "cert" is not in "cert_file". */
static bool names(Str message, Str word)
{
    for (size_t i = 0; i + word.len <= message.len; i++) {
        Str rest = str_skip(message, i);
        bool begins = i == 0 || !is_word(message.ptr[i - 1]);
        bool ends = i + word.len == message.len || !is_word(message.ptr[i + word.len]);
        if (begins && ends && str_starts(rest, word))
            return true;
    }
    return false;
}

static void search(Search *into, const Node *node)
{
    if (node->kind == NODE_SCALAR && node->text.len >= MENTION_LEAST &&
        node->text.len > into->value_len && names(into->message, node->text)) {
        into->value_len = node->text.len;
        into->value = node->place;
    }
    for (size_t i = 0; i < node->count; i++) {
        const Node *value = node->kind == NODE_MAP ? node->pairs[i].value : node->items[i];
        if (node->kind == NODE_MAP) {
            Str key = node->pairs[i].key;
            bool better = key.len >= KEY_LEAST && key.len > into->key_len;
            if (better && names(into->message, key)) {
                into->key_len = key.len;
                into->key = node->pairs[i].place;
            }
        }
        search(into, value);
    }
}

Place node_mentioned(const Node *tree, Str message, Place otherwise)
{
    Search found = { .message = message };
    if (tree)
        search(&found, tree);
    return found.value_len ? found.value : found.key_len ? found.key : otherwise;
}
