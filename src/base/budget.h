/* budget.h - how much memory the program may hold, divided among kinds of owners.
 *
 * Whoever takes memory on behalf of a peer, of a query or of held data charges it to the purse of
 * its kind before the memory is taken, and gives it back when that is freed. Most do so without a
 * line of their own: a Buf (buf.h) or an Arena (arena.h) with a purse charges its capacity.
 *
 *     0 ........................... 13/16 ....... 14/16 ....... 15/16 ....... limit
 *       bodies and batches come in  |  queries    | connections | health, pages,
 *                                   |             |             | own metrics
 *
 * A take is refused, never queued, when the total would pass the reach of its kind, or the kind its
 * own share: so queries cannot starve what comes in, nothing that comes in can starve the answer of
 * a health check, and what was accepted always keeps moving. For that one there is purse_force():
 * who joins, edits or sends what is held already may pass the reach (the last 3/16 are its room),
 * because the sooner it is gone the sooner there is room. BUDGET_UNCLAIMED is what the kernel
 * counts and nobody here has charged: the program itself, libraries, what the allocator keeps.
 * Somebody who looks from time to time writes it down (budget_set_resident), so that the limit is
 * one of resident memory.
 *
 * A NULL purse is no budget: takes succeed and nothing is counted. Any thread may use all of it.
 */
#ifndef BASE_BUDGET_H
#define BASE_BUDGET_H

#include "base/attributes.h"

#include "base/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum BudgetOwner {
    BUDGET_CONNECTIONS, /* engines, headers, buffers of those who are connected */
    BUDGET_BODIES,      /* requests being received and inflated, answers being sent */
    BUDGET_BATCHES,     /* accepted, with index and edits, wherever they wait */
    BUDGET_STORE,       /* rows in memory, and the batches that they keep */
    BUDGET_CACHES,      /* what exporters and receivers remember between scrapes */
    BUDGET_QUERIES,
    BUDGET_VITAL, /* health, pages, own metrics: small, and always answered */
    BUDGET_UNCLAIMED,
    BUDGET_OWNERS
} BudgetOwner;

enum { BUDGET_RETRY_MS = 1000 };

typedef struct Budget Budget;

typedef struct Purse { /* what one kind of owners holds */
    Budget *budget;
    BudgetOwner owner;
    atomic_size_t used;
} Purse;

struct Budget {
    atomic_size_t used, peak, limit;
    atomic_ullong refused; /* takes */
    Purse purses[BUDGET_OWNERS];
};

void budget_init(Budget *budget, size_t limit);
void budget_set_limit(Budget *budget, size_t limit);    /* what is held beyond it stays held */
Purse *budget_purse(Budget *budget, BudgetOwner owner); /* budget NULL: NULL */

CHECKED bool purse_take(Purse *purse, size_t size); /* all of it or nothing */
void purse_force(Purse *purse, size_t size);
/* ERR_BUSY, with the time after which asking again makes sense; returns false. */
bool budget_short(Err *err, const char *what, size_t size);
CHECKED bool purse_pay(Purse *purse, bool forced, size_t size); /* either of them */
void purse_give(Purse *purse, size_t size);
void purse_move(Purse *from, Purse *to, size_t size); /* of one budget */

size_t purse_limit(const Purse *purse); /* its budget's; SIZE_MAX without one */

/* Would a take of so much succeed now? For those who can as well ask for less, or later. */
bool purse_has(const Purse *purse, size_t size);

/* What the kernel says that the program holds now: the part that nobody charged becomes
 * BUDGET_UNCLAIMED. Returns that part. */
size_t budget_set_resident(Budget *budget, size_t resident);

typedef struct BudgetUse {
    size_t used, limit, peak;
    unsigned long long refused;
    size_t by_owner[BUDGET_OWNERS];
} BudgetUse;

BudgetUse budget_use(const Budget *budget);
const char *budget_owner_name(BudgetOwner owner); /* "bodies" */

#endif
