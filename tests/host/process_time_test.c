/* The time that this process has used, from machines of one file. */
#include "host/process_time.h"

#include "support/test_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void both_kinds_of_time_count(void **state)
{
    (void)state;
    static const struct {
        const char *stat;
        double seconds; /* negative: an error */
    } rows[] = {
        { "7 (cryo) S 1 7 7 0 -1 4194560 9 0 0 0 150 50 0 0 20 0 9 0 1 2 3\n", 2 },
        { "7 (a) b) S 1 7 7 0 -1 4194560 9 0 0 0 100 0 0 0\n", 1 },
        { "7 (cryo) S 1 7 7 0 -1 4194560 9 0 0 0 150\n", -1 },
        { "7 cryo S 1 7 7\n", -1 },
        { "", -1 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err;
        double got = 0;
        TestDisk *disk = test_disk_new(1);
        test_disk_put(disk, "/proc/self/stat", str_from(rows[i].stat));
        bool read = process_cpu_seconds(test_disk_door(disk), &got, &err);
        assert_int_equal(read, rows[i].seconds >= 0);
        assert_true(!read || (got > rows[i].seconds - 0.001 && got < rows[i].seconds + 0.001));
        test_disk_free(disk);
    }
}

static void this_machine_answers_too(void **state)
{
    (void)state;
    Err err;
    double seconds = -1;
    assert_true(process_cpu_seconds(disk_system(), &seconds, &err));
    assert_true(seconds >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_kinds_of_time_count),
        cmocka_unit_test(this_machine_answers_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
