/* nop_exporter.c - takes everything and keeps nothing: a pipeline's end for trying what is in front
 * of it. What comes counts as sent, as it does in the public Collector.
 */
#include "otlp/batch.h"
#include "pipe/host.h"

typedef struct NopExporter {
    Component base;
} NopExporter;

static const ConfigField fields[] = { { 0 } };

static bool nop_consume(void *self, const Parcel *parcel, Err *err)
{
    NopExporter *exporter = self;
    (void)err;
    host_count_sent(exporter->base.host, batch_signal(parcel->batch),
                    batch_item_count(parcel->batch));
    ack_done(parcel->ack);
    return true;
}

const ComponentType nop_exporter = {
    .name = "nop",
    .summary = "Takes everything and keeps nothing.",
    .kind = EXPORTER,
    .stability = BETA,
    .placement = SHARDED,
    .signals = ALL_SIGNALS,
    .traits = TAKES_BUNDLES,
    .size = sizeof(NopExporter),
    .fields = fields,
    .consume = nop_consume,
};
