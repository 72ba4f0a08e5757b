/* logql_tree_internal.h - the typed tree of a parsed query. All of it lives in the query's arena;
 * only regular expressions are freed one by one, through the list in LogqlQuery. */
#ifndef QUERY_LOGQL_LOGQL_TREE_INTERNAL_H
#define QUERY_LOGQL_LOGQL_TREE_INTERNAL_H

#include "base/buf.h"
#include "query/logql/logql.h"
#include "query/logql/logql_ip_internal.h"

typedef struct LogqlExpr LogqlExpr;
typedef struct LogqlStage LogqlStage;
typedef struct LogqlCondition LogqlCondition;
typedef struct LogqlTemplate LogqlTemplate; /* logql_template_internal.h */

/* ---- the log part: selector and pipeline --------------------------------------------------------
 */

typedef struct LogqlNames {
    Str *ptr;
    size_t count;
} LogqlNames;

typedef enum LineTest { LINE_CONTAINS, LINE_REGEX, LINE_PATTERN, LINE_IP } LineTest;

/* A pattern such as "GET <_> <code>": literals around captures, see logql_pattern.c. */
typedef struct PatternPart {
    Str text; /* of a literal, or the capture's name ("_": none) */
    bool is_capture;
    struct PatternPart *next;
} PatternPart;

typedef struct LineOperand {
    LineTest test;
    Str text;
    Regex *regex;
    PatternPart *pattern;
    LogqlIp ip;
    struct LineOperand *next;
} LineOperand;

typedef enum ConditionKind {
    CONDITION_AND,
    CONDITION_OR,
    CONDITION_TEXT,   /* = != =~ !~ */
    CONDITION_NUMBER, /* the rest: a comparison after a conversion */
    CONDITION_DURATION,
    CONDITION_BYTES,
    CONDITION_IP,
} ConditionKind;

typedef enum Comparison { EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL } Comparison;

struct LogqlCondition {
    ConditionKind kind;
    LogqlCondition *left, *right; /* of AND and OR */
    Str name, text;
    LabelOp op;   /* of TEXT */
    Regex *regex; /* of TEXT with =~ and !~ */
    Comparison comparison;
    double number; /* seconds are nanoseconds here, bytes are bytes */
    LogqlIp ip;
};

/* name=..., as in `json a="b.c"`, `label_format a=b`, `drop a="x"`. */
typedef struct LabelTerm {
    Str name, text;
    bool has_text; /* drop and keep: only where the value is such */
    LabelOp op;
    Regex *regex;
    LogqlTemplate *format; /* label_format a="..."; NULL: a=b */
    struct LabelTerm *next;
} LabelTerm;

typedef enum StageKind {
    STAGE_LINE,
    STAGE_CONDITION,
    STAGE_JSON,
    STAGE_LOGFMT,
    STAGE_REGEXP,
    STAGE_PATTERN,
    STAGE_UNPACK,
    STAGE_DECOLORIZE,
    STAGE_LINE_FORMAT,
    STAGE_LABEL_FORMAT,
    STAGE_DROP,
    STAGE_KEEP,
} StageKind;

struct LogqlStage {
    StageKind kind;
    bool negated;            /* of LINE: != !~ !> */
    bool strict, keep_empty; /* of LOGFMT */
    LineOperand *operands;
    LogqlCondition *condition;
    LabelTerm *terms;
    Regex *regex;
    PatternPart *pattern;
    LogqlTemplate *format;
    LogqlStage *next;
};

typedef enum UnwrapAs { UNWRAP_NUMBER, UNWRAP_DURATION, UNWRAP_BYTES } UnwrapAs;

typedef struct LogqlLog {
    LabelMatcher *matchers;
    size_t matcher_count;
    LogqlStage *stages;
    bool unwraps;
    UnwrapAs unwrap_as;
    Str unwrap_label;
    LogqlStage *after_unwrap; /* conditions only */
} LogqlLog;

/* ---- expressions that give series ---------------------------------------------------------------
 */

typedef struct LogqlGrouping {
    bool given, without;
    LogqlNames names;
} LogqlGrouping;

typedef struct RangeFunction RangeFunction; /* logql_range_internal.h */

typedef struct LogqlRange {
    const RangeFunction *function;
    LogqlLog *log;
    int64_t range_ns, offset_ns;
    double parameter;
    LogqlGrouping grouping;
} LogqlRange;

typedef enum AggregateKind {
    AGGREGATE_SUM,
    AGGREGATE_AVG,
    AGGREGATE_MIN,
    AGGREGATE_MAX,
    AGGREGATE_COUNT,
    AGGREGATE_STDDEV,
    AGGREGATE_STDVAR,
    AGGREGATE_TOPK,
    AGGREGATE_BOTTOMK,
    AGGREGATE_SORT,
    AGGREGATE_SORT_DESC,
    AGGREGATE_APPROX_TOPK,
} AggregateKind;

typedef struct LogqlAggregate {
    AggregateKind kind;
    uint64_t count; /* of topk and its like */
    LogqlGrouping grouping;
    LogqlExpr *of;
} LogqlAggregate;

typedef enum BinaryOp {
    BINARY_ADD,
    BINARY_SUBTRACT,
    BINARY_MULTIPLY,
    BINARY_DIVIDE,
    BINARY_MODULO,
    BINARY_POWER,
    BINARY_COMPARE,
    BINARY_AND,
    BINARY_OR,
    BINARY_UNLESS,
} BinaryOp;

typedef enum BinaryMany { ONE_TO_ONE, MANY_TO_ONE, ONE_TO_MANY } BinaryMany;

typedef struct LogqlBinary {
    BinaryOp op;
    Comparison comparison;
    bool is_bool;
    bool on;            /* else ignoring */
    LogqlNames names;   /* of on(...) or ignoring(...) */
    BinaryMany many;    /* group_left, group_right */
    LogqlNames include; /* their labels */
    LogqlExpr *left, *right;
} LogqlBinary;

typedef struct LogqlReplace {
    LogqlExpr *of;
    Str target, replacement, source;
    Regex *regex;
} LogqlReplace;

typedef enum LogqlKind {
    LOGQL_LOG,
    LOGQL_NUMBER,
    LOGQL_VECTOR, /* vector(number) */
    LOGQL_RANGE,
    LOGQL_AGGREGATE,
    LOGQL_BINARY,
    LOGQL_REPLACE,
} LogqlKind;

struct LogqlExpr {
    LogqlKind kind;
    uint32_t depth; /* of the tree below, for the bound on recursion */
    union {
        LogqlLog *log;
        double number; /* of NUMBER and VECTOR */
        LogqlRange range;
        LogqlAggregate aggregate;
        LogqlBinary binary;
        LogqlReplace replace;
    };
};

typedef struct RegexLink {
    Regex *regex;
    struct RegexLink *next;
} RegexLink;

struct LogqlQuery {
    Arena *arena;
    RegexLink *regexes;
    Str text;
    LogqlExpr *root;
};

/* The value of an operator between two numbers; a comparison gives 1 or 0. */
double logql_arithmetic(const LogqlBinary *binary, double left, double right);
/* $1, ${1}, ${name}, $$ in a replacement; groups: all that regex_find() may fill. */
void logql_expand(const Regex *regex, Str replacement, const Str *groups, Buf *out);
PURE bool logql_compare(Comparison comparison, double left, double right);

#endif
