/* promql_check.c - which types may stand where; see promql_tree_internal.h.
 *
 * Called once for every node as it becomes whole, its children having been checked before.
 */
#include "query/promql/promql_functions_internal.h"
#include "query/promql/promql_tree_internal.h"

#include <stdio.h>

const char *prom_type_name(PromType type)
{
    switch (type) {
    case PROM_SCALAR: return "scalar";
    case PROM_VECTOR: return "instant vector";
    case PROM_MATRIX: return "range vector";
    case PROM_STRING: return "string";
    case PROM_NONE: break;
    }
    return "none";
}

static bool wants(const Parser *parser, const Node *node, PromType type, const char *where,
                  Err *err)
{
    return node->type == type ||
           promql_fail_at(parser->list.source, node->at, err, "expected type %s in %s, got %s",
                          prom_type_name(type), where, prom_type_name(node->type));
}

static bool check_aggregate(const Parser *parser, Node *node, Err *err)
{
    const Aggregate *aggregate = &node->aggregate;
    AggregateOp op = aggregate->op;
    bool takes_param = op >= AGG_TOPK;
    node->type = PROM_VECTOR;
    if (takes_param != (aggregate->param != NULL))
        return promql_fail_at(parser->list.source, node->at, err,
                              "wrong number of arguments for aggregate expression provided, "
                              "expected %d, got %d",
                              takes_param ? 2 : 1, takes_param ? 1 : 2);
    if (!wants(parser, aggregate->inner, PROM_VECTOR, "aggregation expression", err))
        return false;
    PromType type = op == AGG_COUNT_VALUES ? PROM_STRING : PROM_SCALAR;
    return !takes_param || wants(parser, aggregate->param, type, "aggregation parameter", err);
}

static bool check_call(const Parser *parser, Node *node, Err *err)
{
    const Call *call = &node->call;
    const Function *function = call->function;
    size_t least = (size_t)(function->arg_count - function->optional - function->variadic);
    bool few = call->arg_count < least;
    bool many = !function->variadic && call->arg_count > function->arg_count;
    node->type = function->result;
    if (few || many)
        return promql_fail_at(parser->list.source, node->at, err,
                              "expected %s%zu argument(s) in call to \"%.*s\", got %zu",
                              least == function->arg_count ? "" : (few ? "at least " : "at most "),
                              few ? least : (size_t)function->arg_count, STR_ARG(function->name),
                              call->arg_count);
    char where[64];
    snprintf(where, sizeof where, "call to function \"%.*s\"", STR_ARG(function->name));
    for (size_t i = 0; i < call->arg_count; i++) {
        size_t row = i < function->arg_count ? i : function->arg_count - 1U;
        if (!wants(parser, call->args[i], function->args[row], where, err))
            return false;
    }
    return true;
}

static bool has_name(const NameList *list, Str name)
{
    for (size_t i = 0; i < list->count; i++)
        if (str_eq(list->names[i], name))
            return true;
    return false;
}

static bool check_matching(const Parser *parser, const Node *node, Err *err)
{
    const Binary *binary = &node->binary;
    Str source = parser->list.source;
    if (op_is_set(binary->op) && binary->cardinality != ONE_TO_ONE)
        return promql_fail_at(source, node->at, err, "no grouping allowed for set operations");
    for (size_t i = 0; binary->is_on && i < binary->include.count; i++)
        if (has_name(&binary->labels, binary->include.names[i]))
            return promql_fail_at(source, node->at, err,
                                  "label \"%.*s\" must not occur in ON and GROUP clause at once",
                                  STR_ARG(str_first(binary->include.names[i], 60)));
    return true;
}

static bool check_binary(const Parser *parser, Node *node, Err *err)
{
    const Binary *binary = &node->binary;
    Str source = parser->list.source;
    PromType left = binary->left->type, right = binary->right->type;
    bool scalars = left == PROM_SCALAR && right == PROM_SCALAR;
    bool vectors = left == PROM_VECTOR && right == PROM_VECTOR;
    node->type = scalars ? PROM_SCALAR : PROM_VECTOR;
    if ((left != PROM_SCALAR && left != PROM_VECTOR) ||
        (right != PROM_SCALAR && right != PROM_VECTOR))
        return promql_fail_at(
            source, node->at, err,
            "binary expression must contain only scalar and instant vector types");
    if (binary->is_bool && !op_compares(binary->op))
        return promql_fail_at(source, node->at, err,
                              "bool modifier can only be used on comparison operators");
    if (scalars && op_compares(binary->op) && !binary->is_bool)
        return promql_fail_at(source, node->at, err,
                              "comparisons between scalars must use BOOL modifier");
    if (op_is_set(binary->op) && !vectors)
        return promql_fail_at(source, node->at, err,
                              "set operator not allowed in binary scalar expression");
    if (!vectors && binary->has_matching)
        return promql_fail_at(source, node->at, err,
                              "vector matching only allowed between instant vectors");
    return check_matching(parser, node, err);
}

static uint32_t child_height(const Node *node)
{
    uint32_t most = 0, param = 0;
    switch (node->kind) {
    case NODE_SUBQUERY: return node->subquery.inner->height;
    case NODE_NEGATE: return node->negated->height;
    case NODE_BINARY:
        most = node->binary.left->height;
        param = node->binary.right->height;
        break;
    case NODE_AGGREGATE:
        most = node->aggregate.inner->height;
        param = node->aggregate.param ? node->aggregate.param->height : 0;
        break;
    case NODE_CALL:
        for (size_t i = 0; i < node->call.arg_count; i++)
            most = node->call.args[i]->height > most ? node->call.args[i]->height : most;
        break;
    case NODE_NUMBER:
    case NODE_TEXT:
    case NODE_SELECTOR: break;
    }
    return most > param ? most : param;
}

bool promql_check(const Parser *parser, Node *node, Err *err)
{
    node->height = 1 + child_height(node);
    if (node->height > PROMQL_DEPTH_MAX)
        return promql_fail_at(parser->list.source, node->at, err, "more than %d levels",
                              PROMQL_DEPTH_MAX);
    switch (node->kind) {
    case NODE_NUMBER: node->type = PROM_SCALAR; return true;
    case NODE_TEXT: node->type = PROM_STRING; return true;
    case NODE_SELECTOR:
        node->type = node->selector.has_range ? PROM_MATRIX : PROM_VECTOR;
        return true;
    case NODE_SUBQUERY: node->type = PROM_MATRIX; return true;
    case NODE_NEGATE: node->type = node->negated->type; return true;
    case NODE_BINARY: return check_binary(parser, node, err);
    case NODE_AGGREGATE: return check_aggregate(parser, node, err);
    case NODE_CALL: return check_call(parser, node, err);
    }
    return true;
}
