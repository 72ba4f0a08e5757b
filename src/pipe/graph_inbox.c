/* graph_inbox.c - how a parcel gets into one unit: in place on its own loop, through its inbox from
 * another one.
 *
 * A fan-out comes with a Booking (graph_fan.c): room in the inbox of a SINGLE unit, and a place in
 * the component's own queue where it has one. What then finds the component busy after all, because
 * it has grown on its way or because the component has no places to give, waits in the inbox
 * instead of being refused, on the component's own loop, too.
 */
#include "pipe/graph_internal.h"

#include "base/mem.h"
#include "otlp/batch.h"

enum {
    BURST = 64,           /* parcels per turn of the loop, so that its other duties get theirs */
    AGAIN_MS = 10,        /* until a reader that was busy is asked again */
    INBOX_RETRY_MS = 100, /* what a sender is told to wait: a full inbox is some hundreds of them */
};

/* --- into an instance ------------------------------------------------------------------------ */

bool unit_refuse_stopped(const Unit *unit, Err *err)
{
    return fail(err, ERR_CLOSED, "%s \"%.*s\" is stopped", component_kind_name(unit->type->kind),
                STR_ARG(unit->config->id));
}

static bool offer(Instance *instance, const Parcel *parcel, Err *err)
{
    const Unit *unit = instance->unit;
    return instance->running ? unit->type->consume(instance->self, parcel, err)
                             : unit_refuse_stopped(unit, err);
}

static bool reserve(const Instance *instance, const Batch *batch, Err *err)
{
    const ComponentType *type = instance->unit->type;
    return !type->reserve || type->reserve(instance->self, batch, err);
}

static void unreserve(const Instance *instance, const Batch *batch)
{
    const ComponentType *type = instance->unit->type;
    if (type->reserve)
        type->unreserve(instance->self, batch);
}

static bool consume(Instance *instance, const Parcel *parcel, Err *err)
{
    bool taken = instance->running
                     ? reserve(instance, parcel->batch, err) && offer(instance, parcel, err)
                     : unit_refuse_stopped(instance->unit, err);
    account_consumed(&instance->host.account, parcel->batch, taken);
    return taken;
}

bool unit_may_take(const Unit *unit, const Shard *from, Err *err)
{
    if (!unit->type->may_take)
        return true;
    const Instance *instance = &unit->instances[from->index];
    return instance->running ? unit->type->may_take(instance->self, err)
                             : unit_refuse_stopped(unit, err);
}

/* --- room and places -------------------------------------------------------------------------- */

static bool has_room(const Inbox *inbox, size_t bytes)
{
    size_t count = inbox->count + inbox->promised;
    return !count || (count < GRAPH_QUEUE_MAX &&
                      inbox->bytes + inbox->promised_bytes + bytes <= GRAPH_QUEUE_BYTES);
}

static bool refuse_full(const Unit *unit, Err *err)
{
    fail(err, ERR_BUSY, "the queue in front of %s \"%.*s\" is full",
         component_kind_name(unit->type->kind), STR_ARG(unit->config->id));
    err->retry_ms = INBOX_RETRY_MS;
    return false;
}

/* Under the lock. The reader cannot stop while that is held and its inbox open, so it may be asked
 * here. */
static bool find_room(const Unit *unit, const Batch *batch, Err *err)
{
    const Inbox *inbox = &unit->inbox;
    if (!inbox->open)
        return unit_refuse_stopped(unit, err);
    return (has_room(inbox, batch_memory(batch)) || refuse_full(unit, err)) &&
           (inbox->paused || reserve(&unit->instances[0], batch, err));
}

bool inbox_promise(Unit *unit, const Batch *batch, Booking *out, Err *err)
{
    Inbox *inbox = &unit->inbox;
    mutex_lock(&inbox->mutex);
    bool room = find_room(unit, batch, err);
    *out = (Booking){ unit, batch, .placed = !inbox->paused };
    if (room) {
        inbox->promised++;
        inbox->promised_bytes += batch_memory(batch);
    }
    mutex_unlock(&inbox->mutex);
    if (!room)
        account_consumed(&unit->instances[0].host.account, batch, false);
    return room;
}

/* Under the lock. */
static void keep_promise(Inbox *inbox, const Booking *booking)
{
    inbox->promised--;
    inbox->promised_bytes -= batch_memory(booking->batch);
}

/* A component that has stopped meanwhile has forgotten its places. */
void inbox_release(const Booking *booking)
{
    Inbox *inbox = &booking->unit->inbox;
    mutex_lock(&inbox->mutex);
    keep_promise(inbox, booking);
    if (inbox->open && booking->placed)
        unreserve(&booking->unit->instances[0], booking->batch);
    mutex_unlock(&inbox->mutex);
}

