/* process_time.h - what the kernel says of this process. */
#ifndef HOST_PROCESS_TIME_H
#define HOST_PROCESS_TIME_H

#include "base/attributes.h"
#include "base/disk.h"

/* Processor time that all of its threads have used so far, in user mode and in the kernel. */
CHECKED bool process_cpu_seconds(Disk *disk, double *seconds, Err *err);

#endif
