/* sampler.c - names and thresholds; see sampler.h. */
#include "sdk/sampler.h"

#include <math.h>

enum { RANDOM_BITS = 56 };

typedef struct SamplerName {
    Str name, otel_name;
    bool parent_based;
    SamplerRule rule;
} SamplerName;

static const SamplerName names[] = {
    { STR_ROW("always_on"), STR_ROW("always_on"), false, SAMPLE_ALL },
    { STR_ROW("always_off"), STR_ROW("always_off"), false, SAMPLE_NONE },
    { STR_ROW("trace_id_ratio"), STR_ROW("traceidratio"), false, SAMPLE_RATIO },
    { STR_ROW("parent_based_always_on"), STR_ROW("parentbased_always_on"), true, SAMPLE_ALL },
    { STR_ROW("parent_based_always_off"), STR_ROW("parentbased_always_off"), true, SAMPLE_NONE },
    { STR_ROW("parent_based_trace_id_ratio"), STR_ROW("parentbased_traceidratio"), true,
      SAMPLE_RATIO },
};

const char sampler_names[] = "always_on, always_off, trace_id_ratio, parent_based_always_on, "
                             "parent_based_always_off, parent_based_trace_id_ratio";

bool sampler_from_name(Str name, double ratio, Sampler *out)
{
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (!str_eq_nocase(name, names[i].name) && !str_eq_nocase(name, names[i].otel_name))
            continue;
        *out = (Sampler){ .parent_based = names[i].parent_based,
                          .rule = names[i].rule,
                          .threshold = sampler_threshold(ratio) };
        return true;
    }
    *out = (Sampler){ .rule = SAMPLE_OWN };
    return own_sampler_find(name, &out->own);
}

Str sampler_name(const Sampler *sampler)
{
    size_t i = 0;
    if (sampler->rule == SAMPLE_OWN)
        return str_from(sampler->own.name);
    while (names[i].parent_based != sampler->parent_based || names[i].rule != sampler->rule)
        i++; /* every combination has a row */
    return names[i].name;
}

uint64_t sampler_threshold(double ratio)
{
    return (uint64_t)llround((1.0 - ratio) * (double)(UINT64_C(1) << RANDOM_BITS));
}

bool sampler_keeps(const Sampler *sampler, const uint8_t trace_id[16])
{
    if (sampler->rule != SAMPLE_RATIO)
        return sampler->rule == SAMPLE_ALL;
    uint64_t randomness = 0;
    for (size_t i = 9; i < 16; i++)
        randomness = randomness << 8 | trace_id[i];
    return randomness >= sampler->threshold;
}
