/* log_labels.c - see log_labels.h.
 *
 * Names lose what a label cannot have: '_' stands for it. A map is one label per member, with the
 * names joined by '_'. Where two attributes get one name, the one that is nearer to the record
 * counts. Of a record with very many attributes the first ATTRIBUTES_MAX become labels, those of
 * the resource first; its ids and its severity always do.
 */
#include "store/logs/log_labels.h"

#include "model/ids.h"
#include "model/semconv.h"
#include "otlp/value_text.h"
#include "prom/translate.h"

#include <inttypes.h>
#include <string.h>

enum {
    FIRST_LABELS = 16,
    ATTRIBUTES_MAX = 1024, /* labels made of attributes: beyond what LogQL lets a line have */
};

/* Loki's default choice. */
static const Str stream_attributes[] = {
    STR_ROW("service.name"),
    STR_ROW("service.namespace"),
    STR_ROW("service.instance.id"),
    STR_ROW("deployment.environment"),
    STR_ROW("deployment.environment.name"),
    STR_ROW("cloud.region"),
    STR_ROW("cloud.availability_zone"),
    STR_ROW("k8s.cluster.name"),
    STR_ROW("k8s.namespace.name"),
    STR_ROW("k8s.pod.name"),
    STR_ROW("k8s.container.name"),
    STR_ROW("container.name"),
    STR_ROW("k8s.replicaset.name"),
    STR_ROW("k8s.deployment.name"),
    STR_ROW("k8s.statefulset.name"),
    STR_ROW("k8s.daemonset.name"),
    STR_ROW("k8s.cronjob.name"),
    STR_ROW("k8s.job.name"),
};

static bool is_stream_attribute(Str key)
{
    for (size_t i = 0; i < COUNT_OF(stream_attributes); i++)
        if (str_eq(stream_attributes[i], key))
            return true;
    return false;
}

void label_list_clear(LabelList *list)
{
    arena_reset(list->arena);
    list->ptr = NULL;
    list->count = list->cap = 0;
}

void label_list_done(LabelList *list)
{
    buf_free(&list->scratch);
}

/* ---- names and values --------------------------------------------------------------------------
 */

static bool add(LabelList *list, Str name, Str value, Err *err)
{
    if (list->count == list->cap) {
        size_t cap = list->cap ? 2 * list->cap : FIRST_LABELS;
        Label *grown = ARENA_MAKE(list->arena, Label, cap, err);
        if (!grown)
            return false;
        if (list->count)
            memcpy(grown, list->ptr, list->count * sizeof *grown);
        list->ptr = grown;
        list->cap = cap;
    }
    list->ptr[list->count++] = (Label){ name, value };
    return true;
}

static bool add_written(LabelList *list, Str name, Err *err)
{
    Str value;
    return buf_ok(&list->scratch, err) &&
           arena_copy(list->arena, buf_str(&list->scratch), &value, err) &&
           add(list, name, value, err);
}

/* Empty: nothing of it can be a name. */
static bool write_name(LabelList *list, Str prefix, Str key, Str *out, Err *err)
{
    Str joined = key;
    buf_clear(&list->scratch);
    if (prefix.len) {
        buf_add(&list->scratch, prefix);
        buf_add_byte(&list->scratch, '_');
        buf_add(&list->scratch, key);
        if (!buf_ok(&list->scratch, err) ||
            !arena_copy(list->arena, buf_str(&list->scratch), &joined, err))
            return false;
    }
    *out = joined;
    if (list->verbatim || label_name_plain(joined))
        return true;
    buf_clear(&list->scratch);
    if (!label_name(joined, &list->scratch))
        buf_clear(&list->scratch);
    return buf_ok(&list->scratch, err) &&
           arena_copy(list->arena, buf_str(&list->scratch), out, err);
}

static bool add_attribute(LabelList *list, Str prefix, const AttributeView *attribute, Err *err);

/* Recursion ends: a batch nests at most BATCH_DEPTH_MAX deep. */
static bool add_members(LabelList *list, Str prefix, const ValueView *map, Err *err)
{
    Attributes members = value_members(map);
    for (AttributeView member; attributes_next(&members, &member);)
        if (!add_attribute(list, prefix, &member, err))
            return false;
    return true;
}

static bool add_attribute(LabelList *list, Str prefix, const AttributeView *attribute, Err *err)
{
    Str name = { 0 };
    if (list->count >= ATTRIBUTES_MAX)
        return true; /* sorting is by insertion */
    if (!write_name(list, prefix, attribute->key, &name, err))
        return false;
    if (!name.len)
        return true;
    if (attribute->value.kind == VALUE_KVLIST)
        return add_members(list, name, &attribute->value, err);
    if (attribute->value.kind == VALUE_STRING)
        return add(list, name, attribute->value.text, err);
    buf_clear(&list->scratch);
    value_text(&attribute->value, &list->scratch);
    return add_written(list, name, err);
}

