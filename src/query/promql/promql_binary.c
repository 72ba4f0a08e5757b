/* promql_binary.c - arithmetic and comparison where at least one side is a scalar. Two vectors are
 * matched in promql_match.c. */
#include "query/promql/promql_eval_internal.h"

#include <math.h>

static bool holds(BinaryOp op, double left, double right)
{
    switch (op) {
    case OP_EQ: return left == right;
    case OP_NE: return left != right;
    case OP_LT: return left < right;
    case OP_LE: return left <= right;
    case OP_GT: return left > right;
    case OP_GE: return left >= right;
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_DIV:
    case OP_MOD:
    case OP_POW:
    case OP_ATAN2:
    case OP_AND:
    case OP_UNLESS:
    case OP_OR: break;
    }
    return false;
}

bool promql_apply(BinaryOp op, double left, double right, double *out)
{
    *out = left;
    switch (op) {
    case OP_ADD: *out = left + right; return true;
    case OP_SUB: *out = left - right; return true;
    case OP_MUL: *out = left * right; return true;
    case OP_DIV: *out = left / right; return true;
    case OP_MOD: *out = fmod(left, right); return true;
    case OP_POW: *out = pow(left, right); return true;
    case OP_ATAN2: *out = atan2(left, right); return true;
    case OP_EQ:
    case OP_NE:
    case OP_LT:
    case OP_LE:
    case OP_GT:
    case OP_GE: return holds(op, left, right);
    case OP_AND:
    case OP_UNLESS:
    case OP_OR: break;
    }
    return false;
}

static bool two_scalars(Eval *eval, const Node *node, Frame *left, Frame *right, Err *err)
{
    BinaryOp op = node->binary.op;
    if (right->width > 1 && !frame_widen(eval, left, err))
        return false;
    double *values = left->series[0].values;
    for (size_t step = 0; step < left->width; step++) {
        bool kept = promql_apply(op, values[step], frame_at(right, 0, step), &values[step]);
        if (op_compares(op))
            values[step] = kept ? 1 : 0;
    }
    return true;
}

/* In place, in the vector. A comparison keeps the vector's value, whichever side it stands on. */
static bool vector_and_scalar(Eval *eval, const Node *node, Frame *vector, const Frame *scalar,
                              Err *err)
{
    const Binary *binary = &node->binary;
    bool vector_left = binary->left->type == PROM_VECTOR;
    if (scalar->width > 1 && !frame_widen(eval, vector, err))
        return false;
    for (size_t i = 0; i < vector->count; i++) {
        double *values = vector->series[i].values;
        if (!promql_alive(eval, vector->width, err))
            return false;
        for (size_t step = 0; step < vector->width; step++) {
            if (!is_value(values[step]))
                continue;
            double own = values[step], other = frame_at(scalar, 0, step), value;
            bool kept = vector_left ? promql_apply(binary->op, own, other, &value)
                                    : promql_apply(binary->op, other, own, &value);
            if (op_compares(binary->op))
                value = binary->is_bool ? (kept ? 1 : 0) : kept ? own : no_value();
            values[step] = value;
        }
    }
    if (op_compares(binary->op) && !binary->is_bool) {
        frame_drop_empty(vector);
        return true;
    }
    return frame_drop_names(eval, vector, err);
}

bool promql_binary(Eval *eval, const Node *node, Frame *out, Err *err)
{
    const Binary *binary = &node->binary;
    Frame left, right;
    if (!promql_node(eval, binary->left, &left, err) ||
        !promql_node(eval, binary->right, &right, err))
        return false;
    bool left_scalar = left.type == PROM_SCALAR, right_scalar = right.type == PROM_SCALAR;
    if (!left_scalar && !right_scalar)
        return op_is_set(binary->op) ? promql_sets(eval, node, &left, &right, out, err)
                                     : promql_vectors(eval, node, &left, &right, out, err);
    *out = left_scalar && !right_scalar ? right : left;
    if (left_scalar && right_scalar)
        return two_scalars(eval, node, out, &right, err);
    return vector_and_scalar(eval, node, out, left_scalar ? &left : &right, err);
}
