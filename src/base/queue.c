/* queue.c - a ring under one mutex; see queue.h. */
#include "base/queue.h"

#include "base/mem.h"

#include <stdint.h>

bool queue_init(Queue *queue, size_t cap, Err *err)
{
    *queue = (Queue){ .cap = cap };
    queue->items = MEM_MAKE(void *, cap, err);
    if (!queue->items)
        return false;
    mutex_init(&queue->mutex);
    cond_init(&queue->not_empty);
    return true;
}

QueueResult queue_push(Queue *queue, void *item)
{
    mutex_lock(&queue->mutex);
    QueueResult result = queue->closed                ? QUEUE_CLOSED
                         : queue->count == queue->cap ? QUEUE_FULL
                                                      : QUEUE_OK;
    if (result == QUEUE_OK) {
        queue->items[(queue->first + queue->count) % queue->cap] = item;
        queue->count++;
        cond_signal(&queue->not_empty);
    }
    mutex_unlock(&queue->mutex);
    return result;
}

static bool wait_for_item(Queue *queue, int64_t deadline)
{
    if (deadline == INT64_MAX) {
        cond_wait(&queue->not_empty, &queue->mutex);
        return true;
    }
    return cond_wait_until(&queue->not_empty, &queue->mutex, deadline);
}

QueueResult queue_pop(Queue *queue, int64_t deadline_mono_ns, void **item)
{
    QueueResult result = QUEUE_OK;
    mutex_lock(&queue->mutex);
    while (!queue->count && result == QUEUE_OK) {
        if (queue->closed)
            result = QUEUE_CLOSED;
        else if (!wait_for_item(queue, deadline_mono_ns) && !queue->count)
            result = queue->closed ? QUEUE_CLOSED : QUEUE_EMPTY;
    }
    if (result == QUEUE_OK) {
        *item = queue->items[queue->first];
        queue->first = (queue->first + 1) % queue->cap;
        queue->count--;
    }
    mutex_unlock(&queue->mutex);
    return result;
}

void queue_close(Queue *queue)
{
    mutex_lock(&queue->mutex);
    queue->closed = true;
    cond_broadcast(&queue->not_empty);
    mutex_unlock(&queue->mutex);
}

void queue_done(Queue *queue)
{
    if (!queue->items)
        return;
    mem_free(queue->items);
    queue->items = NULL;
    cond_done(&queue->not_empty);
    mutex_done(&queue->mutex);
}
