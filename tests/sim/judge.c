/* judge.c - see judge.h. */
#include "sim/judge.h"

#include "otlp/view.h"
#include "store/log_scan.h"
#include "store/scan.h"
#include "store/series_scan.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Court {
    World *world;
    Findings *findings;
    uint8_t found[REQUESTS_MAX][REQUEST_ITEMS_MAX];
    uint8_t spans[APP_ITEMS_MAX], logs[APP_ITEMS_MAX];
} Court;

static bool invented(Str name, Signal signal, const char *why, Err *err)
{
    return fail(err, ERR_CORRUPT, "the store has \"%.*s\" as %.*s: %s", STR_ARG(name),
                STR_ARG(signal_name(signal)), why);
}

static void count(Court *court, uint8_t *seen)
{
    court->findings->items++;
    court->findings->repeated += *seen > 0;
    if (*seen < UINT8_MAX)
        (*seen)++;
}

static bool pad_fits(char kind, uint64_t number, Str pad)
{
    char expected[PADDING_MAX + 1];
    padding(kind, number, expected);
    return str_eq(pad, str_from(expected));
}

/* "q<number>-<item>" */
static bool from_client(Court *court, Signal signal, Str name, Str pad, Err *err)
{
    uint64_t number, item;
    Str rest = str_skip(name, 1), first;
    const World *world = court->world;
    if (!str_split(&rest, '-', &first) || !str_to_u64(first, &number) || !str_to_u64(rest, &item) ||
        number >= world->request_count || world->requests[number].signal != signal ||
        item >= world->requests[number].items)
        return invented(name, signal, "no client sent that", err);
    if (!pad_fits('q', number, pad))
        return invented(name, signal, "with another payload than was sent", err);
    count(court, &court->found[number][item]);
    return true;
}

static bool from_app(Court *court, Signal signal, Str name, Str pad, Err *err)
{
    uint64_t number;
    bool span = name.ptr[0] == 's';
    const App *app = &court->world->app;
    if (signal != (span ? TRACES : LOGS) || !str_to_u64(str_skip(name, 1), &number) ||
        number >= (span ? app->spans : app->logs))
        return invented(name, signal, "the application did not make that", err);
    if (!pad_fits(name.ptr[0], number, pad))
        return invented(name, signal, "with another payload than was made", err);
    uint8_t *seen = span ? &court->spans[number] : &court->logs[number];
    *(span ? &court->findings->app_spans : &court->findings->app_logs) += *seen == 0;
    count(court, seen);
    return true;
}

static bool hear_witness(Court *court, Signal signal, Str name, Str pad, Err *err)
{
    if (name.len > 1 && name.ptr[0] == 'q')
        return from_client(court, signal, name, pad, err);
    if (name.len > 1 && (name.ptr[0] == 's' || name.ptr[0] == 'l'))
        return from_app(court, signal, name, pad, err);
    return invented(name, signal, "nobody sends that", err);
}

static size_t resource_of(const Batch *batch, size_t item)
{
    for (size_t r = 0; r < batch_resource_count(batch); r++) {
        ResourceView resource = resource_view(batch, r);
        for (size_t s = resource.first_scope; s < resource.end_scope; s++)
            if (item < scope_view(batch, s).end_item)
                return r;
    }
    return 0;
}

/* The item's own attribute, else its resource's. */
static Str pad_of(const Batch *batch, size_t item)
{
    ValueView value = { 0 };
    if (!attributes_find(item_attributes(batch, item), STR("pad"), &value))
        (void)!attributes_find(resource_attributes(batch, resource_of(batch, item)), STR("pad"),
                               &value);
    return value.text;
}

static bool hear_spans(Court *court, Store *store, Err *err)
{
    ScanCursor *cursor = source_scan(store_spans(store), &(SpanScan){ .columns = SCAN_SPAN }, err);
    if (!cursor)
        return false;
    SpanBlock block;
    ScanResult result;
    bool ok = true;
    while (ok && (result = scan_next(cursor, &block, err)) == SCAN_BLOCK)
        for (size_t i = 0; ok && i < block.count; i++)
            ok = hear_witness(court, TRACES, block.rows[i].name,
                              pad_of(block.rows[i].batch, block.rows[i].span), err);
    scan_close(cursor);
    return ok && result == SCAN_END;
}

static bool hear_records(Court *court, Store *store, Err *err)
{
    LogCursor *cursor = log_scan(store_logs(store), &(LogScan){ .no_metadata = true }, err);
    if (!cursor)
        return false;
    LogBlock block;
    LogResult result;
    bool ok = true;
    while (ok && (result = log_next(cursor, &block, err)) == LOG_BLOCK)
        for (size_t i = 0; ok && i < block.count; i++)
            ok = hear_witness(court, LOGS, block.rows[i].line,
                              pad_of(block.rows[i].batch, block.rows[i].record), err);
    log_close(cursor);
    return ok && result == LOG_END;
}

/* A series keeps no resource attribute but the job's, so the padding is that of target_info; here
 * the name has to do. */
static bool hear_series(Court *court, Store *store, Err *err)
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
    while (ok && (result = series_next(cursor, &row, err)) == SERIES_ROW) {
        char pad[PADDING_MAX + 1], text[64];
        uint64_t number = 0;
        Str name = labels_get(row.labels, STR(LABEL_METRIC_NAME));
        snprintf(text, sizeof text, "%.*s", STR_ARG(name));
        for (char *c = text; *c; c++) /* a dash is no character of a metric's name */
            *c = *c == '_' ? '-' : *c;
        number = strtoull(text + 1, NULL, 10);
        padding('q', number, pad);
        ok = hear_witness(court, METRICS, str_from(text), str_from(pad), err);
    }
    series_close(cursor);
    return ok && result == SERIES_END;
}

/* A disk that fails twice while the same frame is replayed looks like a frame that ends the
 * process: it is set aside, its bytes are kept, and nothing is known of what is missing. */
static bool set_aside(const World *world)
{
    return world->gateway.disk_failed && test_disk_name(world->gateway.disk, ".poison", 0);
}

static bool promises_kept(const Court *court, Err *err)
{
    const World *world = court->world;
    if (set_aside(world))
        return true;
    for (size_t i = 0; i < world->request_count; i++) {
        const Sent *sent = &world->requests[i];
        for (unsigned k = 0; k < sent->items && sent->told == TOLD_OK && !sent->excused; k++)
            if (!court->found[i][k])
                return fail(err, ERR_CORRUPT,
                            "request %zu (%.*s by %s to the %s) was told OK, but item %u of %u "
                            "is missing",
                            i, STR_ARG(signal_name(sent->signal)), sent->by_grpc ? "gRPC" : "HTTP",
                            sent->to_gateway ? "gateway" : "edge", k, sent->items);
    }
    return true;
}

bool judge(World *world, Findings *findings, Err *err)
{
    StoreSettings settings = store_defaults();
    settings.disk = test_disk_door(world->gateway.disk);
    settings.clock = &world->net->clock.base;
    settings.directory = "data";
    settings.reserve_bytes = 0;
    settings.age_max_ns = 0;
    settings.own_thread = false;
    *findings = (Findings){ 0 };
    Court *court = calloc(1, sizeof *court);
    if (!court)
        abort();
    court->world = world;
    court->findings = findings;
    Store *store = store_open(&settings, err);
    bool right = store && hear_spans(court, store, err) && hear_records(court, store, err) &&
                 hear_series(court, store, err) && promises_kept(court, err);
    Err closing = { 0 };
    bool closed = store_close(store, INT64_MAX, &closing);
    if (right && !closed)
        *err = closing;
    free(court);
    return right && closed;
}
