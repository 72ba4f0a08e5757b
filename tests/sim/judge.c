/* judge.c - see judge.h. */
#include "sim/judge.h"

#include "otlp/view.h"
#include "support/stored.h"

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

/* The item's own attribute, else its resource's. */
static Str pad_of(const Batch *batch, size_t item)
{
    ValueView value = { 0 };
    size_t resource = batch_resource_of_scope(batch, batch_scope_of_item(batch, item));
    if (!attributes_find(item_attributes(batch, item), STR("pad"), &value))
        (void)!attributes_find(resource_attributes(batch, resource), STR("pad"), &value);
    return value.text;
}

/* A series keeps no resource attribute but the job's, so the padding is that of target_info; here
 * the name has to do. */
static bool hear_series(Court *court, Str metric, Err *err)
{
    char pad[PADDING_MAX + 1], name[64];
    snprintf(name, sizeof name, "%.*s", STR_ARG(metric));
    for (char *c = name; *c; c++) /* a dash is no character of a metric's name */
        *c = *c == '_' ? '-' : *c;
    padding('q', strtoull(name + 1, NULL, 10), pad);
    return hear_witness(court, METRICS, str_from(name), str_from(pad), err);
}

static bool hear(void *context, const StoredItem *item, Err *err)
{
    Court *court = context;
    if (item->signal == METRICS)
        return hear_series(court, item->name, err);
    return hear_witness(court, item->signal, item->name, pad_of(item->batch, item->item), err);
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
    bool right = store && stored_each(store, hear, court, err) && promises_kept(court, err);
    Err closing = { 0 };
    bool closed = store_close(store, INT64_MAX, &closing);
    if (right && !closed)
        *err = closing;
    free(court);
    return right && closed;
}
