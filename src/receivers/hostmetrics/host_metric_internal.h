/* host_metric_internal.h - the metrics that scrapers tell: the one table that settings
 * (`metrics:`), their pages, and what is encoded are made of.
 *
 * A row: its scraper, id, public name, unit, kind, whether it is told unless switched, who adds its
 * points, what it is. A new metric is a row and, where no teller knows it yet, a function.
 */
#ifndef RECEIVERS_HOSTMETRICS_HOST_METRIC_INTERNAL_H
#define RECEIVERS_HOSTMETRICS_HOST_METRIC_INTERNAL_H

#include "config/field.h"

/* clang-format off */
#define CPU_METRICS(M) \
    M(CPU, CPU_TIME, "system.cpu.time", "s", TOTAL, ON, tell_cpu_time, \
      "Time that each processor spent in each state.") \
    M(CPU, CPU_UTILIZATION, "system.cpu.utilization", "1", GAUGE, OFF, tell_cpu_utilization, \
      "The part of its time since the last look that each processor spent in each state.") \
    M(CPU, CPU_FREQUENCY, "system.cpu.frequency", "Hz", GAUGE, OFF, tell_cpu_frequency, \
      "How fast each processor runs at the moment.") \
    M(CPU, CPU_LOGICAL, "system.cpu.logical.count", "{cpu}", LEVEL, OFF, tell_cpu_count, \
      "Processors that run threads.") \
    M(CPU, CPU_PHYSICAL, "system.cpu.physical.count", "{cpu}", LEVEL, OFF, tell_cpu_count, \
      "Cores: those that share one count once.")

#define LOAD_METRICS(M) \
    M(LOAD, LOAD_1M, "system.cpu.load_average.1m", "{thread}", GAUGE, ON, tell_load, \
      "Load average over one minute.") \
    M(LOAD, LOAD_5M, "system.cpu.load_average.5m", "{thread}", GAUGE, ON, tell_load, \
      "Load average over five minutes.") \
    M(LOAD, LOAD_15M, "system.cpu.load_average.15m", "{thread}", GAUGE, ON, tell_load, \
      "Load average over fifteen minutes.")

#define MEMORY_METRICS(M) \
    M(MEMORY, MEMORY_USAGE, "system.memory.usage", "By", LEVEL, ON, tell_memory_use, \
      "What the memory is used for.") \
    M(MEMORY, MEMORY_UTILIZATION, "system.memory.utilization", "1", GAUGE, OFF, tell_memory_use, \
      "What the memory is used for, as parts of all of it.") \
    M(MEMORY, MEMORY_LIMIT, "system.memory.limit", "By", LEVEL, OFF, tell_memory_size, \
      "All of the memory.") \
    M(MEMORY, MEMORY_PAGE_SIZE, "system.memory.page_size", "By", GAUGE, OFF, tell_memory_size, \
      "The size of a page.") \
    M(MEMORY, MEMORY_AVAILABLE, "system.linux.memory.available", "By", LEVEL, OFF, \
      tell_memory_size, \
      "What programs could still take without swapping, as the kernel reckons it.") \
    M(MEMORY, MEMORY_DIRTY, "system.linux.memory.dirty", "By", LEVEL, OFF, tell_memory_size, \
      "What waits to be written to disks.")

#define DISK_METRICS(M) \
    M(DISK, DISK_IO, "system.disk.io", "By", TOTAL, ON, tell_disks, \
      "Bytes read from and written to disks.") \
    M(DISK, DISK_OPERATIONS, "system.disk.operations", "{operations}", TOTAL, ON, tell_disks, \
      "Reads and writes that disks completed.") \
    M(DISK, DISK_IO_TIME, "system.disk.io_time", "s", TOTAL, ON, tell_disks, \
      "Time in which a disk had something to do.") \
    M(DISK, DISK_OPERATION_TIME, "system.disk.operation_time", "s", TOTAL, ON, tell_disks, \
      "Time that all reads and all writes took, added up.") \
    M(DISK, DISK_WEIGHTED_IO_TIME, "system.disk.weighted_io_time", "s", TOTAL, ON, tell_disks, \
      "Time that operations waited and were served, times how many there were.") \
    M(DISK, DISK_PENDING, "system.disk.pending_operations", "{operations}", LEVEL, ON, tell_disks, \
      "Operations that are on their way.") \
    M(DISK, DISK_MERGED, "system.disk.merged", "{operations}", TOTAL, ON, tell_disks, \
      "Reads and writes that were put together with others.")

