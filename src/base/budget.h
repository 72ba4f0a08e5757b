/* budget.h - how much memory a group of owners may hold together.
 *
 * Whoever takes bytes on behalf of a peer charges them here first and gives them back when they are
 * freed. A charge that would pass the limit is refused, never queued: the caller turns it into "not
 * now" for its peer. Any thread may charge; the counter is the only thing shared.
 */
#ifndef BASE_BUDGET_H
#define BASE_BUDGET_H

#include "base/attributes.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct Budget {
    atomic_size_t used;
    size_t limit; /* fixed once shared */
} Budget;

void budget_init(Budget *budget, size_t limit);
CHECKED bool budget_take(Budget *budget, size_t size); /* all of it or nothing */
void budget_give(Budget *budget, size_t size);
size_t budget_used(Budget *budget);

#endif
