/* promql_labels.c - functions that write labels. */
#include "query/promql/promql_functions_internal.h"

enum { JOINED_MAX = 1 << 20, SHOWN_MAX = 60 };

static bool check_label(Eval *eval, Str name, const char *where, Err *err)
{
    if (name.len && utf8_valid(name))
        return true;
    Buf text = BUF(JOINED_MAX);
    buf_addf(&text, "invalid %s label name in ", where);
    buf_add_quoted(&text, name);
    return promql_fail(eval, err, &text);
}

/* ---- label_replace ------------------------------------------------------------------------------
 */

typedef struct Replacing {
    Eval *eval;
    Regex *regex;
    Str target, replacement, source;
    Buf value;
} Replacing;

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static Str find_group(const Regex *regex, Str name, const Str *groups)
{
    uint64_t number;
    size_t count = regex_groups(regex);
    if (str_to_u64(name, &number))
        return number < count && number < REGEX_GROUPS_MAX ? groups[number] : (Str){ 0 };
    for (size_t i = 1; i < count && i < REGEX_GROUPS_MAX; i++)
        if (str_eq(regex_group_name(regex, i), name))
            return groups[i];
    return (Str){ 0 };
}

/* $1, $name, ${name}; $$ is a dollar. A dollar before anything else stays. */
static void expand(Replacing *replacing, const Str *groups)
{
    Str rest = replacing->replacement;
    Buf *out = &replacing->value;
    buf_clear(out);
    while (rest.len) {
        if (rest.ptr[0] != '$' || rest.len < 2) {
            buf_add_byte(out, rest.ptr[0]);
            rest = str_skip(rest, 1);
            continue;
        }
        bool braced = rest.ptr[1] == '{';
        size_t begin = braced ? 2 : 1, end = begin;
        while (end < rest.len && is_word(rest.ptr[end]))
            end++;
        bool named = end > begin && (!braced || (end < rest.len && rest.ptr[end] == '}'));
        Str name = { rest.ptr + begin, end - begin };
        if (rest.ptr[1] == '$') {
            buf_add_byte(out, '$');
            end = 2;
        } else if (named) {
            buf_add(out, find_group(replacing->regex, name, groups));
            end += braced;
        } else {
            buf_add_byte(out, '$');
            end = 1;
        }
        rest = str_skip(rest, end);
    }
}

static bool replace_one(Replacing *replacing, Labels *labels, Err *err)
{
    Str groups[REGEX_GROUPS_MAX] = { 0 };
    Str value = labels_get(*labels, replacing->source);
    if (!regex_find(replacing->regex, value.ptr ? value : STR(""), groups, REGEX_GROUPS_MAX))
        return true;
    expand(replacing, groups);
    Label label = { .name = replacing->target };
    return buf_ok(&replacing->value, err) &&
           arena_copy(replacing->eval->arena, buf_str(&replacing->value), &label.value, err) &&
           frame_labels_with(replacing->eval, *labels, label, labels, err);
}

static bool replace_all(Replacing *replacing, Frame *frame, Err *err)
{
    for (size_t i = 0; i < frame->count; i++)
        if (!promql_alive(replacing->eval, 1, err) ||
            !replace_one(replacing, &frame->series[i].labels, err))
            return false;
    return frame_merge(replacing->eval, frame, err);
}

static Str text_arg(const Node *node, size_t number)
{
    return node->call.args[number]->text;
}

bool fn_label_replace(Eval *eval, const Node *node, Frame *out, Err *err)
{
    Replacing replacing = { .eval = eval,
                            .target = text_arg(node, 1),
                            .replacement = text_arg(node, 2),
                            .source = text_arg(node, 3),
                            .value = BUF(JOINED_MAX) };
    Str pattern = text_arg(node, 4);
    if (!check_label(eval, replacing.target, "destination", err) ||
        !promql_node(eval, node->call.args[0], out, err))
        return false;
    Err why;
    replacing.regex = regex_new(pattern, REGEX_ANCHORED, &why);
    if (!replacing.regex && why.kind != ERR_MEMORY)
        return fail(err, ERR_INPUT, "invalid regular expression in label_replace(): %.*s",
                    STR_ARG(str_first(pattern, SHOWN_MAX)));
    if (!replacing.regex) {
        *err = why;
        return false;
    }
    bool good = replace_all(&replacing, out, err);
    regex_free(replacing.regex);
    buf_free(&replacing.value);
    return good;
}

/* ---- label_join ---------------------------------------------------------------------------------
 */

static bool join_one(Eval *eval, const Node *node, Labels *labels, Buf *value, Err *err)
{
    buf_clear(value);
    for (size_t i = 3; i < node->call.arg_count; i++) {
        if (i > 3)
            buf_add(value, text_arg(node, 2));
        buf_add(value, labels_get(*labels, text_arg(node, i)));
    }
    Label label = { .name = text_arg(node, 1) };
    return buf_ok(value, err) && arena_copy(eval->arena, buf_str(value), &label.value, err) &&
           frame_labels_with(eval, *labels, label, labels, err) && promql_alive(eval, 1, err);
}

bool fn_label_join(Eval *eval, const Node *node, Frame *out, Err *err)
{
    if (!check_label(eval, text_arg(node, 1), "destination", err))
        return false;
    for (size_t i = 3; i < node->call.arg_count; i++)
        if (!check_label(eval, text_arg(node, i), "source", err))
            return false;
    if (!promql_node(eval, node->call.args[0], out, err))
        return false;
    Buf value = BUF(JOINED_MAX);
    bool good = true;
    for (size_t i = 0; good && i < out->count; i++)
        good = join_one(eval, node, &out->series[i].labels, &value, err);
    buf_free(&value);
    return good && frame_merge(eval, out, err);
}
