#include "pipe/sender_rig.h"

#include "otlp/batch.h"
#include "support/make_batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#undef fail /* ours is in base/err.h */

Far *far_started[FAR_MAX];
size_t far_count;

static void far_send(void *self, const SendAttempt *attempt)
{
    Far *far = self;
    far->total++;
    far->last_ns = clock_mono_ns(host_clock(far->base.host));
    if (far->at_once)
        sender_result(far->sender, attempt->token, far->at_once);
    else
        far->attempts[far->waiting++] = *attempt;
}

static bool far_start(void *self, Err *err)
{
    Far *far = self;
    SenderOptions options = {
        .host = far->base.host,
        .self = far,
        .send = far_send,
        .timeout = far->timeout,
        .retry = &far->retry_on_failure,
        .queue = &far->sending_queue,
        .breaker = &far->circuit_breaker,
    };
    if (far_count < FAR_MAX)
        far_started[far_count++] = far;
    far->waiting = 0;
    far->sender = sender_new(&options, err);
    return far->sender != NULL;
}

static bool far_check(const void *self, Err *err)
{
    return sender_check(&((const Far *)self)->sending_queue, err);
}

static bool far_reserve(void *self, const Batch *batch, Err *err)
{
    return sender_reserve(((Far *)self)->sender, batch, err);
}

static void far_unreserve(void *self, const Batch *batch)
{
    sender_unreserve(((Far *)self)->sender, batch);
}

static bool far_consume(void *self, const Parcel *parcel, Err *err)
{
    return sender_take(((Far *)self)->sender, parcel, err);
}

static void far_flush(void *self)
{
    sender_flush(((Far *)self)->sender);
}

static void far_stop(void *self)
{
    Far *far = self;
    sender_free(far->sender);
    far->sender = NULL;
}

static const ConfigField far_fields[] = { SENDER_ROWS(Far, "5s"), { 0 } };

const ComponentType far_type = {
    .name = "far",
    .kind = EXPORTER,
    .placement = SINGLE,
    .signals = ALL_SIGNALS,
    .traits = HOLDS,
    .size = sizeof(Far),
    .fields = far_fields,
    .check = far_check,
    .start = far_start,
    .reserve = far_reserve,
    .unreserve = far_unreserve,
    .consume = far_consume,
    .flush = far_flush,
    .stop = far_stop,
};

const AckOutcome delivered = { .result = ACK_DELIVERED };
const AckOutcome again = { .result = ACK_RETRY, .reason = { ERR_IO, 0, "gone" } };
const AckOutcome refused = { .result = ACK_REFUSED, .reason = { ERR_INPUT, 0, "bad" } };

Rig rig_open(const char *yaml)
{
    Err err;
    Rig rig = { .test = test_host_new(&far_type, str_from(yaml), NULL, &err) };
    if (!rig.test)
        print_error("%s\n", err.text);
    assert_non_null(rig.test);
    assert_true(test_host_start(rig.test, &err));
    rig.far = test_host_self(rig.test);
    rig.began_ns = clock_mono_ns(&test_host_clock(rig.test)->base);
    return rig;
}

static bool push(Rig *rig, size_t items, bool waits, Err *err)
{
    Batch *batch = make_batch_of(TRACES, items, err);
    assert_non_null(batch);
    bool taken = test_host_push(rig->test, batch, waits, err);
    batch_unref(batch);
    return taken;
}

bool rig_push(Rig *rig, size_t items, Err *err)
{
    return push(rig, items, false, err);
}

bool rig_push_waited(Rig *rig, size_t items, Err *err)
{
    return push(rig, items, true, err);
}

void rig_answer(Rig *rig, const AckOutcome *outcome)
{
    Far *far = rig->far;
    assert_true(far->waiting > 0);
    SendAttempt attempt = far->attempts[0];
    memmove(far->attempts, far->attempts + 1, --far->waiting * sizeof *far->attempts);
    sender_result(far->sender, attempt.token, outcome);
    test_host_turn(rig->test);
}

int64_t rig_ms_until_attempt(Rig *rig, int64_t most_ms)
{
    size_t before = rig->far->total;
    for (int64_t ms = 0; ms < most_ms; ms++) {
        if (rig->far->total > before)
            return ms;
        test_host_tick(rig->test, NANOS_PER_MILLI);
    }
    return most_ms;
}

size_t rig_items(const Rig *rig, size_t i)
{
    assert_true(i < rig->far->waiting);
    return batch_item_count(rig->far->attempts[i].batch);
}
