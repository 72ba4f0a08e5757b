/* expand.c - ${env:NAME} and its like in the values of a tree; see expand.h. */
#include "config/expand.h"

#include "config/nearest.h"
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

typedef struct Found { /* what a ${...} stands for */
    Str text, source;  /* source: the file or URL that it was read from, else empty */
    bool is_set;
} Found;

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
    static const Environment process = { .find = process_find };
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

/* What stands between ${ and }: from where, what, and perhaps a default (of variables only). */
typedef struct Reference {
    Str scheme, name, preset; /* scheme empty: none was written, which means env */
    bool has_preset;
} Reference;

/* "file:" of "file:/etc/x"; a single letter is a drive, and ":-" begins a default. */
Str config_scheme(Str text)
{
    size_t len = 0;
    for (; len < text.len; len++) {
        char c = text.ptr[len];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool other = (c >= '0' && c <= '9') || c == '+' || c == '.' || c == '-';
        if (!letter && (len == 0 || !other))
            break;
    }
    Str rest = str_skip(text, len);
    bool is_scheme = len > 1 && str_starts(rest, STR(":")) && !str_starts(rest, STR(":-"));
    return is_scheme ? str_first(text, len) : (Str){ 0 };
}

static bool is_variable(const Reference *reference)
{
    return !reference->scheme.len || str_eq(reference->scheme, STR("env"));
}

static Reference read_reference(Str body)
{
    static const Str separator = STR_ROW(":-");
    Reference out = { .scheme = config_scheme(body) };
    out.name = out.scheme.len ? str_skip(body, out.scheme.len + 1) : body;
    size_t open = 0; /* a default inside an inner ${...} is not ours */
    for (size_t i = 0; is_variable(&out) && i < out.name.len && !out.has_preset; i++) {
        Str rest = str_skip(out.name, i);
        if (str_starts(rest, STR("${"))) {
            open++;
        } else if (open && *rest.ptr == '}') {
            open--;
        } else if (!open && str_starts(rest, separator)) {
            out.name = str_first(out.name, i);
            out.preset = str_skip(rest, separator.len);
            out.has_preset = true;
        }
    }
    return out;
}

static bool splice_to_arena(Expander *expander, Str text, size_t depth, Str *out);

static bool check_name(Expander *expander, Str name)
{
    if (name_is_valid(name))
        return true;
    problem_error(expander->problems, expander->place,
                  "\"%.*s\" is no name of an environment variable: letters, digits and _, not "
                  "beginning with a digit",
                  STR_ARG(str_first(name, 60)));
    return false;
}

static void find_variable(Expander *expander, const Reference *reference, Found *found)
{
    const Environment *environment = expander->environment;
    found->is_set = environment->find(environment->context, reference->name, &found->text);
    if (found->is_set)
        return;
    found->is_set = reference->has_preset;
    found->text = reference->preset;
    if (!reference->has_preset)
        problem_warning(expander->problems, expander->place,
                        "the environment variable %.*s is not set", STR_ARG(reference->name));
}

/* The last line end of a file is the editor's, not the value's. */
static Str without_line_end(Str text)
{
    if (str_ends(text, STR("\n")))
        text.len--;
    if (str_ends(text, STR("\r")))
        text.len--;
    return text;
}

static bool read_location(Expander *expander, const Reference *reference, Found *found)
{
    const Environment *environment = expander->environment;
    Str shown = str_first(reference->name, 200);
    Err err;
    Buf text = BUF(EXPAND_TEXT_MAX);
    bool good = environment->read ? environment->read(environment->context, reference->scheme,
                                                      reference->name, &text, &err)
                                  : fail(&err, ERR_UNSUPPORTED, "only variables can be read here");
    good = good && buf_ok(&text, &err);
    if (!good)
        problem_error(expander->problems, expander->place, "${%.*s:%.*s}: %s",
                      STR_ARG(reference->scheme), STR_ARG(shown), err.text);
    else if (!arena_copy(expander->arena, without_line_end(buf_str(&text)), &found->text, &err))
        good = starve(expander, &err);
    buf_free(&text);
    found->is_set = true;
    found->source = reference->name;
    return good;
}

