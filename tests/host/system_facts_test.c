/* What system_facts reads of a machine, and what it makes of one that does not say. */
#include "host/system_facts.h"
#include "support/starve.h"
#include "support/test_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *path;
    Str text;
} files[] = {
    { "/proc/sys/kernel/hostname", STR_ROW("box\n") },
    { "/proc/sys/kernel/osrelease", STR_ROW("6.1.0-17-amd64\n") },
    { "/proc/sys/kernel/version", STR_ROW("#1 SMP Debian\n") },
    { "/etc/machine-id", STR_ROW("0123456789abcdef\n") },
    { "/etc/hosts", STR_ROW("# box.comment\n127.0.0.1\tlocalhost other.local\n\n"
                            "192.0.2.1 \t box.example.com  Box # box.late\n") },
    { "/etc/os-release",
      STR_ROW("PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\n"
              "VERSION_ID=\"12\"\nID=debian\n") },
    { "/proc/cpuinfo",
      STR_ROW("processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\n"
              "model name\t: Intel(R) Xeon(R)\nstepping\t: 7\ncache size\t: 36608 KB\n\n"
              "processor\t: 1\nvendor_id\t: other\n") },
    { "/proc/net/fib_trie",
      STR_ROW("Main:\n  +-- 0.0.0.0/0\n     |-- 0.0.0.0\n        /0 universe UNICAST\n"
              "     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 192.0.2.1\n"
              "        /32 host LOCAL\n     |-- 192.0.2.255\n        /32 link BROADCAST\n"
              "Local:\n     |-- 192.0.2.1\n        /32 host LOCAL\n") },
    { "/proc/net/if_inet6",
      STR_ROW("00000000000000000000000000000001 01 80 10 80       lo\n"
              "fe8000000000000000420a00fe000002 02 40 20 80     eth0\n"
              "20010db8000000010000000000000001 02 40 20 80     eth0\nwrong\n") },
    { "/proc/net/dev", STR_ROW("Inter-|\n face |\n"
                               "    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
                               "  eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
                               "  gone: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n") },
    { "/sys/class/net/lo/address", STR_ROW("00:00:00:00:00:00\n") },
    { "/sys/class/net/eth0/address", STR_ROW("02:42:ac:11:00:0f\n") },
};

static TestDisk *make_machine(void)
{
    TestDisk *disk = test_disk_new(1);
    for (size_t i = 0; i < COUNT_OF(files); i++)
        test_disk_put(disk, files[i].path, files[i].text);
    return disk;
}

/* NULL: it cannot be known. */
static void check(TestDisk *disk, SystemFact fact, const char *want)
{
    Err err;
    Buf got = BUF(FACT_BYTES_MAX);
    bool known = system_fact(test_disk_door(disk), fact, &got, &err);
    assert_int_equal(known, want != NULL);
    if (want)
        assert_string_equal(buf_text(&got), want);
    buf_free(&got);
}

static void test_a_machine(void **state)
{
    (void)state;
    TestDisk *disk = make_machine();
    check(disk, FACT_HOST_NAME, "box");
    check(disk, FACT_HOST_FULL_NAME, "box.example.com");
    check(disk, FACT_HOST_ID, "0123456789abcdef");
    check(disk, FACT_HOST_IPS, "192.0.2.1\nfe80::42:a00:fe00:2\n2001:db8:0:1::1");
    check(disk, FACT_HOST_MACS, "02-42-AC-11-00-0F");
    check(disk, FACT_OS_TYPE, "linux");
    check(disk, FACT_OS_NAME, "Debian GNU/Linux");
    check(disk, FACT_OS_VERSION, "12");
    check(disk, FACT_OS_BUILD, "6.1.0-17-amd64");
    check(disk, FACT_OS_DESCRIPTION,
          "Debian GNU/Linux 12 (bookworm) (Linux box 6.1.0-17-amd64 #1 SMP Debian)");
    check(disk, FACT_CPU_VENDOR, "GenuineIntel");
    check(disk, FACT_CPU_FAMILY, "6");
    check(disk, FACT_CPU_MODEL, "85");
    check(disk, FACT_CPU_MODEL_NAME, "Intel(R) Xeon(R)");
    check(disk, FACT_CPU_STEPPING, "7");
    check(disk, FACT_CPU_CACHE, "36608");
    test_disk_free(disk);
}

static void test_the_architecture_has_its_name(void **state)
{
    (void)state;
    Err err;
    Buf got = BUF(FACT_BYTES_MAX);
    assert_true(system_fact(disk_system(), FACT_HOST_ARCH, &got, &err));
#if defined(__x86_64__)
    assert_string_equal(buf_text(&got), "amd64");
#elif defined(__aarch64__)
    assert_string_equal(buf_text(&got), "arm64");
#endif
    buf_free(&got);
}

static void test_a_machine_that_does_not_say(void **state)
{
    (void)state;
    TestDisk *disk = test_disk_new(1);
    for (SystemFact fact = FACT_HOST_NAME; fact <= FACT_CPU_CACHE; fact++)
        if (fact != FACT_HOST_ARCH && fact != FACT_OS_TYPE)
            check(disk, fact, NULL);
    test_disk_put(disk, "/etc/machine-id", STR("\n"));
    check(disk, FACT_HOST_ID, NULL);
    test_disk_put(disk, "/proc/cpuinfo", STR("processor: 0\ncache size: much KB\n"));
    check(disk, FACT_CPU_CACHE, NULL);
    check(disk, FACT_CPU_VENDOR, NULL);
    test_disk_put(disk, "/proc/sys/kernel/hostname", STR("box\n"));
    test_disk_put(disk, "/etc/hosts", STR("127.0.0.1 box\n192.0.2.2 boxer.example.com boxer\n"));
    check(disk, FACT_HOST_FULL_NAME, NULL);
    test_disk_put(disk, "/proc/sys/kernel/hostname", STR("box.own\n"));
    check(disk, FACT_HOST_FULL_NAME, "box.own");
    test_disk_free(disk);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    TestDisk *disk = make_machine();
    for (SystemFact fact = FACT_HOST_NAME; fact <= FACT_CPU_CACHE; fact++) {
        long before = starve_live();
        bool hit = true;
        for (long n = 0; hit; n++) {
            Err err;
            Buf got = BUF(FACT_BYTES_MAX);
            starve_after(n);
            (void)!system_fact(test_disk_door(disk), fact, &got, &err);
            hit = starve_happened();
            starve_end();
            buf_free(&got);
        }
        assert_int_equal(starve_live(), before);
    }
    test_disk_free(disk);
}

int main(void)
{
    starve_after(-1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_machine),
        cmocka_unit_test(test_the_architecture_has_its_name),
        cmocka_unit_test(test_a_machine_that_does_not_say),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
