/* settings_otel.c - OpenTelemetry's variables, and what endpoint and protocol come to in the end.
 *
 * Most variables stand for one setting each and are found through the rows. The others are read
 * here: OTEL_RESOURCE_ATTRIBUTES for several settings, OTEL_SDK_DISABLED the other way round, the
 * sampler's argument only together with the sampler, and the endpoint, whose general form is a base
 * to which each signal adds its path.
 */
#include "sdk/settings_internal.h"

#include "model/semconv.h"
#include "net/http.h"
#include "otlp/rpc.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    ATTRIBUTES_MAX = 128,
    GRPC_PORT = 4317,
    HTTP_PORT = 4318,
    ENDPOINT_MAX = 4096,
    SHOWN_MAX = 200, /* of a value that is no URL */
};

static Origin origin_of(const Variables *variables, const Variable *variable)
{
    return (Origin){ variables->is_file ? LAYER_FILE_OTEL : LAYER_OTEL, variable->name };
}

/* ---- OTEL_RESOURCE_ATTRIBUTES ---------------------------------------------------------------- */

static bool decoded(SettingsLoad *load, Str text, CryoString *out)
{
    Buf plain = BUF(1 << 16);
    Str copy;
    bool good = http_percent_decode(str_trim(text), &plain) &&
                arena_copy(load->arena, buf_str(&plain), &copy, &load->starved);
    buf_free(&plain);
    if (good)
        *out = (CryoString){ copy.ptr, copy.len };
    return good;
}

/* All of it or nothing, says the specification. */
static bool attributes_parse(SettingsLoad *load, Str text, CryoAttr *list, size_t *count)
{
    Str part;
    *count = 0;
    while (str_split(&text, ',', &part)) {
        if (str_trim(part).len == 0)
            continue;
        const char *equals = memchr(part.ptr, '=', part.len);
        if (!equals || *count == ATTRIBUTES_MAX)
            return false;
        size_t at = (size_t)(equals - part.ptr);
        CryoString key, value;
        if (!decoded(load, str_first(part, at), &key) || key.len == 0 ||
            !decoded(load, str_skip(part, at + 1), &value))
            return false;
        list[(*count)++] = (CryoAttr){ key, cryo_string(value) };
    }
    return true;
}

/* Does the attribute have a setting of its own, and a value that the setting allows? */
static bool attribute_is_setting(SettingsLoad *load, const CryoAttr *attribute, Origin origin)
{
    static const struct {
        Str key;
        SettingId id;
    } own[] = {
        { STR_ROW(ATTR_SERVICE_NAME), SET_SERVICE_NAME },
        { STR_ROW(ATTR_SERVICE_VERSION), SET_SERVICE_VERSION },
        { STR_ROW(ATTR_DEPLOYMENT_ENVIRONMENT), SET_SERVICE_ENVIRONMENT },
        { STR_ROW("deployment.environment"), SET_SERVICE_ENVIRONMENT },
    };
    Str key = { attribute->key.ptr, attribute->key.len };
    Str value = { attribute->value.as.string.ptr, attribute->value.as.string.len };
    for (size_t i = 0; i < COUNT_OF(own); i++) {
        Err err;
        if (!str_eq(key, own[i].key))
            continue;
        bool taken = setting_parse(&setting_rows[own[i].id], value, &load->loaded->settings,
                                   load->arena, &err);
        if (taken)
            load->loaded->origins[own[i].id] = origin;
        return taken; /* else it stays an attribute: any environment has a name */
    }
    return false;
}

