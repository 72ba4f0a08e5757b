/* timer_heap.c - a pairing heap without recursion; see timer_heap_internal.h. */
#include "net/timer_heap_internal.h"

/* The later of two roots becomes the first child of the other. Either may be NULL. */
static Timer *meld(Timer *a, Timer *b)
{
    if (!a || !b)
        return a ? a : b;
    if (b->at_ns < a->at_ns) {
        Timer *swap = a;
        a = b;
        b = swap;
    }
    b->prev = a;
    b->next = a->child;
    if (a->child)
        a->child->prev = b;
    a->child = b;
    return a;
}

/* Takes the first two off a list of siblings; the rest is left in *list. */
static Timer *meld_pair(Timer **list)
{
    Timer *a = *list;
    Timer *b = a->next;
    *list = b ? b->next : NULL;
    a->next = a->prev = NULL;
    if (b)
        b->next = b->prev = NULL;
    return meld(a, b);
}

/* Pairs from left to right, then joins from right to left: the order that makes it O(log n). */
static Timer *meld_all(Timer *list)
{
    Timer *pairs = NULL; /* a stack through next */
    while (list) {
        Timer *pair = meld_pair(&list);
        pair->next = pairs;
        pairs = pair;
    }
    Timer *root = NULL;
    while (pairs) {
        Timer *rest = pairs->next;
        pairs->next = NULL;
        root = meld(root, pairs);
        pairs = rest;
    }
    return root;
}

void timer_heap_add(TimerHeap *heap, Timer *timer)
{
    timer->child = timer->next = timer->prev = NULL;
    timer->set = true;
    heap->first = meld(heap->first, timer);
    heap->count++;
}

static void cut(Timer *timer)
{
    if (timer->prev->child == timer)
        timer->prev->child = timer->next;
    else
        timer->prev->next = timer->next;
    if (timer->next)
        timer->next->prev = timer->prev;
    timer->next = timer->prev = NULL;
}

void timer_heap_remove(TimerHeap *heap, Timer *timer)
{
    Timer *below = meld_all(timer->child);
    if (heap->first == timer) {
        heap->first = below;
    } else {
        cut(timer);
        heap->first = meld(heap->first, below);
    }
    timer->child = NULL;
    timer->set = false;
    heap->count--;
}
