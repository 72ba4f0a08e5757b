/* What proc_text.h reads from files as kernels of several ages write them, and from rubbish. */
#include "host/proc_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* --- stat ------------------------------------------------------------------------------------ */

static void every_processor_is_told(void **state)
{
    (void)state;
    Str rest = STR("cpu  30 2 3 4 5 6 7 8 9 10\n" /* 6.1 */
                   "cpu0 10 2 3 4 5 6 7 8 9 10\n"
                   "cpu12 20 0 0 18446744073709551615 0 0 0 0 0 0\n"
                   "intr 12345 0 9\nctxt 1\nbtime 1700000000\nprocesses 4\n");
    Str text = rest;
    CpuTimes times;
    uint64_t boot = 0;
    assert_true(proc_cpu_next(&rest, &times));
    assert_true(str_eq(times.name, STR("cpu0")));
    assert_int_equal(times.ticks[CPU_USER], 10);
    assert_int_equal(times.ticks[CPU_WAIT], 5);
    assert_int_equal(times.ticks[CPU_STEAL], 8);
    assert_true(proc_cpu_next(&rest, &times));
    assert_true(str_eq(times.name, STR("cpu12")));
    assert_true(times.ticks[CPU_IDLE] == UINT64_MAX);
    assert_false(proc_cpu_next(&rest, &times));
    assert_true(proc_boot_time(text, &boot));
    assert_int_equal(boot, 1700000000);
}

static void old_kernels_have_fewer_fields(void **state)
{
    (void)state;
    Str rest = STR("cpu  1 2 3 4\ncpu0 1 2 3 4\n"); /* 2.4 */
    CpuTimes times;
    assert_true(proc_cpu_next(&rest, &times));
    assert_int_equal(times.ticks[CPU_IDLE], 4);
    assert_int_equal(times.ticks[CPU_WAIT], 0);
}

static void lines_that_are_no_processors_are_passed_over(void **state)
{
    (void)state;
    Str rest = STR("cpu0 1 2\ncpu1 1 2 three 4\ncpu2 -1 2 3 4\ncpu3 99999999999999999999 1 1 1\n\n"
                   "cpu4 1 2 3 4 rubbish\ncpu5 1 2 3 4");
    CpuTimes times;
    uint64_t boot;
    assert_false(proc_boot_time(rest, &boot));
    assert_false(proc_boot_time(STR("btime\nbtime soon\n"), &boot));
    assert_true(proc_cpu_next(&rest, &times));
    assert_true(str_eq(times.name, STR("cpu4")));
    assert_true(proc_cpu_next(&rest, &times));
    assert_true(str_eq(times.name, STR("cpu5"))); /* without a newline at the end */
    assert_false(proc_cpu_next(&rest, &times));
    assert_false(proc_cpu_next(&rest, &times));
}

/* --- loadavg, meminfo ------------------------------------------------------------------------ */

static void load_is_three_numbers(void **state)
{
    (void)state;
    LoadAverages load;
    assert_true(proc_load(STR("0.20 1.18 12.5 1/80 11206\n"), &load));
    assert_true(load.one > 0.19 && load.one < 0.21 && load.fifteen > 12.4);
    assert_false(proc_load(STR("0.20 1.18\n"), &load));
    assert_false(proc_load(STR("0.20 x 1\n"), &load));
    assert_false(proc_load(STR(""), &load));
}

static void memory_is_in_bytes(void **state)
{
    (void)state;
    MemoryInfo info;
    assert_true(proc_memory(STR("MemTotal:       16384 kB\nMemFree:   1024 kB\nMemAvailable: 9 kB\n"
                                "Buffers: 10 kB\nCached: 20 kB\nSwapCached: 30 kB\n"
                                "SReclaimable:  40 kB\nSUnreclaim:  50 kB\nHugePages_Total: 7\n"),
                            &info));
    assert_int_equal(info.total, 16384 * 1024);
    assert_int_equal(info.free, 1024 * 1024);
    assert_int_equal(info.buffers, 10 * 1024);
    assert_int_equal(info.cached, 20 * 1024);
    assert_int_equal(info.slab_reclaimable, 40 * 1024);
    assert_int_equal(info.slab_unreclaimable, 50 * 1024);
    /* 2.4 begins with a table, and has no slab */
    assert_true(proc_memory(STR("        total:    used:    free:\nMem:  64 32 32\nSwap: 0 0 0\n"
                                "MemTotal:  64 kB\nMemFree:  32 kB\n"),
                            &info));
    assert_int_equal(info.total, 64 * 1024);
    assert_int_equal(info.slab_reclaimable, 0);
    assert_false(proc_memory(STR("MemFree: 1 kB\n"), &info));
    assert_false(proc_memory(STR("MemTotal: 18446744073709551615 kB\n"), &info));
}

