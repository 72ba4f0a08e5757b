/* sampler_registry.c - samplers by name; see sampler_registry.h. */
#include "sdk/sampler_registry.h"
#include "sdk/sampler.h"
#include "sdk/telemetry.h"

#include <pthread.h>
#include <stdio.h>

static struct {
    pthread_mutex_t lock;
    OwnSampler list[SAMPLERS_MAX];
    size_t count;
} registry = { .lock = PTHREAD_MUTEX_INITIALIZER };

bool own_sampler_find(Str name, OwnSampler *out)
{
    bool found = false;
    pthread_mutex_lock(&registry.lock);
    for (size_t i = 0; i < registry.count && !found; i++) {
        found = str_eq_nocase(name, str_from(registry.list[i].name));
        if (found)
            *out = registry.list[i];
    }
    pthread_mutex_unlock(&registry.lock);
    return found;
}

void own_sampler_names(char *out, size_t size)
{
    int len = snprintf(out, size, "%s", "");
    pthread_mutex_lock(&registry.lock);
    for (size_t i = 0; i < registry.count && len >= 0 && (size_t)len < size; i++)
        len += snprintf(out + len, size - (size_t)len, ", %s", registry.list[i].name);
    pthread_mutex_unlock(&registry.lock);
}

bool cryo_sampler_register(const char *name, CryoSample sample, void *context, CryoError *err)
{
    Sampler taken;
    if (!registered_name_allowed(name))
        return error_set(err, CRYO_ERROR_SETTINGS,
                         STR("a sampler's name is 1 to 31 of a-z, 0-9 and _"));
    if (!sample)
        return error_set(err, CRYO_ERROR_SETTINGS, STR("a sampler needs a function"));
    if (sampler_from_name(str_from(name), 1.0, &taken))
        return error_set(err, CRYO_ERROR_STATE, STR("a sampler of that name is there already"));
    pthread_mutex_lock(&registry.lock);
    bool room = registry.count < SAMPLERS_MAX;
    if (room) {
        OwnSampler *to = &registry.list[registry.count++];
        *to = (OwnSampler){ .sample = sample, .context = context };
        snprintf(to->name, sizeof to->name, "%s", name);
    }
    pthread_mutex_unlock(&registry.lock);
    return room || error_set(err, CRYO_ERROR_STATE, STR("there are 16 samplers already"));
}

void own_samplers_forget(void)
{
    pthread_mutex_lock(&registry.lock);
    registry.count = 0;
    pthread_mutex_unlock(&registry.lock);
}
void own_samplers_lock(void)
{
    pthread_mutex_lock(&registry.lock);
}
void own_samplers_unlock(void)
{
    pthread_mutex_unlock(&registry.lock);
}
