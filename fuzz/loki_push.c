/* loki_push.c - any bytes as a push to Loki: what is taken of it is a batch with as many records.
 */
#include "api/loki_push.h"
#include "otlp/batch.h"

#include <stdlib.h>

enum { OUT_MAX = 64 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Err err;
    PushCounts counts;
    Buf out = BUF(OUT_MAX);
    bool ok = loki_push_read((Str){ (const char *)data, size }, &out, &counts, &err);
    Batch *batch = ok ? batch_from_bytes(LOGS, &out, &err) : NULL;
    if (ok && (!batch || batch_item_count(batch) != counts.taken))
        abort();
    if (ok && (counts.refused > 0) != (counts.first.kind != ERR_NONE))
        abort();
    batch_unref(batch);
    buf_free(&out);
    return 0;
}
