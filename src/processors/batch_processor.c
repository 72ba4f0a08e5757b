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
 * With `metadata_keys` all of this is there once for every combination of values that clients send
 * under these names: a Lane, with a timer and sizes of its own. What leaves a lane is as if from a
 * client that sent just these (ack_join_as). Lanes stay, so that a client that comes again is
 * known; metadata_cardinality_limit says how many there may be, and a client of yet another kind is
 * refused. All lanes together hold LANES_BYTES_MAX: from there on what comes goes at once, and is
 * refused while what comes next is busy.
 *
 * One pipeline, one signal: every pipeline has an instance of its own.
 */
#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "codec/wire.h"
#include "net/loop.h"
#include "otlp/combine.h"
#include "pipe/client_info.h"
#include "pipe/host.h"

#include <stdint.h>
#include <string.h>

enum {
    HURRY_MS = 5,         /* holding back what a sender waits for */
    AGAIN_MS = 50,        /* between offers to a busy next one */
    BYTES_MAX = 16 << 20, /* pending; sent on even if fewer items than wanted have gathered */
    LANES_MAX = 1000000,
    LANES_BYTES_MAX = 64 << 20,
    LANE_KEY_MAX = 64 << 10, /* the values of one client; as large as all of its headers may be */
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

typedef struct Batcher Batcher;

/* What is gathered apart from all else. */
typedef struct Lane {
    Batcher *batcher;
    Str key;            /* of the map: all values; the bytes follow the struct */
    ClientInfo *client; /* whom the data goes on as if from; NULL: the only lane, of all clients */
    Gathered pending, out;
    size_t out_next; /* of out: the first that has not been sent */
    int64_t due_ns;  /* when pending must go; INT64_MAX: nothing is there */
    Timer timer;
} Lane;

struct Batcher {
    Component base;
    int64_t timeout;
    uint64_t send_batch_size, send_batch_max_size, metadata_cardinality_limit;
    TextList metadata_keys;
    Lane *sole;   /* without metadata_keys */
    Map lanes;    /* with them */
    size_t bytes; /* pending and out, of all lanes */
};

static const ConfigField fields[] = {
    DURATION(Batcher, timeout, "200ms", "0s", "24h",
             "Send whatever has gathered after this long; 0s sends at once."),
    COUNT(Batcher, send_batch_size, "8192", "0", "1000000",
          "Send once this many items have gathered; 0 sends at once."),
    COUNT(Batcher, send_batch_max_size, "0", "0", "1000000",
          "Split anything larger; 0 never splits."),
    TEXT_LIST(Batcher, metadata_keys, "",
              "Gather apart what differs in these request headers (the receiver needs "
              "include_metadata)."),
    COUNT(Batcher, metadata_cardinality_limit, "1000", "0", "1000000",
          "With metadata_keys: refuse what would be a combination more than this many; 0: than "
          "1000000."),
    { 0 },
};

static bool check_keys(const TextList *keys, Err *err)
{
    for (size_t i = 0; i < keys->count; i++)
        for (size_t before = 0; before < i; before++)
            if (str_eq_nocase(keys->items[i], keys->items[before]))
                return fail(err, ERR_INPUT,
                            "duplicate entry in metadata_keys: \"%.*s\" (case-insensitive)",
                            STR_ARG(keys->items[i]));
    return true;
}

static bool batcher_check(const void *self, Err *err)
{
    const Batcher *b = self;
    if (b->send_batch_max_size && b->send_batch_max_size < b->send_batch_size)
        return fail(err, ERR_INPUT,
                    "send_batch_max_size must be greater or equal to send_batch_size");
    return check_keys(&b->metadata_keys, err);
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

static bool is_to_be_cut(const Lane *lane)
{
    uint64_t most = lane->batcher->send_batch_max_size;
    return most && lane->pending.items > most;
}

static Batch *join(const Lane *lane, Err *err)
{
    const Gathered *pending = &lane->pending;
    if (pending->count == 1)
        return batch_ref(pending->batches[0]);
    bool kept = !is_to_be_cut(lane) && pending->bytes / pending->count >= PART_MIN &&
                host_takes_bundles(lane->batcher->base.host, batch_signal(pending->batches[0]));
    return kept ? batch_bundle(pending->batches, pending->count, err)
                : batch_concat(pending->batches, pending->count, err);
}

/* All that is pending becomes one parcel. */
static bool join_pending(Lane *lane, Err *err)
{
    Gathered *pending = &lane->pending;
    if (pending->count == 1 && (!lane->client || ack_client(pending->acks[0]) == lane->client))
        return true;
    Batch *joined = join(lane, err);
    if (!joined)
        return false;
    Ack *ack = lane->client ? ack_join_as(pending->acks, pending->count, lane->client, err)
                            : ack_join(pending->acks, pending->count, err);
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
static bool split_pending(Lane *lane, Err *err)
{
    Gathered *pending = &lane->pending, *out = &lane->out;
    if (!cut(out, pending->batches[0], (size_t)lane->batcher->send_batch_max_size, err) ||
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

static void set_due(Lane *lane, Ack *newest)
{
    int64_t now = clock_mono_ns(host_clock(lane->batcher->base.host));
    int64_t wait = lane->batcher->timeout;
    if (ack_waited(newest) && wait > HURRY_MS * NANOS_PER_MILLI)
        wait = HURRY_MS * NANOS_PER_MILLI;
    if (now + wait < lane->due_ns)
        lane->due_ns = now + wait;
}

/* A last piece that is too small to go alone waits for company. */
static void keep_rest(Lane *lane)
{
    Gathered *out = &lane->out;
    size_t last = out->count - 1;
    if (last == 0 || batch_item_count(out->batches[last]) >= lane->batcher->send_batch_size)
        return;
    put(&lane->pending, out->batches[last], out->acks[last]);
    out->count = last;
    set_due(lane, out->acks[last]);
}

/* pending into out, which is empty. */
static bool form(Lane *lane, bool all, Err *err)
{
    lane->out_next = 0;
    empty(&lane->out);
    if (!make_room(&lane->out, err) || !join_pending(lane, err))
        return false;
    if (is_to_be_cut(lane)) {
        if (!split_pending(lane, err))
            return false;
    } else {
        put(&lane->out, lane->pending.batches[0], lane->pending.acks[0]);
        empty(&lane->pending);
    }
    lane->due_ns = INT64_MAX;
    if (!all)
        keep_rest(lane);
    return true;
}

/* --- sending --------------------------------------------------------------------------------- */

/* False: the next one is busy. */
static bool send_out(Lane *lane)
{
    Gathered *out = &lane->out;
    for (; lane->out_next < out->count; lane->out_next++) {
        Parcel parcel = { out->batches[lane->out_next], out->acks[lane->out_next] };
        Err err;
        if (!host_send(lane->batcher->base.host, &parcel, &err)) {
            if (err_retryable(err.kind))
                return false;
            host_count_dropped(lane->batcher->base.host, batch_signal(parcel.batch),
                               batch_item_count(parcel.batch), "refused by what comes next");
            ack_fail(parcel.ack, &err);
        }
        batch_unref(parcel.batch);
    }
    empty(out);
    lane->out_next = 0;
    return true;
}

static size_t bytes_of(const Lane *lane)
{
    return lane->pending.bytes + lane->out.bytes;
}

static bool is_full(const Lane *lane)
{
    const Batcher *b = lane->batcher;
    return lane->pending.items >= b->send_batch_size || lane->pending.bytes >= BYTES_MAX ||
           b->bytes >= LANES_BYTES_MAX;
}

/* Sends what is to be sent, and sets the timer for the rest. */
static void work(Lane *lane)
{
    Err err;
    Batcher *b = lane->batcher;
    Loop *loop = host_loop(b->base.host);
    int64_t now = clock_mono_ns(host_clock(b->base.host));
    size_t before = bytes_of(lane);
    bool moving = send_out(lane);
    while (moving && lane->pending.count && (is_full(lane) || now >= lane->due_ns))
        moving = form(lane, now >= lane->due_ns, &err) && send_out(lane);
    b->bytes += bytes_of(lane) - before; /* modulo 2^64, as it may be less */
    int64_t next = moving ? lane->due_ns : now + AGAIN_MS * NANOS_PER_MILLI;
    if (next == INT64_MAX)
        timer_cancel(loop, &lane->timer);
    else
        timer_set(loop, &lane->timer, next);
}

static void lane_fire(void *owner)
{
    work(owner);
}

/* --- lanes ----------------------------------------------------------------------------------- */

static void add_u32(Buf *out, size_t number)
{
    char bytes[4];
    wire_put_u32(bytes, (uint32_t)number);
    buf_add(out, (Str){ bytes, sizeof bytes });
}

/* All that `info` has under the keys, so that different values never read the same: per key their
 * count, then the length and bytes of each. */
static void write_key(const TextList *keys, const ClientInfo *info, Buf *out)
{
    for (size_t k = 0; k < keys->count; k++) {
        size_t total = info ? client_info_count(info, CLIENT_METADATA) : 0;
        size_t at = out->len, count = 0;
        add_u32(out, 0);
        for (size_t i = 0; i < total; i++) {
            HttpField field = client_info_at(info, CLIENT_METADATA, i);
            if (!str_eq_nocase(field.name, keys->items[k]))
                continue;
            add_u32(out, field.value.len);
            buf_add(out, field.value);
            count++;
        }
        if (!out->failed)
            wire_put_u32(out->ptr + at, (uint32_t)count);
    }
}

/* A client that sent what `info` has under the keys, and nothing else. */
static ClientInfo *make_client(const Batcher *b, const ClientInfo *info, Err *err)
{
    const TextList *keys = &b->metadata_keys;
    ClientInfo *client = client_info_new(NULL, host_budget(b->base.host), err);
    size_t total = client && info ? client_info_count(info, CLIENT_METADATA) : 0;
    for (size_t i = 0; i < total; i++) {
        HttpField field = client_info_at(info, CLIENT_METADATA, i);
        for (size_t k = 0; k < keys->count; k++) {
            if (!str_eq_nocase(field.name, keys->items[k]))
                continue;
            if (client_info_add(client, CLIENT_METADATA, field.name, field.value, err))
                continue;
            client_info_unref(client);
            return NULL;
        }
    }
    return client;
}

static Lane *lane_new(Batcher *b, Str key, Err *err)
{
    Lane *lane = mem_zeroed(1, sizeof *lane + key.len, err);
    if (!lane)
        return NULL;
    *lane = (Lane){ .batcher = b, .due_ns = INT64_MAX };
    lane->timer = (Timer){ .fire = lane_fire, .owner = lane };
    memcpy(lane + 1, key.ptr, key.len);
    lane->key = (Str){ (const char *)(lane + 1), key.len };
    return lane;
}

static void lane_free(Lane *lane)
{
    if (!lane)
        return;
    client_info_unref(lane->client);
    mem_free(lane);
}

static Lane *add_lane(Batcher *b, Str key, const ClientInfo *info, Err *err)
{
    if (b->lanes.count >= b->lanes.max) {
        fail(err, ERR_INPUT, "too many batcher metadata-value combinations");
        return NULL;
    }
    Lane *lane = lane_new(b, key, err);
    if (lane)
        lane->client = make_client(b, info, err);
    if (!lane || !lane->client || !map_put(&b->lanes, lane->key, lane, err)) {
        lane_free(lane);
        return NULL;
    }
    return lane;
}

/* Where the client's data is gathered. */
static Lane *find_lane(Batcher *b, const ClientInfo *info, Err *err)
{
    if (b->sole)
        return b->sole;
    Buf key = BUF(LANE_KEY_MAX);
    write_key(&b->metadata_keys, info, &key);
    Lane *lane = NULL;
    if (buf_ok(&key, err)) {
        lane = map_get(&b->lanes, buf_str(&key));
        lane = lane ? lane : add_lane(b, buf_str(&key), info, err);
    }
    buf_free(&key);
    return lane;
}

/* --- hooks ----------------------------------------------------------------------------------- */

static bool batcher_start(void *self, Err *err)
{
    Batcher *b = self;
    uint64_t most = b->metadata_cardinality_limit;
    b->lanes = MAP(most ? (size_t)most : LANES_MAX);
    if (b->metadata_keys.count)
        return true;
    b->sole = lane_new(b, STR(""), err);
    return b->sole != NULL;
}

static bool batcher_consume(void *self, const Parcel *parcel, Err *err)
{
    Batcher *b = self;
    if (batch_item_count(parcel->batch) == 0) {
        ack_done(parcel->ack);
        return true;
    }
    Lane *lane = find_lane(b, ack_client(parcel->ack), err);
    if (!lane)
        return false;
    if ((lane->pending.count && is_full(lane)) || b->bytes >= LANES_BYTES_MAX) {
        /* so what was formed before is still not gone */
        fail(err, ERR_BUSY, "what comes next is busy");
        err->retry_ms = AGAIN_MS;
        return false;
    }
    if (!make_room(&lane->pending, err))
        return false;
    size_t before = bytes_of(lane);
    put(&lane->pending, batch_ref(parcel->batch), parcel->ack);
    b->bytes += bytes_of(lane) - before;
    set_due(lane, parcel->ack);
    work(lane);
    return true;
}

static void flush_lane(Lane *lane)
{
    if (lane->pending.count)
        lane->due_ns = clock_mono_ns(host_clock(lane->batcher->base.host));
    work(lane);
}

static void give_back(Batcher *b, Gathered *g, size_t first)
{
    Err err;
    fail(&err, ERR_CLOSED, "shutting down");
    for (size_t i = first; i < g->count; i++) {
        if (!host_hand_over(b->base.host, &(Parcel){ g->batches[i], g->acks[i] })) {
            host_count_dropped(b->base.host, batch_signal(g->batches[i]),
                               batch_item_count(g->batches[i]), "not sent before the end");
            ack_retry(g->acks[i], 0, &err);
        }
        batch_unref(g->batches[i]);
    }
    gathered_done(g);
}

static void end_lane(Lane *lane)
{
    Batcher *b = lane->batcher;
    timer_cancel(host_loop(b->base.host), &lane->timer);
    give_back(b, &lane->out, lane->out_next);
    give_back(b, &lane->pending, 0);
    lane_free(lane);
}

static void each_lane(Batcher *b, void (*visit)(Lane *lane))
{
    const MapEntry *entry;
    size_t cursor = 0;
    if (b->sole)
        visit(b->sole);
    while (map_next(&b->lanes, &cursor, &entry))
        visit(entry->value);
}

static void batcher_flush(void *self)
{
    each_lane(self, flush_lane);
}

static void batcher_stop(void *self)
{
    Batcher *b = self;
    each_lane(b, end_lane);
    b->sole = NULL;
    map_free(&b->lanes);
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
