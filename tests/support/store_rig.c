/* store_rig.c - see store_rig.h. */
#include "support/store_rig.h"

#include "otlp/json_in.h"

enum { JSON_MAX = 1 << 24 };

void store_rig_init(StoreRig *rig)
{
    *rig = (StoreRig){ .disk = test_disk_new(1), .settings = store_defaults() };
    test_clock_init(&rig->clock, RIG_EPOCH_NS);
    rig->settings.disk = test_disk_door(rig->disk);
    rig->settings.clock = &rig->clock.base;
    rig->settings.directory = "data";
    rig->settings.sync = SEGLOG_SYNC_ALWAYS;
    rig->settings.reserve_bytes = 0;
    rig->settings.own_thread = false;
}

bool store_rig_open(StoreRig *rig)
{
    rig->store = store_open(&rig->settings, &rig->err);
    return rig->store != NULL;
}

bool store_rig_close(StoreRig *rig)
{
    Store *store = rig->store;
    rig->store = NULL;
    return store_close(store, INT64_MAX, &rig->err);
}

bool store_rig_reopen(StoreRig *rig)
{
    bool closed = store_rig_close(rig);
    test_disk_crash(rig->disk, CRASH_CUT);
    return store_rig_open(rig) && closed;
}

void store_rig_done(StoreRig *rig)
{
    if (rig->store)
        store_close(rig->store, INT64_MAX, &rig->err);
    test_disk_free(rig->disk);
}

static void told(void *context, const Err *err)
{
    StoreRig *rig = context;
    rig->stored += err == NULL;
    rig->failed += err != NULL;
    if (err)
        rig->err = *err;
}

static bool put(StoreRig *rig, Batch *batch, bool verbatim)
{
    const AppendOptions options = { .done = told, .context = rig, .verbatim_streams = verbatim };
    int before = rig->stored;
    bool taken = batch && store_append_with(rig->store, batch, &options, &rig->err);
    batch_unref(batch);
    test_clock_advance(&rig->clock, 10 * NANOS_PER_MILLI);
    if (taken)
        store_step(rig->store);
    return taken && rig->stored == before + 1;
}

bool store_rig_put(StoreRig *rig, Batch *batch)
{
    return put(rig, batch, false);
}

bool store_rig_put_verbatim(StoreRig *rig, Batch *batch)
{
    return put(rig, batch, true);
}

Batch *batch_from_json(Signal signal, const char *json, Err *err)
{
    Buf text = BUF(JSON_MAX), bytes = BUF(JSON_MAX);
    for (const char *c = json; *c; c++)
        buf_add_byte(&text, *c == '\'' ? '"' : *c);
    Batch *batch = NULL;
    if (buf_ok(&text, err) && otlp_json_read(signal, buf_str(&text), &bytes, err))
        batch = batch_from_bytes(signal, &bytes, err);
    buf_free(&text);
    buf_free(&bytes);
    return batch;
}
