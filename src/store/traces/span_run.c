/* span_run.c - see span_run.h. */
#include "store/traces/span_run.h"

#include "base/mem.h"
#include "model/semconv.h"
#include "otlp/view.h"

#include <stdlib.h>
#include <string.h>

/* ---- pieces ------------------------------------------------------------------------------------
 */

static Str service_name(const Batch *batch, size_t resource)
{
    ValueView value;
    if (attributes_find(resource_attributes(batch, resource), STR(ATTR_SERVICE_NAME), &value) &&
        value.kind == VALUE_STRING && value.text.len)
        return value.text;
    return STR(SERVICE_UNKNOWN);
}

static SpanRow row_of(Batch *batch, size_t item, Str service)
{
    SpanView span = span_view(batch, item);
    return (SpanRow){
        .trace_id = span.trace_id,
        .span_id = span.span_id,
        .parent_id = span.parent_span_id,
        .start_ns = span.start_ns,
        .end_ns = span.end_ns,
        .service = service,
        .name = span.name,
        .kind = span.kind <= SPAN_KIND_CONSUMER ? (uint8_t)span.kind : SPAN_KIND_UNSPECIFIED,
        .status = span.status_code <= STATUS_ERROR ? (uint8_t)span.status_code : STATUS_UNSET,
        .batch = batch,
        .span = (uint32_t)item,
    };
}

static void fill_rows(SpanPiece *piece)
{
    Batch *batch = piece->batch;
    for (size_t r = 0; r < batch_resource_count(batch); r++) {
        ResourceView resource = resource_view(batch, r);
        Str service = service_name(batch, r);
        for (size_t s = resource.first_scope; s < resource.end_scope; s++) {
            ScopeView scope = scope_view(batch, s);
            for (size_t i = scope.first_item; i < scope.end_item; i++)
                piece->rows[piece->base.count++] = row_of(batch, i, service);
        }
    }
}

Piece *span_piece_new(Batch *batch, int64_t received_ns, Err *err)
{
    size_t count = batch_item_count(batch);
    SpanPiece *piece = MEM_MAKE(SpanPiece, 1, err);
    SpanRow *rows = piece ? MEM_MAKE(SpanRow, count + 1, err) : NULL;
    if (!rows) {
        mem_free(piece);
        return NULL;
    }
    refs_init(&piece->base.refs);
    piece->base.kind = &span_runs;
    piece->base.received_ns = received_ns;
    piece->base.memory = sizeof *piece + (count + 1) * sizeof *rows + batch_memory(batch);
    piece->batch = batch_ref(batch);
    piece->rows = rows;
    fill_rows(piece);
    return &piece->base;
}

static void free_piece(Piece *base)
{
    SpanPiece *piece = (SpanPiece *)base;
    batch_unref(piece->batch);
    mem_free(piece->rows);
    mem_free(piece);
}

/* ---- orders ------------------------------------------------------------------------------------
 */

