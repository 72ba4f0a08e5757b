/* Label sets kept once: taking, dropping and finding against a plain list, and without memory. */
#include "store/label_table.h"

#include "base/random.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { NAMES = 5, JOBS = 40, ROUNDS = 4000 };

typedef struct Numbered {
    char name[16], job[16];
    Label labels[2];
} Numbered;

static Labels labels_of(Numbered *set, int number)
{
    snprintf(set->name, sizeof set->name, "m%d", number % NAMES);
    snprintf(set->job, sizeof set->job, "j%02d", number / NAMES);
    set->labels[0] = (Label){ STR(LABEL_METRIC_NAME), str_from(set->name) };
    set->labels[1] = (Label){ STR("job"), str_from(set->job) };
    return (Labels){ set->labels, 2 };
}

static size_t count_of(LabelTable *table, LabelMatcher matcher)
{
    Err err;
    LabelMatch match;
    LabelSets sets;
    assert_true(label_match_init(&match, &matcher, 1, &err));
    assert_true(label_table_select(table, &match, &sets, &err));
    for (size_t i = 1; i < sets.count; i++)
        assert_true(labels_compare(sets.ptr[i - 1]->labels, sets.ptr[i]->labels) < 0);
    size_t count = sets.count;
    label_sets_done(table, &sets);
    label_match_done(&match);
    return count;
}

static LabelSet *held[NAMES * JOBS][8];
static int held_count[NAMES * JOBS];

static void take_one(LabelTable *table, int number)
{
    Err err;
    Numbered text;
    size_t added = 0;
    if (held_count[number] == 8)
        return;
    LabelSet *set = label_table_take(table, labels_of(&text, number), &added, &err);
    assert_non_null(set);
    assert_int_equal(added > 0, held_count[number] == 0);
    assert_true(!held_count[number] || held[number][0] == set);
    assert_true(labels_eq(set->labels, labels_of(&text, number)));
    held[number][held_count[number]++] = set;
}

static void drop_one(LabelTable *table, int number)
{
    if (held_count[number])
        label_table_drop(table, &held[number][--held_count[number]], 1);
}

static void compare(LabelTable *table, int name)
{
    char text[16];
    snprintf(text, sizeof text, "m%d", name);
    size_t of_name = 0, all = 0;
    for (int i = 0; i < NAMES * JOBS; i++) {
        of_name += held_count[i] && i % NAMES == name;
        all += held_count[i] > 0;
    }
    assert_int_equal(label_table_numbers(table).sets, all);
    Str index = STR(LABEL_METRIC_NAME), value = str_from(text);
    assert_int_equal(count_of(table, (LabelMatcher){ LABEL_EQUAL, index, value }), of_name);
    assert_int_equal(count_of(table, (LabelMatcher){ LABEL_NOT_EQUAL, index, value }),
                     all - of_name);
    assert_int_equal(count_of(table, (LabelMatcher){ LABEL_REGEX, index, STR("m.*") }), all);
    assert_int_equal(count_of(table, (LabelMatcher){ LABEL_EQUAL, STR("job"), STR("none") }), 0);
}

static void a_set_is_kept_once_and_leaves_with_the_last_who_has_it(void **state)
{
    (void)state;
    Err err;
    LabelTable table;
    Random random;
    random_seed(&random, 5);
    starve_after(-1);
    long before = starve_live();
    assert_true(label_table_init(&table, STR(LABEL_METRIC_NAME), &err));
    for (int i = 0; i < ROUNDS; i++) {
        int number = (int)random_below(&random, NAMES * JOBS);
        /* For a while it grows, then it shrinks. */
        if (random_below(&random, 10) < (i < ROUNDS / 2 ? 7U : 2U))
            take_one(&table, number);
        else
            drop_one(&table, number);
        if (i % 100 == 0)
            compare(&table, (int)random_below(&random, NAMES));
    }
    for (int i = 0; i < NAMES * JOBS; i++)
        while (held_count[i])
            drop_one(&table, i);
    assert_int_equal(label_table_numbers(&table).sets, 0);
    assert_int_equal(label_table_numbers(&table).memory, 0);
    label_table_done(&table);
    assert_int_equal(starve_live(), before);
    starve_end();
}

static void take_many(void)
{
    Err err;
    LabelTable table;
    LabelSet *sets[80];
    size_t count = 0, added = 0;
    if (!label_table_init(&table, STR(LABEL_METRIC_NAME), &err))
        return;
    for (int i = 0; i < 80; i++) {
        Numbered text;
        sets[count] = label_table_take(&table, labels_of(&text, i), &added, &err);
        count += sets[count] != NULL;
    }
    assert_int_equal(label_table_numbers(&table).sets, count);
    label_table_drop(&table, sets, count);
    assert_int_equal(label_table_numbers(&table).memory, 0);
    label_table_done(&table);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(starve_every(take_many) > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_is_kept_once_and_leaves_with_the_last_who_has_it),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("label table", tests, NULL, NULL);
}
