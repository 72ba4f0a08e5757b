/* batch.c - what travels through the house; see batch.h. */
#include "otlp/batch.h"

#include "base/mem.h"
#include "otlp/batch_internal.h"
#include "otlp/walk_internal.h"

#include <assert.h>

enum {
    MARKS_FIRST = 32,
    BYTES_PER_MARK = 16,     /* real traffic has 20 to 40 */
    REPAIR_SPARE = 16 << 20, /* a change is noted in up to 200 bytes: some 80,000 always fit */
    SHRINK_FROM = 64 * 1024,
};

static size_t marks_size(const Marks *marks)
{
    return marks->cap * sizeof *marks->words;
}

static bool marks_init(Marks *marks, const Buf *bytes, Err *err)
{
    size_t max = (bytes->len * BATCH_INDEX_FACTOR + BATCH_INDEX_SPARE) / sizeof *marks->words;
    *marks = (Marks){ .cap = bytes->len / BYTES_PER_MARK + MARKS_FIRST, .max = max, .like = bytes };
    if (!purse_pay(bytes->purse, bytes->forced, marks_size(marks)))
        return budget_short(err, "an index", marks_size(marks));
    marks->words = mem_grow(NULL, marks_size(marks));
    if (marks->words)
        return true;
    purse_give(bytes->purse, marks_size(marks));
    return fail(err, ERR_MEMORY, "no memory for an index of %zu words", marks->cap);
}

static void marks_done(Marks *marks)
{
    mem_free(marks->words);
    purse_give(marks->like->purse, marks_size(marks));
}

/* The parts are charged one by one while it is made, then all of it as a batch. */
static void take_charges(Batch *batch)
{
    Purse *from = batch->bytes.purse;
    Purse *to = budget_purse(from ? from->budget : NULL, BUDGET_BATCHES);
    purse_move(from, to, batch->bytes.cap);
    purse_move(batch->index.purse, to, batch->index.block_size);
    purse_force(to, sizeof *batch);
    batch->bytes.purse = batch->index.purse = NULL;
    batch->purse = to;
    atomic_init(&batch->charged, true);
}

Batch *batch_make(Signal signal, Buf *bytes, Index *index, Err *err)
{
    Batch *batch = MEM_MAKE(Batch, 1, err);
    if (!batch)
        return NULL;
    refs_init(&batch->refs);
    batch->signal = signal;
    batch->bytes = *bytes;
    batch->index = *index;
    batch->whole = buf_str(bytes);
    batch->size = bytes->len;
    take_charges(batch);
    *bytes = BUF(bytes->max);
    *index = (Index){ 0 };
    return batch;
}

static size_t bundle_block(const Batch *batch)
{
    return batch->part_count * (sizeof *batch->pieces + sizeof *batch->parts);
}

/* Without what its parts pay for themselves. */
static size_t own_memory(const Batch *batch)
{
    return sizeof *batch + batch->bytes.cap + batch->index.block_size + bundle_block(batch);
}

Batch *batch_make_bundle(Batch *const *parts, size_t count, Err *err)
{
    Batch *batch = MEM_MAKE(Batch, 1, err);
    char *block =
        batch ? mem_zeroed(count, sizeof *batch->pieces + sizeof *batch->parts, err) : NULL;
    if (!block) {
        mem_free(batch);
        return NULL;
    }
    refs_init(&batch->refs);
    batch->signal = parts[0]->signal;
    batch->pieces = (Str *)(void *)block;
    batch->parts = (Batch **)(void *)(batch->pieces + count);
    for (size_t i = 0; i < count; i++) {
        assert(!batch_is_bundle(parts[i]) && parts[i]->signal == batch->signal);
        batch->parts[i] = batch_ref(parts[i]);
        batch->pieces[i] = parts[i]->whole;
        batch->size += parts[i]->size;
        batch->index.count.items += parts[i]->index.count.items;
    }
    batch->part_count = count;
    batch->purse = parts[0]->purse;
    purse_force(batch->purse, own_memory(batch));
    atomic_init(&batch->charged, true);
    return batch;
}

/* The slow way, for text that is not UTF-8 and items that are not taken: find all of it, write the
 * message anew. */
