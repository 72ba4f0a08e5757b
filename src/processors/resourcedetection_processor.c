/* resourcedetection_processor.c - says of all resources where this program runs.
 *
 * Detectors are asked in the order of `detectors`, at the start and then every refresh_interval;
 * what the first one has to say of an attribute counts. They read the environment and small files
 * of /proc, /sys and /etc (host/system_facts.h), which waits for nobody: data never waits either.
 * A detector that fails is told of, once, and holds nothing up; what it found before it failed
 * counts.
 *
 *     env      OTEL_RESOURCE_ATTRIBUTES: key=value,key=value, percent-encoded
 *     system   the machine; system.resource_attributes says which attributes
 *
 * Every loop has an instance that asks by itself, so there is nothing to share.
 */
#include "base/arena.h"
#include "base/mem.h"
#include "host/system_facts.h"
#include "net/http.h"
#include "net/loop.h"
#include "otlp/batch.h"
#include "otlp/encode.h"
#include "pipe/host.h"
#include "processors/send_edited.h"

#include <stdlib.h>

enum {
    FOUND_BYTES_MAX = 1 << 20, /* of all detectors together */
    FOUND_MAX = 256,
    SYSTEM_FACTS = 16,
};

/* --- settings -------------------------------------------------------------------------------- */

typedef struct Wanted {
    bool enabled;
} Wanted;

typedef struct SystemWanted {
    Wanted host_name, host_id, host_arch, host_ip, host_mac;
    Wanted os_type, os_name, os_version, os_build, os_description;
    Wanted cpu_vendor, cpu_family, cpu_model, cpu_model_name, cpu_stepping, cpu_cache;
} SystemWanted;

typedef struct SystemSettings {
    TextList hostname_sources;
    SystemWanted resource_attributes;
} SystemSettings;

typedef struct Detection {
    Component base;
    TextList detectors, attributes; /* settings */
    bool override;
    int64_t refresh_interval;
    SystemSettings system;
    Arena *arena; /* state: what was found */
    AttributeView *found;
    size_t count;
    bool told; /* that a detector failed */
    Timer timer;
} Detection;

static const char there_is[] = "there are env and system";

static bool check_detector(Str name, Err *err)
{
    static const char *const others[] = {
        "docker",      "ec2",          "ecs",       "eks",     "elastic_beanstalk",
        "lambda",      "azure",        "aks",       "gcp",     "consul",
        "heroku",      "openshift",    "k8snode",   "k8s_api", "kubeadm",
        "akamai",      "digitalocean", "dynatrace", "hetzner", "oraclecloud",
        "scaleway",    "upcloud",      "vultr",     "nova",    "alibaba_ecs",
        "tencent_cvm",
    };
    if (str_eq(name, STR("env")) || str_eq(name, STR("system")))
        return true;
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (str_eq(name, str_from(others[i])))
            return fail(err, ERR_UNSUPPORTED, "detector \"%.*s\": not supported yet; %s",
                        STR_ARG(name), there_is);
    return fail(err, ERR_INPUT, "\"%.*s\" is no detector; %s", STR_ARG(name), there_is);
}

static bool check_source(Str name, Err *err)
{
    if (str_eq(name, STR("os")) || str_eq(name, STR("dns")))
        return true;
    if (str_eq(name, STR("cname")) || str_eq(name, STR("lookup")))
        return fail(err, ERR_UNSUPPORTED,
                    "\"%.*s\" asks name servers: not supported yet; there are os and dns (which "
                    "reads /etc/hosts)",
                    STR_ARG(name));
    return fail(err, ERR_INPUT, "\"%.*s\" is none of dns, os, cname, lookup", STR_ARG(name));
}

static const ConfigField on_fields[] = {
    BOOL(Wanted, enabled, "true", "Whether it is added."),
    { 0 },
};

static const ConfigField off_fields[] = {
    BOOL(Wanted, enabled, "false", "Whether it is added."),
    { 0 },
};

/* clang-format off */
#define FACT_ROW(m, n, rows, help) SECTION(SystemWanted, m, Wanted, rows, help, .name = n)
/* clang-format on */

