/* exporters.c - exporters by name, and the sink around one that a user registered; see exporters.h.
 */
#include "sdk/exporters.h"

#include "base/clock.h"
#include "base/mem.h"
#include "sdk/telemetry.h"

#include <cryostorm/exporter.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { REGISTERED_MAX = 16, VIEWS_MAX = 256 << 20 };

static const SinkType *const built_in[] = { &console_sink, &otlp_sink, &memory_sink };

typedef struct Registered {
    char name[REGISTERED_NAME_MAX + 1];
    CryoExporterType type;
    void *context;
} Registered;

static struct {
    pthread_mutex_t lock;
    Registered list[REGISTERED_MAX];
    size_t count;
} registry = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- a user's exporter as a sink ------------------------------------------------------------- */

typedef struct CustomSink {
    Sink base;
    CryoExporterType type;
    void *self;
} CustomSink;

static uint32_t millis_left(const Until *until)
{
    int64_t left = until_ns(until) - clock_mono_ns(clock_system());
    if (left <= 0)
        return 0;
    left /= NANOS_PER_MILLI;
    return left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
}

static bool took_over(bool good, const CryoError *error, Err *err)
{
    return good || fail(err, ERR_IO, "%s", error->text[0] ? error->text : "it gave no reason");
}

static bool custom_export(CustomSink *custom, const Outgoing *outgoing, const void *views,
                          uint32_t timeout_ms, CryoError *error)
{
    const CryoExporterType *type = &custom->type;
    size_t count = outgoing->view_count;
    switch (outgoing->signal) {
    case TRACES: return type->export_spans(custom->self, views, count, timeout_ms, error);
    case METRICS: return type->export_metrics(custom->self, views, count, timeout_ms, error);
    case LOGS: return type->export_logs(custom->self, views, count, timeout_ms, error);
    }
    return false;
}

static bool custom_send(Sink *sink, Outgoing *outgoing, const Until *until, Err *err)
{
    CustomSink *custom = (CustomSink *)(void *)sink;
    Arena *arena = arena_new(VIEWS_MAX, err);
    const void *views = arena ? outgoing->views(outgoing, arena, err) : NULL;
    CryoError error = { 0 };
    bool good =
        views &&
        took_over(custom_export(custom, outgoing, views, millis_left(until), &error), &error, err);
    arena_free(arena);
    return good;
}

static bool custom_flush(Sink *sink, const Until *until, Err *err)
{
    CustomSink *custom = (CustomSink *)(void *)sink;
    CryoError error = { 0 };
    return !custom->type.flush ||
           took_over(custom->type.flush(custom->self, millis_left(until), &error), &error, err);
}

static void custom_destroy(Sink *sink)
{
    CustomSink *custom = (CustomSink *)(void *)sink;
    if (custom->type.destroy)
        custom->type.destroy(custom->self);
    mem_free(custom);
}

static const SinkType custom_sink = {
    .name = "registered", .send = custom_send, .flush = custom_flush, .destroy = custom_destroy
};

static bool custom_takes(const CryoExporterType *type, Signal signal)
{
    return signal == TRACES    ? type->export_spans != NULL
           : signal == METRICS ? type->export_metrics != NULL
                               : type->export_logs != NULL;
}

static Sink *custom_create(const Registered *registered, const CryoSettings *settings,
                           Signal signal, Err *err)
{
    if (!custom_takes(&registered->type, signal)) {
        fail(err, ERR_INPUT, "it was registered without a function that exports %.*s",
             STR_ARG(signal_name(signal)));
        return NULL;
    }
    CustomSink *custom = MEM_MAKE(CustomSink, 1, err);
    CryoError error = { 0 };
    if (!custom)
        return NULL;
    custom->base = (Sink){ .type = &custom_sink, .signal = signal };
    custom->type = registered->type;
    custom->self = registered->context;
    if (registered->type.create) {
        custom->self = registered->type.create(registered->context, settings, &error);
        if (!custom->self) {
            took_over(false, &error, err);
            mem_free(custom);
            return NULL;
        }
    }
    return &custom->base;
}

/* ---- names ----------------------------------------------------------------------------------- */

static const SinkType *built_in_find(Str name)
{
    for (size_t i = 0; i < COUNT_OF(built_in); i++)
        if (str_eq_nocase(name, str_from(built_in[i]->name)))
            return built_in[i];
    return NULL;
}

static bool registered_find(Str name, Registered *out)
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

bool exporter_known(Str name)
{
    Registered ignored;
    return str_eq_nocase(name, STR("none")) || built_in_find(name) ||
           registered_find(name, &ignored);
}

void exporter_names(char *out, size_t size)
{
    int len = snprintf(out, size, "console, otlp, in_memory, none");
    pthread_mutex_lock(&registry.lock);
    for (size_t i = 0; i < registry.count && len >= 0 && (size_t)len < size; i++)
        len += snprintf(out + len, size - (size_t)len, ", %s", registry.list[i].name);
    pthread_mutex_unlock(&registry.lock);
}

Sink *exporter_create(Str name, const CryoSettings *settings, Signal signal, Err *err)
{
    const SinkType *type = built_in_find(name);
    Registered registered;
    Sink *sink = NULL;
    if (type)
        sink = type->create(settings, signal, err);
    else if (registered_find(name, &registered))
        sink = custom_create(&registered, settings, signal, err);
    else
        fail(err, ERR_INPUT, "there is none of that name");
    if (!sink)
        blame(err, "exporter %.*s", STR_ARG(name));
    return sink;
}

bool cryo_exporter_register(const char *name, const CryoExporterType *type, void *context,
                            CryoError *err)
{
    if (!registered_name_allowed(name))
        return error_set(err, CRYO_ERROR_SETTINGS,
                         STR("an exporter's name is 1 to 31 of a-z, 0-9 and _"));
    CryoExporterType own = { 0 };
    if (type)
        memcpy(&own, type, type->size < sizeof own ? type->size : sizeof own);
    if (!own.export_spans && !own.export_metrics && !own.export_logs)
        return error_set(err, CRYO_ERROR_SETTINGS,
                         STR("an exporter needs export_spans, export_metrics or export_logs"));
    if (exporter_known(str_from(name)))
        return error_set(err, CRYO_ERROR_STATE, STR("an exporter of that name is there already"));
    pthread_mutex_lock(&registry.lock);
    bool room = registry.count < REGISTERED_MAX;
    if (room) {
        Registered *to = &registry.list[registry.count++];
        *to = (Registered){ .context = context, .type = own };
        snprintf(to->name, sizeof to->name, "%s", name);
    }
    pthread_mutex_unlock(&registry.lock);
    return room || error_set(err, CRYO_ERROR_STATE, STR("there are 16 exporters already"));
}

void exporters_forget(void)
{
    pthread_mutex_lock(&registry.lock);
    registry.count = 0;
    pthread_mutex_unlock(&registry.lock);
}
void exporters_lock(void)
{
    pthread_mutex_lock(&registry.lock);
}
void exporters_unlock(void)
{
    pthread_mutex_unlock(&registry.lock);
}
