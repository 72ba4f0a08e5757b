/* logql_binary.c - operators between numbers and series; see logql_eval_internal.h.
 *
 * Series of both sides meet by their signature: the labels that on() names, or all but those that
 * ignoring() names. The rows of the right side are put into lists by signature once; then every
 * step looks which of them are there.
 */
#include "query/logql/logql_eval_internal.h"

#include <math.h>
#include <string.h>

double logql_arithmetic(const LogqlBinary *binary, double left, double right)
{
    switch (binary->op) {
    case BINARY_ADD: return left + right;
    case BINARY_SUBTRACT: return left - right;
    case BINARY_MULTIPLY: return left * right;
    case BINARY_DIVIDE: return right == 0 ? (double)NAN : left / right; /* as Loki says */
    case BINARY_MODULO: return right == 0 ? (double)NAN : fmod(left, right);
    case BINARY_POWER: return pow(left, right);
    case BINARY_COMPARE: return logql_compare(binary->comparison, left, right) ? 1 : 0;
    case BINARY_AND:
    case BINARY_OR:
    case BINARY_UNLESS: break;
    }
    return left;
}

/* The point of two values; `kept` is what a comparison that filters lets through. False: none. */
static bool combine(const LogqlBinary *binary, const double sides[2], double kept, double *out)
{
    *out = logql_arithmetic(binary, sides[0], sides[1]);
    if (binary->op != BINARY_COMPARE || binary->is_bool)
        return true;
    bool holds = *out != 0;
    *out = kept;
    return holds;
}

/* ---- a vector and a number ----------------------------------------------------------------------
 */

static bool with_number(Eval *eval, const LogqlBinary *binary, Matrix *matrix, Err *err)
{
    bool left = binary->left->kind == LOGQL_NUMBER;
    double number = left ? binary->left->number : binary->right->number;
    for (size_t i = 0; i < matrix->count; i++) {
        MatrixRow *row = &matrix->rows[i];
        for (size_t k = 0; k < eval->steps; k++) {
            if (!eval_on_time(eval, err))
                return false;
            double value = row->values[k];
            double sides[2] = { left ? number : value, left ? value : number };
            if (row->present[k])
                row->present[k] = combine(binary, sides, value, &row->values[k]);
        }
    }
    return true;
}

/* ---- signatures ---------------------------------------------------------------------------------
 */

static Labels signature(const LogqlBinary *binary, Labels labels, Label *out)
{
    size_t count = 0;
    for (size_t i = 0; i < labels.count; i++)
        if (names_have(&binary->names, labels.ptr[i].name) == binary->on)
            out[count++] = labels.ptr[i];
    return (Labels){ out, count };
}

/* Rows by signature: `of` is the signature of each row, `first` and `next` a list of the rows of
 * each signature. */
typedef struct Side {
    const Matrix *matrix;
    size_t *of, *next, *first;
} Side;

enum { LIST_END = 0 }; /* lists hold index + 1 */

static bool sign_rows(Eval *eval, const LogqlBinary *binary, Matrix *signatures, Side *side,
                      Err *err)
{
    size_t count = side->matrix->count;
    side->of = ARENA_MAKE(eval->arena, size_t, count + 1, err);
    side->next = side->of ? ARENA_MAKE(eval->arena, size_t, count + 1, err) : NULL;
    for (size_t i = 0; side->next && i < count; i++) {
        Label kept[EVAL_LABELS_MAX];
        Labels labels = signature(binary, side->matrix->rows[i].labels, kept);
        int64_t index = matrix_row(eval, signatures, labels, err);
        if (index == NO_ROW || !eval_on_time(eval, err))
            return false;
        side->of[i] = (size_t)index;
    }
    return side->next;
}

static bool list_rows(Eval *eval, const Matrix *signatures, Side *side, Err *err)
{
    side->first = ARENA_MAKE(eval->arena, size_t, signatures->count + 1, err);
    for (size_t i = side->matrix->count; side->first && i-- > 0;) {
        side->next[i] = side->first[side->of[i]];
        side->first[side->of[i]] = i + 1;
    }
    return side->first;
}

