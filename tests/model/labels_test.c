/* labels_test.c - order, lookup and comparison of label sets. */
#include "model/labels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define L(name, value)                \
    {                                 \
        STR_ROW(name), STR_ROW(value) \
    }
#define SET(array) ((Labels){ array, sizeof(array) / sizeof((array)[0]) })

static void sorting_makes_a_set(void **state)
{
    (void)state;
    Label labels[] = { L("job", "a"), L("__name__", "up"), L("empty", ""), L("job", "b"),
                       L("az", "1") };
    size_t count = labels_sort(labels, 5);
    static const Label want[] = { L("__name__", "up"), L("az", "1"), L("job", "b") };
    assert_int_equal(count, 3);
    assert_true(labels_eq((Labels){ labels, count }, SET(want)));
    Label gone[] = { L("job", "a"), L("job", "") };
    assert_int_equal(labels_sort(gone, 2), 0); /* the last one is empty, so there is none */
    assert_int_equal(labels_sort(NULL, 0), 0);
}

static void every_label_is_found(void **state)
{
    (void)state;
    static const Label set[] = { L("a", "1"), L("b", "2"), L("c", "3"), L("cc", "4") };
    for (size_t i = 0; i < 4; i++)
        assert_true(str_eq(labels_get(SET(set), set[i].name), set[i].value));
    assert_int_equal(labels_get(SET(set), STR("")).len, 0);
    assert_int_equal(labels_get(SET(set), STR("bb")).len, 0);
    assert_int_equal(labels_get(SET(set), STR("d")).len, 0);
    assert_int_equal(labels_get((Labels){ NULL, 0 }, STR("a")).len, 0);
}

static void order_and_hash_follow_the_content(void **state)
{
    (void)state;
    static const Label a[] = { L("a", "1"), L("b", "2") };
    static const Label same[] = { L("a", "1"), L("b", "2") };
    static const Label shorter[] = { L("a", "1") };
    static const Label later[] = { L("a", "1"), L("b", "3") };
    static const Label moved[] = { L("a", "2"), L("b", "1") };
    assert_int_equal(labels_compare(SET(a), SET(same)), 0);
    assert_int_equal(labels_hash(SET(a)), labels_hash(SET(same)));
    assert_true(labels_compare(SET(shorter), SET(a)) < 0);
    assert_true(labels_compare(SET(later), SET(a)) > 0);
    assert_false(labels_eq(SET(a), SET(shorter)));
    assert_false(labels_eq(SET(a), SET(later)));
    assert_int_not_equal(labels_hash(SET(a)), labels_hash(SET(later)));
    assert_int_not_equal(labels_hash(SET(a)), labels_hash(SET(moved)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorting_makes_a_set),
        cmocka_unit_test(every_label_is_found),
        cmocka_unit_test(order_and_hash_follow_the_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
