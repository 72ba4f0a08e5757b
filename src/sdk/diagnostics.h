/* diagnostics.h - what the library says about itself: rare, one line each, to a handler of the
 * host program's or to standard error. Any thread. */
#ifndef SDK_DIAGNOSTICS_H
#define SDK_DIAGNOSTICS_H

#include "base/attributes.h"

#include <cryostorm/telemetry.h>

void say(CryoLogLevel level, const char *format, ...) PRINTF(2, 3);
void say_from(const char *level); /* debug, info, warn, error or none: nothing below it */

#endif
