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

/* In the order of the scrapers; each list belongs to the scraper of its name. */
#define HOST_METRIC_LISTS(L) \
    L(CPU) L(LOAD) L(MEMORY) L(DISK) L(FILESYSTEM) L(NETWORK) L(PAGING) L(PROCESSES) L(SYSTEM)
/* clang-format on */

typedef enum HostMetricId {
#define ID_OF(list, id, ...) id,
#define IDS_OF(list)         list##_METRICS(ID_OF)
    HOST_METRIC_LISTS(IDS_OF)
#undef IDS_OF
#undef ID_OF
        HOST_METRICS
} HostMetricId;

typedef enum HostMetricKind {
    HOST_GAUGE,
    HOST_LEVEL, /* a sum that also falls */
    HOST_TOTAL, /* a sum that never does */
} HostMetricKind;

#endif
