/* sampling.h - a sampler of your own, by name: which spans are recorded.
 *
 * Register it before the start, then choose it: TRACING__SAMPLING_STRATEGY=my_name. It is asked
 * once per span, at its start and on the thread that starts it, so it should be quick; several
 * threads may ask at a time. What it starts itself is not recorded. A sampler that wants to follow
 * the parent's decision says so in one line:
 *
 *     if (question->has_parent)
 *         return question->parent_sampled;
 *
 * (OpenTelemetry specification: Trace SDK, "Sampler". There is yes or no; attributes and trace
 * state from a sampler are not there yet.)
 */
#ifndef CRYOSTORM_SAMPLING_H
#define CRYOSTORM_SAMPLING_H

#include <cryostorm/telemetry.h>
#include <cryostorm/trace.h>

CRYO_BEGIN

typedef struct CryoSamplingQuestion {
    size_t size; /* of this struct: later versions append members */
    uint8_t trace_id[16];
    bool has_parent, parent_sampled, parent_is_remote;
    CryoKind kind;
    CryoString name;
    CryoAttrs attributes; /* those given at the start */
} CryoSamplingQuestion;

typedef bool (*CryoSample)(void *context, const CryoSamplingQuestion *question);

/* Copies the name. False: the name is taken (also by a built-in), not of [a-z0-9_], or there are 16
 * already. */
CRYO_API bool cryo_sampler_register(const char *name, CryoSample sample, void *context,
                                    CryoError *err);

CRYO_END

#endif
