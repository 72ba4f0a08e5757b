/* promql_tree_internal.h - a query as a tree whose types have been checked.
 *
 * Everything lies in the expression's arena and is never changed once promql_parse() has returned.
 * Parentheses leave no node, only a mark. A selector of a range vector is a selector with a range.
 */
#ifndef QUERY_PROMQL_PROMQL_TREE_INTERNAL_H
#define QUERY_PROMQL_PROMQL_TREE_INTERNAL_H

#include "query/promql/promql.h"
#include "query/promql/promql_lexer.h"

typedef struct Node Node;

typedef enum NodeKind {
    NODE_NUMBER,
    NODE_TEXT,
    NODE_SELECTOR,
    NODE_SUBQUERY,
    NODE_NEGATE,
    NODE_BINARY,
    NODE_AGGREGATE,
    NODE_CALL,
} NodeKind;

typedef enum AtKind { AT_STEP, AT_TIME, AT_START, AT_END } AtKind;

/* A length of time; with a tree it is not known before the query runs (promql_length.c). */
typedef struct LengthTree LengthTree;
typedef struct Length {
    int64_t ms;
    const LengthTree *tree;
} Length;

/* When a selector or subquery looks: at the step, or at a fixed time; then back by the offset. */
typedef struct TimeShift {
    AtKind at;
    int64_t at_ms;
    Length offset;
    bool has_offset;
} TimeShift;

typedef struct Selector {
    LabelMatcher *matchers; /* the metric's name among them */
    size_t matcher_count;
    bool has_range; /* else an instant vector */
    Length range;
    TimeShift shift;
} Selector;

typedef struct Subquery {
    Node *inner;
    Length range, step;
    bool has_step; /* else the default */
    TimeShift shift;
} Subquery;

typedef enum BinaryOp {
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_MOD,
    OP_POW,
    OP_ATAN2,
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_AND,
    OP_UNLESS,
    OP_OR,
} BinaryOp;

static inline bool op_compares(BinaryOp op)
{
    return op >= OP_EQ && op <= OP_GE;
}
static inline bool op_is_set(BinaryOp op)
{
    return op >= OP_AND;
}

typedef struct NameList {
    Str *names;
    size_t count;
} NameList;

typedef enum Cardinality { ONE_TO_ONE, MANY_TO_ONE, ONE_TO_MANY } Cardinality;

typedef struct Binary {
    BinaryOp op;
    bool is_bool;
    bool is_on;        /* labels are those that must agree; else those that need not */
    bool has_matching; /* on or ignoring was written */
    Cardinality cardinality;
    NameList labels, include; /* include: of group_left, group_right */
    Node *left, *right;
} Binary;

typedef enum AggregateOp {
    AGG_SUM,
    AGG_AVG,
    AGG_MIN,
    AGG_MAX,
    AGG_COUNT,
    AGG_GROUP,
    AGG_STDDEV,
    AGG_STDVAR,
    AGG_TOPK,
    AGG_BOTTOMK,
    AGG_QUANTILE,
    AGG_COUNT_VALUES,
} AggregateOp;

typedef struct Aggregate {
    AggregateOp op;
    bool without;
    NameList labels;
    Node *param; /* NULL: takes none */
    Node *inner;
} Aggregate;

typedef struct Function Function; /* promql_functions_internal.h */

typedef struct Call {
    const Function *function;
    Node **args;
    size_t arg_count;
} Call;

struct Node {
    NodeKind kind;
    PromType type;
    uint32_t at, end; /* offsets into the text */
    uint32_t height;  /* levels below, this one included */
    bool in_parens;
    union {
        double number;
        Str text;
        Selector selector;
        Subquery subquery;
        Node *negated;
        Binary binary;
        Aggregate aggregate;
        Call call;
    };
};

struct PromExpr {
    Arena *arena;
    Str text;
    Node *root;
};

const char *prom_type_name(PromType type); /* "instant vector" */

/* ---- inside the parser ---- */

typedef struct Parser {
    TokenList list;
    size_t next;
    uint32_t depth;
    Arena *arena;
} Parser;

static inline const Token *promql_parser_peek(const Parser *parser)
{
    return &parser->list.tokens[parser->next];
}
static inline const Token *promql_parser_take(Parser *parser)
{
    const Token *token = &parser->list.tokens[parser->next];
    parser->next += token->kind != TOKEN_END;
    return token;
}
bool promql_parser_accept(Parser *parser, TokenKind kind);
bool promql_parser_accept_word(Parser *parser, const char *word); /* any case */
CHECKED bool promql_parser_expect(Parser *parser, TokenKind kind, const char *where, Err *err);
/* "unexpected ... in where". False. */
bool promql_parser_unexpected(const Parser *parser, const char *where, Err *err);
/* What the language has and we not yet. False, ERR_UNSUPPORTED. */
bool promql_parser_refuse(const Parser *parser, size_t at, const char *what, Err *err);
Node *promql_parser_node(Parser *parser, NodeKind kind, size_t at, Err *err);

/* promql_parse_selector.c */
Node *promql_parse_selector(Parser *parser, Err *err); /* at a name or an open brace */
CHECKED bool promql_parse_postfix(Parser *parser, Node **node, Err *err);

/* promql_length.c. A range is more than 0; a shift has a sign and no operators outside of
 * parentheses. */
CHECKED bool promql_parse_range(Parser *parser, Length *out, Err *err);
CHECKED bool promql_parse_shift(Parser *parser, Length *out, Err *err);

/* promql_check.c: the types below a node, and from them its own. */
CHECKED bool promql_check(const Parser *parser, Node *node, Err *err);

#endif