/* Both sides signed with one table. */
static bool meet(Eval *eval, const LogqlBinary *binary, Side *left, Side *right, Err *err)
{
    Matrix signatures = { 0 };
    return sign_rows(eval, binary, &signatures, left, err) &&
           sign_rows(eval, binary, &signatures, right, err) &&
           list_rows(eval, &signatures, left, err) && list_rows(eval, &signatures, right, err);
}

/* ---- and, or, unless ----------------------------------------------------------------------------
 */

/* Lists may be as long as the side: each look counts for the deadline. */
static bool any_present(Eval *eval, const Side *side, size_t signed_as, size_t step)
{
    for (size_t at = side->first[signed_as]; at != LIST_END; at = side->next[at - 1]) {
        eval->ticks++;
        if (side->matrix->rows[at - 1].present[step])
            return true;
    }
    return false;
}

/* Rows of `side` stay where `other` has, or has not, one of their signature. */
static bool filter_side(Eval *eval, const Side *side, const Side *other, bool wanted, Err *err)
{
    for (size_t i = 0; i < side->matrix->count; i++)
        for (size_t k = 0; k < eval->steps; k++) {
            bool *present = &side->matrix->rows[i].present[k];
            if (!eval_on_time(eval, err))
                return false;
            *present = *present && any_present(eval, other, side->of[i], k) == wanted;
        }
    return true;
}

/* Rows of the right side come behind; one that the left side has too (at other steps) joins it. */
static bool unite(Eval *eval, const Matrix *left, const Matrix *right, Matrix *out, Err *err)
{
    const Matrix *both[] = { left, right };
    *out = (Matrix){ 0 };
    for (size_t m = 0; m < 2; m++)
        for (size_t i = 0; i < both[m]->count; i++) {
            const MatrixRow *from = &both[m]->rows[i];
            int64_t index = matrix_row(eval, out, from->labels, err);
            if (index == NO_ROW || !matrix_values(eval, &out->rows[index], err))
                return false;
            MatrixRow *to = &out->rows[index];
            for (size_t k = 0; k < eval->steps; k++) {
                if (!eval_on_time(eval, err))
                    return false;
                if (!to->present[k] && from->present[k])
                    to->present[k] = true, to->values[k] = from->values[k];
            }
        }
    return true;
}

static bool set_operation(Eval *eval, const LogqlBinary *binary, const Matrix *left,
                          const Matrix *right, Matrix *out, Err *err)
{
    Side left_side = { .matrix = left }, right_side = { .matrix = right };
    if (!meet(eval, binary, &left_side, &right_side, err))
        return false;
    *out = *left;
    if (binary->op != BINARY_OR)
        return filter_side(eval, &left_side, &right_side, binary->op == BINARY_AND, err);
    return filter_side(eval, &right_side, &left_side, false, err) &&
           unite(eval, left, right, out, err);
}

/* ---- arithmetic and comparison between series ---------------------------------------------------
 */

typedef struct Join {
    Eval *eval;
    const LogqlBinary *binary;
    Side many, one; /* with one-to-one: left and right */
    bool swapped;   /* `many` is the right side */
    Matrix *out;
    size_t *used; /* per signature: step + 1 of the last match, one-to-one only */
} Join;

/* The labels of a result: those of the many side, or of both sides together what they met by. */
static Labels result_labels(const Join *join, size_t many, size_t one, Label *out)
{
    const LogqlBinary *binary = join->binary;
    Labels from = join->many.matrix->rows[many].labels;
    Labels other = join->one.matrix->rows[one].labels;
    if (binary->many == ONE_TO_ONE)
        return binary->on || binary->names.count ? signature(binary, from, out) : from;
    size_t count = 0;
    for (size_t i = 0; i < from.count; i++)
        if (!names_have(&binary->include, from.ptr[i].name))
            out[count++] = from.ptr[i];
    for (size_t i = 0; i < binary->include.count && count < EVAL_LABELS_MAX; i++) {
        Str value = labels_get(other, binary->include.ptr[i]);
        if (value.len)
            out[count++] = (Label){ binary->include.ptr[i], value };
    }
    return (Labels){ out, labels_sort(out, count) };
}

