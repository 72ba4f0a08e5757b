/* attribute_actions.h - the actions over attributes that `attributes` and `resource` share.
 *
 * A list of steps, each of which sees what those before it left:
 *
 *     insert     where the key is missing          value or from_attribute
 *     update     where it is there
 *     upsert     either way
 *     delete
 *     convert    into int, double or string        converted_type; what cannot be read stays
 *
 * A from_attribute that is missing makes the step do nothing. hash, extract, patterns and values
 * from requests come later and are refused by name.
 */
#ifndef PROCESSORS_ATTRIBUTE_ACTIONS_H
#define PROCESSORS_ATTRIBUTE_ACTIONS_H

#include "base/attributes.h"
#include "config/field.h"
#include "otlp/edit.h"

typedef struct ActionStep {
    Str key, from_attribute, converted_type;
    int action;
    const Node *value;
} ActionStep;

typedef struct ActionList {
    ActionStep *items;
    size_t count;
} ActionList;

extern const ConfigField action_fields[]; /* for SECTION_LIST(T, m, ActionStep, action_fields) */

/* The rules across keys. name: what the user calls the list. */
CHECKED bool actions_check(const ActionList *actions, const char *name, Err *err);

CHECKED bool actions_apply(const ActionList *actions, Edits *edits, EditTarget target,
                           size_t number, Err *err);

/* A scalar as YAML reads it: quotes make text, what looks like a number is one. */
ValueView node_value(const Node *node);
bool node_is_given(const Node *node); /* not missing and not null */

#endif
