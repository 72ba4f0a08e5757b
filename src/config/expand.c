/* expand.c - ${env:NAME} in the values of a tree; see expand.h. */
#include "config/expand.h"

#include "config/yaml.h"

#include <stdlib.h>
#include <string.h>

typedef struct Expander {
    const Environment *environment;
    Arena *arena;
    Problems *problems;
    size_t count; /* ${...} seen in the value at work */
    Place place;  /* of that value */
} Expander;

static bool process_find(void *context, Str name, Str *value)
{
    (void)context;
    char zero_terminated[EXPAND_NAME_MAX + 1];
    if (name.len > EXPAND_NAME_MAX)
        return false;
    memcpy(zero_terminated, name.ptr, name.len);
    zero_terminated[name.len] = 0;
    const char *found = getenv(zero_terminated);
    *value = str_from(found);
    return found != NULL;
}

const Environment *environment_process(void)
{
    static const Environment process = { process_find, NULL };
    return &process;
}

static bool starve(Expander *expander, const Err *err)
{
    problems_starve(expander->problems, err);
    return false;
}

/* Where the } is that closes the "${" at the start of text; 0: nowhere. */
static size_t closing(Str text)
{
    size_t open = 0;
    text = str_first(text, EXPAND_REFERENCE_MAX);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '$' && i + 1 < text.len && text.ptr[i + 1] == '{') {
            open++;
            i++;
        } else if (text.ptr[i] == '}' && --open == 0) {
            return i;
        }
    }
    return 0;
}

static bool name_is_valid(Str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return name.len > 0 && name.len <= EXPAND_NAME_MAX;
}

/* What stands between ${ and }: a name and perhaps a default. */
typedef struct Reference {
    Str name, preset;
    bool has_preset;
} Reference;

static Reference read_reference(Str body)
{
    static const Str scheme = STR_ROW("env:"), separator = STR_ROW(":-");
    Reference out = { .name = str_starts(body, scheme) ? str_skip(body, scheme.len) : body };
    size_t open = 0; /* a default inside an inner ${...} is not ours */
    for (size_t i = 0; i < out.name.len && !out.has_preset; i++) {
        Str rest = str_skip(out.name, i);
        if (str_starts(rest, STR("${")))
            open++;
        else if (open && *rest.ptr == '}')
            open--;
        else if (!open && str_starts(rest, separator))
            out = (Reference){ str_first(out.name, i), str_skip(rest, separator.len), true };
    }
    return out;
}

static bool splice_to_arena(Expander *expander, Str text, size_t depth, Str *out);

static bool check_name(Expander *expander, Str name)
{
    Str shown = str_first(name, 60);
    if (name_is_valid(name))
        return true;
    if (str_contains(name, STR(":")))
        problem_error(expander->problems, expander->place,
                      "\"${%.*s}\": only environment variables can be inserted, as ${env:NAME}",
                      STR_ARG(shown));
    else
        problem_error(expander->problems, expander->place,
                      "\"%.*s\" is no name of an environment variable: letters, digits and _, not "
                      "beginning with a digit",
                      STR_ARG(shown));
    return false;
}

/* The text of a variable or its default, before anything in it is expanded. */
static bool look_up(Expander *expander, Str body, size_t depth, Str *value, bool *found)
{
    Reference reference = read_reference(body);
    if (++expander->count > EXPAND_COUNT_MAX || depth >= EXPAND_DEPTH_MAX) {
        problem_error(expander->problems, expander->place,
                      "variables that name variables do not come to an end here");
        return false;
    }
    if (str_contains(reference.name, STR("${")) &&
        !splice_to_arena(expander, reference.name, depth + 1, &reference.name))
        return false;
    if (!check_name(expander, reference.name))
        return false;
    *found = expander->environment->find(expander->environment->context, reference.name, value);
    if (*found && !utf8_valid(*value)) {
        problem_error(expander->problems, expander->place,
                      "the environment variable %.*s is not valid UTF-8", STR_ARG(reference.name));
        return false;
    }
    if (!*found && reference.has_preset) {
        *found = true;
        *value = reference.preset;
    }
    if (!*found)
        problem_warning(expander->problems, expander->place,
                        "the environment variable %.*s is not set", STR_ARG(reference.name));
    return true;
}

static bool splice(Expander *expander, Str text, size_t depth, Buf *out);

static bool splice_one(Expander *expander, Str body, size_t depth, Buf *out)
{
    Str value;
    bool found;
    if (!look_up(expander, body, depth, &value, &found))
        return false;
    return !found || splice(expander, value, depth + 1, out);
}

