/* shares.c - see shares.h. */
#include "store/shares.h"

void shares_init(Shares *shares, ShareUse max, Purse *purse)
{
    *shares = (Shares){ .max = max, .purse = purse };
    mutex_init(&shares->mutex);
}

void shares_done(Shares *shares)
{
    purse_give(shares->purse, shares->charged);
    mutex_done(&shares->mutex);
}

void shares_join(Shares *shares, size_t party, Seglog *log)
{
    mutex_lock(&shares->mutex);
    shares->logs[party] = log;
    mutex_unlock(&shares->mutex);
}

static bool beyond_share(const Shares *shares, const ShareUse *all, size_t party)
{
    const ShareUse *use = &shares->use[party], *max = &shares->max;
    return (max->memory && all->memory > max->memory && use->memory > max->memory / SHARES) ||
           (max->bytes && all->bytes > max->bytes && use->bytes > max->bytes / SHARES);
}

/* Never refused: the store keeps itself within its own bound. */
static void charge(Shares *shares, size_t memory)
{
    if (memory > shares->charged)
        purse_force(shares->purse, memory - shares->charged);
    else
        purse_give(shares->purse, shares->charged - memory);
    shares->charged = memory;
}

bool shares_must_give(Shares *shares, size_t party, ShareUse use)
{
    ShareUse all = { 0 };
    mutex_lock(&shares->mutex);
    shares->use[party] = use;
    for (size_t i = 0; i < SHARES; i++) {
        all.memory += shares->use[i].memory;
        all.bytes += shares->use[i].bytes;
    }
    charge(shares, (size_t)all.memory);
    for (size_t i = 0; i < SHARES; i++)
        if (i != party && shares->logs[i] && beyond_share(shares, &all, i))
            seglog_wake(shares->logs[i]);
    bool gives = beyond_share(shares, &all, party);
    mutex_unlock(&shares->mutex);
    return gives;
}
