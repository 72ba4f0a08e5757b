/* resource_processor.c - inserts, updates and deletes attributes of resources.
 *
 * The actions are a list; each sees what those before it left. A batch never changes: the actions
 * become edits over it (otlp/edit.h), so only the resources' few bytes are written anew, and where
 * nothing applies the batch itself goes on.
 */
#include "otlp/batch.h"
#include "otlp/edit.h"
#include "pipe/host.h"

enum { EDITS_BYTES_MAX = 64 << 20 }; /* of one batch; as large as what receivers take */

typedef enum Action { INSERT, UPDATE, UPSERT, DELETE } Action;

/* The public Collector's further actions are names too, so that they are refused by name. */
static const char *const action_names[] = { "insert", "update",  "upsert",  "delete",
                                            "hash",   "extract", "convert", NULL };

typedef struct Step {
    Str key, from_attribute;
    int action;
    const Node *value;
} Step;

typedef struct StepList {
    Step *items;
    size_t count;
} StepList;

typedef struct Resource {
    Component base;
    StepList attributes;
} Resource;

static bool check_action(Str name, Err *err)
{
    for (size_t i = DELETE + 1; action_names[i]; i++)
        if (str_eq_nocase(name, str_from(action_names[i])))
            return fail(err, ERR_UNSUPPORTED, "action \"%s\": not supported yet; it comes later",
                        action_names[i]);
    return true;
}

static const ConfigField step_fields[] = {
    TEXT(Step, key, REQUIRED, "The attribute to change."),
    CHOICE(Step, action, REQUIRED, action_names,
           "insert where it is missing, update where it is there, upsert both, or delete.",
           .check = check_action),
    ANY(Step, value, "What it becomes: text, a number, true or false."),
    TEXT(Step, from_attribute, "", "Take the value of this attribute instead."),
    LATER("from_context", "values from request headers"),
    LATER("pattern", "actions by pattern"),
    LATER("converted_type", "the action convert"),
    { 0 },
};

static const ConfigField fields[] = {
    SECTION_LIST(Resource, attributes, Step, step_fields, "The actions, in this order."),
    { 0 },
};

/* --- settings -------------------------------------------------------------------------------- */

static bool has_value(const Step *step)
{
    return step->value && step->value->kind != NODE_NULL;
}

static bool looks_like_number(Str text)
{
    Str digits =
        str_starts(text, STR("-")) || str_starts(text, STR("+")) ? str_skip(text, 1) : text;
    digits = str_starts(digits, STR(".")) ? str_skip(digits, 1) : digits;
    return digits.len && digits.ptr[0] >= '0' && digits.ptr[0] <= '9';
}

/* A scalar as YAML reads it: quotes make text, what looks like a number is one. */
static ValueView value_of(const Node *node)
{
    ValueView value = { .kind = VALUE_STRING, .text = node->text };
    int64_t integer;
    double real;
    if (node->quoted)
        return value;
    bool yes = str_eq(node->text, STR("true"));
    if (yes || str_eq(node->text, STR("false")))
        return (ValueView){ .kind = VALUE_BOOL, .boolean = yes };
    if (str_to_i64(node->text, &integer))
        return (ValueView){ .kind = VALUE_INT, .integer = integer };
    if (looks_like_number(node->text) && str_to_double(node->text, &real))
        return (ValueView){ .kind = VALUE_DOUBLE, .real = real };
    return value;
}

static bool check_step(const Step *step, Err *err)
{
    bool from = step->from_attribute.len > 0;
    if (!step->key.len)
        return fail(err, ERR_INPUT, "key must not be empty");
    if (has_value(step) && step->value->kind != NODE_SCALAR)
        return fail(err, ERR_UNSUPPORTED,
                    "lists and maps as value: not supported yet; "
                    "they come later");
    if (step->action == DELETE && (has_value(step) || from))
        return fail(err, ERR_INPUT, "delete takes neither value nor from_attribute");
    if (step->action != DELETE && !has_value(step) && !from)
        return fail(err, ERR_INPUT,
                    "either field \"value\" or \"from_attribute\" must be specified");
    if (has_value(step) && from)
        return fail(err, ERR_INPUT, "value and from_attribute exclude each other");
    return true;
}

static bool resource_check(const void *self, Err *err)
{
    const Resource *resource = self;
    if (!resource->attributes.count)
        return fail(err, ERR_INPUT, "missing required field \"attributes\"");
    for (size_t i = 0; i < resource->attributes.count; i++)
        if (!check_step(&resource->attributes.items[i], err))
            return blame(err, "attributes[%zu]", i);
    return true;
}

/* --- work ------------------------------------------------------------------------------------ */

static bool apply(const Step *step, Edits *edits, size_t number, Err *err)
{
    ValueView old;
    bool exists = edits_find(edits, EDIT_RESOURCE, number, step->key, &old);
    if (step->action == DELETE)
        return !exists || edits_remove(edits, EDIT_RESOURCE, number, step->key, err);
    if ((step->action == INSERT && exists) || (step->action == UPDATE && !exists))
        return true;
    AttributeView attribute = { .key = step->key };
    if (has_value(step))
        attribute.value = value_of(step->value);
    else if (!edits_find(edits, EDIT_RESOURCE, number, step->from_attribute, &attribute.value))
        return true;
    return edits_set(edits, EDIT_RESOURCE, number, &attribute, err);
}

static bool apply_all(const Resource *resource, const Batch *batch, Edits *edits, Err *err)
{
    for (size_t number = 0; number < batch_resource_count(batch); number++)
        for (size_t i = 0; i < resource->attributes.count; i++)
            if (!apply(&resource->attributes.items[i], edits, number, err))
                return false;
    return true;
}

static bool resource_consume(void *self, const Parcel *parcel, Err *err)
{
    const Resource *resource = self;
    Batch *changed = NULL;
    Edits *edits = edits_new(parcel->batch, EDITS_BYTES_MAX, err);
    if (edits && apply_all(resource, parcel->batch, edits, err))
        changed = edits_apply(edits, err);
    edits_free(edits);
    if (!changed)
        return blame(err, "changing resources");
    Parcel onward = { .batch = changed, .ack = parcel->ack };
    bool taken = host_send(resource->base.host, &onward, err);
    batch_unref(changed);
    return taken;
}

const ComponentType resource_processor = {
    .name = "resource",
    .summary = "Inserts, updates and deletes attributes of resources.",
    .kind = PROCESSOR,
    .stability = BETA,
    .placement = SHARDED,
    .signals = ALL_SIGNALS,
    .size = sizeof(Resource),
    .fields = fields,
    .check = resource_check,
    .consume = resource_consume,
};
