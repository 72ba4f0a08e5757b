/* meter.c - meters, instruments and what is bound to them; see meter.h.
 *
 * All of these are few, made once and never freed, so that a handle in a program's static variable
 * is always good. What a caller gets wrong is said once per kind of mistake.
 */
#include "sdk/meter.h"

#include "base/mem.h"
#include "sdk/diagnostics.h"
#include "sdk/metric_callback.h"
#include "sdk/metric_memory.h"
#include "sdk/text.h"

#include <math.h>
#include <string.h>

enum { NAME_MAX_LEN = 255, UNIT_MAX_LEN = 63, DESCRIPTION_MAX_LEN = 4096 };

static const double preset_bounds[] = { 0,   5,   10,   25,   50,   75,   100,  250,
                                        500, 750, 1000, 2500, 5000, 7500, 10000 };

static struct {
    CryoMeter *meters;
    size_t meter_count;
    Instrument *instruments;
    size_t instrument_count;
    uint32_t handles; /* ids given */
} made;

Instrument *meter_instruments(void)
{
    return made.instruments;
}

/* ---- texts ----------------------------------------------------------------------------------- */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool name_allowed(Str name)
{
    if (name.len == 0 || name.len > NAME_MAX_LEN || !is_letter(name.ptr[0]))
        return false;
    for (size_t i = 1; i < name.len; i++) {
        char c = name.ptr[i];
        if (!is_letter(c) && !(c >= '0' && c <= '9') && !memchr("_.-/", c, 4))
            return false;
    }
    return true;
}

static Str cut(Str text, size_t most)
{
    size_t at = text.len < most ? text.len : most;
    while (at > 0 && at < text.len && ((unsigned char)text.ptr[at] & 0xC0) == 0x80)
        at--; /* not inside a character */
    return str_first(text, at);
}

static char *place(char **at, Str text, Str *out)
{
    *out = (Str){ *at, text.len };
    if (text.len)
        memcpy(*at, text.ptr, text.len);
    return *at += text.len;
}

/* ---- meters ---------------------------------------------------------------------------------- */

static CryoMeter *meter_new(Str name, Str version)
{
    CryoMeter *meter = mem_grow(NULL, sizeof *meter + name.len + version.len);
    if (!meter)
        return NULL;
    char *at = (char *)(meter + 1);
    *meter = (CryoMeter){ .next = made.meters };
    place(&at, name, &meter->name);
    place(&at, version, &meter->version);
    made.meters = meter;
    made.meter_count++;
    return meter;
}

static CryoMeter *meter_find(Str name, Str version)
{
    meter_lock();
    CryoMeter *meter = made.meters;
    while (meter && !(str_eq(meter->name, name) && str_eq(meter->version, version)))
        meter = meter->next;
    if (!meter && made.meter_count < METERS_MAX)
        meter = meter_new(name, version);
    meter_unlock();
    return meter;
}

static const CryoMeter service_meter; /* stands for the service's own */

const CryoMeter *cryo_meter(const char *name, const char *version)
{
    static atomic_bool told, full_told;
    TextScratch first = TEXT_SCRATCH, second = TEXT_SCRATCH;
    if ((!name || !*name) && !atomic_exchange(&told, true))
        say(CRYO_LOG_WARN, "cryo_meter: a meter without a name");
    const CryoMeter *meter = meter_find(text_repaired(str_from(name), &first),
                                        text_repaired(str_from(version), &second));
    text_scratch_free(&first);
    text_scratch_free(&second);
    if (!meter && !atomic_exchange(&full_told, true))
        say(CRYO_LOG_WARN, "cryo_meter: no room for another; the service's is used");
    return meter ? meter : &service_meter;
}

/* ---- instruments ----------------------------------------------------------------------------- */

typedef struct Wanted {
    CryoInstrumentKind kind;
    CryoNumberType number;
    const CryoMeter *meter;
    Str name, unit, description;
    const double *bounds;
    size_t bound_count, bucket_count;
} Wanted;

static bool bounds_allowed(const double *bounds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(bounds[i]) || (i > 0 && bounds[i] <= bounds[i - 1]))
            return false;
    return count <= BOUNDS_MAX;
}

