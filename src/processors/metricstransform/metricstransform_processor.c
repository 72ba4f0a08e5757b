/* metricstransform_processor.c - renames, copies and aggregates metrics, and changes their labels.
 *
 * Transforms run in the order of the file, each over what those before it left, and only within a
 * batch. A metric that none of them means goes on as the bytes that came in; a batch in which there
 * is none, as it is. `update` changes a metric, `insert` a copy of it that stands behind the others
 * of its scope. What points are merged or deleted is counted as dropped, with that reason, so that
 * the account adds up.
 */
#include "base/mem.h"
#include "codec/wire.h"
#include "otlp/batch.h"
#include "otlp/encode.h"
#include "pipe/host.h"
#include "processors/metricstransform/metric_operations.h"
#include "regex/regex.h"

#include <string.h>

enum {
    TREE_MAX = 256 << 20,  /* bytes of one batch, taken apart */
    ENTRIES_MAX = 1 << 20, /* metrics of one scope, with those that were inserted */
    NAME_MAX_BYTES = 4096,
};

typedef struct Transform {
    Str include, new_name;
    int match_type, action;
    MetricOperations operations;
} Transform;

typedef struct TransformList {
    Transform *items;
    size_t count;
} TransformList;

typedef struct MetricsTransform {
    Component base;
    TransformList transforms; /* settings */
    Regex **patterns;         /* state: of each transform; NULL: it compares names */
    bool told_skipped;
} MetricsTransform;

typedef enum MatchType { MATCH_STRICT, MATCH_REGEXP } MatchType;
typedef enum Action { ACTION_UPDATE, ACTION_INSERT } Action;

static const char *const match_names[] = { "strict", "regexp", NULL };
static const char *const action_names[] = { "update", "insert", "combine", "group", NULL };

static bool check_action(Str text, Err *err)
{
    if (str_eq_nocase(text, STR("combine")) || str_eq_nocase(text, STR("group")))
        return fail(err, ERR_UNSUPPORTED, "action \"%.*s\": not supported yet; it comes later",
                    STR_ARG(text));
    return true;
}

static const ConfigField transform_fields[] = {
    TEXT(Transform, include, REQUIRED, "The metric's name, or a pattern for it."),
    CHOICE(Transform, match_type, "strict", match_names,
           "strict: the same name; regexp: the pattern matches anywhere in it."),
    CHOICE(Transform, action, REQUIRED, action_names,
           "update changes the metric, insert adds a changed copy.", .check = check_action),
    TEXT(Transform, new_name, "", "Its new name; ${1} is the pattern's first group."),
    SECTION_LIST(Transform, operations, MetricOperation, operation_fields,
                 "What is done to it, in this order."),
    LATER("experimental_match_labels", "matching by labels"),
    LATER("group_resource_labels", "grouping"),
    LATER("aggregation_type", "combining"),
    LATER("submatch_case", "combining"),
    { 0 },
};

static const ConfigField fields[] = {
    SECTION_LIST(MetricsTransform, transforms, Transform, transform_fields,
                 "The transforms, in this order."),
    { 0 },
};

static bool check_transform(const Transform *transform, Err *err)
{
    if (!transform->include.len)
        return fail(err, ERR_INPUT, "missing required field \"include\"");
    if (transform->action == ACTION_INSERT && !transform->new_name.len)
        return fail(err, ERR_INPUT,
                    "missing required field \"new_name\" while \"action\" is insert");
    for (size_t i = 0; i < transform->operations.count; i++)
        if (!operation_check(&transform->operations.items[i], err))
            return blame(err, "operation %zu", i + 1);
    return true;
}

static bool compile(const Transform *transform, Regex **out, Err *err)
{
    if (transform->match_type != MATCH_REGEXP)
        return true;
    *out = regex_new(transform->include, REGEX_SEARCH, err);
    return *out || blame(err, "include");
}

