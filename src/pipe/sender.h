/* sender.h - queue, batches, retry, deadline and circuit breaker for exporters that talk to a
 * network.
 *
 * An exporter puts the settings into its struct under these names, SENDER_ROWS into its table, and
 * passes its parcels to sender_take(). The sender calls `send` whenever an attempt is due, at most
 * num_consumers at a time, and hears the outcome by sender_result():
 *
 *     reserve -> take -> queued --gathered--> sending --delivered, partly, refused--> settled
 *                   ^                          |
 *                   |      retry: waiting (back-off, throttle, breaker) -> sending ...
 *                   |                          |
 *                bounded      no more time: settled as retry
 *
 * The Ack stays open until the outcome is final, whatever the receiver promised. An element keeps
 * its place in the queue until then, and one that waits for its retry keeps its consumer, so a far
 * side that fails is not asked more often by more data. The delay before attempt n is
 * initial_interval * multiplier^(n-2), at most max_interval, spread by randomization_factor, and
 * never less than what the far side asked for. When max_elapsed_time would pass first, or retrying
 * is off, the data is given back (ack_retry) and counted as dropped here.
 *
 * The place in the queue is taken by sender_reserve(), on the thread that data comes from, before
 * it crosses to the exporter's loop: so queue_size counts all that waits for this exporter, also
 * between the loops, and whoever sends hears of a full queue at once.
 *
 * block_on_overflow: the queue asks receivers to hold their data back (host_ask, ASK_HOLD) from the
 * moment it is full until it has room. They then leave whole requests unread and unanswered
 * (net/request_hold.c), so that their clients wait. Nothing in the pipeline stops, hence nothing
 * can wait for itself, and a receiver that closes sends home whoever it holds. What is under way at
 * that moment is taken beyond queue_size, for refusing it would lose what was accepted already, or
 * one branch of a fan-out. That, too, ends at the bound of memory: what does not ask, such as a
 * scrape, is refused there.
 *
 * The circuit breaker (sender_breaker.c) asks whether the far side works at all, where the back-off
 * asks when one element may try again. After `consecutive_failures` attempts without an answer
 * nothing is sent but one element every `probe_interval`, until one gets an answer:
 *
 *     closed --failures in a row--> open --probe_interval--> half-open --answer--> closed
 *                                    ^-------- no answer ------'
 *
 * It only delays. What waits keeps its place; an element is given up after an attempt of its own
 * and never because the breaker is open. While draining the breaker stays closed: that is the last
 * chance.
 *
 * What goes wrong is said once: the first failure, the first drop for each reason, and that it
 * works again.
 */
#ifndef PIPE_SENDER_H
#define PIPE_SENDER_H

#include "base/attributes.h"
#include "config/field.h"
#include "pipe/component.h"

typedef struct RetrySettings {
    bool enabled;
    int64_t initial_interval, max_interval, max_elapsed_time; /* elapsed 0: for ever */
    double randomization_factor, multiplier;
} RetrySettings;

typedef enum QueueSizer { SIZE_BY_REQUESTS, SIZE_BY_ITEMS, SIZE_BY_BYTES } QueueSizer;

typedef struct SendPartition {
    TextList metadata_keys; /* refused until batches carry metadata */
} SendPartition;

typedef struct SendBatchSettings {
    bool present, enabled;
    int64_t flush_timeout;
    uint64_t min_size, max_size; /* max 0: never cut */
    Str sizer;                   /* "items", "bytes"; empty: the queue's if it is one of these */
    SendPartition partition;
} SendBatchSettings;

typedef struct SendingQueueSettings {
    bool enabled; /* false: as many as SENDER_DIRECT_MAX at once, and none waits */
    bool block_on_overflow, wait_for_result;
    uint64_t num_consumers, queue_size;
    int sizer; /* QueueSizer */
    SendBatchSettings batch;
} SendingQueueSettings;

typedef struct BreakerSettings {
    bool enabled;
    uint64_t consecutive_failures;
    int64_t probe_interval;
} BreakerSettings;

enum {
    SENDER_DIRECT_MAX = 100,
    /* Whatever queue_size counts: a thousand requests may be a thousand times 64 MiB. */
    SENDER_MEMORY_MAX = 512 << 20, /* or half of the program's limit, if that is less: one far
                                    * side that is slow leaves room for the others */
};

