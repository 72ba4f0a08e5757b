/* combine.c - joins and splits batches; see combine.h. */
#include "otlp/combine.h"

#include "base/mem.h"
#include "otlp/batch_internal.h"
#include "otlp/encode.h"
#include "otlp/tag_internal.h"

#include <assert.h>

static void add_counts(IndexCounts *sum, const IndexCounts *more)
{
    sum->resources += more->resources;
    sum->resource_attributes += more->resource_attributes;
    sum->scopes += more->scopes;
    sum->scope_attributes += more->scope_attributes;
    sum->metrics += more->metrics;
    sum->items += more->items;
    sum->item_attributes += more->item_attributes;
}

static void shift_offsets(uint32_t *to, const uint32_t *from, size_t count, uint32_t base)
{
    for (size_t i = 0; i < count; i++)
        to[i] = from[i] + base;
}

/* Copies `from` behind the first `have` entries of `to`, its bytes being `base` further down. */
static void append_index(Index *to, const Index *from, const IndexCounts *have, uint32_t base,
                         uint32_t first_child)
{
    for (size_t i = 0; i < from->count.resources; i++) {
        IndexResource entry = from->resources[i];
        to->resources[have->resources + i] =
            (IndexResource){ entry.at + base, entry.first_attribute + have->resource_attributes,
                             entry.first_scope + have->scopes };
    }
    for (size_t i = 0; i < from->count.scopes; i++) {
        IndexScope entry = from->scopes[i];
        to->scopes[have->scopes + i] =
            (IndexScope){ entry.at + base, entry.first_attribute + have->scope_attributes,
                          entry.first_child + first_child };
    }
    for (size_t i = 0; i < from->count.metrics; i++) {
        IndexMetric entry = from->metrics[i];
        to->metrics[have->metrics + i] =
            (IndexMetric){ entry.at + base, entry.first_item + have->items };
    }
    for (size_t i = 0; i < from->count.items; i++) {
        IndexItem entry = from->items[i];
        to->items[have->items + i] =
            (IndexItem){ entry.at + base, entry.first_attribute + have->item_attributes };
    }
    shift_offsets(to->resource_attributes + have->resource_attributes, from->resource_attributes,
                  from->count.resource_attributes, base);
    shift_offsets(to->scope_attributes + have->scope_attributes, from->scope_attributes,
                  from->count.scope_attributes, base);
    shift_offsets(to->item_attributes + have->item_attributes, from->item_attributes,
                  from->count.item_attributes, base);
}

static bool join_index(Batch *const *batches, size_t count, const Buf *like, Index *index, Err *err)
{
    IndexCounts all = { 0 }, have = { 0 };
    for (size_t i = 0; i < count; i++)
        add_counts(&all, &batches[i]->index.count);
    if (!index_make(index, &all, like, err))
        return false;
    size_t base = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t child = batches[i]->signal == METRICS ? have.metrics : have.items;
        append_index(index, &batches[i]->index, &have, (uint32_t)base, child);
        add_counts(&have, &batches[i]->index.count);
        base += batches[i]->bytes.len;
    }
    index_close(index);
    return true;
}

static bool check_size(Batch *const *batches, size_t count, Err *err)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        assert(batches[i]->signal == batches[0]->signal);
        size += batches[i]->size;
    }
    return size <= BATCH_BYTES_MAX ||
           fail(err, ERR_LIMIT, "%zu batches of %zu bytes are too large for one", count, size);
}

/* Of batches that are no bundles. */
static Batch *make_joined(Batch *const *batches, size_t count, Err *err)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += batches[i]->size;
    Buf bytes = batch_room(batches[0]);
    Index index = { 0 };
    Batch *joined = NULL;
    if (size)
        buf_reserve_exact(&bytes, size);
    for (size_t i = 0; i < count; i++)
        buf_add(&bytes, batch_bytes(batches[i]));
    if (buf_ok(&bytes, err) && join_index(batches, count, &bytes, &index, err))
        joined = batch_make(batches[0]->signal, &bytes, &index, err);
    index_done(&index);
    buf_free(&bytes);
    return joined;
}

