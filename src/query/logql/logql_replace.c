/* logql_replace.c - label_replace(series, target, replacement, source, regex); see
 * logql_eval_internal.h. */
#include "query/logql/logql_eval_internal.h"

#include "base/buf.h"

/* $1, ${1}, ${name}, $$ in a replacement. */
static Str expand_group(const Regex *regex, Str name, const Str *groups, size_t count)
{
    uint64_t number;
    if (str_to_u64(name, &number))
        return number < count ? groups[number] : STR("");
    for (size_t i = 0; i < count; i++)
        if (str_eq(regex_group_name(regex, i), name))
            return groups[i];
    return STR("");
}

static size_t reference_length(Str text)
{
    size_t len = 0;
    while (len < text.len) {
        char c = text.ptr[len], lower = (char)(c | 0x20);
        if (!(lower >= 'a' && lower <= 'z') && c != '_' && !(c >= '0' && c <= '9'))
            break;
        len++;
    }
    return len;
}

void logql_expand(const Regex *regex, Str replacement, const Str *groups, Buf *out)
{
    size_t count = regex_groups(regex);
    count = count < REGEX_GROUPS_MAX ? count : REGEX_GROUPS_MAX;
    Str rest = replacement;
    while (rest.len) {
        bool braced = str_starts(rest, STR("${"));
        if (rest.ptr[0] != '$' || rest.len == 1) {
            buf_add_byte(out, rest.ptr[0]);
            rest = str_skip(rest, 1);
            continue;
        }
        rest = str_skip(rest, braced ? 2 : 1);
        size_t len = reference_length(rest);
        bool closed = !braced || str_starts(str_skip(rest, len), STR("}"));
        if (len && closed)
            buf_add(out, expand_group(regex, str_first(rest, len), groups, count));
        else if (!braced && str_starts(rest, STR("$")))
            buf_add_byte(out, '$'), len = 1;
        rest = str_skip(rest, len + (braced && closed));
    }
}

static bool replaced_labels(const LogqlReplace *replace, Labels labels, Buf *text, Label *out,
                            size_t *count)
{
    Str groups[REGEX_GROUPS_MAX] = { { 0 } };
    Str value = labels_get(labels, replace->source);
    size_t group_count = regex_groups(replace->regex);
    group_count = group_count < REGEX_GROUPS_MAX ? group_count : REGEX_GROUPS_MAX;
    if (!regex_find(replace->regex, value.ptr ? value : STR(""), groups, group_count))
        return false;
    logql_expand(replace->regex, replace->replacement, groups, text);
    *count = 0;
    for (size_t i = 0; i < labels.count; i++)
        if (!str_eq(labels.ptr[i].name, replace->target))
            out[(*count)++] = labels.ptr[i];
    if (text->len)
        out[(*count)++] = (Label){ replace->target, buf_str(text) };
    labels_order(out, *count);
    return true;
}

bool eval_replace(Eval *eval, const LogqlReplace *replace, Matrix *out, Err *err)
{
    enum { VALUE_MAX = 64 << 10 };
    Matrix in;
    Buf text = BUF(VALUE_MAX);
    bool ok = eval_expr(eval, replace->of, &in, err);
    *out = (Matrix){ 0 };
    for (size_t i = 0; ok && i < in.count; i++) {
        Label made[EVAL_LABELS_MAX + 1];
        Labels labels = in.rows[i].labels;
        size_t count = 0;
        buf_clear(&text);
        if (replaced_labels(replace, labels, &text, made, &count))
            labels = (Labels){ made, count };
        ok = buf_ok(&text, err) && eval_on_time(eval, err);
        size_t before = out->count;
        int64_t index = ok ? matrix_row(eval, out, labels, err) : NO_ROW;
        ok = index != NO_ROW;
        if (ok && out->count == before)
            ok = fail(err, ERR_INPUT, "label_replace gives two series the same labels");
        if (ok) {
            out->rows[index].values = in.rows[i].values;
            out->rows[index].present = in.rows[i].present;
        }
    }
    buf_free(&text);
    return ok;
}
