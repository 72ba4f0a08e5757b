/* buf_test.c - growing, the ceiling, sticky failure, and a failing allocator. */
#include "base/buf.h"

#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_grows_and_formats(void **state)
{
    (void)state;
    Buf buf = BUF(100000);
    for (int i = 0; i < 1000; i++)
        buf_addf(&buf, "%03d,", i);
    buf_add_byte(&buf, 33);
    buf_add_hex(&buf, "\x0f\xa0", 2);
    Err err;
    assert_true(buf_ok(&buf, &err));
    assert_int_equal(buf.len, 4005);
    assert_memory_equal(buf.ptr, "000,001,", 8);
    assert_string_equal(buf_text(&buf) + 4000, "!0fa0");
    buf_drop_front(&buf, 4000);
    assert_true(str_eq(buf_str(&buf), STR("!0fa0")));
    buf_free(&buf);
    assert_null(buf.ptr);
}

static void test_a_long_line_is_not_cut(void **state)
{
    (void)state;
    Buf buf = BUF(5000);
    buf_addf(&buf, "%0*d", 2000, 7);
    assert_int_equal(buf.len, 2000);
    assert_int_equal(buf.ptr[1999], 55);
    buf_free(&buf);
}

static void test_ceiling_is_exact_and_sticky(void **state)
{
    (void)state;
    Buf buf = BUF(70);
    for (int i = 0; i < 70; i++)
        buf_add_byte(&buf, 97);
    Err err;
    assert_true(buf_ok(&buf, &err));
    buf_add_byte(&buf, 98);
    buf_add(&buf, STR(""));
    assert_int_equal(buf.len, 70);
    assert_false(buf_ok(&buf, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    buf_clear(&buf);
    buf_add(&buf, STR("again"));
    assert_true(buf_ok(&buf, &err));
    buf_free(&buf);
}

static void test_no_memory_is_an_error(void **state)
{
    (void)state;
    Buf buf = BUF(1000);
    starve_after(1);
    buf_add(&buf, STR("kept"));
    buf_addf(&buf, "%0*d", 500, 1);
    starve_end();
    Err err;
    assert_false(buf_ok(&buf, &err));
    assert_int_equal(err.kind, ERR_MEMORY);
    assert_true(str_eq(buf_str(&buf), STR("kept")));
    buf_free(&buf);
    assert_int_equal(starve_live(), 0);
}

static void test_code_points_are_utf8(void **state)
{
    (void)state;
    static const struct {
        uint32_t code;
        const char *text;
    } rows[] = {
        { 'a', "a" },
        { 0x7F, "\x7f" },
        { 0x80, "\xc2\x80" },
        { 0x7FF, "\xdf\xbf" },
        { 0x800, "\xe0\xa0\x80" },
        { 0xFFFD, "\xef\xbf\xbd" },
        { 0x10000, "\xf0\x90\x80\x80" },
        { 0x10FFFF, "\xf4\x8f\xbf\xbf" },
        { 0xD800, "\xef\xbf\xbd" },
        { 0xDFFF, "\xef\xbf\xbd" },
        { 0x110000, "\xef\xbf\xbd" },
        { UINT32_MAX, "\xef\xbf\xbd" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Buf buf = BUF(8);
        buf_add_utf8(&buf, rows[i].code);
        assert_true(str_eq(buf_str(&buf), str_from(rows[i].text)));
        assert_true(utf8_valid(buf_str(&buf)));
        buf_free(&buf);
    }
}

static void test_exact_room_and_giving_back(void **state)
{
    (void)state;
    Buf buf = BUF(1000);
    assert_non_null(buf_reserve_exact(&buf, 100));
    assert_int_equal(buf.cap, 100);
    buf_add(&buf, STR("hello"));
    assert_non_null(buf_reserve_exact(&buf, 95)); /* it is there */
    assert_non_null(buf_reserve_exact(&buf, 96));
    assert_int_equal(buf.cap, 101);
    buf_shrink(&buf);
    assert_int_equal(buf.cap, 5);
    assert_true(str_eq(buf_str(&buf), STR("hello")));
    assert_non_null(buf_reserve_exact(&buf, 5));
    buf_shrink(&buf); /* half is used: not worth it */
    assert_int_equal(buf.cap, 10);
    assert_non_null(buf_reserve_exact(&buf, 995));
    assert_null(buf_reserve_exact(&buf, 996));
    assert_true(buf.over_max);
    buf_free(&buf);

    starve_after(1);
    assert_non_null(buf_reserve_exact(&buf, 100));
    buf_add_byte(&buf, 'x');
    buf_shrink(&buf); /* refused: as it was */
    assert_int_equal(buf.cap, 100);
    starve_after(0);
    assert_null(buf_reserve_exact(&buf, 100));
    assert_true(buf.failed && !buf.over_max);
    starve_end();
    buf_free(&buf);
}

static void test_a_purse_is_charged_before_memory_is_taken(void **state)
{
    (void)state;
    Err err;
    Budget budget;
    budget_init(&budget, 1600);
    Purse *bodies = budget_purse(&budget, BUDGET_BODIES);
    Purse *batches = budget_purse(&budget, BUDGET_BATCHES);
    Buf buf = { .max = 1 << 20, .purse = bodies };
    assert_non_null(buf_reserve(&buf, 1000)); /* doubling takes 1024 */
    buf.len = 1000;
    assert_int_equal(budget_use(&budget).by_owner[BUDGET_BODIES], buf.cap);
    assert_non_null(buf_reserve(&buf, 300)); /* not 2048, but what is needed */
    buf.len = 1300;
    assert_int_equal(buf.cap, 1300);
    assert_null(buf_reserve(&buf, 1));
    assert_false(buf_ok(&buf, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    assert_int_equal(budget_use(&budget).used, 1300);

    buf.len = 500;
    buf_shrink(&buf);
    assert_int_equal(budget_use(&budget).used, 500);
    assert_true(buf_charge(&buf, batches));
    assert_int_equal(budget_use(&budget).by_owner[BUDGET_BATCHES], 500);
    assert_int_equal(budget_use(&budget).used, 500);
    assert_true(buf_charge(&buf, NULL));
    assert_int_equal(budget_use(&budget).used, 0);
    assert_true(purse_take(bodies, 1000));
    assert_false(buf_charge(&buf, batches));
    assert_null(buf.purse);
    buf_free(&buf);

    Buf forced = { .max = 1 << 20, .purse = batches, .forced = true };
    assert_non_null(buf_reserve(&forced, 1000));
    assert_true(budget_use(&budget).used >= 2000);
    buf_free(&forced);
    purse_give(bodies, 1000);
    assert_int_equal(budget_use(&budget).used, 0);
}

static void test_what_the_allocator_refuses_is_not_charged(void **state)
{
    (void)state;
    Budget budget;
    budget_init(&budget, 1 << 20);
    Buf buf = { .max = 1 << 20, .purse = budget_purse(&budget, BUDGET_BODIES) };
    starve_after(0);
    assert_null(buf_reserve(&buf, 100));
    starve_after(-1);
    assert_false(buf.over_budget);
    assert_int_equal(budget_use(&budget).used, 0);
    buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_and_formats),
        cmocka_unit_test(test_a_long_line_is_not_cut),
        cmocka_unit_test(test_code_points_are_utf8),
        cmocka_unit_test(test_ceiling_is_exact_and_sticky),
        cmocka_unit_test(test_exact_room_and_giving_back),
        cmocka_unit_test(test_no_memory_is_an_error),
        cmocka_unit_test(test_a_purse_is_charged_before_memory_is_taken),
        cmocka_unit_test(test_what_the_allocator_refuses_is_not_charged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
