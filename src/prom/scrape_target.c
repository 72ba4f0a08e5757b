/* scrape_target.c - see scrape_target.h. A scrape is read into an arena; its points are found
 * again, in this scrape and in the one before, by a key that joins everything that makes them
 * different. */
#include "prom/scrape_target.h"

#include "base/mem.h"
#include "codec/json_number.h"
#include "prom/scrape_internal.h"

#include <math.h>
#include <string.h>

#define TIME_MAX_MS (INT64_MAX / 1000000)

enum {
    POINTS_MAX = 10000000,
    KEY_MAX = 8 << 20,
    KEY_END = 0x1f, /* between the parts of a key */
    ALL_LABELS = EXPOSITION_LABELS_MAX + 3 * SCRAPE_LABELS_MAX,
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
    Buf key, name;
    Label labels[ALL_LABELS];
} Taking;

typedef enum Role {
    ROLE_VALUE,
    ROLE_BUCKET,
    ROLE_QUANTILE,
    ROLE_SUM,
    ROLE_COUNT,
    ROLE_CREATED
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

/* A bucket without le, a summary's value without quantile: a number of its own. */
static void sort_sample(Taking *taking, const ExpositionEvent *event, Sorted *out)
{
    const ScrapeMeta *meta = map_get(&taking->scrape->metas, event->name);
    *out = (Sorted){ .family = event->name, .meta = meta };
    if (meta)
        out->type = meta->type;
    else if (!by_suffix(taking, event->name, out) && !by_created(taking, event->name, out))
        return;
    if (meta && meta->type == EXPOSITION_SUMMARY)
        out->role = ROLE_QUANTILE;
    bool ok = true;
    if (out->role == ROLE_BUCKET)
        ok = bound_of(event->labels, "le", &out->bound);
    else if (out->role == ROLE_QUANTILE)
        ok = bound_of(event->labels, "quantile", &out->bound);
    else if (out->role == ROLE_VALUE)
        ok = out->type != EXPOSITION_HISTOGRAM && out->type != EXPOSITION_GAUGEHISTOGRAM;
    if (!ok)
        *out = (Sorted){ .family = event->name };
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

static bool all_labels(Taking *taking, Labels scraped, Labels *out, Err *err)
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
    for (size_t i = 0; i < settings->external.count; i++)
        put_external(taking, settings->external.ptr[i], &count);
    *out = (Labels){ taking->labels, labels_sort(taking->labels, count) };
    return true;
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

static bool take_sample(Taking *taking, const ExpositionEvent *event, Err *err)
{
    Sorted sample;
    const ScrapeSettings *settings = &taking->target->settings;
    taking->report->samples++;
    if (settings->sample_limit && taking->report->samples > settings->sample_limit)
        return fail(err, ERR_LIMIT, "more samples than sample_limit");
    bool own_time = event->has_time && !settings->ignore_timestamps;
    if (own_time && (event->time_ms < 0 || event->time_ms > TIME_MAX_MS)) {
        taking->report->dropped++; /* OTLP has no such time */
        return true;
    }
    sort_sample(taking, event, &sample);
    if (sample.role == ROLE_CREATED && !buf_ok(&taking->name, err))
        return false;
    if (sample.family.ptr == taking->name.ptr && /* which labels need as scratch */
        !arena_copy(taking->scrape->arena, sample.family, &sample.family, err))
        return false;
    if (!all_labels(taking, event->labels, &sample.labels, err))
        return false;
    if (str_eq(event->name, STR("target_info")))
        return take_target_info(taking, &sample, err);
    ScrapePoint *point = point_of(taking, &sample, err);
    if (!point)
        return false;
    if (own_time) {
        point->time_ns = event->time_ms * 1000000;
        point->own_time = true;
    }
    taking->report->series_added += !point->before;
    return put_value(taking, point, &sample, event->value, err);
}

/* ---- reading ---- */

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
        bool ok = event.kind == EXPOSITION_SAMPLE ? take_sample(taking, &event, err)
                                                  : take_meta(taking, &event, err);
        if (!ok)
            return false;
    }
}

