/* batch_processor.c - gathers batches into larger ones, bounded by count, bytes and time.
 *
 * Fewer, larger requests compress better and cost the far side less. The price is latency, so
 * `timeout` bounds how long anything waits, and what somebody outside waits for (ack_waited) goes
 * within HURRY_MS.
 *
 *     consume --> pending --form: join, cut to send_batch_max_size--> out --host_send--> next
 *
 * Joining copies nothing where the next one takes a bundle (otlp/combine.h).
 *
 * Nothing is lost because the next one is busy: what it refuses for now stays in `out` and is
 * offered again every AGAIN_MS. Meanwhile `pending` fills up to one batch, then consume() refuses
 * with ERR_BUSY, and the sender outside hears it. What is refused for good is counted as dropped
 * and its Acks say so.
 *
 * One pipeline, one signal: every pipeline has an instance of its own.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "net/loop.h"
#include "otlp/combine.h"
#include "pipe/host.h"

#include <stdint.h>
#include <string.h>

enum {
    HURRY_MS = 5,         /* holding back what a sender waits for */
    AGAIN_MS = 50,        /* between offers to a busy next one */
    BYTES_MAX = 16 << 20, /* pending; sent on even if fewer items than wanted have gathered */
    PARCELS_FIRST = 16,
    PART_MIN = 1024, /* less costs more to keep than to copy: each part has an index of its own */
};

/* Parcels in two arrays, because joining takes the one and acknowledging the other. */
typedef struct Gathered {
    Batch **batches;
    Ack **acks;
    size_t count, cap;
    uint64_t items;
    size_t bytes;
} Gathered;

typedef struct Batcher {
    Component base;
    int64_t timeout;
    uint64_t send_batch_size, send_batch_max_size;
    TextList metadata_keys;
    Gathered pending, out;
    size_t out_next; /* of out: the first that has not been sent */
    int64_t due_ns;  /* when pending must go; INT64_MAX: nothing is there */
    Timer timer;
} Batcher;

static bool check_metadata_key(Str text, Err *err)
{
    return fail(err, ERR_UNSUPPORTED,
                "batches by metadata (\"%.*s\"): not supported yet; they come later",
                STR_ARG(text));
}

static const ConfigField fields[] = {
    DURATION(Batcher, timeout, "200ms", "0s", "24h",
             "Send whatever has gathered after this long; 0s sends at once."),
    COUNT(Batcher, send_batch_size, "8192", "0", "1000000",
          "Send once this many items have gathered; 0 sends at once."),
    COUNT(Batcher, send_batch_max_size, "0", "0", "1000000",
          "Split anything larger; 0 never splits."),
    TEXT_LIST(Batcher, metadata_keys, "", "Gather apart what differs in these request headers.",
              .check = check_metadata_key),
    IGNORED("metadata_cardinality_limit", "metadata_keys come later"),
    { 0 },
};

static bool batcher_check(const void *self, Err *err)
{
    const Batcher *b = self;
    if (b->send_batch_max_size && b->send_batch_max_size < b->send_batch_size)
        return fail(err, ERR_INPUT,
                    "send_batch_max_size must be greater or equal to send_batch_size");
    return true;
}

/* --- gathered -------------------------------------------------------------------------------- */

static bool make_room(Gathered *g, Err *err)
{
    if (g->count < g->cap)
        return true;
    size_t cap = g->cap ? 2 * g->cap : PARCELS_FIRST;
    Batch **batches = mem_grow(g->batches, cap * sizeof *batches);
    if (batches)
        g->batches = batches;
    Ack **acks = mem_grow(g->acks, cap * sizeof *acks);
    if (acks)
        g->acks = acks;
    if (!batches || !acks)
        return fail(err, ERR_MEMORY, "no memory for %zu batches", cap);
    g->cap = cap;
    return true;
}

/* There is room. Takes over the reference. */
static void put(Gathered *g, Batch *batch, Ack *ack)
{
    g->batches[g->count] = batch;
    g->acks[g->count++] = ack;
    g->items += batch_item_count(batch);
    g->bytes += batch_memory(batch);
}

