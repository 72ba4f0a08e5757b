/* sampling_state.h - thresholds and randomness of consistent sampling, and the tracestate that
 * carries them.
 *
 * An item has 56 bits of randomness, from `rv` of OpenTelemetry's entry in the tracestate or from
 * the last seven bytes of its trace id, and perhaps a threshold `th`: it was kept because the
 * randomness is not below it. Probability p is the threshold (1 - p) * 2^56.
 *
 *     ot=rv:6e6d1a75832a2f;th:8,vendor=x
 *         14 digits        1 to 14 digits, without the zeros at their end
 */
#ifndef PROCESSORS_SAMPLING_STATE_H
#define PROCESSORS_SAMPLING_STATE_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/err.h"
#include "model/ids.h"

#include <stdint.h>

enum { SAMPLING_DIGITS = 14 };
#define SAMPLING_RANGE ((uint64_t)1 << 56)
#define SAMPLE_ALWAYS  ((uint64_t)0) /* thresholds */
#define SAMPLE_NEVER   SAMPLING_RANGE
#define RANDOM_MAX     (SAMPLING_RANGE - 1) /* randomness that every threshold but NEVER keeps */
#define SAMPLING_LEAST (1.0 / (double)SAMPLING_RANGE) /* the least probability but none */

/* What an item carries. */
typedef struct SamplingState {
    bool has_randomness, has_threshold;
    uint64_t randomness, threshold;
} SamplingState;

/* The threshold of a probability, to `digits` (1 to 14) of it that matter. False: it is not from
 * SAMPLING_LEAST to 1. */
CHECKED bool threshold_of(double probability, unsigned digits, uint64_t *out);
double threshold_probability(uint64_t threshold);

enum { SAMPLING_TEXT_SIZE = SAMPLING_DIGITS + 1 };
Str threshold_text(uint64_t threshold, char room[SAMPLING_TEXT_SIZE]); /* below SAMPLE_NEVER */
Str randomness_text(uint64_t randomness, char room[SAMPLING_TEXT_SIZE]);
CHECKED bool threshold_read(Str text, uint64_t *out);
CHECKED bool randomness_read(Str text, uint64_t *out);

uint64_t trace_id_randomness(const TraceId *id);
/* The 56 bits in which the 14 of a seeded FNV-1a hash stand first, as the public processor has it.
 */
uint64_t hashed_randomness(Str bytes, uint32_t seed);

/* False: it is no tracestate, or its `ot` is none; what could be read is in *out. */
CHECKED bool trace_state_read(Str text, SamplingState *out);
/* The same tracestate, which trace_state_read() took, with this in `ot`. */
void trace_state_write(Str text, const SamplingState *state, Buf *out);

#endif
