/* logql_eval.c - runs a query: log lines in order, or series step by step; see logql.h. */
#include "query/logql/logql_eval_internal.h"

#include <string.h>

enum { LINES_DEFAULT = 100, CONTAINS_MAX = 16 };

/* ---- the question to the source -----------------------------------------------------------------
 */

/* Filters that hold for the line as it is stored may be asked of the source: those before the first
 * stage that changes lines. It may answer with more, so every filter still runs here. */
static size_t texts_of(const LogqlStage *stages, Str *out)
{
    size_t count = 0;
    for (; stages && count < CONTAINS_MAX; stages = stages->next) {
        if (stages->kind == STAGE_LINE_FORMAT || stages->kind == STAGE_UNPACK ||
            stages->kind == STAGE_DECOLORIZE)
            break;
        const LineOperand *operand = stages->operands;
        if (stages->kind == STAGE_LINE && !stages->negated && !operand->next &&
            operand->test == LINE_CONTAINS && operand->text.len)
            out[count++] = operand->text;
    }
    return count;
}

/* trace_id="..." that must hold, of a line whose labels no stage has touched yet. */
static bool trace_of(const LogqlCondition *condition, TraceId *out)
{
    if (condition->kind == CONDITION_AND)
        return trace_of(condition->left, out) || trace_of(condition->right, out);
    return condition->kind == CONDITION_TEXT && condition->op == LABEL_EQUAL &&
           str_eq(condition->name, STR("trace_id")) &&
           str_unhex(condition->text, out->bytes, sizeof out->bytes);
}

static bool trace_asked(const LogqlLog *log, TraceId *out)
{
    for (const LogqlStage *stage = log->stages; stage; stage = stage->next) {
        if (stage->kind == STAGE_CONDITION && trace_of(stage->condition, out))
            return true;
        if (stage->kind != STAGE_CONDITION && stage->kind != STAGE_LINE)
            return false;
    }
    return false;
}

bool eval_scan(Eval *eval, const LogqlLog *log, LogScan *out, Err *err)
{
    Str *texts = ARENA_MAKE(eval->arena, Str, CONTAINS_MAX, err);
    TraceId *trace = texts ? ARENA_MAKE(eval->arena, TraceId, 1, err) : NULL;
    if (!trace)
        return false;
    *out = (LogScan){ .matchers = log->matchers,
                      .matcher_count = log->matcher_count,
                      .deadline_mono_ns = eval->ask->deadline_mono_ns,
                      .clock = eval->ask->clock,
                      .contains = texts };
    out->contains_count = texts_of(log->stages, texts);
    out->trace_id = trace_asked(log, trace) ? trace : NULL;
    return true;
}

/* ---- log lines ----------------------------------------------------------------------------------
 */

typedef struct Lines {
    Eval *eval;
    const LogqlLog *log;
    LogqlEntry *entries;
    size_t count, limit;
} Lines;

static Labels labels_from(const LogqlRow *row, LabelFrom from, Label *out)
{
    size_t count = 0;
    for (size_t i = 0; i < row->count; i++)
        if (row->labels[i].from == from)
            out[count++] = (Label){ row->labels[i].name, row->labels[i].value };
    if (from == FROM_PARSED && row->error.len && count + 2 <= EVAL_LABELS_MAX) {
        out[count++] = (Label){ STR("__error__"), row->error };
        out[count++] = (Label){ STR("__error_details__"), row->error_details };
    }
    labels_order(out, count);
    return (Labels){ out, count };
}

static bool keep_line(Lines *lines, Err *err)
{
    Eval *eval = lines->eval;
    const LogqlRow *row = &eval->row;
    LogqlEntry *entry = &lines->entries[lines->count];
    Label labels[EVAL_LABELS_MAX];
    entry->time_ns = row->time_ns;
    if (!arena_copy(eval->arena, row->line, &entry->line, err) ||
        !labels_copy(eval, labels_from(row, FROM_STREAM, labels), &entry->stream, err) ||
        !labels_copy(eval, labels_from(row, FROM_METADATA, labels), &entry->metadata, err) ||
        !labels_copy(eval, labels_from(row, FROM_PARSED, labels), &entry->parsed, err))
        return false;
    lines->count++;
    eval->stats.lines_kept++;
    return true;
}