static void want_bounds(Wanted *wanted, const CryoInstrumentOptions *options)
{
    static atomic_bool told;
    if (wanted->kind != CRYO_HISTOGRAM)
        return;
    wanted->bounds = preset_bounds;
    wanted->bound_count = COUNT_OF(preset_bounds);
    if (options && options->bounds && bounds_allowed(options->bounds, options->bound_count)) {
        wanted->bounds = options->bounds;
        wanted->bound_count = options->bound_count;
    } else if (options && options->bounds && !atomic_exchange(&told, true)) {
        say(CRYO_LOG_WARN,
            "histogram %.*s: bounds must rise, be finite, and at most %d; it has the usual ones",
            STR_ARG(wanted->name), BOUNDS_MAX);
    }
    wanted->bucket_count = wanted->bound_count ? wanted->bound_count + 1 : 0;
}

static bool want(Wanted *wanted, const char *name, const CryoInstrumentOptions *options)
{
    static atomic_bool name_told, unit_told;
    const CryoMeter *meter = options ? options->meter : NULL;
    wanted->name = str_from(name);
    wanted->meter = meter == &service_meter ? NULL : meter;
    if (!name_allowed(wanted->name)) {
        if (!atomic_exchange(&name_told, true))
            say(CRYO_LOG_ERROR,
                "the instrument \"%.*s\" measures nothing: a name is a letter and at most 254 "
                "letters, digits, and _ . - /",
                STR_ARG(cut(wanted->name, NAME_MAX_LEN)));
        return false;
    }
    Str unit = str_from(options ? options->unit : NULL);
    wanted->unit = cut(unit, UNIT_MAX_LEN);
    if (wanted->unit.len < unit.len && !atomic_exchange(&unit_told, true))
        say(CRYO_LOG_WARN, "instrument %.*s: a unit has at most %d bytes", STR_ARG(wanted->name),
            UNIT_MAX_LEN);
    wanted->description = cut(str_from(options ? options->description : NULL), DESCRIPTION_MAX_LEN);
    want_bounds(wanted, options);
    return true;
}

static bool is_same(const Instrument *have, const Wanted *wanted)
{
    return have->kind == wanted->kind && have->number == wanted->number &&
           str_eq(have->unit, wanted->unit) && str_eq(have->description, wanted->description);
}

static Instrument *instrument_new(const Wanted *wanted)
{
    size_t texts = wanted->name.len + wanted->unit.len + wanted->description.len;
    size_t bounds = wanted->bound_count * sizeof(double);
    Instrument *instrument = made.instrument_count < INSTRUMENTS_MAX
                                 ? mem_grow(NULL, sizeof *instrument + bounds + texts)
                                 : NULL;
    if (!instrument)
        return NULL;
    *instrument = (Instrument){
        .plain = { .id = made.handles, .of = instrument },
        .overflow = { .id = made.handles + 1, .of = instrument, .overflow = true },
        .meter = wanted->meter,
        .kind = wanted->kind,
        .number = wanted->number,
        .bounds = (double *)(void *)(instrument + 1),
        .bound_count = wanted->bound_count,
        .bucket_count = wanted->bucket_count,
        .made_ns = atomic_load(&meter_epoch) ? clock_wall_ns(meter_run.config.clock) : 0,
        .next = made.instruments,
    };
    char *at = (char *)(instrument + 1);
    if (bounds)
        memcpy(at, wanted->bounds, bounds);
    at += bounds;
    place(&at, wanted->name, &instrument->name);
    place(&at, wanted->unit, &instrument->unit);
    place(&at, wanted->description, &instrument->description);
    made.handles += 2;
    made.instrument_count++;
    return made.instruments = instrument;
}

typedef struct Found {
    Instrument *instrument;     /* NULL: no room */
    const Instrument *conflict; /* the same name, but made in another way */
    bool other_case, other_bounds;
} Found;

static Found instrument_find(const Wanted *wanted)
{
    Found found = { 0 };
    for (Instrument *have = made.instruments; have && !found.instrument; have = have->next) {
        if (have->meter != wanted->meter || !str_eq_nocase(have->name, wanted->name))
            continue;
        if (is_same(have, wanted))
            found.instrument = have;
        else
            found.conflict = have;
    }
    if (!found.instrument) {
        found.instrument = instrument_new(wanted);
        return found;
    }
    const Instrument *have = found.instrument;
    size_t bounds = wanted->bound_count * sizeof(double);
    found.conflict = NULL; /* told when the second one was made */
    found.other_case = !str_eq(have->name, wanted->name);
    found.other_bounds = have->bound_count != wanted->bound_count ||
                         (bounds && memcmp(have->bounds, wanted->bounds, bounds) != 0);
    return found;
}

