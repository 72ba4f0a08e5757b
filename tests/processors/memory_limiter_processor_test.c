/* How often memory_limiter asks for memory to be given back: each time it reads its own memory once
 * more, which the disk counts. */
#include "base/log.h"
#include "pipe/host_base.h"
#include "support/test_disk.h"
#include "support/test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

extern const ComponentType memory_limiter_processor;

static void set_memory(TestDisk *disk, unsigned mib)
{
    char text[64];
    snprintf(text, sizeof text, "VmRSS: %u kB\n", mib * 1024);
    test_disk_put(disk, "/proc/self/status", str_from(text));
}

/* A digit a second: how often memory was read. */
static void look(TestHost *host, TestDisk *disk, uint64_t per_read, const char *want)
{
    char got[64] = "";
    for (size_t i = 0; i < strlen(want); i++) {
        uint64_t before = test_disk_calls(disk);
        test_host_tick(host, NANOS_PER_SECOND);
        got[i] = (char)('0' + (test_disk_calls(disk) - before) / per_read);
    }
    assert_string_equal(got, want);
}

static void test_gives_back_less_often_in_vain(void **state)
{
    (void)state;
    Err err;
    TestDisk *disk = test_disk_new(1);
    set_memory(disk, 50);
    TestHost *host = test_host_new(
        &memory_limiter_processor,
        STR("{check_interval: 1s, limit_mib: 100, max_gc_interval_when_soft_limited: 60s, "
            "max_gc_interval_when_hard_limited: 5s}"),
        NULL, &err);
    assert_non_null(host);
    test_host_host(host)->disk = test_disk_door(disk);
    uint64_t before = test_disk_calls(disk);
    assert_true(test_host_start(host, &err)); /* reads twice: whether it can, and the first look */
    uint64_t per_read = (test_disk_calls(disk) - before) / 2;
    look(host, disk, per_read, "11");
    set_memory(disk, 200);
    look(host, disk, per_read, "21211121111211112111121111"); /* 2, then 4, then 5 seconds */
    set_memory(disk, 50);
    look(host, disk, per_read, "1");
    set_memory(disk, 200);
    look(host, disk, per_read, "212111"); /* it came down, so it begins anew */
    test_host_free(host);
    test_disk_free(disk);
}

int main(void)
{
    log_set_level(LOG_OFF);
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_gives_back_less_often_in_vain) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