#define FILESYSTEM_METRICS(M) \
    M(FILESYSTEM, FILESYSTEM_USAGE, "system.filesystem.usage", "By", LEVEL, ON, tell_filesystems, \
      "Bytes of file systems in each state.") \
    M(FILESYSTEM, FILESYSTEM_INODES, "system.filesystem.inodes.usage", "{inodes}", LEVEL, ON, \
      tell_filesystems, "Inodes of file systems in each state.") \
    M(FILESYSTEM, FILESYSTEM_UTILIZATION, "system.filesystem.utilization", "1", GAUGE, OFF, \
      tell_filesystems, "The used part of what those who are not root may use.")

#define NETWORK_METRICS(M) \
    M(NETWORK, NETWORK_PACKETS, "system.network.packets", "{packets}", TOTAL, ON, tell_interfaces, \
      "Packets that interfaces carried.") \
    M(NETWORK, NETWORK_DROPPED, "system.network.dropped", "{packets}", TOTAL, ON, tell_interfaces, \
      "Packets that interfaces dropped.") \
    M(NETWORK, NETWORK_ERRORS, "system.network.errors", "{errors}", TOTAL, ON, tell_interfaces, \
      "Errors that interfaces met.") \
    M(NETWORK, NETWORK_IO, "system.network.io", "By", TOTAL, ON, tell_interfaces, \
      "Bytes that interfaces carried.") \
    M(NETWORK, NETWORK_CONNECTIONS, "system.network.connections", "{connections}", LEVEL, ON, \
      tell_connections, "TCP connections in each state.") \
    M(NETWORK, CONNTRACK_COUNT, "system.network.conntrack.count", "{entries}", LEVEL, OFF, \
      tell_conntrack, "Connections that the firewall follows.") \
    M(NETWORK, CONNTRACK_MAX, "system.network.conntrack.max", "{entries}", LEVEL, OFF, \
      tell_conntrack, \
      "How many connections the firewall can follow.")

#define PAGING_METRICS(M) \
    M(PAGING, PAGING_USAGE, "system.paging.usage", "By", LEVEL, ON, tell_swap, \
      "Swap space in each state.") \
    M(PAGING, PAGING_UTILIZATION, "system.paging.utilization", "1", GAUGE, OFF, tell_swap, \
      "Swap space in each state, as parts of all of it.") \
    M(PAGING, PAGING_OPERATIONS, "system.paging.operations", "{operations}", TOTAL, ON, \
      tell_paging, \
      "What was brought into memory and put out of it: pages swapped (major), and kibibytes of " \
      "files and swap (minor).") \
    M(PAGING, PAGING_FAULTS, "system.paging.faults", "{faults}", TOTAL, ON, tell_paging, \
      "Pages that were not at hand: read from a disk (major) or found in memory (minor).")

#define PROCESSES_METRICS(M) \
    M(PROCESSES, PROCESSES_CREATED, "system.processes.created", "{processes}", TOTAL, ON, \
      tell_processes_created, "Processes that were ever started.") \
    M(PROCESSES, PROCESSES_COUNT, "system.processes.count", "{processes}", LEVEL, ON, \
      tell_processes_count, "Processes in each state.")

#define SYSTEM_METRICS(M) \
    M(SYSTEM, SYSTEM_UPTIME, "system.uptime", "s", GAUGE, ON, tell_uptime, \
      "Time since the machine was booted.")

