/* proc_text.c - rubbish as files of /proc: every text that a reader hands out lies in the input,
 * and every reader comes to an end. */
#include "host/proc_text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insist(bool holds)
{
    if (!holds)
        abort();
}

static void inside(Str whole, Str part)
{
    insist(part.len > 0 && part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void read_lines(Str text)
{
    CpuTimes times;
    DiskStats disk;
    NetworkStats network;
    MountLine mount;
    for (Str rest = text; proc_cpu_next(&rest, &times);)
        inside(text, times.name);
    for (Str rest = text; proc_disk_next(&rest, &disk);)
        inside(text, disk.device);
    for (Str rest = text; proc_network_next(&rest, &network);)
        inside(text, network.device);
    for (Str rest = text; proc_mount_next(&rest, &mount);) {
        Buf path = BUF(1 << 20);
        inside(text, mount.device);
        inside(text, mount.directory);
        inside(text, mount.type);
        insist(proc_mount_mode(mount.options).len > 0);
        proc_unescape(mount.directory, &path);
        insist(path.len <= mount.directory.len);
        (void)proc_is_virtual(text, mount.type);
        buf_free(&path);
    }
}

static void read_processes(Str text)
{
    ProcessStat stat;
    ProcessStatus status;
    ProcessIo io;
    ProcessCounts counts;
    Str name;
    if (proc_process_stat(text, &stat))
        insist(stat.name.ptr >= text.ptr && stat.name.ptr + stat.name.len <= text.ptr + text.len);
    if (proc_process_status(text, &status) && proc_user_name(text, status.user, &name))
        inside(text, name);
    if (proc_user_name(text, 0, &name))
        inside(text, name);
    (void)!proc_process_io(text, &io);
    (void)!proc_process_counts(text, &counts);
}

static void read_machine(Str text)
{
    CpuInfo info;
    SwapLine swap;
    PagingCounts paging;
    uint64_t number;
    double seconds;
    for (Str rest = text; proc_cpu_info_next(&rest, &info);)
        insist(info.mhz >= 0);
    for (Str rest = text; proc_swap_next(&rest, &swap);)
        inside(text, swap.device);
    (void)!proc_paging(text, &paging);
    (void)!proc_first_of_list(text, &number);
    (void)!proc_number(text, &number);
    insist(!proc_uptime(text, &seconds) || seconds >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size ? size : 1); /* its end is where the sanitizer looks */
    if (!copy)
        return 0;
    for (size_t i = 0; i < size; i++)
        copy[i] = (char)data[i];
    Str text = { copy, size };
    uint64_t seconds, counts[TCP_STATES] = { 0 };
    LoadAverages load;
    MemoryInfo memory;
    read_lines(text);
    read_processes(text);
    read_machine(text);
    (void)!proc_boot_time(text, &seconds);
    (void)!proc_process_ticks(text, &seconds);
    (void)!proc_load(text, &load);
    insist(!proc_memory(text, &memory) || memory.total > 0);
    proc_tcp_count(text, counts);
    free(copy);
    return 0;
}
