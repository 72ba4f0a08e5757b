/* promql_eval_internal.h - a tree over time: what its evaluator is made of.
 *
 * Every node becomes a Frame: series of columns, one value per step, all in the query's arena. So
 * each selector reads its source once per query, labels are matched once per pair of series and not
 * once per step, and a subtree that is the same at every step (numbers, selectors with @) is a
 * Frame of width 1, computed once.
 *
 * A step at which a series has no value holds the stale marker's bits: no selector lets such a
 * sample through, and no arithmetic makes one (operations give back the NaN they were given, and
 * that is none).
 *
 * A Frame belongs to whoever was given it and may be changed in place.
 */
#ifndef QUERY_PROMQL_PROMQL_EVAL_INTERNAL_H
#define QUERY_PROMQL_PROMQL_EVAL_INTERNAL_H

#include "query/promql/promql_tree_internal.h"

#include "base/buf.h"

typedef struct FrameSeries {
    Labels labels;
    double *values; /* Frame.width of them */
} FrameSeries;

typedef struct Frame {
    PromType type;
    size_t width; /* the evaluation's steps, or 1: the same at each */
    FrameSeries *series;
    size_t count, cap;
    Str text; /* PROM_STRING */
} Frame;

/* Room that functions use for a moment, kept for the next one. */
typedef struct Scratch {
    Purse *purse;
    double *values;
    size_t cap;
    Err err; /* why there was none */
} Scratch;
double *promql_scratch(Scratch *scratch, size_t count); /* NULL: there is none, and err is set */

/* What all evaluations of one query share (a subquery is one of its own). */
typedef struct Shared {
    const PromQuery *query;
    Str text;
    Arena *arena;
    uint64_t samples, samples_max;
    uint32_t ticks;
    PromNote *notes;
    size_t note_count, note_cap;
    Str error; /* longer than an Err */
    Scratch scratch;
} Shared;

typedef struct Eval {
    Shared *shared;
    Arena *arena;
    int64_t start_ms, end_ms, step_ms;
    size_t steps; /* at least 1 */
} Eval;

static inline int64_t eval_time(const Eval *eval, size_t step)
{
    return eval->start_ms + (int64_t)step * eval->step_ms;
}
static inline double no_value(void)
{
    return stale_marker();
}
static inline bool is_value(double value)
{
    return !sample_is_stale(value);
}
static inline double frame_at(const Frame *frame, size_t series, size_t step)
{
    return frame->series[series].values[frame->width == 1 ? 0 : step];
}

CHECKED bool promql_node(Eval *eval, const Node *node, Frame *out, Err *err);

/* Before work over `count` points: the deadline is looked at now and then. */
CHECKED bool promql_alive(Eval *eval, size_t count, Err *err);
/* So many more samples are read or made. */
CHECKED bool promql_charge(Eval *eval, uint64_t samples, Err *err);
/* "line:column" behind it; each text once. Never fails a query: without memory it is left out. */
void promql_note(Eval *eval, bool is_warning, const Node *node, const char *format, ...)
    PRINTF(4, 5);
/* A failure whose text may be longer than an Err takes. False. */
bool promql_fail(Eval *eval, Err *err, Buf *text);

/* ---- promql_frame.c ---- */

/* A new series without any value yet; NULL: err. Borrowed labels must live in the arena. */
FrameSeries *frame_add(Eval *eval, Frame *frame, Labels labels, Err *err);
CHECKED bool frame_constant(Eval *eval, Frame *frame, double value, Err *err); /* PROM_SCALAR */
/* Takes the names off; series that are then the same become one, or the query fails where both have
 * a value at one step. */
CHECKED bool frame_drop_names(Eval *eval, Frame *frame, Err *err);
CHECKED bool frame_merge(Eval *eval, Frame *frame, Err *err);
void frame_drop_empty(Frame *frame); /* series without any value */
/* Every step its own value, not one for all. */
CHECKED bool frame_widen(Eval *eval, Frame *frame, Err *err);

CHECKED bool frame_labels_copy(Eval *eval, Labels from, Labels *out, Err *err);
CHECKED bool frame_labels_only(Eval *eval, Labels from, const NameList *names, Labels *out,
                               Err *err);
/* And never the metric's name. */
CHECKED bool frame_labels_without(Eval *eval, Labels from, const NameList *names, Labels *out,
                                  Err *err);
CHECKED bool frame_labels_nameless(Eval *eval, Labels from, Labels *out, Err *err);
/* With one label set, or taken off where the value is empty. */
CHECKED bool frame_labels_with(Eval *eval, Labels from, Label label, Labels *out, Err *err);
void buf_add_labels(Buf *out, Labels labels); /* {a="b", c="d"} */
void buf_add_quoted(Buf *out, Str text);      /* as Go's %q */

/* Label sets numbered in the order in which they came. */
typedef struct LabelIndex {
    Labels *sets; /* in the arena, as the slots */
    uint64_t *hashes;
    uint32_t *slots; /* index + 1 */
    size_t count, cap;
} LabelIndex;
CHECKED bool label_index_put(Eval *eval, LabelIndex *index, Labels labels, size_t *out, Err *err);

/* ---- promql_select.c ---- */

typedef struct RangeRow {
    Labels labels;
    const Sample *samples; /* no stale markers */
    size_t count;
} RangeRow;
typedef bool RangeFound(void *context, const RangeRow *row, Err *err);

CHECKED bool promql_select(Eval *eval, const Node *node, bool want_times, Frame *out, Err *err);
/* The rows of a range vector; each lives until the call returns. */
CHECKED bool promql_ranges(Eval *eval, const Node *node, RangeFound *found, void *context,
                           Err *err);
/* The moment a range ends for the step, and whether it is the same for all. */
int64_t range_end(const Eval *eval, const Node *node, size_t step);
int64_t range_length(const Eval *eval, const Node *node);
bool range_is_fixed(const Node *node);

/* promql_length.c. False: out of range. */
bool promql_length(const Eval *eval, Length length, int64_t *out_ms);

/* ---- one file each ---- */

CHECKED bool promql_binary(Eval *eval, const Node *node, Frame *out, Err *err);
CHECKED bool promql_vectors(Eval *eval, const Node *node, Frame *left, Frame *right, Frame *out,
                            Err *err);
CHECKED bool promql_sets(Eval *eval, const Node *node, Frame *left, Frame *right, Frame *out,
                         Err *err);
/* False: a comparison that does not hold; *out is what the left side had. */
bool promql_apply(BinaryOp op, double left, double right, double *out);
CHECKED bool promql_aggregate(Eval *eval, const Node *node, Frame *out, Err *err);
CHECKED bool promql_call(Eval *eval, const Node *node, Frame *out, Err *err);

static inline bool is_root_instant(const Eval *eval)
{
    return eval->shared->query->step_ms == 0;
}

/* Kahan's and Neumaier's sum: the value, and what was lost. */
typedef struct Kahan {
    double sum, lost;
} Kahan;
void promql_kahan_add(Kahan *kahan, double value);
static inline double kahan_total(const Kahan *kahan)
{
    return kahan->sum + kahan->lost;
}

/* A mean that is exact as long as the sum fits into a double, and incremental beyond. */
typedef struct Mean {
    Kahan sum;
    double count;
    bool incremental;
} Mean;
void promql_mean_add(Mean *mean, double value);
double promql_mean_value(const Mean *mean);

#endif
