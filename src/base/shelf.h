/* shelf.h - a few spare objects that any thread may take and put back: for what is dear to make and
 * is used by one thread at a time, such as a decoder's tables.
 *
 * There are never more on it than were in use at once, nor more than SHELF_SLOTS. A shelf that is
 * all zeros is empty.
 */
#ifndef BASE_SHELF_H
#define BASE_SHELF_H

#include "base/attributes.h"

#include <stdatomic.h>
#include <stdbool.h>

enum { SHELF_SLOTS = 8 };

typedef struct Shelf {
    _Atomic(void *) slots[SHELF_SLOTS];
} Shelf;

void *shelf_take(Shelf *shelf);                   /* NULL: nothing there; make one */
CHECKED bool shelf_put(Shelf *shelf, void *item); /* false: no place left; free it */

#endif
