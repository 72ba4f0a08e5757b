/* logql_eval_internal.h - evaluation: every expression gives a Matrix, all steps at once.
 *
 * A Matrix has a row per series and a column per step, with a mark for the points that are there
 * (NaN is a value like any other). Everything lives in the run's arena, which bounds it; the number
 * of rows is bounded by LOGQL_GROUPS_MAX.
 */
#ifndef QUERY_LOGQL_LOGQL_EVAL_INTERNAL_H
#define QUERY_LOGQL_LOGQL_EVAL_INTERNAL_H

#include "query/logql/logql_row_internal.h"

typedef struct Eval {
    const LogqlAsk *ask;
    Arena *arena;
    int64_t start_ns, step_ns;
    size_t steps;
    LogqlStats stats;
    LogqlRow row;
    uint32_t ticks; /* since the clock was read */
} Eval;

typedef struct MatrixRow {
    Labels labels;
    uint64_t hash;
    double *values; /* by step */
    bool *present;
} MatrixRow;

typedef struct Matrix {
    MatrixRow *rows;
    size_t count, cap;
    uint32_t *slots; /* index + 1, by hash; 0 free */
    size_t slot_count;
} Matrix;

enum {
    NO_ROW = -1,
    EVAL_LABELS_MAX = ROW_LABELS_MAX + LOGQL_DEPTH_MAX, /* each label_replace may add one */
};

/* Called in every loop over data; ERR_TIMEOUT once the deadline has passed. */
CHECKED bool eval_on_time(Eval *eval, Err *err);

/* The row of these labels, made when there is none (then the labels are copied): its index.
 * NO_ROW: err. */
CHECKED int64_t matrix_row(Eval *eval, Matrix *matrix, Labels labels, Err *err);
CHECKED bool matrix_values(Eval *eval, MatrixRow *row, Err *err); /* room for values, if none yet */
void matrix_sort(Matrix *matrix); /* by labels; matrix_row() must not be asked any more */
CHECKED bool labels_copy(Eval *eval, Labels labels, Labels *out, Err *err);

/* The labels that a grouping leaves, into *out, which has room for labels.count. */
Labels labels_group(Labels labels, const LogqlGrouping *grouping, Label *out);
bool names_have(const LogqlNames *names, Str name);
void labels_order(Label *labels, size_t count); /* by name; empty values stay */

CHECKED bool eval_expr(Eval *eval, const LogqlExpr *expr, Matrix *out, Err *err);
/* `sum`: what a sum around it keeps, when the series need not be told apart; or NULL. */
CHECKED bool eval_range(Eval *eval, const LogqlRange *range, const LogqlGrouping *sum, Matrix *out,
                        Err *err);
CHECKED bool eval_aggregate(Eval *eval, const LogqlAggregate *aggregate, Matrix *out, Err *err);
CHECKED bool eval_binary(Eval *eval, const LogqlBinary *binary, Matrix *out, Err *err);
CHECKED bool eval_replace(Eval *eval, const LogqlReplace *replace, Matrix *out, Err *err);

/* The question to the source: matchers, and what filters say about lines and traces. */
CHECKED bool eval_scan(Eval *eval, const LogqlLog *log, LogScan *out, Err *err);

#endif
