/* refs.h - a reference count for data that several threads read.
 *
 * Taking needs no order: whoever takes already holds one. Dropping releases, and the last one
 * acquires, so that everything the other holders did happens before the end of the data.
 */
#ifndef BASE_REFS_H
#define BASE_REFS_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef struct Refs {
    atomic_uint count;
} Refs;

static inline void refs_init(Refs *refs)
{
    atomic_init(&refs->count, 1);
}
static inline void refs_take(Refs *refs)
{
    unsigned before = atomic_fetch_add_explicit(&refs->count, 1, memory_order_relaxed);
    assert(before > 0);
    (void)before;
}
/* True for the last one, who frees. */
static inline bool refs_drop(Refs *refs)
{
    unsigned before = atomic_fetch_sub_explicit(&refs->count, 1, memory_order_acq_rel);
    assert(before > 0);
    return before == 1;
}

#endif