typedef Batch *Maker(Batch *const *batches, size_t count, Err *err);

/* Makes it of the batches, and of the parts of those that are bundles. */
static Batch *make_of_parts(Maker *make, Batch *const *batches, size_t count, Err *err)
{
    size_t total = 0, at = 0;
    for (size_t i = 0; i < count; i++)
        total += batch_pieces(batches[i]).count;
    if (total == count)
        return make(batches, count, err);
    Batch **parts = MEM_MAKE(Batch *, total, err);
    for (size_t i = 0; i < count && parts; i++) {
        if (!batch_is_bundle(batches[i]))
            parts[at++] = batches[i];
        for (size_t k = 0; k < batches[i]->part_count; k++)
            parts[at++] = batches[i]->parts[k];
    }
    Batch *made = parts ? make(parts, total, err) : NULL;
    mem_free(parts);
    return made;
}

Batch *batch_concat(Batch *const *batches, size_t count, Err *err)
{
    assert(count);
    if (count == 1)
        return batch_whole(batches[0], err);
    return check_size(batches, count, err) ? make_of_parts(make_joined, batches, count, err) : NULL;
}

Batch *batch_bundle(Batch *const *batches, size_t count, Err *err)
{
    assert(count);
    if (count == 1)
        return batch_ref(batches[0]);
    return check_size(batches, count, err) ? make_of_parts(batch_make_bundle, batches, count, err)
                                           : NULL;
}

Batch *batch_whole(Batch *batch, Err *err)
{
    return batch_is_bundle(batch) ? make_joined(batch->parts, batch->part_count, err)
                                  : batch_ref(batch);
}

static SplitHead no_head(void)
{
    return (SplitHead){ .owner = SIZE_MAX, .bytes = BUF(BATCH_BYTES_MAX) };
}

Split split_begin(Batch *batch, SplitLimits limits)
{
    return (Split){ .batch = batch_ref(batch),
                    .limits = limits,
                    .resource = no_head(),
                    .scope = no_head(),
                    .metric = no_head(),
                    .data = no_head() };
}

void split_end(Split *split)
{
    batch_unref(split->batch);
    split->batch = NULL;
    buf_free(&split->resource.bytes);
    buf_free(&split->scope.bytes);
    buf_free(&split->metric.bytes);
    buf_free(&split->data.bytes);
}

static ItemRange overlap(ItemRange a, ItemRange b)
{
    size_t from = a.from > b.from ? a.from : b.from, to = a.to < b.to ? a.to : b.to;
    return (ItemRange){ from, to > from ? to : from };
}

static bool is_whole(ItemRange part, ItemRange all)
{
    return part.from == all.from && part.to == all.to;
}

static Str content_at(const Batch *batch, uint32_t at)
{
    return index_content(buf_str(&batch->bytes), at);
}

/* The whole field whose tag is at `at`. */
static Str field_at(const Batch *batch, uint32_t at)
{
    Str content = content_at(batch, at);
    const char *start = batch->bytes.ptr + at;
    return (Str){ start, (size_t)(content.ptr + content.len - start) };
}

/* Adds the fields of `message` but those LEN fields whose number's bit is in `without`. */
static void add_fields(Buf *out, Str message, uint32_t without)
{
    WireReader reader = wire_reader(message);
    WireField field;
    while (wire_next(&reader, &field)) {
        if (field.kind == WIRE_LEN && field.number < 32 && without >> field.number & 1)
            continue;
        buf_add(out, (Str){ field.start, (size_t)(reader.at - field.start) });
    }
}

enum {
    DATA_FIELDS = 1 << METRIC_GAUGE | 1 << METRIC_SUM | 1 << METRIC_HISTOGRAM |
                  1 << METRIC_EXPONENTIAL | 1 << METRIC_SUMMARY
};

/* Makes `head` that of `owner`, whose message is the content at `at`, without its children. */
static void load_head(const Split *split, SplitHead *head, size_t owner, uint32_t at,
                      uint32_t children)
{
    if (head->owner == owner)
        return;
    buf_clear(&head->bytes);
    add_fields(&head->bytes, content_at(split->batch, at), children);
    head->owner = head->bytes.failed ? SIZE_MAX : owner;
}