/* Under the lock, the inbox is open. What the place was taken for has become this batch. False: for
 * that there is no booking. */
static bool exchange_place(const Booking *booking, const Batch *batch)
{
    const Instance *instance = &booking->unit->instances[0];
    Err err;
    if (!booking->placed)
        return !booking->unit->inbox.paused && reserve(instance, batch, &err);
    if (batch == booking->batch || reserve(instance, batch, &err)) {
        if (batch != booking->batch)
            unreserve(instance, booking->batch);
        return true;
    }
    unreserve(instance, booking->batch);
    return reserve(instance, batch, &err);
}

/* --- inboxes --------------------------------------------------------------------------------- */

/* Under the lock; there is room. */
static void append(Inbox *inbox, const Parcel *parcel, bool placed)
{
    inbox->ring[(inbox->first + inbox->count) % GRAPH_QUEUE_MAX] =
        (Waiting){ { batch_ref(parcel->batch), parcel->ack }, placed };
    inbox->count++;
    inbox->bytes += batch_memory(parcel->batch);
}

/* From another loop. booking: NULL if there is none yet. */
static bool push(Unit *unit, const Booking *booking, const Parcel *parcel, Err *err)
{
    Inbox *inbox = &unit->inbox;
    mutex_lock(&inbox->mutex);
    bool room, placed = true;
    if (!booking) {
        room = find_room(unit, parcel->batch, err);
        placed = !inbox->paused;
    } else {
        keep_promise(inbox, booking);
        room = inbox->open || unit_refuse_stopped(unit, err);
        placed = room && exchange_place(booking, parcel->batch);
    }
    if (room)
        append(inbox, parcel, placed);
    mutex_unlock(&inbox->mutex);
    if (room)
        loop_post(unit->instances[0].shard->loop, &inbox->post);
    else
        account_consumed(&unit->instances[0].host.account, parcel->batch, false);
    return room;
}

static bool inbox_peek(Inbox *inbox, Waiting *out)
{
    mutex_lock(&inbox->mutex);
    bool inherits = inbox->inherited_next < inbox->inherited_count;
    bool any = inherits || inbox->count > 0;
    if (any)
        *out = inherits ? inbox->inherited[inbox->inherited_next] : inbox->ring[inbox->first];
    mutex_unlock(&inbox->mutex);
    return any;
}

/* Under the lock. */
static bool pop_inherited(Inbox *inbox, Waiting *out)
{
    if (inbox->inherited_next == inbox->inherited_count)
        return false;
    *out = inbox->inherited[inbox->inherited_next++];
    if (inbox->inherited_next < inbox->inherited_count)
        return true;
    mem_free(inbox->inherited);
    inbox->inherited = NULL;
    inbox->inherited_next = inbox->inherited_count = inbox->inherited_cap = 0;
    return true;
}

static bool inbox_pop(Inbox *inbox, Waiting *out)
{
    mutex_lock(&inbox->mutex);
    bool inherits = pop_inherited(inbox, out), any = inherits || inbox->count > 0;
    if (any && !inherits) {
        *out = inbox->ring[inbox->first];
        inbox->first = (inbox->first + 1) % GRAPH_QUEUE_MAX;
        inbox->count--;
        inbox->bytes -= batch_memory(out->parcel.batch);
    }
    mutex_unlock(&inbox->mutex);
    return any;
}

/* Nobody would send again what was accepted already, so it waits here; the queue fills, and what
 * comes then is refused where somebody hears it. Who waits for the verdict gets it. */
static bool must_wait(const Parcel *parcel, const Err *err)
{
    return err->kind == ERR_BUSY && !ack_waited(parcel->ack);
}

static void ask_again(Unit *reader)
{
    Instance *instance = &reader->instances[0];
    int64_t now = clock_mono_ns(host_clock(&instance->host));
    timer_set(instance->shard->loop, &reader->inbox.again, now + AGAIN_MS * NANOS_PER_MILLI);
}

/* The first parcel to the reader. False: there is none, or the reader is busy. What has its place
 * is never busy. */
static bool hand_over(Unit *reader)
{
    Instance *instance = &reader->instances[0];
    Inbox *inbox = &reader->inbox;
    Waiting first;
    Err err;
    if (!inbox_peek(inbox, &first))
        return false;
    bool placed = first.placed || reserve(instance, first.parcel.batch, &err);
    bool taken = placed && offer(instance, &first.parcel, &err);
    bool stays = !taken && !(placed && reader->type->reserve) && must_wait(&first.parcel, &err);
    if (stays) {
        ask_again(reader);
        return false;
    }
    account_consumed(&instance->host.account, first.parcel.batch, taken);
    if (!inbox_pop(inbox, &first))
        return false;
    if (!taken)
        ack_fail(first.parcel.ack, &err);
    batch_unref(first.parcel.batch);
    return true;
}

