/* attribute_actions.c - see attribute_actions.h. */
#include "processors/attribute_actions.h"

#include "base/mem.h"
#include "base/sha256.h"
#include "codec/wire.h"
#include "otlp/batch.h"
#include "otlp/encode.h"
#include "otlp/value_text.h"

typedef enum Action { INSERT, UPDATE, UPSERT, DELETE, CONVERT, HASH, EXTRACT } Action;

static const char *const action_names[] = { "insert",  "update", "upsert",  "delete",
                                            "convert", "hash",   "extract", NULL };

static bool check_converted_type(Str name, Err *err)
{
    if (!name.len || str_eq(name, STR("int")) || str_eq(name, STR("double")) ||
        str_eq(name, STR("string")))
        return true;
    return fail(err, ERR_INPUT, "\"%.*s\" is none of int, double, string", STR_ARG(name));
}

const ConfigField action_fields[] = {
    TEXT(ActionStep, key, "", "The attribute to change."),
    CHOICE(ActionStep, action, REQUIRED, action_names,
           "insert where it is missing, update where it is there, upsert both; delete, convert, "
           "hash or extract."),
    ANY(ActionStep, value, "What it becomes: text, a number, true or false, a list or a map."),
    TEXT(ActionStep, from_attribute, "", "Take the value of this attribute instead."),
    TEXT(ActionStep, from_context, "",
         "Take it from who sent the data: metadata.NAME, auth.NAME or client.address (the receiver "
         "needs include_metadata, or an authenticator)."),
    ANY(ActionStep, default_value, "What it becomes where the attribute or sender has none."),
    TEXT(ActionStep, converted_type, "", "Of convert: int, double or string.",
         .check = check_converted_type),
    TEXT(ActionStep, pattern, "",
         "Of delete and hash: all attributes whose key it matches; of extract: what to find."),
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

static size_t sources_of(const ActionStep *step)
{
    return (size_t)node_is_given(step->value) + (step->from_attribute.len > 0) +
           (step->from_context.len > 0);
}

static bool check_convert(const ActionStep *step, Err *err)
{
    if (sources_of(step))
        return fail(err, ERR_INPUT, "convert takes neither value nor from_attribute");
    return step->converted_type.len || fail(err, ERR_INPUT, "convert needs converted_type");
}

/* Every group has a name, which becomes an attribute. */
static bool check_groups(const Regex *pattern, Err *err)
{
    size_t groups = regex_groups(pattern);
    if (groups < 2)
        return fail(err, ERR_INPUT, "extract needs a pattern with at least one group");
    for (size_t i = 1; i < groups; i++)
        if (!regex_group_name(pattern, i).len)
            return fail(err, ERR_INPUT, "group %zu of the pattern has no name: (?P<name>...)", i);
    return groups <= REGEX_GROUPS_MAX ||
           fail(err, ERR_LIMIT, "more than %d groups", REGEX_GROUPS_MAX - 1);
}

static bool compile(const ActionStep *step, Regex **out, Err *err)
{
    *out = NULL;
    if (!step->pattern.len)
        return true;
    *out = regex_new(step->pattern, REGEX_SEARCH, err);
    return *out != NULL;
}

static bool check_pattern(const ActionStep *step, Err *err)
{
    Regex *pattern;
    bool good = compile(step, &pattern, err);
    if (good && step->action == EXTRACT)
        good =
            pattern ? check_groups(pattern, err) : fail(err, ERR_INPUT, "extract needs a pattern");
    regex_free(pattern);
    return good;
}

static bool takes_pattern(const ActionStep *step)
{
    return step->action == DELETE || step->action == HASH || step->action == EXTRACT;
}

static bool check_value(const ActionStep *step, Err *err)
{
    size_t sources = sources_of(step);
    if (takes_pattern(step) && sources)
        return fail(err, ERR_INPUT, "%s takes neither value nor from_attribute",
                    action_names[step->action]);
    if (!takes_pattern(step) && !sources && !node_is_given(step->default_value))
        return fail(err, ERR_INPUT,
                    "either field \"value\", \"from_attribute\" or \"from_context\" must be "
                    "specified");
    if (sources > 1)
        return fail(err, ERR_INPUT, "value, from_attribute and from_context exclude each other");
    return true;
}

static bool check_step(const ActionStep *step, Err *err)
{
    bool keyless = step->pattern.len && (step->action == DELETE || step->action == HASH);
    if (!step->key.len && !keyless)
        return fail(err, ERR_INPUT, "key must not be empty");
    if (step->pattern.len && !takes_pattern(step))
        return fail(err, ERR_INPUT, "%s takes no pattern", action_names[step->action]);
    if (step->action == CONVERT)
        return check_convert(step, err);
    if (step->converted_type.len)
        return fail(err, ERR_INPUT, "only convert takes converted_type");
    return check_value(step, err) && check_pattern(step, err);
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

/* --- values ---------------------------------------------------------------------------------- */

static ValueKind kind_of(const Node *node)
{
    return node->kind == NODE_LIST ? VALUE_ARRAY : VALUE_KVLIST;
}

/* The elements of a list, the members of a map, as their OTLP message has them. As deep as a
 * configuration can be. */
static void write_list(const Node *node, Buf *out)
{
    for (size_t i = 0; i < node->count; i++) {
        const Node *item = node->kind == NODE_LIST ? node->items[i] : node->pairs[i].value;
        Buf inner = BUF(BATCH_BYTES_MAX);
        ValueView value = { .kind = VALUE_EMPTY };
        if (item->kind == NODE_SCALAR) {
            value = node_value(item);
        } else if (item->kind != NODE_NULL) {
            write_list(item, &inner);
            value = (ValueView){ .kind = kind_of(item), .text = buf_str(&inner) };
        }
        out->failed = out->failed || inner.failed;
        if (node->kind == NODE_LIST)
            encode_element(out, &value);
        else
            encode_attribute(out, 1, node->pairs[i].key, &value);
        buf_free(&inner);
    }
}

static bool open_list(const Node *node, Buf *out, Err *err)
{
    *out = BUF(BATCH_BYTES_MAX);
    if (node_is_given(node) && node->kind != NODE_SCALAR)
        write_list(node, out);
    return buf_ok(out, err);
}

/* list: the one that open_list() made of it. */
static ValueView value_of(const Node *node, const Buf *list)
{
    return node->kind == NODE_SCALAR ? node_value(node)
                                     : (ValueView){ .kind = kind_of(node), .text = buf_str(list) };
}

/* All that the sender has under that name, with ';' between. False: nothing. */
static bool join_part(const ClientInfo *client, ClientPart part, Str name, Buf *out)
{
    size_t found = 0;
    for (size_t i = 0; i < client_info_count(client, part); i++) {
        HttpField field = client_info_at(client, part, i);
        if (!str_eq_nocase(field.name, name))
            continue;
        if (found++)
            buf_add_byte(out, ';');
        buf_add(out, field.value);
    }
    return found > 0;
}

/* Without the port, and without the brackets around an IPv6 address. */
static bool add_address(const ClientInfo *client, Buf *out)
{
    Str address = client_info_address(client), host = address;
    while (host.len && host.ptr[host.len - 1] != ':')
        host.len--;
    if (host.len)
        host.len--;
    else
        host = address;
    if (str_starts(host, STR("[")) && str_ends(host, STR("]")))
        host = (Str){ host.ptr + 1, host.len - 2 };
    buf_add(out, host);
    return host.len > 0;
}

static bool from_context(const ClientInfo *client, Str name, Buf *out)
{
    Str metadata = STR("metadata."), auth = STR("auth.");
    if (!client)
        return false;
    if (str_eq(name, STR("client.address")))
        return add_address(client, out);
    if (str_starts(name, auth))
        return join_part(client, CLIENT_AUTH, str_skip(name, auth.len), out);
    return join_part(client, CLIENT_METADATA,
                     str_starts(name, metadata) ? str_skip(name, metadata.len) : name, out);
}

/* --- work ------------------------------------------------------------------------------------ */

static bool set(const ActionSpot *spot, Str key, const ValueView *value, Err *err)
{
    const AttributeView attribute = { .key = key, .value = *value };
    return edits_set(spot->edits, spot->target, spot->number, &attribute, err);
}

static bool find(const ActionSpot *spot, Str key, ValueView *out)
{
    return edits_find(spot->edits, spot->target, spot->number, key, out);
}

static bool convert(const ActionStep *step, const ActionSpot *spot, const ValueView *old, Err *err)
{
    Buf text = BUF(BATCH_BYTES_MAX);
    ValueView value;
    bool good = true;
    if (convert_value(step->converted_type, old, &text, &value))
        good = buf_ok(&text, err) && set(spot, step->key, &value, err);
    buf_free(&text);
    return good;
}

/* The bytes that stand for it; false: there are none. */
static bool hashed_bytes(const ValueView *value, char room[8], Str *out)
{
    *out = (Str){ room, 8 };
    switch (value->kind) {
    case VALUE_STRING: *out = value->text; return true;
    case VALUE_BOOL:
        room[0] = value->boolean;
        out->len = 1;
        return true;
    case VALUE_INT: wire_put_u64(room, (uint64_t)value->integer); return true;
    case VALUE_DOUBLE: wire_put_u64(room, wire_double_bits(value->real)); return true;
    case VALUE_EMPTY:
    case VALUE_BYTES:
    case VALUE_ARRAY:
    case VALUE_KVLIST: break;
    }
    return false;
}

static bool hash(const ActionSpot *spot, Str key, Err *err)
{
    ValueView value;
    uint8_t sum[SHA256_SIZE];
    char room[8], hex[2 * SHA256_SIZE];
    Str bytes;
    if (!find(spot, key, &value))
        return true;
    ValueView hashed = { .kind = VALUE_STRING };
    if (hashed_bytes(&value, room, &bytes)) {
        sha256(bytes, sum);
        hex_write(hex, sum, sizeof sum);
        hashed.text = (Str){ hex, sizeof hex };
    }
    return set(spot, key, &hashed, err);
}

/* The text is copied first: a group may replace the attribute that it is found in. */
static bool extract(const ActionStep *step, const Regex *pattern, const ActionSpot *spot, Err *err)
{
    ValueView value;
    Str groups[REGEX_GROUPS_MAX];
    if (!find(spot, step->key, &value) || value.kind != VALUE_STRING)
        return true;
    Buf text = BUF(BATCH_BYTES_MAX);
    buf_add(&text, value.text);
    bool good = buf_ok(&text, err);
    if (good && regex_find(pattern, buf_str(&text), groups, COUNT_OF(groups))) {
        for (size_t i = 1; good && i < regex_groups(pattern); i++) {
            ValueView found = { .kind = VALUE_STRING, .text = groups[i] };
            good = set(spot, regex_group_name(pattern, i), &found, err);
        }
    }
    buf_free(&text);
    return good;
}

static bool apply_one(const ActionStep *step, const ActionSpot *spot, Str key, Err *err)
{
    ValueView old;
    if (step->action == HASH)
        return hash(spot, key, err);
    return !find(spot, key, &old) ||
           edits_remove(spot->edits, spot->target, spot->number, key, err);
}

static Attributes attributes_of(const ActionSpot *spot)
{
    return spot->target == EDIT_RESOURCE ? resource_attributes(spot->batch, spot->number)
                                         : item_attributes(spot->batch, spot->number);
}

/* Steps before this one may have made attributes that were not there. */
static bool apply_to_made(const ActionList *actions, size_t number, const ActionSpot *spot,
                          Err *err)
{
    const Regex *pattern = actions->patterns[number];
    Attributes came = attributes_of(spot);
    ValueView ignored;
    for (size_t i = 0; i < number; i++) {
        const Regex *before = actions->items[i].action == EXTRACT ? actions->patterns[i] : NULL;
        size_t names = before ? regex_groups(before) : 1;
        for (size_t k = before ? 1 : 0; k < names; k++) {
            Str key = before ? regex_group_name(before, k) : actions->items[i].key;
            if (regex_matches(pattern, key) && !attributes_find(came, key, &ignored) &&
                !apply_one(&actions->items[number], spot, key, err))
                return false;
        }
    }
    return true;
}

/* A key that a sender repeats is one attribute. */
static bool is_first(Attributes all, size_t at, Str key)
{
    AttributeView attribute;
    for (size_t i = 0; i < at && attributes_next(&all, &attribute); i++)
        if (str_eq(attribute.key, key))
            return false;
    return true;
}

static bool apply_by_pattern(const ActionList *actions, size_t number, const ActionSpot *spot,
                             Err *err)
{
    Attributes all = attributes_of(spot), attributes = all;
    AttributeView attribute;
    for (size_t i = 0; attributes_next(&attributes, &attribute); i++)
        if (regex_matches(actions->patterns[number], attribute.key) &&
            is_first(all, i, attribute.key) &&
            !apply_one(&actions->items[number], spot, attribute.key, err))
            return false;
    return apply_to_made(actions, number, spot, err);
}

/* The value of the step for this spot; `text` holds what is not elsewhere. False: it has none. */
static bool find_value(const ActionList *actions, size_t number, const ActionSpot *spot, Buf *text,
                       ValueView *out)
{
    const ActionStep *step = &actions->items[number];
    const Buf *lists = &actions->lists[2 * number];
    if (node_is_given(step->value)) {
        *out = value_of(step->value, &lists[0]);
        return true;
    }
    if (step->from_attribute.len && find(spot, step->from_attribute, out))
        return true;
    if (step->from_context.len && from_context(spot->client, step->from_context, text)) {
        *out = (ValueView){ .kind = VALUE_STRING, .text = buf_str(text) };
        return true;
    }
    if (!node_is_given(step->default_value))
        return false;
    *out = value_of(step->default_value, &lists[1]);
    return true;
}

static bool apply_keyed(const ActionList *actions, size_t number, const ActionSpot *spot, Err *err)
{
    const ActionStep *step = &actions->items[number];
    ValueView old, value;
    bool exists = find(spot, step->key, &old);
    if (step->action == CONVERT)
        return !exists || convert(step, spot, &old, err);
    if ((step->action == INSERT && exists) || (step->action == UPDATE && !exists))
        return true;
    Buf text = BUF(BATCH_BYTES_MAX);
    bool found = find_value(actions, number, spot, &text, &value);
    bool good = buf_ok(&text, err) && (!found || set(spot, step->key, &value, err));
    buf_free(&text);
    return good;
}

static bool apply(const ActionList *actions, size_t number, const ActionSpot *spot, Err *err)
{
    const ActionStep *step = &actions->items[number];
    const Regex *pattern = actions->patterns[number];
    if (step->action == EXTRACT)
        return extract(step, pattern, spot, err);
    if (!takes_pattern(step))
        return apply_keyed(actions, number, spot, err);
    bool by_pattern = pattern && regex_matches(pattern, step->key);
    return (!step->key.len || by_pattern || apply_one(step, spot, step->key, err)) &&
           (!pattern || apply_by_pattern(actions, number, spot, err));
}

bool actions_apply(const ActionList *actions, const ActionSpot *spot, Err *err)
{
    for (size_t i = 0; i < actions->count; i++)
        if (!apply(actions, i, spot, err))
            return false;
    return true;
}

/* --- patterns -------------------------------------------------------------------------------- */

bool actions_open(ActionList *actions, Err *err)
{
    actions->patterns = MEM_MAKE(Regex *, actions->count, err);
    actions->lists = actions->patterns ? MEM_MAKE(Buf, 2 * actions->count, err) : NULL;
    if (!actions->lists)
        return false;
    for (size_t i = 0; i < actions->count; i++) {
        const ActionStep *step = &actions->items[i];
        if (!compile(step, &actions->patterns[i], err) ||
            !open_list(step->value, &actions->lists[2 * i], err) ||
            !open_list(step->default_value, &actions->lists[2 * i + 1], err))
            return false;
    }
    return true;
}

void actions_close(ActionList *actions)
{
    for (size_t i = 0; i < actions->count && actions->patterns; i++)
        regex_free(actions->patterns[i]);
    for (size_t i = 0; i < 2 * actions->count && actions->lists; i++)
        buf_free(&actions->lists[i]);
    mem_free(actions->patterns);
    mem_free(actions->lists);
    actions->patterns = NULL;
    actions->lists = NULL;
}
