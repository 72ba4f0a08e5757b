/* scrape_target.c - see scrape_target.h. A scrape is read into an arena; its points are found
 * again, in this scrape and in the one before, by a key that joins everything that makes them
 * different. */
#include "prom/scrape_target.h"

#include "base/mem.h"
#include "codec/json_number.h"
#include "prom/metric_families.h"
#include "prom/scrape_internal.h"

#include <math.h>
#include <string.h>

#define TIME_MAX_MS (INT64_MAX / 1000000)

enum {
    POINTS_MAX = 10000000,
    KEY_MAX = 8 << 20,
    KEY_END = 0x1f, /* between the parts of a key */
    EDIT_LABELS = EXPOSITION_LABELS_MAX + 2 * SCRAPE_LABELS_MAX,
    ALL_LABELS = EDIT_LABELS + SCRAPE_LABELS_MAX,
};

struct ScrapeTarget {
    ScrapeSettings settings;
    Scrape *before;    /* the last good one */
    bool before_ended; /* its series have been told to have ended */
};

typedef struct Taking {
    ScrapeTarget *target;
    Scrape *scrape;
    int64_t time_ns;
    ScrapeResult *report;
    double start_s; /* of the metric that tells it; 0: none does */
    Err over;       /* the limit of samples, when it was passed */
    Buf key, name;
    Label labels[ALL_LABELS];
    size_t label_count;
} Taking;

typedef enum Role {
    ROLE_VALUE,
    ROLE_BUCKET,
    ROLE_QUANTILE,
    ROLE_SUM,
    ROLE_COUNT,
    ROLE_CREATED,
    ROLE_NATIVE
} Role;

typedef struct Sorted { /* a sample, and where it belongs */
    Role role;
    Str family;
    ExpositionType type;
    const ScrapeMeta *meta;
    Labels labels; /* all of them */
    double bound;
} Sorted;

ScrapeTarget *scrape_target_new(const ScrapeSettings *settings, Err *err)
{
    if (settings->labels.count > SCRAPE_LABELS_MAX ||
        settings->external.count > SCRAPE_LABELS_MAX) {
        fail(err, ERR_LIMIT, "more than %d labels for one target", SCRAPE_LABELS_MAX);
        return NULL;
    }
    ScrapeTarget *target = MEM_MAKE(ScrapeTarget, 1, err);
    if (target)
        target->settings = *settings;
    return target;
}

static void scrape_free(Scrape *scrape)
{
    if (!scrape)
        return;
    map_free(&scrape->metas);
    map_free(&scrape->resources);
    map_free(&scrape->scopes);
    map_free(&scrape->families);
    map_free(&scrape->points);
    arena_free(scrape->arena);
    mem_free(scrape);
}

void scrape_target_free(ScrapeTarget *target)
{
    if (!target)
        return;
    scrape_free(target->before);
    mem_free(target);
}

static Scrape *scrape_new(Purse *purse, Err *err)
{
    Scrape *scrape = MEM_MAKE(Scrape, 1, err);
    if (!scrape)
        return NULL;
    scrape->metas = scrape->resources = scrape->scopes = scrape->families = scrape->points =
        (Map){ .max = POINTS_MAX, .purse = purse };
    scrape->arena = arena_new_in(purse, SCRAPE_MEMORY_MAX, err);
    if (scrape->arena)
        return scrape;
    mem_free(scrape);
    return NULL;
}

/* ---- metadata ---- */

static bool take_meta(Taking *taking, const ExpositionEvent *event, Err *err)
{
    Scrape *scrape = taking->scrape;
    ScrapeMeta *meta = map_get(&scrape->metas, event->name);
    if (!meta) {
        meta = ARENA_MAKE(scrape->arena, ScrapeMeta, 1, err);
        if (!meta || !arena_copy(scrape->arena, event->name, &meta->name, err) ||
            !map_put(&scrape->metas, meta->name, meta, err))
            return false;
    }
    switch (event->kind) {
    case EXPOSITION_TYPE: meta->type = event->type; return true;
    case EXPOSITION_HELP: return arena_copy(scrape->arena, event->text, &meta->help, err);
    case EXPOSITION_UNIT: return arena_copy(scrape->arena, event->text, &meta->unit, err);
    case EXPOSITION_SAMPLE: break;
    }
    return true;
}

/* ---- which family and role a sample has ---- */

typedef struct Suffix {
    Str text;
    Role role;
    unsigned types;  /* bits */
    bool keeps_name; /* the family is called as the sample */
} Suffix;

