/* otlp_points.c - see otlp_points.h.
 *
 * Everything that does not depend on the point (job, instance, scope, resource attributes as text)
 * is made once per resource or scope; a point then costs one pass over its attributes. Names that
 * are label names already and text values are borrowed from the batch.
 */
#include "prom/otlp_points.h"

#include "base/arena.h"
#include "model/semconv.h"
#include "otlp/value_text.h"
#include "prom/translate.h"

#include <string.h>

#define SCOPE_PREFIX "otel_scope_"

typedef struct Walk {
    const Batch *batch;
    const PromOptions *options;
    const PointVisitor *visitor;
    Arena *resource, *scope, *metric, *point;
    Buf text; /* scratch for one name or value */
    Label job, instance;
    Labels resource_pairs; /* keys and texts, sorted by key; not names yet */
    Labels scope_labels;
    int64_t first_ms, last_ms;
    bool any;           /* a point of this resource was seen */
    const char *reason; /* why this point's labels cannot be */
    PromFamily family;
} Walk;

typedef struct Pairs {
    Label *ptr;
    size_t count, cap;
} Pairs;

static bool keep_text(Walk *walk, Arena *arena, Str *out, Err *err)
{
    return buf_ok(&walk->text, err) && arena_copy(arena, buf_str(&walk->text), out, err);
}

static bool value_as_text(Walk *walk, Arena *arena, const ValueView *value, Str *out, Err *err)
{
    if (value->kind == VALUE_STRING) {
        *out = value->text;
        return true;
    }
    buf_clear(&walk->text);
    value_text(value, &walk->text);
    return keep_text(walk, arena, out, err);
}

/* Sets walk->reason and succeeds where there is no such name. */
static bool key_as_name(Walk *walk, Arena *arena, Str key, Str *out, Err *err)
{
    *out = key;
    if (label_name_plain(key))
        return true;
    buf_clear(&walk->text);
    if (!label_name(key, &walk->text)) {
        walk->reason = "no label name is left of an attribute's key";
        return true;
    }
    return keep_text(walk, arena, out, err);
}

static Label *pairs_find(const Pairs *pairs, Str name)
{
    for (size_t i = 0; i < pairs->count; i++)
        if (str_eq(pairs->ptr[i].name, name))
            return &pairs->ptr[i];
    return NULL;
}

static void pairs_set(Pairs *pairs, Label label)
{
    if (!label.value.len)
        return;
    Label *there = pairs_find(pairs, label.name);
    if (there)
        *there = label;
    else
        pairs->ptr[pairs->count++] = label;
}

/* Keys and texts of a list; of a key given twice the last counts. */
static bool collect(Walk *walk, Arena *arena, Attributes list, Pairs *pairs, Err *err)
{
    for (AttributeView attribute; attributes_next(&list, &attribute);) {
        Label *label = pairs_find(pairs, attribute.key);
        if (!label)
            label = &pairs->ptr[pairs->count++];
        label->name = attribute.key;
        if (!value_as_text(walk, arena, &attribute.value, &label->value, err))
            return false;
    }
    return true;
}

static void sort_by_key(Pairs *pairs)
{
    for (size_t i = 1; i < pairs->count; i++) {
        Label label = pairs->ptr[i];
        size_t at = i;
        for (; at > 0 && str_compare(pairs->ptr[at - 1].name, label.name) > 0; at--)
            pairs->ptr[at] = pairs->ptr[at - 1];
        pairs->ptr[at] = label;
    }
}

static bool join(Walk *walk, Arena *arena, Label *there, Str more, Err *err)
{
    if (!there->value.len) {
        there->value = more;
        return true;
    }
    buf_clear(&walk->text);
    buf_add(&walk->text, there->value);
    buf_add_byte(&walk->text, ';');
    buf_add(&walk->text, more);
    return keep_text(walk, arena, &there->value, err);
}

