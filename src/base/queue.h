/* queue.h - a bounded queue of pointers between threads; any number of both kinds of ends.
 *
 * What crosses threads is a message in one of these. A full queue refuses at once: waiting,
 * dropping or refusing upstream is the caller's choice. Closing wakes every waiter; what is inside
 * can still be taken.
 */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include "base/attributes.h"
#include "base/err.h"
#include "base/thread.h"

#include <stddef.h>

typedef struct Queue {
    Mutex mutex;
    Cond not_empty;
    void **items;
    size_t cap, count, first;
    bool closed;
} Queue;

typedef enum QueueResult { QUEUE_OK, QUEUE_FULL, QUEUE_EMPTY, QUEUE_CLOSED } QueueResult;

CHECKED bool queue_init(Queue *queue, size_t cap, Err *err);
QueueResult queue_push(Queue *queue, void *item); /* OK, FULL or CLOSED; never waits */
/* Waits until the monotonic deadline (INT64_MAX: for ever): OK, EMPTY (it passed) or CLOSED. */
QueueResult queue_pop(Queue *queue, int64_t deadline_mono_ns, void **item);
void queue_close(Queue *queue);
void queue_done(Queue *queue); /* harmless on a zeroed Queue; the items are the caller's */

#endif
