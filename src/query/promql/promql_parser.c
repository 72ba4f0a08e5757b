/* promql_parser.c - text to tree; see promql_tree_internal.h.
 *
 * Recursive descent with binding powers for the binary operators. From loose to tight:
 *
 *     or | and unless | == != < <= > >= | + - | * / % atan2 | unary + - | ^ (to the right) |
 * postfix
 *
 * The depth of nesting and the height of the tree are both bounded by PROMQL_DEPTH_MAX.
 */
#include "query/promql/promql_functions_internal.h"
#include "query/promql/promql_tree_internal.h"

#include "base/mem.h"

#include <math.h>

enum { ARENA_MAX = 64 << 20, SHOWN_MAX = 60, ARGS_MAX = 64, NAMES_MAX = 256 };
enum { POWER_OR = 1, POWER_AND, POWER_COMPARE, POWER_ADD, POWER_MUL, POWER_UNARY, POWER_POW };

static Node *parse_expression(Parser *parser, int power, Err *err);

/* ---- helpers for all parts of the parser --------------------------------------------------------
 */

bool promql_parser_accept(Parser *parser, TokenKind kind)
{
    bool is = promql_parser_peek(parser)->kind == kind;
    if (is)
        promql_parser_take(parser);
    return is;
}

static bool is_word(const Token *token, const char *word)
{
    return token->kind == TOKEN_NAME && str_eq_nocase(token->text, str_from(word));
}

bool promql_parser_accept_word(Parser *parser, const char *word)
{
    bool is = is_word(promql_parser_peek(parser), word);
    if (is)
        promql_parser_take(parser);
    return is;
}

bool promql_parser_unexpected(const Parser *parser, const char *where, Err *err)
{
    const Token *token = promql_parser_peek(parser);
    Str source = parser->list.source;
    if (token->kind == TOKEN_END)
        return promql_fail_at(source, token->at, err, "unexpected end of input in %s", where);
    Str shown = str_first(str_skip(source, token->at), token->end - token->at);
    return promql_fail_at(source, token->at, err, "unexpected \"%.*s\" in %s",
                          STR_ARG(str_first(shown, SHOWN_MAX)), where);
}

bool promql_parser_refuse(const Parser *parser, size_t at, const char *what, Err *err)
{
    TextPlace place = promql_place(parser->list.source, at);
    return fail(err, ERR_UNSUPPORTED, "%zu:%zu: %s is not supported yet", place.line, place.column,
                what);
}

bool promql_parser_expect(Parser *parser, TokenKind kind, const char *where, Err *err)
{
    return promql_parser_accept(parser, kind) || promql_parser_unexpected(parser, where, err);
}

Node *promql_parser_node(Parser *parser, NodeKind kind, size_t at, Err *err)
{
    Node *node = ARENA_MAKE(parser->arena, Node, 1, err);
    if (node) {
        node->kind = kind;
        node->at = node->end = (uint32_t)at;
    }
    return node;
}

/* The node is whole: its end is where we stand. */
static Node *finish(Parser *parser, Node *node, Err *err)
{
    if (parser->next)
        node->end = parser->list.tokens[parser->next - 1].end;
    return promql_check(parser, node, err) ? node : NULL;
}

static bool promql_parser_names(Parser *parser, NameList *out, Err *err)
{
    if (!promql_parser_expect(parser, TOKEN_OPEN_PAREN, "grouping opts", err))
        return false;
    Str names[NAMES_MAX];
    size_t count = 0;
    while (promql_parser_peek(parser)->kind != TOKEN_CLOSE_PAREN) {
        const Token *token = promql_parser_peek(parser);
        bool is_name = token->kind == TOKEN_TEXT
                           ? token->text.len && utf8_valid(token->text)
                           : token->kind == TOKEN_NAME && !str_contains(token->text, STR(":"));
        if (!is_name)
            return promql_parser_unexpected(parser, "grouping opts, expected label", err);
        if (count == NAMES_MAX)
            return promql_fail_at(parser->list.source, token->at, err, "more than %d labels",
                                  NAMES_MAX);
        names[count++] = promql_parser_take(parser)->text;
        if (!promql_parser_accept(parser, TOKEN_COMMA))
            break;
    }
    out->names = ARENA_MAKE(parser->arena, Str, count + 1, err);
    if (!out->names)
        return false;
    for (size_t i = 0; i < count; i++)
        out->names[i] = names[i];
    out->count = count;
    return promql_parser_expect(parser, TOKEN_CLOSE_PAREN, "grouping opts, expected \",\" or \")\"",
                                err);
}

