/* mem.h - the only door to the allocator.
 *
 * Everything else in the house allocates through here (or through an Arena or Buf, which do), so
 * that a test can make the n-th allocation fail and count what is still alive. Blocks are those of
 * malloc(3): aligned for any type, their content indeterminate.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/attributes.h"
#include "base/err.h"
#include "base/str.h"

#include <stddef.h>

/* Replaces the allocator. Set before anything is allocated, from one thread; NULL brings libc back.
 */
typedef struct MemHook {
    void *(*grow)(void *context, void *old, size_t size); /* like realloc, size > 0 */
    void (*release)(void *context, void *ptr);            /* like free, ptr not NULL */
    void *context;
} MemHook;

void mem_set_hook(const MemHook *hook);

CHECKED void *mem_grow(void *old, size_t size); /* NULL: old is untouched; old NULL: a new block */
void mem_free(void *ptr);

/* Zeroed, with an overflow check; on failure err says ERR_MEMORY. */
CHECKED void *mem_zeroed(size_t count, size_t size, Err *err);
CHECKED char *mem_copy_text(Str s, Err *err); /* zero-terminated copy */

/* Large blocks come from the system and go back there when they are freed, and what is free at the
 * end of a heap follows soon: so that what is resident follows what is held. For the program,
 * before it starts threads; the library leaves the allocator of its host alone. */
void mem_return_large(void);

/* Gives back to the system what libc keeps of freed blocks, where libc can. Walks all of the heap:
 * for moments of need. */
void mem_trim(void);

#define MEM_MAKE(T, count, err) ((T *)mem_zeroed(count, sizeof(T), err))

#endif