static bool take_line(Lines *lines, const LogRow *from, Err *err)
{
    Eval *eval = lines->eval;
    if (!eval_on_time(eval, err))
        return false;
    eval->stats.lines++;
    eval->stats.bytes += from->line.len;
    row_load(&eval->row, from);
    RowFate fate = row_run(&eval->row, lines->log->stages);
    if (fate == ROW_FAILED)
        return *err = eval->row.err, false;
    return fate == ROW_DROPPED || keep_line(lines, err);
}

static bool eval_lines(Eval *eval, const LogqlLog *log, LogqlResult *out, Err *err)
{
    const LogqlAsk *ask = eval->ask;
    Lines lines = { .eval = eval, .log = log, .limit = ask->limit ? ask->limit : LINES_DEFAULT };
    if (lines.limit > LOGQL_ENTRIES_MAX)
        return fail(err, ERR_INPUT,
                    "max entries limit per query exceeded, limit > max_entries "
                    "(%zu > %d)",
                    lines.limit, LOGQL_ENTRIES_MAX);
    LogScan query;
    lines.entries = ARENA_MAKE(eval->arena, LogqlEntry, lines.limit, err);
    if (!lines.entries || !eval_scan(eval, log, &query, err))
        return false;
    query.from_ns = ask->from_ns > 0 ? (uint64_t)ask->from_ns : 0;
    query.to_ns = (uint64_t)ask->to_ns;
    query.newest_first = ask->newest_first;
    query.limit = log->stages ? 0 : lines.limit;
    out->entries = lines.entries;
    if (ask->to_ns <= 0 || ask->to_ns <= ask->from_ns)
        return true;
    LogCursor *cursor = log_scan(ask->source, &query, err);
    if (!cursor)
        return false;
    LogBlock block;
    LogResult result = LOG_BLOCK;
    bool ok = true;
    while (ok && lines.count < lines.limit && (result = log_next(cursor, &block, err)) == LOG_BLOCK)
        for (size_t i = 0; ok && i < block.count && lines.count < lines.limit; i++)
            ok = take_line(&lines, &block.rows[i], err);
    log_close(cursor);
    out->entry_count = lines.count;
    return ok && result != LOG_FAILED;
}

/* ---- series -------------------------------------------------------------------------------------
 */

/* vector(1) and numbers: one series without labels. */
static bool eval_constant(Eval *eval, double number, Matrix *out, Err *err)
{
    *out = (Matrix){ 0 };
    int64_t index = matrix_row(eval, out, (Labels){ 0 }, err);
    if (index == NO_ROW || !matrix_values(eval, &out->rows[index], err))
        return false;
    for (size_t k = 0; k < eval->steps; k++) {
        out->rows[0].values[k] = number;
        out->rows[0].present[k] = true;
    }
    return true;
}

bool eval_expr(Eval *eval, const LogqlExpr *expr, Matrix *out, Err *err)
{
    switch (expr->kind) {
    case LOGQL_NUMBER:
    case LOGQL_VECTOR: return eval_constant(eval, expr->number, out, err);
    case LOGQL_RANGE: return eval_range(eval, &expr->range, NULL, out, err);
    case LOGQL_AGGREGATE: return eval_aggregate(eval, &expr->aggregate, out, err);
    case LOGQL_BINARY: return eval_binary(eval, &expr->binary, out, err);
    case LOGQL_REPLACE: return eval_replace(eval, &expr->replace, out, err);
    case LOGQL_LOG: break; /* the parser lets none in here */
    }
    return fail(err, ERR_INPUT, "log lines where a metric is needed");
}

