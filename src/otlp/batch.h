/* batch.h - what travels through the house: one OTLP message as it came, and an index over it.
 *
 * A Batch holds the bytes of an ExportTraceServiceRequest, ExportMetricsServiceRequest or
 * ExportLogsServiceRequest (on the wire these equal TracesData, MetricsData and LogsData). It is
 * made by one walk that validates every byte of framing and text and notes where resources, scopes,
 * metrics, items and their attributes begin. Afterwards it never changes: any thread that holds a
 * reference may read it through view.h, without locks and without copies. Changing it means making
 * another one: edit.h and combine.h.
 *
 *     resource 0 .. n     each owns a run of scopes     (ResourceSpans, ...)
 *     scope    0 .. n     each owns a run of items, or of metrics
 *     metric   0 .. n     each owns a run of items      (METRICS only)
 *     item     0 .. n     a span, a data point, a log record: what is counted and accounted
 *
 * What is accepted: everything that a protobuf decoder accepts. Unknown fields and groups are kept.
 * Text that is not UTF-8 is repaired (U+FFFD), not refused. Of a metric that carries two kinds of
 * data the last one counts, and so does of a value that carries two lists.
 * What is refused, with ERR_INPUT: broken framing, and messages nested deeper than
 * BATCH_DEPTH_MAX. With ERR_LIMIT: more than BATCH_BYTES_MAX bytes, or an index larger than four
 * times the bytes plus BATCH_INDEX_SPARE, which only masses of empty messages reach. While it is
 * made the notes of the walk take up to as much again; those of a repair, twice as much and up to
 * 32 MiB, beyond which it is refused with ERR_LIMIT.
 *
 * A request from outside is looked at more closely, because whoever is next may refuse all of it
 * for one item (the public Collector does). Items are left out of it and counted as a loss: spans
 * whose own trace or span id has a wrong length, and items that nest too deep (what nests in a
 * resource or scope belongs to all of their items, so that is still refused as a whole). Any other
 * id of a wrong length (a parent's, a link's, an exemplar's, a log record's) becomes no id, as the
 * protocol has it. No id, and one of zeros, are kept as they are.
 *
 * A Batch carries its charge from birth to the last unref, so nobody who holds or queues it charges
 * again: made of bytes that have a purse (base/budget.h), all that it takes is charged to that
 * budget, as batches; when there is no room for the index, making it fails with ERR_BUSY. What is
 * made of a batch (joined, split, edited) is charged the same way but never refused, because it is
 * on its way out.
 *
 * A bundle (combine.h) is several batches that go on as one. It has their signal, items, size,
 * memory and pieces; there is no index over all of them, so nothing else may be asked of it. Only
 * who says that he takes bundles (pipe/component.h) meets one.
 */
#ifndef OTLP_BATCH_H
#define OTLP_BATCH_H

#include "base/buf.h"
#include "base/err.h"
#include "model/signal.h"

enum {
    BATCH_DEPTH_MAX = 100,           /* what other protobuf decoders allow too */
    BATCH_BYTES_MAX = (1 << 29) - 1, /* index entries are offsets of 29 bits */
    BATCH_INDEX_FACTOR = 4,
    BATCH_INDEX_SPARE = 4096
};

typedef struct Batch Batch;

/* Takes the content of `bytes`, which is empty afterwards; on failure it is left alone. The caller
 * owns one reference. */
Batch *batch_from_bytes(Signal signal, Buf *bytes, Err *err);
Batch *batch_from_copy(Signal signal, Str bytes, Err *err);

/* The same for what came from outside. `loss` says what was left out of the batch, which may be
 * every item. */
typedef struct BatchLoss {
    uint64_t items;
    Err reason; /* of the first of them */
} BatchLoss;
Batch *batch_from_request(Signal signal, Buf *bytes, BatchLoss *loss, Err *err);
/* Room for what is made of a batch: its bytes go into such a Buf. */
Buf batch_room(const Batch *batch);
/* From now on somebody counts it by itself, with all that it keeps (the store). Any thread; more
 * than once does no harm. */
void batch_release_charge(Batch *batch);

Batch *batch_ref(Batch *batch); /* returns it; from any thread */
void batch_unref(Batch *batch); /* NULL is fine; the last one frees; from any thread */

Signal batch_signal(const Batch *batch);
Str batch_bytes(const Batch *batch);     /* the whole message, ready to be sent; not of a bundle */
size_t batch_size(const Batch *batch);   /* of the message */
size_t batch_memory(const Batch *batch); /* bytes and index, for whoever keeps the budget */

/* The message in pieces, in their order; a batch that is no bundle has one. They last as long as
 * the batch. */
typedef struct BatchPieces {
    const Str *at;
    size_t count;
} BatchPieces;
BatchPieces batch_pieces(const Batch *batch);
bool batch_is_bundle(const Batch *batch);

size_t batch_resource_count(const Batch *batch);
size_t batch_scope_count(const Batch *batch);
size_t batch_metric_count(const Batch *batch); /* 0 for other signals */
size_t batch_item_count(const Batch *batch);   /* spans, data points or log records */

/* Whose is it? O(log n). */
size_t batch_resource_of_scope(const Batch *batch, size_t scope);
size_t batch_scope_of_item(const Batch *batch, size_t item);
size_t batch_scope_of_metric(const Batch *batch, size_t metric);
size_t batch_metric_of_item(const Batch *batch, size_t item); /* METRICS only */

#endif
