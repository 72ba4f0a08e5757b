/* sender.c - see sender.h for the states.
 *
 * Slots are the consumers: made once, each holding one element while it is sent or waits for its
 * next attempt. Everything happens on the exporter's loop. send() may call sender_result() before
 * it returns, so nothing is touched after it that the result may have changed, and pump() does not
 * enter itself.
 */
#include "pipe/sender.h"

#include "base/clock.h"
#include "base/mem.h"
#include "net/loop.h"
#include "otlp/batch.h"
#include "pipe/host.h"

#include <assert.h>
#include <string.h>

enum { RING_FIRST = 16, RING_MAX = 1 << 20 }; /* a million small requests: beyond, refuse */

/* --- settings -------------------------------------------------------------------------------- */

static const char *const sizer_names[] = { "requests", "items", "bytes", NULL };

static bool check_overflow(Str text, Err *err)
{
    if (str_eq_nocase(text, STR("true")))
        return fail(err, ERR_UNSUPPORTED,
                    "waiting for room in the queue: not supported yet; it comes later");
    return true;
}

const ConfigField retry_fields[] = {
    BOOL(RetrySettings, enabled, "true", "Try again after a failure that may pass."),
    DURATION(RetrySettings, initial_interval, "5s", "1ms", "1h", "Wait before the second attempt."),
    NUMBER(RetrySettings, randomization_factor, "0.5", "0", "1",
           "Spread each wait by up to this share of it, either way."),
    NUMBER(RetrySettings, multiplier, "1.5", "1", "100", "How much longer each wait is."),
    DURATION(RetrySettings, max_interval, "30s", "1ms", "24h", "The longest wait."),
    DURATION(RetrySettings, max_elapsed_time, "5m", "0s", "8760h",
             "Give up this long after the first attempt; 0s never does."),
    { 0 },
};

const ConfigField sending_queue_fields[] = {
    BOOL(SendingQueueSettings, enabled, "true", "Let batches wait for their turn."),
    COUNT(SendingQueueSettings, num_consumers, "10", "1", "1000", "How many are sent at once."),
    COUNT(SendingQueueSettings, queue_size, "1000", "1", NULL,
          "How much may wait and be on its way together; beyond, batches are refused."),
    CHOICE(SendingQueueSettings, sizer, "requests", sizer_names, "What queue_size counts."),
    BOOL(SendingQueueSettings, block_on_overflow, "false", "Wait for room instead of refusing.",
         .check = check_overflow),
    IGNORED("wait_for_result", "whoever waits for an acknowledgement waits for the result anyway"),
    LATER("storage", "a sending_queue on disk"),
    LATER("batch", "batches made inside the sending_queue"),
    { 0 },
};

/* --- types ----------------------------------------------------------------------------------- */

typedef enum SlotState { SLOT_IDLE, SLOT_SENDING, SLOT_WAITING } SlotState;

struct SendSlot {
    Sender *sender;
    SlotState state;
    Parcel parcel;
    unsigned attempts;
    int64_t first_ns;      /* the first attempt */
    int64_t interval_ns;   /* the next wait, before it is spread */
    int64_t not_before_ns; /* what the far side asked for */
    Timer timer;
};

typedef enum DropReason { DROP_REFUSED, DROP_PARTLY, DROP_GIVEN_UP, DROP_CLOSED } DropReason;

static const char *const drop_reasons[] = {
    [DROP_REFUSED] = "refused by the far side",
    [DROP_PARTLY] = "partly refused by the far side",
    [DROP_GIVEN_UP] = "no more retries left",
    [DROP_CLOSED] = "not sent before the end",
};

struct Sender {
    SenderOptions options;
    Parcel *ring;
    size_t first, count, cap;
    SendSlot *slots;
    size_t slot_count, busy;
    uint64_t size, size_max;   /* by the queue's sizer: waiting and in slots */
    size_t memory, memory_max; /* of the same batches */
    bool pumping, draining, closed;
    bool told_full;
    unsigned told_drops; /* bits by DropReason */
    uint64_t failures;   /* in a row */
};

static int64_t now_ns(const Sender *sender)
{
    return clock_mono_ns(host_clock(sender->options.host));
}

