/* budget.c - bounded counters; see budget.h.
 *
 * Relaxed order is enough everywhere: the counters guard no other data, they only have to add up.
 */
#include "base/budget.h"

#include <assert.h>
#include <stdint.h>

enum { PARTS = 16 }; /* of the limit */

typedef struct Rule {
    const char *name;
    unsigned reach; /* the total that a take may lead to, in parts of the limit */
    unsigned share; /* what the kind may hold alone */
} Rule;

static const Rule rules[BUDGET_OWNERS] = {
    [BUDGET_CONNECTIONS] = { "connections", 15, 4 }, [BUDGET_BODIES] = { "bodies", 13, PARTS },
    [BUDGET_BATCHES] = { "batches", 13, PARTS },     [BUDGET_STORE] = { "store", 13, PARTS },
    [BUDGET_CACHES] = { "caches", 13, 4 },           [BUDGET_QUERIES] = { "queries", 14, 4 },
    [BUDGET_VITAL] = { "vital", PARTS, 1 },          [BUDGET_UNCLAIMED] = { "unclaimed", PARTS, 0 },
};

static size_t load(const atomic_size_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void budget_init(Budget *budget, size_t limit)
{
    atomic_init(&budget->used, 0);
    atomic_init(&budget->peak, 0);
    atomic_init(&budget->limit, limit);
    atomic_init(&budget->refused, 0);
    for (size_t i = 0; i < BUDGET_OWNERS; i++) {
        budget->purses[i].budget = budget;
        budget->purses[i].owner = (BudgetOwner)i;
        atomic_init(&budget->purses[i].used, 0);
    }
}

void budget_set_limit(Budget *budget, size_t limit)
{
    atomic_store_explicit(&budget->limit, limit, memory_order_relaxed);
}

Purse *budget_purse(Budget *budget, BudgetOwner owner)
{
    return budget ? &budget->purses[owner] : NULL;
}

static void add(atomic_size_t *counter, size_t size)
{
    atomic_fetch_add_explicit(counter, size, memory_order_relaxed);
}

static void subtract(atomic_size_t *counter, size_t size)
{
    size_t before = atomic_fetch_sub_explicit(counter, size, memory_order_relaxed);
    assert(before >= size);
    (void)before;
}

static void note_peak(Budget *budget, size_t used)
{
    size_t peak = load(&budget->peak);
    while (used > peak &&
           !atomic_compare_exchange_weak_explicit(&budget->peak, &peak, used, memory_order_relaxed,
                                                  memory_order_relaxed))
        continue;
}

/* Parts of a limit that may be as large as SIZE_MAX. */
static size_t parts(size_t limit, unsigned count)
{
    return limit / PARTS * count + limit % PARTS * count / PARTS;
}

static bool within(size_t used, size_t size, size_t most)
{
    return used <= most && size <= most - used;
}

size_t purse_limit(const Purse *purse)
{
    return purse ? load(&purse->budget->limit) : SIZE_MAX;
}

/* Two threads may pass the share together by what each takes: it divides, the limit bounds. */
static bool within_share(const Purse *purse, size_t size, size_t limit)
{
    return within(load(&purse->used), size, parts(limit, rules[purse->owner].share));
}

bool purse_has(const Purse *purse, size_t size)
{
    if (!purse)
        return true;
    size_t limit = load(&purse->budget->limit);
    return within(load(&purse->budget->used), size, parts(limit, rules[purse->owner].reach)) &&
           within_share(purse, size, limit);
}

static bool refuse(Budget *budget)
{
    atomic_fetch_add_explicit(&budget->refused, 1, memory_order_relaxed);
    return false;
}

/* The loop goes round only when another thread changed the counter, so somebody always advances. */
bool purse_take(Purse *purse, size_t size)
{
    if (!purse || !size)
        return true;
    Budget *budget = purse->budget;
    size_t limit = load(&budget->limit), reach = parts(limit, rules[purse->owner].reach);
    if (!within_share(purse, size, limit))
        return refuse(budget);
    size_t used = load(&budget->used);
    do {
        if (!within(used, size, reach))
            return refuse(budget);
    } while (!atomic_compare_exchange_weak_explicit(&budget->used, &used, used + size,
                                                    memory_order_relaxed, memory_order_relaxed));
    add(&purse->used, size);
    note_peak(budget, used + size);
    return true;
}

void purse_force(Purse *purse, size_t size)
{
    if (!purse)
        return;
    add(&purse->used, size);
    note_peak(purse->budget,
              atomic_fetch_add_explicit(&purse->budget->used, size, memory_order_relaxed) + size);
}

bool budget_short(Err *err, const char *what, size_t size)
{
    fail(err, ERR_BUSY, "no room in memory now for %s of %zu bytes", what, size);
    err->retry_ms = BUDGET_RETRY_MS;
    return false;
}

bool purse_pay(Purse *purse, bool forced, size_t size)
{
    if (!forced)
        return purse_take(purse, size);
    purse_force(purse, size);
    return true;
}

void purse_give(Purse *purse, size_t size)
{
    if (!purse)
        return;
    subtract(&purse->used, size);
    subtract(&purse->budget->used, size);
}

void purse_move(Purse *from, Purse *to, size_t size)
{
    assert(!from == !to && (!from || from->budget == to->budget));
    if (!from)
        return;
    add(&to->used, size);
    subtract(&from->used, size);
}

/* Only the one who looks writes this purse. */
size_t budget_set_resident(Budget *budget, size_t resident)
{
    Purse *purse = &budget->purses[BUDGET_UNCLAIMED];
    size_t before = load(&purse->used), used = load(&budget->used);
    size_t claimed = used > before ? used - before : 0;
    size_t now = resident > claimed ? resident - claimed : 0;
    if (now > before)
        purse_force(purse, now - before);
    else
        purse_give(purse, before - now);
    return now;
}

BudgetUse budget_use(const Budget *budget)
{
    BudgetUse use = { .used = load(&budget->used),
                      .limit = load(&budget->limit),
                      .peak = load(&budget->peak),
                      .refused = atomic_load_explicit(&budget->refused, memory_order_relaxed) };
    for (size_t i = 0; i < BUDGET_OWNERS; i++)
        use.by_owner[i] = load(&budget->purses[i].used);
    return use;
}

const char *budget_owner_name(BudgetOwner owner)
{
    return rules[owner].name;
}
