/* sender_gather.c - which element is sent next: one as it came, or several as one batch.
 *
 * With `batch`, what waits in the ring is joined once it has min_size, or the oldest has waited for
 * flush_timeout (SENDER_HURRY_MS where a client waits for the outcome), and cut at max_size:
 *
 *     ring: a b c d | e f      joined: [abcd]      pieces: [ab][cd][d']
 *           >= min_size                            d' < min_size goes back to the front
 *
 * Elements keep their places in the queue until the batch that they went into is settled. Of one
 * that was cut each piece has a share of its places, so that they are all free when the last one
 * is. Joining and cutting leave the ring as it is when there is no memory, and are tried again.
 */
#include "base/mem.h"
#include "otlp/batch.h"
#include "otlp/combine.h"
#include "pipe/sender_internal.h"

#include <string.h>

enum { AGAIN_MS = 50, PIECES_FIRST = 8 };

static const SendBatchSettings *settings_of(const Sender *sender)
{
    return &sender->options.queue->batch;
}

static uint64_t measure(const Sender *sender, const Batch *batch)
{
    return sender->gather.by_bytes ? batch_size(batch) : batch_item_count(batch);
}

static void gather_fires(void *owner)
{
    sender_pump(owner);
}

void gather_init(Sender *sender)
{
    const SendingQueueSettings *queue = sender->options.queue;
    sender->gather.on = queue->enabled && queue->batch.present && queue->batch.enabled;
    sender->gather.by_bytes = send_batch_by_bytes(queue);
    sender->gather.timer = (Timer){ .fire = gather_fires, .owner = sender };
}

void gather_done(Sender *sender)
{
    timer_cancel(host_loop(sender->options.host), &sender->gather.timer);
    mem_free(sender->gather.pieces);
    sender->gather.pieces = NULL;
    sender->gather.next = sender->gather.count = 0;
}

/* --- the ring -------------------------------------------------------------------------------- */

static SendElement *in_ring(Sender *sender, size_t i)
{
    SendRing *ring = &sender->ring;
    return &ring->at[(ring->first + i) % ring->cap];
}

void gather_added(Sender *sender, const SendElement *element)
{
    Gather *gather = &sender->gather;
    gather->size += measure(sender, element->parcel.batch);
    gather->bytes += batch_size(element->parcel.batch);
    gather->hurry = gather->hurry || ack_waited(element->parcel.ack);
}

static SendElement pop(Sender *sender)
{
    SendElement element = *in_ring(sender, 0);
    Gather *gather = &sender->gather;
    gather->size -= measure(sender, element.parcel.batch);
    gather->bytes -= batch_size(element.parcel.batch);
    sender->ring.first = (sender->ring.first + 1) % sender->ring.cap;
    sender->ring.count--;
    gather->hurry = gather->hurry && sender->ring.count > 0;
    sender_left_ring(sender, 1);
    return element;
}

/* --- joining --------------------------------------------------------------------------------- */

/* How many from the front make one batch. */
static size_t count_to_join(Sender *sender)
{
    size_t count = 0, bytes = 0;
    uint64_t size = 0;
    while (count < sender->ring.count && (!count || size < settings_of(sender)->min_size)) {
        const Batch *batch = in_ring(sender, count)->parcel.batch;
        size_t more = batch_size(batch);
        if (count && bytes + more > SENDER_GATHER_BYTES_MAX)
            break;
        bytes += more;
        size += measure(sender, batch);
        count++;
    }
    return count;
}

typedef struct Lists {
    Batch **batches;
    Ack **acks;
} Lists;

