/* logql_parse.c - words to the typed tree: the expressions that give series. Precedence climbing:
 *
 *     or < and unless < == != > >= < <= < + - < * / % < ^ (to the right)
 *
 * A sign belongs to the number behind it, so -2^2 is 4; there is no sign before anything else.
 * logql_parse_log.c reads selectors and pipelines. Recursion is bounded by LOGQL_DEPTH_MAX, also
 * that of the tree, because the evaluator walks it the same way.
 */
#include "query/logql/logql_parser_internal.h"
#include "query/logql/logql_range_internal.h"

#include "base/mem.h"

#include <math.h>

static LogqlExpr *parse_expr(Parser *parser, int lowest);

/* ---- words --------------------------------------------------------------------------------------
 */

bool parser_step(Parser *parser)
{
    return lexer_next(&parser->lexer, &parser->token, parser->err);
}

bool parser_is_sign(const Parser *parser, Str sign)
{
    return parser->token.kind == LEX_SIGN && str_eq(parser->token.text, sign);
}

bool parser_is_word(const Parser *parser, Str word)
{
    return parser->token.kind == LEX_WORD && str_eq(parser->token.text, word);
}

bool parser_accept(Parser *parser, Str sign, bool *taken)
{
    *taken = parser_is_sign(parser, sign);
    return !*taken || parser_step(parser);
}

bool parser_unexpected(Parser *parser, const char *expecting)
{
    const LexToken *token = &parser->token;
    int width = (int)(token->text.len < 60 ? token->text.len : 60);
    const char *text = token->text.ptr ? token->text.ptr : "";
    static const char *const kinds[] = {
        [LEX_END] = "end of query", [LEX_TEXT] = "STRING",       [LEX_NUMBER] = "NUMBER",
        [LEX_BYTES] = "BYTES",      [LEX_DURATION] = "DURATION", [LEX_RANGE] = "RANGE",
        [LEX_FLAG] = "FLAG",        [LEX_WORD] = NULL,           [LEX_SIGN] = NULL,
    };
    const char *kind = kinds[token->kind];
    const char *comma = expecting ? ", expecting " : "";
    expecting = expecting ? expecting : "";
    Str source = parser->lexer.source;
    if (kind)
        return lexer_fail(source, token->at, parser->err, "syntax error: unexpected %s%s%s", kind,
                          comma, expecting);
    return lexer_fail(source, token->at, parser->err, "syntax error: unexpected %.*s%s%s", width,
                      text, comma, expecting);
}

bool parser_expect(Parser *parser, Str sign)
{
    return parser_is_sign(parser, sign) ? parser_step(parser) : parser_unexpected(parser, sign.ptr);
}

bool parser_word(Parser *parser, Str *out)
{
    if (parser->token.kind != LEX_WORD)
        return parser_unexpected(parser, "IDENTIFIER");
    *out = parser->token.text;
    return parser_step(parser);
}

bool parser_text(Parser *parser, Str *out)
{
    if (parser->token.kind != LEX_TEXT)
        return parser_unexpected(parser, "STRING");
    *out = parser->token.text;
    return parser_step(parser);
}

Regex *parser_regex(Parser *parser, Str pattern, RegexMode mode, size_t at)
{
    RegexLink *link = PARSER_NEW(parser, RegexLink);
    if (!link)
        return NULL;
    if (++parser->regexes > REGEXES_MAX)
        return lexer_fail(parser->lexer.source, at, parser->err, "more than %d regular expressions",
                          REGEXES_MAX),
               NULL;
    link->regex = regex_new(pattern, mode, parser->err);
    if (!link->regex) {
        if (parser->err->kind == ERR_INPUT)
            blame(parser->err, "error parsing regexp");
        lexer_blame(parser->lexer.source, at, parser->err);
        return NULL;
    }
    link->next = parser->query->regexes;
    parser->query->regexes = link;
    return link->regex;
}

