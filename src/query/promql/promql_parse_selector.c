/* promql_parse_selector.c - selectors, and what may stand behind one: [range], offset, @. */
#include "query/promql/promql_tree_internal.h"

#include <math.h>

enum { MATCHERS_MAX = LABEL_MATCHERS_MAX };
#define TIME_MAX_MS (INT64_MAX / 4) /* far beyond any sample, far from overflow */

typedef struct Braces {
    LabelMatcher matchers[MATCHERS_MAX];
    size_t count;
    bool named; /* the metric's name is among them by itself */
} Braces;

static bool add_matcher(Parser *parser, Braces *braces, LabelMatcher matcher, Err *err)
{
    if (braces->count == MATCHERS_MAX)
        return promql_fail_at(parser->list.source, promql_parser_peek(parser)->at, err,
                              "more than %d label matchers", MATCHERS_MAX);
    braces->matchers[braces->count++] = matcher;
    return true;
}

static bool add_name(Parser *parser, Braces *braces, const Token *token, Err *err)
{
    if (braces->named)
        return promql_fail_at(parser->list.source, token->at, err,
                              "metric name must not be set twice: \"%.*s\"",
                              STR_ARG(str_first(token->text, 60)));
    if (!utf8_valid(token->text) || !token->text.len)
        return promql_fail_at(parser->list.source, token->at, err, "invalid metric name");
    braces->named = true;
    LabelMatcher matcher = { LABEL_EQUAL, STR(LABEL_METRIC_NAME), token->text };
    return add_matcher(parser, braces, matcher, err);
}

