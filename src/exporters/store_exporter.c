/* store_exporter.c - puts batches into the embedded store.
 *
 * The store answers on its writer's thread, where the Ack is settled at once: settling works from
 * any thread. Under the store's `sync: always` that is after the data is on the disk. Nothing waits
 * here: the store's own queue is the bound, and a full one refuses with "busy", which travels back
 * to the client.
 */
#include "base/mem.h"
#include "otlp/batch.h"
#include "pipe/host.h"
#include "store/store.h"

#include <inttypes.h>

typedef struct StoreExporter {
    Component base;
    Str store;     /* settings: the extension's id */
    Store *stored; /* state */
    bool told;     /* that a batch was refused for good */
} StoreExporter;

typedef struct Waiting { /* one batch that the store has taken */
    Host *host;
    Ack *ack;
    Signal signal;
    uint64_t items;
} Waiting;

static const ConfigField fields[] = {
    TEXT(StoreExporter, store, "store", "The store extension to write to."),
    { 0 },
};

static bool exporter_start(void *self, Err *err)
{
    StoreExporter *exporter = self;
    exporter->stored = host_service(exporter->base.host, exporter->store, SERVICE_STORE, err);
    return exporter->stored != NULL;
}

static void stored(void *context, const Err *err)
{
    Waiting waiting = *(Waiting *)context;
    mem_free(context);
    if (!err)
        host_count_sent(waiting.host, waiting.signal, waiting.items);
    else
        host_count_dropped(waiting.host, waiting.signal, waiting.items,
                           "the store could not write it");
    if (err)
        ack_fail(waiting.ack, err);
    else
        ack_done(waiting.ack);
}

/* Once: whoever sent it may have its answer already, so nobody else would hear of it. */
static void tell_refusal(StoreExporter *exporter, uint64_t items, const Err *err)
{
    if (err->kind == ERR_BUSY || exporter->told)
        return;
    exporter->told = true;
    host_log(exporter->base.host, LOG_ERROR, "%" PRIu64 " items were refused: %s", items,
             err->text);
}

static bool exporter_consume(void *self, const Parcel *parcel, Err *err)
{
    StoreExporter *exporter = self;
    Waiting *waiting = MEM_MAKE(Waiting, 1, err);
    if (!waiting)
        return false;
    *waiting = (Waiting){ exporter->base.host, parcel->ack, batch_signal(parcel->batch),
                          batch_item_count(parcel->batch) };
    if (store_append(exporter->stored, parcel->batch, stored, waiting, err))
        return true;
    tell_refusal(exporter, waiting->items, err);
    mem_free(waiting);
    return false;
}

/* What the store has taken it answers, also while it closes; extensions stop after exporters, so
 * wait. */
static void exporter_stop(void *self)
{
    StoreExporter *exporter = self;
    if (!exporter->stored)
        return;
    Err err = { 0 };
    int64_t deadline = clock_mono_ns(host_clock(exporter->base.host)) + 5 * NANOS_PER_SECOND;
    if (!store_flush(exporter->stored, deadline, &err))
        host_log(exporter->base.host, LOG_ERROR, "not everything was stored: %s", err.text);
    exporter->stored = NULL;
}

const ComponentType store_exporter = {
    .name = "store",
    .summary = "Puts telemetry into the embedded store.",
    .kind = EXPORTER,
    .stability = ALPHA,
    .placement = SINGLE,
    .signals = ALL_SIGNALS,
    .size = sizeof(StoreExporter),
    .fields = fields,
    .start = exporter_start,
    .consume = exporter_consume,
    .stop = exporter_stop,
};