/* ---- aggregations and calls ---------------------------------------------------------------------
 */

typedef struct AggregateRow {
    Str name;
    AggregateOp op;
} AggregateRow;

static const AggregateRow *find_aggregate(Str name)
{
    static const AggregateRow rows[] = {
        { STR_ROW("sum"), AGG_SUM },           { STR_ROW("avg"), AGG_AVG },
        { STR_ROW("min"), AGG_MIN },           { STR_ROW("max"), AGG_MAX },
        { STR_ROW("count"), AGG_COUNT },       { STR_ROW("group"), AGG_GROUP },
        { STR_ROW("stddev"), AGG_STDDEV },     { STR_ROW("stdvar"), AGG_STDVAR },
        { STR_ROW("topk"), AGG_TOPK },         { STR_ROW("bottomk"), AGG_BOTTOMK },
        { STR_ROW("quantile"), AGG_QUANTILE }, { STR_ROW("count_values"), AGG_COUNT_VALUES },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (str_eq_nocase(name, rows[i].name))
            return &rows[i];
    return NULL;
}

static bool parse_grouping(Parser *parser, Aggregate *aggregate, bool *found, Err *err)
{
    bool by = promql_parser_accept_word(parser, "by");
    aggregate->without = !by && promql_parser_accept_word(parser, "without");
    *found = by || aggregate->without;
    return !*found || promql_parser_names(parser, &aggregate->labels, err);
}

static Node *parse_aggregate(Parser *parser, AggregateOp op, Err *err)
{
    size_t at = promql_parser_take(parser)->at;
    Node *node = promql_parser_node(parser, NODE_AGGREGATE, at, err);
    bool grouped, behind;
    if (!node || !parse_grouping(parser, &node->aggregate, &grouped, err) ||
        !promql_parser_expect(parser, TOKEN_OPEN_PAREN, "aggregation", err))
        return NULL;
    node->aggregate.op = op;
    Node *first = parse_expression(parser, POWER_OR, err);
    if (!first)
        return NULL;
    node->aggregate.inner = first;
    if (promql_parser_accept(parser, TOKEN_COMMA) &&
        promql_parser_peek(parser)->kind != TOKEN_CLOSE_PAREN) {
        node->aggregate.param = first;
        node->aggregate.inner = parse_expression(parser, POWER_OR, err);
        if (!node->aggregate.inner)
            return NULL;
    }
    if (!promql_parser_expect(parser, TOKEN_CLOSE_PAREN, "aggregation", err) ||
        (!grouped && !parse_grouping(parser, &node->aggregate, &behind, err)))
        return NULL;
    return finish(parser, node, err);
}

static Node *parse_call(Parser *parser, Err *err)
{
    const Token *name = promql_parser_take(parser);
    const Function *function = promql_function(name->text);
    Node *args[ARGS_MAX];
    size_t count = 0;
    if (!function) {
        promql_fail_at(parser->list.source, name->at, err,
                       "unknown function with name \"%.*s\" (or one that is not supported yet)",
                       STR_ARG(str_first(name->text, SHOWN_MAX)));
        return NULL;
    }
    promql_parser_take(parser); /* ( */
    while (promql_parser_peek(parser)->kind != TOKEN_CLOSE_PAREN && count < ARGS_MAX) {
        args[count] = parse_expression(parser, POWER_OR, err);
        if (!args[count++])
            return NULL;
        if (!promql_parser_accept(parser, TOKEN_COMMA))
            break;
    }
    Node *node = promql_parser_node(parser, NODE_CALL, name->at, err);
    if (!node || !promql_parser_expect(parser, TOKEN_CLOSE_PAREN, "call to function", err))
        return NULL;
    node->call.function = function;
    node->call.args = ARENA_MAKE(parser->arena, Node *, count + 1, err);
    if (!node->call.args)
        return NULL;
    for (size_t i = 0; i < count; i++)
        node->call.args[i] = args[i];
    node->call.arg_count = count;
    return finish(parser, node, err);
}

/* ---- what stands alone --------------------------------------------------------------------------
 */

static Node *new_number(Parser *parser, double value, Err *err)
{
    Node *node = promql_parser_node(parser, NODE_NUMBER, promql_parser_take(parser)->at, err);
    if (!node)
        return NULL;
    node->number = value;
    return finish(parser, node, err);
}

static bool is_grouped(const Token *next)
{
    return next->kind == TOKEN_OPEN_PAREN || is_word(next, "by") || is_word(next, "without");
}

static bool refuse_word(const Parser *parser, const Token *token, Err *err)
{
    static const char *const words[] = { "bool", "on", "ignoring", "group_left", "group_right" };
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (is_word(token, words[i]))
            return !promql_parser_unexpected(parser, "expression", err);
    return false;
}

static Node *parse_name(Parser *parser, Err *err)
{
    const Token *token = promql_parser_peek(parser), *next = token + 1;
    const AggregateRow *aggregate = find_aggregate(token->text);
    if (aggregate && is_grouped(next))
        return parse_aggregate(parser, aggregate->op, err);
    if (is_grouped(next) && (is_word(token, "limitk") || is_word(token, "limit_ratio"))) {
        promql_parser_refuse(parser, token->at, "limitk and limit_ratio", err);
        return NULL;
    }
    if (next->kind == TOKEN_OPEN_PAREN)
        return parse_call(parser, err);
    if (is_word(token, "inf") || is_word(token, "nan"))
        return new_number(parser, is_word(token, "inf") ? INFINITY : NAN, err);
    if (refuse_word(parser, token, err))
        return NULL;
    Node *node = promql_parse_selector(parser, err);
    return node ? finish(parser, node, err) : NULL;
}

static Node *parse_parens(Parser *parser, Err *err)
{
    promql_parser_take(parser);
    Node *inner = parse_expression(parser, POWER_OR, err);
    if (!inner || !promql_parser_expect(parser, TOKEN_CLOSE_PAREN, "paren expression", err))
        return NULL;
    inner->in_parens = true;
    return inner;
}

static Node *parse_text(Parser *parser, Err *err)
{
    const Token *token = promql_parser_take(parser);
    Node *node = promql_parser_node(parser, NODE_TEXT, token->at, err);
    if (!node)
        return NULL;
    node->text = token->text;
    return finish(parser, node, err);
}

static Node *parse_primary(Parser *parser, Err *err)
{
    const Token *token = promql_parser_peek(parser);
    Node *node = NULL;
    if (token->kind == TOKEN_NUMBER || token->kind == TOKEN_DURATION)
        return new_number(parser, token->number, err);
    if (token->kind == TOKEN_TEXT)
        return parse_text(parser, err);
    if (token->kind == TOKEN_NAME) {
        node = parse_name(parser, err);
    } else if (token->kind == TOKEN_OPEN_PAREN) {
        node = parse_parens(parser, err);
    } else if (token->kind == TOKEN_OPEN_BRACE) {
        node = promql_parse_selector(parser, err);
        node = node ? finish(parser, node, err) : NULL;
    } else if (token->kind == TOKEN_END && !parser->next) {
        promql_fail_at(parser->list.source, 0, err, "no expression found in input");
    } else {
        promql_parser_unexpected(parser, "expression", err);
    }
    return node && promql_parse_postfix(parser, &node, err) ? node : NULL;
}

static Node *parse_unary(Parser *parser, Err *err)
{
    const Token *token = promql_parser_peek(parser);
    if (token->kind != TOKEN_SUB && token->kind != TOKEN_ADD)
        return parse_primary(parser, err);
    promql_parser_take(parser);
    Node *inner = parse_expression(parser, POWER_UNARY, err);
    if (!inner)
        return NULL;
    if (inner->type != PROM_SCALAR && inner->type != PROM_VECTOR) {
        promql_fail_at(parser->list.source, token->at, err,
                       "unary expression only allowed on expressions of type scalar or instant "
                       "vector, got \"%s\"",
                       prom_type_name(inner->type));
        return NULL;
    }
    if (token->kind == TOKEN_ADD)
        return inner;
    Node *node = promql_parser_node(parser, NODE_NEGATE, token->at, err);
    if (!node)
        return NULL;
    node->negated = inner;
    return finish(parser, node, err);
}

/* ---- binary operators ---------------------------------------------------------------------------
 */

typedef struct OperatorRow {
    TokenKind kind; /* TOKEN_NAME: by its word */
    BinaryOp op;
    int power;
    const char *word;
} OperatorRow;

static const OperatorRow *find_operator(const Token *token)
{
    static const OperatorRow rows[] = {
        { TOKEN_ADD, OP_ADD, POWER_ADD, NULL },         { TOKEN_SUB, OP_SUB, POWER_ADD, NULL },
        { TOKEN_MUL, OP_MUL, POWER_MUL, NULL },         { TOKEN_DIV, OP_DIV, POWER_MUL, NULL },
        { TOKEN_MOD, OP_MOD, POWER_MUL, NULL },         { TOKEN_POW, OP_POW, POWER_POW, NULL },
        { TOKEN_EQ, OP_EQ, POWER_COMPARE, NULL },       { TOKEN_NE, OP_NE, POWER_COMPARE, NULL },
        { TOKEN_LT, OP_LT, POWER_COMPARE, NULL },       { TOKEN_LE, OP_LE, POWER_COMPARE, NULL },
        { TOKEN_GT, OP_GT, POWER_COMPARE, NULL },       { TOKEN_GE, OP_GE, POWER_COMPARE, NULL },
        { TOKEN_NAME, OP_ATAN2, POWER_MUL, "atan2" },   { TOKEN_NAME, OP_AND, POWER_AND, "and" },
        { TOKEN_NAME, OP_UNLESS, POWER_AND, "unless" }, { TOKEN_NAME, OP_OR, POWER_OR, "or" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].word ? is_word(token, rows[i].word) : token->kind == rows[i].kind)
            return &rows[i];
    return NULL;
}

static bool parse_group_side(Parser *parser, Binary *binary, Err *err)
{
    const Token *token = promql_parser_peek(parser);
    bool left = is_word(token, "group_left");
    if (!left && !is_word(token, "group_right"))
        return true;
    if (!binary->has_matching)
        return promql_parser_unexpected(parser,
                                        "binary expression, expected on or ignoring before it",
                                        err);
    promql_parser_take(parser);
    binary->cardinality = left ? MANY_TO_ONE : ONE_TO_MANY;
    return promql_parser_peek(parser)->kind != TOKEN_OPEN_PAREN ||
           promql_parser_names(parser, &binary->include, err);
}

/* bool, on, ignoring, group_left, group_right, in this order. */
static bool parse_modifiers(Parser *parser, Binary *binary, Err *err)
{
    binary->is_bool = promql_parser_accept_word(parser, "bool");
    binary->is_on = promql_parser_accept_word(parser, "on");
    binary->has_matching = binary->is_on || promql_parser_accept_word(parser, "ignoring");
    if (binary->has_matching && !promql_parser_names(parser, &binary->labels, err))
        return false;
    if (!parse_group_side(parser, binary, err))
        return false;
    const Token *token = promql_parser_peek(parser);
    bool fills =
        is_word(token, "fill") || is_word(token, "fill_left") || is_word(token, "fill_right");
    return !fills || token[1].kind != TOKEN_OPEN_PAREN ||
           promql_parser_refuse(parser, token->at, "fill", err);
}

static Node *parse_operation(Parser *parser, Node *left, const OperatorRow *row, Err *err)
{
    uint32_t at = left->at;
    Node *node = promql_parser_node(parser, NODE_BINARY, at, err);
    if (!node)
        return NULL;
    promql_parser_take(parser);
    node->binary.op = row->op;
    node->binary.left = left;
    if (!parse_modifiers(parser, &node->binary, err))
        return NULL;
    int power = row->op == OP_POW ? POWER_POW : row->power + 1;
    node->binary.right = parse_expression(parser, power, err);
    return node->binary.right ? finish(parser, node, err) : NULL;
}

static Node *parse_loop(Parser *parser, int power, Err *err)
{
    Node *left = parse_unary(parser, err);
    while (left) {
        const Token *token = promql_parser_peek(parser);
        const OperatorRow *row = find_operator(token);
        if (token->kind == TOKEN_TRIM_UPPER || token->kind == TOKEN_TRIM_LOWER) {
            promql_parser_refuse(parser, token->at, "trimming native histograms", err);
            return NULL;
        }
        if (!row || row->power < power)
            break;
        left = parse_operation(parser, left, row, err);
    }
    return left;
}

static Node *parse_expression(Parser *parser, int power, Err *err)
{
    if (++parser->depth > PROMQL_DEPTH_MAX) {
        promql_fail_at(parser->list.source, promql_parser_peek(parser)->at, err,
                       "nested deeper than %d levels", PROMQL_DEPTH_MAX);
        return NULL;
    }
    Node *node = parse_loop(parser, power, err);
    parser->depth--;
    return node;
}

/* ---- the door -----------------------------------------------------------------------------------
 */

static bool parse(PromExpr *expr, Err *err)
{
    Parser parser = { .arena = expr->arena };
    if (!promql_lex(expr->text, expr->arena, &parser.list, err))
        return false;
    expr->root = parse_expression(&parser, POWER_OR, err);
    if (!expr->root)
        return false;
    return promql_parser_peek(&parser)->kind == TOKEN_END ||
           promql_parser_unexpected(&parser, "expression, expected its end", err);
}

PromExpr *promql_parse(Str text, Err *err)
{
    if (text.len > PROMQL_TEXT_MAX) {
        fail(err, ERR_LIMIT, "the query has %zu bytes, at most %d are taken", text.len,
             PROMQL_TEXT_MAX);
        return NULL;
    }
    PromExpr *expr = MEM_MAKE(PromExpr, 1, err);
    if (!expr)
        return NULL;
    expr->arena = arena_new(ARENA_MAX, err);
    if (expr->arena && arena_copy(expr->arena, text, &expr->text, err) && parse(expr, err))
        return expr;
    promql_free(expr);
    return NULL;
}

void promql_free(PromExpr *expr)
{
    if (!expr)
        return;
    arena_free(expr->arena);
    mem_free(expr);
}

PromType promql_type(const PromExpr *expr)
{
    return expr->root->type;
}

bool promql_selector(const PromExpr *expr, const LabelMatcher **out, size_t *count, Err *err)
{
    const Node *root = expr->root;
    if (root->kind != NODE_SELECTOR || root->selector.has_range || root->in_parens ||
        root->selector.shift.has_offset || root->selector.shift.at != AT_STEP)
        return fail(err, ERR_INPUT,
                    "1:1: parse error: expected a series selector and nothing else");
    *out = root->selector.matchers;
    *count = root->selector.matcher_count;
    return true;
}