extern const ConfigField retry_fields[];
extern const ConfigField sending_queue_fields[];
extern const ConfigField breaker_fields[];

/* clang-format off */
/* Those of retry_fields, for an exporter with another first wait. */
#define RETRY_ROWS(initial_preset) \
    BOOL(RetrySettings, enabled, "true", "Try again after a failure that may pass."), \
    DURATION(RetrySettings, initial_interval, initial_preset, "1ms", "1h", \
             "Wait before the second attempt."), \
    NUMBER(RetrySettings, randomization_factor, "0.5", "0", "1", \
           "Spread each wait by up to this share of it, either way."), \
    NUMBER(RetrySettings, multiplier, "1.5", "1", "100", "How much longer each wait is."), \
    DURATION(RetrySettings, max_interval, "30s", "1ms", "24h", "The longest wait."), \
    DURATION(RetrySettings, max_elapsed_time, "5m", "0s", "8760h", \
             "Give up this long after the first attempt; 0s never does.")

/* The rows of an exporter T with the members `int64_t timeout; RetrySettings retry_on_failure;
 * SendingQueueSettings sending_queue; BreakerSettings circuit_breaker;`. */
#define SENDER_ROWS(T, timeout_preset) \
    DURATION(T, timeout, timeout_preset, "0s", "1h", \
        "Give up an attempt after this long; 0s never does."), \
    SECTION(T, retry_on_failure, RetrySettings, retry_fields, \
        "What happens after a failed attempt."), \
    SECTION(T, sending_queue, SendingQueueSettings, sending_queue_fields, \
        "Where batches wait for their turn."), \
    SECTION(T, circuit_breaker, BreakerSettings, breaker_fields, \
        "When a far side that never answers is left alone.")
/* clang-format on */

/* The rules that span several keys; part of the exporter's check(). */
CHECKED bool sender_check(const SendingQueueSettings *queue, Err *err);

typedef struct Sender Sender;
typedef struct SendSlot SendSlot; /* one attempt's place: the token of sender_result */

typedef struct SendAttempt {
    Batch *batch;             /* borrowed until sender_result */
    const ClientInfo *client; /* who sent the data; NULL: nobody knows */
    SendSlot *token;
    int64_t deadline_mono_ns; /* INT64_MAX: none */
    unsigned number;          /* from 1 */
} SendAttempt;

typedef struct SenderOptions {
    Host *host;
    void *self; /* for send */
    /* Starts an attempt; exactly one sender_result() must follow, which may come from inside. */
    void (*send)(void *self, const SendAttempt *attempt);
    int64_t timeout;
    const RetrySettings *retry; /* these three are borrowed for the sender's life */
    const SendingQueueSettings *queue;
    const BreakerSettings *breaker; /* NULL: there is none */
} SenderOptions;

CHECKED Sender *sender_new(const SenderOptions *options, Err *err);

/* The exporter's reserve() and unreserve(): a place for what is about to come, from any thread.
 * Full, by queue_size or by SENDER_MEMORY_MAX of batches: ERR_BUSY, "sending queue is full". */
CHECKED bool sender_reserve(Sender *sender, const Batch *batch, Err *err);
void sender_unreserve(Sender *sender, const Batch *batch);

/* The exporter's consume(), for what has its place. Refuses only for want of memory, and gives the
 * place up then. */
CHECKED bool sender_take(Sender *sender, const Parcel *parcel, Err *err);

/* What became of an attempt, on the sender's loop. ACK_RETRY asks for another one. */
void sender_result(Sender *sender, SendSlot *token, const AckOutcome *outcome);

/* The exporter's flush(): nothing waits in back-off any longer than SENDER_DRAIN_RETRY_MS, unless
 * the far side asked for it. Lasts. */
enum { SENDER_DRAIN_RETRY_MS = 500 };
void sender_flush(Sender *sender);

/* The exporter's stop(), in this order: sender_close(), after which no attempt begins and whatever
 * fails is given back; then the connections; then sender_free(), which gives back all that is left
 * and after which no sender_result() may come. NULL is fine for both. */
void sender_close(Sender *sender);
void sender_free(Sender *sender);

size_t sender_waiting(const Sender *sender); /* elements in queue and in flight */

#endif