/* ( a, b ); also empty. */
static bool parser_names(Parser *parser, LogqlNames *out)
{
    enum { NAMES_MAX = 64 };
    if (!parser_expect(parser, STR("(")))
        return false;
    out->ptr = ARENA_MAKE(parser->query->arena, Str, NAMES_MAX, parser->err);
    if (!out->ptr)
        return false;
    bool more = !parser_is_sign(parser, STR(")"));
    while (more) {
        if (out->count == NAMES_MAX)
            return lexer_fail(parser->lexer.source, parser->token.at, parser->err,
                              "more than %d labels", NAMES_MAX);
        if (!parser_word(parser, &out->ptr[out->count++]) ||
            !parser_accept(parser, STR(","), &more))
            return false;
    }
    return parser_expect(parser, STR(")"));
}

/* ---- trees --------------------------------------------------------------------------------------
 */

static LogqlExpr *new_expr(Parser *parser, LogqlKind kind, const LogqlExpr *a, const LogqlExpr *b)
{
    LogqlExpr *expr = PARSER_NEW(parser, LogqlExpr);
    if (!expr)
        return NULL;
    uint32_t below = a ? a->depth : 0;
    below = b && b->depth > below ? b->depth : below;
    expr->kind = kind;
    expr->depth = below + 1;
    if (expr->depth > LOGQL_DEPTH_MAX) {
        lexer_fail(parser->lexer.source, parser->token.at, parser->err,
                   "nested more than %d levels deep", LOGQL_DEPTH_MAX);
        return NULL;
    }
    return expr;
}

static LogqlExpr *new_number(Parser *parser, double number)
{
    LogqlExpr *expr = new_expr(parser, LOGQL_NUMBER, NULL, NULL);
    if (expr)
        expr->number = number;
    return expr;
}

/* A log query inside of an expression. */
static bool must_be_series(Parser *parser, const LogqlExpr *expr, size_t at)
{
    return expr->kind != LOGQL_LOG ||
           lexer_fail(parser->lexer.source, at, parser->err,
                      "syntax error: unexpected log lines where a metric is needed: put a range "
                      "aggregation such as rate({...}[5m]) around them");
}

/* [+-] NUMBER */
static bool parse_number(Parser *parser, double *out)
{
    bool minus = parser_is_sign(parser, STR("-"));
    if ((minus || parser_is_sign(parser, STR("+"))) && !parser_step(parser))
        return false;
    if (parser->token.kind != LEX_NUMBER)
        return parser_unexpected(parser, "NUMBER");
    *out = minus ? -parser->token.number : parser->token.number;
    return parser_step(parser);
}

/* by (a, b) or without (a) where one is next. */
static bool parse_grouping(Parser *parser, LogqlGrouping *out)
{
    bool by = parser_is_word(parser, STR("by")), without = parser_is_word(parser, STR("without"));
    if (!by && !without)
        return true;
    if (out->given)
        return parser_unexpected(parser, NULL);
    out->given = true;
    out->without = without;
    return parser_step(parser) && parser_names(parser, &out->names);
}

/* ---- functions over ranges ----------------------------------------------------------------------
 */

/* offset [-] 5m */
static bool parse_offset(Parser *parser, LogqlRange *range)
{
    if (!parser_is_word(parser, STR("offset")))
        return true;
    bool minus;
    if (!parser_step(parser) || !parser_accept(parser, STR("-"), &minus))
        return false;
    if (parser->token.kind != LEX_DURATION)
        return parser_unexpected(parser, "DURATION");
    range->offset_ns = minus ? -parser->token.nanos : parser->token.nanos;
    return parser_step(parser);
}

/* A selector with stages, and [5m] anywhere behind the selector; parentheses around any of it. */
static bool parse_log_range(Parser *parser, LogqlRange *range)
{
    if (++parser->depth > LOGQL_DEPTH_MAX)
        return parser_unexpected(parser, "fewer parentheses");
    bool parens;
    if (!parser_accept(parser, STR("("), &parens))
        return false;
    if (parens) {
        if (!parse_log_range(parser, range) || !parser_expect(parser, STR(")")))
            return false;
    } else {
        range->log = PARSER_NEW(parser, LogqlLog);
        if (!range->log || !parse_selector(parser, range->log) || !parse_stages(parser, range->log))
            return false;
    }
    if (parser->token.kind == LEX_RANGE && !range->range_ns) {
        range->range_ns = parser->token.nanos;
        if (!parser_step(parser) || !parse_offset(parser, range) ||
            !parse_stages(parser, range->log))
            return false;
    }
    parser->depth--;
    return true;
}