static const Suffix suffixes[] = {
    { STR_ROW("_bucket"), ROLE_BUCKET, 1 << EXPOSITION_HISTOGRAM, false },
    { STR_ROW("_sum"), ROLE_SUM, 1 << EXPOSITION_HISTOGRAM | 1 << EXPOSITION_SUMMARY, false },
    { STR_ROW("_count"), ROLE_COUNT, 1 << EXPOSITION_HISTOGRAM | 1 << EXPOSITION_SUMMARY, false },
    { STR_ROW("_created"), ROLE_CREATED, 1 << EXPOSITION_HISTOGRAM | 1 << EXPOSITION_SUMMARY,
      false },
    { STR_ROW("_total"), ROLE_VALUE, 1 << EXPOSITION_COUNTER, true },
    { STR_ROW("_info"), ROLE_VALUE, 1 << EXPOSITION_INFO, true },
};

static bool by_suffix(const Taking *taking, Str name, Sorted *out)
{
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        const Suffix *suffix = &suffixes[i];
        if (!str_ends(name, suffix->text))
            continue;
        Str base = str_first(name, name.len - suffix->text.len);
        const ScrapeMeta *meta = map_get(&taking->scrape->metas, base);
        if (!meta || !(suffix->types & 1u << meta->type))
            continue;
        *out = (Sorted){ .role = suffix->role,
                         .family = suffix->keeps_name ? name : base,
                         .type = meta->type,
                         .meta = meta };
        return true;
    }
    return false;
}

/* OpenMetrics' x_created beside x_total: the family is called x_total. */
static bool by_created(Taking *taking, Str name, Sorted *out)
{
    static const Str created = STR_ROW("_created");
    if (!str_ends(name, created))
        return false;
    Str base = str_first(name, name.len - created.len);
    const ScrapeMeta *meta = map_get(&taking->scrape->metas, base);
    if (!meta || meta->type != EXPOSITION_COUNTER)
        return false;
    buf_clear(&taking->name);
    buf_add(&taking->name, base);
    buf_add(&taking->name, STR("_total"));
    *out = (Sorted){
        .role = ROLE_CREATED, .family = buf_str(&taking->name), .type = meta->type, .meta = meta
    };
    return !taking->name.failed;
}

static bool bound_of(Labels labels, const char *name, double *out)
{
    Str text = labels_get(labels, str_from(name));
    bool negative = str_starts(text, STR("-"));
    Str digits = negative || str_starts(text, STR("+")) ? str_skip(text, 1) : text;
    if (!digits.len)
        return false;
    if (str_eq_nocase(digits, STR("inf")))
        *out = negative ? -(double)INFINITY : (double)INFINITY;
    else
        return json_number_double(negative ? text : digits, out);
    return true;
}

/* False: a bucket without le, a summary's value without quantile, a histogram's value. */
static bool sort_sample(Taking *taking, Str name, Labels labels, Sorted *out)
{
    const ScrapeMeta *meta = map_get(&taking->scrape->metas, name);
    *out = (Sorted){ .family = name, .meta = meta };
    if (meta)
        out->type = meta->type;
    else if (!by_suffix(taking, name, out) && !by_created(taking, name, out))
        return true;
    if (meta && meta->type == EXPOSITION_SUMMARY)
        out->role = ROLE_QUANTILE;
    if (out->role == ROLE_BUCKET)
        return bound_of(labels, "le", &out->bound);
    if (out->role == ROLE_QUANTILE)
        return bound_of(labels, "quantile", &out->bound);
    return out->role != ROLE_VALUE || out->type != EXPOSITION_HISTOGRAM;
}

/* The family of a sample that was given another name: by the same suffix, else of that name. */
static void rename_family(Taking *taking, Str was, Str now, Sorted *sample)
{
    if (str_eq(was, now))
        return;
    bool own = sample->role == ROLE_VALUE || sample->role == ROLE_NATIVE;
    if (own || sample->role == ROLE_QUANTILE) {
        sample->family = now;
        return;
    }
    size_t at = was.len;
    while (at && was.ptr[at - 1] != '_')
        at--;
    Str suffix = at ? str_skip(was, at - 1) : was;
    Str base = str_first(now, now.len - (str_ends(now, suffix) ? suffix.len : 0));
    if (base.len == now.len || !base.len) {
        *sample = (Sorted){ .family = now };
        return;
    }
    buf_clear(&taking->name);
    buf_add(&taking->name, base);
    if (sample->role == ROLE_CREATED && sample->type == EXPOSITION_COUNTER)
        buf_add(&taking->name, STR("_total"));
    sample->family = buf_str(&taking->name);
}

/* ---- labels ---- */

static Label *find_label(Label *labels, size_t count, Str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(labels[i].name, name))
            return &labels[i];
    return NULL;
}