static bool put_point(Join *join, size_t many, size_t one, size_t step, Err *err)
{
    double theirs = join->many.matrix->rows[many].values[step];
    double others = join->one.matrix->rows[one].values[step], value;
    double sides[2] = { join->swapped ? others : theirs, join->swapped ? theirs : others };
    Label made[2 * EVAL_LABELS_MAX];
    Labels labels = result_labels(join, many, one, made);
    bool exists = combine(join->binary, sides, sides[0], &value);
    int64_t index = matrix_row(join->eval, join->out, labels, err);
    if (index == NO_ROW || !matrix_values(join->eval, &join->out->rows[index], err))
        return false;
    MatrixRow *row = &join->out->rows[index];
    if (row->present[step])
        return fail(err, ERR_INPUT,
                    "multiple matches for labels: grouping labels must ensure unique matches");
    row->present[step] = exists;
    row->values[step] = value;
    return true;
}

/* The one row of that signature at that step; NO_ROW: none, or err with two. */
static int64_t find_one(const Join *join, size_t signed_as, size_t step, bool *two)
{
    int64_t found = NO_ROW;
    for (size_t at = join->one.first[signed_as]; at != LIST_END; at = join->one.next[at - 1]) {
        join->eval->ticks++;
        if (!join->one.matrix->rows[at - 1].present[step])
            continue;
        *two = *two || found != NO_ROW;
        found = (int64_t)at - 1;
    }
    return found;
}

static bool join_point(Join *join, size_t many, size_t step, Err *err)
{
    bool two = false;
    size_t signed_as = join->many.of[many];
    int64_t one = find_one(join, signed_as, step, &two);
    if (two)
        return fail(err, ERR_INPUT,
                    "found duplicate series on the %s hand-side; many-to-many matching not "
                    "allowed: matching labels must be unique on one side",
                    join->swapped ? "left" : "right");
    if (one == NO_ROW)
        return true;
    if (join->binary->many == ONE_TO_ONE) {
        if (join->used[signed_as] == step + 1)
            return fail(err, ERR_INPUT,
                        "multiple matches for labels: many-to-one matching must be explicit "
                        "(group_left/group_right)");
        join->used[signed_as] = step + 1;
    }
    return put_point(join, many, (size_t)one, step, err);
}

static bool join_sides(Eval *eval, const LogqlBinary *binary, const Matrix *left,
                       const Matrix *right, Matrix *out, Err *err)
{
    Join join = { .eval = eval, .binary = binary, .out = out };
    join.swapped = binary->many == ONE_TO_MANY;
    join.many.matrix = join.swapped ? right : left;
    join.one.matrix = join.swapped ? left : right;
    *out = (Matrix){ 0 };
    if (!meet(eval, binary, &join.many, &join.one, err))
        return false;
    join.used = ARENA_MAKE(eval->arena, size_t, left->count + right->count + 1, err);
    for (size_t k = 0; join.used && k < eval->steps; k++)
        for (size_t i = 0; i < join.many.matrix->count; i++) {
            if (!eval_on_time(eval, err))
                return false;
            if (join.many.matrix->rows[i].present[k] && !join_point(&join, i, k, err))
                return false;
        }
    return join.used;
}

/* ---- the door -----------------------------------------------------------------------------------
 */

bool eval_binary(Eval *eval, const LogqlBinary *binary, Matrix *out, Err *err)
{
    if (binary->left->kind == LOGQL_NUMBER || binary->right->kind == LOGQL_NUMBER) {
        bool left = binary->left->kind == LOGQL_NUMBER;
        return eval_expr(eval, left ? binary->right : binary->left, out, err) &&
               with_number(eval, binary, out, err);
    }
    Matrix left, right;
    if (!eval_expr(eval, binary->left, &left, err) || !eval_expr(eval, binary->right, &right, err))
        return false;
    if (binary->op == BINARY_AND || binary->op == BINARY_OR || binary->op == BINARY_UNLESS)
        return set_operation(eval, binary, &left, &right, out, err);
    return join_sides(eval, binary, &left, &right, out, err);
}