static bool check_range(Parser *parser, const LogqlRange *range, size_t at)
{
    const RangeFunction *function = range->function;
    Str source = parser->lexer.source;
    Str name = function->name;
    if (range->log->unwraps && function->takes == TAKES_LINES)
        return lexer_fail(source, at, parser->err, "invalid aggregation %.*s with unwrap",
                          STR_ARG(name));
    if (!range->log->unwraps && function->takes == TAKES_SAMPLES)
        return lexer_fail(source, at, parser->err, "invalid aggregation %.*s without unwrap",
                          STR_ARG(name));
    if (range->grouping.given && !function->grouping)
        return lexer_fail(source, at, parser->err, "grouping not allowed for %.*s aggregation",
                          STR_ARG(name));
    return true;
}

static LogqlExpr *parse_range(Parser *parser, const RangeFunction *function)
{
    LogqlExpr *expr = new_expr(parser, LOGQL_RANGE, NULL, NULL);
    if (!expr)
        return NULL;
    LogqlRange *range = &expr->range;
    size_t at = parser->token.at;
    range->function = function;
    if (!parser_step(parser) || !parse_grouping(parser, &range->grouping) ||
        !parser_expect(parser, STR("(")))
        return NULL;
    if (function->parameter) {
        if (parser->token.kind != LEX_NUMBER)
            return parser_unexpected(parser, "NUMBER"), NULL;
        range->parameter = parser->token.number;
        if (!parser_step(parser) || !parser_expect(parser, STR(",")))
            return NULL;
    }
    if (!parse_log_range(parser, range))
        return NULL;
    if (!range->range_ns)
        return parser_unexpected(parser, "RANGE"), NULL;
    if (!parser_expect(parser, STR(")")) || !parse_grouping(parser, &range->grouping))
        return NULL;
    return check_range(parser, range, at) ? expr : NULL;
}

/* ---- aggregations over series -------------------------------------------------------------------
 */

typedef struct AggregateName {
    Str name;
    AggregateKind kind;
    bool counts; /* topk(3, ...) */
    bool no_groups;
} AggregateName;

static const AggregateName aggregates[] = {
    { STR_ROW("sum"), AGGREGATE_SUM, false, false },
    { STR_ROW("avg"), AGGREGATE_AVG, false, false },
    { STR_ROW("min"), AGGREGATE_MIN, false, false },
    { STR_ROW("max"), AGGREGATE_MAX, false, false },
    { STR_ROW("count"), AGGREGATE_COUNT, false, false },
    { STR_ROW("stddev"), AGGREGATE_STDDEV, false, false },
    { STR_ROW("stdvar"), AGGREGATE_STDVAR, false, false },
    { STR_ROW("topk"), AGGREGATE_TOPK, true, false },
    { STR_ROW("bottomk"), AGGREGATE_BOTTOMK, true, false },
    { STR_ROW("sort"), AGGREGATE_SORT, false, true },
    { STR_ROW("sort_desc"), AGGREGATE_SORT_DESC, false, true },
    { STR_ROW("approx_topk"), AGGREGATE_APPROX_TOPK, true, true },
};

static bool parse_count(Parser *parser, const AggregateName *row, LogqlAggregate *out)
{
    Str source = parser->lexer.source;
    const LexToken *token = &parser->token;
    if (token->kind != LEX_NUMBER)
        return lexer_fail(source, token->at, parser->err, "parameter required for operation %.*s",
                          STR_ARG(row->name));
    if (!(token->number > 0 && token->number < 1e9) || token->number != floor(token->number))
        return lexer_fail(source, token->at, parser->err, "invalid parameter %.*s(%.*s,",
                          STR_ARG(row->name), STR_ARG(str_first(token->text, 40)));
    out->count = (uint64_t)token->number;
    return parser_step(parser) && parser_expect(parser, STR(","));
}

