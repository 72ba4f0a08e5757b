/* timer_heap_internal.h - the loop's timers: a pairing heap threaded through the Timers themselves.
 *
 * Setting is O(1), cancelling and taking the first are O(log n) amortised, and nothing allocates.
 * A node's `prev` is its left sibling, or its parent when it is the first child.
 */
#ifndef NET_TIMER_HEAP_INTERNAL_H
#define NET_TIMER_HEAP_INTERNAL_H

#include "net/loop.h"

typedef struct TimerHeap {
    Timer *first; /* the earliest; NULL: empty */
    size_t count;
} TimerHeap;

void timer_heap_add(TimerHeap *heap, Timer *timer); /* not in a heap; at_ns is set */
void timer_heap_remove(TimerHeap *heap, Timer *timer);

#endif