/* text with every ${...} replaced by text. */
static bool splice(Expander *expander, Str text, size_t depth, Buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        Str rest = str_skip(text, i);
        size_t end = str_starts(rest, STR("${")) ? closing(rest) : 0;
        if (end) {
            Str body = str_skip(str_first(rest, end), 2);
            if (!splice_one(expander, body, depth, out))
                return false;
            i += end;
        } else {
            buf_add_byte(out, text.ptr[i]);
            i += str_starts(rest, STR("$$"));
        }
    }
    return true;
}

static bool splice_to_arena(Expander *expander, Str text, size_t depth, Str *out)
{
    Err err;
    Buf buf = BUF(EXPAND_TEXT_MAX);
    bool good = splice(expander, text, depth, &buf);
    if (good && !(buf_ok(&buf, &err) && arena_copy(expander->arena, buf_str(&buf), out, &err)))
        good = starve(expander, &err);
    buf_free(&buf);
    return good;
}

static void expand(Expander *expander, Node *node, size_t depth);

/* Everything in it stands where the ${...} stood. */
static void relocate(Node *node, Place place, Str origin)
{
    node->place = place;
    node->origin = origin;
    for (size_t i = 0; i < node->count; i++) {
        if (node->kind == NODE_MAP)
            node->pairs[i].place = place;
        relocate(node->kind == NODE_MAP ? node->pairs[i].value : node->items[i], place, origin);
    }
}

/* The value read as YAML; what is no YAML is text. NULL: the arena said no. */
static Node *read_value(Expander *expander, Str value)
{
    Problems unheard; /* "{{x}}" is a good value, only no YAML */
    problems_init(&unheard, expander->arena);
    Node *node = yaml_parse(value, STR("environment"), expander->arena, &unheard);
    if (node && (node->kind != NODE_SCALAR || !node->quoted))
        return node;
    Err err;
    node = unheard.starved.kind == ERR_NONE
               ? node_scalar(expander->arena, value, expander->place, &err)
               : NULL;
    if (node)
        node->quoted = true;
    else
        starve(expander, unheard.starved.kind == ERR_NONE ? &err : &unheard.starved);
    return node;
}

/* What text fields get: the value as it came, with what it named in turn. */
static void keep_raw(Expander *expander, Node *node, Str value)
{
    Err err;
    if (node->raw.ptr)
        return; /* it named one variable as a whole, which has seen to it */
    if (node->kind == NODE_SCALAR && str_contains(value, STR("$")))
        node->raw = node->text;
    else if (!arena_copy(expander->arena, value, &node->raw, &err))
        starve(expander, &err);
}

/* A value that is one ${...} as a whole. */
static void expand_whole(Expander *expander, Node *node, Str body, size_t depth)
{
    Str value, origin = node->origin.len ? node->origin : node->text;
    bool found;
    if (!look_up(expander, body, depth, &value, &found))
        return;
    if (!found) {
        *node = (Node){ .kind = NODE_NULL, .place = node->place, .origin = origin };
        return;
    }
    Node *read = read_value(expander, value);
    if (!read)
        return;
    Place place = node->place;
    *node = *read;
    relocate(node, place, origin);
    expand(expander, node, depth + 1);
    keep_raw(expander, node, value);
}

static void expand_scalar(Expander *expander, Node *node, size_t depth)
{
    if (!str_contains(node->text, STR("$")))
        return;
    size_t end = str_starts(node->text, STR("${")) ? closing(node->text) : 0;
    if (end && end + 1 == node->text.len) {
        expand_whole(expander, node, str_skip(str_first(node->text, end), 2), depth);
        return;
    }
    Str text, origin = node->origin.len ? node->origin : node->text;
    size_t before = expander->count;
    if (!splice_to_arena(expander, node->text, depth, &text))
        return;
    node->text = text;
    if (expander->count > before)
        node->origin = origin;
}

static void expand(Expander *expander, Node *node, size_t depth)
{
    if (node->kind == NODE_SCALAR) {
        expand_scalar(expander, node, depth);
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        if (node->kind == NODE_MAP)
            problems_enter(expander->problems, node->pairs[i].key);
        else
            problems_enter_item(expander->problems, i);
        Node *value = node->kind == NODE_MAP ? node->pairs[i].value : node->items[i];
        if (depth == 0) {
            expander->place = value->place;
            expander->count = 0;
        }
        expand(expander, value, depth);
        problems_leave(expander->problems);
    }
}

bool config_expand(Node *root, const Environment *environment, Arena *arena, Problems *problems)
{
    size_t errors = problems->errors;
    Expander expander = { environment, arena, problems, 0, root->place };
    expand(&expander, root, 0);
    return problems->errors == errors && problems->starved.kind == ERR_NONE;
}
