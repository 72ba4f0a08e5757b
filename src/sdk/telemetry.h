/* telemetry.h - the facade's own helpers. */
#ifndef SDK_TELEMETRY_H
#define SDK_TELEMETRY_H

#include "base/err.h"
#include "base/str.h"

#include <cryostorm/telemetry.h>

/* Fill a caller's CryoError, which may be NULL. Return false. A long text loses its end. */
bool error_set(CryoError *error, CryoErrorKind kind, Str text);

void telemetry_after_fork(void); /* in the child */

#endif
