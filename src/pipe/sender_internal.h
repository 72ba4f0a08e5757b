/* sender_internal.h - a Sender from the inside.
 *
 *     sender.c          places, consumers, attempts and what becomes of them
 *     sender_gather.c   which element is next: one as it came, or several as one batch
 *     sender_breaker.c  may anything be sent at all?
 *     sender_settings.c
 *
 * Places are taken on any thread and guarded by a mutex; all else belongs to the exporter's loop.
 */
#ifndef PIPE_SENDER_INTERNAL_H
#define PIPE_SENDER_INTERNAL_H

#include "base/thread.h"
#include "net/loop.h"
#include "pipe/host.h"
#include "pipe/sender.h"

enum {
    SENDER_RING_MAX = 1 << 20,          /* a million small requests: beyond, refuse */
    SENDER_HURRY_MS = 5,                /* holding back what a client waits for */
    SENDER_GATHER_BYTES_MAX = 16 << 20, /* sent on even if less than min_size has gathered */
};

typedef struct SendElement {
    Parcel parcel;
    uint64_t size; /* by the queue's sizer, as it was reserved */
    size_t memory;
    int64_t since_ns;
} SendElement;

typedef struct SendRing {
    SendElement *at;
    size_t first, count, cap;
} SendRing;

typedef enum SlotState { SLOT_IDLE, SLOT_SENDING, SLOT_WAITING, SLOT_HELD } SlotState;

struct SendSlot {
    Sender *sender;
    SlotState state;
    SendElement element;
    unsigned attempts;
    int64_t first_ns;      /* the first attempt */
    int64_t interval_ns;   /* the next wait, before it is spread */
    int64_t not_before_ns; /* what the far side asked for */
    int64_t due_ns;        /* SLOT_HELD: since when only the breaker keeps it */
    Timer timer;
};

typedef struct Places {
    Mutex mutex;
    uint64_t size, size_max;   /* by the queue's sizer: on the way here, waiting, in slots */
    size_t memory, memory_max; /* of the same batches */
    size_t waiting;            /* elements on their way here or in the ring */
    bool told_full, holding;   /* holding: receivers are asked to wait */
} Places;

typedef struct Gather {
    bool on, by_bytes;
    uint64_t size; /* of what is in the ring, by the batch's sizer */
    size_t bytes;
    bool hurry;          /* somebody waits for something in the ring */
    SendElement *pieces; /* of an element that was cut: they go first */
    size_t next, count;
    Timer timer;
} Gather;

typedef struct Breaker {
    const BreakerSettings *settings; /* NULL: always closed */
    CircuitState state;
    uint64_t failures; /* in a row */
    int64_t until_ns;  /* open: no probe before */
    const SendSlot *probe;
    Timer timer;
} Breaker;

struct Sender {
    SenderOptions options;
    Places places;
    SendRing ring;
    Gather gather;
    Breaker breaker;
    SendSlot *slots;
    size_t slot_count, busy;
    bool pumping, resuming, draining, closed;
    unsigned told_drops; /* bits by DropReason */
    uint64_t failures;   /* in a row, as told */
};

int64_t sender_now(const Sender *sender);
/* Fills idle slots from the queue. */
void sender_pump(Sender *sender);
/* An attempt of what only the breaker has kept. */
void sender_resume_one(SendSlot *slot);
/* What took `before` bytes of memory takes `after` now. */
void sender_recount_memory(Sender *sender, size_t before, size_t after);
/* So many elements have left the ring. */
void sender_left_ring(Sender *sender, size_t count);

/* sender_settings.c */
const char *sender_sizer_name(int sizer);
bool send_batch_by_bytes(const SendingQueueSettings *queue);

/* sender_gather.c */
void gather_init(Sender *sender);
void gather_done(Sender *sender); /* gives nothing back */
void gather_added(Sender *sender, const SendElement *element);
/* What goes next; false: nothing yet, and a timer is set if waiting helps. */
bool gather_next(Sender *sender, SendElement *out);

/* sender_breaker.c */
void breaker_init(Sender *sender);
bool breaker_would_let(const Sender *sender);
/* May this element be sent now? Then it may be the probe. */
bool breaker_lets(Sender *sender, const SendSlot *slot);
void breaker_failed(Sender *sender, const SendSlot *slot, const Err *why);
/* The far side has answered. True: what was kept may go. */
bool breaker_worked(Sender *sender);
void breaker_end(Sender *sender); /* closed from now on; what was kept may go */
void breaker_stop(Sender *sender);

#endif