static uint64_t size_of(const Sender *sender, const Batch *batch)
{
    if (!sender->options.queue->enabled)
        return 1;
    switch ((QueueSizer)sender->options.queue->sizer) {
    case SIZE_BY_ITEMS: return batch_item_count(batch);
    case SIZE_BY_BYTES: return batch_bytes(batch).len;
    case SIZE_BY_REQUESTS: break;
    }
    return 1;
}

/* --- what is said, once ---------------------------------------------------------------------- */

static void tell_failure(Sender *sender, const AckOutcome *outcome, int64_t delay_ns)
{
    if (sender->failures++ == 0)
        host_log(sender->options.host, LOG_WARN,
                 "Exporting failed. Will retry the request after interval. interval=%lldms "
                 "error=%s",
                 (long long)(delay_ns / NANOS_PER_MILLI), outcome->reason.text);
}

static void tell_success(Sender *sender)
{
    if (sender->failures)
        host_log(sender->options.host, LOG_INFO, "exporting works again, after %llu failures",
                 (unsigned long long)sender->failures);
    sender->failures = 0;
}

typedef struct Dropped {
    const Batch *batch;
    uint64_t items; /* of it */
} Dropped;

static void drop(Sender *sender, DropReason reason, Dropped what, const Err *why)
{
    uint64_t items = what.items;
    if (!items)
        return;
    host_count_dropped(sender->options.host, batch_signal(what.batch), items, drop_reasons[reason]);
    if (sender->told_drops & 1u << reason)
        return;
    sender->told_drops |= 1u << reason;
    host_log(sender->options.host, LOG_ERROR,
             "Exporting failed. Dropping data. dropped_items=%llu reason=\"%s\" error=%s "
             "(further ones are only counted)",
             (unsigned long long)items, drop_reasons[reason], why->text);
}

static Dropped whole(const Batch *batch)
{
    return (Dropped){ batch, batch_item_count(batch) };
}

static void count_queue(const Sender *sender)
{
    host_count_queue(sender->options.host, sender->size, sender->size_max);
}

/* --- slots ----------------------------------------------------------------------------------- */

static void attempt(SendSlot *slot)
{
    Sender *sender = slot->sender;
    int64_t now = now_ns(sender);
    if (slot->attempts++ == 0)
        slot->first_ns = now;
    slot->state = SLOT_SENDING;
    int64_t timeout = sender->options.timeout;
    SendAttempt attempt = {
        .batch = slot->parcel.batch,
        .client = ack_client(slot->parcel.ack),
        .token = slot,
        .deadline_mono_ns = timeout ? now + timeout : INT64_MAX,
        .number = slot->attempts,
    };
    sender->options.send(sender->options.self, &attempt);
}

static void retry_is_due(void *owner)
{
    attempt(owner);
}

static SendSlot *idle_slot(Sender *sender)
{
    for (size_t i = 0; i < sender->slot_count; i++)
        if (sender->slots[i].state == SLOT_IDLE)
            return &sender->slots[i];
    return NULL;
}

/* Fills idle slots from the queue. */
static void pump(Sender *sender)
{
    if (sender->pumping || sender->closed)
        return;
    sender->pumping = true;
    while (sender->count && sender->busy < sender->slot_count) {
        SendSlot *slot = idle_slot(sender);
        assert(slot);
        slot->parcel = sender->ring[sender->first];
        slot->attempts = 0;
        slot->interval_ns = sender->options.retry->initial_interval;
        slot->not_before_ns = 0;
        sender->first = (sender->first + 1) % sender->cap;
        sender->count--;
        sender->busy++;
        attempt(slot);
    }
    sender->pumping = false;
}

/* Half of either bound, so that it is not said with every batch. */
static bool has_room_again(const Sender *sender)
{
    return sender->size <= sender->size_max / 2 && sender->memory <= SENDER_MEMORY_MAX / 2;
}

static void finish(SendSlot *slot, const AckOutcome *outcome)
{
    Sender *sender = slot->sender;
    Parcel parcel = slot->parcel;
    sender->size -= size_of(sender, parcel.batch);
    sender->memory -= batch_memory(parcel.batch);
    count_queue(sender);
    if (sender->told_full && has_room_again(sender)) {
        sender->told_full = false;
        host_set_blocked(sender->options.host, NULL);
    }
    sender->busy--;
    slot->state = SLOT_IDLE;
    slot->parcel = (Parcel){ 0 };
    ack_settle(parcel.ack, outcome);
    batch_unref(parcel.batch);
    pump(sender);
}

