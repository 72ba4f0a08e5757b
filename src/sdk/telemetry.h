/* telemetry.h - the facade's own helpers. */
#ifndef SDK_TELEMETRY_H
#define SDK_TELEMETRY_H

#include "base/err.h"
#include "base/str.h"

#include <cryostorm/telemetry.h>

/* Fill a caller's CryoError, which may be NULL. Return false. A long text loses its end. */
bool error_set(CryoError *error, CryoErrorKind kind, Str text);

/* What may be registered under a name: 1 to REGISTERED_NAME_MAX of a-z, 0-9 and _. */
enum { REGISTERED_NAME_MAX = 31 };
bool registered_name_allowed(const char *name); /* NULL is not */

void telemetry_after_fork(void); /* in the child */

#endif
