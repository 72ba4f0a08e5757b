/* map_test.c - against a plain array as the model, with removals and a failing allocator. */
#include "base/map.h"

#include "base/random.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { KEYS = 200 };

static char names[KEYS][8];
static int values[KEYS];

static int name_all(void **state)
{
    (void)state;
    for (int i = 0; i < KEYS; i++)
        snprintf(names[i], sizeof names[i], "key%d", i);
    return 0;
}

static void check(const Map *map, const bool *there)
{
    size_t count = 0;
    for (int i = 0; i < KEYS; i++) {
        assert_ptr_equal(map_get(map, str_from(names[i])), there[i] ? &values[i] : NULL);
        count += there[i];
    }
    assert_int_equal(map->count, count);
    const MapEntry *entry;
    size_t walked = 0;
    for (size_t cursor = 0; map_next(map, &cursor, &entry); walked++)
        assert_string_equal(names[(int *)entry->value - values], entry->key.ptr);
    assert_int_equal(walked, count);
}

static void test_against_a_model(void **state)
{
    (void)state;
    Map map = MAP(KEYS);
    bool there[KEYS] = { false };
    Random random;
    random_seed(&random, 42);
    for (int step = 0; step < 5000; step++) {
        size_t i = random_below(&random, KEYS);
        Str key = str_from(names[i]);
        Err err;
        if (random_below(&random, 3)) {
            assert_true(map_put(&map, key, &values[i], &err));
            there[i] = true;
        } else {
            assert_ptr_equal(map_take(&map, key), there[i] ? &values[i] : NULL);
            there[i] = false;
        }
        if (step % 100 == 0)
            check(&map, there);
    }
    check(&map, there);
    map_free(&map);
}

static void test_order_and_limit(void **state)
{
    (void)state;
    Map map = MAP(3);
    Err err;
    for (int i = 0; i < 3; i++)
        assert_true(map_put(&map, str_from(names[2 - i]), &values[2 - i], &err));
    assert_false(map_put(&map, str_from(names[9]), &values[9], &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_true(map_put(&map, str_from(names[0]), &values[5], &err)); /* replacing is no growth */
    const MapEntry *entry;
    size_t cursor = 0;
    assert_true(map_next(&map, &cursor, &entry) && str_eq(entry->key, STR("key2")));
    assert_true(map_next(&map, &cursor, &entry) && str_eq(entry->key, STR("key1")));
    assert_true(map_next(&map, &cursor, &entry) && entry->value == &values[5]);
    map_free(&map);
}

static void test_every_allocation_failing(void **state)
{
    (void)state;
    for (long n = 0, ok = 0; !ok; n++) {
        Map map = MAP(KEYS);
        Err err = { 0 };
        int put = 0;
        starve_after(n);
        while (put < 40 && map_put(&map, str_from(names[put]), &values[put], &err))
            put++;
        starve_end();
        ok = put == 40;
        for (int i = 0; i < put; i++)
            assert_ptr_equal(map_get(&map, str_from(names[i])), &values[i]);
        map_free(&map);
        assert_int_equal(starve_live(), 0);
    }
}

static void test_a_purse_pays_for_growing(void **state)
{
    (void)state;
    Err err;
    Budget budget;
    budget_init(&budget, 8000);
    Map map = { .max = KEYS, .purse = budget_purse(&budget, BUDGET_CACHES) };
    bool there[KEYS] = { false };
    int i = 0;
    while (i < KEYS && map_put(&map, str_from(names[i]), &values[i], &err))
        there[i++] = true;
    assert_in_range(i, 8, KEYS - 1);
    assert_int_equal(err.kind, ERR_BUSY);
    assert_in_range(budget_use(&budget).by_owner[BUDGET_CACHES], (size_t)i * sizeof(MapEntry),
                    2000);
    check(&map, there);
    map_free(&map);
    assert_int_equal(budget_use(&budget).used, 0);
    assert_true(map_put(&map, str_from(names[0]), &values[0], &err));
    map_free(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_a_model),
        cmocka_unit_test(test_order_and_limit),
        cmocka_unit_test(test_every_allocation_failing),
        cmocka_unit_test(test_a_purse_pays_for_growing),
    };
    return cmocka_run_group_tests(tests, name_all, NULL);
}