static LogqlExpr *parse_aggregate(Parser *parser, const AggregateName *row)
{
    LogqlAggregate made = { .kind = row->kind };
    size_t at = parser->token.at;
    if (!parser_step(parser) || !parse_grouping(parser, &made.grouping) ||
        !parser_expect(parser, STR("(")) || (row->counts && !parse_count(parser, row, &made)))
        return NULL;
    size_t inner_at = parser->token.at;
    made.of = parse_expr(parser, 0);
    if (!made.of || !must_be_series(parser, made.of, inner_at) ||
        !parser_expect(parser, STR(")")) || !parse_grouping(parser, &made.grouping))
        return NULL;
    Str source = parser->lexer.source;
    if (made.grouping.given && row->no_groups)
        return lexer_fail(source, at, parser->err, "grouping not allowed for %.*s aggregation",
                          STR_ARG(row->name)),
               NULL;
    if (made.of->kind == LOGQL_NUMBER)
        return lexer_fail(source, inner_at, parser->err, "syntax error: unexpected NUMBER"), NULL;
    LogqlExpr *expr = new_expr(parser, LOGQL_AGGREGATE, made.of, NULL);
    if (expr)
        expr->aggregate = made;
    return expr;
}

/* ---- vector(1), label_replace(...) --------------------------------------------------------------
 */

static LogqlExpr *parse_vector(Parser *parser)
{
    LogqlExpr *expr = new_expr(parser, LOGQL_VECTOR, NULL, NULL);
    if (!expr || !parser_step(parser) || !parser_expect(parser, STR("(")) ||
        !parse_number(parser, &expr->number) || !parser_expect(parser, STR(")")))
        return NULL;
    return expr;
}

static bool comma_text(Parser *parser, Str *out)
{
    return parser_expect(parser, STR(",")) && parser_text(parser, out);
}

static LogqlExpr *parse_replace(Parser *parser)
{
    LogqlReplace made = { 0 };
    Str pattern;
    if (!parser_step(parser) || !parser_expect(parser, STR("(")))
        return NULL;
    size_t at = parser->token.at;
    made.of = parse_expr(parser, 0);
    if (!made.of || !must_be_series(parser, made.of, at) || !comma_text(parser, &made.target) ||
        !comma_text(parser, &made.replacement) || !comma_text(parser, &made.source))
        return NULL;
    size_t pattern_at = parser->token.at;
    if (!comma_text(parser, &pattern) || !parser_expect(parser, STR(")")))
        return NULL;
    made.regex = parser_regex(parser, pattern, REGEX_ANCHORED, pattern_at);
    LogqlExpr *expr = made.regex ? new_expr(parser, LOGQL_REPLACE, made.of, NULL) : NULL;
    if (expr)
        expr->replace = made;
    return expr;
}

/* ---- operators ----------------------------------------------------------------------------------
 */

typedef struct OperatorName {
    Str name;
    int precedence;
    BinaryOp op;
    Comparison comparison;
} OperatorName;

enum { PRECEDENCE_POWER = 6 };

static const OperatorName operators[] = {
    { STR_ROW("or"), 1, BINARY_OR, EQUAL },
    { STR_ROW("and"), 2, BINARY_AND, EQUAL },
    { STR_ROW("unless"), 2, BINARY_UNLESS, EQUAL },
    { STR_ROW("=="), 3, BINARY_COMPARE, EQUAL },
    { STR_ROW("!="), 3, BINARY_COMPARE, NOT_EQUAL },
    { STR_ROW(">"), 3, BINARY_COMPARE, GREATER },
    { STR_ROW(">="), 3, BINARY_COMPARE, GREATER_EQUAL },
    { STR_ROW("<"), 3, BINARY_COMPARE, LESS },
    { STR_ROW("<="), 3, BINARY_COMPARE, LESS_EQUAL },
    { STR_ROW("+"), 4, BINARY_ADD, EQUAL },
    { STR_ROW("-"), 4, BINARY_SUBTRACT, EQUAL },
    { STR_ROW("*"), 5, BINARY_MULTIPLY, EQUAL },
    { STR_ROW("/"), 5, BINARY_DIVIDE, EQUAL },
    { STR_ROW("%"), 5, BINARY_MODULO, EQUAL },
    { STR_ROW("^"), PRECEDENCE_POWER, BINARY_POWER, EQUAL },
};