static int by_number(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int by_ids(const SpanRow *a, const SpanRow *b)
{
    int order = memcmp(&a->trace_id, &b->trace_id, sizeof a->trace_id);
    return order ? order : memcmp(&a->span_id, &b->span_id, sizeof a->span_id);
}

int row_newest_first(const SpanRow *a, const SpanRow *b)
{
    int order = by_number(b->start_ns, a->start_ns);
    return order ? order : by_ids(a, b);
}

int row_in_trace(const SpanRow *a, const SpanRow *b)
{
    int order = memcmp(&a->trace_id, &b->trace_id, sizeof a->trace_id);
    if (!order)
        order = by_number(a->start_ns, b->start_ns);
    return order ? order : by_ids(a, b);
}

int operation_order(const Operation *a, const Operation *b)
{
    int order = str_compare(a->service, b->service);
    if (!order)
        order = str_compare(a->name, b->name);
    return order ? order : a->kind - b->kind;
}

static int compare_starts(const void *a, const void *b)
{
    return row_newest_first(*(const SpanRow *const *)a, *(const SpanRow *const *)b);
}
static int compare_traces(const void *a, const void *b)
{
    return row_in_trace(*(const SpanRow *const *)a, *(const SpanRow *const *)b);
}
static int compare_operations(const void *a, const void *b)
{
    return operation_order(a, b);
}

/* ---- runs --------------------------------------------------------------------------------------
 */

static void take_rows(SpanRun *run)
{
    size_t n = 0;
    for (size_t p = 0; p < run->piece_count; p++) {
        const SpanPiece *piece = (const SpanPiece *)run->pieces[p];
        for (size_t i = 0; i < piece->base.count; i++, n++)
            run->by_start[n] = run->by_trace[n] = &piece->rows[i];
    }
}

static void sort_rows(SpanRun *run)
{
    if (!run->base.count)
        return;
    qsort(run->by_start, run->base.count, sizeof(SpanRow *), compare_starts);
    qsort(run->by_trace, run->base.count, sizeof(SpanRow *), compare_traces);
    for (size_t i = 0; i < run->base.count; i++)
        run->trace_count +=
            !i || !trace_id_eq(&run->by_trace[i]->trace_id, &run->by_trace[i - 1]->trace_id);
}

/* Operations found so far, in order of their first row, and a hash table of their numbers + 1. */
typedef struct OperationTable {
    Operation *at;
    size_t count;
    uint32_t *slots;
    size_t mask;
} OperationTable;

static void count_operation(OperationTable *table, const SpanRow *row)
{
    Operation wanted = { row->service, row->name, row->kind, 1 };
    size_t slot = str_hash(row->name) + 31 * str_hash(row->service) + row->kind;
    for (;; slot++) {
        uint32_t *number = &table->slots[slot & table->mask];
        if (!*number) {
            table->at[table->count++] = wanted;
            *number = (uint32_t)table->count;
            return;
        }
        if (operation_order(&table->at[*number - 1], &wanted) == 0) {
            table->at[*number - 1].spans++;
            return;
        }
    }
}

/* Each operation of the rows once, sorted; the array shrinks to what it holds. */
static bool list_operations(SpanRun *run, Err *err)
{
    size_t slots = 1;
    while (slots < 2 * run->base.count + 1)
        slots *= 2;
    OperationTable table = { .mask = slots - 1 };
    table.slots = MEM_MAKE(uint32_t, slots, err);
    table.at = table.slots ? MEM_MAKE(Operation, run->base.count + 1, err) : NULL;
    if (!table.at) {
        mem_free(table.slots);
        return false;
    }
    for (size_t i = 0; i < run->base.count; i++)
        count_operation(&table, run->by_trace[i]);
    mem_free(table.slots);
    if (table.count)
        qsort(table.at, table.count, sizeof *table.at, compare_operations);
    Operation *shrunk = mem_grow(table.at, (table.count + 1) * sizeof *shrunk);
    run->operations = shrunk ? shrunk : table.at;
    run->operation_count = table.count;
    return true;
}

static bool allocate(SpanRun *run, size_t pieces, size_t rows, Err *err)
{
    run->pieces = MEM_MAKE(Piece *, pieces + 1, err);
    run->by_start = run->pieces ? MEM_MAKE(const SpanRow *, rows + 1, err) : NULL;
    run->by_trace = run->by_start ? MEM_MAKE(const SpanRow *, rows + 1, err) : NULL;
    return run->by_trace != NULL;
}

static void free_run(Run *base)
{
    SpanRun *run = (SpanRun *)base;
    for (size_t i = 0; i < run->piece_count; i++)
        piece_unref(run->pieces[i]);
    mem_free(run->pieces);
    mem_free(run->by_start);
    mem_free(run->by_trace);
    mem_free(run->operations);
    mem_free(run);
}

static Run *make_run(Piece *const *pieces, size_t count, Err *err)
{
    SpanRun *run = MEM_MAKE(SpanRun, 1, err);
    if (!run)
        return NULL;
    refs_init(&run->base.refs);
    run->base.kind = &span_runs;
    for (size_t i = 0; i < count; i++)
        run->base.count += pieces[i]->count;
    if (!allocate(run, count, run->base.count, err)) {
        free_run(&run->base);
        return NULL;
    }
    for (; run->piece_count < count; run->piece_count++) {
        run->pieces[run->piece_count] = piece_ref(pieces[run->piece_count]);
        run->base.memory += pieces[run->piece_count]->memory;
    }
    take_rows(run);
    sort_rows(run);
    if (!list_operations(run, err)) {
        free_run(&run->base);
        return NULL;
    }
    run->base.memory += sizeof *run + count * sizeof(Piece *) +
                        2 * run->base.count * sizeof(SpanRow *) +
                        run->operation_count * sizeof(Operation);
    return &run->base;
}

const RunKind span_runs = {
    .rows = 4096,
    .make = make_run,
    .free_run = free_run,
    .free_piece = free_piece,
};

size_t run_seek_start(const SpanRun *run, uint64_t to_ns)
{
    size_t low = 0, high = to_ns ? run->base.count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (run->by_start[middle]->start_ns >= to_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t run_seek_trace(const SpanRun *run, const TraceId *id)
{
    size_t low = 0, high = run->base.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(&run->by_trace[middle]->trace_id, id, sizeof *id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool there = low < run->base.count && trace_id_eq(&run->by_trace[low]->trace_id, id);
    return there ? low : run->base.count;
}