static bool rename_exported(Taking *taking, Label *label, size_t count, Err *err)
{
    Str name = label->name;
    do {
        buf_clear(&taking->name);
        buf_add(&taking->name, STR("exported_"));
        buf_add(&taking->name, name);
        if (!buf_ok(&taking->name, err) ||
            !arena_copy(taking->scrape->arena, buf_str(&taking->name), &name, err))
            return false;
    } while (find_label(taking->labels, count, name));
    label->name = name;
    return true;
}

static bool put_own(Taking *taking, Label own, size_t *count, Err *err)
{
    Label *there = find_label(taking->labels, *count, own.name);
    if (!own.value.len || (there && taking->target->settings.honor_labels))
        return true;
    if (there && !rename_exported(taking, there, *count, err))
        return false;
    taking->labels[(*count)++] = own;
    return true;
}

static void put_external(Taking *taking, Label external, size_t *count)
{
    Label *there = find_label(taking->labels, *count, external.name);
    if (there)
        there->value = external.value;
    else
        taking->labels[(*count)++] = external;
}

/* The scraped labels and the target's own. */
static bool own_labels(Taking *taking, Labels scraped, Err *err)
{
    const ScrapeSettings *settings = &taking->target->settings;
    size_t count = scraped.count;
    if (count)
        memcpy(taking->labels, scraped.ptr, count * sizeof *taking->labels);
    if (!put_own(taking, (Label){ STR("job"), settings->job }, &count, err) ||
        !put_own(taking, (Label){ STR("instance"), settings->instance }, &count, err))
        return false;
    for (size_t i = 0; i < settings->labels.count; i++)
        if (!put_own(taking, settings->labels.ptr[i], &count, err))
            return false;
    taking->label_count = count;
    return true;
}

static ScrapeVerdict edit_labels(Taking *taking, Str *name, Err *err)
{
    static const Str own = STR_ROW("__name__");
    const ScrapeEdit *edit = &taking->target->settings.edit;
    if (!edit->edit)
        return SCRAPE_KEEP;
    taking->labels[taking->label_count++] = (Label){ own, *name };
    ScrapeVerdict verdict =
        edit->edit(edit->context, taking->labels, &taking->label_count, EDIT_LABELS, err);
    if (verdict != SCRAPE_KEEP || !taking->label_count)
        return verdict == SCRAPE_KEEP ? SCRAPE_DROP : verdict;
    Label *at = find_label(taking->labels, taking->label_count, own);
    if (!at || !at->value.len) {
        (void)fail(err, ERR_INPUT, "%.*s is left without a name", STR_ARG(str_first(*name, 100)));
        return SCRAPE_FAIL;
    }
    *name = at->value;
    *at = taking->labels[--taking->label_count];
    return SCRAPE_KEEP;
}

static bool check_labels(const Taking *taking, Str name, Err *err)
{
    const ScrapeSettings *settings = &taking->target->settings;
    Str shown = str_first(name, 50);
    size_t count = taking->label_count + 1; /* the name is one */
    if (settings->label_limit && count > settings->label_limit)
        return fail(err, ERR_LIMIT, "label_limit: %.*s has %zu labels", STR_ARG(shown), count);
    for (size_t i = 0; i < taking->label_count; i++) {
        const Label *label = &taking->labels[i];
        if (settings->label_name_limit && label->name.len > settings->label_name_limit)
            return fail(err, ERR_LIMIT, "label_name_length_limit: %.*s has the label %.*s",
                        STR_ARG(shown), STR_ARG(str_first(label->name, 50)));
        if (settings->label_value_limit && label->value.len > settings->label_value_limit)
            return fail(err, ERR_LIMIT,
                        "label_value_length_limit: the label %.*s of %.*s has %zu bytes",
                        STR_ARG(str_first(label->name, 50)), STR_ARG(shown), label->value.len);
    }
    return true;
}

static Labels finish_labels(Taking *taking)
{
    const ScrapeSettings *settings = &taking->target->settings;
    size_t count = taking->label_count;
    for (size_t i = 0; i < settings->external.count; i++)
        put_external(taking, settings->external.ptr[i], &count);
    return (Labels){ taking->labels, labels_sort(taking->labels, count) };
}

typedef enum LabelClass { LABEL_IDENTITY, LABEL_SCOPE, LABEL_BOUND, LABEL_ATTRIBUTE } LabelClass;

static LabelClass class_of(const Label *label, Role role)
{
    if (str_eq(label->name, STR("job")) || str_eq(label->name, STR("instance")))
        return LABEL_IDENTITY;
    if (str_starts(label->name, STR("otel_scope_")))
        return LABEL_SCOPE;
    bool bound = (role == ROLE_BUCKET && str_eq(label->name, STR("le"))) ||
                 (role == ROLE_QUANTILE && str_eq(label->name, STR("quantile")));
    return bound ? LABEL_BOUND : LABEL_ATTRIBUTE;
}

