/* measured.c - the allocator with a meter; see measured.h. */
#include "support/measured.h"

#include "base/mem.h"

#include <malloc.h>
#include <stdlib.h>

static size_t live, before, peak;

static void *measured_grow(void *context, void *old, size_t size)
{
    (void)context;
    size_t had = old ? malloc_usable_size(old) : 0;
    void *block = realloc(old, size);
    if (!block)
        return NULL;
    live += malloc_usable_size(block) - had;
    peak = live > peak ? live : peak;
    return block;
}

static void measured_release(void *context, void *ptr)
{
    (void)context;
    live -= malloc_usable_size(ptr);
    free(ptr);
}

void measured_install(void)
{
    mem_set_hook(&(MemHook){ measured_grow, measured_release, NULL });
}

void measured_begin(void)
{
    before = peak = live;
}

size_t measured_took(void)
{
    return peak - before;
}