static void empty(Gathered *g)
{
    g->count = 0;
    g->items = 0;
    g->bytes = 0;
}

static void gathered_done(Gathered *g)
{
    mem_free(g->batches);
    mem_free(g->acks);
    *g = (Gathered){ 0 };
}

/* --- forming --------------------------------------------------------------------------------- */

static bool is_to_be_cut(const Batcher *b)
{
    return b->send_batch_max_size && b->pending.items > b->send_batch_max_size;
}

static Batch *join(const Batcher *b, Err *err)
{
    const Gathered *pending = &b->pending;
    bool kept = !is_to_be_cut(b) && pending->bytes / pending->count >= PART_MIN &&
                host_takes_bundles(b->base.host, batch_signal(pending->batches[0]));
    return kept ? batch_bundle(pending->batches, pending->count, err)
                : batch_concat(pending->batches, pending->count, err);
}

/* All that is pending becomes one parcel. */
static bool join_pending(Batcher *b, Err *err)
{
    Gathered *pending = &b->pending;
    if (pending->count == 1)
        return true;
    Batch *joined = join(b, err);
    if (!joined)
        return false;
    Ack *ack = ack_join(pending->acks, pending->count, err);
    if (!ack) {
        batch_unref(joined);
        return false;
    }
    for (size_t i = 0; i < pending->count; i++)
        batch_unref(pending->batches[i]);
    empty(pending);
    put(pending, joined, ack);
    return true;
}

static bool cut(Gathered *out, Batch *batch, size_t items_max, Err *err)
{
    Split split = split_begin(batch, (SplitLimits){ .items_max = items_max });
    Batch *piece = NULL;
    bool good;
    while ((good = make_room(out, err) && split_next(&split, &piece, err)) && piece)
        put(out, piece, NULL);
    split_end(&split);
    return good;
}

static bool share_ack(Gathered *out, Ack *ack, Err *err)
{
    uint64_t *items = MEM_MAKE(uint64_t, out->count, err);
    for (size_t i = 0; i < out->count && items; i++)
        items[i] = batch_item_count(out->batches[i]);
    bool good = items && ack_split(ack, ACK_PIECES, out->count, items, out->acks, err);
    mem_free(items);
    return good;
}

/* The one pending parcel, cut into `out`. On failure it is pending as before. */
static bool split_pending(Batcher *b, Err *err)
{
    Gathered *pending = &b->pending, *out = &b->out;
    if (!cut(out, pending->batches[0], (size_t)b->send_batch_max_size, err) ||
        !share_ack(out, pending->acks[0], err)) {
        for (size_t i = 0; i < out->count; i++)
            batch_unref(out->batches[i]);
        empty(out);
        return false;
    }
    batch_unref(pending->batches[0]);
    empty(pending);
    return true;
}

static void set_due(Batcher *b, Ack *newest)
{
    int64_t now = clock_mono_ns(host_clock(b->base.host));
    int64_t wait = b->timeout;
    if (ack_waited(newest) && wait > HURRY_MS * NANOS_PER_MILLI)
        wait = HURRY_MS * NANOS_PER_MILLI;
    if (now + wait < b->due_ns)
        b->due_ns = now + wait;
}

/* A last piece that is too small to go alone waits for company. */
static void keep_rest(Batcher *b)
{
    Gathered *out = &b->out;
    size_t last = out->count - 1;
    if (last == 0 || batch_item_count(out->batches[last]) >= b->send_batch_size)
        return;
    put(&b->pending, out->batches[last], out->acks[last]);
    out->count = last;
    set_due(b, out->acks[last]);
}

/* pending into out, which is empty. */
static bool form(Batcher *b, bool all, Err *err)
{
    b->out_next = 0;
    empty(&b->out);
    if (!make_room(&b->out, err) || !join_pending(b, err))
        return false;
    if (is_to_be_cut(b)) {
        if (!split_pending(b, err))
            return false;
    } else {
        put(&b->out, b->pending.batches[0], b->pending.acks[0]);
        empty(&b->pending);
    }
    b->due_ns = INT64_MAX;
    if (!all)
        keep_rest(b);
    return true;
}

