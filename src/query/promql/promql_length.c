/* promql_length.c - lengths of time: in [range:step] and behind offset.
 *
 * A length is a number of seconds or a sum of such (+ - * / % ^, parentheses, min_of, max_of), and
 * may ask for step() and range() of the query. What does not ask is computed while parsing; what
 * does stays a small tree, because a parsed query is run with any step.
 */
#include "query/promql/promql_eval_internal.h"

#include <math.h>

#define LENGTH_MAX_MS (INT64_MAX / 8) /* far beyond any sample, far from overflow */

typedef enum LengthOp {
    LENGTH_NUMBER, /* seconds */
    LENGTH_STEP,
    LENGTH_RANGE,
    LENGTH_ADD,
    LENGTH_SUB,
    LENGTH_MUL,
    LENGTH_DIV,
    LENGTH_MOD,
    LENGTH_POW,
    LENGTH_MIN,
    LENGTH_MAX,
} LengthOp;

struct LengthTree {
    LengthOp op;
    bool asks; /* for the query's step or range */
    double number;
    const LengthTree *left, *right;
};

static LengthTree *parse_length(Parser *parser, int power, Err *err);

/* ---- reading ------------------------------------------------------------------------------------
 */

static double compute(const LengthTree *tree, double step, double range)
{
    if (tree->op == LENGTH_NUMBER)
        return tree->number;
    if (tree->op == LENGTH_STEP || tree->op == LENGTH_RANGE)
        return tree->op == LENGTH_STEP ? step : range;
    double left = compute(tree->left, step, range), right = compute(tree->right, step, range);
    switch (tree->op) {
    case LENGTH_ADD: return left + right;
    case LENGTH_SUB: return left - right;
    case LENGTH_MUL: return left * right;
    case LENGTH_DIV: return left / right;
    case LENGTH_MOD: return fmod(left, right);
    case LENGTH_POW: return pow(left, right);
    case LENGTH_MIN: return left < right ? left : right;
    case LENGTH_MAX: return left > right ? left : right;
    case LENGTH_NUMBER:
    case LENGTH_STEP:
    case LENGTH_RANGE: break;
    }
    return NAN;
}

static LengthTree *new_tree(Parser *parser, LengthTree tree, Err *err)
{
    LengthTree *out = ARENA_MAKE(parser->arena, LengthTree, 1, err);
    if (!out)
        return NULL;
    tree.asks = tree.op == LENGTH_STEP || tree.op == LENGTH_RANGE ||
                (tree.left && (tree.left->asks || tree.right->asks));
    *out = tree;
    if (!tree.asks) /* one number from here on: the height is bounded by the nesting */
        *out = (LengthTree){ .op = LENGTH_NUMBER, .number = compute(&tree, 0, 0) };
    return out;
}

static LengthTree *parse_call(Parser *parser, Err *err)
{
    bool step = promql_parser_accept_word(parser, "step");
    bool range = !step && promql_parser_accept_word(parser, "range");
    bool min = !step && !range && promql_parser_accept_word(parser, "min_of");
    LengthTree tree = { .op = step    ? LENGTH_STEP
                              : range ? LENGTH_RANGE
                              : min   ? LENGTH_MIN
                                      : LENGTH_MAX };
    if ((!step && !range && !min && !promql_parser_accept_word(parser, "max_of"))) {
        promql_parser_unexpected(parser, "duration expression", err);
        return NULL;
    }
    if (!promql_parser_expect(parser, TOKEN_OPEN_PAREN, "duration expression", err))
        return NULL;
    if (!step && !range) {
        tree.left = parse_length(parser, 0, err);
        if (!tree.left || !promql_parser_expect(parser, TOKEN_COMMA, "duration expression", err))
            return NULL;
        tree.right = parse_length(parser, 0, err);
        if (!tree.right)
            return NULL;
    }
    return promql_parser_expect(parser, TOKEN_CLOSE_PAREN, "duration expression", err)
               ? new_tree(parser, tree, err)
               : NULL;
}

static LengthTree *parse_primary(Parser *parser, Err *err)
{
    const Token *token = promql_parser_peek(parser);
    if (token->kind == TOKEN_NUMBER || token->kind == TOKEN_DURATION) {
        promql_parser_take(parser);
        return new_tree(parser, (LengthTree){ .op = LENGTH_NUMBER, .number = token->number }, err);
    }
    if (token->kind == TOKEN_NAME)
        return parse_call(parser, err);
    if (!promql_parser_expect(parser, TOKEN_OPEN_PAREN, "range, expected duration", err))
        return NULL;
    LengthTree *tree = parse_length(parser, 0, err);
    return tree && promql_parser_expect(parser, TOKEN_CLOSE_PAREN, "duration expression", err)
               ? tree
               : NULL;
}

