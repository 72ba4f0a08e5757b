/* edit.h - changes over a batch, kept in a list until they are spliced in.
 *
 * A batch never changes; whoever wants another one collects edits over it and applies them. Later
 * edits see earlier ones: setting a key twice leaves the second value, removing what was just
 * appended takes it away again. Only the messages around a change get new lengths; everything else,
 * known or not, is copied as it is. A key that occurs several times is one to all edits: `set`
 * replaces the first and takes the others away.
 *
 *     Edits *edits = edits_new(batch, limit, err);
 *     edits_set(edits, EDIT_RESOURCE, 0, STR("env"), &value, err) && ...
 *     Batch *changed = edits_apply(edits, err);
 *     edits_free(edits);
 */
#ifndef OTLP_EDIT_H
#define OTLP_EDIT_H

#include "otlp/view.h"

typedef struct Edits Edits;

typedef enum EditTarget { EDIT_RESOURCE, EDIT_SCOPE, EDIT_ITEM } EditTarget;

/* Holds a reference of its own. `limit` bounds, in bytes, what the edits themselves take. */
Edits *edits_new(Batch *batch, size_t limit, Err *err);
void edits_free(Edits *edits);

/* Attributes of resource, scope or item `number`; key and value are copied. */
CHECKED bool edits_append(Edits *edits, EditTarget target, size_t number,
                          const AttributeView *attribute, Err *err); /* even if it is there */
CHECKED bool edits_set(Edits *edits, EditTarget target, size_t number,
                       const AttributeView *attribute, Err *err); /* replaces, else appends */
CHECKED bool edits_remove(Edits *edits, EditTarget target, size_t number, Str key, Err *err);

/* The value as the edits so far leave it; false: no such attribute. Borrows from the edits. */
bool edits_find(const Edits *edits, EditTarget target, size_t number, Str key, ValueView *out);

/* Of a TRACES batch: the span's name, tracestate, and its whole status, become these. */
CHECKED bool edits_set_name(Edits *edits, size_t span, Str name, Err *err);
CHECKED bool edits_set_trace_state(Edits *edits, size_t span, Str text, Err *err);
CHECKED bool edits_set_status(Edits *edits, size_t span, StatusCode code, Str message, Err *err);

/* The item goes, and with it what stands above it and holds no other item any more. */
CHECKED bool edits_drop_item(Edits *edits, size_t item, Err *err);

/* A batch with all edits in it (the same one when there are none). The caller owns the reference;
 * the edits stay as they are and may be added to and applied again. */
Batch *edits_apply(Edits *edits, Err *err);

#endif
