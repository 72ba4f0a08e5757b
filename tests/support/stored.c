/* stored.c - all that a store holds; see stored.h. */
#include "support/stored.h"

#include "store/log_scan.h"
#include "store/scan.h"
#include "store/series_scan.h"

typedef struct Walk {
    bool (*hear)(void *context, const StoredItem *item, Err *err);
    void *context;
} Walk;

static bool each_span(const Walk *walk, Store *store, Err *err)
{
    ScanCursor *cursor = source_scan(store_spans(store), &(SpanScan){ .columns = SCAN_SPAN }, err);
    if (!cursor)
        return false;
    SpanBlock block;
    ScanResult result;
    bool ok = true;
    while (ok && (result = scan_next(cursor, &block, err)) == SCAN_BLOCK)
        for (size_t i = 0; ok && i < block.count; i++) {
            const SpanRow *row = &block.rows[i];
            ok = walk->hear(walk->context,
                            &(StoredItem){ TRACES, row->name, row->batch, row->span }, err);
        }
    scan_close(cursor);
    return ok && result == SCAN_END;
}

static bool each_record(const Walk *walk, Store *store, Err *err)
{
    LogCursor *cursor = log_scan(store_logs(store), &(LogScan){ .no_metadata = true }, err);
    if (!cursor)
        return false;
    LogBlock block;
    LogResult result;
    bool ok = true;
    while (ok && (result = log_next(cursor, &block, err)) == LOG_BLOCK)
        for (size_t i = 0; ok && i < block.count; i++) {
            const LogRow *row = &block.rows[i];
            ok = walk->hear(walk->context,
                            &(StoredItem){ LOGS, row->line, row->batch, row->record }, err);
        }
    log_close(cursor);
    return ok && result == LOG_END;
}

static bool each_series(const Walk *walk, Store *store, Err *err)
{
    const LabelMatcher matcher = { LABEL_NOT_EQUAL, STR(LABEL_METRIC_NAME), STR("target_info") };
    const SeriesScan query = {
        .matchers = &matcher, .matcher_count = 1, .from_ms = -1, .to_ms = INT64_MAX
    };
    SeriesCursor *cursor = series_scan(store_series(store), &query, err);
    if (!cursor)
        return false;
    SeriesRow row;
    SeriesResult result;
    bool ok = true;
    while (ok && (result = series_next(cursor, &row, err)) == SERIES_ROW)
        ok = walk->hear(walk->context,
                        &(StoredItem){ .signal = METRICS,
                                       .name = labels_get(row.labels, STR(LABEL_METRIC_NAME)) },
                        err);
    series_close(cursor);
    return ok && result == SERIES_END;
}

bool stored_each(Store *store, bool (*hear)(void *context, const StoredItem *item, Err *err),
                 void *context, Err *err)
{
    const Walk walk = { hear, context };
    return each_span(&walk, store, err) && each_record(&walk, store, err) &&
           each_series(&walk, store, err);
}
