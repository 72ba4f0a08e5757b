/* arena_test.c - pieces are zeroed, aligned, bounded, and end together. */
#include "base/arena.h"

#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_pieces(void **state)
{
    (void)state;
    Err err;
    starve_after(-1);
    Arena *arena = arena_new(1 << 20, &err);
    assert_non_null(arena);
    for (size_t size = 1; size < 3000; size = size * 3 / 2 + 1) {
        char *piece = arena_alloc(arena, 3, size, &err);
        assert_non_null(piece);
        assert_int_equal((uintptr_t)piece % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < 3 * size; i++)
            assert_int_equal(piece[i], 0);
        memset(piece, 255, 3 * size);
    }
    Str copy;
    assert_true(arena_copy(arena, STR("text"), &copy, &err));
    assert_string_equal(copy.ptr, "text");
    arena_reset(arena);
    assert_int_equal(arena_used(arena), 0);
    char *again = arena_alloc(arena, 1, 100, &err);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(again[i], 0);
    arena_free(arena);
    arena_free(NULL);
    assert_int_equal(starve_live(), 0);
}

static void test_limit(void **state)
{
    (void)state;
    Err err;
    Arena *arena = arena_new(1000, &err);
    assert_non_null(arena_alloc(arena, 10, 90, &err));
    assert_null(arena_alloc(arena, 1, 101, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_null(arena_alloc(arena, SIZE_MAX / 2, 3, &err));
    assert_non_null(arena_alloc(arena, 1, 100, &err));
    arena_free(arena);
}

static void test_slabs_are_charged(void **state)
{
    (void)state;
    Err err;
    Budget budget;
    budget_init(&budget, 160000);
    Arena *arena = arena_new_in(budget_purse(&budget, BUDGET_QUERIES), 1 << 20, &err);
    assert_non_null(arena_alloc(arena, 1, 30000, &err));
    assert_true(budget_use(&budget).by_owner[BUDGET_QUERIES] >= 30000);
    assert_null(arena_alloc(arena, 1, 30000, &err)); /* a quarter of it is for queries */
    assert_int_equal(err.kind, ERR_BUSY);
    assert_non_null(arena_alloc(arena, 1, 100, &err));
    arena_free(arena);
    assert_int_equal(budget_use(&budget).used, 0);
}

static void test_every_allocation_failing(void **state)
{
    (void)state;
    for (long n = 0;; n++) {
        Err err = { 0 };
        starve_after(n);
        Arena *arena = arena_new(1 << 20, &err);
        bool ok = arena != NULL;
        for (int i = 0; ok && i < 10; i++)
            ok = arena_alloc(arena, 1, 5000, &err) != NULL;
        int happened = starve_happened();
        starve_end();
        arena_free(arena);
        assert_int_equal(starve_live(), 0);
        assert_int_equal(ok, !happened);
        if (ok)
            break;
        assert_int_equal(err.kind, ERR_MEMORY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_slabs_are_charged),
        cmocka_unit_test(test_every_allocation_failing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