static LengthTree *negate(Parser *parser, const LengthTree *tree, Err *err)
{
    LengthTree *zero = new_tree(parser, (LengthTree){ .op = LENGTH_NUMBER }, err);
    if (!zero)
        return NULL;
    return new_tree(parser, (LengthTree){ .op = LENGTH_SUB, .left = zero, .right = tree }, err);
}

enum { POWER_SUM = 1, POWER_PRODUCT, POWER_SIGN, POWER_POW };

static LengthTree *parse_signed(Parser *parser, Err *err)
{
    bool negative = promql_parser_accept(parser, TOKEN_SUB);
    if (!negative && !promql_parser_accept(parser, TOKEN_ADD))
        return parse_primary(parser, err);
    LengthTree *tree = parse_length(parser, POWER_SIGN, err);
    return tree && negative ? negate(parser, tree, err) : tree;
}

static bool find_operator(TokenKind kind, LengthOp *op, int *power)
{
    static const struct {
        TokenKind kind;
        LengthOp op;
        int power;
    } rows[] = {
        { TOKEN_ADD, LENGTH_ADD, POWER_SUM },     { TOKEN_SUB, LENGTH_SUB, POWER_SUM },
        { TOKEN_MUL, LENGTH_MUL, POWER_PRODUCT }, { TOKEN_DIV, LENGTH_DIV, POWER_PRODUCT },
        { TOKEN_MOD, LENGTH_MOD, POWER_PRODUCT }, { TOKEN_POW, LENGTH_POW, POWER_POW },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].kind == kind) {
            *op = rows[i].op;
            *power = rows[i].power;
            return true;
        }
    return false;
}

static LengthTree *parse_loop(Parser *parser, int power, Err *err)
{
    LengthTree *left = parse_signed(parser, err);
    uint32_t begin = parser->depth; /* a chain is as deep as it is long */
    while (left) {
        LengthTree tree = { .left = left };
        int own;
        if (!find_operator(promql_parser_peek(parser)->kind, &tree.op, &own) || own < power)
            break;
        promql_parser_take(parser);
        parser->depth++;
        tree.right = parse_length(parser, own == POWER_POW ? own : own + 1, err);
        left = tree.right ? new_tree(parser, tree, err) : NULL;
    }
    parser->depth = begin;
    return left;
}

static LengthTree *parse_length(Parser *parser, int power, Err *err)
{
    if (++parser->depth > PROMQL_DEPTH_MAX) {
        promql_fail_at(parser->list.source, promql_parser_peek(parser)->at, err,
                       "nested deeper than %d levels", PROMQL_DEPTH_MAX);
        return NULL;
    }
    LengthTree *tree = parse_loop(parser, power, err);
    parser->depth--;
    return tree;
}

static bool to_ms(double seconds, int64_t *out)
{
    double ms = seconds * 1000;
    if (!(fabs(ms) < (double)LENGTH_MAX_MS))
        return false;
    *out = (int64_t)llround(ms);
    return true;
}

static bool settle(Parser *parser, const Token *at, const LengthTree *tree, Length *out, Err *err)
{
    *out = (Length){ .tree = tree && tree->asks ? tree : NULL };
    if (!tree || tree->asks)
        return tree != NULL;
    return to_ms(tree->number, &out->ms) ||
           promql_fail_at(parser->list.source, at->at, err, "duration out of range");
}

bool promql_parse_range(Parser *parser, Length *out, Err *err)
{
    const Token *at = promql_parser_peek(parser);
    LengthTree *tree = parse_length(parser, 0, err);
    if (!settle(parser, at, tree, out, err))
        return false;
    return out->tree || out->ms > 0 ||
           promql_fail_at(parser->list.source, at->at, err, "duration must be greater than 0");
}

bool promql_parse_shift(Parser *parser, Length *out, Err *err)
{
    const Token *at = promql_parser_peek(parser);
    bool negative = promql_parser_accept(parser, TOKEN_SUB);
    if (!negative)
        promql_parser_accept(parser, TOKEN_ADD);
    LengthTree *tree = parse_primary(parser, err);
    if (tree && negative)
        tree = negate(parser, tree, err);
    return settle(parser, at, tree, out, err);
}

/* ---- while a query runs -------------------------------------------------------------------------
 */

bool promql_length(const Eval *eval, Length length, int64_t *out_ms)
{
    const PromQuery *query = eval->shared->query;
    *out_ms = length.ms;
    if (!length.tree)
        return true;
    double range = query->step_ms ? (double)(query->end_ms - query->start_ms) / 1000 : 0;
    return to_ms(compute(length.tree, (double)query->step_ms / 1000, range), out_ms);
}
