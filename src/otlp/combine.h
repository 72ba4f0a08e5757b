/* combine.h - several batches into one, one batch into several; the data is copied as bytes, or
 * stays where it is.
 *
 * Joining: protobuf messages put one behind the other are the joined message, so bytes are copied
 * and offsets shifted; nothing is looked at again. Who only sends the message on needs neither:
 * a bundle keeps the batches as its parts.
 *
 * Splitting cuts between items (also between the data points of one metric) and repeats what stands
 * above them: resource, scope, metric, unknown fields. Every item is in exactly one piece, in the
 * same order. Scopes and metrics without any item ride along where a whole resource or scope goes
 * into one piece (then bytes_max does not count them), and are left out where it is cut.
 */
#ifndef OTLP_COMBINE_H
#define OTLP_COMBINE_H

#include "otlp/batch.h"

/* At least one batch, all of one signal; bundles among them give their parts. The caller owns the
 * result's reference and keeps his. */
Batch *batch_concat(Batch *const *batches, size_t count, Err *err);
/* The same without a copy; batch.h says what may be asked of a bundle. */
Batch *batch_bundle(Batch *const *batches, size_t count, Err *err);
/* The batch itself, or a bundle's parts joined: one that may be read. The caller owns a reference.
 */
Batch *batch_whole(Batch *batch, Err *err);

typedef struct SplitLimits {
    size_t items_max; /* 0: no limit */
    size_t bytes_max; /* 0: no limit; one item that is larger by itself makes a piece of its own */
} SplitLimits;

/* Fields of a message that every piece repeats, kept from one piece to the next. */
typedef struct SplitHead {
    size_t owner; /* SIZE_MAX: none yet */
    Buf bytes;
} SplitHead;

typedef struct Split {
    Batch *batch;
    SplitLimits limits;
    size_t next_item;
    SplitHead resource, scope, metric, data;
} Split;

/*     Split split = split_begin(batch, limits);
 *     Batch *piece;
 *     while (split_next(&split, &piece, err) && piece)
 *         send(piece), batch_unref(piece);
 *     split_end(&split);
 */
Split split_begin(Batch *batch, SplitLimits limits);
/* True with a piece, whose reference the caller owns, or with NULL at the end. False: err; the same
 * piece may be asked for again. A bundle that is within the limits is its own only piece; otherwise
 * no piece is one. */
CHECKED bool split_next(Split *split, Batch **piece, Err *err);
void split_end(Split *split); /* may be called at any time after split_begin */

#endif