static bool join_lists(Sender *sender, size_t count, const Lists *lists, Err *err)
{
    SendElement joined = *in_ring(sender, 0);
    size_t before = 0;
    uint64_t size = 0;
    for (size_t i = 0; i < count; i++) {
        const SendElement *element = in_ring(sender, i);
        lists->batches[i] = element->parcel.batch;
        lists->acks[i] = element->parcel.ack;
        before += element->memory;
        size += element->size;
    }
    joined.parcel.batch = batch_concat(lists->batches, count, err);
    if (!joined.parcel.batch)
        return false;
    joined.parcel.ack = ack_join(lists->acks, count, err);
    if (!joined.parcel.ack) {
        batch_unref(joined.parcel.batch);
        return false;
    }
    joined.size = size;
    joined.memory = batch_memory(joined.parcel.batch);
    sender_recount_memory(sender, before, joined.memory);
    for (size_t i = 1; i < count; i++)
        (void)pop(sender);
    sender->gather.size += measure(sender, joined.parcel.batch);
    sender->gather.bytes += batch_size(joined.parcel.batch);
    SendElement *front = in_ring(sender, 0); /* the last of them */
    sender->gather.size -= measure(sender, front->parcel.batch);
    sender->gather.bytes -= batch_size(front->parcel.batch);
    *front = joined;
    for (size_t i = 0; i < count; i++)
        batch_unref(lists->batches[i]);
    return true;
}

/* The first `count` in the ring become one, at its front. */
static bool join(Sender *sender, size_t count, Err *err)
{
    if (count == 1)
        return true;
    Lists lists = { MEM_MAKE(Batch *, count, err), MEM_MAKE(Ack *, count, err) };
    bool ok = lists.batches && lists.acks && join_lists(sender, count, &lists, err);
    mem_free(lists.batches);
    mem_free(lists.acks);
    return ok;
}

/* --- cutting --------------------------------------------------------------------------------- */

static bool add_piece(Gather *gather, size_t *cap, Batch *piece)
{
    if (gather->count == *cap) {
        size_t more = *cap ? 2 * *cap : PIECES_FIRST;
        SendElement *pieces = mem_grow(gather->pieces, more * sizeof *pieces);
        if (!pieces)
            return false;
        gather->pieces = pieces;
        *cap = more;
    }
    gather->pieces[gather->count++] = (SendElement){ .parcel = { .batch = piece } };
    return true;
}

static bool cut_batch(Sender *sender, Batch *batch, Err *err)
{
    Gather *gather = &sender->gather;
    size_t cap = 0, most = (size_t)settings_of(sender)->max_size;
    SplitLimits limits = { .items_max = gather->by_bytes ? 0 : most,
                           .bytes_max = gather->by_bytes ? most : 0 };
    Split split = split_begin(batch, limits);
    Batch *piece = NULL;
    bool ok;
    while ((ok = split_next(&split, &piece, err)) && piece) {
        if (add_piece(gather, &cap, piece))
            continue;
        batch_unref(piece);
        ok = fail(err, ERR_MEMORY, "no memory for %zu pieces", gather->count);
        break;
    }
    split_end(&split);
    return ok;
}

/* Shares that add up to the whole. More than one piece has items. */
static void share_size(Gather *gather, const SendElement *whole)
{
    uint64_t all = batch_item_count(whole->parcel.batch), items = 0, given = 0;
    for (size_t i = 0; i < gather->count; i++) {
        SendElement *piece = &gather->pieces[i];
        items += batch_item_count(piece->parcel.batch);
        /* Neither is more than a batch has bytes, 2^29. */
        uint64_t until = i + 1 == gather->count ? whole->size : whole->size * items / all;
        piece->size = until - given;
        given = until;
        piece->since_ns = whole->since_ns;
        piece->memory = batch_memory(piece->parcel.batch);
    }
}

static bool share_ack(Gather *gather, Ack *ack, Err *err)
{
    uint64_t *items = MEM_MAKE(uint64_t, gather->count, err);
    Ack **acks = MEM_MAKE(Ack *, gather->count, err);
    for (size_t i = 0; i < gather->count && items; i++)
        items[i] = batch_item_count(gather->pieces[i].parcel.batch);
    bool ok = items && acks && ack_split(ack, ACK_PIECES, gather->count, items, acks, err);
    for (size_t i = 0; i < gather->count && ok; i++)
        gather->pieces[i].parcel.ack = acks[i];
    mem_free(items);
    mem_free(acks);
    return ok;
}

