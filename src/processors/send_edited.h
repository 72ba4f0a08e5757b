/* send_edited.h - the consume() of processors that change a batch and send it on at once. */
#ifndef PROCESSORS_SEND_EDITED_H
#define PROCESSORS_SEND_EDITED_H

#include "base/attributes.h"
#include "otlp/edit.h"
#include "pipe/component.h"

/* Adds the component's changes to `edits`. */
typedef bool EditBatch(const void *self, const Parcel *parcel, Edits *edits, Err *err);

/* `self` begins with Component. A batch without changes goes on as it is. */
CHECKED bool send_edited(const void *self, const Parcel *parcel, EditBatch *edit, Err *err);

#endif