/* What a reference without inner ones stands for. */
static bool find_value(Expander *expander, const Reference *reference, Found *found)
{
    static const Str locations[] = { STR_ROW("file"), STR_ROW("http"), STR_ROW("https") };
    *found = (Found){ 0 };
    if (is_variable(reference)) {
        if (!check_name(expander, reference->name))
            return false;
        find_variable(expander, reference, found);
        return true;
    }
    if (str_eq(reference->scheme, STR("yaml"))) {
        *found = (Found){ .text = reference->name, .is_set = true };
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(locations); i++)
        if (str_eq(reference->scheme, locations[i]))
            return read_location(expander, reference, found);
    Nearest nearest = { .given = reference->scheme };
    for (size_t i = 0; i < COUNT_OF(locations); i++)
        nearest_try(&nearest, locations[i]);
    nearest_try(&nearest, STR("env"));
    nearest_try(&nearest, STR("yaml"));
    problem_error(expander->problems, expander->place,
                  "nothing can be inserted from \"%.*s:\"" NEAREST_FORMAT
                  " (there are: env, file, http, https, yaml)",
                  STR_ARG(str_first(reference->scheme, 60)), NEAREST_ARG(nearest));
    return false;
}

/* The text of a reference, before anything in it is expanded. */
static bool look_up(Expander *expander, Str body, size_t depth, Found *found)
{
    Reference reference = read_reference(body);
    if (++expander->count > EXPAND_COUNT_MAX || depth >= EXPAND_DEPTH_MAX) {
        problem_error(expander->problems, expander->place,
                      "variables that name variables do not come to an end here");
        return false;
    }
    if (str_contains(reference.name, STR("${"))) {
        Str whole;
        if (!splice_to_arena(expander, reference.name, depth + 1, &whole))
            return false;
        reference.name = whole;
        if (!reference.scheme.len && config_scheme(whole).len) { /* ${${FROM}:name} */
            reference.scheme = config_scheme(whole);
            reference.name = str_skip(whole, reference.scheme.len + 1);
        }
    }
    if (!find_value(expander, &reference, found))
        return false;
    if (found->is_set && !utf8_valid(found->text)) {
        problem_error(expander->problems, expander->place, "%s %.*s is not valid UTF-8",
                      is_variable(&reference) ? "the environment variable" : "what is read from",
                      STR_ARG(str_first(reference.name, 200)));
        return false;
    }
    return true;
}

static bool splice(Expander *expander, Str text, size_t depth, Buf *out);

static bool splice_one(Expander *expander, Str body, size_t depth, Buf *out)
{
    Found found;
    if (!look_up(expander, body, depth, &found))
        return false;
    return !found.is_set || splice(expander, found.text, depth + 1, out);
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
static Node *read_value(Expander *expander, const Found *found)
{
    Problems unheard; /* "{{x}}" is a good value, only no YAML */
    problems_init(&unheard, expander->arena);
    Str source = found->source.len ? found->source : STR("environment");
    Node *node = yaml_parse(found->text, source, expander->arena, &unheard);
    if (node && (node->kind != NODE_SCALAR || !node->quoted))
        return node;
    Err err;
    node = unheard.starved.kind == ERR_NONE
               ? node_scalar(expander->arena, found->text, expander->place, &err)
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
    Str origin = node->origin.len ? node->origin : node->text;
    Found found;
    if (!look_up(expander, body, depth, &found))
        return;
    if (!found.is_set) {
        *node = (Node){ .kind = NODE_NULL, .place = node->place, .origin = origin };
        return;
    }
    Node *read = read_value(expander, &found);
    if (!read)
        return;
    Place place = node->place;
    bool is_tree = read->kind == NODE_MAP || read->kind == NODE_LIST;
    *node = *read;
    if (!is_tree || !found.source.len) /* what a file holds has its places in that file */
        relocate(node, place, origin);
    expand(expander, node, depth + 1);
    keep_raw(expander, node, found.text);
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