static const char *kind_text(CryoInstrumentKind kind)
{
    static const char *const names[] = {
        "counter",         "up-down counter",    "histogram",
        "gauge",           "observable counter", "observable up-down counter",
        "observable gauge"
    };
    return names[kind];
}

static void tell_found(const Wanted *wanted, const Found *found)
{
    static atomic_bool full_told, case_told, bounds_told;
    const Instrument *have = found->instrument, *other = found->conflict;
    if (!have) {
        if (!atomic_exchange(&full_told, true))
            say(CRYO_LOG_ERROR, "the instrument %.*s measures nothing: no room for it",
                STR_ARG(wanted->name));
    } else if (other) {
        say(CRYO_LOG_WARN,
            "two instruments are named %.*s: %s of %s in \"%.*s\" and %s of %s in \"%.*s\"; both "
            "are exported, give one another name, or the same kind, unit and description",
            STR_ARG(wanted->name), kind_text(other->kind),
            other->number == CRYO_INT64 ? "integers" : "doubles", STR_ARG(other->unit),
            kind_text(have->kind), have->number == CRYO_INT64 ? "integers" : "doubles",
            STR_ARG(have->unit));
    } else if (found->other_case && !atomic_exchange(&case_told, true)) {
        say(CRYO_LOG_WARN, "the instrument %.*s is known as %.*s: case does not tell them apart",
            STR_ARG(wanted->name), STR_ARG(have->name));
    } else if (found->other_bounds && !atomic_exchange(&bounds_told, true)) {
        say(CRYO_LOG_WARN, "histogram %.*s keeps the bounds that it was first made with",
            STR_ARG(wanted->name));
    }
}

CryoInstrument *cryo_instrument(CryoInstrumentKind kind, CryoNumberType number, const char *name,
                                const CryoInstrumentOptions *options)
{
    Wanted wanted = { .kind = kind, .number = number };
    TextScratch unit = TEXT_SCRATCH, description = TEXT_SCRATCH;
    if (kind > CRYO_OBSERVABLE_GAUGE || number > CRYO_FLOAT64 || !want(&wanted, name, options))
        return NULL;
    wanted.unit = text_repaired(wanted.unit, &unit);
    wanted.description = text_repaired(wanted.description, &description);
    meter_lock();
    Found found = instrument_find(&wanted);
    meter_unlock();
    tell_found(&wanted, &found);
    text_scratch_free(&unit);
    text_scratch_free(&description);
    if (!found.instrument)
        return NULL;
    CryoObservable observable = { &found.instrument->plain };
    if (options && options->observe && kind_is_observable(kind))
        (void)cryo_callback_add(options->observe, options->context, &observable, 1);
    return observable.instrument;
}

/* ---- bound attributes ------------------------------------------------------------------------ */

static CryoInstrument *bound_find(Instrument *of, CryoAttrs attributes)
{
    CryoInstrument *bound = of->bound;
    while (bound && !set_equal(set_attributes(bound->set), attributes))
        bound = bound->next;
    if (bound)
        return bound;
    AttributeSet *set = of->bound_handles < BOUND_MAX ? set_keep(attributes) : NULL;
    bound = set ? metric_alloc(sizeof *bound) : NULL;
    if (!bound) {
        metric_free(set);
        return &of->overflow;
    }
    *bound = (CryoInstrument){ .id = made.handles++, .of = of, .set = set, .next = of->bound };
    of->bound_handles++;
    return of->bound = bound;
}

CryoInstrument *cryo_instrument_bind(CryoInstrument *instrument, CryoAttrs attributes)
{
    SetBuilder builder;
    SeriesKey key;
    if (!instrument)
        return NULL;
    CryoInstrument *bound = &instrument->of->overflow;
    if (series_key(instrument, attributes, &builder, &key) && !key.overflow) {
        meter_lock();
        bound = key.attributes.count ? bound_find(instrument->of, key.attributes)
                                     : &instrument->of->plain;
        meter_unlock();
    }
    set_builder_done(&builder);
    return bound;
}
