/* memory_watch_test.c - the budget's limit, and what the kernel counts beside what is charged. */
#include "cmd/memory_watch.h"

#include "base/clock.h"
#include "support/test_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MIB (UINT64_C(1) << 20)

static void the_limit_is_said_or_half_of_what_there_is(void **state)
{
    (void)state;
    MemoryWatch watch;
    TestDisk *disk = test_disk_new(1);
    test_disk_put(disk, "/proc/meminfo", STR("MemTotal:        1048576 kB\n"));
    memory_watch_start(&watch, test_disk_door(disk));
    memory_watch_set_limit(&watch, 0);
    assert_int_equal(budget_use(&watch.budget).limit, 512 * MIB);
    memory_watch_set_limit(&watch, 100 * MIB);
    assert_int_equal(budget_use(&watch.budget).limit, 100 * MIB);
    test_disk_put(disk, "/proc/meminfo", STR("nothing\n"));
    memory_watch_set_limit(&watch, 0);
    assert_int_equal(budget_use(&watch.budget).limit, 1024 * MIB);
    memory_watch_stop(&watch);
    test_disk_free(disk);
}

/* The real process has more resident than anybody has charged. */
static void what_nobody_charged_is_found(void **state)
{
    (void)state;
    MemoryWatch watch;
    memory_watch_start(&watch, disk_system());
    int64_t deadline = clock_mono_ns(clock_system()) + 10 * NANOS_PER_SECOND;
    while (!budget_use(&watch.budget).by_owner[BUDGET_UNCLAIMED] &&
           clock_mono_ns(clock_system()) < deadline)
        continue;
    assert_true(budget_use(&watch.budget).by_owner[BUDGET_UNCLAIMED] > MIB / 2);
    memory_watch_stop(&watch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_limit_is_said_or_half_of_what_there_is),
        cmocka_unit_test(what_nobody_charged_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