/* Keys, sorted, become names in place; those that meet are joined. */
static bool name_pairs(Walk *walk, Arena *arena, Pairs *pairs, Err *err)
{
    Pairs named = { pairs->ptr, 0, pairs->cap };
    sort_by_key(pairs);
    for (size_t i = 0; i < pairs->count && !walk->reason; i++) {
        Label label = pairs->ptr[i];
        if (!key_as_name(walk, arena, pairs->ptr[i].name, &label.name, err))
            return false;
        Label *there = pairs_find(&named, label.name);
        if (!there)
            named.ptr[named.count++] = label;
        else if (!join(walk, arena, there, label.value, err))
            return false;
    }
    pairs->count = named.count;
    return true;
}

static bool pairs_make(Arena *arena, size_t cap, Pairs *out, Err *err)
{
    *out = (Pairs){ ARENA_MAKE(arena, Label, cap ? cap : 1, err), 0, cap };
    return out->ptr != NULL;
}

/* ---- what belongs to the resource and the scope ---- */

static bool find_text(Walk *walk, Attributes list, Str key, Str *out, Err *err)
{
    ValueView value;
    *out = (Str){ NULL, 0 };
    return !attributes_find(list, key, &value) ||
           value_as_text(walk, walk->resource, &value, out, err);
}

static bool make_job(Walk *walk, Attributes list, Err *err)
{
    Str name, space, instance;
    ValueView value;
    if (!find_text(walk, list, STR(ATTR_SERVICE_NAME), &name, err) ||
        !find_text(walk, list, STR(ATTR_SERVICE_NAMESPACE), &space, err) ||
        !find_text(walk, list, STR(ATTR_SERVICE_INSTANCE_ID), &instance, err))
        return false;
    walk->job = (Label){ STR("job"), name };
    walk->instance = (Label){ STR("instance"), instance };
    if (!name.len || !attributes_find(list, STR(ATTR_SERVICE_NAMESPACE), &value))
        return true;
    buf_clear(&walk->text);
    buf_add(&walk->text, space);
    buf_add_byte(&walk->text, '/');
    buf_add(&walk->text, name);
    return keep_text(walk, walk->resource, &walk->job.value, err);
}

static bool enter_resource(Walk *walk, Attributes list, Err *err)
{
    arena_reset(walk->resource);
    walk->any = false;
    walk->resource_pairs = (Labels){ NULL, 0 };
    if (!make_job(walk, list, err))
        return false;
    if (!walk->options->resource_labels)
        return true;
    Pairs pairs;
    size_t count = attributes_count(list);
    if (count > POINT_LABELS_MAX)
        return true; /* every point of it will have too many */
    if (!pairs_make(walk->resource, count, &pairs, err) ||
        !collect(walk, walk->resource, list, &pairs, err))
        return false;
    walk->resource_pairs = (Labels){ pairs.ptr, pairs.count };
    return true;
}

static bool add_scope_attribute(Walk *walk, const AttributeView *attribute, Pairs *pairs, Err *err)
{
    Label label;
    Buf key = BUF(RESOURCE_MEMORY_MAX);
    buf_add(&key, STR(SCOPE_PREFIX));
    buf_add(&key, attribute->key);
    bool ok = buf_ok(&key, err);
    buf_clear(&walk->text);
    if (ok && label_name(buf_str(&key), &walk->text))
        ok = keep_text(walk, walk->scope, &label.name, err) &&
             value_as_text(walk, walk->scope, &attribute->value, &label.value, err);
    buf_free(&key);
    if (ok)
        pairs_set(pairs, label);
    return ok;
}

