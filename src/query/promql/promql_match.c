/* promql_match.c - operators between two vectors: which series belong together.
 *
 * Series with the same signature (the labels of `on`, or all but the name and those of `ignoring`)
 * form a group. Signatures do not change with time, so groups are made once; only which of their
 * series has a value is looked at step by step. Of each pair one side is the "one", of which at
 * most one series may have a value at a step; the other is the "many" (in one-to-one matching also
 * at most one).
 */
#include "query/promql/promql_eval_internal.h"

#include <string.h>

/* Which series of a frame are in which group. */
typedef struct Members {
    size_t *start; /* of group g: list[start[g] .. start[g + 1]) */
    size_t *list;
} Members;

typedef struct Sides {
    LabelIndex groups;
    size_t *left_group, *right_group;
    Members left, right;
    bool *any_left, *any_right; /* at this step */
} Sides;

static bool find_groups(Eval *eval, const Binary *binary, const Frame *frame, LabelIndex *groups,
                        size_t **out, Err *err)
{
    *out = ARENA_MAKE(eval->arena, size_t, frame->count + 1, err);
    if (!*out)
        return false;
    for (size_t i = 0; i < frame->count; i++) {
        Labels signature, own = frame->series[i].labels;
        bool good = binary->is_on
                        ? frame_labels_only(eval, own, &binary->labels, &signature, err)
                        : frame_labels_without(eval, own, &binary->labels, &signature, err);
        if (!good || !label_index_put(eval, groups, signature, &(*out)[i], err))
            return false;
    }
    return true;
}

static bool list_members(Eval *eval, const size_t *group, size_t count, size_t groups, Members *out,
                         Err *err)
{
    out->start = ARENA_MAKE(eval->arena, size_t, groups + 2, err);
    out->list = out->start ? ARENA_MAKE(eval->arena, size_t, count + 1, err) : NULL;
    if (!out->list)
        return false;
    for (size_t i = 0; i < count; i++)
        out->start[group[i] + 2]++;
    for (size_t g = 2; g < groups + 2; g++)
        out->start[g] += out->start[g - 1];
    for (size_t i = 0; i < count; i++)
        out->list[out->start[group[i] + 1]++] = i;
    return true;
}

static bool any_values(Eval *eval, const Frame *frame, bool **out, Err *err)
{
    *out = ARENA_MAKE(eval->arena, bool, frame->width, err);
    for (size_t i = 0; *out && i < frame->count; i++) {
        if (!promql_alive(eval, frame->width, err))
            return false;
        for (size_t step = 0; step < frame->width; step++)
            (*out)[step] = (*out)[step] || is_value(frame->series[i].values[step]);
    }
    return *out != NULL;
}

static bool make_sides(Eval *eval, const Binary *binary, Frame *left, Frame *right, Sides *out,
                       Err *err)
{
    *out = (Sides){ 0 };
    if (left->width != right->width &&
        (!frame_widen(eval, left, err) || !frame_widen(eval, right, err)))
        return false;
    if (!find_groups(eval, binary, left, &out->groups, &out->left_group, err) ||
        !find_groups(eval, binary, right, &out->groups, &out->right_group, err))
        return false;
    size_t groups = out->groups.count;
    return list_members(eval, out->left_group, left->count, groups, &out->left, err) &&
           list_members(eval, out->right_group, right->count, groups, &out->right, err) &&
           any_values(eval, left, &out->any_left, err) &&
           any_values(eval, right, &out->any_right, err);
}

/* ---- and, unless, or ----------------------------------------------------------------------------
 */

/* Does any series of the group have a value at the step? */
static bool has_value(const Frame *frame, const Members *members, size_t group, size_t step)
{
    for (size_t i = members->start[group]; i < members->start[group + 1]; i++)
        if (is_value(frame->series[members->list[i]].values[step]))
            return true;
    return false;
}

/* Takes away what `frame` has at steps where its group has a value on the other side, or (keep) has
 * none there. */
static bool strike(Eval *eval, Frame *frame, const Members *own, const Frame *other,
                   const Members *others, size_t group, bool keep, Err *err)
{
    for (size_t step = 0; step < frame->width; step++) {
        if (has_value(other, others, group, step) == keep)
            continue;
        for (size_t i = own->start[group]; i < own->start[group + 1]; i++)
            frame->series[own->list[i]].values[step] = no_value();
    }
    size_t count =
        own->start[group + 1] - own->start[group] + others->start[group + 1] - others->start[group];
    return promql_alive(eval, count * frame->width, err);
}