static bool copy_class(Scrape *scrape, const Sorted *sample, LabelClass class, Labels *out,
                       Err *err)
{
    size_t count = 0;
    for (size_t i = 0; i < sample->labels.count; i++)
        count += class_of(&sample->labels.ptr[i], sample->role) == class;
    Label *copy = ARENA_MAKE(scrape->arena, Label, count + 1, err);
    if (!copy)
        return false;
    *out = (Labels){ copy, count };
    for (size_t i = 0; i < sample->labels.count; i++) {
        const Label *label = &sample->labels.ptr[i];
        if (class_of(label, sample->role) != class)
            continue;
        if (!arena_copy(scrape->arena, label->name, &copy->name, err) ||
            !arena_copy(scrape->arena, label->value, &copy->value, err))
            return false;
        copy++;
    }
    return true;
}

/* ---- the tree: resource, scope, family, point ---- */

static void add_part(Buf *key, Str part)
{
    buf_add(key, part);
    buf_add_byte(key, KEY_END);
}

static void add_class(Buf *key, const Sorted *sample, LabelClass class)
{
    for (size_t i = 0; i < sample->labels.count; i++)
        if (class_of(&sample->labels.ptr[i], sample->role) == class) {
            add_part(key, sample->labels.ptr[i].name);
            add_part(key, sample->labels.ptr[i].value);
        }
    buf_add_byte(key, KEY_END);
}

/* What stands in taking->key, kept. */
static bool keep_key(Taking *taking, Str *out, Err *err)
{
    return buf_ok(&taking->key, err) &&
           arena_copy(taking->scrape->arena, buf_str(&taking->key), out, err);
}

static ScrapeResource *resource_of(Taking *taking, const Sorted *sample, Err *err)
{
    Scrape *scrape = taking->scrape;
    Str key, job = labels_get(sample->labels, STR("job"));
    Str instance = labels_get(sample->labels, STR("instance"));
    buf_clear(&taking->key);
    add_part(&taking->key, job);
    add_part(&taking->key, instance);
    ScrapeResource *resource = map_get(&scrape->resources, buf_str(&taking->key));
    if (resource && !taking->key.failed)
        return resource;
    resource = ARENA_MAKE(scrape->arena, ScrapeResource, 1, err);
    if (!resource || !keep_key(taking, &key, err) ||
        !arena_copy(scrape->arena, job, &resource->job, err) ||
        !arena_copy(scrape->arena, instance, &resource->instance, err) ||
        !map_put(&scrape->resources, key, resource, err))
        return NULL;
    *(scrape->last ? &scrape->last->next : &scrape->first) = resource;
    scrape->last = resource;
    return resource;
}

static ScrapeScope *scope_of(Taking *taking, const Sorted *sample, Err *err)
{
    Str key;
    ScrapeResource *resource = resource_of(taking, sample, err);
    if (!resource)
        return NULL;
    add_class(&taking->key, sample, LABEL_SCOPE);
    ScrapeScope *scope = map_get(&taking->scrape->scopes, buf_str(&taking->key));
    if (scope && !taking->key.failed)
        return scope;
    scope = ARENA_MAKE(taking->scrape->arena, ScrapeScope, 1, err);
    if (!scope || !keep_key(taking, &key, err) ||
        !copy_class(taking->scrape, sample, LABEL_SCOPE, &scope->labels, err) ||
        !map_put(&taking->scrape->scopes, key, scope, err))
        return NULL;
    *(resource->last ? &resource->last->next : &resource->first) = scope;
    resource->last = scope;
    return scope;
}

static ScrapeFamily *family_of(Taking *taking, const Sorted *sample, Err *err)
{
    Str key;
    ScrapeScope *scope = scope_of(taking, sample, err);
    if (!scope)
        return NULL;
    add_part(&taking->key, sample->family);
    buf_add_byte(&taking->key, (char)('0' + sample->type));
    ScrapeFamily *family = map_get(&taking->scrape->families, buf_str(&taking->key));
    if (family && !taking->key.failed)
        return family;
    family = ARENA_MAKE(taking->scrape->arena, ScrapeFamily, 1, err);
    if (!family || !keep_key(taking, &key, err) ||
        !arena_copy(taking->scrape->arena, sample->family, &family->name, err) ||
        !map_put(&taking->scrape->families, key, family, err))
        return NULL;
    family->type = sample->type;
    family->meta = sample->meta;
    *(scope->last ? &scope->last->next : &scope->first) = family;
    scope->last = family;
    return family;
}

