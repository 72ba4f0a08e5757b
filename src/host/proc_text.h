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

/* /proc/<pid>/stat: time in user mode and in the kernel together. */
CHECKED bool proc_process_ticks(Str text, uint64_t *ticks);

/* /proc/loadavg */
typedef struct LoadAverages {
    double one, five, fifteen; /* minutes */
} LoadAverages;
CHECKED bool proc_load(Str text, LoadAverages *out);

/* /proc/meminfo, in bytes. False: not even a total. */
typedef struct MemoryInfo {
    uint64_t total, free, buffers, cached, slab_reclaimable, slab_unreclaimable;
} MemoryInfo;
CHECKED bool proc_memory(Str text, MemoryInfo *out);

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

#endif