static const ConfigField wanted_fields[] = {
    FACT_ROW(host_name, "host.name", on_fields, "The machine's name."),
    FACT_ROW(host_id, "host.id", off_fields, "Of /etc/machine-id."),
    FACT_ROW(host_arch, "host.arch", off_fields, "The processor's architecture."),
    FACT_ROW(host_ip, "host.ip", off_fields, "All addresses but those to itself."),
    FACT_ROW(host_mac, "host.mac", off_fields, "The interfaces' hardware addresses."),
    FACT_ROW(os_type, "os.type", on_fields, "linux."),
    FACT_ROW(os_name, "os.name", off_fields, "The distribution's name."),
    FACT_ROW(os_version, "os.version", off_fields, "The distribution's version."),
    FACT_ROW(os_build, "os.build.id", off_fields, "The kernel's release."),
    FACT_ROW(os_description, "os.description", off_fields, "Distribution and kernel as text."),
    FACT_ROW(cpu_vendor, "host.cpu.vendor.id", off_fields, "The processor's maker."),
    FACT_ROW(cpu_family, "host.cpu.family", off_fields, "The processor's family."),
    FACT_ROW(cpu_model, "host.cpu.model.id", off_fields, "The processor's model, a number."),
    FACT_ROW(cpu_model_name, "host.cpu.model.name", off_fields, "The processor's model."),
    FACT_ROW(cpu_stepping, "host.cpu.stepping", off_fields, "The processor's stepping."),
    FACT_ROW(cpu_cache, "host.cpu.cache.l2.size", off_fields, "The processor's cache, in KiB."),
    { 0 },
};

static const ConfigField system_fields[] = {
    TEXT_LIST(SystemSettings, hostname_sources, "dns,os",
              "Where host.name comes from, the first that knows: dns (with its domain, of "
              "/etc/hosts), os.",
              .check = check_source),
    SECTION(SystemSettings, resource_attributes, SystemWanted, wanted_fields,
            "Which attributes are added."),
    { 0 },
};

static const ConfigField fields[] = {
    TEXT_LIST(Detection, detectors, "env", "Who is asked, in this order: env, system.",
              .check = check_detector),
    BOOL(Detection, override, "true", "Whether attributes that a resource has are replaced."),
    DURATION(Detection, refresh_interval, "0s", "0s", "24h", "Ask again so often; 0s: never."),
    TEXT_LIST(
        Detection, attributes, "",
        "Add only these; without any all that are enabled (resource_attributes replaces it)."),
    SECTION(Detection, system, SystemSettings, system_fields, "Of the detector system."),
    IGNORED("timeout", "no detector here waits for anybody"),
    LATER("docker", "the detector docker"),
    LATER("ec2", "the detector ec2"),
    LATER("ecs", "the detector ecs"),
    LATER("eks", "the detector eks"),
    LATER("azure", "the detector azure"),
    LATER("aks", "the detector aks"),
    LATER("gcp", "the detector gcp"),
    { 0 },
};

static bool detection_check(const void *self, Err *err)
{
    const Detection *d = self;
    return d->detectors.count || fail(err, ERR_INPUT, "detectors needs at least one; %s", there_is);
}

/* --- what was found -------------------------------------------------------------------------- */

static bool is_listed(const TextList *list, Str text)
{
    for (size_t i = 0; i < list->count; i++)
        if (str_eq(list->items[i], text))
            return true;
    return !list->count;
}

static bool is_found(const Detection *d, Str key)
{
    for (size_t i = 0; i < d->count; i++)
        if (str_eq(d->found[i].key, key))
            return true;
    return false;
}

/* Keeps a copy, unless another detector was first. */
static bool keep(Detection *d, Str key, ValueView value, Err *err)
{
    if (is_found(d, key) || !is_listed(&d->attributes, key))
        return true;
    if (d->count == FOUND_MAX)
        return fail(err, ERR_LIMIT, "more than %d attributes", FOUND_MAX);
    AttributeView *attribute = &d->found[d->count];
    *attribute = (AttributeView){ .value = value };
    if (!arena_copy(d->arena, key, &attribute->key, err))
        return false;
    bool has_text = value.kind == VALUE_STRING || value.kind == VALUE_ARRAY;
    if (has_text && !arena_copy(d->arena, value.text, &attribute->value.text, err))
        return false;
    d->count++;
    return true;
}

/* --- env ------------------------------------------------------------------------------------- */

