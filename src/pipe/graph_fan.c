/* graph_fan.c - one parcel to several units: all of them, or none.
 *
 *     places for every branch --one has none--> the others given back; the whole is refused
 *          |
 *          all have one --> the Ack is split, each branch gets the parcel and uses its places
 *
 * Were a branch refused by itself, nobody could make that good: under `acknowledge: accepted` the
 * client has its OK once another branch has taken the data, and a client that repeats it doubles it
 * there. So whoever sends is refused (it repeats the whole, or, as `batch` does, keeps it), and
 * nothing is lost or doubled. The price: what one branch has no room for waits for all of them.
 *
 * A branch is a tree of its own: SHARDED units are passed through to what comes after them, and
 * asked whether they would take anything now (may_take); SINGLE ones end it, since what they hold
 * is their own. A Booking is kept by the loop (Shard.bookings, a stack) and used by unit_take()
 * when the branch gets there; a fan-out further on finds what the one before it has taken. What a
 * processor has left out leaves its places unused, and they are given back.
 *
 * A refusal for good (larger than a whole queue) is that branch's own: repeating would not help.
 */
#include "pipe/graph_internal.h"

#include "base/mem.h"
#include "otlp/batch.h"

enum { BOOKINGS_FIRST = 16, BOOKINGS_MAX = FAN_OUT_MAX * FAN_OUT_MAX };

static bool add_booking(Shard *shard, Booking booking, Err *err)
{
    Bookings *bookings = &shard->bookings;
    if (bookings->count == BOOKINGS_MAX)
        return fail(err, ERR_LIMIT, "more than %d places to send to at once", BOOKINGS_MAX);
    if (bookings->count == bookings->cap) {
        size_t cap = bookings->cap ? 2 * bookings->cap : BOOKINGS_FIRST;
        Booking *items = mem_grow(bookings->items, cap * sizeof *items);
        if (!items)
            return fail(err, ERR_MEMORY, "no memory for %zu places", cap);
        bookings->items = items;
        bookings->cap = cap;
    }
    bookings->items[bookings->count++] = booking;
    return true;
}

bool bookings_use(Shard *shard, const Unit *unit, Booking *out)
{
    Bookings *bookings = &shard->bookings;
    for (size_t i = bookings->first; i < bookings->end; i++) {
        if (bookings->items[i].unit != unit)
            continue;
        *out = bookings->items[i];
        bookings->items[i].unit = NULL;
        return true;
    }
    return false;
}

static void give_back(Shard *shard, size_t from)
{
    Bookings *bookings = &shard->bookings;
    while (bookings->count > from) {
        Booking booking = bookings->items[--bookings->count];
        if (booking.unit)
            inbox_release(&booking);
    }
}

static bool take_place(Unit *unit, Shard *from, const Parcel *parcel, Err *err)
{
    Booking booking;
    if (!bookings_use(from, unit, &booking) && !inbox_promise(unit, parcel->batch, &booking, err))
        return !err_retryable(err->kind);
    if (add_booking(from, booking, err))
        return true;
    inbox_release(&booking);
    return false;
}

/* Wherever the parcel comes to a halt behind this unit. As deep as pipelines have processors. */
static bool take_places(Unit *unit, Shard *from, const Parcel *parcel, Err *err)
{
    if (unit->type->placement == SINGLE)
        return take_place(unit, from, parcel, err);
    if (!unit_may_take(unit, from, err))
        return !err_retryable(err->kind);
    if (unit->type->traits & HOLDS)
        return true;
    const UnitList *next = &unit->wires.next[signal_index(batch_signal(parcel->batch))];
    for (size_t i = 0; i < next->count; i++)
        if (!take_places(next->items[i], from, parcel, err))
            return false;
    return true;
}

static void send_branch(Unit *unit, Shard *from, const Parcel *parcel)
{
    Err refusal;
    if (!unit_take(unit, from, parcel, &refusal))
        ack_fail(parcel->ack, &refusal);
}

bool graph_fan_out(const UnitList *next, Shard *from, const Parcel *parcel, Err *err)
{
    Bookings *bookings = &from->bookings;
    size_t before = bookings->count, starts[FAN_OUT_MAX + 1];
    Ack *acks[FAN_OUT_MAX];
    bool good = true;
    for (size_t i = 0; i < next->count && good; i++) {
        starts[i] = bookings->count;
        good = take_places(next->items[i], from, parcel, err);
    }
    starts[next->count] = bookings->count;
    if (!good || !ack_split(parcel->ack, ACK_FAN_OUT, next->count, NULL, acks, err)) {
        give_back(from, before);
        return false;
    }
    size_t first = bookings->first, end = bookings->end;
    for (size_t i = 0; i < next->count; i++) {
        bookings->first = starts[i];
        bookings->end = starts[i + 1];
        send_branch(next->items[i], from, &(Parcel){ parcel->batch, acks[i] });
    }
    bookings->first = first;
    bookings->end = end;
    give_back(from, before);
    return true;
}