/* What is said of all data points of a metric; data of the same kind may come in several fields. */
static void load_data_head(Split *split, size_t metric, MetricKind kind)
{
    if (split->data.owner == metric)
        return;
    Fields data = { content_at(split->batch, split->batch->index.metrics[metric].at),
                    (uint32_t)kind };
    Str message;
    buf_clear(&split->data.bytes);
    while (fields_next(&data, &message))
        add_fields(&split->data.bytes, message, 1 << DATA_POINTS);
    split->data.owner = split->data.bytes.failed ? SIZE_MAX : metric;
}

static void add_head(Buf *out, const SplitHead *head)
{
    if (head->bytes.failed) /* the allocator refused it: so is the piece */
        out->failed = true;
    else
        buf_add(out, buf_str(&head->bytes));
}

/* Items that stand side by side are copied in one go. */
static void add_items(const Batch *batch, ItemRange part, Buf *out)
{
    Str run = { 0 };
    for (size_t i = part.from; i < part.to; i++) {
        Str field = field_at(batch, batch->index.items[i].at);
        if (run.len && run.ptr + run.len == field.ptr) {
            run.len += field.len;
            continue;
        }
        buf_add(out, run);
        run = field;
    }
    buf_add(out, run);
}

static void add_metric(Split *split, size_t metric, ItemRange part, Buf *out)
{
    const Batch *batch = split->batch;
    uint32_t at = batch->index.metrics[metric].at;
    if (is_whole(part, batch_metric_items(batch, metric))) {
        buf_add(out, field_at(batch, at));
        return;
    }
    MetricKind kind = metric_view(batch, metric).kind;
    load_head(split, &split->metric, metric, at, DATA_FIELDS);
    load_data_head(split, metric, kind);
    size_t message = wire_open(out, SCOPES_ITEM);
    add_head(out, &split->metric);
    size_t data = wire_open(out, (uint32_t)kind);
    add_head(out, &split->data);
    add_items(batch, part, out);
    wire_close(out, data);
    wire_close(out, message);
}

static void add_metrics(Split *split, size_t scope, ItemRange part, Buf *out)
{
    const IndexScope *entry = &split->batch->index.scopes[scope];
    for (size_t m = entry[0].first_child; m < entry[1].first_child; m++) {
        ItemRange here = overlap(part, batch_metric_items(split->batch, m));
        if (here.from < here.to)
            add_metric(split, m, here, out);
    }
}

static void add_scope(Split *split, size_t scope, ItemRange part, Buf *out)
{
    const Batch *batch = split->batch;
    uint32_t at = batch->index.scopes[scope].at;
    if (is_whole(part, batch_scope_items(batch, scope))) {
        buf_add(out, field_at(batch, at));
        return;
    }
    load_head(split, &split->scope, scope, at, 1 << SCOPES_ITEM);
    size_t message = wire_open(out, GROUP_SCOPES);
    add_head(out, &split->scope);
    if (batch->signal == METRICS)
        add_metrics(split, scope, part, out);
    else
        add_items(batch, part, out);
    wire_close(out, message);
}

static void add_resource(Split *split, size_t resource, ItemRange part, Buf *out)
{
    const Batch *batch = split->batch;
    const IndexResource *entry = &batch->index.resources[resource];
    if (is_whole(part, batch_resource_items(batch, resource))) {
        buf_add(out, field_at(batch, entry->at));
        return;
    }
    load_head(split, &split->resource, resource, entry->at, 1 << GROUP_SCOPES);
    size_t message = wire_open(out, REQUEST_GROUP);
    add_head(out, &split->resource);
    for (size_t s = entry[0].first_scope; s < entry[1].first_scope; s++) {
        ItemRange here = overlap(part, batch_scope_items(batch, s));
        if (here.from < here.to)
            add_scope(split, s, here, out);
    }
    wire_close(out, message);
}