static const OperatorName *next_operator(const Parser *parser)
{
    if (parser->token.kind == LEX_SIGN || parser->token.kind == LEX_WORD)
        for (size_t i = 0; i < COUNT_OF(operators); i++)
            if (str_eq(operators[i].name, parser->token.text))
                return &operators[i];
    return NULL;
}

/* bool, on(...), ignoring(...), group_left(...), group_right(...) */
static bool parse_matching(Parser *parser, LogqlBinary *out)
{
    if (parser_is_word(parser, STR("bool"))) {
        if (out->op != BINARY_COMPARE)
            return parser_unexpected(parser, NULL);
        out->is_bool = true;
        if (!parser_step(parser))
            return false;
    }
    out->on = parser_is_word(parser, STR("on"));
    if (!out->on && !parser_is_word(parser, STR("ignoring")))
        return true;
    if (!parser_step(parser) || !parser_names(parser, &out->names))
        return false;
    bool left = parser_is_word(parser, STR("group_left"));
    if (!left && !parser_is_word(parser, STR("group_right")))
        return true;
    out->many = left ? MANY_TO_ONE : ONE_TO_MANY;
    return parser_step(parser) &&
           (!parser_is_sign(parser, STR("(")) || parser_names(parser, &out->include));
}

static bool check_binary(Parser *parser, const LogqlBinary *binary, size_t at)
{
    bool is_set =
        binary->op == BINARY_AND || binary->op == BINARY_OR || binary->op == BINARY_UNLESS;
    Str source = parser->lexer.source;
    if (!must_be_series(parser, binary->left, at) || !must_be_series(parser, binary->right, at))
        return false;
    bool left = binary->left->kind == LOGQL_NUMBER;
    if (is_set && (left || binary->right->kind == LOGQL_NUMBER))
        return lexer_fail(source, at, parser->err,
                          "unexpected literal for %s leg of logical/set binary operation",
                          left ? "left" : "right");
    if (is_set && binary->many != ONE_TO_ONE)
        return lexer_fail(source, at, parser->err, "no grouping allowed for set operations");
    return true;
}

static LogqlExpr *new_binary(Parser *parser, const LogqlBinary *made, size_t at)
{
    if (!check_binary(parser, made, at))
        return NULL;
    if (made->left->kind == LOGQL_NUMBER && made->right->kind == LOGQL_NUMBER)
        return new_number(parser, logql_arithmetic(made, made->left->number, made->right->number));
    LogqlExpr *expr = new_expr(parser, LOGQL_BINARY, made->left, made->right);
    if (expr)
        expr->binary = *made;
    return expr;
}

/* ---- what operators stand between ---------------------------------------------------------------
 */

static LogqlExpr *parse_log_expr(Parser *parser)
{
    LogqlExpr *expr = new_expr(parser, LOGQL_LOG, NULL, NULL);
    if (!expr)
        return NULL;
    expr->log = PARSER_NEW(parser, LogqlLog);
    if (!expr->log || !parse_selector(parser, expr->log) || !parse_stages(parser, expr->log))
        return NULL;
    if (parser->token.kind == LEX_RANGE)
        return parser_unexpected(parser, NULL), NULL;
    if (expr->log->unwraps)
        return parser_unexpected(parser, "RANGE"), NULL;
    return expr;
}

static LogqlExpr *parse_named(Parser *parser)
{
    Str name = parser->token.text;
    const RangeFunction *function = range_function(name);
    if (function)
        return parse_range(parser, function);
    for (size_t i = 0; i < COUNT_OF(aggregates); i++)
        if (str_eq(aggregates[i].name, name))
            return parse_aggregate(parser, &aggregates[i]);
    if (str_eq(name, STR("vector")))
        return parse_vector(parser);
    if (str_eq(name, STR("label_replace")))
        return parse_replace(parser);
    double number;
    if (logql_float(name, &number)) /* Inf, NaN */
        return parser_step(parser) ? new_number(parser, number) : NULL;
    return parser_unexpected(parser, "a selector or a function"), NULL;
}

