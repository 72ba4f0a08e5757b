/* trace_meta.c - values and meta over a snapshot: names, operations, edges, numbers.
 *
 * Services and operations come from the runs' own lists. Attribute keys and values are looked for
 * in every span of the range; edges need every span of the range and its parent, which is found in
 * its trace. Both check their deadline as they go.
 */
#include "base/mem.h"
#include "otlp/value_text.h"
#include "otlp/view.h"
#include "store/text_set.h"
#include "store/traces/trace_store.h"

#include <stdlib.h>

enum {
    DEADLINE_ROWS = 256,
    EDGES_MAX = 100000,
};

/* ---- values ------------------------------------------------------------------------------------
 */

typedef struct Collect {
    TraceStore *store;
    const ValuesQuery *query;
    TextSet set;
    Buf scratch;
    Batch *batch; /* whose resource was looked at last */
    size_t resource;
} Collect;

static TextAdd collect_list(Collect *collect, Attributes list, Err *err)
{
    ValueView value;
    if (collect->query->what == VALUES_ATTRIBUTE) {
        if (!attributes_find(list, collect->query->key, &value))
            return TEXT_ADDED;
        buf_clear(&collect->scratch);
        value_text(&value, &collect->scratch);
        return buf_ok(&collect->scratch, err)
                   ? text_set_add(&collect->set, buf_str(&collect->scratch), err)
                   : TEXT_FAILED;
    }
    TextAdd result = TEXT_ADDED;
    for (AttributeView attribute; result == TEXT_ADDED && attributes_next(&list, &attribute);)
        result = text_set_add(&collect->set, attribute.key, err);
    return result;
}

static TextAdd collect_row(Collect *collect, const SpanRow *row, Err *err)
{
    size_t resource =
        batch_resource_of_scope(row->batch, batch_scope_of_item(row->batch, row->span));
    TextAdd result = collect_list(collect, item_attributes(row->batch, row->span), err);
    if (result != TEXT_ADDED || (row->batch == collect->batch && resource == collect->resource))
        return result;
    collect->batch = row->batch;
    collect->resource = resource;
    return collect_list(collect, resource_attributes(row->batch, resource), err);
}

static TextAdd collect_run(Collect *collect, const SpanRun *run, Err *err)
{
    const ValuesQuery *query = collect->query;
    TextAdd result = TEXT_ADDED;
    if (query->what == VALUES_SERVICES) {
        for (size_t i = 0; result == TEXT_ADDED && i < run->operation_count; i++)
            result = text_set_add(&collect->set, run->operations[i].service, err);
        return result;
    }
    for (size_t i = run_seek_start(run, query->to_ns), seen = 0;
         result == TEXT_ADDED && i < run->base.count &&
         run->by_start[i]->start_ns >= query->from_ns;
         i++, seen++) {
        if (seen % DEADLINE_ROWS == 0 &&
            !within_deadline(deadline_clock(query->clock, collect->store->clock),
                             query->deadline_mono_ns, err))
            return TEXT_FAILED;
        result = collect_row(collect, run->by_start[i], err);
    }
    return result;
}

bool trace_values(SpanSource *source, const ValuesQuery *query, ValueFound *found, void *context,
                  Err *err)
{
    Snapshot snapshot;
    Collect collect = { .store = (TraceStore *)source, .query = query };
    if (!snapshot_take(&collect.store->rows, &snapshot, err))
        return false;
    size_t limit = query->limit && query->limit < VALUES_LIMIT ? query->limit : VALUES_LIMIT;
    collect.scratch = BUF(TEXT_SET_BYTES_MAX);
    TextAdd result = text_set_init(&collect.set, limit, err) ? TEXT_ADDED : TEXT_FAILED;
    for (size_t i = snapshot.count; result == TEXT_ADDED && i-- > 0;)
        result = collect_run(&collect, (const SpanRun *)snapshot.runs[i], err);
    bool ok = result != TEXT_FAILED && text_set_tell(&collect.set, found, context, err);
    text_set_done(&collect.set);
    buf_free(&collect.scratch);
    snapshot_done(&snapshot);
    return ok;
}

/* ---- operations --------------------------------------------------------------------------------
 */

static int compare_operations(const void *a, const void *b)
{
    return operation_order(a, b);
}

static bool tell_operations(const Snapshot *snapshot, const MetaQuery *query, Err *err)
{
    size_t count = 0, n = 0;
    for (size_t r = 0; r < snapshot->count; r++)
        count += ((const SpanRun *)snapshot->runs[r])->operation_count;
    Operation *all = MEM_MAKE(Operation, count + 1, err);
    if (!all)
        return false;
    for (size_t r = 0; r < snapshot->count; r++) {
        const SpanRun *run = (const SpanRun *)snapshot->runs[r];
        for (size_t i = 0; i < run->operation_count; i++)
            if (!query->service.len || str_eq(run->operations[i].service, query->service))
                all[n++] = run->operations[i];
    }
    if (n)
        qsort(all, n, sizeof *all, compare_operations);
    for (size_t i = 0; i < n;) {
        Operation sum = all[i++];
        for (; i < n && operation_order(&sum, &all[i]) == 0; i++)
            sum.spans += all[i].spans;
        if (!query->operation(query->context, &sum))
            break;
    }
    mem_free(all);
    return true;
}