static bool append(Eval *eval, Frame *into, const Frame *from, Err *err)
{
    size_t count = into->count + from->count;
    FrameSeries *series = ARENA_MAKE(eval->arena, FrameSeries, count + 1, err);
    if (!series)
        return false;
    if (into->count)
        memcpy(series, into->series, into->count * sizeof *series);
    if (from->count)
        memcpy(series + into->count, from->series, from->count * sizeof *series);
    into->series = series;
    into->count = into->cap = count;
    return true;
}

bool promql_sets(Eval *eval, const Node *node, Frame *left, Frame *right, Frame *out, Err *err)
{
    const Binary *binary = &node->binary;
    Sides sides;
    if (!make_sides(eval, binary, left, right, &sides, err))
        return false;
    for (size_t group = 0; group < sides.groups.count; group++) {
        bool good = binary->op == OP_OR
                        ? strike(eval, right, &sides.right, left, &sides.left, group, false, err)
                        : strike(eval, left, &sides.left, right, &sides.right, group,
                                 binary->op == OP_AND, err);
        if (!good)
            return false;
    }
    *out = *left;
    if (binary->op == OP_OR && !append(eval, out, right, err))
        return false;
    frame_drop_empty(out);
    return binary->op != OP_OR || frame_merge(eval, out, err);
}

/* ---- arithmetic and comparison ------------------------------------------------------------------
 */

typedef struct Pairing {
    Eval *eval;
    const Binary *binary;
    const Sides *sides;
    const Frame *many, *one;
    const Members *manies, *ones;
    bool many_is_right;
    size_t *last_one, *last_out; /* per series of many: its last partner, the series they made */
    LabelIndex outs;
    Frame *out;
} Pairing;

enum { ERROR_TEXT_MAX = 64 << 10 };

/* "found duplicate series ...": the two of them in a stable order. */
static bool fail_duplicate(Pairing *pairing, size_t group, size_t first, size_t second, Err *err)
{
    Labels a = pairing->one->series[first].labels, b = pairing->one->series[second].labels;
    Buf text = BUF(ERROR_TEXT_MAX);
    bool in_order = labels_compare(a, b) <= 0;
    buf_add(&text, STR("found duplicate series for the match group "));
    buf_add_labels(&text, pairing->sides->groups.sets[group]);
    buf_addf(&text, " on the %s hand-side of the operation: [",
             pairing->many_is_right ? "left" : "right");
    buf_add_labels(&text, in_order ? a : b);
    buf_add(&text, STR(", "));
    buf_add_labels(&text, in_order ? b : a);
    buf_add(&text, STR("];many-to-many matching not allowed: matching labels must be unique on one "
                       "side"));
    return promql_fail(pairing->eval, err, &text);
}

/* The series of "one" that has a value at the step; SIZE_MAX: none. */
static bool find_one(Pairing *pairing, size_t group, size_t step, size_t *out, Err *err)
{
    const Members *ones = pairing->ones;
    *out = SIZE_MAX;
    for (size_t i = ones->start[group]; i < ones->start[group + 1]; i++) {
        size_t at = ones->list[i];
        if (!is_value(pairing->one->series[at].values[step]))
            continue;
        if (*out != SIZE_MAX)
            return fail_duplicate(pairing, group, *out, at, err);
        *out = at;
    }
    return true;
}

static bool include_labels(Pairing *pairing, Labels one, Labels *labels, Err *err)
{
    const NameList *include = &pairing->binary->include;
    for (size_t i = 0; i < include->count; i++) {
        Label label = { include->names[i], labels_get(one, include->names[i]) };
        if (!frame_labels_with(pairing->eval, *labels, label, labels, err))
            return false;
    }
    return true;
}

static bool result_labels(Pairing *pairing, size_t many, size_t one, Labels *out, Err *err)
{
    Eval *eval = pairing->eval;
    const Binary *binary = pairing->binary;
    *out = pairing->many->series[many].labels;
    bool keeps_name = op_compares(binary->op) && !binary->is_bool;
    if (!keeps_name && !frame_labels_nameless(eval, *out, out, err))
        return false;
    if (binary->cardinality != ONE_TO_ONE)
        return include_labels(pairing, pairing->one->series[one].labels, out, err);
    if (binary->is_on)
        return frame_labels_only(eval, *out, &binary->labels, out, err);
    for (size_t i = 0; i < binary->labels.count; i++) {
        Label gone = { .name = binary->labels.names[i] };
        if (!frame_labels_with(eval, *out, gone, out, err))
            return false;
    }
    return true;
}

