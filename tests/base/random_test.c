/* random_test.c - the same seed gives the same numbers; every byte of an odd-sized fill is set. */
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_seeded(void **state)
{
    (void)state;
    Random a, b, c;
    random_seed(&a, 7);
    random_seed(&b, 7);
    random_seed(&c, 8);
    for (int i = 0; i < 100; i++) {
        uint64_t x = random_next(&a);
        assert_int_equal(x, random_next(&b));
        assert_int_not_equal(x, random_next(&c));
        assert_true(random_below(&a, 10) < 10 && random_below(&b, 10) < 10);
        random_next(&c);
    }
}

static void test_fill(void **state)
{
    (void)state;
    Random random;
    random_seed_from_system(&random);
    uint8_t seen[11] = { 0 };
    for (int i = 0; i < 64; i++) {
        uint8_t bytes[12];
        memset(bytes, 0xEE, sizeof bytes);
        random_fill(&random, bytes, 11);
        assert_int_equal(bytes[11], 0xEE);
        for (size_t j = 0; j < 11; j++)
            seen[j] |= bytes[j];
    }
    for (size_t j = 0; j < 11; j++)
        assert_int_not_equal(seen[j], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_seeded),
                                        cmocka_unit_test(test_fill) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