static bool mend_bytes(Signal signal, Str bytes, BatchLoss *loss, Buf *mended, Err *err)
{
    Patch patch = { 0 };
    size_t limit = bytes.len * BATCH_INDEX_FACTOR + REPAIR_SPARE;
    const WalkWish wish = { .mend = &patch, .loss = loss };
    bool ok = patch_init(&patch, mended, limit, err) &&
              walk_bytes(signal, bytes, &wish, err) != WALK_FAILED &&
              patch_apply(&patch, bytes, mended, err);
    patch_done(&patch);
    return ok || blame(err, "repairing the message");
}

/* On WALK_OK, `index` is made. */
static WalkResult index_bytes(Signal signal, const Buf *bytes, BatchLoss *loss, Index *index,
                              Err *err)
{
    Marks marks;
    if (!marks_init(&marks, bytes, err))
        return WALK_FAILED;
    WalkResult result =
        walk_bytes(signal, buf_str(bytes), &(WalkWish){ .marks = &marks, .loss = loss }, err);
    if (result == WALK_OK && !index_from_marks(index, &marks, bytes->len, err))
        result = WALK_FAILED;
    marks_done(&marks);
    return result;
}

static Batch *batch_from_mended(Signal signal, const Buf *bytes, BatchLoss *loss, Err *err)
{
    Buf mended = { .max = BATCH_BYTES_MAX, .purse = bytes->purse, .forced = bytes->forced };
    Index index = { 0 };
    Batch *batch = NULL;
    if (mend_bytes(signal, buf_str(bytes), loss, &mended, err)) {
        WalkResult result = index_bytes(signal, &mended, loss, &index, err);
        if (result ==
            WALK_TO_MEND) /* a mistake of ours: the message must not vanish without a word */
            fail(err, ERR_INPUT, "the message cannot be repaired");
        if (result == WALK_OK)
            batch = batch_make(signal, &mended, &index, err);
    }
    index_done(&index);
    buf_free(&mended);
    return batch;
}

static Batch *make_from_bytes(Signal signal, Buf *bytes, BatchLoss *loss, Err *err)
{
    assert(signal == TRACES || signal == METRICS || signal == LOGS);
    if (bytes->len > BATCH_BYTES_MAX) {
        fail(err, ERR_LIMIT, "message of %zu bytes is larger than %d", bytes->len, BATCH_BYTES_MAX);
        return NULL;
    }
    Index index = { 0 };
    Batch *batch = NULL;
    WalkResult result = index_bytes(signal, bytes, loss, &index, err);
    if (result == WALK_OK && bytes->cap >= SHRINK_FROM)
        buf_shrink(bytes); /* it may be held for long */
    if (result == WALK_OK)
        batch = batch_make(signal, bytes, &index, err);
    else if (result == WALK_TO_MEND)
        batch = batch_from_mended(signal, bytes, loss, err);
    if (batch)
        buf_free(bytes);
    index_done(&index);
    return batch;
}

Batch *batch_from_bytes(Signal signal, Buf *bytes, Err *err)
{
    return make_from_bytes(signal, bytes, NULL, err);
}

Batch *batch_from_request(Signal signal, Buf *bytes, BatchLoss *loss, Err *err)
{
    *loss = (BatchLoss){ 0 };
    return make_from_bytes(signal, bytes, loss, err);
}

Batch *batch_from_copy(Signal signal, Str bytes, Err *err)
{
    Buf copy = BUF(BATCH_BYTES_MAX);
    if (bytes.len <= copy.max && bytes.len)
        buf_reserve(&copy, bytes.len);
    buf_add(&copy, bytes);
    Batch *batch = buf_ok(&copy, err) ? batch_from_bytes(signal, &copy, err) : NULL;
    buf_free(&copy);
    return batch;
}

Buf batch_room(const Batch *batch)
{
    return (Buf){ .max = BATCH_BYTES_MAX, .purse = batch->purse, .forced = true };
}

/* Relaxed: the purses outlive all batches, and whoever takes the mark gives back what it stood for.
 */
void batch_release_charge(Batch *batch)
{
    if (atomic_exchange_explicit(&batch->charged, false, memory_order_relaxed))
        purse_give(batch->purse, own_memory(batch));
}