static bool enter_scope(Walk *walk, const ScopeView *scope, Err *err)
{
    arena_reset(walk->scope);
    walk->scope_labels = (Labels){ NULL, 0 };
    if (!walk->options->scope_labels)
        return true;
    Pairs pairs;
    size_t count = attributes_count(scope->attributes);
    if (count > POINT_LABELS_MAX)
        count = POINT_LABELS_MAX;
    if (!pairs_make(walk->scope, count + 3, &pairs, err))
        return false;
    Attributes list = scope->attributes;
    for (AttributeView attribute; pairs.count < count && attributes_next(&list, &attribute);)
        if (!add_scope_attribute(walk, &attribute, &pairs, err))
            return false;
    pairs_set(&pairs, (Label){ STR(SCOPE_PREFIX "name"), scope->name });
    pairs_set(&pairs, (Label){ STR(SCOPE_PREFIX "version"), scope->version });
    pairs_set(&pairs, (Label){ STR(SCOPE_PREFIX "schema_url"), scope->schema_url });
    walk->scope_labels = (Labels){ pairs.ptr, pairs.count };
    return true;
}

/* ---- points ---- */

static size_t labels_needed(const Walk *walk, size_t attributes)
{
    return attributes + walk->resource_pairs.count + walk->scope_labels.count +
           walk->options->more.count + 2;
}

static void add_more(const Walk *walk, Pairs *pairs)
{
    for (size_t i = 0; i < walk->options->more.count; i++)
        if (!pairs_find(pairs, walk->options->more.ptr[i].name))
            pairs_set(pairs, walk->options->more.ptr[i]);
}

/* Later ones replace earlier ones, but the user's only fill gaps. */
static void add_common(const Walk *walk, Pairs *pairs)
{
    pairs_set(pairs, walk->job);
    pairs_set(pairs, walk->instance);
    for (size_t i = 0; i < walk->scope_labels.count; i++)
        pairs_set(pairs, walk->scope_labels.ptr[i]);
    add_more(walk, pairs);
}

static void add_resource_pairs(const Walk *walk, Pairs *pairs)
{
    for (size_t i = 0; i < walk->resource_pairs.count; i++)
        pairs_set(pairs, walk->resource_pairs.ptr[i]);
}

static bool make_labels(Walk *walk, Attributes list, Labels *out, Err *err)
{
    Pairs pairs;
    size_t cap = labels_needed(walk, attributes_count(list));
    if (cap > POINT_LABELS_MAX) {
        walk->reason = "more than 512 labels";
        return true;
    }
    if (!pairs_make(walk->point, cap, &pairs, err) ||
        !collect(walk, walk->point, list, &pairs, err))
        return false;
    add_resource_pairs(walk, &pairs);
    if (!name_pairs(walk, walk->point, &pairs, err))
        return false;
    add_common(walk, &pairs);
    *out = (Labels){ pairs.ptr, labels_sort(pairs.ptr, pairs.count) };
    return true;
}

static const char *unsupported_metric(const Walk *walk, const MetricView *metric)
{
    switch (metric->kind) {
    case METRIC_EMPTY: return "a metric without data";
    case METRIC_EXPONENTIAL: return walk->options->exponential ? NULL : "exponential histogram";
    case METRIC_SUM:
    case METRIC_HISTOGRAM:
    case METRIC_GAUGE:
    case METRIC_SUMMARY: return NULL;
    }
    return "a kind of metric that is not known here";
}

static bool say_unsupported(const Walk *walk, size_t item, const char *reason, Err *err)
{
    const PointVisitor *visitor = walk->visitor;
    return !visitor->unsupported || visitor->unsupported(visitor->context, item, reason, err);
}

static void note_time(Walk *walk, uint64_t time_ns)
{
    int64_t time_ms = (int64_t)(time_ns / 1000000);
    if (!walk->any || time_ms < walk->first_ms)
        walk->first_ms = time_ms;
    if (!walk->any || time_ms > walk->last_ms)
        walk->last_ms = time_ms;
    walk->any = true;
}

