/* ack.h - the acknowledgement that travels with every batch, settled exactly once.
 *
 * Whoever brings data in makes an Ack and hears on its own loop what became of the data. Whoever
 * takes a parcel takes the duty to settle its Ack: by passing both on, by splitting it over pieces,
 * by merging several into one, or by one of the four verdicts below.
 *
 *     receiver: ack_new ----> ack_split (fan-out, pieces) ----> verdict
 *                       \---> ack_join  (merging)         --/
 *
 * Threads: any thread may settle, split or join; `settled` always runs later, posted to the loop
 * that ack_new() was given, never inside the verdict. Settling cannot fail: everything it needs was
 * allocated before. A debug build asserts that nothing is settled twice.
 *
 * A verdict climbs from child to parent by recursion; it is as deep as the components between
 * source and end have split and joined, a few levels each.
 */
#ifndef PIPE_ACK_H
#define PIPE_ACK_H

#include "base/err.h"

#include <stddef.h>

typedef struct Ack Ack;
typedef struct ClientInfo ClientInfo; /* pipe/client_info.h */
typedef struct Ledger Ledger;         /* pipe/ledger.h */
typedef struct Loop Loop;             /* net/loop.h */

typedef enum AckResult {
    ACK_DELIVERED,
    ACK_RETRY,   /* nothing lasting happened; the same data may come again after retry_ms */
    ACK_REFUSED, /* none of it will ever be taken */
    ACK_PARTLY,  /* `refused` items will never be taken, the rest was delivered */
} AckResult;

typedef struct AckOutcome {
    AckResult result;
    uint32_t retry_ms; /* ACK_RETRY: not before; 0 lets the sender choose */
    uint64_t refused;  /* items: under ACK_PARTLY (0: only a warning) and ACK_REFUSED */
    Err reason;        /* kind ERR_NONE when delivered */
} AckOutcome;

typedef void AckSettled(void *context, const AckOutcome *outcome);

/* Who hears. `settled` may be NULL: nobody does, the Ack only counts. */
typedef struct AckListener {
    Loop *home;
    AckSettled *settled;
    void *context;
    bool waits;         /* somebody outside waits for this verdict: hurry (ack_waited) */
    Ledger *ledger;     /* where it is counted while open; NULL: nowhere */
    ClientInfo *client; /* who sent the data; the Ack takes its own reference. NULL: nobody knows */
} AckListener;

/* `items` is how many the Ack speaks for. The Ack frees itself after `settled` has run. Components
 * call host_ack_new (pipe/host.h), which fills in the loop and the ledger. */
CHECKED Ack *ack_new(const AckListener *listener, uint64_t items, Err *err);

typedef enum AckSplit {
    ACK_FAN_OUT, /* every child has all of the items, at another place */
    ACK_PIECES,  /* every child has some of the items */
} AckSplit;

/* Makes `count` children, at least one; `parent` is settled when all of them are: retry if any asks
 * for it (after the longest wait), else partly if they differ, refused only if all refused. What
 * was refused is the sum over pieces, and the largest count of a fan-out. items[i] counts child i's
 * items (NULL under ACK_FAN_OUT: all of them). On failure nothing was made and the parent is still
 * yours. */
CHECKED bool ack_split(Ack *parent, AckSplit how, size_t count, const uint64_t *items,
                       Ack **children, Err *err);

/* One Ack for several that travel on as one batch; its verdict goes to each. Whose items were
 * refused under ACK_PARTLY is not known, so each parent hears of as many as could be its own, and
 * the sum may be more than were refused. On failure the parents are still yours. */
CHECKED Ack *ack_join(Ack *const *parents, size_t count, Err *err);
/* The same for data that came from several clients and goes on as if from `client` (a reference is
 * taken; NULL: nobody in particular). Always a new Ack, of a single parent too. */
CHECKED Ack *ack_join_as(Ack *const *parents, size_t count, ClientInfo *client, Err *err);

uint64_t ack_items(const Ack *ack);

/* Who sent the data, for as long as the Ack is open; NULL: nobody knows, or different clients did
 * that ack_join() brought together. */
ClientInfo *ack_client(const Ack *ack);

/* Does anybody at the source wait for this verdict? Then a component that holds back data in order
 * to gather more lets go of it within milliseconds. */
bool ack_waited(const Ack *ack);
/* For whoever made it: nobody took the parcel, so its sender hears of that after all. */
void ack_hears(Ack *root);

void ack_done(Ack *ack);
void ack_retry(Ack *ack, uint32_t retry_ms, const Err *reason);
void ack_refuse(Ack *ack, const Err *reason);
void ack_partly(Ack *ack, uint64_t refused, const Err *reason); /* at most ack_items() count */

/* The verdict that an Err stands for: retry where its kind says that trying again may help. */
void ack_fail(Ack *ack, const Err *reason);

/* A verdict that somebody else has reached already. */
void ack_settle(Ack *ack, const AckOutcome *outcome);

#endif