static bool keep_pair(Detection *d, Str pair, Err *err)
{
    Str key, text = pair;
    str_split(&text, '=', &key);
    key = str_trim(key);
    if (!key.len || key.len == str_trim(pair).len)
        return fail(err, ERR_INPUT, "OTEL_RESOURCE_ATTRIBUTES: \"%.*s\" is not key=value",
                    STR_ARG(pair));
    Buf value = BUF(FOUND_BYTES_MAX);
    bool good =
        http_percent_decode(str_trim(text), &value) ||
        fail(err, ERR_INPUT, "OTEL_RESOURCE_ATTRIBUTES: \"%.*s\" is badly encoded", STR_ARG(pair));
    good = good && buf_ok(&value, err) &&
           keep(d, key, (ValueView){ .kind = VALUE_STRING, .text = buf_str(&value) }, err);
    buf_free(&value);
    return good;
}

static bool detect_env(Detection *d, Err *err)
{
    const char *given = getenv("OTEL_RESOURCE_ATTRIBUTES");
    Str rest = str_trim(str_from(given ? given : "")), pair;
    while (rest.len && str_split(&rest, ',', &pair))
        if (!keep_pair(d, pair, err))
            return false;
    return true;
}

/* --- system ---------------------------------------------------------------------------------- */

typedef enum FactKind { FACT_TEXT, FACT_NUMBER, FACT_LIST } FactKind;

typedef struct FactRow {
    Str key;
    size_t wanted; /* in SystemWanted */
    SystemFact fact;
    FactKind kind;
} FactRow;

#define FACT(k, m, f, t)                            \
    {                                               \
        STR_ROW(k), offsetof(SystemWanted, m), f, t \
    }

static const FactRow facts[SYSTEM_FACTS] = {
    FACT("host.name", host_name, FACT_HOST_NAME, FACT_TEXT),
    FACT("host.id", host_id, FACT_HOST_ID, FACT_TEXT),
    FACT("host.arch", host_arch, FACT_HOST_ARCH, FACT_TEXT),
    FACT("host.ip", host_ip, FACT_HOST_IPS, FACT_LIST),
    FACT("host.mac", host_mac, FACT_HOST_MACS, FACT_LIST),
    FACT("os.type", os_type, FACT_OS_TYPE, FACT_TEXT),
    FACT("os.name", os_name, FACT_OS_NAME, FACT_TEXT),
    FACT("os.version", os_version, FACT_OS_VERSION, FACT_TEXT),
    FACT("os.build.id", os_build, FACT_OS_BUILD, FACT_TEXT),
    FACT("os.description", os_description, FACT_OS_DESCRIPTION, FACT_TEXT),
    FACT("host.cpu.vendor.id", cpu_vendor, FACT_CPU_VENDOR, FACT_TEXT),
    FACT("host.cpu.family", cpu_family, FACT_CPU_FAMILY, FACT_TEXT),
    FACT("host.cpu.model.id", cpu_model, FACT_CPU_MODEL, FACT_TEXT),
    FACT("host.cpu.model.name", cpu_model_name, FACT_CPU_MODEL_NAME, FACT_TEXT),
    FACT("host.cpu.stepping", cpu_stepping, FACT_CPU_STEPPING, FACT_TEXT),
    FACT("host.cpu.cache.l2.size", cpu_cache, FACT_CPU_CACHE, FACT_NUMBER),
};

static bool keep_fact(Detection *d, const FactRow *row, Str text, Err *err)
{
    ValueView value = { .kind = VALUE_STRING, .text = text };
    int64_t number = 0;
    Buf list = BUF(4 * FACT_BYTES_MAX);
    Str line;
    if (row->kind == FACT_NUMBER && str_to_i64(text, &number))
        value = (ValueView){ .kind = VALUE_INT, .integer = number };
    while (row->kind == FACT_LIST && str_split(&text, '\n', &line))
        encode_element(&list, &(ValueView){ .kind = VALUE_STRING, .text = line });
    if (row->kind == FACT_LIST)
        value = (ValueView){ .kind = VALUE_ARRAY, .text = buf_str(&list) };
    bool good = buf_ok(&list, err) && keep(d, row->key, value, err);
    buf_free(&list);
    return good;
}

/* The first of the sources that knows. */
static bool find_name(const Detection *d, Buf *out, Err *err)
{
    const TextList *sources = &d->system.hostname_sources;
    fail(err, ERR_INPUT, "system.hostname_sources is empty");
    for (size_t i = 0; i < sources->count; i++) {
        bool full = str_eq(sources->items[i], STR("dns"));
        buf_clear(out);
        if (system_fact(host_disk(d->base.host), full ? FACT_HOST_FULL_NAME : FACT_HOST_NAME, out,
                        err))
            return true;
    }
    return false;
}

