/* sampler.h - which traces are recorded, decided at a span's start.
 *
 * The ratio is OpenTelemetry's consistent threshold: the last 56 bits of the trace id are the
 * randomness R, a ratio p gives the threshold T = (1 - p) * 2^56, and a trace is kept when R >= T.
 * So every program with the same ratio keeps the same traces, and a higher one keeps those and
 * more. A parent-based sampler follows its parent and asks its root only where there is none.
 */
#ifndef SDK_SAMPLER_H
#define SDK_SAMPLER_H

#include "base/err.h"
#include "base/str.h"
#include "sdk/sampler_registry.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum SamplerRule { SAMPLE_ALL, SAMPLE_NONE, SAMPLE_RATIO, SAMPLE_OWN } SamplerRule;

typedef struct Sampler {
    bool parent_based;
    SamplerRule rule; /* of the root, where it is parent-based */
    uint64_t threshold;
    OwnSampler own; /* SAMPLE_OWN: a user's, which sampler_decides() is not for */
} Sampler;

/* Takes the names of the settings, those of OTEL_TRACES_SAMPLER and registered ones. False: none of
 * them. */
CHECKED bool sampler_from_name(Str name, double ratio, Sampler *out);
extern const char sampler_names[]; /* "always_on, always_off ...": for messages */

Str sampler_name(const Sampler *sampler);

uint64_t sampler_threshold(double ratio); /* 0 to 1; 2^56 keeps nothing */

bool sampler_keeps(const Sampler *sampler, const uint8_t trace_id[16]); /* as a root */

static inline bool sampler_decides(const Sampler *sampler, const uint8_t trace_id[16],
                                   bool has_parent, bool parent_sampled)
{
    if (has_parent && sampler->parent_based)
        return parent_sampled;
    return sampler_keeps(sampler, trace_id);
}

#endif