static Attributes read_point(PromPoint *point)
{
    uint32_t flags = 0;
    Attributes attributes;
    if (point->metric->kind == METRIC_HISTOGRAM) {
        point->histogram = histogram_point_view(point->batch, point->item);
        point->start_ns = point->histogram.start_ns;
        point->time_ns = point->histogram.time_ns;
        flags = point->histogram.flags;
        attributes = point->histogram.attributes;
    } else if (point->metric->kind == METRIC_EXPONENTIAL) {
        point->exponential = exponential_point_view(point->batch, point->item);
        point->start_ns = point->exponential.start_ns;
        point->time_ns = point->exponential.time_ns;
        flags = point->exponential.flags;
        attributes = point->exponential.attributes;
    } else if (point->metric->kind == METRIC_SUMMARY) {
        point->summary = summary_point_view(point->batch, point->item);
        point->start_ns = point->summary.start_ns;
        point->time_ns = point->summary.time_ns;
        flags = point->summary.flags;
        attributes = point->summary.attributes;
    } else {
        point->number = number_point_view(point->batch, point->item);
        point->start_ns = point->number.start_ns;
        point->time_ns = point->number.time_ns;
        flags = point->number.flags;
        attributes = point->number.attributes;
    }
    point->ended = flags & FLAG_NO_RECORDED_VALUE;
    return attributes;
}

static bool visit_point(Walk *walk, const MetricView *metric, size_t item, Err *err)
{
    PromPoint point = {
        .batch = walk->batch, .metric = metric, .family = &walk->family, .item = item
    };
    arena_reset(walk->point);
    walk->reason = NULL;
    if (!make_labels(walk, read_point(&point), &point.labels, err)) {
        if (err->kind != ERR_LIMIT)
            return false;
        walk->reason = "labels larger than 4 MiB";
    }
    if (walk->reason)
        return say_unsupported(walk, item, walk->reason, err);
    note_time(walk, point.time_ns);
    const PointVisitor *visitor = walk->visitor;
    return !visitor->point || visitor->point(visitor->context, &point, err);
}

static bool says_unknown(const MetricView *metric)
{
    ValueView value;
    return attributes_find(metric->metadata, STR("prometheus.type"), &value) &&
           value.kind == VALUE_STRING && str_eq(value.text, STR("unknown"));
}

static MetricType type_of(const MetricView *metric)
{
    switch (metric->kind) {
    case METRIC_GAUGE: return says_unknown(metric) ? METRIC_TYPE_UNKNOWN : METRIC_TYPE_GAUGE;
    case METRIC_SUM: return metric->is_monotonic ? METRIC_TYPE_COUNTER : METRIC_TYPE_GAUGE;
    case METRIC_HISTOGRAM:
    case METRIC_EXPONENTIAL: return METRIC_TYPE_HISTOGRAM;
    case METRIC_SUMMARY: return METRIC_TYPE_SUMMARY;
    case METRIC_EMPTY: break;
    }
    return METRIC_TYPE_UNKNOWN;
}

static NameEnding ending_of(const MetricView *metric)
{
    if (metric->kind == METRIC_SUM && metric->is_monotonic)
        return ENDING_TOTAL;
    return metric->kind == METRIC_GAUGE ? ENDING_RATIO : ENDING_NONE;
}

static bool make_family(Walk *walk, const MetricView *metric, bool *valid, Err *err)
{
    PromFamily *family = &walk->family;
    FamilyNaming naming = { metric->name, metric->unit, ending_of(metric), walk->options->ns,
                            walk->options->without_suffixes };
    *family = (PromFamily){ .type = type_of(metric), .help = metric->description };
    buf_clear(&walk->text);
    *valid = family_name(&naming, &walk->text);
    if (!keep_text(walk, walk->metric, &family->name, err))
        return false;
    buf_clear(&walk->text);
    unit_name(metric->unit, &walk->text);
    return keep_text(walk, walk->metric, &family->unit, err);
}

static bool visit_metric(Walk *walk, size_t number, Err *err)
{
    bool valid;
    MetricView metric = metric_view(walk->batch, number);
    const char *reason = unsupported_metric(walk, &metric);
    const PointVisitor *visitor = walk->visitor;
    arena_reset(walk->metric);
    if (!make_family(walk, &metric, &valid, err)) {
        if (err->kind != ERR_LIMIT)
            return false;
        reason = "a name larger than 4 MiB";
    } else if (!reason && !valid) {
        reason = "no name is left of the metric's";
    }
    if (!reason && visitor->family && metric.end_item > metric.first_item &&
        !visitor->family(visitor->context, &walk->family, err))
        return false;
    for (size_t i = metric.first_item; i < metric.end_item; i++) {
        bool ok =
            reason ? say_unsupported(walk, i, reason, err) : visit_point(walk, &metric, i, err);
        if (!ok)
            return false;
    }
    return true;
}