static bool take_op(Parser *parser, LabelOp *op)
{
    static const struct {
        TokenKind kind;
        LabelOp op;
    } rows[] = {
        { TOKEN_ASSIGN, LABEL_EQUAL },
        { TOKEN_NE, LABEL_NOT_EQUAL },
        { TOKEN_MATCH, LABEL_REGEX },
        { TOKEN_NO_MATCH, LABEL_NOT_REGEX },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (promql_parser_accept(parser, rows[i].kind)) {
            *op = rows[i].op;
            return true;
        }
    return false;
}

static bool check_regex(Parser *parser, const LabelMatcher *matcher, const Token *at, Err *err)
{
    if (matcher->op != LABEL_REGEX && matcher->op != LABEL_NOT_REGEX)
        return true;
    Err why;
    Regex *regex = regex_new(matcher->value, REGEX_ANCHORED, &why);
    regex_free(regex);
    return regex || promql_fail_at(parser->list.source, at->at, err, "%s", why.text);
}

/* name op "text", or "metric name" */
static bool parse_matcher(Parser *parser, Braces *braces, Err *err)
{
    const Token *name = promql_parser_peek(parser);
    if ((name->kind != TOKEN_NAME && name->kind != TOKEN_TEXT) ||
        (name->kind == TOKEN_NAME && str_contains(name->text, STR(":"))))
        return promql_parser_unexpected(parser, "label matching, expected identifier or \"}\"",
                                        err);
    promql_parser_take(parser);
    LabelMatcher matcher = { .name = name->text };
    if (!take_op(parser, &matcher.op)) {
        if (name->kind == TOKEN_TEXT)
            return add_name(parser, braces, name, err);
        return promql_parser_unexpected(parser, "label matching, expected label matching operator",
                                        err);
    }
    const Token *value = promql_parser_peek(parser);
    if (value->kind != TOKEN_TEXT)
        return promql_parser_unexpected(parser, "label matching, expected string", err);
    promql_parser_take(parser);
    matcher.value = value->text;
    if (!utf8_valid(matcher.value))
        return promql_fail_at(parser->list.source, value->at, err, "the string is not UTF-8");
    return check_regex(parser, &matcher, value, err) && add_matcher(parser, braces, matcher, err);
}

static bool parse_braces(Parser *parser, Braces *braces, Err *err)
{
    if (!promql_parser_accept(parser, TOKEN_OPEN_BRACE))
        return true;
    while (promql_parser_peek(parser)->kind != TOKEN_CLOSE_BRACE) {
        if (!parse_matcher(parser, braces, err))
            return false;
        if (!promql_parser_accept(parser, TOKEN_COMMA))
            break;
    }
    return promql_parser_expect(parser, TOKEN_CLOSE_BRACE,
                                "label matching, expected \",\" or \"}\"", err);
}

static bool matches_nothing(const LabelMatcher *matcher)
{
    LabelMatch match;
    Err ignored; /* without memory it fails later, with a better sentence */
    if (!label_match_init(&match, matcher, 1, &ignored))
        return false;
    bool matches = label_match_value(&match, 0, STR(""));
    label_match_done(&match);
    return matches;
}

static bool check_braces(const Parser *parser, const Braces *braces, const Token *first, Err *err)
{
    bool restricts = false;
    bool by_word = first->kind == TOKEN_NAME;
    for (size_t i = 0; i < braces->count; i++) {
        const LabelMatcher *matcher = &braces->matchers[i];
        bool is_name = str_eq(matcher->name, STR(LABEL_METRIC_NAME));
        if (is_name && by_word && i > 0)
            return promql_fail_at(parser->list.source, first->at, err,
                                  "metric name must not be set twice: \"%.*s\" or \"%.*s\"",
                                  STR_ARG(str_first(first->text, 60)),
                                  STR_ARG(str_first(matcher->value, 60)));
        restricts = restricts || !matches_nothing(matcher);
    }
    return restricts ||
           promql_fail_at(parser->list.source, first->at, err,
                          "vector selector must contain at least one non-empty matcher");
}

Node *promql_parse_selector(Parser *parser, Err *err)
{
    const Token *first = promql_parser_peek(parser);
    Braces braces = { .count = 0 };
    if (first->kind == TOKEN_NAME && !add_name(parser, &braces, promql_parser_take(parser), err))
        return NULL;
    if (!parse_braces(parser, &braces, err) || !check_braces(parser, &braces, first, err))
        return NULL;
    Node *node = promql_parser_node(parser, NODE_SELECTOR, first->at, err);
    if (!node)
        return NULL;
    node->selector.matcher_count = braces.count;
    node->selector.matchers = ARENA_MAKE(parser->arena, LabelMatcher, braces.count, err);
    if (!node->selector.matchers)
        return NULL;
    for (size_t i = 0; i < braces.count; i++)
        node->selector.matchers[i] = braces.matchers[i];
    return node;
}

/* ---- what stands behind -------------------------------------------------------------------------
 */

static bool to_ms(const Parser *parser, const Token *token, double seconds, int64_t *out, Err *err)
{
    double ms = seconds * 1000;
    if (!(fabs(ms) < (double)TIME_MAX_MS))
        return promql_fail_at(parser->list.source, token->at, err, "duration out of range");
    *out = (int64_t)llround(ms);
    return true;
}

static bool into_subquery(Parser *parser, Node **node, Length range, Err *err)
{
    Length step = { 0 };
    bool has_step = promql_parser_peek(parser)->kind != TOKEN_CLOSE_BRACKET;
    if (has_step && !promql_parse_range(parser, &step, err))
        return false;
    if ((*node)->type != PROM_VECTOR)
        return promql_fail_at(parser->list.source, (*node)->at, err,
                              "subquery is only allowed on instant vector, got %s instead",
                              prom_type_name((*node)->type));
    Node *sub = promql_parser_node(parser, NODE_SUBQUERY, (*node)->at, err);
    if (!sub)
        return false;
    sub->subquery =
        (Subquery){ .inner = *node, .range = range, .step = step, .has_step = has_step };
    *node = sub;
    return true;
}

static bool parse_brackets(Parser *parser, Node **node, Err *err)
{
    const Token *open = promql_parser_take(parser);
    Length range;
    if (!promql_parse_range(parser, &range, err))
        return false;
    Node *inner = *node;
    if (promql_parser_accept(parser, TOKEN_COLON)) {
        if (!into_subquery(parser, node, range, err))
            return false;
    } else if (inner->kind != NODE_SELECTOR || inner->in_parens || inner->selector.has_range) {
        return promql_fail_at(parser->list.source, open->at, err,
                              "ranges only allowed for vector selectors");
    } else if (inner->selector.shift.has_offset || inner->selector.shift.at != AT_STEP) {
        return promql_fail_at(parser->list.source, open->at, err,
                              "no offset or @ modifiers allowed before range");
    } else {
        inner->selector.range = range;
        inner->selector.has_range = true;
    }
    if (!promql_parser_expect(parser, TOKEN_CLOSE_BRACKET, "range", err))
        return false;
    (*node)->end = parser->list.tokens[parser->next - 1].end;
    return promql_check(parser, *node, err);
}

static TimeShift *shift_of(Node *node)
{
    if (node->in_parens)
        return NULL;
    return node->kind == NODE_SELECTOR   ? &node->selector.shift
           : node->kind == NODE_SUBQUERY ? &node->subquery.shift
                                         : NULL;
}

static bool parse_offset(Parser *parser, Node *node, Err *err)
{
    const Token *word = promql_parser_take(parser);
    TimeShift *shift = shift_of(node);
    if (!shift)
        return promql_fail_at(parser->list.source, word->at, err,
                              "offset modifier must be preceded by an instant vector selector or "
                              "range vector selector or a subquery");
    if (shift->has_offset)
        return promql_fail_at(parser->list.source, word->at, err,
                              "offset may not be set multiple times");
    shift->has_offset = true;
    return promql_parse_shift(parser, &shift->offset, err);
}

static bool parse_at_time(Parser *parser, TimeShift *shift, Err *err)
{
    bool negative = promql_parser_accept(parser, TOKEN_SUB);
    if (!negative)
        promql_parser_accept(parser, TOKEN_ADD);
    const Token *token = promql_parser_peek(parser);
    bool endless = token->kind == TOKEN_NAME && (str_eq_nocase(token->text, STR("inf")) ||
                                                 str_eq_nocase(token->text, STR("nan")));
    if (endless)
        return promql_fail_at(parser->list.source, token->at, err,
                              "timestamp out of bounds for @ modifier: %.*s", STR_ARG(token->text));
    if (token->kind != TOKEN_NUMBER && token->kind != TOKEN_DURATION)
        return promql_parser_unexpected(parser, "@, expected timestamp", err);
    promql_parser_take(parser);
    shift->at = AT_TIME;
    return to_ms(parser, token, negative ? -token->number : token->number, &shift->at_ms, err);
}

static bool parse_at(Parser *parser, Node *node, Err *err)
{
    const Token *sign = promql_parser_take(parser);
    TimeShift *shift = shift_of(node);
    if (!shift)
        return promql_fail_at(parser->list.source, sign->at, err,
                              "@ modifier must be preceded by an instant vector selector or range "
                              "vector selector or a subquery");
    if (shift->at != AT_STEP)
        return promql_fail_at(parser->list.source, sign->at, err,
                              "@ <timestamp> may not be set multiple times");
    const Token *next = promql_parser_peek(parser);
    if (next->kind == TOKEN_NAME && next[1].kind == TOKEN_OPEN_PAREN) {
        bool start = promql_parser_accept_word(parser, "start");
        if (!start && !promql_parser_accept_word(parser, "end"))
            return promql_parser_unexpected(parser, "@, expected start() or end()", err);
        shift->at = start ? AT_START : AT_END;
        return promql_parser_expect(parser, TOKEN_OPEN_PAREN, "@", err) &&
               promql_parser_expect(parser, TOKEN_CLOSE_PAREN, "@", err);
    }
    return parse_at_time(parser, shift, err);
}

bool promql_parse_postfix(Parser *parser, Node **node, Err *err)
{
    for (;;) {
        const Token *token = promql_parser_peek(parser);
        bool good;
        if (token->kind == TOKEN_OPEN_BRACKET)
            good = parse_brackets(parser, node, err);
        else if (token->kind == TOKEN_AT)
            good = parse_at(parser, *node, err);
        else if (token->kind == TOKEN_NAME && str_eq_nocase(token->text, STR("offset")))
            good = parse_offset(parser, *node, err);
        else if (token->kind == TOKEN_NAME && (str_eq_nocase(token->text, STR("anchored")) ||
                                               str_eq_nocase(token->text, STR("smoothed"))))
            return promql_parser_refuse(parser, token->at, "an extended range selector", err);
        else
            return true;
        if (!good)
            return false;
        (*node)->end = parser->list.tokens[parser->next - 1].end;
    }
}
