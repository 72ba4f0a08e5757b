/* sampler_registry.h - samplers that a user registered; see <cryostorm/sampling.h>. */
#ifndef SDK_SAMPLER_REGISTRY_H
#define SDK_SAMPLER_REGISTRY_H

#include "sdk/telemetry.h"

#include <cryostorm/sampling.h>

enum { SAMPLERS_MAX = 16 };

typedef struct OwnSampler {
    char name[REGISTERED_NAME_MAX + 1];
    CryoSample sample; /* NULL: there is none */
    void *context;
} OwnSampler;

bool own_sampler_find(Str name, OwnSampler *out);
void own_sampler_names(char *out, size_t size); /* ", mine, other": for messages */
void own_samplers_forget(void);                 /* for cryo_reset */

void own_samplers_lock(void); /* around fork() */
void own_samplers_unlock(void);

#endif
