/* promql.c - what PromQL queries cost: ten thousand series over an hour, a sample every 15 s.
 *
 * The source hands out the same samples for every series, so what is measured is the language and
 * not a store.
 */
#include "support/harness.h"

#include "query/promql/promql.h"

#include <stdio.h>
#include <stdlib.h>

enum { SERIES = 10000, SAMPLES = 4 * 60, STEP_MS = 60000, TEXT = 16 };

typedef struct Source {
    SeriesSource base;
    Sample samples[SAMPLES];
    char texts[SERIES][TEXT];
} Source;

typedef struct Cursor {
    SeriesCursor base;
    const Source *source;
    size_t next;
    Label labels[4];
} Cursor;

static SeriesResult next(SeriesCursor *base, SeriesRow *out, Err *err)
{
    Cursor *cursor = (Cursor *)base;
    (void)err;
    if (cursor->next == SERIES)
        return SERIES_END;
    size_t i = cursor->next++;
    cursor->labels[0] = (Label){ STR("__name__"), STR("requests_total") };
    cursor->labels[1] = (Label){ STR("instance"), str_from(cursor->source->texts[i]) };
    cursor->labels[2] = (Label){ STR("job"), str_from(cursor->source->texts[i % 10]) };
    cursor->labels[3] = (Label){ STR("method"), STR("GET") };
    *out = (SeriesRow){ { cursor->labels, 4 }, cursor->source->samples, SAMPLES };
    return SERIES_ROW;
}

static void close_cursor(SeriesCursor *cursor)
{
    free(cursor);
}

static SeriesCursor *scan(SeriesSource *source, const SeriesScan *query, Err *err)
{
    (void)query, (void)err;
    Cursor *cursor = calloc(1, sizeof *cursor);
    if (!cursor)
        abort();
    cursor->base = (SeriesCursor){ next, close_cursor };
    cursor->source = (const Source *)source;
    return &cursor->base;
}

typedef struct Work {
    PromExpr *expr;
    PromQuery query;
} Work;

static void run(void *context, size_t rounds)
{
    const Work *work = context;
    Err err;
    for (size_t i = 0; i < rounds; i++) {
        PromResult result;
        if (!promql_run(work->expr, &work->query, &result, &err)) {
            fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
        bench_use(result.count);
        prom_result_done(&result);
    }
}

static void parse(void *context, size_t rounds)
{
    const Str *text = context;
    Err err;
    for (size_t i = 0; i < rounds; i++) {
        PromExpr *expr = promql_parse(*text, &err);
        bench_use(expr != NULL);
        promql_free(expr);
    }
}

int main(void)
{
    static const char *const queries[] = {
        "rate(requests_total[5m])",
        "sum by (job) (rate(requests_total[5m]))",
        "requests_total / on(instance) requests_total",
        "quantile by (job) (0.9, requests_total)",
    };
    Source *source = calloc(1, sizeof *source);
    Err err;
    if (!source)
        return 1;
    source->base.scan = scan;
    for (size_t i = 0; i < SAMPLES; i++)
        source->samples[i] = (Sample){ (int64_t)i * 15000, (double)(i * 7) };
    for (size_t i = 0; i < SERIES; i++)
        snprintf(source->texts[i], TEXT, "host-%05zu", i);
    Str text = STR("sum by (job) (rate(requests_total{method=~\"GET|PUT\"}[5m])) > 10");
    bench(&(Bench){ .name = "parse, per query", .run = parse, .context = &text, .items = 1 });
    for (size_t i = 0; i < COUNT_OF(queries); i++) {
        Work work = { .expr = promql_parse(str_from(queries[i]), &err),
                      .query = { .source = &source->base,
                                 .end_ms = (SAMPLES - 1) * 15000,
                                 .step_ms = STEP_MS } };
        bench(&(Bench){ .name = queries[i], .run = run, .context = &work, .items = SERIES });
        promql_free(work.expr);
    }
    free(source);
    return 0;
}