static bool visit_scope(Walk *walk, size_t number, Err *err)
{
    ScopeView scope = scope_view(walk->batch, number);
    if (!enter_scope(walk, &scope, err))
        return false;
    for (size_t i = scope.first_metric; i < scope.end_metric; i++)
        if (!visit_metric(walk, i, err))
            return false;
    return true;
}

static bool identifies(Str key)
{
    return str_eq(key, STR(ATTR_SERVICE_NAME)) || str_eq(key, STR(ATTR_SERVICE_NAMESPACE)) ||
           str_eq(key, STR(ATTR_SERVICE_INSTANCE_ID));
}

static void drop_identifying(Pairs *pairs)
{
    size_t kept = 0;
    for (size_t i = 0; i < pairs->count; i++)
        if (!identifies(pairs->ptr[i].name))
            pairs->ptr[kept++] = pairs->ptr[i];
    pairs->count = kept;
}

/* Nothing without an identity to join on, nothing where there is only that. */
static bool visit_target(Walk *walk, Attributes list, Err *err)
{
    Pairs pairs;
    size_t count = attributes_count(list) + walk->options->more.count;
    const PointVisitor *visitor = walk->visitor;
    if (!visitor->target || walk->options->without_targets || !walk->any ||
        !(walk->job.value.len || walk->instance.value.len) || count + 2 > POINT_LABELS_MAX)
        return true;
    arena_reset(walk->point);
    walk->reason = NULL;
    if (!pairs_make(walk->point, count + 2, &pairs, err) ||
        !collect(walk, walk->point, list, &pairs, err))
        return err->kind == ERR_LIMIT; /* no labels of such a size */
    drop_identifying(&pairs);
    if (!pairs.count)
        return true;
    if (!name_pairs(walk, walk->point, &pairs, err))
        return false;
    pairs_set(&pairs, walk->job);
    pairs_set(&pairs, walk->instance);
    if (walk->options->more_on_targets)
        add_more(walk, &pairs);
    PromTarget target = { { pairs.ptr, labels_sort(pairs.ptr, pairs.count) },
                          walk->first_ms,
                          walk->last_ms };
    return walk->reason || visitor->target(visitor->context, &target, err);
}

static bool visit_resource(Walk *walk, size_t number, Err *err)
{
    ResourceView resource = resource_view(walk->batch, number);
    if (!enter_resource(walk, resource.attributes, err))
        return blame(err, "resource %zu", number);
    for (size_t i = resource.first_scope; i < resource.end_scope; i++)
        if (!visit_scope(walk, i, err))
            return false;
    return visit_target(walk, resource.attributes, err);
}

bool prom_points_walk(const Batch *batch, const PromOptions *options, const PointVisitor *visitor,
                      Err *err)
{
    Walk walk = { .batch = batch, .options = options, .visitor = visitor };
    walk.text = BUF(RESOURCE_MEMORY_MAX);
    walk.resource = arena_new(RESOURCE_MEMORY_MAX, err);
    walk.scope = walk.resource ? arena_new(POINT_MEMORY_MAX, err) : NULL;
    walk.metric = walk.scope ? arena_new(POINT_MEMORY_MAX, err) : NULL;
    walk.point = walk.metric ? arena_new(POINT_MEMORY_MAX, err) : NULL;
    bool ok = walk.point != NULL;
    for (size_t i = 0; ok && i < batch_resource_count(batch); i++)
        ok = visit_resource(&walk, i, err);
    buf_free(&walk.text);
    arena_free(walk.point);
    arena_free(walk.metric);
    arena_free(walk.scope);
    arena_free(walk.resource);
    return ok;
}