/* The series that this pair's results belong to. */
static bool find_out(Pairing *pairing, size_t many, size_t one, size_t *out, Err *err)
{
    if (pairing->last_one[many] == one + 1) {
        *out = pairing->last_out[many];
        return true;
    }
    Labels labels;
    if (!result_labels(pairing, many, one, &labels, err) ||
        !label_index_put(pairing->eval, &pairing->outs, labels, out, err))
        return false;
    if (*out == pairing->out->count && !frame_add(pairing->eval, pairing->out, labels, err))
        return false;
    pairing->last_one[many] = one + 1;
    pairing->last_out[many] = *out;
    return true;
}

static bool put_value(Pairing *pairing, size_t many, size_t one, size_t step, Err *err)
{
    const Binary *binary = pairing->binary;
    double of_many = pairing->many->series[many].values[step];
    double of_one = pairing->one->series[one].values[step], value;
    bool kept = pairing->many_is_right ? promql_apply(binary->op, of_one, of_many, &value)
                                       : promql_apply(binary->op, of_many, of_one, &value);
    if (op_compares(binary->op) && binary->is_bool)
        value = kept ? 1 : 0;
    else if (!kept)
        return true;
    size_t out;
    if (!find_out(pairing, many, one, &out, err))
        return false;
    double *values = pairing->out->series[out].values;
    if (is_value(values[step]))
        return fail(err, ERR_INPUT,
                    "multiple matches for labels: grouping labels must ensure unique matches");
    values[step] = value;
    return true;
}

static bool match_step(Pairing *pairing, size_t group, size_t step, Err *err)
{
    const Members *manies = pairing->manies;
    size_t one, matched = 0;
    if (!find_one(pairing, group, step, &one, err))
        return false;
    if (one == SIZE_MAX)
        return true;
    for (size_t i = manies->start[group]; i < manies->start[group + 1]; i++) {
        size_t many = manies->list[i];
        if (!is_value(pairing->many->series[many].values[step]))
            continue;
        if (matched++ && pairing->binary->cardinality == ONE_TO_ONE)
            return fail(err, ERR_INPUT,
                        "multiple matches for labels: many-to-one matching must be explicit "
                        "(group_left/group_right)");
        if (!put_value(pairing, many, one, step, err))
            return false;
    }
    return true;
}

static bool match_group(Pairing *pairing, size_t group, Err *err)
{
    const Sides *sides = pairing->sides;
    size_t count = 0;
    count += pairing->manies->start[group + 1] - pairing->manies->start[group];
    count += pairing->ones->start[group + 1] - pairing->ones->start[group];
    for (size_t step = 0; step < pairing->out->width; step++) {
        bool both = sides->any_left[step] && sides->any_right[step];
        if (both &&
            (!match_step(pairing, group, step, err) || !promql_alive(pairing->eval, count, err)))
            return false;
    }
    return true;
}

bool promql_vectors(Eval *eval, const Node *node, Frame *left, Frame *right, Frame *out, Err *err)
{
    const Binary *binary = &node->binary;
    bool many_is_right = binary->cardinality == ONE_TO_MANY;
    Sides sides;
    if (!make_sides(eval, binary, left, right, &sides, err))
        return false;
    *out = (Frame){ .type = PROM_VECTOR, .width = left->width };
    Pairing pairing = { .eval = eval,
                        .binary = binary,
                        .sides = &sides,
                        .many = many_is_right ? right : left,
                        .one = many_is_right ? left : right,
                        .manies = many_is_right ? &sides.right : &sides.left,
                        .ones = many_is_right ? &sides.left : &sides.right,
                        .many_is_right = many_is_right,
                        .out = out };
    pairing.last_one = ARENA_MAKE(eval->arena, size_t, pairing.many->count + 1, err);
    pairing.last_out = ARENA_MAKE(eval->arena, size_t, pairing.many->count + 1, err);
    if (!pairing.last_one || !pairing.last_out)
        return false;
    for (size_t group = 0; group < sides.groups.count; group++)
        if (!match_group(&pairing, group, err))
            return false;
    return true;
}
