/* ledger.h - what came in and what became of it, over all root Acks of one graph, or of a
 * part of it (above).
 *
 * An Ack counts as open from ack_new() until its listener has heard, so that "nothing is open"
 * means that no callback is on its way either. Any thread.
 */
#ifndef PIPE_LEDGER_H
#define PIPE_LEDGER_H

#include "base/thread.h"
#include "pipe/ack.h"

typedef struct LedgerCounts {
    uint64_t open, open_items;       /* now */
    uint64_t items, delivered_items; /* since the start */
    uint64_t refused_items;
    uint64_t returned_items; /* settled as retry, and somebody waited who can send it again */
    uint64_t lost_items;     /* the same after it was accepted: nobody will */
} LedgerCounts;

struct Ledger {
    Ledger *above; /* counts the same, and more; NULL: none */
    Mutex mutex;
    Cond emptied;
    LedgerCounts counts;
};

void ledger_init(Ledger *ledger, Ledger *above);
void ledger_done(Ledger *ledger);
LedgerCounts ledger_counts(Ledger *ledger);

/* Waits until nothing is open; false when the monotonic deadline passed first. */
bool ledger_wait(Ledger *ledger, int64_t deadline_mono_ns);

/* For ack.c: opened, judged (the verdict is known), closed (the listener has heard). */
void ledger_open(Ledger *ledger, uint64_t items);
void ledger_judge(Ledger *ledger, const Ack *root, const AckOutcome *outcome);
void ledger_close(Ledger *ledger, uint64_t items);

#endif
