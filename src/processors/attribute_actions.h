/* attribute_actions.h - the actions over attributes that `attributes` and `resource` share.
 *
 * A list of steps, each of which sees what those before it left:
 *
 *     insert     where the key is missing          value, from_attribute or from_context
 *     update     where it is there
 *     upsert     either way
 *     delete     the key, and all that the pattern matches
 *     hash       the same; a value becomes its SHA-256 in hexadecimal
 *     extract    what the named groups of the pattern find in the key's text, each upserted
 *     convert    into int, double or string        converted_type; what cannot be read stays
 *
 * from_context is `metadata.x` (or just x: a request header), `auth.x` (what an authenticator found
 * out) or `client.address`; several values are joined with ';'. It needs a receiver that remembers
 * who sent the data (include_metadata, or an authenticator). Where what is asked for is missing,
 * default_value stands in for it; without one the step does nothing. Hashed are the bytes of a
 * text, one byte of a boolean, eight of a number (the lowest first); anything else becomes the
 * empty text.
 */
#ifndef PROCESSORS_ATTRIBUTE_ACTIONS_H
#define PROCESSORS_ATTRIBUTE_ACTIONS_H

#include "base/attributes.h"
#include "config/field.h"
#include "otlp/edit.h"
#include "pipe/client_info.h"
#include "regex/regex.h"

typedef struct ActionStep {
    Str key, from_attribute, from_context, converted_type, pattern;
    int action;
    const Node *value, *default_value;
} ActionStep;

typedef struct ActionList {
    ActionStep *items;
    size_t count;
    Regex **patterns; /* state: of each step; NULL: it has none */
    Buf *lists;       /* of each step's value and default_value: a list or map as OTLP has it */
} ActionList;

extern const ConfigField action_fields[]; /* for SECTION_LIST(T, m, ActionStep, action_fields) */

/* The rules across keys. name: what the user calls the list. */
CHECKED bool actions_check(const ActionList *actions, const char *name, Err *err);

/* Compiles the patterns; undone by actions_close, which may be called at any time. */
CHECKED bool actions_open(ActionList *actions, Err *err);
void actions_close(ActionList *actions);

typedef struct ActionSpot { /* whose attributes */
    const Batch *batch;
    Edits *edits; /* over it */
    EditTarget target;
    size_t number;
    const ClientInfo *client; /* who sent it; NULL: nobody knows */
} ActionSpot;

CHECKED bool actions_apply(const ActionList *actions, const ActionSpot *spot, Err *err);

/* A scalar as YAML reads it: quotes make text, what looks like a number is one. */
ValueView node_value(const Node *node);
bool node_is_given(const Node *node); /* not missing and not null */

#endif
