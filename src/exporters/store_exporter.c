/* store_exporter.c - puts batches into the embedded store.
 *
 * The store answers on its writer's thread, where the Ack is settled at once: settling works from
 * any thread. Under the store's `sync: always` that is after the data is on the disk. Nothing waits
 * here: the store's own queue is the bound, and a full one refuses with "busy", which travels back
 * to the client.
 */
#include "base/mem.h"
#include "otlp/batch.h"
#include "otlp/combine.h"
#include "pipe/host.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdatomic.h>

typedef struct StoreExporter {
    Component base;
    Str store;           /* settings: the extension's id */
    Store *stored;       /* state */
    bool told;           /* that a batch was refused for good */
    atomic_bool blocked; /* the last batch could not be written */
} StoreExporter;

typedef struct Waiting { /* one batch that the store has taken */
    StoreExporter *exporter;
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

/* Whoever asks for our health hears of a disk that does not take anything; the flag spares the good
 * days the lock. */
static void note_writing(StoreExporter *exporter, const Err *err)
{
    if (err)
        host_set_blocked(exporter->base.host, err->text);
    else if (atomic_load_explicit(&exporter->blocked, memory_order_relaxed))
        host_set_blocked(exporter->base.host, NULL);
    else
        return;
    atomic_store(&exporter->blocked, err != NULL);
}

static void stored(void *context, const Err *err)
{
    Waiting waiting = *(Waiting *)context;
    Host *host = waiting.exporter->base.host;
    mem_free(context);
    note_writing(waiting.exporter, err);
    if (!err)
        host_count_sent(host, waiting.signal, waiting.items);
    else
        host_count_dropped(host, waiting.signal, waiting.items, "the store could not write it");
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

static bool take(StoreExporter *exporter, const Parcel *parcel, Err *err);

/* A half that is refused is settled here: the other one may be stored already. */
static void take_half(StoreExporter *exporter, const Parcel *half)
{
    Err err = { 0 };
    Signal signal = batch_signal(half->batch);
    uint64_t items = batch_item_count(half->batch);
    if (take(exporter, half, &err))
        return;
    tell_refusal(exporter, items, &err);
    host_count_dropped(exporter->base.host, signal, items, "the store did not take it");
    ack_fail(half->ack, &err);
}

/* False: nothing was taken, and err is what the split failed with. */
static bool take_halves(StoreExporter *exporter, const Parcel *parcel, Err *err)
{
    size_t items = batch_item_count(parcel->batch);
    Split split = split_begin(parcel->batch, (SplitLimits){ .items_max = (items + 1) / 2 });
    Batch *first = NULL, *second = NULL;
    Ack *acks[2];
    bool good = split_next(&split, &first, err) && split_next(&split, &second, err);
    if (good) {
        const uint64_t counts[] = { batch_item_count(first), batch_item_count(second) };
        good = ack_split(parcel->ack, ACK_PIECES, 2, counts, acks, err);
    }
    if (good) {
        take_half(exporter, &(Parcel){ first, acks[0] });
        take_half(exporter, &(Parcel){ second, acks[1] });
    }
    batch_unref(first);
    batch_unref(second);
    split_end(&split);
    return good;
}

/* `batch` in front may have merged more than the store can ever take at once: what is too large
 * goes in halves, down to single items. */
static bool take(StoreExporter *exporter, const Parcel *parcel, Err *err)
{
    Waiting *waiting = MEM_MAKE(Waiting, 1, err);
    if (!waiting)
        return false;
    *waiting = (Waiting){ exporter, parcel->ack, batch_signal(parcel->batch),
                          batch_item_count(parcel->batch) };
    if (store_append(exporter->stored, parcel->batch, stored, waiting, err))
        return true;
    mem_free(waiting);
    return err->kind == ERR_LIMIT && batch_item_count(parcel->batch) > 1 &&
           take_halves(exporter, parcel, err);
}

static bool exporter_consume(void *self, const Parcel *parcel, Err *err)
{
    StoreExporter *exporter = self;
    if (take(exporter, parcel, err))
        return true;
    tell_refusal(exporter, batch_item_count(parcel->batch), err);
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
