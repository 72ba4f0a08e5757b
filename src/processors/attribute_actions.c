/* attribute_actions.c - see attribute_actions.h. */
#include "processors/attribute_actions.h"

#include "otlp/batch.h"
#include "otlp/value_text.h"

typedef enum Action { INSERT, UPDATE, UPSERT, DELETE, CONVERT } Action;

/* The public Collector's further actions are names too, so that they are refused by name. */
static const char *const action_names[] = { "insert",  "update", "upsert",  "delete",
                                            "convert", "hash",   "extract", NULL };

static bool check_action(Str name, Err *err)
{
    for (size_t i = CONVERT + 1; action_names[i]; i++)
        if (str_eq_nocase(name, str_from(action_names[i])))
            return fail(err, ERR_UNSUPPORTED, "action \"%s\": not supported yet; it comes later",
                        action_names[i]);
    return true;
}

static bool check_converted_type(Str name, Err *err)
{
    if (!name.len || str_eq(name, STR("int")) || str_eq(name, STR("double")) ||
        str_eq(name, STR("string")))
        return true;
    return fail(err, ERR_INPUT, "\"%.*s\" is none of int, double, string", STR_ARG(name));
}

const ConfigField action_fields[] = {
    TEXT(ActionStep, key, REQUIRED, "The attribute to change."),
    CHOICE(ActionStep, action, REQUIRED, action_names,
           "insert where it is missing, update where it is there, upsert both, delete, or convert.",
           .check = check_action),
    ANY(ActionStep, value, "What it becomes: text, a number, true or false."),
    TEXT(ActionStep, from_attribute, "", "Take the value of this attribute instead."),
    TEXT(ActionStep, converted_type, "", "Of convert: int, double or string.",
         .check = check_converted_type),
    LATER("from_context", "values from request headers"),
    LATER("pattern", "actions by pattern"),
    { 0 },
};

/* --- settings -------------------------------------------------------------------------------- */

bool node_is_given(const Node *node)
{
    return node && node->kind != NODE_NULL;
}

static bool looks_like_number(Str text)
{
    Str digits =
        str_starts(text, STR("-")) || str_starts(text, STR("+")) ? str_skip(text, 1) : text;
    digits = str_starts(digits, STR(".")) ? str_skip(digits, 1) : digits;
    return digits.len && digits.ptr[0] >= '0' && digits.ptr[0] <= '9';
}

ValueView node_value(const Node *node)
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

static bool check_convert(const ActionStep *step, Err *err)
{
    if (node_is_given(step->value) || step->from_attribute.len)
        return fail(err, ERR_INPUT, "convert takes neither value nor from_attribute");
    return step->converted_type.len || fail(err, ERR_INPUT, "convert needs converted_type");
}

static bool check_step(const ActionStep *step, Err *err)
{
    bool from = step->from_attribute.len > 0, given = node_is_given(step->value);
    if (!step->key.len)
        return fail(err, ERR_INPUT, "key must not be empty");
    if (given && step->value->kind != NODE_SCALAR)
        return fail(err, ERR_UNSUPPORTED,
                    "lists and maps as value: not supported yet; "
                    "they come later");
    if (step->action == CONVERT)
        return check_convert(step, err);
    if (step->converted_type.len)
        return fail(err, ERR_INPUT, "only convert takes converted_type");
    if (step->action == DELETE && (given || from))
        return fail(err, ERR_INPUT, "delete takes neither value nor from_attribute");
    if (step->action != DELETE && !given && !from)
        return fail(err, ERR_INPUT,
                    "either field \"value\" or \"from_attribute\" must be specified");
    if (given && from)
        return fail(err, ERR_INPUT, "value and from_attribute exclude each other");
    return true;
}

bool actions_check(const ActionList *actions, const char *name, Err *err)
{
    if (!actions->count)
        return fail(err, ERR_INPUT, "missing required field \"%s\"", name);
    for (size_t i = 0; i < actions->count; i++)
        if (!check_step(&actions->items[i], err))
            return blame(err, "%s[%zu]", name, i);
    return true;
}

/* --- converting ------------------------------------------------------------------------------ */

/* False: it cannot be one. */
static bool to_int(const ValueView *value, int64_t *out)
{
    const double edge = 9223372036854775808.0; /* 2^63 */
    if (value->kind == VALUE_STRING)
        return str_to_i64(value->text, out);
    if (value->kind == VALUE_DOUBLE && value->real >= -edge && value->real < edge)
        *out = (int64_t)value->real;
    else if (value->kind == VALUE_BOOL)
        *out = value->boolean;
    else
        return false;
    return true;
}

static bool to_double(const ValueView *value, double *out)
{
    if (value->kind == VALUE_STRING)
        return str_to_double(value->text, out);
    if (value->kind == VALUE_INT)
        *out = (double)value->integer;
    else if (value->kind == VALUE_BOOL)
        *out = value->boolean;
    else
        return false;
    return true;
}

/* Text as value_text.h has it is put into `text`. False: the value stays as it is. */
static bool convert_value(Str type, const ValueView *old, Buf *text, ValueView *out)
{
    if (str_eq(type, STR("string"))) {
        value_text(old, text);
        *out = (ValueView){ .kind = VALUE_STRING, .text = buf_str(text) };
        return old->kind != VALUE_STRING;
    }
    if (str_eq(type, STR("int"))) {
        out->kind = VALUE_INT;
        return to_int(old, &out->integer);
    }
    out->kind = VALUE_DOUBLE;
    return to_double(old, &out->real);
}

/* --- work ------------------------------------------------------------------------------------ */

typedef struct Spot {
    Edits *edits;
    EditTarget target;
    size_t number;
} Spot;

static bool convert(const ActionStep *step, const Spot *spot, const ValueView *old, Err *err)
{
    Buf text = BUF(BATCH_BYTES_MAX);
    AttributeView attribute = { .key = step->key };
    bool good = true;
    if (convert_value(step->converted_type, old, &text, &attribute.value))
        good = buf_ok(&text, err) &&
               edits_set(spot->edits, spot->target, spot->number, &attribute, err);
    buf_free(&text);
    return good;
}

static bool apply(const ActionStep *step, const Spot *spot, Err *err)
{
    ValueView old;
    bool exists = edits_find(spot->edits, spot->target, spot->number, step->key, &old);
    if (step->action == DELETE)
        return !exists || edits_remove(spot->edits, spot->target, spot->number, step->key, err);
    if (step->action == CONVERT)
        return !exists || convert(step, spot, &old, err);
    if ((step->action == INSERT && exists) || (step->action == UPDATE && !exists))
        return true;
    AttributeView attribute = { .key = step->key };
    if (node_is_given(step->value))
        attribute.value = node_value(step->value);
    else if (!edits_find(spot->edits, spot->target, spot->number, step->from_attribute,
                         &attribute.value))
        return true;
    return edits_set(spot->edits, spot->target, spot->number, &attribute, err);
}

bool actions_apply(const ActionList *actions, Edits *edits, EditTarget target, size_t number,
                   Err *err)
{
    const Spot spot = { edits, target, number };
    for (size_t i = 0; i < actions->count; i++)
        if (!apply(&actions->items[i], &spot, err))
            return false;
    return true;
}