static bool processor_check(const void *self, Err *err)
{
    const MetricsTransform *processor = self;
    if (!processor->transforms.count)
        return fail(err, ERR_INPUT, "missing required field \"transforms\"");
    for (size_t i = 0; i < processor->transforms.count; i++) {
        Regex *trial = NULL;
        const Transform *transform = &processor->transforms.items[i];
        bool good = check_transform(transform, err) && compile(transform, &trial, err);
        regex_free(trial);
        if (!good)
            return blame(err, "transforms[%zu]", i);
    }
    return true;
}

/* --- names ----------------------------------------------------------------------------------- */

static bool matches(const MetricsTransform *processor, size_t transform, Str name)
{
    const Regex *pattern = processor->patterns[transform];
    return pattern ? regex_matches(pattern, name)
                   : str_eq(processor->transforms.items[transform].include, name);
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* The group of that number or name; one that is not there is empty. */
static Str group_text(const Regex *pattern, const Str *groups, Str name)
{
    uint64_t number;
    size_t count = regex_groups(pattern);
    count = count < REGEX_GROUPS_MAX ? count : REGEX_GROUPS_MAX;
    if (str_to_u64(name, &number))
        return number < count ? groups[number] : (Str){ 0 };
    for (size_t i = 1; i < count; i++)
        if (str_eq(regex_group_name(pattern, i), name))
            return groups[i];
    return (Str){ 0 };
}

/* Cuts "1}" or "1" behind a dollar off *rest; false: it is no reference. */
static bool cut_reference(Str *rest, Str *name)
{
    size_t from = rest->len && rest->ptr[0] == '{', len = 0;
    while (from + len < rest->len && is_word(rest->ptr[from + len]))
        len++;
    bool closed = !from || (from + len < rest->len && rest->ptr[from + len] == '}');
    if (!len || !closed)
        return false;
    *name = str_first(str_skip(*rest, from), len);
    *rest = str_skip(*rest, from + len + from);
    return true;
}

/* As Go expands templates: $$, $1, ${1}, ${name}. */
static void expand(const Regex *pattern, Str template, Str name, Buf *out)
{
    Str groups[REGEX_GROUPS_MAX] = { { 0 } }, reference;
    if (!regex_find(pattern, name, groups, COUNT_OF(groups)))
        return;
    while (template.len) {
        char c = template.ptr[0];
        template = str_skip(template, 1);
        if (c == '$' && str_starts(template, STR("$")))
            template = str_skip(template, 1);
        else if (c == '$' && cut_reference(&template, &reference)) {
            buf_add(out, group_text(pattern, groups, reference));
            continue;
        }
        buf_add_byte(out, c);
    }
}

static bool rename_metric(const MetricsTransform *processor, size_t number, MetricTree *tree,
                          Arena *arena, Err *err)
{
    const Transform *transform = &processor->transforms.items[number];
    const Regex *pattern = processor->patterns[number];
    if (!transform->new_name.len)
        return true;
    if (!pattern) {
        tree->name = transform->new_name;
        return true;
    }
    Buf name = BUF(NAME_MAX_BYTES);
    expand(pattern, transform->new_name, tree->name, &name);
    bool good = buf_ok(&name, err) && arena_copy(arena, buf_str(&name), &tree->name, err);
    buf_free(&name);
    return good;
}

/* --- one scope's metrics --------------------------------------------------------------------- */

typedef struct Entry {
    Str raw;          /* as it came */
    size_t metric;    /* its number in the batch */
    MetricTree *tree; /* NULL: nobody has meant it yet */
    Str name;
} Entry;

typedef struct Rebuild {
    MetricsTransform *processor;
    const Batch *batch;
    Arena *arena;
    Buf out;
    Entry *entries; /* of the scope at hand */
    size_t count, cap;
    size_t metric; /* the next one's number */
    bool skipped;
} Rebuild;

static Entry *add_entry(Rebuild *r, Err *err)
{
    if (r->count == r->cap) {
        size_t cap = r->cap ? 2 * r->cap : 64;
        Entry *grown = cap <= ENTRIES_MAX ? mem_grow(r->entries, cap * sizeof *grown) : NULL;
        if (!grown) {
            fail(err, cap <= ENTRIES_MAX ? ERR_MEMORY : ERR_LIMIT, "no room for more metrics");
            return NULL;
        }
        r->entries = grown;
        r->cap = cap;
    }
    Entry *entry = &r->entries[r->count++];
    *entry = (Entry){ 0 };
    return entry;
}

static bool open_tree(Rebuild *r, Entry *entry, Err *err)
{
    if (!entry->tree)
        entry->tree = metric_tree_read(r->batch, entry->metric, entry->raw, r->arena, err);
    return entry->tree != NULL;
}

static bool change(Rebuild *r, size_t number, MetricTree *tree, Err *err)
{
    const MetricOperations *operations = &r->processor->transforms.items[number].operations;
    if (!rename_metric(r->processor, number, tree, r->arena, err))
        return false;
    for (size_t i = 0; i < operations->count; i++)
        if (!operation_apply(&operations->items[i], tree, r->arena, &r->skipped, err))
            return false;
    return true;
}

static bool transform_entry(Rebuild *r, size_t number, size_t at, Err *err)
{
    if (!open_tree(r, &r->entries[at], err))
        return false;
    MetricTree *tree = r->entries[at].tree;
    if (r->processor->transforms.items[number].action == ACTION_INSERT) {
        tree = metric_tree_copy(tree, r->arena, err);
        Entry *added = tree ? add_entry(r, err) : NULL;
        if (!added)
            return false;
        *added = (Entry){ .tree = tree };
        at = r->count - 1;
    }
    bool good = change(r, number, tree, err);
    r->entries[at].name = tree->name;
    return good;
}

static bool transform_scope(Rebuild *r, Err *err)
{
    for (size_t number = 0; number < r->processor->transforms.count; number++) {
        size_t there = r->count; /* what it inserts is not its own business */
        for (size_t i = 0; i < there; i++)
            if (matches(r->processor, number, r->entries[i].name) &&
                !transform_entry(r, number, i, err))
                return false;
    }
    return true;
}

static void write_entry(const Entry *entry, Buf *out)
{
    if (!entry->tree) {
        wire_add_bytes(out, SCOPES_ITEM, entry->raw);
        return;
    }
    if (!entry->tree->count && entry->tree->kind != METRIC_EMPTY)
        return; /* all of its points are gone */
    size_t message = wire_open(out, SCOPES_ITEM);
    metric_tree_write(entry->tree, out);
    wire_close(out, message);
}

/* --- the batch ------------------------------------------------------------------------------- */

static void add_field(Buf *out, const WireReader *reader, const WireField *field)
{
    buf_add(out, (Str){ field->start, (size_t)(reader->at - field->start) });
}

static bool rebuild_scope(Rebuild *r, Str scope, Err *err)
{
    WireReader reader = wire_reader(scope);
    WireField field;
    r->count = 0;
    while (wire_next(&reader, &field)) {
        if (field.number != SCOPES_ITEM || field.kind != WIRE_LEN) {
            add_field(&r->out, &reader, &field);
            continue;
        }
        Entry *entry = add_entry(r, err);
        if (!entry)
            return false;
        entry->raw = field.bytes;
        entry->metric = r->metric++;
        entry->name = metric_view(r->batch, entry->metric).name;
    }
    if (!transform_scope(r, err))
        return false;
    for (size_t i = 0; i < r->count; i++)
        write_entry(&r->entries[i], &r->out);
    return true;
}

static bool rebuild_group(Rebuild *r, Str group, Err *err)
{
    WireReader reader = wire_reader(group);
    WireField field;
    while (wire_next(&reader, &field)) {
        if (field.number != GROUP_SCOPES || field.kind != WIRE_LEN) {
            add_field(&r->out, &reader, &field);
            continue;
        }
        size_t message = wire_open_about(&r->out, GROUP_SCOPES, field.bytes.len);
        if (!rebuild_scope(r, field.bytes, err))
            return false;
        wire_close(&r->out, message);
    }
    return true;
}

static bool rebuild(Rebuild *r, Err *err)
{
    WireReader reader = wire_reader(batch_bytes(r->batch));
    WireField field;
    while (wire_next(&reader, &field)) {
        if (field.number != REQUEST_GROUP || field.kind != WIRE_LEN) {
            add_field(&r->out, &reader, &field);
            continue;
        }
        size_t message = wire_open_about(&r->out, REQUEST_GROUP, field.bytes.len);
        if (!rebuild_group(r, field.bytes, err))
            return false;
        wire_close(&r->out, message);
    }
    return buf_ok(&r->out, err);
}

static Batch *transform_batch(MetricsTransform *processor, const Batch *batch, Err *err)
{
    Batch *changed = NULL;
    Rebuild r = { .processor = processor, .batch = batch, .out = batch_room(batch) };
    r.arena = arena_new_forced(r.out.purse, TREE_MAX, err);
    if (r.arena && rebuild(&r, err))
        changed = batch_from_bytes(METRICS, &r.out, err);
    if (r.skipped && !processor->told_skipped)
        host_log(processor->base.host, LOG_WARN,
                 "an operation means a kind of metric that cannot do it; such metrics keep what it "
                 "would change (told once)");
    processor->told_skipped = processor->told_skipped || r.skipped;
    buf_free(&r.out);
    mem_free(r.entries);
    arena_free(r.arena);
    return changed;
}

static bool concerns(const MetricsTransform *processor, const Batch *batch)
{
    for (size_t m = 0; m < batch_metric_count(batch); m++) {
        Str name = metric_view(batch, m).name;
        for (size_t i = 0; i < processor->transforms.count; i++)
            if (matches(processor, i, name))
                return true;
    }
    return false;
}

/* --- hooks ----------------------------------------------------------------------------------- */

static bool processor_start(void *self, Err *err)
{
    MetricsTransform *processor = self;
    processor->patterns = MEM_MAKE(Regex *, processor->transforms.count, err);
    if (!processor->patterns)
        return false;
    for (size_t i = 0; i < processor->transforms.count; i++)
        if (!compile(&processor->transforms.items[i], &processor->patterns[i], err))
            return false;
    return true;
}

static bool send_on(MetricsTransform *processor, const Parcel *parcel, Batch *changed, Err *err)
{
    uint64_t before = batch_item_count(parcel->batch), after = batch_item_count(changed);
    bool taken = true;
    if (after)
        taken = host_send(processor->base.host, &(Parcel){ changed, parcel->ack }, err);
    else
        ack_done(parcel->ack);
    if (taken && after < before)
        host_count_dropped(processor->base.host, METRICS, before - after,
                           "merged or deleted by a transform");
    return taken;
}

static bool processor_consume(void *self, const Parcel *parcel, Err *err)
{
    MetricsTransform *processor = self;
    if (!concerns(processor, parcel->batch))
        return host_send(processor->base.host, parcel, err);
    Batch *changed = transform_batch(processor, parcel->batch, err);
    if (!changed)
        return blame(err, "changing the batch");
    bool taken = send_on(processor, parcel, changed, err);
    batch_unref(changed);
    return taken;
}

static void processor_stop(void *self)
{
    MetricsTransform *processor = self;
    for (size_t i = 0; i < processor->transforms.count && processor->patterns; i++)
        regex_free(processor->patterns[i]);
    mem_free(processor->patterns);
    processor->patterns = NULL;
}

static const char *const aliases[] = { "metrics_transform", NULL };

const ComponentType metricstransform_processor = {
    .name = "metricstransform",
    .aliases = aliases,
    .summary = "Renames, copies and aggregates metrics, and changes their labels.",
    .kind = PROCESSOR,
    .stability = ALPHA,
    .placement = SHARDED,
    .signals = METRICS,
    .size = sizeof(MetricsTransform),
    .fields = fields,
    .check = processor_check,
    .start = processor_start,
    .consume = processor_consume,
    .stop = processor_stop,
};