void inbox_run(void *unit)
{
    Unit *reader = unit;
    if (reader->inbox.again.set || reader->inbox.paused)
        return; /* busy a moment ago, or not there yet */
    int count = 0;
    while (count < BURST && hand_over(reader))
        count++;
    if (count == BURST)
        loop_post(reader->instances[0].shard->loop, &reader->inbox.post);
}

static void open_as(Unit *reader, bool paused)
{
    Inbox *inbox = &reader->inbox;
    mutex_lock(&inbox->mutex);
    inbox->open = true;
    inbox->paused = paused;
    mutex_unlock(&inbox->mutex);
    loop_post(reader->instances[0].shard->loop, &inbox->post);
}

void inbox_pause(Unit *reader)
{
    open_as(reader, true);
}

void inbox_open(Unit *reader)
{
    open_as(reader, false);
}

void inbox_close(Unit *reader)
{
    Inbox *inbox = &reader->inbox;
    Instance *instance = &reader->instances[0];
    timer_cancel(instance->shard->loop, &inbox->again);
    mutex_lock(&inbox->mutex);
    inbox->open = inbox->paused = false;
    mutex_unlock(&inbox->mutex);
    Err err;
    fail(&err, ERR_CLOSED, "shutting down");
    Waiting first;
    while (inbox_pop(inbox, &first)) {
        if (first.placed)
            unreserve(instance, first.parcel.batch);
        if (!unit_inherit(reader, &first.parcel)) {
            account_consumed(&instance->host.account, first.parcel.batch, false);
            ack_retry(first.parcel.ack, 0, &err);
        }
        batch_unref(first.parcel.batch);
    }
}

bool unit_inherit(Unit *from, const Parcel *parcel)
{
    enum { FIRST = 16 };
    Unit *heir = from->heir;
    if (!heir || !heir->inbox.ring)
        return false;
    Inbox *inbox = &heir->inbox;
    mutex_lock(&inbox->mutex);
    bool room = inbox->open;
    if (room && inbox->inherited_count == inbox->inherited_cap) {
        size_t cap = inbox->inherited_cap ? 2 * inbox->inherited_cap : FIRST;
        Waiting *more = mem_grow(inbox->inherited, cap * sizeof *more);
        room = more != NULL;
        inbox->inherited = room ? more : inbox->inherited;
        inbox->inherited_cap = room ? cap : inbox->inherited_cap;
    }
    if (room)
        inbox->inherited[inbox->inherited_count++] =
            (Waiting){ { batch_ref(parcel->batch), parcel->ack }, .placed = false };
    mutex_unlock(&inbox->mutex);
    if (room)
        loop_post(heir->instances[0].shard->loop, &inbox->post);
    return room;
}

size_t inbox_count(Inbox *inbox)
{
    mutex_lock(&inbox->mutex);
    size_t count = inbox->count + inbox->inherited_count - inbox->inherited_next;
    mutex_unlock(&inbox->mutex);
    return count;
}

/* --- into a unit ----------------------------------------------------------------------------- */

/* On the reader's own loop, into the room that was promised. False: it does not wait. */
static bool wait_in_front(const Booking *booking, const Parcel *parcel, const Err *refusal)
{
    Inbox *inbox = &booking->unit->inbox;
    bool waits = must_wait(parcel, refusal);
    mutex_lock(&inbox->mutex);
    keep_promise(inbox, booking);
    if (waits)
        append(inbox, parcel, false);
    mutex_unlock(&inbox->mutex);
    if (waits)
        ask_again(booking->unit);
    return waits;
}

static bool consume_placed(const Booking *booking, const Parcel *parcel, Err *err)
{
    Instance *instance = &booking->unit->instances[0];
    bool placed = !instance->running || exchange_place(booking, parcel->batch) ||
                  fail(err, ERR_BUSY, "it has grown, and the queue is full");
    bool taken = placed && offer(instance, parcel, err);
    Err none = { 0 };
    if (wait_in_front(booking, parcel, taken ? &none : err))
        return true;
    account_consumed(&instance->host.account, parcel->batch, taken);
    return taken;
}

bool unit_take(Unit *unit, Shard *from, const Parcel *parcel, Err *err)
{
    if (unit->type->placement == SHARDED)
        return consume(&unit->instances[from->index], parcel, err);
    Booking booking;
    bool placed = bookings_use(from, unit, &booking);
    if (unit->instances[0].shard != from || unit->inbox.paused)
        return push(unit, placed ? &booking : NULL, parcel, err);
    return placed ? consume_placed(&booking, parcel, err)
                  : consume(&unit->instances[0], parcel, err);
}
