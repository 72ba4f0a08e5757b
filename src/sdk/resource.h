/* resource.h - who speaks: the attributes of the process, encoded once per run. */
#ifndef SDK_RESOURCE_H
#define SDK_RESOURCE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#include <cryostorm/settings.h>

typedef struct Resource {
    CryoAttr *attributes; /* in the arena given to resource_make */
    size_t count;
    Str encoded; /* the Resource message, for ResourceSpans */
    Str schema_url;
} Resource;

/* From loaded settings and the machine: service.*, deployment.*, telemetry.sdk.*, process.*,
 * host.name, then service.additional_attributes, which win. */
CHECKED bool resource_make(const CryoSettings *settings, Arena *arena, Resource *out, Err *err);

#endif