static LogqlExpr *parse_operand(Parser *parser)
{
    if (parser_is_sign(parser, STR("("))) {
        LogqlExpr *expr = parser_step(parser) ? parse_expr(parser, 0) : NULL;
        if (!expr || !parser_expect(parser, STR(")")))
            return NULL;
        if (expr->kind == LOGQL_LOG && !parse_stages(parser, expr->log))
            return NULL;
        return expr;
    }
    if (parser_is_sign(parser, STR("{")))
        return parse_log_expr(parser);
    if (parser->token.kind == LEX_WORD)
        return parse_named(parser);
    double number;
    if (parser->token.kind == LEX_NUMBER || parser_is_sign(parser, STR("-")) ||
        parser_is_sign(parser, STR("+")))
        return parse_number(parser, &number) ? new_number(parser, number) : NULL;
    return parser_unexpected(parser, NULL), NULL;
}

/* Operators of at least this precedence. */
static LogqlExpr *parse_expr(Parser *parser, int lowest)
{
    if (++parser->depth > LOGQL_DEPTH_MAX)
        return lexer_fail(parser->lexer.source, parser->token.at, parser->err,
                          "nested more than %d levels deep", LOGQL_DEPTH_MAX),
               NULL;
    LogqlExpr *left = parse_operand(parser);
    for (const OperatorName *row;
         left && (row = next_operator(parser)) && row->precedence >= lowest;) {
        LogqlBinary made = { .op = row->op, .comparison = row->comparison, .left = left };
        size_t at = parser->token.at;
        if (!parser_step(parser) || !parse_matching(parser, &made))
            return NULL;
        bool to_the_right = row->precedence == PRECEDENCE_POWER;
        made.right = parse_expr(parser, row->precedence + (to_the_right ? 0 : 1));
        left = made.right ? new_binary(parser, &made, at) : NULL;
    }
    parser->depth--;
    return left;
}

/* ---- the door -----------------------------------------------------------------------------------
 */

static bool parse_all(LogqlQuery *query, Err *err)
{
    Parser parser = { .lexer = { .source = query->text, .arena = query->arena },
                      .query = query,
                      .err = err };
    if (!parser_step(&parser))
        return false;
    query->root = parse_expr(&parser, 0);
    return query->root && (parser.token.kind == LEX_END || parser_unexpected(&parser, NULL));
}

LogqlQuery *logql_parse(Str text, Err *err)
{
    enum { TREE_MAX = 8 << 20 };
    if (text.len > LOGQL_TEXT_MAX)
        return fail(err, ERR_LIMIT, "a query of %zu bytes, at most %d are taken", text.len,
                    LOGQL_TEXT_MAX),
               NULL;
    LogqlQuery *query = MEM_MAKE(LogqlQuery, 1, err);
    if (!query)
        return NULL;
    query->arena = arena_new(TREE_MAX, err);
    if (!query->arena || !arena_copy(query->arena, text, &query->text, err) ||
        !parse_all(query, err)) {
        logql_free(query);
        return NULL;
    }
    return query;
}

void logql_free(LogqlQuery *query)
{
    if (!query)
        return;
    for (RegexLink *link = query->regexes; link; link = link->next)
        regex_free(link->regex);
    arena_free(query->arena);
    mem_free(query);
}

LogqlType logql_type(const LogqlQuery *query)
{
    return query->root->kind == LOGQL_LOG      ? LOGQL_STREAMS
           : query->root->kind == LOGQL_NUMBER ? LOGQL_SCALAR
                                               : LOGQL_METRIC;
}

bool logql_selector(const LogqlQuery *query, const LabelMatcher **matchers, size_t *count)
{
    const LogqlExpr *root = query->root;
    if (root->kind != LOGQL_LOG || root->log->stages)
        return false;
    *matchers = root->log->matchers;
    *count = root->log->matcher_count;
    return true;
}
