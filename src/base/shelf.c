/* shelf.c - spare objects in slots; see shelf.h.
 *
 * A slot is emptied by an exchange and filled only while it is empty, so an object has one holder
 * at a time. Putting releases what was written to it, taking acquires that.
 */
#include "base/shelf.h"

#include <stddef.h>

void *shelf_take(Shelf *shelf)
{
    for (size_t i = 0; i < SHELF_SLOTS; i++) {
        void *item = atomic_exchange_explicit(&shelf->slots[i], NULL, memory_order_acquire);
        if (item)
            return item;
    }
    return NULL;
}

bool shelf_put(Shelf *shelf, void *item)
{
    for (size_t i = 0; i < SHELF_SLOTS; i++) {
        void *empty = NULL;
        if (atomic_compare_exchange_strong_explicit(&shelf->slots[i], &empty, item,
                                                    memory_order_release, memory_order_relaxed))
            return true;
    }
    return false;
}