/* --- diskstats ------------------------------------------------------------------------------- */

static void disks_of_all_ages(void **state)
{
    (void)state;
    Str rest = STR("   8       0 sda 1 2 3 4 5 6 7 8 9 10 11\n"                       /* 2.6 */
                   "   8       1 sda1 1 2 3 4\n"                                      /* 2.6 */
                   " 259       0 nvme0n1 1 0 8 0 0 0 0 0 0 12 13 14 15 16 17 18 19\n" /* 5.5 */
                   "   7       0 loop0 x 0 0 0 0 0 0 0 0 0 0\n");
    DiskStats disk;
    assert_true(proc_disk_next(&rest, &disk));
    assert_true(str_eq(disk.device, STR("sda")));
    assert_int_equal(disk.reads, 1);
    assert_int_equal(disk.reads_merged, 2);
    assert_int_equal(disk.sectors_read, 3);
    assert_int_equal(disk.read_ms, 4);
    assert_int_equal(disk.writes, 5);
    assert_int_equal(disk.writes_merged, 6);
    assert_int_equal(disk.sectors_written, 7);
    assert_int_equal(disk.write_ms, 8);
    assert_int_equal(disk.pending, 9);
    assert_int_equal(disk.io_ms, 10);
    assert_int_equal(disk.weighted_ms, 11);
    assert_true(proc_disk_next(&rest, &disk));
    assert_true(str_eq(disk.device, STR("nvme0n1")));
    assert_int_equal(disk.io_ms, 12);
    assert_false(proc_disk_next(&rest, &disk));
}

/* --- network --------------------------------------------------------------------------------- */

static void interfaces_with_and_without_a_space(void **state)
{
    (void)state;
    Str rest = STR("Inter-|   Receive                                                |  Transmit\n"
                   " face |bytes    packets errs drop fifo frame compressed multicast|bytes ...\n"
                   "    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
                   "eth0:18446744073709551615 2 3 4 0 0 0 0 9 10 11 12 0 0 0 0\n" /* 2.6 */
                   "eth0:1: 5 6 7 8 0 0 0 0 9 10 11 12 0 0 0 0\n"
                   "  tun: 1 2 3\n : 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n");
    static const char *const names[] = { "lo", "eth0", "eth0:1" };
    NetworkStats stats;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_true(proc_network_next(&rest, &stats));
        assert_true(str_eq(stats.device, str_from(names[i])));
        assert_int_equal(stats.sent.bytes, 9);
        assert_int_equal(stats.sent.dropped, 12);
    }
    assert_int_equal(stats.received.bytes, 5);
    assert_int_equal(stats.received.packets, 6);
    assert_int_equal(stats.received.errors, 7);
    assert_int_equal(stats.received.dropped, 8);
    assert_false(proc_network_next(&rest, &stats));
}

static void connections_by_state(void **state)
{
    (void)state;
    uint64_t counts[TCP_STATES] = { 0 };
    proc_tcp_count(STR("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when\n"
                       "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000\n"
                       "   1: 0100007F:1F91 0100007F:8000 01 00000000:00000000 00:00000000\n"),
                   counts);
    proc_tcp_count(STR("   0: 00000000000000000000000001000000:1F90 0:0 0A x\n"
                       "   1: a b 0C\n   2: a b 00\n   3: a b zz\n   4: a b\n   5: a b 101\n"),
                   counts);
    assert_int_equal(counts[0], 1);
    assert_int_equal(counts[9], 2);
    assert_true(str_eq(proc_tcp_state_name(0), STR("ESTABLISHED")));
    assert_true(str_eq(proc_tcp_state_name(9), STR("LISTEN")));
    assert_true(str_eq(proc_tcp_state_name(10), STR("CLOSING")));
    for (size_t i = 1; i < TCP_STATES; i++)
        assert_true(i == 9 || !counts[i]);
}

