/* system_facts.h - what a machine is: its name, system, processor and addresses.
 *
 * Read from /proc, /sys and /etc through a Disk, which does not wait for any device; only the
 * architecture comes from uname(2). Everything is text as OpenTelemetry's conventions have it.
 */
#ifndef HOST_SYSTEM_FACTS_H
#define HOST_SYSTEM_FACTS_H

#include "base/attributes.h"
#include "base/disk.h"

typedef enum SystemFact {
    FACT_HOST_NAME,
    FACT_HOST_FULL_NAME, /* with its domain, where /etc/hosts has it */
    FACT_HOST_ID,        /* of /etc/machine-id */
    FACT_HOST_ARCH,      /* "amd64" */
    FACT_HOST_IPS,       /* one a line, without those of the machine to itself */
    FACT_HOST_MACS,      /* one a line: "02-42-AC-11-00-02" */
    FACT_OS_TYPE,
    FACT_OS_NAME,
    FACT_OS_VERSION,
    FACT_OS_BUILD, /* the kernel's release */
    FACT_OS_DESCRIPTION,
    FACT_CPU_VENDOR,
    FACT_CPU_FAMILY,
    FACT_CPU_MODEL,
    FACT_CPU_MODEL_NAME,
    FACT_CPU_STEPPING,
    FACT_CPU_CACHE, /* KiB: a whole number */
} SystemFact;

enum { FACT_BYTES_MAX = 64 << 10 };

/* Appended to out. ERR_IO: this machine does not say. */
CHECKED bool system_fact(Disk *disk, SystemFact fact, Buf *out, Err *err);

#endif
