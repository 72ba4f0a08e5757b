/* mem.c - the only door to the allocator; see mem.h. */
#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

static void *libc_grow(void *context, void *old, size_t size)
{
    (void)context;
    return realloc(old, size);
}

static void libc_release(void *context, void *ptr)
{
    (void)context;
    free(ptr);
}

static const MemHook libc_hook = { libc_grow, libc_release, NULL };
static MemHook hook = { libc_grow, libc_release, NULL };

void mem_set_hook(const MemHook *replacement)
{
    hook = replacement ? *replacement : libc_hook;
}

void *mem_grow(void *old, size_t size)
{
    return hook.grow(hook.context, old, size ? size : 1);
}

void mem_free(void *ptr)
{
    if (ptr)
        hook.release(hook.context, ptr);
}

void *mem_zeroed(size_t count, size_t size, Err *err)
{
    void *block = size && count > SIZE_MAX / size ? NULL : mem_grow(NULL, count * size);
    if (!block) {
        fail(err, ERR_MEMORY, "no memory for %zu x %zu bytes", count, size);
        return NULL;
    }
    return memset(block, 0, count * size);
}

char *mem_copy_text(Str s, Err *err)
{
    char *copy = s.len < SIZE_MAX ? mem_grow(NULL, s.len + 1) : NULL;
    if (!copy) {
        fail(err, ERR_MEMORY, "no memory for %zu bytes of text", s.len);
        return NULL;
    }
    if (s.len)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = 0;
    return copy;
}

/* Half of the 32 MiB that may be resident beyond what is held. Less makes every joined batch of
 * some megabytes fresh memory of the system, which then costs more than all that is done with it.
 */
enum { LARGE_FROM = 8 << 20, FREE_END_MAX = 16 << 20 };

void mem_return_large(void)
{
#ifdef __GLIBC__
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_FROM); /* which otherwise rises with what is freed */
    (void)mallopt(M_TRIM_THRESHOLD, FREE_END_MAX);
#endif
}

void mem_trim(void)
{
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}