static bool set_points(Eval *eval, const MatrixRow *row, LogqlSeries *out, Err *err)
{
    size_t count = 0;
    for (size_t k = 0; k < eval->steps; k++)
        count += row->present[k];
    LogqlPoint *points = ARENA_MAKE(eval->arena, LogqlPoint, count + 1, err);
    *out = (LogqlSeries){ row->labels, points, 0 };
    for (size_t k = 0; points && k < eval->steps; k++)
        if (row->present[k])
            points[out->count++] =
                (LogqlPoint){ eval->start_ns + (int64_t)k * eval->step_ns, row->values[k] };
    return points;
}

static bool set_series(Eval *eval, Matrix *matrix, LogqlResult *out, Err *err)
{
    LogqlSeries *series = ARENA_MAKE(eval->arena, LogqlSeries, matrix->count + 1, err);
    if (!series)
        return false;
    if (eval->ask->step_ns)
        matrix_sort(matrix);
    out->series = series;
    for (size_t i = 0; i < matrix->count; i++) {
        LogqlSeries *next = &series[out->series_count];
        if (!eval_on_time(eval, err) || !set_points(eval, &matrix->rows[i], next, err))
            return false;
        out->series_count += next->count > 0;
    }
    return out->series_count <= LOGQL_SERIES_MAX ||
           fail(err, ERR_LIMIT, "maximum number of series (%d) reached for a single query",
                LOGQL_SERIES_MAX);
}

/* Sums of a time, an offset and a range stay within an int64_t. */
static bool is_far(int64_t time_ns)
{
    return time_ns >= LOGQL_TIME_MAX_NS || time_ns <= -LOGQL_TIME_MAX_NS;
}

static bool eval_series(Eval *eval, const LogqlExpr *root, LogqlResult *out, Err *err)
{
    const LogqlAsk *ask = eval->ask;
    Matrix matrix;
    if (is_far(ask->to_ns) || (ask->step_ns && is_far(ask->from_ns)))
        return fail(err, ERR_INPUT, "a time further than 146 years from 1970 in a metric query");
    if (ask->step_ns < 0 || (ask->step_ns && ask->to_ns < ask->from_ns))
        return fail(err, ERR_INPUT, "the end is before the start");
    eval->start_ns = ask->step_ns ? ask->from_ns : ask->to_ns;
    eval->step_ns = ask->step_ns ? ask->step_ns : 1;
    uint64_t steps = ask->step_ns ? (uint64_t)((ask->to_ns - ask->from_ns) / ask->step_ns) + 1 : 1;
    if (steps > LOGQL_STEPS_MAX)
        return fail(err, ERR_INPUT,
                    "exceeded maximum resolution of %d points per time series. Try increasing the "
                    "value of the step parameter",
                    LOGQL_STEPS_MAX);
    eval->steps = (size_t)steps;
    return eval_expr(eval, root, &matrix, err) && set_series(eval, &matrix, out, err);
}

/* ---- the door -----------------------------------------------------------------------------------
 */

bool logql_run(const LogqlQuery *query, const LogqlAsk *ask, LogqlResult *out, Err *err)
{
    *out = (LogqlResult){ .type = logql_type(query) };
    out->arena = arena_new_in(ask->purse, LOGQL_MEMORY_MAX, err);
    if (!out->arena)
        return false;
    int64_t begin = clock_mono_ns(ask->clock);
    Eval eval = { .ask = ask, .arena = out->arena };
    bool ok = row_init(&eval.row, out->arena, err);
    if (ok && query->root->kind == LOGQL_LOG)
        ok = eval_lines(&eval, query->root->log, out, err);
    else if (ok)
        ok = eval_series(&eval, query->root, out, err);
    row_done(&eval.row);
    out->stats = eval.stats;
    out->stats.exec_ns = clock_mono_ns(ask->clock) - begin;
    if (!ok)
        logql_result_done(out);
    return ok;
}

void logql_result_done(LogqlResult *result)
{
    arena_free(result->arena);
    *result = (LogqlResult){ 0 };
}
