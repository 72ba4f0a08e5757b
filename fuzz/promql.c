/* promql.c - any bytes as a query, then run over a few series: it is refused or it ends. */
#include "query/promql/promql.h"

#include <math.h>
#include <stdlib.h>

enum { SERIES = 4, SAMPLES = 6 };

/* The same few series, whatever is asked: what the evaluator is given need not be what it wants. */
typedef struct Cursor {
    SeriesCursor base;
    size_t next;
} Cursor;

static SeriesResult next(SeriesCursor *base, SeriesRow *out, Err *err)
{
    static const Label sets[SERIES][3] = {
        { { STR_ROW("__name__"), STR_ROW("a") }, { STR_ROW("le"), STR_ROW("1") } },
        { { STR_ROW("__name__"), STR_ROW("a") }, { STR_ROW("le"), STR_ROW("+Inf") } },
        { { STR_ROW("__name__"), STR_ROW("b") }, { STR_ROW("le"), STR_ROW("1") } },
        { { STR_ROW("__name__"), STR_ROW("b") },
          { STR_ROW("a"), STR_ROW("\xc3\xa9") },
          { STR_ROW("le"), STR_ROW("x") } },
    };
    static Sample samples[SERIES][SAMPLES];
    Cursor *cursor = (Cursor *)base;
    (void)err;
    for (size_t i = 0; i < SERIES * SAMPLES; i++)
        samples[i / SAMPLES][i % SAMPLES] =
            (Sample){ (int64_t)(i % SAMPLES) * 1000, (double)i * (i % 3 ? 1 : -0.5) };
    samples[1][2].value = stale_marker();
    samples[2][3].value = NAN;
    samples[3][4].value = INFINITY;
    if (cursor->next == SERIES)
        return SERIES_END;
    size_t at = cursor->next++;
    *out = (SeriesRow){ { sets[at], at == 3 ? 3 : 2 }, samples[at], SAMPLES };
    return SERIES_ROW;
}

static void close_cursor(SeriesCursor *cursor)
{
    free(cursor);
}

static SeriesCursor *scan(SeriesSource *source, const SeriesScan *query, Err *err)
{
    (void)source, (void)query, (void)err;
    Cursor *cursor = calloc(1, sizeof *cursor);
    if (!cursor)
        abort();
    cursor->base = (SeriesCursor){ next, close_cursor };
    return &cursor->base;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Err err;
    SeriesSource source = { .scan = scan };
    PromExpr *expr = promql_parse((Str){ (const char *)data, size }, &err);
    for (int64_t step = 0; expr && step < 3; step++) {
        PromResult result;
        const PromQuery query = { .source = &source,
                                  .start_ms = 2500,
                                  .end_ms = 4500,
                                  .step_ms = step * 700,
                                  .samples_max = 20000,
                                  .memory_max = 1 << 22 };
        if (!promql_run(expr, &query, &result, &err) && err.kind == ERR_NONE)
            abort();
        prom_result_done(&result);
    }
    promql_free(expr);
    return 0;
}
