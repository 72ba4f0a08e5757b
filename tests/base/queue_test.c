/* queue_test.c - order, bounds, closing, and many threads at both ends. */
#include "base/queue.h"

#include "base/clock.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_order_and_bounds(void **state)
{
    (void)state;
    Queue queue;
    Err err;
    int items[4];
    void *got;
    assert_true(queue_init(&queue, 3, &err));
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 3; i++)
            assert_int_equal(queue_push(&queue, &items[i]), QUEUE_OK);
        assert_int_equal(queue_push(&queue, &items[3]), QUEUE_FULL);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(queue_pop(&queue, 0, &got), QUEUE_OK);
            assert_ptr_equal(got, &items[i]);
        }
        assert_int_equal(queue_pop(&queue, 0, &got), QUEUE_EMPTY);
    }
    assert_int_equal(queue_push(&queue, &items[0]), QUEUE_OK);
    queue_close(&queue);
    assert_int_equal(queue_push(&queue, &items[0]), QUEUE_CLOSED);
    assert_int_equal(queue_pop(&queue, INT64_MAX, &got), QUEUE_OK);
    assert_int_equal(queue_pop(&queue, INT64_MAX, &got), QUEUE_CLOSED);
    queue_done(&queue);
}

enum { PER_THREAD = 2000, THREADS = 3 };

typedef struct Load {
    Queue queue;
    atomic_long sum, taken;
} Load;

static void producer(void *argument)
{
    Load *load = argument;
    for (intptr_t i = 1; i <= PER_THREAD;)
        i += queue_push(&load->queue, (void *)i) == QUEUE_OK;
}

static void consumer(void *argument)
{
    Load *load = argument;
    void *item;
    while (queue_pop(&load->queue, INT64_MAX, &item) == QUEUE_OK) {
        atomic_fetch_add(&load->sum, (long)(intptr_t)item);
        atomic_fetch_add(&load->taken, 1);
    }
}

static void test_threads(void **state)
{
    (void)state;
    Load load = { .sum = 0 };
    Err err;
    Thread producers[THREADS] = { 0 }, consumers[THREADS] = { 0 };
    assert_true(queue_init(&load.queue, 16, &err));
    for (int i = 0; i < THREADS; i++) {
        assert_true(thread_start(&consumers[i], "consumer", consumer, &load, &err));
        assert_true(thread_start(&producers[i], "producer", producer, &load, &err));
    }
    for (int i = 0; i < THREADS; i++)
        thread_join(&producers[i]);
    queue_close(&load.queue);
    for (int i = 0; i < THREADS; i++)
        thread_join(&consumers[i]);
    assert_int_equal(load.taken, THREADS * PER_THREAD);
    assert_int_equal(load.sum, (long)THREADS * PER_THREAD * (PER_THREAD + 1) / 2);
    queue_done(&load.queue);
}

static void test_no_memory(void **state)
{
    (void)state;
    Queue queue;
    Thread thread = { 0 };
    Err err;
    starve_after(0);
    assert_false(queue_init(&queue, 4, &err));
    assert_int_equal(err.kind, ERR_MEMORY);
    queue_done(&queue);
    starve_after(0);
    assert_false(thread_start(&thread, "none", producer, NULL, &err));
    thread_join(&thread);
    starve_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_bounds),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
