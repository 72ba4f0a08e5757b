/* batch_internal.h - a Batch from the inside: the index, and how it is made.
 *
 * Each entry holds `at`, the offset of the field's tag in the bytes, and where the run of what it
 * owns begins; the run ends where the next entry's begins, and a last entry closes the table
 * (its `at` is not used). Attributes are plain offsets of the tags of KeyValue fields, in three
 * tables because they would otherwise interleave when a sender writes fields in an odd order.
 */
#ifndef OTLP_BATCH_INTERNAL_H
#define OTLP_BATCH_INTERNAL_H

#include "base/refs.h"
#include "otlp/batch.h"

typedef struct IndexResource {
    uint32_t at, first_attribute, first_scope;
} IndexResource;

typedef struct IndexScope {
    uint32_t at, first_attribute, first_child; /* metrics for METRICS, else items */
} IndexScope;

typedef struct IndexMetric {
    uint32_t at, first_item;
} IndexMetric;

typedef struct IndexItem {
    uint32_t at, first_attribute;
} IndexItem;

typedef struct IndexCounts {
    uint32_t resources, resource_attributes, scopes, scope_attributes, metrics, items,
        item_attributes;
} IndexCounts;

typedef struct Index {
    IndexCounts count;
    IndexResource *resources;
    IndexScope *scopes;
    IndexMetric *metrics;
    IndexItem *items;
    uint32_t *resource_attributes, *scope_attributes, *item_attributes;
    void *block; /* all of the above in one allocation */
    size_t block_size;
    Purse *purse; /* who pays for it; NULL once it is the batch's */
} Index;

struct Batch {
    Refs refs;
    Signal signal;
    Buf bytes;   /* charged to nobody: the batch pays for all; of a bundle: empty */
    Index index; /* of a bundle: the counts, without tables */
    Str whole;   /* the one piece of what is no bundle */
    Str *pieces; /* of a bundle, and behind them `parts`, in one block */
    Batch **parts;
    size_t part_count, size;
    Purse *purse;
    atomic_bool charged; /* to that purse */
};

typedef struct ItemRange {
    size_t from, to;
} ItemRange;

ItemRange batch_resource_items(const Batch *batch, size_t resource);
ItemRange batch_scope_items(const Batch *batch, size_t scope);
ItemRange batch_metric_items(const Batch *batch, size_t metric);
static inline size_t items_count(ItemRange range)
{
    return range.to - range.from;
}

/* What the walk notes, in the order of the bytes: a kind in the upper three bits, an offset below.
 */
typedef enum MarkKind {
    MARK_RESOURCE,
    MARK_RESOURCE_ATTRIBUTE,
    MARK_SCOPE,
    MARK_SCOPE_ATTRIBUTE,
    MARK_METRIC,
    MARK_ITEM,
    MARK_ITEM_ATTRIBUTE,
    MARK_KINDS
} MarkKind;

enum { MARK_SHIFT = 29 };

typedef struct Marks {
    uint32_t *words;
    size_t count, cap, max;
    const Buf *like; /* who pays for them: as for these bytes */
} Marks;

/* Room for the tables of `count`, yet to be filled, paid for as the bytes are. */
CHECKED bool index_make(Index *index, const IndexCounts *count, const Buf *like, Err *err);
void index_close(Index *index); /* writes the closing entries */
CHECKED bool index_from_marks(Index *index, const Marks *marks, size_t bytes_len, Err *err);
void index_done(Index *index);

/* The content of the length-delimited field whose tag is at `at`. */
Str index_content(Str bytes, uint32_t at);

/* Takes bytes and index; both are empty afterwards, on failure they are left alone. */
Batch *batch_make(Signal signal, Buf *bytes, Index *index, Err *err);
/* Takes a reference to each of `parts`, which are of one signal, and no bundles themselves. */
Batch *batch_make_bundle(Batch *const *parts, size_t count, Err *err);

#endif
