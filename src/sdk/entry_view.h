/* entry_view.h - what the views of spans and log records have alike.
 *
 * Everything is copied into one arena, so that a view may outlive its record. That costs; it is for
 * the console, for tests and for exporters of the user's own, none of which is in a hurry.
 */
#ifndef SDK_ENTRY_VIEW_H
#define SDK_ENTRY_VIEW_H

#include "sdk/record_batch.h"
#include "sdk/text.h"

#include <cryostorm/exporter.h>

typedef struct Viewer {
    const RecordBatch *batch;
    Arena *arena;
    TextScratch scratch;
    bool failed; /* sticky: err says why */
    Err *err;
} Viewer;

CryoString view_text(Viewer *viewer, Str text);
void *view_room(Viewer *viewer, size_t count, size_t size); /* NULL also for a count of 0 */
CryoValue view_value(Viewer *viewer, const Entry *entry);
void view_attribute(Viewer *viewer, const Entry *entry, CryoAttr *out);
void view_scope(Viewer *viewer, const Record *record, CryoString *name, CryoString *version);

/* An array of one struct per record, filled by `fill` unless the viewer has failed. */
void *view_all(Viewer *viewer, size_t size, void (*fill)(Viewer *viewer, void *views));

#endif