/* --- outcomes -------------------------------------------------------------------------------- */

static int64_t spread(Sender *sender, int64_t interval_ns)
{
    double factor = sender->options.retry->randomization_factor;
    double share = (double)random_below(host_random(sender->options.host), 1 << 20) / (1 << 20);
    return (int64_t)((double)interval_ns * (1 + factor * (2 * share - 1)));
}

static int64_t next_delay(SendSlot *slot)
{
    Sender *sender = slot->sender;
    const RetrySettings *retry = sender->options.retry;
    int64_t delay = spread(sender, slot->interval_ns);
    double longer = (double)slot->interval_ns * retry->multiplier;
    slot->interval_ns =
        longer < (double)retry->max_interval ? (int64_t)longer : retry->max_interval;
    int64_t drain_max = SENDER_DRAIN_RETRY_MS * NANOS_PER_MILLI;
    return sender->draining && delay > drain_max ? drain_max : delay;
}

static void give_up(SendSlot *slot, const AckOutcome *outcome)
{
    Sender *sender = slot->sender;
    AckOutcome final = *outcome;
    if (final.reason.kind == ERR_NONE)
        fail(&final.reason, ERR_BUSY, "the far side could not take it");
    blame(&final.reason, "%s",
          sender->options.retry->enabled ? "no more retries left" : "not retried");
    sender->failures++;
    drop(sender, DROP_GIVEN_UP, whole(slot->parcel.batch), &final.reason);
    finish(slot, &final);
}

static void retry(SendSlot *slot, const AckOutcome *outcome)
{
    Sender *sender = slot->sender;
    const RetrySettings *settings = sender->options.retry;
    if (sender->closed) {
        slot->state = SLOT_WAITING; /* for sender_free, which gives it back */
        return;
    }
    int64_t now = now_ns(sender);
    int64_t delay = next_delay(slot);
    int64_t asked = (int64_t)outcome->retry_ms * NANOS_PER_MILLI;
    delay = delay > asked ? delay : asked;
    bool in_time =
        !settings->max_elapsed_time || now - slot->first_ns + delay <= settings->max_elapsed_time;
    if (!settings->enabled || !in_time) {
        give_up(slot, outcome);
        return;
    }
    tell_failure(sender, outcome, delay);
    slot->state = SLOT_WAITING;
    slot->not_before_ns = now + asked;
    timer_set(host_loop(sender->options.host), &slot->timer, now + delay);
}

void sender_result(Sender *sender, SendSlot *slot, const AckOutcome *outcome)
{
    assert(slot->sender == sender && slot->state == SLOT_SENDING);
    const Batch *batch = slot->parcel.batch;
    Signal signal = batch_signal(batch);
    uint64_t items = batch_item_count(batch);
    uint64_t refused = outcome->refused < items ? outcome->refused : items;
    switch (outcome->result) {
    case ACK_RETRY: retry(slot, outcome); return;
    case ACK_REFUSED: drop(sender, DROP_REFUSED, whole(batch), &outcome->reason); break;
    case ACK_PARTLY:
        drop(sender, DROP_PARTLY, (Dropped){ batch, refused }, &outcome->reason);
        host_count_sent(sender->options.host, signal, items - refused);
        tell_success(sender);
        break;
    case ACK_DELIVERED:
        host_count_sent(sender->options.host, signal, items);
        tell_success(sender);
        break;
    }
    finish(slot, outcome);
}

/* --- the queue ------------------------------------------------------------------------------- */

static bool grow_ring(Sender *sender, Err *err)
{
    size_t cap = sender->cap ? 2 * sender->cap : RING_FIRST;
    if (cap > RING_MAX)
        return fail(err, ERR_BUSY, "sending queue is full");
    Parcel *ring = MEM_MAKE(Parcel, cap, err);
    if (!ring)
        return false;
    for (size_t i = 0; i < sender->count; i++)
        ring[i] = sender->ring[(sender->first + i) % sender->cap];
    mem_free(sender->ring);
    sender->ring = ring;
    sender->first = 0;
    sender->cap = cap;
    return true;
}

/* An empty queue takes anything. */
static bool fits(const Sender *sender, const Batch *batch, uint64_t size)
{
    size_t most = sender->memory_max;
    bool in_memory =
        !sender->memory || (sender->memory <= most && batch_memory(batch) <= most - sender->memory);
    return in_memory && size <= sender->size_max - sender->size;
}

