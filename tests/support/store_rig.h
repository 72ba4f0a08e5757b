/* store_rig.h - a store on a disk in memory with a clock that stands still, stepped by the test. */
#ifndef TESTS_SUPPORT_STORE_RIG_H
#define TESTS_SUPPORT_STORE_RIG_H

#include "otlp/batch.h"
#include "store/store.h"
#include "support/test_disk.h"

#define RIG_EPOCH_NS INT64_C(1750000000000000000)

typedef struct StoreRig {
    TestDisk *disk;
    TestClock clock;
    StoreSettings settings; /* to be changed before store_rig_open() */
    Store *store;
    Err err;
    int stored, failed;
} StoreRig;

void store_rig_init(StoreRig *rig);
CHECKED bool store_rig_open(StoreRig *rig);
CHECKED bool store_rig_close(StoreRig *rig);
/* Closes, cuts the power, opens. */
CHECKED bool store_rig_reopen(StoreRig *rig);
void store_rig_done(StoreRig *rig);

/* Appends, drops the reference, steps the store; the clock goes on 10 ms. True: it was stored. */
bool store_rig_put(StoreRig *rig, Batch *batch);
bool store_rig_put_verbatim(StoreRig *rig, Batch *batch);

/* From OTLP/JSON with ' in place of ". NULL: err says what is wrong with it. */
Batch *batch_from_json(Signal signal, const char *json, Err *err);

#endif