static ScrapePoint *point_of(Taking *taking, const Sorted *sample, Err *err)
{
    Scrape *scrape = taking->scrape;
    ScrapeFamily *family = family_of(taking, sample, err);
    if (!family)
        return NULL;
    add_class(&taking->key, sample, LABEL_ATTRIBUTE);
    ScrapePoint *point = map_get(&scrape->points, buf_str(&taking->key));
    if (point && !taking->key.failed)
        return point;
    point = ARENA_MAKE(scrape->arena, ScrapePoint, 1, err);
    if (!point || !keep_key(taking, &point->key, err) ||
        !copy_class(scrape, sample, LABEL_ATTRIBUTE, &point->labels, err) ||
        !map_put(&scrape->points, point->key, point, err))
        return NULL;
    const Scrape *before = taking->target->before;
    point->before = before ? map_get(&before->points, point->key) : NULL;
    point->time_ns = taking->time_ns;
    *(family->last ? &family->last->next : &family->first) = point;
    family->last = point;
    return point;
}

/* ---- values ---- */

static bool add_bound(Scrape *scrape, ScrapePoint *point, ScrapeBound bound, Err *err)
{
    if (point->bound_count == point->bound_cap) {
        size_t cap = point->bound_cap ? point->bound_cap * 2 : 16;
        ScrapeBound *grown = ARENA_MAKE(scrape->arena, ScrapeBound, cap, err);
        if (!grown)
            return false;
        if (point->bound_count)
            memcpy(grown, point->bounds, point->bound_count * sizeof *grown);
        point->bounds = grown;
        point->bound_cap = cap;
    }
    point->bounds[point->bound_count++] = bound;
    return true;
}

static bool put_value(Taking *taking, ScrapePoint *point, const Sorted *sample, double value,
                      Err *err)
{
    switch (sample->role) {
    case ROLE_VALUE:
        point->has_value = true;
        point->value = value;
        return true;
    case ROLE_SUM:
        point->has_sum = true;
        point->sum = value;
        return true;
    case ROLE_COUNT:
        point->has_count = true;
        point->count = value;
        return true;
    case ROLE_CREATED: point->created_s = value; return true;
    case ROLE_NATIVE: return true;
    case ROLE_BUCKET:
    case ROLE_QUANTILE:
        return add_bound(taking->scrape, point, (ScrapeBound){ sample->bound, value }, err);
    }
    return true;
}

static bool take_target_info(Taking *taking, const Sorted *sample, Err *err)
{
    ScrapeResource *resource = resource_of(taking, sample, err);
    return resource && copy_class(taking->scrape, sample, LABEL_ATTRIBUTE, &resource->info, err);
}

static bool copy_labels(Arena *arena, Labels from, Labels *out, Err *err)
{
    Label *copy = ARENA_MAKE(arena, Label, from.count + 1, err);
    if (!copy)
        return false;
    *out = (Labels){ copy, from.count };
    for (size_t i = 0; i < from.count; i++)
        if (!arena_copy(arena, from.ptr[i].name, &copy[i].name, err) ||
            !arena_copy(arena, from.ptr[i].value, &copy[i].value, err))
            return false;
    return true;
}

/* Of a counter, and of a histogram's buckets; elsewhere there are none. */
static bool put_exemplar(Taking *taking, ScrapePoint *point, const Sorted *sample,
                         const ExpositionExemplar *from, Err *err)
{
    bool counter = sample->role == ROLE_VALUE && sample->type == EXPOSITION_COUNTER;
    if (!counter && sample->role != ROLE_BUCKET && sample->role != ROLE_NATIVE)
        return true;
    if (from->has_time && (from->time_ms < 0 || from->time_ms > TIME_MAX_MS))
        return true;
    ScrapeExemplar *exemplar = ARENA_MAKE(taking->scrape->arena, ScrapeExemplar, 1, err);
    if (!exemplar || !copy_labels(taking->scrape->arena, from->labels, &exemplar->labels, err))
        return false;
    exemplar->value = from->value;
    exemplar->time_ns = from->has_time ? from->time_ms * 1000000 : point->time_ns;
    exemplar->next = point->exemplars;
    point->exemplars = exemplar;
    return true;
}

/* False: there are more than there may be. */
static bool has_room(Taking *taking)
{
    const ScrapeSettings *settings = &taking->target->settings;
    taking->report->kept++;
    if (!settings->sample_limit || taking->report->kept <= settings->sample_limit)
        return true;
    if (taking->over.kind == ERR_NONE)
        (void)fail(&taking->over, ERR_LIMIT, "more samples than sample_limit");
    return false; /* the rest is counted */
}

