/* shares.h - one budget of memory and one of disk for all schemas of a store.
 *
 * Each schema is entitled to an equal share. What others leave unused it may take, and gives back
 * when they come for it: as soon as all together are beyond the budget, whoever is beyond its share
 * lets its oldest segments go, on its own writer's thread. Somebody always is. So a signal alone
 * has all of the budget, and a quiet one never loses its share to a busy one.
 */
#ifndef STORE_SHARES_H
#define STORE_SHARES_H

#include "base/budget.h"
#include "base/thread.h"
#include "seglog/seglog.h"

enum { SHARES = 3 };

typedef struct ShareUse {
    uint64_t memory, bytes;
} ShareUse;

typedef struct Shares {
    ShareUse max; /* 0: no limit */
    Purse *purse; /* who pays for what all take of memory; NULL: nobody */
    Mutex mutex;  /* over everything below */
    ShareUse use[SHARES];
    size_t charged;
    Seglog *logs[SHARES]; /* NULL: not open */
} Shares;

void shares_init(Shares *shares, ShareUse max, Purse *purse);
void shares_done(Shares *shares);
/* The log that is woken when the party must give; NULL before it is closed. */
void shares_join(Shares *shares, size_t party, Seglog *log);
/* What the party takes now. True: it must let its oldest segment go. When another one must, that
 * one's log is woken. */
bool shares_must_give(Shares *shares, size_t party, ShareUse use);

#endif
