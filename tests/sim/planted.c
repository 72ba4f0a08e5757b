/* planted.c - see planted.h. */
#include "sim/planted.h"

#include "pipe/host.h"
#include "support/make_batch.h"

enum { ONE_IN = 8 }; /* a mistake that is made each time would be found by anything */

const PlantInfo plants[PLANT_COUNT] = {
    [PLANT_NONE] = { "none", "" },
    [PLANT_ACK_EARLY] = { "acknowledges before the data is stored", "was told OK, but" },
    [PLANT_DROP] = { "acknowledges and drops", "received" },
    [PLANT_FORGET_ACK] = { "never settles", "never settled" },
    [PLANT_SETTLE_TWICE] = { "settles twice", NULL },
    [PLANT_CHANGE] = { "changes the payload", "nobody sends that" },
    [PLANT_MISCOUNT] = { "counts wrongly", "received" },
    [PLANT_LYING_DISK] = { "a disk that lies about syncs", "was told OK, but" },
};

typedef struct Planted {
    Component base;
    uint64_t plant;
} Planted;

static const ConfigField fields[] = {
    COUNT(Planted, plant, "0", "0", "100", "Which mistake."),
    { 0 },
};

/* With an acknowledgement that nobody hears and no account knows. */
static bool pass_unheard(Planted *planted, const Parcel *parcel, Err *err)
{
    Ack *own = ack_new(&(AckListener){ .home = host_loop(planted->base.host) },
                       batch_item_count(parcel->batch), err);
    if (!own)
        return false;
    if (host_send(planted->base.host, &(Parcel){ parcel->batch, own }, err))
        return true;
    ack_refuse(own, err);
    return true;
}

/* As many items, so that only what they are tells. */
static bool pass_changed(Planted *planted, const Parcel *parcel, Err *err)
{
    Buf words = BUF(1 << 16);
    buf_addf(&words, "{service.name=x}");
    for (size_t i = 0; i < batch_item_count(parcel->batch); i++)
        buf_addf(&words, " ghost");
    Batch *other = make_batch(batch_signal(parcel->batch), buf_str(&words), err);
    buf_free(&words);
    bool ok = other && host_send(planted->base.host, &(Parcel){ other, parcel->ack }, err);
    batch_unref(other);
    return ok;
}

static bool err_here(Planted *planted, const Parcel *parcel, Err *err)
{
    Host *host = planted->base.host;
    switch ((Plant)planted->plant) {
    case PLANT_ACK_EARLY:
        if (!pass_unheard(planted, parcel, err))
            return false;
        ack_done(parcel->ack);
        return true;
    case PLANT_FORGET_ACK: return pass_unheard(planted, parcel, err);
    case PLANT_DROP: ack_done(parcel->ack); return true;
    case PLANT_SETTLE_TWICE: ack_done(parcel->ack); return host_send(host, parcel, err);
    case PLANT_CHANGE: return pass_changed(planted, parcel, err);
    case PLANT_MISCOUNT: host_count_dropped(host, batch_signal(parcel->batch), 1, "planted"); break;
    case PLANT_NONE:
    case PLANT_LYING_DISK:
    case PLANT_COUNT: break;
    }
    return host_send(host, parcel, err);
}

static bool planted_consume(void *self, const Parcel *parcel, Err *err)
{
    Planted *planted = self;
    if (random_below(host_random(planted->base.host), ONE_IN) == 0)
        return err_here(planted, parcel, err);
    return host_send(planted->base.host, parcel, err);
}

const ComponentType planted_processor = {
    .name = "planted",
    .summary = "Makes mistakes.",
    .kind = PROCESSOR,
    .stability = ALPHA,
    .placement = SHARDED,
    .signals = ALL_SIGNALS,
    .size = sizeof(Planted),
    .fields = fields,
    .consume = planted_consume,
};
