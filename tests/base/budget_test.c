/* The budget: all or nothing, and right when many threads charge it. */
#include "base/budget.h"

#include "base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_charge_is_taken_whole_or_refused(void **state)
{
    (void)state;
    Budget budget;
    budget_init(&budget, 100);
    assert_true(budget_take(&budget, 60));
    assert_false(budget_take(&budget, 41));
    assert_true(budget_take(&budget, 40));
    assert_true(budget_take(&budget, 0));
    assert_false(budget_take(&budget, SIZE_MAX));
    assert_int_equal(budget_used(&budget), 100);
    budget_give(&budget, 100);
    assert_int_equal(budget_used(&budget), 0);
}

static void charge_and_return(void *argument)
{
    Budget *budget = argument;
    for (int i = 0; i < 20000; i++) {
        if (budget_take(budget, 7))
            budget_give(budget, 7);
    }
}

static void threads_leave_nothing_behind(void **state)
{
    (void)state;
    Budget budget;
    Thread threads[4] = { 0 };
    Err err = { 0 };
    budget_init(&budget, 20);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_true(thread_start(&threads[i], "budget", charge_and_return, &budget, &err));
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        thread_join(&threads[i]);
    assert_int_equal(budget_used(&budget), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_charge_is_taken_whole_or_refused),
        cmocka_unit_test(threads_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