static void forget_pieces(Gather *gather)
{
    for (size_t i = gather->next; i < gather->count; i++)
        batch_unref(gather->pieces[i].parcel.batch);
    mem_free(gather->pieces);
    gather->pieces = NULL;
    gather->next = gather->count = 0;
}

/* A last piece that is too small to go alone waits for company, at the place of the whole. */
static bool keeps_last(const Sender *sender, bool due)
{
    const Gather *gather = &sender->gather;
    const Batch *last = gather->pieces[gather->count - 1].parcel.batch;
    return !due && gather->count > 1 && measure(sender, last) < settings_of(sender)->min_size;
}

/* The front of the ring becomes pieces. On failure it stays as it is. */
static bool cut(Sender *sender, bool due, Err *err)
{
    Gather *gather = &sender->gather;
    SendElement whole = *in_ring(sender, 0);
    if (!cut_batch(sender, whole.parcel.batch, err) || !gather->count ||
        !share_ack(gather, whole.parcel.ack, err)) {
        forget_pieces(gather);
        return false;
    }
    share_size(gather, &whole);
    size_t after = 0;
    for (size_t i = 0; i < gather->count; i++)
        after += gather->pieces[i].memory;
    sender_recount_memory(sender, whole.memory, after);
    SendElement last = gather->pieces[gather->count - 1];
    if (keeps_last(sender, due)) {
        gather->size -= measure(sender, whole.parcel.batch);
        gather->bytes -= batch_size(whole.parcel.batch);
        *in_ring(sender, 0) = last;
        gather_added(sender, &last);
        gather->count--;
    } else {
        (void)pop(sender);
    }
    batch_unref(whole.parcel.batch);
    return true;
}

/* --- what is next ---------------------------------------------------------------------------- */

static int64_t flush_at(Sender *sender)
{
    int64_t wait = settings_of(sender)->flush_timeout;
    int64_t hurry = SENDER_HURRY_MS * NANOS_PER_MILLI;
    if (sender->gather.hurry && wait > hurry)
        wait = hurry;
    return in_ring(sender, 0)->since_ns + wait;
}

static void try_at(Sender *sender, int64_t at)
{
    timer_set(host_loop(sender->options.host), &sender->gather.timer, at);
}

static bool take_piece(Gather *gather, SendElement *out)
{
    if (!gather->count)
        return false;
    *out = gather->pieces[gather->next++];
    if (gather->next == gather->count)
        forget_pieces(gather);
    return true;
}

/* There is enough, or it is time. What cannot be joined or cut for another reason than memory goes
 * as it is. */
static bool form(Sender *sender, bool due, SendElement *out)
{
    Gather *gather = &sender->gather;
    uint64_t most = settings_of(sender)->max_size;
    Err err = { 0 };
    bool ok = join(sender, count_to_join(sender), &err);
    if (ok && most && measure(sender, in_ring(sender, 0)->parcel.batch) > most)
        ok = cut(sender, due, &err);
    if (!ok && err.kind == ERR_MEMORY) {
        try_at(sender, sender_now(sender) + AGAIN_MS * NANOS_PER_MILLI);
        return false;
    }
    if (!take_piece(gather, out))
        *out = pop(sender);
    return true;
}

bool gather_next(Sender *sender, SendElement *out)
{
    Gather *gather = &sender->gather;
    if (take_piece(gather, out))
        return true;
    if (!sender->ring.count)
        return false;
    if (!gather->on) {
        *out = pop(sender);
        return true;
    }
    int64_t at = flush_at(sender);
    bool due = sender->draining || sender_now(sender) >= at;
    if (!due && gather->size < settings_of(sender)->min_size &&
        gather->bytes < SENDER_GATHER_BYTES_MAX) {
        try_at(sender, at);
        return false;
    }
    return form(sender, due, out);
}