Batch *batch_ref(Batch *batch)
{
    refs_take(&batch->refs);
    return batch;
}

void batch_unref(Batch *batch)
{
    if (!batch || !refs_drop(&batch->refs))
        return;
    batch_release_charge(batch);
    index_done(&batch->index);
    buf_free(&batch->bytes);
    for (size_t i = 0; i < batch->part_count; i++)
        batch_unref(batch->parts[i]);
    mem_free(batch->pieces);
    mem_free(batch);
}

Signal batch_signal(const Batch *batch)
{
    return batch->signal;
}

Str batch_bytes(const Batch *batch)
{
    assert(!batch_is_bundle(batch));
    return batch->whole;
}

size_t batch_size(const Batch *batch)
{
    return batch->size;
}

size_t batch_memory(const Batch *batch)
{
    size_t memory = own_memory(batch);
    for (size_t i = 0; i < batch->part_count; i++)
        memory += own_memory(batch->parts[i]);
    return memory;
}

bool batch_is_bundle(const Batch *batch)
{
    return batch->part_count > 0;
}

BatchPieces batch_pieces(const Batch *batch)
{
    if (batch_is_bundle(batch))
        return (BatchPieces){ batch->pieces, batch->part_count };
    return (BatchPieces){ &batch->whole, 1 };
}

size_t batch_resource_count(const Batch *batch)
{
    return batch->index.count.resources;
}

size_t batch_scope_count(const Batch *batch)
{
    return batch->index.count.scopes;
}

size_t batch_metric_count(const Batch *batch)
{
    return batch->index.count.metrics;
}

size_t batch_item_count(const Batch *batch)
{
    return batch->index.count.items;
}

/* The last of `count` table entries, `words` words each, whose run (the word at `first`) begins at
 * or before `number`. An owner whose run is empty begins where the next one does: passed over. */
static size_t last_owner(const uint32_t *first, size_t words, size_t count, size_t number)
{
    size_t low = 0, high = count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (first[middle * words] <= number)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static size_t scope_of_child(const Index *index, size_t child)
{
    return last_owner(&index->scopes->first_child, sizeof *index->scopes / sizeof(uint32_t),
                      index->count.scopes, child);
}

size_t batch_resource_of_scope(const Batch *batch, size_t scope)
{
    const Index *index = &batch->index;
    assert(scope < index->count.scopes);
    return last_owner(&index->resources->first_scope, sizeof *index->resources / sizeof(uint32_t),
                      index->count.resources, scope);
}

size_t batch_metric_of_item(const Batch *batch, size_t item)
{
    const Index *index = &batch->index;
    assert(batch->signal == METRICS && item < index->count.items);
    return last_owner(&index->metrics->first_item, sizeof *index->metrics / sizeof(uint32_t),
                      index->count.metrics, item);
}

size_t batch_scope_of_metric(const Batch *batch, size_t metric)
{
    assert(metric < batch->index.count.metrics);
    return scope_of_child(&batch->index, metric);
}

size_t batch_scope_of_item(const Batch *batch, size_t item)
{
    assert(item < batch->index.count.items);
    if (batch->signal == METRICS)
        return batch_scope_of_metric(batch, batch_metric_of_item(batch, item));
    return scope_of_child(&batch->index, item);
}

static size_t first_item_of_scope(const Batch *batch, size_t scope)
{
    size_t child = batch->index.scopes[scope].first_child;
    return batch->signal == METRICS ? batch->index.metrics[child].first_item : child;
}

ItemRange batch_scope_items(const Batch *batch, size_t scope)
{
    return (ItemRange){ first_item_of_scope(batch, scope), first_item_of_scope(batch, scope + 1) };
}

ItemRange batch_resource_items(const Batch *batch, size_t resource)
{
    const IndexResource *entry = &batch->index.resources[resource];
    return (ItemRange){ first_item_of_scope(batch, entry[0].first_scope),
                        first_item_of_scope(batch, entry[1].first_scope) };
}

ItemRange batch_metric_items(const Batch *batch, size_t metric)
{
    const IndexMetric *entry = &batch->index.metrics[metric];
    return (ItemRange){ entry[0].first_item, entry[1].first_item };
}
