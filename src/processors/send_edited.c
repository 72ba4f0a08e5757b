/* send_edited.c - see send_edited.h. */
#include "processors/send_edited.h"

#include "otlp/batch.h"
#include "pipe/host.h"

enum { EDITS_BYTES_MAX = 64 << 20 }; /* of one batch; as large as what receivers take */

bool send_edited(const void *self, const Parcel *parcel, EditBatch *edit, Err *err)
{
    const Component *component = self;
    Batch *changed = NULL;
    Edits *edits = edits_new(parcel->batch, EDITS_BYTES_MAX, err);
    if (edits && edit(self, parcel, edits, err))
        changed = edits_apply(edits, err);
    edits_free(edits);
    if (!changed)
        return blame(err, "changing the batch");
    Parcel onward = { .batch = changed, .ack = parcel->ack };
    bool taken = host_send(component->host, &onward, err);
    batch_unref(changed);
    return taken;
}