static bool check_room(Sender *sender, const Batch *batch, uint64_t size, Err *err)
{
    if (size > sender->size_max)
        return fail(err, ERR_LIMIT, "larger than the whole sending queue (%llu %s of %llu)",
                    (unsigned long long)size, sizer_names[sender->options.queue->sizer],
                    (unsigned long long)sender->size_max);
    if (fits(sender, batch, size))
        return true;
    if (!sender->told_full) {
        host_log(sender->options.host, LOG_WARN,
                 "sending queue is full; new data is refused until it has room");
        host_set_blocked(sender->options.host, "sending queue is full");
    }
    sender->told_full = true;
    return fail(err, ERR_BUSY, "sending queue is full");
}

bool sender_take(Sender *sender, const Parcel *parcel, Err *err)
{
    uint64_t size = size_of(sender, parcel->batch);
    if (!check_room(sender, parcel->batch, size, err))
        return false;
    if (sender->count == sender->cap && !grow_ring(sender, err))
        return false;
    sender->ring[(sender->first + sender->count) % sender->cap] =
        (Parcel){ .batch = batch_ref(parcel->batch), .ack = parcel->ack };
    sender->count++;
    sender->size += size;
    sender->memory += batch_memory(parcel->batch);
    count_queue(sender);
    pump(sender);
    return true;
}

/* --- begin and end --------------------------------------------------------------------------- */

Sender *sender_new(const SenderOptions *options, Err *err)
{
    Sender *sender = MEM_MAKE(Sender, 1, err);
    if (!sender)
        return NULL;
    const SendingQueueSettings *queue = options->queue;
    sender->options = *options;
    sender->slot_count = queue->enabled ? (size_t)queue->num_consumers : SENDER_DIRECT_MAX;
    sender->size_max = queue->enabled ? queue->queue_size : SENDER_DIRECT_MAX;
    size_t half = purse_limit(budget_purse(host_budget(options->host), BUDGET_BATCHES)) / 2;
    sender->memory_max = half < SENDER_MEMORY_MAX ? half : SENDER_MEMORY_MAX;
    sender->slots = MEM_MAKE(SendSlot, sender->slot_count, err);
    if (!sender->slots) {
        sender_free(sender);
        return NULL;
    }
    for (size_t i = 0; i < sender->slot_count; i++) {
        SendSlot *slot = &sender->slots[i];
        slot->sender = sender;
        slot->timer = (Timer){ .fire = retry_is_due, .owner = slot };
    }
    count_queue(sender);
    return sender;
}

void sender_flush(Sender *sender)
{
    if (sender->draining)
        return;
    sender->draining = true;
    for (size_t i = 0; i < sender->slot_count; i++) {
        SendSlot *slot = &sender->slots[i];
        if (slot->state == SLOT_WAITING)
            timer_set(host_loop(sender->options.host), &slot->timer, slot->not_before_ns);
    }
}

static void give_back(Sender *sender, Parcel parcel)
{
    AckOutcome outcome = { .result = ACK_RETRY };
    fail(&outcome.reason, ERR_CLOSED, "shutting down before it was sent");
    drop(sender, DROP_CLOSED, whole(parcel.batch), &outcome.reason);
    ack_settle(parcel.ack, &outcome);
    batch_unref(parcel.batch);
}

void sender_close(Sender *sender)
{
    if (!sender)
        return;
    sender->closed = true;
    for (size_t i = 0; i < sender->slot_count && sender->slots; i++)
        timer_cancel(host_loop(sender->options.host), &sender->slots[i].timer);
}

void sender_free(Sender *sender)
{
    if (!sender)
        return;
    sender_close(sender);
    for (size_t i = 0; i < sender->slot_count && sender->slots; i++)
        if (sender->slots[i].state != SLOT_IDLE)
            give_back(sender, sender->slots[i].parcel);
    for (size_t i = 0; i < sender->count; i++)
        give_back(sender, sender->ring[(sender->first + i) % sender->cap]);
    mem_free(sender->ring);
    mem_free(sender->slots);
    mem_free(sender);
}

size_t sender_waiting(const Sender *sender)
{
    return sender->count + sender->busy;
}
