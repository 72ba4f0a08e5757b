/* proc_text.h - what files of /proc say, read from their text.
 *
 * Pure: text in, numbers out. Nothing of what is read is believed: a line that is not what it
 * should be is passed over, numbers that do not fit are none, and texts borrow from the input (what
 * is in them may be any bytes). Fields that an older kernel does not have are 0, those that a newer
 * one has more are not read.
 */
#ifndef HOST_PROC_TEXT_H
#define HOST_PROC_TEXT_H

#include "base/attributes.h"
#include "base/buf.h"

enum { PROC_TICKS_PER_SECOND = 100 }; /* USER_HZ, which Linux keeps at that for its users */

/* /proc/stat: one processor's time, in ticks. */
typedef enum CpuState {
    CPU_USER,
    CPU_NICE,
    CPU_SYSTEM,
    CPU_IDLE,
    CPU_WAIT,
    CPU_INTERRUPT,
    CPU_SOFTIRQ,
    CPU_STEAL,
    CPU_STATES
} CpuState;

typedef struct CpuTimes {
    Str name; /* "cpu0" */
    uint64_t ticks[CPU_STATES];
} CpuTimes;

bool proc_cpu_next(Str *rest, CpuTimes *out);                  /* the sum over all is left out */
CHECKED bool proc_boot_time(Str text, uint64_t *unix_seconds); /* of /proc/stat, too */

/* The same file on processes. False: it has not all three. */
typedef struct ProcessCounts {
    uint64_t created, running, blocked;
} ProcessCounts;
CHECKED bool proc_process_counts(Str text, ProcessCounts *out);

/* /proc/cpuinfo: one processor. What its kind of processor does not tell is 0. */
typedef struct CpuInfo {
    uint64_t number, package, cores; /* cores: of the whole package */
    double mhz;
} CpuInfo;
bool proc_cpu_info_next(Str *rest, CpuInfo *out);

/* /sys/devices/system/cpu/cpu<n>/topology/core_cpus_list, "0,64" or "0-1": the first of them. */
CHECKED bool proc_first_of_list(Str text, uint64_t *out);

/* A file of one number, such as those below /proc/sys. */
CHECKED bool proc_number(Str text, uint64_t *out);

/* /proc/uptime */
CHECKED bool proc_uptime(Str text, double *seconds);

/* /proc/loadavg */
typedef struct LoadAverages {
    double one, five, fifteen; /* minutes */
} LoadAverages;
CHECKED bool proc_load(Str text, LoadAverages *out);

/* /proc/meminfo, in bytes. False: not even a total. */
typedef struct MemoryInfo {
    uint64_t total, free, available, buffers, cached, dirty, slab_reclaimable, slab_unreclaimable;
} MemoryInfo;
CHECKED bool proc_memory(Str text, MemoryInfo *out);

/* /proc/swaps, in bytes; the device as the file has it. */
typedef struct SwapLine {
    Str device;
    uint64_t total, used;
} SwapLine;
bool proc_swap_next(Str *rest, SwapLine *out);

/* /proc/vmstat: pages, but kibibytes for `blocks` (what was read from and written to disks). False:
 * not even the faults. */
typedef struct PagingCounts {
    uint64_t blocks_in, blocks_out, swapped_in, swapped_out, faults, major_faults;
} PagingCounts;
CHECKED bool proc_paging(Str text, PagingCounts *out);

/* /proc/diskstats */
typedef struct DiskStats {
    Str device;
    uint64_t reads, reads_merged, sectors_read, read_ms;
    uint64_t writes, writes_merged, sectors_written, write_ms;
    uint64_t pending, io_ms, weighted_ms;
} DiskStats;
enum { PROC_SECTOR_BYTES = 512 }; /* whatever the device's own sector is */
bool proc_disk_next(Str *rest, DiskStats *out);

/* /proc/net/dev */
typedef struct NetworkCounts {
    uint64_t bytes, packets, errors, dropped;
} NetworkCounts;
typedef struct NetworkStats {
    Str device;
    NetworkCounts received, sent;
} NetworkStats;
bool proc_network_next(Str *rest, NetworkStats *out);

/* /proc/net/tcp and tcp6: adds to how many connections are in each state. */
enum { TCP_STATES = 11 };
void proc_tcp_count(Str text, uint64_t counts[TCP_STATES]);
Str proc_tcp_state_name(size_t state); /* "ESTABLISHED" */

/* /proc/self/mounts. Texts are as the file has them: proc_unescape() makes paths of them. */
typedef struct MountLine {
    Str device, directory, type, options;
} MountLine;
bool proc_mount_next(Str *rest, MountLine *out);
Str proc_mount_mode(Str options);       /* "rw", "ro" or "unknown" */
void proc_unescape(Str text, Buf *out); /* \040 becomes a space */

/* /proc/filesystems: is this type of file system one without a device? True of those that are not
 * listed. zfs, which says so of itself, is not taken at its word. */
bool proc_is_virtual(Str filesystems, Str type);

/* /proc/<pid>/stat */
typedef struct ProcessStat {
    Str name; /* at most 15 bytes: the kernel cuts it */
    char state;
    uint64_t parent, threads, minor_faults, major_faults;
    uint64_t user_ticks, system_ticks, wait_ticks; /* wait: for disks */
    uint64_t start_ticks;                          /* since the machine was booted */
    uint64_t virtual_bytes, resident_pages;
} ProcessStat;
CHECKED bool proc_process_stat(Str text, ProcessStat *out);

/* The same file: time in user mode and in the kernel together. */
CHECKED bool proc_process_ticks(Str text, uint64_t *ticks);

/* /proc/<pid>/status. False: it has no user. */
typedef struct ProcessStatus {
    uint64_t user;                      /* the real one's number */
    uint64_t switches, forced_switches; /* of context: its own will, or the scheduler's */
    uint64_t pending;                   /* bits: signals that wait for the whole process */
} ProcessStatus;
CHECKED bool proc_process_status(Str text, ProcessStatus *out);

/* /proc/<pid>/io. False: no reads or writes in it. */
typedef struct ProcessIo {
    uint64_t reads, writes;             /* calls */
    uint64_t read_bytes, written_bytes; /* from and to disks */
} ProcessIo;
CHECKED bool proc_process_io(Str text, ProcessIo *out);

/* /etc/passwd: who has that number? False: nobody. */
bool proc_user_name(Str passwd, uint64_t user, Str *name);

#endif
