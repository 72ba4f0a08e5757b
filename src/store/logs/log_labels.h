/* log_labels.h - what OTLP's attributes are called as labels of streams and as metadata, as Loki
 * has it. */
#ifndef STORE_LOGS_LOG_LABELS_H
#define STORE_LOGS_LOG_LABELS_H

#include "base/arena.h"
#include "base/buf.h"
#include "model/labels.h"
#include "otlp/view.h"

enum {
    LABEL_TEXT_MAX = 64 << 20, /* of one value that has to be written out */
    SCOPES_KNOWN = 64,         /* reading a scope walks over all its records: once, not for each */
};

typedef struct KnownScope {
    const Batch *batch;
    size_t scope;
    ScopeView view;
} KnownScope;

/* Labels that grow in an arena of the caller's; texts that need no change are borrowed. */
typedef struct LabelList {
    Arena *arena;
    Buf scratch;
    Label *ptr;
    size_t count, cap;
    bool verbatim;                   /* names as they are */
    KnownScope scopes[SCOPES_KNOWN]; /* of batches that live as long as the list */
} LabelList;

/* Forgets what was in it; the arena is reset. */
void label_list_clear(LabelList *list);
void label_list_done(LabelList *list); /* not the arena */

/* Of a resource, the labels of its stream. Valid until the list is cleared. */
CHECKED bool stream_labels(LabelList *list, const Batch *batch, size_t resource, Labels *out,
                           Err *err);
/* Of a record, all that is not its stream's. */
CHECKED bool record_metadata(LabelList *list, const Batch *batch, size_t record, Labels *out,
                             Err *err);

#endif