static bool read_body(Taking *taking, const ScrapeAnswer *answer, Err *err)
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

static void set_start(const ScrapeFamily *family, ScrapePoint *point)
{
    bool has_start = family->type == EXPOSITION_COUNTER || family->type == EXPOSITION_HISTOGRAM ||
                     family->type == EXPOSITION_SUMMARY;
    if (!has_start || point->stale)
        return;
    if (point->created_s > 0 && point->created_s < 9e9)
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
    (void)taking;
    set_start(family, point);
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
    point->stale = !there && !point->own_time;
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

static bool add_fact(Taking *taking, const ScrapeMeta *meta, double value, Err *err)
{
    Sorted sample = { .family = meta->name, .type = EXPOSITION_GAUGE, .meta = meta };
    if (!all_labels(taking, (Labels){ NULL, 0 }, &sample.labels, err))
        return false;
    ScrapePoint *point = point_of(taking, &sample, err);
    return point && put_value(taking, point, &sample, value, err);
}

static bool write_facts(Taking *taking, const ScrapeAnswer *answer, Buf *out, Err *err)
{
    static const ScrapeMeta metas[] = {
        { STR_ROW("up"), EXPOSITION_GAUGE, STR_ROW("The scraping was successful"), { NULL, 0 } },
        { STR_ROW("scrape_duration_seconds"), EXPOSITION_GAUGE, STR_ROW("Duration of the scrape"),
          STR_ROW("seconds") },
        { STR_ROW("scrape_samples_scraped"),
          EXPOSITION_GAUGE,
          STR_ROW("The number of samples the target exposed"),
          { NULL, 0 } },
        { STR_ROW("scrape_samples_post_metric_relabeling"),
          EXPOSITION_GAUGE,
          STR_ROW("The number of samples remaining after metric relabeling was applied"),
          { NULL, 0 } },
        { STR_ROW("scrape_series_added"),
          EXPOSITION_GAUGE,
          STR_ROW("The approximate number of new series in this scrape"),
          { NULL, 0 } },
    };
    const ScrapeResult *report = taking->report;
    const double values[] = { report->up, (double)answer->duration_ns / 1e9,
                              (double)report->samples, (double)report->samples,
                              (double)report->series_added };
    size_t ignored = 0;
    Scrape *facts = scrape_new(NULL, err); /* small, and said when there is no room as well */
    taking->scrape = facts;
    bool ok = facts != NULL;
    for (size_t i = 0; ok && i < COUNT_OF(metas); i++)
        ok = add_fact(taking, &metas[i], values[i], err);
    if (ok)
        scrape_encode(facts, &taking->target->settings, out, &ignored);
    scrape_free(facts);
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
        each_point(taking, scrape, start_point);
        return scrape;
    }
    scrape_free(scrape);
    report->samples = report->series_added = 0;
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

bool scrape_target_take(ScrapeTarget *target, const ScrapeAnswer *answer, Buf *out,
                        ScrapeResult *report, Err *err)
{
    Taking *taking = MEM_MAKE(Taking, 1, err);
    if (!taking)
        return false;
    *report = (ScrapeResult){ 0 };
    taking->target = target;
    taking->time_ns = answer->time_ns;
    taking->report = report;
    taking->key = BUF(KEY_MAX);
    taking->name = BUF(KEY_MAX);
    Scrape *scrape = read_scrape(taking, answer);
    bool ok = write_ended(taking, out);
    if (scrape)
        scrape_encode(scrape, &target->settings, out, &report->dropped);
    remember(target, taking, scrape);
    ok = write_facts(taking, answer, out, err) && ok;
    buf_free(&taking->key);
    buf_free(&taking->name);
    mem_free(taking);
    return buf_ok(out, err) && ok;
}