static void apply_resource(SettingsLoad *load, const Variables *variables)
{
    const Variable *variable = variable_find(variables, "OTEL_RESOURCE_ATTRIBUTES");
    CryoAttr *list =
        variable ? ARENA_MAKE(load->arena, CryoAttr, ATTRIBUTES_MAX, &load->starved) : NULL;
    size_t count, kept = 0;
    if (!list)
        return;
    Origin origin = origin_of(variables, variable);
    if (!attributes_parse(load, variable->value, list, &count)) {
        const char *what = "must be key=value,key=value, percent-encoded";
        if (variables->is_file)
            load_error(load, "OTEL_RESOURCE_ATTRIBUTES (in .env): %s", what);
        else
            load_warning(load, "OTEL_RESOURCE_ATTRIBUTES: %s; it is ignored", what);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (!attribute_is_setting(load, &list[i], origin))
            list[kept++] = list[i];
    if (kept) {
        load->loaded->settings.service.additional_attributes = (CryoAttrs){ list, kept };
        load->loaded->origins[SET_SERVICE_ATTRIBUTES] = origin;
    }
}

/* ---- the others ------------------------------------------------------------------------------ */

static bool otel_switch(SettingsLoad *load, const Variables *variables, const char *name, bool *out)
{
    const Variable *variable = variable_find(variables, name);
    if (!variable)
        return false;
    *out = str_eq_nocase(variable->value, STR("true"));
    if (!*out && !str_eq_nocase(variable->value, STR("false")))
        load_warning(load, "%s: '%.*s' is neither true nor false; it counts as false", name,
                     STR_ARG(variable->value));
    return true;
}

/* An endpoint for all signals is a base; one for a signal is used as it is. */
static void note_base(SettingsLoad *load, SettingId id, bool is_base)
{
    for (size_t i = 0; i < SETTINGS_SIGNALS; i++) {
        const SignalSettings *of = &signal_settings[i];
        if (id == setting_of(of, SET_TRACES_ENDPOINT))
            load->loaded->base_endpoints = is_base
                                               ? load->loaded->base_endpoints | (int)of->signal
                                               : load->loaded->base_endpoints & ~(int)of->signal;
    }
}

static void apply_insecure(SettingsLoad *load, const Variables *variables)
{
    for (size_t i = 0; i < SETTINGS_SIGNALS; i++) {
        const SignalSettings *of = &signal_settings[i];
        bool insecure = false;
        if (!otel_switch(load, variables, of->insecure_name, &insecure) &&
            !otel_switch(load, variables, "OTEL_EXPORTER_OTLP_INSECURE", &insecure))
            continue;
        load->loaded->insecure = insecure ? load->loaded->insecure | (int)of->signal
                                          : load->loaded->insecure & ~(int)of->signal;
    }
}

void apply_otel(SettingsLoad *load, const Variables *variables)
{
    apply_resource(load, variables); /* first: OTEL_SERVICE_NAME wins against it */
    for (size_t id = 0; id < SETTING_COUNT_ALL; id++) {
        const SettingRow *row = &setting_rows[id];
        const Variable *own = variable_find(variables, row->otel[0]);
        const Variable *general = variable_find(variables, row->otel[1]);
        const Variable *variable = own ? own : general;
        if (!variable ||
            (id == SET_SAMPLE_RATE && !variable_find(variables, "OTEL_TRACES_SAMPLER")))
            continue;
        apply_text(load, (SettingId)id, str_trim(variable->value), origin_of(variables, variable));
        note_base(load, (SettingId)id, variable == general);
    }
    bool disabled;
    if (otel_switch(load, variables, "OTEL_SDK_DISABLED", &disabled)) {
        load->loaded->settings.enable_telemetry = disabled ? CRYO_OFF : CRYO_ON;
        load->loaded->origins[SET_ENABLE_TELEMETRY] =
            (Origin){ variables->is_file ? LAYER_FILE_OTEL : LAYER_OTEL, STR("OTEL_SDK_DISABLED") };
    }
    apply_insecure(load, variables);
}

/* ---- endpoint and protocol ------------------------------------------------------------------- */

typedef struct Endpoint {
    Str scheme; /* empty: none was written */
    Str host;   /* with brackets around an IPv6 address */
    Str path;
    uint16_t port; /* 0: none */
} Endpoint;

static bool endpoint_parse(Str text, Endpoint *out)
{
    *out = (Endpoint){ 0 };
    for (size_t i = 0; i + 2 < text.len && out->scheme.len == 0; i++)
        if (memcmp(text.ptr + i, "://", 3) == 0)
            out->scheme = str_first(text, i);
    Str rest = out->scheme.len ? str_skip(text, out->scheme.len + 3) : text;
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/')
        end++;
    out->path = str_skip(rest, end);
    out->host = str_first(rest, end);
    size_t colon = out->host.len;
    while (colon > 0 && out->host.ptr[colon - 1] != ':' && out->host.ptr[colon - 1] != ']')
        colon--;
    if (colon > 0 && out->host.ptr[colon - 1] == ':') {
        uint64_t port;
        if (!str_to_u64(str_skip(out->host, colon), &port) || port == 0 || port > UINT16_MAX)
            return false;
        out->port = (uint16_t)port;
        out->host = str_first(out->host, colon - 1);
    }
    return out->host.len > 0 && !memchr(out->host.ptr, '@', out->host.len);
}

/* One signal's endpoint and protocol, on their way to what they are in the end. */
typedef struct Settling {
    SettingsLoad *load;
    const SignalSettings *of;
    CryoOtlpSettings *otlp;
    const CryoCollectorSettings *collector;
} Settling;

static const Origin *origin(const Settling *at, SettingId traces)
{
    return &at->load->loaded->origins[setting_of(at->of, traces)];
}

static Settling settling(SettingsLoad *load, const SignalSettings *of)
{
    CryoSettings *s = &load->loaded->settings;
    switch (of->signal) {
    case TRACES: return (Settling){ load, of, &s->tracing.otlp, &s->tracing.collector };
    case METRICS: return (Settling){ load, of, &s->metrics.otlp, &s->metrics.collector };
    case LOGS: break;
    }
    return (Settling){ load, of, &s->logging.otlp, &s->logging.collector };
}

static PRINTF(3, 4) void set_endpoint(Settling *at, const char *protocol, const char *format, ...)
{
    SettingsLoad *load = at->load;
    Buf text = BUF(8 << 10);
    Str copy;
    va_list args;
    va_start(args, format);
    buf_addv(&text, format, args);
    va_end(args);
    if (buf_ok(&text, &load->starved) &&
        arena_copy(load->arena, buf_str(&text), &copy, &load->starved))
        at->otlp->endpoint = copy.ptr;
    else
        load->failed = true;
    at->otlp->protocol = protocol;
    buf_free(&text);
}

static const char *protocol_for(const Settling *at, bool grpc)
{
    if (origin(at, SET_TRACES_PROTOCOL)->layer > LAYER_PRESET)
        return at->otlp->protocol;
    return grpc ? "grpc" : "http/protobuf";
}

/* Does TLS protect it? Without a scheme it does, unless INSECURE says otherwise. False: the scheme
 * is not one of OTLP. */
static bool scheme_settle(Settling *at, Str name, const Endpoint *url, const char **scheme)
{
    SettingsLoad *load = at->load;
    bool insecure = load->loaded->insecure & (int)at->of->signal;
    bool plain = url->scheme.len ? str_eq_nocase(url->scheme, STR("http")) : insecure;
    *scheme = plain ? "http" : "https";
    if (plain || url->scheme.len == 0 || str_eq_nocase(url->scheme, STR("https")))
        return true;
    load_error(load, "%.*s: '%.*s' is not a scheme that OTLP uses; write http:// or https://",
               STR_ARG(name), STR_ARG(url->scheme));
    return false;
}

/* The endpoint as the user wrote it: complete it for its protocol. */
static void settle_endpoint(Settling *at)
{
    Str text = str_from(at->otlp->endpoint);
    Str name = origin(at, SET_TRACES_ENDPOINT)->name;
    bool base = at->load->loaded->base_endpoints & (int)at->of->signal;
    Endpoint url;
    const char *scheme;
    if (text.len > ENDPOINT_MAX || !endpoint_parse(text, &url)) {
        load_error(at->load, "%.*s: '%.*s' is not a URL such as http://localhost:4318",
                   STR_ARG(name), STR_ARG(str_first(text, SHOWN_MAX)));
        return;
    }
    if (!scheme_settle(at, name, &url, &scheme))
        return;
    const char *protocol = protocol_for(at, url.port == GRPC_PORT);
    bool grpc = strcmp(protocol, "grpc") == 0;
    uint16_t usual = grpc ? GRPC_PORT : strcmp(scheme, "https") == 0 ? 443 : 80;
    uint16_t port = url.port ? url.port : usual;
    Str path = url.path, more = path.len ? STR("") : STR("/");
    if (base && path.len && path.ptr[path.len - 1] == '/')
        path.len--;
    if (base)
        more = otlp_http_path(at->of->signal);
    if (grpc)
        set_endpoint(at, protocol, "%s://%.*s:%u", scheme, STR_ARG(url.host), port);
    else
        set_endpoint(at, protocol, "%s://%.*s:%u%.*s%.*s", scheme, STR_ARG(url.host), port,
                     STR_ARG(path), STR_ARG(more));
}

static void settle_collector(Settling *at)
{
    const CryoCollectorSettings *collector = at->collector;
    bool port_given = origin(at, SET_TRACES_PORT)->layer > LAYER_PRESET;
    const char *protocol = protocol_for(at, collector->port != HTTP_PORT);
    bool grpc = strcmp(protocol, "grpc") == 0;
    int32_t port = port_given ? collector->port : grpc ? GRPC_PORT : HTTP_PORT;
    Str path = grpc ? STR("") : otlp_http_path(at->of->signal);
    set_endpoint(at, protocol, "%s://%s:%" PRId32 "%.*s", collector->protocol, collector->host,
                 port, STR_ARG(path));
}

static bool exports_otlp(Str list)
{
    Str part;
    while (str_split(&list, ',', &part))
        if (str_eq(part, STR("otlp")))
            return true;
    return false;
}

static void settle_signal(Settling at)
{
    LoadedSettings *loaded = at.load->loaded;
    SettingId exporter = setting_of(at.of, SET_TRACES_EXPORTER);
    const char **exporters = setting_member(&setting_rows[exporter], &loaded->settings);
    bool endpoint = *at.otlp->endpoint != '\0';
    SettingId chosen = endpoint ? SET_TRACES_ENDPOINT : SET_TRACES_PROTOCOL;
    /* Whoever says where or how to send wants it sent. */
    if (loaded->origins[exporter].layer == LAYER_PRESET &&
        origin(&at, chosen)->layer > LAYER_PRESET) {
        *exporters = "otlp";
        loaded->origins[exporter] = *origin(&at, chosen);
    }
    if (!exports_otlp(str_from(*exporters)))
        return;
    Layer collector = origin(&at, SET_TRACES_HOST)->layer;
    if (origin(&at, SET_TRACES_PORT)->layer > collector)
        collector = origin(&at, SET_TRACES_PORT)->layer;
    if (endpoint && origin(&at, SET_TRACES_ENDPOINT)->layer >= collector)
        settle_endpoint(&at);
    else
        settle_collector(&at);
}

void settle_otlp(SettingsLoad *load)
{
    for (size_t i = 0; i < SETTINGS_SIGNALS; i++)
        settle_signal(settling(load, &signal_settings[i]));
}
