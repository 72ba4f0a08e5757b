/* sender.c - see sender.h for the states.
 *
 * Slots are the consumers: made once, each holding one element while it is sent or waits for its
 * next attempt. All but the places in the queue belongs to the exporter's loop. send() may call
 * sender_result() before it returns, so nothing is touched after it that the result may have
 * changed, and neither sender_pump() nor resume() enters itself.
 */
#include "pipe/sender.h"

#include "base/clock.h"
#include "base/mem.h"
#include "otlp/batch.h"
#include "pipe/sender_internal.h"

#include <assert.h>

enum { RING_FIRST = 16 };

typedef enum DropReason { DROP_REFUSED, DROP_PARTLY, DROP_GIVEN_UP, DROP_CLOSED } DropReason;

static const char *const drop_reasons[] = {
    [DROP_REFUSED] = "refused by the far side",
    [DROP_PARTLY] = "partly refused by the far side",
    [DROP_GIVEN_UP] = "no more retries left",
    [DROP_CLOSED] = "not sent before the end",
};

int64_t sender_now(const Sender *sender)
{
    return clock_mono_ns(host_clock(sender->options.host));
}

static uint64_t size_of(const Sender *sender, const Batch *batch)
{
    if (!sender->options.queue->enabled)
        return 1;
    switch ((QueueSizer)sender->options.queue->sizer) {
    case SIZE_BY_ITEMS: return batch_item_count(batch);
    case SIZE_BY_BYTES: return batch_size(batch);
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

/* --- places ---------------------------------------------------------------------------------- */

/* Under the lock. What was under way when a blocking queue became full waits outside of it. */
static void count_queue(const Sender *sender)
{
    const Places *places = &sender->places;
    uint64_t inside = places->size < places->size_max ? places->size : places->size_max;
    host_count_queue(sender->options.host, inside, places->size_max);
}

/* Half of either bound, so that it is not said with every batch. */
static bool has_room_again(const Places *places)
{
    return places->size <= places->size_max / 2 && places->memory <= places->memory_max / 2;
}

/* Under the lock. Receivers are asked early, since what is under way must find room, too. */
static void ask_to_hold(Sender *sender)
{
    Places *places = &sender->places;
    bool full = places->size >= places->size_max || places->memory > places->memory_max / 2;
    bool hold = full && sender->options.queue->enabled && sender->options.queue->block_on_overflow;
    if (hold != places->holding)
        host_ask(sender->options.host, ASK_HOLD, hold);
    places->holding = hold;
}

static void log_full(const Sender *sender, bool holding)
{
    host_log(sender->options.host, LOG_WARN, "sending queue is full; %s until it has room",
             holding ? "whoever sends waits" : "new data is refused");
}

/* Under the lock. An empty queue takes anything. */
static bool fits(const Sender *sender, size_t memory, uint64_t size)
{
    const Places *places = &sender->places;
    size_t most = places->memory_max;
    bool in_memory = !places->memory || (places->memory <= most && memory <= most - places->memory);
    bool waits = sender->options.queue->enabled && sender->options.queue->block_on_overflow;
    bool in_size = waits || size <= places->size_max - places->size;
    return in_memory && in_size && places->waiting < SENDER_RING_MAX;
}

bool sender_reserve(Sender *sender, const Batch *batch, Err *err)
{
    Places *places = &sender->places;
    uint64_t size = size_of(sender, batch);
    size_t memory = batch_memory(batch);
    if (size > places->size_max)
        return fail(err, ERR_LIMIT, "larger than the whole sending queue (%llu %s of %llu)",
                    (unsigned long long)size, sender_sizer_name(sender->options.queue->sizer),
                    (unsigned long long)places->size_max);
    mutex_lock(&places->mutex);
    bool room = fits(sender, memory, size);
    if (room) {
        places->size += size;
        places->memory += memory;
        places->waiting++;
        ask_to_hold(sender);
        count_queue(sender);
    }
    bool holding = places->holding, tell = (!room || holding) && !places->told_full;
    places->told_full = places->told_full || tell;
    if (tell)
        host_set_blocked(sender->options.host, "sending queue is full");
    mutex_unlock(&places->mutex);
    if (tell)
        log_full(sender, holding);
    return room || fail(err, ERR_BUSY, "sending queue is full");
}

typedef struct Freed {
    uint64_t size;
    size_t memory, waiting;
} Freed;

static void free_places(Sender *sender, Freed freed)
{
    Places *places = &sender->places;
    mutex_lock(&places->mutex);
    places->size -= freed.size;
    places->memory -= freed.memory;
    places->waiting -= freed.waiting;
    ask_to_hold(sender);
    count_queue(sender);
    bool tell = places->told_full && has_room_again(places);
    places->told_full = places->told_full && !tell;
    if (tell)
        host_set_blocked(sender->options.host, NULL);
    mutex_unlock(&places->mutex);
}

void sender_unreserve(Sender *sender, const Batch *batch)
{
    free_places(sender, (Freed){ size_of(sender, batch), batch_memory(batch), 1 });
}

void sender_left_ring(Sender *sender, size_t count)
{
    mutex_lock(&sender->places.mutex);
    sender->places.waiting -= count;
    mutex_unlock(&sender->places.mutex);
}

void sender_recount_memory(Sender *sender, size_t before, size_t after)
{
    mutex_lock(&sender->places.mutex);
    sender->places.memory = sender->places.memory - before + after;
    mutex_unlock(&sender->places.mutex);
}

/* --- slots ----------------------------------------------------------------------------------- */

static void attempt(SendSlot *slot)
{
    Sender *sender = slot->sender;
    int64_t now = sender_now(sender);
    if (!breaker_lets(sender, slot)) {
        slot->state = SLOT_HELD;
        slot->due_ns = now;
        return;
    }
    if (slot->attempts++ == 0)
        slot->first_ns = now;
    slot->state = SLOT_SENDING;
    int64_t timeout = sender->options.timeout;
    SendAttempt attempt = {
        .batch = slot->element.parcel.batch,
        .client = ack_client(slot->element.parcel.ack),
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

void sender_resume_one(SendSlot *slot)
{
    attempt(slot);
}

/* All that the breaker has kept and lets go now. */
static void resume(Sender *sender)
{
    if (sender->resuming || sender->closed)
        return;
    sender->resuming = true;
    for (size_t i = 0; i < sender->slot_count && breaker_would_let(sender); i++)
        if (sender->slots[i].state == SLOT_HELD)
            attempt(&sender->slots[i]);
    sender->resuming = false;
}

static SendSlot *idle_slot(Sender *sender)
{
    for (size_t i = 0; i < sender->slot_count; i++)
        if (sender->slots[i].state == SLOT_IDLE)
            return &sender->slots[i];
    return NULL;
}

void sender_pump(Sender *sender)
{
    SendElement element;
    if (sender->pumping || sender->closed)
        return;
    sender->pumping = true;
    while (sender->busy < sender->slot_count && breaker_would_let(sender) &&
           gather_next(sender, &element)) {
        SendSlot *slot = idle_slot(sender);
        assert(slot);
        slot->element = element;
        slot->attempts = 0;
        slot->interval_ns = sender->options.retry->initial_interval;
        slot->not_before_ns = 0;
        sender->busy++;
        attempt(slot);
    }
    sender->pumping = false;
}

static void finish(SendSlot *slot, const AckOutcome *outcome)
{
    Sender *sender = slot->sender;
    SendElement element = slot->element;
    sender->busy--;
    slot->state = SLOT_IDLE;
    slot->element = (SendElement){ 0 };
    free_places(sender, (Freed){ element.size, element.memory, 0 });
    ack_settle(element.parcel.ack, outcome);
    batch_unref(element.parcel.batch);
    sender_pump(sender);
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
    drop(sender, DROP_GIVEN_UP, whole(slot->element.parcel.batch), &final.reason);
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
    int64_t now = sender_now(sender);
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
    const Batch *batch = slot->element.parcel.batch;
    Signal signal = batch_signal(batch);
    uint64_t items = batch_item_count(batch);
    uint64_t refused = outcome->refused < items ? outcome->refused : items;
    if (outcome->result == ACK_RETRY) {
        breaker_failed(sender, slot, &outcome->reason);
        retry(slot, outcome);
        return;
    }
    bool reopened = breaker_worked(sender);
    switch (outcome->result) {
    case ACK_RETRY: break;
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
    if (reopened)
        resume(sender);
}

/* --- the queue ------------------------------------------------------------------------------- */

static bool grow_ring(SendRing *ring, Err *err)
{
    size_t cap = ring->cap ? 2 * ring->cap : RING_FIRST;
    SendElement *at = MEM_MAKE(SendElement, cap, err);
    if (!at)
        return false;
    for (size_t i = 0; i < ring->count; i++)
        at[i] = ring->at[(ring->first + i) % ring->cap];
    mem_free(ring->at);
    *ring = (SendRing){ .at = at, .count = ring->count, .cap = cap };
    return true;
}

bool sender_take(Sender *sender, const Parcel *parcel, Err *err)
{
    SendRing *ring = &sender->ring;
    if (ring->count == ring->cap && !grow_ring(ring, err)) {
        sender_unreserve(sender, parcel->batch);
        return false;
    }
    SendElement *element = &ring->at[(ring->first + ring->count++) % ring->cap];
    *element = (SendElement){
        .parcel = { .batch = batch_ref(parcel->batch), .ack = parcel->ack },
        .size = size_of(sender, parcel->batch),
        .memory = batch_memory(parcel->batch),
        .since_ns = sender_now(sender),
    };
    gather_added(sender, element);
    sender_pump(sender);
    return true;
}

/* --- begin and end --------------------------------------------------------------------------- */

static bool make_slots(Sender *sender, Err *err)
{
    sender->slots = MEM_MAKE(SendSlot, sender->slot_count, err);
    for (size_t i = 0; i < sender->slot_count && sender->slots; i++) {
        SendSlot *slot = &sender->slots[i];
        slot->sender = sender;
        slot->timer = (Timer){ .fire = retry_is_due, .owner = slot };
    }
    return sender->slots != NULL;
}

Sender *sender_new(const SenderOptions *options, Err *err)
{
    Sender *sender = MEM_MAKE(Sender, 1, err);
    if (!sender)
        return NULL;
    const SendingQueueSettings *queue = options->queue;
    Places *places = &sender->places;
    sender->options = *options;
    mutex_init(&places->mutex);
    sender->slot_count = queue->enabled ? (size_t)queue->num_consumers : SENDER_DIRECT_MAX;
    places->size_max = queue->enabled ? queue->queue_size : SENDER_DIRECT_MAX;
    size_t half = purse_limit(budget_purse(host_budget(options->host), BUDGET_BATCHES)) / 2;
    places->memory_max = half < SENDER_MEMORY_MAX ? half : SENDER_MEMORY_MAX;
    gather_init(sender);
    breaker_init(sender);
    if (!make_slots(sender, err)) {
        sender_free(sender);
        return NULL;
    }
    count_queue(sender);
    host_ask(options->host, ASK_RESULT, queue->enabled && queue->wait_for_result);
    return sender;
}

void sender_flush(Sender *sender)
{
    if (sender->draining)
        return;
    sender->draining = true;
    breaker_end(sender);
    for (size_t i = 0; i < sender->slot_count; i++) {
        SendSlot *slot = &sender->slots[i];
        if (slot->state == SLOT_WAITING)
            timer_set(host_loop(sender->options.host), &slot->timer, slot->not_before_ns);
    }
    resume(sender);
    sender_pump(sender);
}

static void give_back(Sender *sender, const SendElement *element)
{
    Parcel parcel = element->parcel;
    AckOutcome outcome = { .result = ACK_RETRY };
    if (host_hand_over(sender->options.host, &parcel)) {
        free_places(sender, (Freed){ element->size, element->memory, 0 });
        batch_unref(parcel.batch);
        return;
    }
    fail(&outcome.reason, ERR_CLOSED, "shutting down before it was sent");
    drop(sender, DROP_CLOSED, whole(parcel.batch), &outcome.reason);
    free_places(sender, (Freed){ element->size, element->memory, 0 });
    ack_settle(parcel.ack, &outcome);
    batch_unref(parcel.batch);
}

void sender_close(Sender *sender)
{
    if (!sender)
        return;
    sender->closed = true;
    breaker_stop(sender);
    for (size_t i = 0; i < sender->slot_count && sender->slots; i++)
        timer_cancel(host_loop(sender->options.host), &sender->slots[i].timer);
}

static void give_back_all(Sender *sender)
{
    const SendRing *ring = &sender->ring;
    for (size_t i = 0; i < sender->slot_count && sender->slots; i++)
        if (sender->slots[i].state != SLOT_IDLE)
            give_back(sender, &sender->slots[i].element);
    for (size_t i = sender->gather.next; i < sender->gather.count; i++)
        give_back(sender, &sender->gather.pieces[i]);
    for (size_t i = 0; i < ring->count; i++)
        give_back(sender, &ring->at[(ring->first + i) % ring->cap]);
}

void sender_free(Sender *sender)
{
    if (!sender)
        return;
    sender_close(sender);
    give_back_all(sender);
    gather_done(sender);
    host_ask(sender->options.host, ASK_HOLD, false);
    host_ask(sender->options.host, ASK_RESULT, false);
    mutex_done(&sender->places.mutex);
    mem_free(sender->ring.at);
    mem_free(sender->slots);
    mem_free(sender);
}

size_t sender_waiting(const Sender *sender)
{
    return sender->ring.count + (sender->gather.count - sender->gather.next) + sender->busy;
}
