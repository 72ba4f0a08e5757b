/* sandbox_calls.h - the system calls that the program may make once it runs. */
#ifndef CMD_SANDBOX_CALLS_H
#define CMD_SANDBOX_CALLS_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stddef.h>

/* From now on, for this thread and those it starts: every other call fails, and signals
 * reach this process only. False: the kernel does not filter. */
CHECKED bool sandbox_filter_calls(void);

size_t sandbox_call_count(void);

#endif
