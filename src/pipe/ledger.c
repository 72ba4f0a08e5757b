/* ledger.c - the counts of ledger.h under one lock, taken three times per batch. */
#include "pipe/ledger.h"

void ledger_init(Ledger *ledger, Ledger *above)
{
    *ledger = (Ledger){ .above = above };
    mutex_init(&ledger->mutex);
    cond_init(&ledger->emptied);
}

void ledger_done(Ledger *ledger)
{
    cond_done(&ledger->emptied);
    mutex_done(&ledger->mutex);
}

LedgerCounts ledger_counts(Ledger *ledger)
{
    mutex_lock(&ledger->mutex);
    LedgerCounts counts = ledger->counts;
    mutex_unlock(&ledger->mutex);
    return counts;
}

bool ledger_wait(Ledger *ledger, int64_t deadline_mono_ns)
{
    mutex_lock(&ledger->mutex);
    bool in_time = true;
    while (ledger->counts.open && in_time)
        in_time = cond_wait_until(&ledger->emptied, &ledger->mutex, deadline_mono_ns);
    bool empty = !ledger->counts.open;
    mutex_unlock(&ledger->mutex);
    return empty;
}

void ledger_open(Ledger *ledger, uint64_t items)
{
    mutex_lock(&ledger->mutex);
    ledger->counts.open++;
    ledger->counts.open_items += items;
    ledger->counts.items += items;
    mutex_unlock(&ledger->mutex);
    if (ledger->above)
        ledger_open(ledger->above, items);
}

void ledger_judge(Ledger *ledger, const Ack *root, const AckOutcome *outcome)
{
    uint64_t items = ack_items(root);
    bool waited = ack_waited(root);
    mutex_lock(&ledger->mutex);
    LedgerCounts *counts = &ledger->counts;
    switch (outcome->result) {
    case ACK_DELIVERED: counts->delivered_items += items; break;
    case ACK_RETRY: *(waited ? &counts->returned_items : &counts->lost_items) += items; break;
    case ACK_REFUSED: counts->refused_items += items; break;
    case ACK_PARTLY:
        counts->refused_items += outcome->refused;
        counts->delivered_items += items - outcome->refused;
        break;
    }
    mutex_unlock(&ledger->mutex);
    if (ledger->above)
        ledger_judge(ledger->above, root, outcome);
}

void ledger_close(Ledger *ledger, uint64_t items)
{
    Ledger *above = ledger->above;
    mutex_lock(&ledger->mutex);
    ledger->counts.open--;
    ledger->counts.open_items -= items;
    if (!ledger->counts.open)
        cond_broadcast(&ledger->emptied);
    mutex_unlock(&ledger->mutex); /* from here it may be gone */
    if (above)
        ledger_close(above, items);
}