/* ---- edges -------------------------------------------------------------------------------------
 */

static const SpanRow *find_parent(const Snapshot *snapshot, const SpanRow *row)
{
    for (size_t r = snapshot->count; r-- > 0;) {
        const SpanRun *run = (const SpanRun *)snapshot->runs[r];
        for (size_t i = run_seek_trace(run, &row->trace_id);
             i < run->base.count && trace_id_eq(&run->by_trace[i]->trace_id, &row->trace_id); i++)
            if (span_id_eq(&run->by_trace[i]->span_id, &row->parent_id))
                return run->by_trace[i];
    }
    return NULL;
}

static int compare_edges(const void *a, const void *b)
{
    const Edge *left = a, *right = b;
    int order = str_compare(left->parent, right->parent);
    return order ? order : str_compare(left->child, right->child);
}

typedef struct EdgeList {
    Edge *at;
    size_t count, cap;
} EdgeList;

/* Sorts, and adds up what is equal. */
static void fold(EdgeList *list)
{
    size_t n = 0;
    if (list->count)
        qsort(list->at, list->count, sizeof *list->at, compare_edges);
    for (size_t i = 0; i < list->count; i++) {
        if (n && compare_edges(&list->at[n - 1], &list->at[i]) == 0)
            list->at[n - 1].calls += list->at[i].calls;
        else
            list->at[n++] = list->at[i];
    }
    list->count = n;
}

static bool add_edge(EdgeList *list, Edge edge, Err *err)
{
    if (list->count == list->cap)
        fold(list);
    if (list->count > list->cap / 2 || !list->cap) {
        size_t cap = list->cap ? 2 * list->cap : 1024;
        if (cap > 2 * EDGES_MAX)
            return fail(err, ERR_LIMIT, "more than %d pairs of services", EDGES_MAX);
        Edge *grown = mem_grow(list->at, cap * sizeof *grown);
        if (!grown)
            return fail(err, ERR_MEMORY, "no memory for %zu pairs of services", cap);
        list->at = grown;
        list->cap = cap;
    }
    list->at[list->count++] = edge;
    return true;
}

static bool edges_of_run(TraceStore *store, const Snapshot *snapshot, const SpanRun *run,
                         const MetaQuery *query, EdgeList *list, Err *err)
{
    for (size_t i = run_seek_start(run, query->to_ns), seen = 0;
         i < run->base.count && run->by_start[i]->start_ns >= query->from_ns; i++, seen++) {
        const SpanRow *row = run->by_start[i];
        if (seen % DEADLINE_ROWS == 0 &&
            !within_deadline(deadline_clock(query->clock, store->clock), query->deadline_mono_ns,
                             err))
            return false;
        const SpanRow *parent =
            span_id_is_zero(&row->parent_id) ? NULL : find_parent(snapshot, row);
        if (parent && !str_eq(parent->service, row->service) &&
            !add_edge(list, (Edge){ parent->service, row->service, 1 }, err))
            return false;
    }
    return true;
}

static bool tell_edges(TraceStore *store, const Snapshot *snapshot, const MetaQuery *query,
                       Err *err)
{
    EdgeList list = { 0 };
    bool ok = true;
    for (size_t r = 0; ok && r < snapshot->count; r++)
        ok = edges_of_run(store, snapshot, (const SpanRun *)snapshot->runs[r], query, &list, err);
    fold(&list);
    for (size_t i = 0; ok && i < list.count; i++)
        if (!query->edge(query->context, &list.at[i]))
            break;
    mem_free(list.at);
    return ok;
}

/* ---- meta --------------------------------------------------------------------------------------
 */

static void tell_stats(const Snapshot *snapshot, SourceStats *out)
{
    *out = (SourceStats){ .oldest_received_ns = snapshot_oldest(snapshot) };
    for (size_t r = 0; r < snapshot->count; r++) {
        const SpanRun *run = (const SpanRun *)snapshot->runs[r];
        out->spans += run->base.count;
        out->traces += run->trace_count;
        out->bytes += run->base.memory;
    }
}

bool trace_meta(SpanSource *source, const MetaQuery *query, Err *err)
{
    TraceStore *store = (TraceStore *)source;
    Snapshot snapshot;
    if (!snapshot_take(&store->rows, &snapshot, err))
        return false;
    bool ok = !query->operation || tell_operations(&snapshot, query, err);
    ok = ok && (!query->edge || tell_edges(store, &snapshot, query, err));
    if (ok && query->stats)
        tell_stats(&snapshot, query->stats);
    snapshot_done(&snapshot);
    return ok;
}
