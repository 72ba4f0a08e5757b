/* memory.h - how much memory this process has, and how much it may have, as the kernel says.
 *
 * Resident memory is what the machine runs out of, so that is what is read: not what was allocated,
 * of which a part may not be there yet and to which buffers of the libraries do not belong.
 * Both functions read a few small files of /proc and /sys, which does not wait for any device.
 */
#ifndef HOST_MEMORY_H
#define HOST_MEMORY_H

#include "base/attributes.h"
#include "base/disk.h"

/* Bytes of this process that are in memory now. */
CHECKED bool memory_resident(Disk *disk, uint64_t *bytes, Err *err);

/* Bytes that this process may use: the least of the machine's memory and the limits of its control
 * groups (v1 and v2) up to their root. */
CHECKED bool memory_total(Disk *disk, uint64_t *bytes, Err *err);

#endif