static bool copy_side(Arena *arena, NativeBuckets *side, Err *err)
{
    uint64_t *counts = ARENA_MAKE(arena, uint64_t, side->count + 1, err);
    if (counts && side->count)
        memcpy(counts, side->counts, side->count * sizeof *counts);
    side->counts = counts;
    return counts != NULL;
}

static bool put_native(Taking *taking, ScrapePoint *point, const NativeHistogram *from, Err *err)
{
    Arena *arena = taking->scrape->arena;
    NativeHistogram *native = ARENA_MAKE(arena, NativeHistogram, 1, err);
    if (!native)
        return false;
    *native = *from;
    point->native = native;
    point->has_count = true; /* which tells a reset */
    point->count = (double)from->count;
    return copy_side(arena, &native->positive, err) && copy_side(arena, &native->negative, err);
}

static bool put_sample(Taking *taking, const ExpositionEvent *event, const Sorted *sample, Err *err)
{
    ScrapePoint *point = point_of(taking, sample, err);
    if (!point)
        return false;
    if (event->has_time && !taking->target->settings.ignore_timestamps) {
        point->time_ns = event->time_ms * 1000000;
        point->own_time = true;
    }
    taking->report->series_added += !point->before;
    if (event->has_exemplar && !put_exemplar(taking, point, sample, &event->exemplar, err))
        return false;
    if (event->created_s > 0)
        point->created_s = event->created_s;
    if (event->native && !put_native(taking, point, event->native, err))
        return false;
    return put_value(taking, point, sample, event->value, err);
}

static bool take_sample(Taking *taking, const ExpositionEvent *event, Err *err)
{
    Sorted sample;
    Str name = event->name;
    const ScrapeSettings *settings = &taking->target->settings;
    taking->report->samples++;
    if (event->has_time && !settings->ignore_timestamps &&
        (event->time_ms < 0 || event->time_ms > TIME_MAX_MS)) {
        taking->report->dropped++; /* OTLP has no such time */
        return true;
    }
    if (!own_labels(taking, event->labels, err))
        return false;
    switch (edit_labels(taking, &name, err)) {
    case SCRAPE_FAIL: return false;
    case SCRAPE_DROP: return true;
    case SCRAPE_KEEP: break;
    }
    if (!check_labels(taking, name, err))
        return false;
    if (!has_room(taking))
        return true;
    Labels labels = finish_labels(taking);
    if (event->native) {
        sample = (Sorted){ .role = ROLE_NATIVE,
                           .family = event->name,
                           .type = EXPOSITION_NATIVE,
                           .meta = map_get(&taking->scrape->metas, event->name) };
    } else if (!sort_sample(taking, event->name, labels, &sample)) {
        taking->report->dropped++;
        return true;
    }
    rename_family(taking, event->name, name, &sample);
    sample.labels = labels;
    if (!buf_ok(&taking->name, err))
        return false;
    if (str_eq(name, STR("target_info")))
        return take_target_info(taking, &sample, err);
    return put_sample(taking, event, &sample, err);
}

/* ---- reading ---- */

static bool take_event(void *context, const ExpositionEvent *event, Err *err)
{
    Taking *taking = context;
    return event->kind == EXPOSITION_SAMPLE ? take_sample(taking, event, err)
                                            : take_meta(taking, event, err);
}

static bool read_events(Taking *taking, ExpositionReader *reader, Err *err)
{
    ExpositionEvent event;
    for (;;) {
        switch (exposition_next(reader, &event, err)) {
        case EXPOSITION_FAILED: return false;
        case EXPOSITION_MORE:
        case EXPOSITION_END: return true;
        case EXPOSITION_EVENT: break;
        }
        if (!take_event(taking, &event, err))
            return false;
    }
}

static bool read_text(Taking *taking, const ScrapeAnswer *answer, Err *err)
{
    static const Str metrics = STR_ROW("application/openmetrics-text");
    bool strict = str_eq_nocase(str_first(answer->content_type, metrics.len), metrics);
    ExpositionReader *reader =
        exposition_reader_new(strict ? EXPOSITION_OPENMETRICS : EXPOSITION_TEXT, err);
    bool ok = reader && exposition_feed(reader, answer->body, err);
    if (ok) {
        exposition_finish(reader);
        ok = read_events(taking, reader, err);
    }
    exposition_reader_free(reader);
    return ok;
}

static bool read_body(Taking *taking, const ScrapeAnswer *answer, Err *err)
{
    const ScrapeSettings *settings = &taking->target->settings;
    const MetricFamiliesWish wish = { settings->native, settings->also_classic, take_event,
                                      taking };
    bool ok = metric_families_are(answer->content_type)
                  ? metric_families_read(answer->body, &wish, err)
                  : read_text(taking, answer, err);
    if (ok && taking->over.kind != ERR_NONE) {
        *err = taking->over;
        return false;
    }
    return ok;
}

