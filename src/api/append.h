/* append.h - ApiSources.append over a Store: what is pushed to a face is stored as all else is, but
 * the labels of logs keep the names that they were pushed with. */
#ifndef API_APPEND_H
#define API_APPEND_H

#include "base/attributes.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct Batch Batch;
typedef struct Store Store;

typedef struct AppendTo {
    Store *store;
    bool stepped; /* the store has no thread of its own: turn it here */
} AppendTo;

/* The context is an AppendTo. Waits until the store has the batch as its sync mode promises.
 * ERR_TIMEOUT: nobody knows yet whether it will be stored. */
CHECKED bool append_and_wait(void *context, Batch *batch, int64_t deadline_mono_ns, Err *err);

#endif
