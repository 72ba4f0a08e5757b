/* graph_flow.c - what the graph does for a Host: where a parcel goes from here, whom to ask first.
 */
#include "pipe/graph_internal.h"

#include "otlp/batch.h"

static bool graph_send(Host *host, const Parcel *parcel, Err *err)
{
    Instance *from = (Instance *)host;
    Signal signal = batch_signal(parcel->batch);
    const UnitList *next = &from->unit->wires.next[signal_index(signal)];
    if (!next->count && from->unit->left)
        return unit_refuse_stopped(from->unit, err);
    if (!next->count)
        return fail(err, ERR_UNSUPPORTED, "no pipeline takes %.*s from \"%.*s\"",
                    STR_ARG(signal_name(signal)), STR_ARG(host->id));
    return next->count == 1 ? unit_take(next->items[0], from->shard, parcel, err)
                            : graph_fan_out(next, from->shard, parcel, err);
}

/* One that would refuse for now refuses for all of them (graph_fan.c). */
static bool graph_may_take(Host *host, Signal signal, Err *err)
{
    const Instance *from = (const Instance *)host;
    const UnitList *next = &from->unit->wires.next[signal_index(signal)];
    for (size_t i = 0; i < next->count; i++)
        if (!unit_may_take(next->items[i], from->shard, err))
            return false;
    return true;
}

/* Whatever may be between: a processor that asks of nobody still passes on what it is sent. */
static bool unit_asks(const Unit *unit, size_t signal, HostAsk what)
{
    for (size_t i = 0; i < unit->instance_count; i++)
        if (counter_get(&unit->instances[i].host.asks[what]))
            return true;
    const UnitList *next = &unit->wires.next[signal];
    for (size_t i = 0; i < next->count; i++)
        if (unit_asks(next->items[i], signal, what))
            return true;
    return false;
}

static bool graph_is_asked(Host *host, Signal signal, HostAsk what)
{
    const Instance *from = (const Instance *)host;
    return unit_asks(from->unit, signal_index(signal), what);
}

static bool graph_wants(const Host *host, Signal signal)
{
    const Instance *instance = (const Instance *)host;
    return instance->unit->wires.next[signal_index(signal)].count > 0;
}

static bool graph_takes_bundles(const Host *host, Signal signal)
{
    const Instance *from = (const Instance *)host;
    const UnitList *next = &from->unit->wires.next[signal_index(signal)];
    for (size_t i = 0; i < next->count; i++)
        if (!(next->items[i]->type->traits & TAKES_BUNDLES))
            return false;
    return true;
}

static Ack *graph_ack_new(Host *host, uint64_t items, const AckWish *wish, Err *err)
{
    Instance *instance = (Instance *)host;
    AckListener listener = {
        .home = instance->shard->loop,
        .settled = wish->settled,
        .context = wish->context,
        .waits = wish->waits,
        .ledger = &instance->unit->epoch->ledger,
        .client = wish->client,
    };
    return ack_new(&listener, items, err);
}

static bool graph_ready(const Host *host)
{
    const Instance *instance = (const Instance *)host;
    return counter_get(&instance->unit->graph->ready) != 0;
}

/* A reload starts what is new before it is wired in. */
static Unit *find_extension(const Graph *graph, Str id)
{
    const Wiring *wiring = graph->plan ? graph->plan : &graph->now;
    for (size_t i = 0; i < wiring->count; i++) {
        Unit *unit = wiring->units[i];
        if (unit->type->kind == EXTENSION && str_eq(unit->config->id, id))
            return unit;
    }
    return NULL;
}

static void *graph_service(Host *host, Str id, ServiceKind kind, Err *err)
{
    Unit *asking = ((Instance *)host)->unit, *unit = find_extension(asking->graph, id);
    if (!unit) {
        fail(err, ERR_UNSUPPORTED, "extension \"%.*s\" is not listed in service.extensions",
             STR_ARG(id));
        return NULL;
    }
    const Instance *instance = &unit->instances[0];
    void *service =
        instance->running && unit->type->service ? unit->type->service(instance->self, kind) : NULL;
    if (!service)
        fail(err, ERR_UNSUPPORTED, "extension \"%.*s\" %s", STR_ARG(id),
             instance->running ? "does not offer what is asked of it" : "is not started");
    else if (asking->service_count++ < SERVICES_MAX)
        asking->services[asking->service_count - 1] = unit;
    return service;
}

static GraphStatus *graph_host_status(Host *host, Arena *arena, Err *err)
{
    return graph_status(((Instance *)host)->unit->graph, arena, err);
}

static bool graph_hand_over(Host *host, const Parcel *parcel)
{
    return unit_inherit(((Instance *)host)->unit, parcel);
}

static bool graph_host_reload(Host *host, Err *err)
{
    const GraphOptions *options = &((Instance *)host)->unit->graph->options;
    if (!options->reload)
        return fail(err, ERR_UNSUPPORTED, "nobody here can reload");
    return options->reload(options->reload_context, err);
}

const HostOps graph_host_ops = {
    .ack_new = graph_ack_new,
    .send = graph_send,
    .wants = graph_wants,
    .may_take = graph_may_take,
    .is_asked = graph_is_asked,
    .takes_bundles = graph_takes_bundles,
    .ready = graph_ready,
    .service = graph_service,
    .status = graph_host_status,
    .reload = graph_host_reload,
    .hand_over = graph_hand_over,
};