/* ---- start times ---- */

static bool fell(double now, double before)
{
    return now < before;
}

static bool was_reset(const ScrapePoint *point)
{
    const ScrapePoint *before = point->before;
    return (point->has_value && fell(point->value, before->value)) ||
           (point->has_count && fell(point->count, before->count)) ||
           (point->has_sum && point->has_count && before->has_sum && fell(point->sum, before->sum));
}

static void set_start(const Taking *taking, const ScrapeFamily *family, ScrapePoint *point)
{
    bool has_start = family->type == EXPOSITION_COUNTER || family->type == EXPOSITION_HISTOGRAM ||
                     family->type == EXPOSITION_SUMMARY || family->type == EXPOSITION_NATIVE;
    if (!has_start || point->stale)
        return;
    if (taking->start_s > 0)
        point->start_ns = (int64_t)(taking->start_s * 1e9);
    else if (point->created_s > 0 && point->created_s < 9e9)
        point->start_ns = (int64_t)(point->created_s * 1e9);
    else if (point->before && !was_reset(point))
        point->start_ns = point->before->start_ns;
    else
        point->start_ns = point->time_ns;
}

typedef void PointVisit(Taking *taking, ScrapeFamily *family, ScrapePoint *point);

static void each_point(Taking *taking, const Scrape *scrape, PointVisit *visit)
{
    for (ScrapeResource *r = scrape->first; r; r = r->next)
        for (ScrapeScope *s = r->first; s; s = s->next)
            for (ScrapeFamily *f = s->first; f; f = f->next)
                for (ScrapePoint *p = f->first; p; p = p->next)
                    visit(taking, f, p);
}

static void start_point(Taking *taking, ScrapeFamily *family, ScrapePoint *point)
{
    set_start(taking, family, point);
}

static void find_start(Taking *taking, ScrapeFamily *family, ScrapePoint *point)
{
    const ScrapeStart *start = &taking->target->settings.start;
    bool fits = point->has_value && point->value > 0 && point->value < 9e9;
    if (fits && taking->start_s == 0 && start->is_start(start->context, family->name))
        taking->start_s = point->value;
}

static void forget_before(Taking *taking, ScrapeFamily *family, ScrapePoint *point)
{
    (void)taking, (void)family;
    point->before = NULL;
}

/* ---- what has vanished ---- */

/* The scrape before is written once more, with only what is not in the new one. */
static void end_point(Taking *taking, ScrapeFamily *family, ScrapePoint *point)
{
    (void)family;
    bool there = taking->scrape && map_get(&taking->scrape->points, point->key);
    bool follows = !point->own_time || taking->target->settings.track_timestamps;
    point->stale = !there && follows;
    point->has_value = point->has_count = false;
    point->time_ns = taking->time_ns;
}

static void keep_stale(Scrape *scrape)
{
    for (ScrapeResource *r = scrape->first; r; r = r->next)
        for (ScrapeScope *s = r->first; s; s = s->next)
            for (ScrapeFamily *f = s->first; f; f = f->next) {
                ScrapePoint **at = &f->first;
                while (*at)
                    if ((*at)->stale)
                        at = &(*at)->next;
                    else
                        *at = (*at)->next;
            }
}

static bool write_ended(Taking *taking, Buf *out)
{
    Scrape *before = taking->target->before;
    if (!before || taking->target->before_ended)
        return true;
    size_t ignored = 0;
    each_point(taking, before, end_point);
    keep_stale(before);
    scrape_encode(before, &taking->target->settings, out, &ignored);
    return !out->failed;
}

/* ---- what is said of the scrape itself ---- */

typedef struct Fact {
    ScrapeMeta meta;
    double value;
} Fact;

static bool add_fact(Taking *taking, const Fact *fact, bool ended, Err *err)
{
    Sorted sample = { .family = fact->meta.name, .type = EXPOSITION_GAUGE, .meta = &fact->meta };
    if (!own_labels(taking, (Labels){ NULL, 0 }, err))
        return false;
    sample.labels = finish_labels(taking);
    ScrapePoint *point = point_of(taking, &sample, err);
    if (point)
        point->stale = ended;
    return point && put_value(taking, point, &sample, fact->value, err);
}

enum { FACTS = 5, EXTRA_FACTS = 3 };