static bool add_all(LabelList *list, Attributes attributes, Err *err)
{
    for (AttributeView attribute; attributes_next(&attributes, &attribute);)
        if (!add_attribute(list, STR(""), &attribute, err))
            return false;
    return true;
}

static bool add_number(LabelList *list, Str name, uint64_t value, Err *err)
{
    if (!value)
        return true;
    buf_clear(&list->scratch);
    buf_addf(&list->scratch, "%" PRIu64, value);
    return add_written(list, name, err);
}

static bool add_id(LabelList *list, Str name, const void *id, size_t size, Err *err)
{
    buf_clear(&list->scratch);
    buf_add_hex(&list->scratch, id, size);
    return add_written(list, name, err);
}

/* ---- streams -----------------------------------------------------------------------------------
 */

static bool add_of_resource(LabelList *list, Attributes attributes, bool stream, Err *err)
{
    for (AttributeView attribute; attributes_next(&attributes, &attribute);)
        if (is_stream_attribute(attribute.key) == stream &&
            !add_attribute(list, STR(""), &attribute, err))
            return false;
    return true;
}

bool stream_labels(LabelList *list, const Batch *batch, size_t resource, Labels *out, Err *err)
{
    Attributes attributes = resource_attributes(batch, resource);
    label_list_clear(list);
    bool ok = list->verbatim ? add_all(list, attributes, err)
                             : add_of_resource(list, attributes, true, err);
    if (!ok)
        return false;
    size_t count = labels_sort(list->ptr, list->count);
    if (!list->verbatim && !labels_get((Labels){ list->ptr, count }, STR("service_name")).len) {
        list->count = count;
        if (!add(list, STR("service_name"), STR(SERVICE_UNKNOWN), err))
            return false;
        count = labels_sort(list->ptr, list->count);
    }
    *out = (Labels){ list->ptr, count };
    return true;
}

/* ---- metadata ----------------------------------------------------------------------------------
 */

static const ScopeView *known_scope(LabelList *list, const Batch *batch, size_t scope)
{
    size_t slot = ((uintptr_t)batch / sizeof(KnownScope) + scope) % SCOPES_KNOWN;
    KnownScope *known = &list->scopes[slot];
    if (known->batch != batch || known->scope != scope)
        *known = (KnownScope){ batch, scope, scope_view(batch, scope) };
    return &known->view;
}

static bool add_scope(LabelList *list, const Batch *batch, size_t scope, Err *err)
{
    const ScopeView *view = known_scope(list, batch, scope);
    return add_all(list, view->attributes, err) &&
           add_number(list, STR("scope_dropped_attributes_count"), view->dropped_attributes, err) &&
           add(list, STR("scope_name"), view->name, err) &&
           add(list, STR("scope_version"), view->version, err);
}

static bool add_record(LabelList *list, const LogView *log, Err *err)
{
    return add_number(list, STR("observed_timestamp"), log->observed_ns, err) &&
           add_number(list, STR("severity_number"), log->severity_number, err) &&
           add(list, STR("severity_text"), log->severity_text, err) &&
           add(list, STR("event_name"), log->event_name, err) &&
           add_number(list, STR("dropped_attributes_count"), log->dropped_attributes, err) &&
           add_number(list, STR("flags"), log->flags, err) &&
           (trace_id_is_zero(&log->trace_id) ||
            add_id(list, STR("trace_id"), &log->trace_id, sizeof log->trace_id, err)) &&
           (span_id_is_zero(&log->span_id) ||
            add_id(list, STR("span_id"), &log->span_id, sizeof log->span_id, err));
}

/* The list is not cleared: many records' labels may live in its arena. */
bool record_metadata(LabelList *list, const Batch *batch, size_t record, Labels *out, Err *err)
{
    size_t scope = batch_scope_of_item(batch, record);
    size_t resource = batch_resource_of_scope(batch, scope);
    LogView log = log_view(batch, record);
    list->ptr = NULL;
    list->count = list->cap = 0;
    if ((!list->verbatim &&
         !add_of_resource(list, resource_attributes(batch, resource), false, err)) ||
        !add_scope(list, batch, scope, err) || !add_all(list, log.attributes, err) ||
        !add_record(list, &log, err))
        return false;
    *out = (Labels){ list->ptr, labels_sort(list->ptr, list->count) };
    return true;
}