static bool detect_fact(Detection *d, const FactRow *row, Err *err)
{
    Buf text = BUF(FACT_BYTES_MAX);
    bool good = row->fact == FACT_HOST_NAME
                    ? find_name(d, &text, err)
                    : system_fact(host_disk(d->base.host), row->fact, &text, err);
    good = good && keep_fact(d, row, buf_str(&text), err);
    buf_free(&text);
    return good || blame(err, "%.*s", STR_ARG(row->key));
}

/* One that the machine does not say does not keep the others away. */
static bool detect_system(Detection *d, Err *err)
{
    const char *wanted = (const char *)&d->system.resource_attributes;
    bool good = true;
    for (size_t i = 0; i < COUNT_OF(facts); i++) {
        Err failure;
        const Wanted *one = (const Wanted *)(const void *)(wanted + facts[i].wanted);
        if (!one->enabled || detect_fact(d, &facts[i], &failure))
            continue;
        if (good)
            *err = failure;
        good = false;
    }
    return good;
}

/* --- asking ---------------------------------------------------------------------------------- */

static void tell(Detection *d, Str detector, const Err *err)
{
    if (!d->told && host_speaks(d->base.host))
        host_log(d->base.host, LOG_WARN, "failed to detect resource: %.*s: %s", STR_ARG(detector),
                 err->text);
    d->told = true;
}

static bool detect(Detection *d, Err *err)
{
    d->count = 0;
    d->arena = arena_new(FOUND_BYTES_MAX, err);
    d->found = d->arena ? ARENA_MAKE(d->arena, AttributeView, FOUND_MAX, err) : NULL;
    if (!d->found)
        return false;
    for (size_t i = 0; i < d->detectors.count; i++) {
        Err failure;
        Str name = d->detectors.items[i];
        if (!(str_eq(name, STR("env")) ? detect_env(d, &failure) : detect_system(d, &failure)))
            tell(d, name, &failure);
    }
    return true;
}

/* Where there is no memory for new ones, what was found stays. */
static void ask_again(void *owner)
{
    Detection *d = owner;
    Detection old = *d;
    Loop *loop = host_loop(d->base.host);
    Err err;
    if (detect(d, &err)) {
        arena_free(old.arena);
    } else {
        arena_free(d->arena);
        d->arena = old.arena;
        d->found = old.found;
        d->count = old.count;
    }
    timer_set(loop, &d->timer, loop_now(loop) + d->refresh_interval);
}

/* --- hooks ----------------------------------------------------------------------------------- */

static bool detection_start(void *self, Err *err)
{
    Detection *d = self;
    Loop *loop = host_loop(d->base.host);
    d->timer = (Timer){ .fire = ask_again, .owner = d };
    if (!detect(d, err))
        return false;
    if (d->refresh_interval)
        timer_set(loop, &d->timer, loop_now(loop) + d->refresh_interval);
    return true;
}

static bool edit_resources(const void *self, const Parcel *parcel, Edits *edits, Err *err)
{
    const Detection *d = self;
    ValueView value;
    for (size_t number = 0; number < batch_resource_count(parcel->batch); number++)
        for (size_t i = 0; i < d->count; i++)
            if ((d->override ||
                 !edits_find(edits, EDIT_RESOURCE, number, d->found[i].key, &value)) &&
                !edits_set(edits, EDIT_RESOURCE, number, &d->found[i], err))
                return false;
    return true;
}

static bool detection_consume(void *self, const Parcel *parcel, Err *err)
{
    return send_edited(self, parcel, edit_resources, err);
}

static void detection_stop(void *self)
{
    Detection *d = self;
    timer_cancel(host_loop(d->base.host), &d->timer);
    arena_free(d->arena);
    d->arena = NULL;
    d->found = NULL;
    d->count = 0;
}

const ComponentType resourcedetection_processor = {
    .name = "resourcedetection",
    .aliases = (const char *const[]){ "resource_detection", NULL },
    .summary = "Says of all resources where this program runs.",
    .kind = PROCESSOR,
    .stability = ALPHA,
    .placement = SHARDED,
    .signals = ALL_SIGNALS,
    .size = sizeof(Detection),
    .fields = fields,
    .check = detection_check,
    .start = detection_start,
    .consume = detection_consume,
    .stop = detection_stop,
};