/* `answer` NULL: it is the end of them all. */
static bool write_facts(Taking *taking, const ScrapeAnswer *answer, Buf *out, Err *err)
{
    const ScrapeResult *report = taking->report;
    const ScrapeSettings *settings = &taking->target->settings;
    const ScrapeAnswer none = { 0 }, *of = answer ? answer : &none;
    const Fact facts[FACTS + EXTRA_FACTS] = {
        { { STR("up"), EXPOSITION_GAUGE, STR("The scraping was successful"), STR("") },
          report->up },
        { { STR("scrape_duration_seconds"), EXPOSITION_GAUGE, STR("Duration of the scrape"),
            STR("seconds") },
          (double)of->duration_ns / 1e9 },
        { { STR("scrape_samples_scraped"), EXPOSITION_GAUGE,
            STR("The number of samples the target exposed"), STR("") },
          (double)report->samples },
        { { STR("scrape_samples_post_metric_relabeling"), EXPOSITION_GAUGE,
            STR("The number of samples remaining after metric relabeling was applied"), STR("") },
          (double)report->kept },
        { { STR("scrape_series_added"), EXPOSITION_GAUGE,
            STR("The approximate number of new series in this scrape"), STR("") },
          (double)report->series_added },
        { { STR("scrape_timeout_seconds"), EXPOSITION_GAUGE,
            STR("The configured scrape timeout for a target"), STR("seconds") },
          (double)settings->timeout_ns / 1e9 },
        { { STR("scrape_sample_limit"), EXPOSITION_GAUGE,
            STR("The configured sample limit for a target. Returns zero if there is no limit"),
            STR("") },
          (double)settings->sample_limit },
        { { STR("scrape_body_size_bytes"), EXPOSITION_GAUGE,
            STR("The uncompressed size of the last scrape response, if successful"), STR("bytes") },
          of->err && of->err->kind == ERR_LIMIT ? -1 : (double)of->body.len },
    };
    size_t ignored = 0, count = settings->extra_facts ? COUNT_OF(facts) : FACTS;
    Scrape *scrape = scrape_new(NULL, err); /* small, and said when there is no room as well */
    taking->scrape = scrape;
    bool ok = scrape != NULL;
    for (size_t i = 0; ok && i < count; i++)
        ok = add_fact(taking, &facts[i], !answer, err);
    if (ok)
        scrape_encode(scrape, settings, out, &ignored);
    scrape_free(scrape);
    return ok;
}

/* ---- a scrape ---- */

/* NULL: report->err says why there is none. */
static Scrape *read_scrape(Taking *taking, const ScrapeAnswer *answer)
{
    ScrapeResult *report = taking->report;
    if (answer->err)
        report->err = *answer->err;
    else
        taking->scrape = scrape_new(taking->target->settings.purse, &report->err);
    Scrape *scrape = taking->scrape;
    report->up = scrape && read_body(taking, answer, &report->err);
    if (report->up) {
        if (taking->target->settings.start.is_start)
            each_point(taking, scrape, find_start);
        each_point(taking, scrape, start_point);
        return scrape;
    }
    scrape_free(scrape);
    taking->scrape = NULL;
    return NULL;
}

static void remember(ScrapeTarget *target, Taking *taking, Scrape *scrape)
{
    target->before_ended = !scrape;
    if (!scrape)
        return;
    each_point(taking, scrape, forget_before);
    scrape_free(target->before);
    target->before = scrape;
}

static Taking *taking_new(ScrapeTarget *target, int64_t time_ns, ScrapeResult *report, Err *err)
{
    Taking *taking = MEM_MAKE(Taking, 1, err);
    if (!taking)
        return NULL;
    *report = (ScrapeResult){ 0 };
    taking->target = target;
    taking->time_ns = time_ns;
    taking->report = report;
    taking->key = BUF(KEY_MAX);
    taking->name = BUF(KEY_MAX);
    return taking;
}

static void taking_free(Taking *taking)
{
    buf_free(&taking->key);
    buf_free(&taking->name);
    mem_free(taking);
}

bool scrape_target_take(ScrapeTarget *target, const ScrapeAnswer *answer, Buf *out,
                        ScrapeResult *report, Err *err)
{
    Taking *taking = taking_new(target, answer->time_ns, report, err);
    if (!taking)
        return false;
    Scrape *scrape = read_scrape(taking, answer);
    bool ok = write_ended(taking, out);
    if (scrape)
        scrape_encode(scrape, &target->settings, out, &report->dropped);
    remember(target, taking, scrape);
    ok = write_facts(taking, answer, out, err) && ok;
    taking_free(taking);
    return buf_ok(out, err) && ok;
}

bool scrape_target_end(ScrapeTarget *target, int64_t time_ns, Buf *out, Err *err)
{
    ScrapeResult ignored;
    Taking *taking = taking_new(target, time_ns, &ignored, err);
    if (!taking)
        return false;
    bool ok = write_ended(taking, out);
    target->before_ended = true;
    ok = write_facts(taking, NULL, out, err) && ok;
    taking_free(taking);
    return buf_ok(out, err) && ok;
}
