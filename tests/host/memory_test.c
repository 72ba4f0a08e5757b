/* memory_test.c - machines of a few files, and what memory.h reads from each. */
#include "host/memory.h"

#include "support/starve.h"
#include "support/test_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define MIB (UINT64_C(1) << 20)

static TestDisk *machine(const char *groups)
{
    TestDisk *disk = test_disk_new(1);
    test_disk_put(disk, "/proc/self/status",
                  STR("Name:\tcryostorm\nVmRSSX:\t 9 kB\nVmRSS:\t    2048 kB\nThreads:\t3\n"));
    test_disk_put(disk, "/proc/meminfo", STR("MemTotal:        1048576 kB\nMemFree: 1 kB\n"));
    if (groups)
        test_disk_put(disk, "/proc/self/cgroup", str_from(groups));
    return disk;
}

static void expect_total(TestDisk *disk, uint64_t want)
{
    Err err = { 0 };
    uint64_t got = 0;
    if (!memory_total(test_disk_door(disk), &got, &err))
        fail_msg("%s", err.text);
    assert_int_equal(got, want);
    test_disk_free(disk);
}

static void resident_memory_is_that_of_the_kernel(void **state)
{
    (void)state;
    Err err = { 0 };
    uint64_t got = 0;
    TestDisk *disk = machine(NULL);
    assert_true(memory_resident(test_disk_door(disk), &got, &err));
    assert_int_equal(got, 2 * MIB);
    test_disk_put(disk, "/proc/self/status", STR("VmRSS:\t many kB\n"));
    assert_false(memory_resident(test_disk_door(disk), &got, &err));
    assert_string_equal(err.text, "/proc/self/status has no VmRSS");
    test_disk_free(disk);
}

static void this_machine_answers_too(void **state)
{
    (void)state;
    Err err = { 0 };
    uint64_t resident = 0, total = 0;
    assert_true(memory_resident(disk_system(), &resident, &err));
    assert_true(memory_total(disk_system(), &total, &err));
    assert_true(resident > 0 && resident < total);
}

static void without_groups_the_machine_counts(void **state)
{
    (void)state;
    expect_total(machine(NULL), 1024 * MIB);
    expect_total(machine("0::/\n"), 1024 * MIB);
    TestDisk *disk = machine("0::/\n");
    test_disk_put(disk, "/sys/fs/cgroup/memory.max", STR("max\n"));
    expect_total(disk, 1024 * MIB);
}

static void the_least_of_all_groups_above_counts(void **state)
{
    (void)state;
    TestDisk *disk = machine("0::/a/b\n");
    test_disk_put(disk, "/sys/fs/cgroup/a/b/memory.max", STR("536870912\n"));
    test_disk_put(disk, "/sys/fs/cgroup/a/memory.max", STR("268435456\n"));
    test_disk_put(disk, "/sys/fs/cgroup/memory.max", STR("max\n"));
    expect_total(disk, 256 * MIB);
}

static void groups_of_the_first_version(void **state)
{
    (void)state;
    const char *groups = "5:cpu,cpuacct:/x\n4:pids,memory:/docker/1\n0::/\n";
    TestDisk *disk = machine(groups);
    test_disk_put(disk, "/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes",
                  STR("9223372036854771712\n"));
    expect_total(disk, 1024 * MIB);
    disk = machine(groups); /* in a container the path is not there */
    test_disk_put(disk, "/sys/fs/cgroup/memory/memory.limit_in_bytes", STR("134217728\n"));
    expect_total(disk, 128 * MIB);
}

static void what_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    Err err = { 0 };
    uint64_t got = 0;
    bool failed = true;
    for (long n = 0; failed; n++) {
        TestDisk *disk = machine("0::/a\n");
        test_disk_put(disk, "/sys/fs/cgroup/a/memory.max", STR("134217728\n"));
        test_disk_fail(disk, (DiskFault){ .calls = CALL_ANY, .after = n, .code = 5 });
        bool read = memory_total(test_disk_door(disk), &got, &err);
        failed = test_disk_failed(disk);
        assert_int_equal(read, !failed);
        test_disk_free(disk);
    }
}

static void memory_that_fails_is_an_error(void **state)
{
    (void)state;
    Err err = { 0 };
    uint64_t got = 0;
    bool failed = true;
    TestDisk *disk = machine("0::/a\n");
    test_disk_put(disk, "/sys/fs/cgroup/a/memory.max", STR("134217728\n"));
    starve_after(-1);
    long before = starve_live();
    for (long n = 0; failed; n++) {
        starve_after(n);
        bool read = memory_total(test_disk_door(disk), &got, &err);
        failed = starve_happened();
        assert_int_equal(read, !failed);
        assert_int_equal(starve_live(), before);
    }
    starve_end();
    test_disk_free(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resident_memory_is_that_of_the_kernel),
        cmocka_unit_test(this_machine_answers_too),
        cmocka_unit_test(without_groups_the_machine_counts),
        cmocka_unit_test(the_least_of_all_groups_above_counts),
        cmocka_unit_test(groups_of_the_first_version),
        cmocka_unit_test(what_cannot_be_read_is_an_error),
        cmocka_unit_test(memory_that_fails_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