/* --- mounts ---------------------------------------------------------------------------------- */

static void expect_unescaped(const char *text, const char *want)
{
    Buf out = BUF(64);
    proc_unescape(str_from(text), &out);
    assert_string_equal(buf_text(&out), want);
    buf_free(&out);
}

static void mounts_with_odd_names(void **state)
{
    (void)state;
    Str rest = STR("/dev/sda1 / ext4 rw,relatime 0 0\nbroken line\n"
                   "/dev/sdb1 /mnt/my\\040disk vfat nosuid,ro 0 0\nnone /x bpf noexec 0 0\n");
    static const char *const modes[] = { "rw", "ro", "unknown" };
    MountLine mount;
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        assert_true(proc_mount_next(&rest, &mount));
        assert_true(str_eq(proc_mount_mode(mount.options), str_from(modes[i])));
    }
    assert_true(str_eq(mount.type, STR("bpf")));
    assert_false(proc_mount_next(&rest, &mount));
    expect_unescaped("/mnt/my\\040disk\\134x\\011", "/mnt/my disk\\x\t");
    expect_unescaped("\\04", "\\04");
    expect_unescaped("\\", "\\");
    expect_unescaped("\\400\\089", "\\400\\089"); /* no byte, no octal number */
}

static void file_systems_without_a_device(void **state)
{
    (void)state;
    Str list = STR("nodev\tsysfs\nnodev\tzfs\n\text4\n\tvfat\n");
    assert_true(proc_is_virtual(list, STR("sysfs")));
    assert_true(proc_is_virtual(list, STR("overlay"))); /* not listed */
    assert_false(proc_is_virtual(list, STR("ext4")));
    assert_false(proc_is_virtual(list, STR("zfs")));
    assert_true(proc_is_virtual(STR(""), STR("ext4")));
}

/* --- of later ---------------------------------------------------------------------------------
 */

static void processors_tell_of_themselves(void **state)
{
    (void)state;
    Str rest = STR("processor\t: 3\nmodel name\t: x: y\ncpu MHz\t\t: 2400.5\nphysical id\t: 1\n"
                   "cpu cores\t: 8\n\n\nHardware\t: a board\n\nprocessor : 4\ncpu MHz : -1\n");
    CpuInfo info;
    assert_true(proc_cpu_info_next(&rest, &info));
    assert_int_equal(info.number, 3);
    assert_int_equal(info.package, 1);
    assert_int_equal(info.cores, 8);
    assert_true(info.mhz > 2400.4 && info.mhz < 2400.6);
    assert_true(proc_cpu_info_next(&rest, &info));
    assert_int_equal(info.number, 4);
    assert_true(info.mhz == 0);
    assert_false(proc_cpu_info_next(&rest, &info));
    uint64_t first;
    assert_true(proc_first_of_list(STR("12-15,40\n"), &first));
    assert_int_equal(first, 12);
    assert_false(proc_first_of_list(STR("\n"), &first));
    assert_false(proc_first_of_list(STR("99999999999999999999"), &first));
}

static void counts_of_processes_and_pages(void **state)
{
    (void)state;
    ProcessCounts counts;
    assert_true(
        proc_process_counts(STR("processes 9\nprocs_running 2\nprocs_blocked 1\n"), &counts));
    assert_int_equal(counts.created, 9);
    assert_int_equal(counts.running, 2);
    assert_int_equal(counts.blocked, 1);
    assert_false(proc_process_counts(STR("processes 9\nprocs_running x\n"), &counts));
    PagingCounts paging;
    assert_true(proc_paging(STR("pgfault 7\npgmajfault 3\npswpin 1"), &paging));
    assert_int_equal(paging.faults, 7);
    assert_int_equal(paging.major_faults, 3);
    assert_int_equal(paging.swapped_in, 1);
    assert_false(proc_paging(STR("pgmajfault 3\n"), &paging));
    Str rest = STR("Filename Type Size Used Priority\n/a partition 10 4 -2\n/b file 1\n"
                   "/c file 18446744073709551615 1 0\n/d file 1 0 -3");
    SwapLine swap;
    assert_true(proc_swap_next(&rest, &swap));
    assert_true(str_eq(swap.device, STR("/a")));
    assert_int_equal(swap.total, 10240);
    assert_int_equal(swap.used, 4096);
    assert_true(proc_swap_next(&rest, &swap));
    assert_true(str_eq(swap.device, STR("/d")));
    assert_false(proc_swap_next(&rest, &swap));
    double seconds;
    assert_true(proc_uptime(STR("12.5 3.4\n"), &seconds));
    assert_true(seconds > 12.4 && seconds < 12.6);
    assert_false(proc_uptime(STR("-1 2"), &seconds));
}

