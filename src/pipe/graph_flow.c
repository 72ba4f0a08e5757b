/* graph_flow.c - how parcels move: in place on one loop, through an inbox to another one. */
#include "pipe/graph_internal.h"

#include "otlp/batch.h"

enum {
    BURST = 64,    /* parcels per turn of the loop, so that its other duties get theirs */
    AGAIN_MS = 10, /* until a reader that was busy is asked again */
};

/* --- into an instance ------------------------------------------------------------------------ */

static bool refuse_stopped(const Unit *unit, Err *err)
{
    return fail(err, ERR_CLOSED, "%s \"%.*s\" is stopped", component_kind_name(unit->type->kind),
                STR_ARG(unit->config->id));
}

static bool offer(Instance *instance, const Parcel *parcel, Err *err)
{
    const Unit *unit = instance->unit;
    return instance->running ? unit->type->consume(instance->self, parcel, err)
                             : refuse_stopped(unit, err);
}

static bool reserve(const Instance *instance, const Parcel *parcel, Err *err)
{
    const ComponentType *type = instance->unit->type;
    return !type->reserve || type->reserve(instance->self, parcel->batch, err);
}

static void unreserve(const Instance *instance, const Parcel *parcel)
{
    const ComponentType *type = instance->unit->type;
    if (type->reserve)
        type->unreserve(instance->self, parcel->batch);
}

static bool consume(Instance *instance, const Parcel *parcel, Err *err)
{
    bool taken = instance->running ? reserve(instance, parcel, err) && offer(instance, parcel, err)
                                   : refuse_stopped(instance->unit, err);
    account_consumed(&instance->host.account, parcel->batch, taken);
    return taken;
}

/* --- inboxes --------------------------------------------------------------------------------- */

static bool has_room(const Inbox *inbox, size_t bytes)
{
    return !inbox->count ||
           (inbox->count < GRAPH_QUEUE_MAX && inbox->bytes + bytes <= GRAPH_QUEUE_BYTES);
}

static bool refuse_full(const Unit *unit, Err *err)
{
    return fail(err, ERR_BUSY, "the queue in front of %s \"%.*s\" is full",
                component_kind_name(unit->type->kind), STR_ARG(unit->config->id));
}

/* The reader cannot stop while the lock is held and its inbox open, so it may be asked here. */
static bool inbox_push(Unit *unit, const Parcel *parcel, Err *err)
{
    Inbox *inbox = &unit->inbox;
    Instance *instance = &unit->instances[0];
    size_t bytes = batch_memory(parcel->batch);
    mutex_lock(&inbox->mutex);
    bool room = inbox->open ? (has_room(inbox, bytes) || refuse_full(unit, err)) &&
                                  reserve(instance, parcel, err)
                            : refuse_stopped(unit, err);
    if (room) {
        inbox->ring[(inbox->first + inbox->count) % GRAPH_QUEUE_MAX] =
            (Parcel){ .batch = batch_ref(parcel->batch), .ack = parcel->ack };
        inbox->count++;
        inbox->bytes += bytes;
    }
    mutex_unlock(&inbox->mutex);
    if (room)
        loop_post(instance->shard->loop, &inbox->post);
    else
        account_consumed(&instance->host.account, parcel->batch, false);
    return room;
}

static bool inbox_peek(Inbox *inbox, Parcel *out)
{
    mutex_lock(&inbox->mutex);
    bool any = inbox->count > 0;
    if (any)
        *out = inbox->ring[inbox->first];
    mutex_unlock(&inbox->mutex);
    return any;
}

static bool inbox_pop(Inbox *inbox, Parcel *out)
{
    mutex_lock(&inbox->mutex);
    bool any = inbox->count > 0;
    if (any) {
        *out = inbox->ring[inbox->first];
        inbox->first = (inbox->first + 1) % GRAPH_QUEUE_MAX;
        inbox->count--;
        inbox->bytes -= batch_memory(out->batch);
    }
    mutex_unlock(&inbox->mutex);
    return any;
}

/* Nobody would send again what was accepted already, so it waits here; the queue fills, and what
 * comes then is refused where somebody hears it. Who waits for the verdict gets it. What has its
 * place is never busy. */
static bool must_wait(const Unit *reader, const Parcel *parcel, const Err *err)
{
    return err->kind == ERR_BUSY && !ack_waited(parcel->ack) && !reader->type->reserve;
}

/* The first parcel to the reader. False: there is none, or the reader is busy. */
static bool hand_over(Unit *reader)
{
    Instance *instance = &reader->instances[0];
    Inbox *inbox = &reader->inbox;
    Parcel parcel;
    Err err;
    if (!inbox_peek(inbox, &parcel))
        return false;
    bool taken = offer(instance, &parcel, &err);
    if (!taken && must_wait(reader, &parcel, &err)) {
        int64_t now = clock_mono_ns(host_clock(&instance->host));
        timer_set(instance->shard->loop, &inbox->again, now + AGAIN_MS * NANOS_PER_MILLI);
        return false;
    }
    account_consumed(&instance->host.account, parcel.batch, taken);
    if (!inbox_pop(inbox, &parcel))
        return false;
    if (!taken)
        ack_fail(parcel.ack, &err);
    batch_unref(parcel.batch);
    return true;
}

void inbox_run(void *unit)
{
    Unit *reader = unit;
    if (reader->inbox.again.set)
        return; /* busy a moment ago */
    int count = 0;
    while (count < BURST && hand_over(reader))
        count++;
    if (count == BURST)
        loop_post(reader->instances[0].shard->loop, &reader->inbox.post);
}