enum { OPEN_COST = 6 /* tag and length of a message, at most */ };

/* How much the messages above an item add to a piece that has none of them yet. */
static size_t cost_above(Split *split, size_t item)
{
    Batch *batch = split->batch;
    const Index *index = &batch->index;
    size_t scope = batch_scope_of_item(batch, item);
    size_t resource = batch_resource_of_scope(batch, scope);
    load_head(split, &split->scope, scope, index->scopes[scope].at, 1 << SCOPES_ITEM);
    load_head(split, &split->resource, resource, index->resources[resource].at, 1 << GROUP_SCOPES);
    size_t cost = split->scope.bytes.len + split->resource.bytes.len + 2 * OPEN_COST;
    if (batch->signal != METRICS)
        return cost;
    size_t metric = batch_metric_of_item(batch, item);
    load_head(split, &split->metric, metric, index->metrics[metric].at, DATA_FIELDS);
    load_data_head(split, metric, metric_view(batch, metric).kind);
    return cost + split->metric.bytes.len + split->data.bytes.len + 2 * OPEN_COST;
}

/* The end of the run of items that have the same owners as `item`. */
static size_t end_of_owner(const Batch *batch, size_t item)
{
    if (batch->signal == METRICS)
        return batch_metric_items(batch, batch_metric_of_item(batch, item)).to;
    return batch_scope_items(batch, batch_scope_of_item(batch, item)).to;
}

/* How far the next piece goes: at least one item. Costs are rounded up. */
static size_t end_of_piece(Split *split)
{
    const Batch *batch = split->batch;
    size_t from = split->next_item, count = batch->index.count.items;
    size_t most = split->limits.items_max, bytes = 0, owner_end = from;
    size_t to = most && most < count - from ? from + most : count;
    if (!split->limits.bytes_max)
        return to;
    for (size_t i = from; i < to; i++) {
        if (i >= owner_end) {
            bytes += cost_above(split, i);
            owner_end = end_of_owner(batch, i);
        }
        bytes += field_at(batch, batch->index.items[i].at).len;
        if (bytes > split->limits.bytes_max && i > from)
            return i;
    }
    return to;
}

static bool fits_whole(const Split *split)
{
    const SplitLimits *limits = &split->limits;
    return split->next_item == 0 &&
           (!limits->items_max || split->batch->index.count.items <= limits->items_max) &&
           (!limits->bytes_max || split->batch->size <= limits->bytes_max);
}

/* What is cut is looked at, so a bundle has to be joined first. */
static bool make_whole(Split *split, Err *err)
{
    Batch *whole = batch_whole(split->batch, err);
    if (!whole)
        return false;
    batch_unref(split->batch);
    split->batch = whole;
    return true;
}

static Batch *make_piece(Split *split, ItemRange part, Err *err)
{
    const Batch *batch = split->batch;
    Buf out = batch_room(batch);
    size_t scope = batch_scope_of_item(batch, part.from);
    size_t resource = batch_resource_of_scope(batch, scope);
    for (; resource < batch->index.count.resources; resource++) {
        ItemRange here = overlap(part, batch_resource_items(batch, resource));
        if (here.from == here.to && here.from >= part.to)
            break;
        if (here.from < here.to)
            add_resource(split, resource, here, &out);
    }
    Batch *piece = buf_ok(&out, err) ? batch_from_bytes(batch->signal, &out, err) : NULL;
    buf_free(&out);
    return piece;
}

bool split_next(Split *split, Batch **piece, Err *err)
{
    *piece = NULL;
    size_t count = split->batch->index.count.items;
    if (split->next_item >= count)
        return true;
    ItemRange part = { split->next_item, count };
    if (fits_whole(split)) {
        *piece = batch_ref(split->batch);
    } else if (make_whole(split, err)) {
        part.to = end_of_piece(split);
        *piece = make_piece(split, part, err);
    }
    if (!*piece)
        return blame(err, "splitting a batch of %zu %.*s", count,
                     STR_ARG(signal_item_name(split->batch->signal)));
    split->next_item = part.to;
    return true;
}
