/* The budget: all or nothing, each kind within its reach and share, and right when many threads
 * charge it. */
#include "base/budget.h"

#include "base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { LIMIT = 1600 }; /* a part is 100 */

static void a_charge_is_taken_whole_or_refused(void **state)
{
    (void)state;
    Budget budget;
    budget_init(&budget, LIMIT);
    Purse *bodies = budget_purse(&budget, BUDGET_BODIES);
    assert_true(purse_take(bodies, 1200));
    assert_false(purse_take(bodies, 101));
    assert_true(purse_has(bodies, 100));
    assert_false(purse_has(bodies, 101));
    assert_true(purse_take(bodies, 100));
    assert_true(purse_take(bodies, 0));
    assert_false(purse_take(bodies, SIZE_MAX));
    BudgetUse use = budget_use(&budget);
    assert_int_equal(use.used, 1300);
    assert_int_equal(use.by_owner[BUDGET_BODIES], 1300);
    assert_int_equal(use.refused, 2);
    purse_give(bodies, 1300);
    use = budget_use(&budget);
    assert_int_equal(use.used, 0);
    assert_int_equal(use.peak, 1300);
}

static void nobody_starves_those_after_it(void **state)
{
    (void)state;
    Budget budget;
    budget_init(&budget, LIMIT);
    assert_true(purse_take(budget_purse(&budget, BUDGET_BODIES), 1300));
    assert_false(purse_take(budget_purse(&budget, BUDGET_BATCHES), 1));
    assert_true(purse_take(budget_purse(&budget, BUDGET_QUERIES), 100));
    assert_false(purse_take(budget_purse(&budget, BUDGET_QUERIES), 1));
    assert_true(purse_take(budget_purse(&budget, BUDGET_CONNECTIONS), 100));
    assert_false(purse_take(budget_purse(&budget, BUDGET_CONNECTIONS), 1));
    assert_true(purse_take(budget_purse(&budget, BUDGET_VITAL), 100));
    assert_false(purse_take(budget_purse(&budget, BUDGET_VITAL), 1));
    assert_int_equal(budget_use(&budget).used, LIMIT);
}

static void what_divides_holds_alone_too(void **state)
{
    (void)state;
    Budget budget;
    budget_init(&budget, LIMIT);
    Purse *queries = budget_purse(&budget, BUDGET_QUERIES);
    assert_true(purse_take(queries, 400));
    assert_false(purse_take(queries, 1));
    assert_true(purse_take(budget_purse(&budget, BUDGET_BODIES), 900));
}

static void what_is_held_may_pass_the_reach(void **state)
{
    (void)state;
    Budget budget;
    budget_init(&budget, LIMIT);
    Purse *bodies = budget_purse(&budget, BUDGET_BODIES);
    Purse *batches = budget_purse(&budget, BUDGET_BATCHES);
    assert_true(purse_take(bodies, 1300));
    purse_move(bodies, batches, 1300);
    purse_force(batches, 400);
    BudgetUse use = budget_use(&budget);
    assert_int_equal(use.used, 1700);
    assert_int_equal(use.by_owner[BUDGET_BODIES], 0);
    assert_int_equal(use.by_owner[BUDGET_BATCHES], 1700);
    assert_false(purse_take(budget_purse(&budget, BUDGET_VITAL), 1));
    purse_give(batches, 1700);
    assert_true(purse_take(bodies, 1));
}

static void what_nobody_claims_is_held_too(void **state)
{
    (void)state;
    Budget budget;
    budget_init(&budget, LIMIT);
    Purse *bodies = budget_purse(&budget, BUDGET_BODIES);
    assert_true(purse_take(bodies, 500));
    assert_int_equal(budget_set_resident(&budget, 900), 400);
    assert_int_equal(budget_use(&budget).used, 900);
    assert_false(purse_take(bodies, 401));
    purse_give(bodies, 500);
    assert_int_equal(budget_set_resident(&budget, 600), 600);
    assert_true(purse_take(bodies, 700));
    assert_int_equal(budget_set_resident(&budget, 650), 0); /* taken, not yet written to */
    assert_int_equal(budget_use(&budget).used, 700);
}

static void without_a_budget_everything_fits(void **state)
{
    (void)state;
    Purse *none = budget_purse(NULL, BUDGET_BODIES);
    assert_null(none);
    assert_true(purse_take(none, SIZE_MAX));
    assert_true(purse_has(none, SIZE_MAX));
    purse_force(none, 1);
    purse_move(none, none, 1);
    purse_give(none, 1);
    Budget budget;
    budget_init(&budget, SIZE_MAX);
    assert_true(purse_take(budget_purse(&budget, BUDGET_VITAL), SIZE_MAX / 16));
    assert_string_equal(budget_owner_name(BUDGET_QUERIES), "queries");
}

static void a_limit_may_move(void **state)
{
    (void)state;
    Budget budget;
    budget_init(&budget, LIMIT);
    Purse *bodies = budget_purse(&budget, BUDGET_BODIES);
    assert_true(purse_take(bodies, 1000));
    budget_set_limit(&budget, 800);
    assert_false(purse_take(bodies, 1));
    purse_give(bodies, 1000);
    assert_true(purse_take(bodies, 650));
    assert_int_equal(budget_use(&budget).limit, 800);
}

static void charge_and_return(void *argument)
{
    Purse *purse = argument;
    for (int i = 0; i < 20000; i++) {
        if (purse_take(purse, 7))
            purse_give(purse, 7);
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
        assert_true(thread_start(&threads[i], "budget", charge_and_return,
                                 budget_purse(&budget, BUDGET_BODIES), &err));
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        thread_join(&threads[i]);
    assert_int_equal(budget_use(&budget).used, 0);
    assert_true(budget_use(&budget).peak <= 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_charge_is_taken_whole_or_refused),
        cmocka_unit_test(nobody_starves_those_after_it),
        cmocka_unit_test(what_divides_holds_alone_too),
        cmocka_unit_test(what_is_held_may_pass_the_reach),
        cmocka_unit_test(what_nobody_claims_is_held_too),
        cmocka_unit_test(without_a_budget_everything_fits),
        cmocka_unit_test(a_limit_may_move),
        cmocka_unit_test(threads_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
