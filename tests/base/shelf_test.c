/* shelf_test.c - what is put is taken once, never more than there are places. */
#include "base/shelf.h"

#include "base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { THREADS = 4, ROUNDS = 20000 };

static void it_holds_what_it_has_places_for(void **state)
{
    (void)state;
    static Shelf shelf;
    char items[SHELF_SLOTS + 1];
    assert_null(shelf_take(&shelf));
    for (size_t i = 0; i < SHELF_SLOTS; i++)
        assert_true(shelf_put(&shelf, &items[i]));
    assert_false(shelf_put(&shelf, &items[SHELF_SLOTS]));
    bool seen[SHELF_SLOTS] = { false };
    for (size_t i = 0; i < SHELF_SLOTS; i++) {
        const char *item = shelf_take(&shelf);
        assert_non_null(item);
        assert_false(seen[item - items]);
        seen[item - items] = true;
    }
    assert_null(shelf_take(&shelf));
}

typedef struct Thing {
    int users, rounds; /* plain: two holders at once are a race, which tsan reports */
} Thing;

static Shelf shared;

static void take_and_put(void *argument)
{
    (void)argument;
    for (size_t i = 0; i < ROUNDS; i++) {
        Thing *thing = shelf_take(&shared);
        if (!thing)
            continue;
        if (++thing->users != 1)
            abort();
        thing->rounds++;
        thing->users--;
        if (!shelf_put(&shared, thing))
            abort();
    }
}

static void a_thing_has_one_holder_at_a_time(void **state)
{
    (void)state;
    Thing things[2] = { { 0, 0 }, { 0, 0 } };
    Thread threads[THREADS] = { 0 };
    Err err;
    assert_true(shelf_put(&shared, &things[0]) && shelf_put(&shared, &things[1]));
    for (size_t i = 0; i < THREADS; i++)
        assert_true(thread_start(&threads[i], "shelf", take_and_put, NULL, &err));
    for (size_t i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
    assert_true(things[0].rounds + things[1].rounds > 0);
    assert_non_null(shelf_take(&shared));
    assert_non_null(shelf_take(&shared));
    assert_null(shelf_take(&shared));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_holds_what_it_has_places_for),
        cmocka_unit_test(a_thing_has_one_holder_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
