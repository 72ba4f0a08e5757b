/* index.c - the tables over a batch's bytes; see batch_internal.h. */
#include "otlp/batch_internal.h"

#include "base/mem.h"
#include "codec/wire.h"

/* Every table is made of 32-bit words, so they follow one another without padding. */
static size_t table_words(const IndexCounts *n)
{
    return ((size_t)n->resources + 1) * 3 + ((size_t)n->scopes + 1) * 3 +
           ((size_t)n->metrics + 1) * 2 + ((size_t)n->items + 1) * 2 + n->resource_attributes +
           n->scope_attributes + n->item_attributes;
}

static size_t index_size(const IndexCounts *count)
{
    return table_words(count) * sizeof(uint32_t);
}

bool index_make(Index *index, const IndexCounts *count, const Buf *like, Err *err)
{
    _Static_assert(sizeof(IndexResource) == 12 && sizeof(IndexScope) == 12, "three words");
    _Static_assert(sizeof(IndexMetric) == 8 && sizeof(IndexItem) == 8, "two words");
    size_t size = index_size(count);
    if (!purse_pay(like->purse, like->forced, size))
        return budget_short(err, "an index", size);
    void *block = mem_grow(NULL, size);
    if (!block) {
        purse_give(like->purse, size);
        return fail(err, ERR_MEMORY, "no memory for an index of %zu bytes", size);
    }
    *index = (Index){ .count = *count, .block = block, .block_size = size, .purse = like->purse };
    index->resources = block;
    index->scopes = (void *)(index->resources + count->resources + 1);
    index->metrics = (void *)(index->scopes + count->scopes + 1);
    index->items = (void *)(index->metrics + count->metrics + 1);
    index->resource_attributes = (void *)(index->items + count->items + 1);
    index->scope_attributes = index->resource_attributes + count->resource_attributes;
    index->item_attributes = index->scope_attributes + count->scope_attributes;
    return true;
}

void index_done(Index *index)
{
    mem_free(index->block);
    purse_give(index->purse, index->block_size);
    *index = (Index){ 0 };
}

/* Half of all marks are attributes of items, one after the other: counted as runs, because a
 * counter in memory costs as much as all else here. */
static IndexCounts count_marks(const Marks *marks)
{
    uint32_t n[MARK_KINDS + 1] = { 0 }; /* the kind has three bits */
    const uint32_t *end = marks->words + marks->count;
    for (const uint32_t *at = marks->words; at < end;) {
        const uint32_t *from = at;
        while (at < end && *at >> MARK_SHIFT == MARK_ITEM_ATTRIBUTE)
            at++;
        n[MARK_ITEM_ATTRIBUTE] += (uint32_t)(at - from);
        if (at < end)
            n[*at++ >> MARK_SHIFT]++;
    }
    return (IndexCounts){ .resources = n[MARK_RESOURCE],
                          .resource_attributes = n[MARK_RESOURCE_ATTRIBUTE],
                          .scopes = n[MARK_SCOPE],
                          .scope_attributes = n[MARK_SCOPE_ATTRIBUTE],
                          .metrics = n[MARK_METRIC],
                          .items = n[MARK_ITEM],
                          .item_attributes = n[MARK_ITEM_ATTRIBUTE] };
}

static uint32_t child_count(const IndexCounts *n)
{
    return n->metrics ? n->metrics : n->items;
}

static void put_mark(Index *index, IndexCounts *n, MarkKind kind, uint32_t at)
{
    switch (kind) {
    case MARK_RESOURCE:
        index->resources[n->resources++] = (IndexResource){ at, n->resource_attributes, n->scopes };
        break;
    case MARK_SCOPE:
        index->scopes[n->scopes++] = (IndexScope){ at, n->scope_attributes, child_count(n) };
        break;
    case MARK_METRIC: index->metrics[n->metrics++] = (IndexMetric){ at, n->items }; break;
    case MARK_ITEM: index->items[n->items++] = (IndexItem){ at, n->item_attributes }; break;
    case MARK_RESOURCE_ATTRIBUTE: index->resource_attributes[n->resource_attributes++] = at; break;
    case MARK_SCOPE_ATTRIBUTE: index->scope_attributes[n->scope_attributes++] = at; break;
    case MARK_ITEM_ATTRIBUTE: index->item_attributes[n->item_attributes++] = at; break;
    case MARK_KINDS: break;
    }
}

void index_close(Index *index)
{
    const IndexCounts *n = &index->count;
    index->resources[n->resources] = (IndexResource){ 0, n->resource_attributes, n->scopes };
    index->scopes[n->scopes] = (IndexScope){ 0, n->scope_attributes, child_count(n) };
    index->metrics[n->metrics] = (IndexMetric){ 0, n->items };
    index->items[n->items] = (IndexItem){ 0, n->item_attributes };
}

bool index_from_marks(Index *index, const Marks *marks, size_t bytes_len, Err *err)
{
    IndexCounts count = count_marks(marks), so_far = { 0 };
    if (index_size(&count) > bytes_len * BATCH_INDEX_FACTOR + BATCH_INDEX_SPARE)
        return fail(err, ERR_LIMIT, "index larger than %d times the message", BATCH_INDEX_FACTOR);
    if (!index_make(index, &count, marks->like, err))
        return false;
    const uint32_t *end = marks->words + marks->count;
    for (const uint32_t *at = marks->words; at < end;) {
        uint32_t *attribute = index->item_attributes + so_far.item_attributes;
        const uint32_t *from = at;
        while (at < end && *at >> MARK_SHIFT == MARK_ITEM_ATTRIBUTE)
            *attribute++ = *at++ & BATCH_BYTES_MAX;
        so_far.item_attributes += (uint32_t)(at - from);
        if (at < end) {
            put_mark(index, &so_far, (MarkKind)(*at >> MARK_SHIFT), *at & BATCH_BYTES_MAX);
            at++;
        }
    }
    index_close(index);
    return true;
}

/* The walk has validated it: no bounds to check. */
Str index_content(Str bytes, uint32_t at)
{
    const char *ptr = bytes.ptr + at;
    if (LIKELY((uint8_t)ptr[0] < 0x80 && (uint8_t)ptr[1] < 0x80))
        return (Str){ ptr + 2, (uint8_t)ptr[1] };
    while ((uint8_t)*ptr & 0x80)
        ptr++;
    ptr++; /* behind the tag */
    WireReader reader = { .at = ptr, .end = bytes.ptr + bytes.len };
    uint64_t len = 0;
    bool ok = wire_read_varint(&reader, &len);
    return (Str){ reader.at, ok ? (size_t)len : 0 };
}
