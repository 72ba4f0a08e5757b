/* promql.h - Prometheus' query language over a SeriesSource: text to tree, tree to values.
 *
 *     PromExpr *expr = promql_parse(text, &err);          types are checked here
 *     promql_run(expr, &query, &result, &err);            may block, may take its time
 *     prom_result_done(&result), promql_free(expr);
 *
 * A PromExpr is immutable once parsed: any thread may run it. What the language has and this room
 * not yet (native histograms, fill, anchored, smoothed, limitk, limit_ratio, info ...) is an
 * error that names it and where it stands. Bounds: PROMQL_TEXT_MAX, PROMQL_DEPTH_MAX, and those
 * of PromQuery; the deadline is looked at in every loop over series or points.
 */
#ifndef QUERY_PROMQL_PROMQL_H
#define QUERY_PROMQL_PROMQL_H

#include "base/arena.h"
#include "base/clock.h"
#include "store/series_scan.h"

enum {
    PROMQL_TEXT_MAX = 64 << 10,
    PROMQL_DEPTH_MAX = 500, /* levels of the tree; bounds the recursion of parser and evaluator */
    PROMQL_STEPS_MAX = 11000,
};

typedef enum PromType {
    PROM_NONE,
    PROM_SCALAR,
    PROM_VECTOR, /* instant vector */
    PROM_MATRIX, /* range vector */
    PROM_STRING,
} PromType;

typedef struct PromExpr PromExpr;

/* ERR_INPUT and ERR_UNSUPPORTED begin with "line:column: ". */
CHECKED PromExpr *promql_parse(Str text, Err *err);
void promql_free(PromExpr *expr); /* NULL is fine */
PromType promql_type(const PromExpr *expr);

/* The matchers of a text that is an instant vector selector and nothing else, as match[] wants it.
 * They live as long as the expression. */
CHECKED bool promql_selector(const PromExpr *expr, const LabelMatcher **out, size_t *count,
                             Err *err);

typedef struct PromQuery {
    SeriesSource *source;
    int64_t start_ms, end_ms;
    int64_t step_ms;          /* 0: an instant query, at start */
    int64_t lookback_ms;      /* 0: 5 minutes */
    uint64_t samples_max;     /* read and made by the whole query; 0: 50 million */
    size_t memory_max;        /* 0: 1 GiB */
    Purse *purse;             /* who pays for it; NULL: nobody */
    int64_t deadline_mono_ns; /* then ERR_TIMEOUT; 0: none */
    Clock *clock;             /* for the deadline; NULL: the machine's */
} PromQuery;

typedef struct PromSeries {
    Labels labels;
    const Sample *samples; /* by time */
    size_t count;          /* not 0 */
} PromSeries;

typedef struct PromNote { /* what did not fail but should be known */
    bool is_warning;      /* else an info */
    Str text;             /* "PromQL warning: ... (1:5)" */
} PromNote;

/* Of a range query always PROM_MATRIX, sorted by labels. */
typedef struct PromResult {
    PromType type;
    PromSeries *series; /* PROM_SCALAR: one, without labels */
    size_t count;
    Str text; /* PROM_STRING */
    PromNote *notes;
    size_t note_count;
    Str error; /* after a failure: the whole text, where an Err had no room for it */
    Arena *arena;
} PromResult;

/* Always fills *out, for prom_result_done(). ERR_INPUT: what was met while running (duplicates and
 * the like), ERR_LIMIT, ERR_TIMEOUT, ERR_MEMORY, or the source's. */
CHECKED bool promql_run(const PromExpr *expr, const PromQuery *query, PromResult *out, Err *err);
void prom_result_done(PromResult *result); /* harmless when zeroed */

#endif
