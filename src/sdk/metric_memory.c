/* metric_memory.c - see metric_memory.h. Each block knows its size, so that giving it back gives
 * back its part of the budget. The size lies in the eight bytes before what is given out, where
 * leak checkers look for it: elsewhere they would call a block lost that is found by its middle
 * only. */
#include "sdk/metric_memory.h"

#include "base/mem.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

typedef struct Block {
    size_t size;
    _Alignas(8) unsigned char bytes[]; /* none of what lies there wants more */
} Block;
_Static_assert(offsetof(Block, bytes) == sizeof(size_t), "the size is right before the bytes");

static _Atomic size_t used;
static _Atomic size_t budget = METRIC_BYTES_MAX;

static const Block *block_of(const void *ptr)
{
    return (const Block *)(const void *)((const char *)ptr - offsetof(Block, bytes));
}

static void *alloc_below(size_t most, size_t size)
{
    if (size > SIZE_MAX - sizeof(Block))
        return NULL;
    size_t whole = sizeof(Block) + size;
    size_t before = atomic_fetch_add_explicit(&used, whole, memory_order_relaxed);
    Block *block = before <= most && whole <= most - before ? mem_grow(NULL, whole) : NULL;
    if (!block) {
        atomic_fetch_sub_explicit(&used, whole, memory_order_relaxed);
        return NULL;
    }
    block->size = size;
    memset(block->bytes, 0, size);
    return block->bytes;
}

void *metric_alloc(size_t size)
{
    return alloc_below(atomic_load_explicit(&budget, memory_order_relaxed), size);
}

void *metric_alloc_spare(size_t size)
{
    return alloc_below(atomic_load_explicit(&budget, memory_order_relaxed) / 2, size);
}

void metric_free(void *ptr)
{
    if (!ptr)
        return;
    Block *block = (Block *)(void *)((char *)ptr - offsetof(Block, bytes));
    atomic_fetch_sub_explicit(&used, sizeof(Block) + block->size, memory_order_relaxed);
    mem_free(block);
}

size_t metric_capacity(const void *ptr)
{
    return block_of(ptr)->size;
}

void metric_set_budget(size_t bytes)
{
    atomic_store(&budget, bytes ? bytes : METRIC_BYTES_MAX);
}
