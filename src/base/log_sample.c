/* log_sample.c - how often the same thing is said; see log_sample.h. */
#include "base/log_sample.h"

size_t log_sample_index(const LogSampler *sampler, uint64_t hash)
{
    for (size_t i = 0; i < LOG_CAUSES; i++)
        if (sampler->causes[i].hash == hash)
            return i;
    return LOG_CAUSES;
}

static LogCause *find(LogSampler *sampler, uint64_t hash, int64_t mono_ns)
{
    size_t known = log_sample_index(sampler, hash);
    if (known < LOG_CAUSES)
        return &sampler->causes[known];
    LogCause *oldest = sampler->causes;
    for (size_t i = 0; i < LOG_CAUSES && oldest->hash; i++) {
        LogCause *cause = &sampler->causes[i];
        if (!cause->hash || cause->began_ns < oldest->began_ns)
            oldest = cause;
    }
    *oldest = (LogCause){ .hash = hash, .began_ns = mono_ns };
    return oldest;
}

bool log_sample(LogSampler *sampler, uint64_t hash, int64_t mono_ns, uint64_t *unsaid)
{
    const LogSampling *rule = &sampler->rule;
    *unsaid = 0;
    if (rule->interval_ns == 0)
        return true;
    LogCause *cause = find(sampler, hash, mono_ns);
    if (mono_ns - cause->began_ns >= rule->interval_ns) {
        cause->began_ns = mono_ns;
        cause->seen = 0;
    }
    uint32_t before = cause->seen;
    cause->seen += before < UINT32_MAX;
    bool say = before < rule->initial ||
               (rule->thereafter && (before - rule->initial + 1) % rule->thereafter == 0);
    if (!say) {
        cause->unsaid++;
        return false;
    }
    *unsaid = cause->unsaid;
    cause->unsaid = 0;
    return true;
}

uint64_t log_sample_overdue(LogSampler *sampler, int64_t mono_ns, size_t *index)
{
    for (size_t i = 0; i < LOG_CAUSES; i++) {
        LogCause *cause = &sampler->causes[i];
        uint64_t unsaid = cause->unsaid;
        if (!unsaid || mono_ns - cause->began_ns < sampler->rule.interval_ns)
            continue;
        cause->unsaid = 0;
        *index = i;
        return unsaid;
    }
    return 0;
}
