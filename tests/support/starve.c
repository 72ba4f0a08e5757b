/* starve.c - an allocator hook that says no; see starve.h. */
#include "support/starve.h"

#include "base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>

static atomic_long left = -1;
static atomic_long live;
static atomic_int happened;
static atomic_int for_good;
static atomic_int held;

static int refuse(void)
{
    if (atomic_load(&held))
        return 0;
    if (atomic_load(&for_good) && atomic_load(&happened))
        return 1;
    long now = atomic_load(&left);
    if (now < 0)
        return 0;
    if (atomic_fetch_sub(&left, 1) != 0)
        return 0;
    atomic_store(&happened, 1);
    return 1;
}

static void *hungry_grow(void *context, void *old, size_t size)
{
    (void)context;
    if (refuse())
        return NULL;
    void *block = realloc(old, size);
    if (block && !old)
        atomic_fetch_add(&live, 1);
    return block;
}

static void hungry_release(void *context, void *ptr)
{
    (void)context;
    atomic_fetch_sub(&live, 1);
    free(ptr);
}

static void install(long count, int mode)
{
    static const MemHook hook = { hungry_grow, hungry_release, NULL };
    mem_set_hook(&hook);
    atomic_store(&happened, 0);
    atomic_store(&for_good, mode);
    atomic_store(&left, count);
}

void starve_after(long count)
{
    install(count, 0);
}
void starve_from(long count)
{
    install(count, 1);
}
void starve_hold(void)
{
    atomic_store(&held, 1);
}
void starve_resume(void)
{
    atomic_store(&held, 0);
}
long starve_live(void)
{
    return atomic_load(&live);
}
int starve_happened(void)
{
    return atomic_load(&happened);
}

void starve_end(void)
{
    atomic_store(&for_good, 0);
    atomic_store(&left, -1);
}

long starve_every(void (*run)(void))
{
    for (long n = 0;; n++) {
        long before = starve_live();
        starve_after(n);
        run();
        int failed = starve_happened();
        starve_end();
        if (starve_live() != before)
            return -1;
        if (!failed)
            return n;
    }
}
