/* stored.h - all that a store holds, item by item, for those who judge whether it is right. */
#ifndef TESTS_SUPPORT_STORED_H
#define TESTS_SUPPORT_STORED_H

#include "otlp/batch.h"
#include "store/store.h"

typedef struct StoredItem {
    Signal signal;
    Str name;           /* a span's, a metric's; of a log record the line */
    const Batch *batch; /* NULL for metrics, of which a row is a whole series */
    size_t item;        /* in the batch */
} StoredItem;

/* Calls hear() for each until one answers false; err is its then. target_info is left out. */
bool stored_each(Store *store, bool (*hear)(void *context, const StoredItem *item, Err *err),
                 void *context, Err *err);

#endif