/* --- processes ------------------------------------------------------------------------------- */

static void a_process_by_its_fields(void **state)
{
    (void)state;
    ProcessStat stat;
    assert_true(proc_process_stat(
        STR("7 (a (b) c) R 1 7 7 0 -1 4194560 10 11 12 13 14 15 -16 -17 20 -5 21 0 22 23 24 "
            "18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 42 0 0\n"),
        &stat));
    assert_true(str_eq(stat.name, STR("a (b) c")));
    assert_int_equal(stat.state, 'R');
    assert_int_equal(stat.parent, 1);
    assert_int_equal(stat.minor_faults, 10);
    assert_int_equal(stat.major_faults, 12);
    assert_int_equal(stat.user_ticks, 14);
    assert_int_equal(stat.system_ticks, 15);
    assert_int_equal(stat.threads, 21);
    assert_int_equal(stat.start_ticks, 22);
    assert_int_equal(stat.virtual_bytes, 23);
    assert_int_equal(stat.resident_pages, 24);
    assert_int_equal(stat.wait_ticks, 42);
    static const char *const bad[] = { "", "7 (", "7 ) (", "7 (a) R", "7 (a) R x 7", "7 a R 1" };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(proc_process_stat(str_from(bad[i]), &stat));
}

static void what_else_a_process_says(void **state)
{
    (void)state;
    ProcessStatus status;
    assert_true(proc_process_status(STR("Name:\tUid:\nUid:\t1000\t0\t0\t0\n"
                                        "ShdPnd:\t0000000000004002\n"
                                        "voluntary_ctxt_switches:\t5\n"
                                        "nonvoluntary_ctxt_switches:\t6\n"),
                                    &status));
    assert_int_equal(status.user, 1000);
    assert_int_equal(status.pending, 0x4002);
    assert_int_equal(status.switches, 5);
    assert_int_equal(status.forced_switches, 6);
    assert_false(proc_process_status(STR("voluntary_ctxt_switches:\t5\n"), &status));
    ProcessIo io;
    assert_true(proc_process_io(STR("rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\n"
                                    "write_bytes: 6\ncancelled_write_bytes: 7\n"),
                                &io));
    assert_int_equal(io.reads, 3);
    assert_int_equal(io.writes, 4);
    assert_int_equal(io.read_bytes, 5);
    assert_int_equal(io.written_bytes, 6);
    assert_false(proc_process_io(STR("syscr: 3\n"), &io));
    Str name, users = STR("root:x:0:0:root:/root:/bin/sh\n:x:3:\nbroken\nann:x:1000:1000\n");
    assert_true(proc_user_name(users, 1000, &name));
    assert_true(str_eq(name, STR("ann")));
    assert_false(proc_user_name(users, 3, &name));
    assert_false(proc_user_name(users, 4, &name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_processor_is_told),
        cmocka_unit_test(old_kernels_have_fewer_fields),
        cmocka_unit_test(lines_that_are_no_processors_are_passed_over),
        cmocka_unit_test(load_is_three_numbers),
        cmocka_unit_test(memory_is_in_bytes),
        cmocka_unit_test(disks_of_all_ages),
        cmocka_unit_test(interfaces_with_and_without_a_space),
        cmocka_unit_test(connections_by_state),
        cmocka_unit_test(mounts_with_odd_names),
        cmocka_unit_test(file_systems_without_a_device),
        cmocka_unit_test(processors_tell_of_themselves),
        cmocka_unit_test(counts_of_processes_and_pages),
        cmocka_unit_test(a_process_by_its_fields),
        cmocka_unit_test(what_else_a_process_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