void inbox_open(Inbox *inbox)
{
    mutex_lock(&inbox->mutex);
    inbox->open = true;
    mutex_unlock(&inbox->mutex);
}

void inbox_close(Unit *reader)
{
    Inbox *inbox = &reader->inbox;
    Instance *instance = &reader->instances[0];
    timer_cancel(instance->shard->loop, &inbox->again);
    mutex_lock(&inbox->mutex);
    inbox->open = false;
    mutex_unlock(&inbox->mutex);
    Err err;
    fail(&err, ERR_CLOSED, "shutting down");
    Parcel parcel;
    while (inbox_pop(inbox, &parcel)) {
        account_consumed(&instance->host.account, parcel.batch, false);
        unreserve(instance, &parcel);
        ack_retry(parcel.ack, 0, &err);
        batch_unref(parcel.batch);
    }
}

size_t inbox_count(Inbox *inbox)
{
    mutex_lock(&inbox->mutex);
    size_t count = inbox->count;
    mutex_unlock(&inbox->mutex);
    return count;
}

/* --- between units --------------------------------------------------------------------------- */

static bool unit_take(Unit *unit, const Shard *from, const Parcel *parcel, Err *err)
{
    bool sharded = unit->type->placement == SHARDED;
    Instance *instance = &unit->instances[sharded ? from->index : 0];
    if (instance->shard == from)
        return consume(instance, parcel, err);
    return inbox_push(unit, parcel, err);
}

static bool fan_out(const UnitList *next, const Shard *from, const Parcel *parcel, Err *err)
{
    Ack *acks[FAN_OUT_MAX];
    if (!ack_split(parcel->ack, ACK_FAN_OUT, next->count, NULL, acks, err))
        return false;
    for (size_t i = 0; i < next->count; i++) {
        Err refusal;
        Parcel copy = { .batch = parcel->batch, .ack = acks[i] };
        if (!unit_take(next->items[i], from, &copy, &refusal))
            ack_fail(acks[i], &refusal);
    }
    return true;
}

static bool graph_send(Host *host, const Parcel *parcel, Err *err)
{
    Instance *from = (Instance *)host;
    Signal signal = batch_signal(parcel->batch);
    const UnitList *next = &from->unit->next[signal_index(signal)];
    if (!next->count)
        return fail(err, ERR_UNSUPPORTED, "no pipeline takes %.*s from \"%.*s\"",
                    STR_ARG(signal_name(signal)), STR_ARG(host->id));
    return next->count == 1 ? unit_take(next->items[0], from->shard, parcel, err)
                            : fan_out(next, from->shard, parcel, err);
}

static bool unit_may_take(const Unit *unit, const Shard *from, Err *err)
{
    if (!unit->type->may_take)
        return true;
    const Instance *instance = &unit->instances[from->index];
    return instance->running ? unit->type->may_take(instance->self, err)
                             : refuse_stopped(unit, err);
}

/* As long as one of several would take it, it is read: the others' refusals are their branches'. */
static bool graph_may_take(Host *host, Signal signal, Err *err)
{
    const Instance *from = (const Instance *)host;
    const UnitList *next = &from->unit->next[signal_index(signal)];
    for (size_t i = 0; i < next->count; i++)
        if (unit_may_take(next->items[i], from->shard, err))
            return true;
    return next->count == 0; /* which says so itself when it is sent something */
}

/* Whatever may be between: a processor that asks of nobody still passes on what it is sent. */
static bool unit_asks(const Unit *unit, size_t signal, HostAsk what)
{
    for (size_t i = 0; i < unit->instance_count; i++)
        if (counter_get(&unit->instances[i].host.asks[what]))
            return true;
    const UnitList *next = &unit->next[signal];
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
    return instance->unit->next[signal_index(signal)].count > 0;
}

static bool graph_takes_bundles(const Host *host, Signal signal)
{
    const Instance *from = (const Instance *)host;
    const UnitList *next = &from->unit->next[signal_index(signal)];
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
        .ledger = &instance->unit->graph->ledger,
        .client = wish->client,
    };
    return ack_new(&listener, items, err);
}

static bool graph_ready(const Host *host)
{
    const Instance *instance = (const Instance *)host;
    return counter_get(&instance->unit->graph->ready) != 0;
}

static void *graph_service(Host *host, Str id, ServiceKind kind, Err *err)
{
    const Graph *graph = ((Instance *)host)->unit->graph;
    for (size_t i = 0; i < graph->unit_count; i++) {
        const Unit *unit = &graph->units[i];
        if (unit->type->kind != EXTENSION || !str_eq(unit->config->id, id))
            continue;
        const Instance *instance = &unit->instances[0];
        void *service = instance->running && unit->type->service
                            ? unit->type->service(instance->self, kind)
                            : NULL;
        if (!service)
            fail(err, ERR_UNSUPPORTED, "extension \"%.*s\" %s", STR_ARG(id),
                 instance->running ? "does not offer what is asked of it" : "is not started");
        return service;
    }
    fail(err, ERR_UNSUPPORTED, "extension \"%.*s\" is not listed in service.extensions",
         STR_ARG(id));
    return NULL;
}

static GraphStatus *graph_host_status(Host *host, Arena *arena, Err *err)
{
    return graph_status(((Instance *)host)->unit->graph, arena, err);
}

static bool graph_reload(Host *host, Err *err)
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
    .reload = graph_reload,
};