#define PROCESS_METRICS(M) \
    M(PROCESS, PROCESS_CPU_TIME, "process.cpu.time", "s", TOTAL, ON, tell_process_cpu, \
      "Time that the process spent in each state.") \
    M(PROCESS, PROCESS_CPU_UTILIZATION, "process.cpu.utilization", "1", GAUGE, OFF, \
      tell_process_cpu, \
      "The part of the time of all processors since the last look that the process spent in each " \
      "state.") \
    M(PROCESS, PROCESS_MEMORY_USAGE, "process.memory.usage", "By", LEVEL, ON, \
      tell_process_memory, "Memory that the process holds.") \
    M(PROCESS, PROCESS_MEMORY_VIRTUAL, "process.memory.virtual", "By", LEVEL, ON, \
      tell_process_memory, "Memory that the process could address.") \
    M(PROCESS, PROCESS_MEMORY_UTILIZATION, "process.memory.utilization", "1", GAUGE, OFF, \
      tell_process_memory, "Memory that the process holds, in percent of all of it.") \
    M(PROCESS, PROCESS_DISK_IO, "process.disk.io", "By", TOTAL, ON, tell_process_disk, \
      "Bytes that the process read from and wrote to disks.") \
    M(PROCESS, PROCESS_DISK_OPERATIONS, "process.disk.operations", "{operations}", TOTAL, OFF, \
      tell_process_disk, "Reads and writes that the process called for.") \
    M(PROCESS, PROCESS_PAGING_FAULTS, "process.paging.faults", "{faults}", TOTAL, OFF, \
      tell_process_faults, \
      "Pages that were not at hand: read from a disk (major) or found in memory (minor).") \
    M(PROCESS, PROCESS_SIGNALS_PENDING, "process.signals_pending", "{signals}", LEVEL, OFF, \
      tell_process_signals, "Signals that wait for the process.") \
    M(PROCESS, PROCESS_THREADS, "process.threads", "{threads}", LEVEL, OFF, \
      tell_process_threads, "Threads of the process.") \
    M(PROCESS, PROCESS_OPEN_FILES, "process.open_file_descriptors", "{count}", LEVEL, OFF, \
      tell_process_files, "Files and sockets that the process has open.") \
    M(PROCESS, PROCESS_HANDLES, "process.handles", "{count}", LEVEL, OFF, \
      tell_process_handles, "Handles that the process holds: only Windows has them.") \
    M(PROCESS, PROCESS_CONTEXT_SWITCHES, "process.context_switches", "{count}", TOTAL, OFF, \
      tell_process_switches, \
      "How often the process gave its processor up (voluntary) or lost it (involuntary).") \
    M(PROCESS, PROCESS_UPTIME, "process.uptime", "s", GAUGE, OFF, tell_process_uptime, \
      "Time since the process was started.")

/* In the order of the scrapers; each list belongs to the scraper of its name. */
#define HOST_METRIC_LISTS(L) \
    L(CPU) L(LOAD) L(MEMORY) L(DISK) L(FILESYSTEM) L(NETWORK) L(PAGING) L(PROCESSES) L(SYSTEM) \
    L(PROCESS)

/* Attributes of a process's resource: id, key, whether it is told unless switched, who adds it. */
#define PROCESS_ATTRIBUTE_LIST(A) \
    A(PROCESS_PID, "process.pid", ON, add_pid, "Its number.") \
    A(PROCESS_PARENT_PID, "process.parent_pid", ON, add_parent, "Its parent's number.") \
    A(PROCESS_EXECUTABLE_NAME, "process.executable.name", ON, add_name, "Its name.") \
    A(PROCESS_EXECUTABLE_PATH, "process.executable.path", ON, add_executable, \
      "The file that it runs.") \
    A(PROCESS_CGROUP, "process.cgroup", OFF, add_cgroup, "Its control groups.") \
    A(PROCESS_COMMAND, "process.command", ON, add_command, "The first word of its command.") \
    A(PROCESS_COMMAND_LINE, "process.command_line", ON, add_command_line, \
      "The whole of its command.") \
    A(PROCESS_OWNER, "process.owner", ON, add_owner, "The name of its user.")
/* clang-format on */

typedef enum HostMetricId {
#define ID_OF(list, id, ...) id,
#define IDS_OF(list)         list##_METRICS(ID_OF)
    HOST_METRIC_LISTS(IDS_OF)
#undef IDS_OF
#undef ID_OF
        HOST_METRICS
} HostMetricId;

typedef enum ProcessAttributeId {
#define ID_OF(id, ...) id,
    PROCESS_ATTRIBUTE_LIST(ID_OF)
#undef ID_OF
        PROCESS_ATTRIBUTES
} ProcessAttributeId;

typedef enum HostMetricKind {
    HOST_GAUGE,
    HOST_LEVEL, /* a sum that also falls */
    HOST_TOTAL, /* a sum that never does */
} HostMetricKind;

#endif