/* --- sending --------------------------------------------------------------------------------- */

/* False: the next one is busy. */
static bool send_out(Batcher *b)
{
    Gathered *out = &b->out;
    for (; b->out_next < out->count; b->out_next++) {
        Parcel parcel = { out->batches[b->out_next], out->acks[b->out_next] };
        Err err;
        if (!host_send(b->base.host, &parcel, &err)) {
            if (err_retryable(err.kind))
                return false;
            host_count_dropped(b->base.host, batch_signal(parcel.batch),
                               batch_item_count(parcel.batch), "refused by what comes next");
            ack_fail(parcel.ack, &err);
        }
        batch_unref(parcel.batch);
    }
    empty(out);
    b->out_next = 0;
    return true;
}

static bool is_full(const Batcher *b)
{
    return b->pending.items >= b->send_batch_size || b->pending.bytes >= BYTES_MAX;
}

/* Sends what is to be sent, and sets the timer for the rest. */
static void work(Batcher *b)
{
    Err err;
    int64_t now = clock_mono_ns(host_clock(b->base.host));
    bool moving = send_out(b);
    while (moving && b->pending.count && (is_full(b) || now >= b->due_ns))
        moving = form(b, now >= b->due_ns, &err) && send_out(b);
    int64_t next = moving ? b->due_ns : now + AGAIN_MS * NANOS_PER_MILLI;
    if (next == INT64_MAX)
        timer_cancel(host_loop(b->base.host), &b->timer);
    else
        timer_set(host_loop(b->base.host), &b->timer, next);
}

static void batcher_fire(void *owner)
{
    work(owner);
}

/* --- hooks ----------------------------------------------------------------------------------- */

static bool batcher_start(void *self, Err *err)
{
    Batcher *b = self;
    (void)err;
    b->due_ns = INT64_MAX;
    b->timer = (Timer){ .fire = batcher_fire, .owner = b };
    return true;
}

static bool batcher_consume(void *self, const Parcel *parcel, Err *err)
{
    Batcher *b = self;
    if (batch_item_count(parcel->batch) == 0) {
        ack_done(parcel->ack);
        return true;
    }
    if (b->pending.count && is_full(b)) { /* so what was formed before is still not gone */
        fail(err, ERR_BUSY, "what comes next is busy");
        err->retry_ms = AGAIN_MS;
        return false;
    }
    if (!make_room(&b->pending, err))
        return false;
    put(&b->pending, batch_ref(parcel->batch), parcel->ack);
    set_due(b, parcel->ack);
    work(b);
    return true;
}

static void batcher_flush(void *self)
{
    Batcher *b = self;
    if (b->pending.count)
        b->due_ns = clock_mono_ns(host_clock(b->base.host));
    work(b);
}

static void give_back(Batcher *b, Gathered *g, size_t first)
{
    Err err;
    fail(&err, ERR_CLOSED, "shutting down");
    for (size_t i = first; i < g->count; i++) {
        host_count_dropped(b->base.host, batch_signal(g->batches[i]),
                           batch_item_count(g->batches[i]), "not sent before the end");
        ack_retry(g->acks[i], 0, &err);
        batch_unref(g->batches[i]);
    }
    gathered_done(g);
}

static void batcher_stop(void *self)
{
    Batcher *b = self;
    timer_cancel(host_loop(b->base.host), &b->timer);
    give_back(b, &b->out, b->out_next);
    give_back(b, &b->pending, 0);
}

const ComponentType batch_processor = {
    .name = "batch",
    .summary = "Gathers items into larger batches.",
    .kind = PROCESSOR,
    .stability = BETA,
    .placement = SINGLE,
    .signals = ALL_SIGNALS,
    .traits = HOLDS,
    .size = sizeof(Batcher),
    .fields = fields,
    .check = batcher_check,
    .start = batcher_start,
    .consume = batcher_consume,
    .flush = batcher_flush,
    .stop = batcher_stop,
};
