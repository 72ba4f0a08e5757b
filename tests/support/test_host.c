/* test_host.c - see test_host.h. */
#include "support/test_host.h"

#include "config/yaml.h"
#include "net/loop.h"
#include "otlp/batch.h"
#include "pipe/host_base.h"

#include <stdlib.h>
#include <string.h>

enum { SENT_MAX = 4096, ACKS_MAX = 4096 };

/* The test's own bookkeeping comes from libc, so that starving the component does not starve it. */
struct TestHost {
    Host host; /* first: leads back here */
    Loop *loop;
    TestClock clock;
    Random random;
    Arena *arena;
    void *self;
    bool started, delivers, unready, takes_bundles;
    ErrKind refuse;
    unsigned wants;
    void *service;
    ClientInfo *client;
    Ledger ledger;
    Parcel sent[SENT_MAX];
    size_t sent_count;
    struct Listener {
        TestAck ack;
        AckWish wish; /* the component's own */
    } acks[ACKS_MAX];
    size_t ack_count;
};

/* --- host ------------------------------------------------------------------------------------ */

static void heard(void *context, const AckOutcome *outcome)
{
    struct Listener *listener = context;
    listener->ack = (TestAck){ .heard = true, .outcome = *outcome };
    if (listener->wish.settled)
        listener->wish.settled(listener->wish.context, outcome);
}

static Ack *test_ack_new(Host *host, uint64_t items, const AckWish *wish, Err *err)
{
    TestHost *test = (TestHost *)host;
    if (test->ack_count == ACKS_MAX) {
        fail(err, ERR_LIMIT, "the test host keeps %d acks", ACKS_MAX);
        return NULL;
    }
    struct Listener *listener = &test->acks[test->ack_count];
    *listener = (struct Listener){ .wish = *wish };
    AckListener made = {
        .home = test->loop,
        .settled = heard,
        .context = listener,
        .waits = wish->waits,
        .ledger = &test->ledger,
        .client = wish->client,
    };
    Ack *ack = ack_new(&made, items, err);
    test->ack_count += ack != NULL;
    return ack;
}

static bool test_send(Host *host, const Parcel *parcel, Err *err)
{
    TestHost *test = (TestHost *)host;
    if (test->refuse != ERR_NONE)
        return fail(err, test->refuse, "the test refuses");
    if (test->sent_count == SENT_MAX)
        return fail(err, ERR_LIMIT, "the test host keeps %d parcels", SENT_MAX);
    Parcel *kept = &test->sent[test->sent_count++];
    *kept = (Parcel){ .batch = batch_ref(parcel->batch), .ack = parcel->ack };
    if (test->delivers)
        test_host_judge(test, test->sent_count - 1, &(AckOutcome){ .result = ACK_DELIVERED });
    return true;
}

static bool test_wants(const Host *host, Signal signal)
{
    return ((const TestHost *)host)->wants & signal;
}

/* The component itself stands for all that comes after it. */
static bool test_is_asked(Host *host, Signal signal, HostAsk what)
{
    (void)signal;
    return counter_get(&host->asks[what]) != 0;
}

static bool test_takes_bundles(const Host *host, Signal signal)
{
    (void)signal;
    return ((const TestHost *)host)->takes_bundles;
}

static bool test_ready(const Host *host)
{
    const TestHost *test = (const TestHost *)host;
    return test->started && !test->unready;
}

static void *test_service(Host *host, Str id, ServiceKind kind, Err *err)
{
    (void)kind;
    void *service = ((TestHost *)host)->service;
    if (!service)
        fail(err, ERR_UNSUPPORTED, "extension \"%.*s\" is not listed in service.extensions",
             STR_ARG(id));
    return service;
}

static GraphStatus *test_status(Host *host, Arena *arena, Err *err)
{
    TestHost *test = (TestHost *)host;
    GraphStatus *status = ARENA_MAKE(arena, GraphStatus, 1, err);
    ComponentStatus *component = status ? ARENA_MAKE(arena, ComponentStatus, 1, err) : NULL;
    if (!component)
        return NULL;
    *component = test_host_status(test);
    *status =
        (GraphStatus){ .acks = ledger_counts(&test->ledger), .components = component, .count = 1 };
    return status;
}

static const HostOps test_ops = {
    .ack_new = test_ack_new,
    .send = test_send,
    .wants = test_wants,
    .is_asked = test_is_asked,
    .takes_bundles = test_takes_bundles,
    .ready = test_ready,
    .service = test_service,
    .status = test_status,
};

/* --- the instance ---------------------------------------------------------------------------- */

static bool load(TestHost *test, Str yaml, Buf *shown, Err *err)
{
    static const ConfigField no_fields[] = { { 0 } };
    const ComponentType *type = test->host.type;
    Problems problems;
    problems_init(&problems, test->arena);
    test->self = arena_alloc(test->arena, 1, type->size, err);
    if (!test->self)
        return false;
    const Node *node = yaml_parse(yaml, STR("c"), test->arena, &problems);
    Err wrong;
    bool loaded = node && config_load(type->fields ? type->fields : no_fields, node, test->self,
                                      test->arena, &problems);
    if (loaded && type->check && !type->check(test->self, &wrong))
        problem_error(&problems, node->place, "%s", wrong.text);
    if (shown)
        problems_write(&problems, shown);
    return problems_ok(&problems, err);
}

static bool init(TestHost *test, Str yaml, Buf *problems, Err *err)
{
    test_clock_init(&test->clock, 1000 * NANOS_PER_SECOND);
    test->arena = arena_new(8 << 20, err);
    test->loop = test->arena ? loop_new(&test->clock.base, NULL, err) : NULL;
    if (!test->loop)
        return false;
    random_seed(&test->random, 1);
    test->host.loop = test->loop;
    test->host.clock = &test->clock.base;
    test->host.random = &test->random;
    test->host.disk = disk_system();
    return load(test, yaml, problems, err);
}

TestHost *test_host_new(const ComponentType *type, Str yaml, Buf *problems, Err *err)
{
    TestHost *test = calloc(1, sizeof *test);
    if (!test) {
        fail(err, ERR_MEMORY, "no memory for the test itself");
        return NULL;
    }
    test->host.ops = &test_ops;
    test->host.type = type;
    test->wants = type->signals;
    test->host.id = str_from(type->name);
    test->host.shards = 1;
    test->host.stepped = true;
    account_init(&test->host.account);
    ledger_init(&test->ledger, NULL);
    if (init(test, yaml, problems, err))
        return test;
    test_host_free(test);
    return NULL;
}

void test_host_free(TestHost *test)
{
    if (!test)
        return;
    test_host_stop(test);
    for (size_t i = 0; i < test->sent_count; i++)
        batch_unref(test->sent[i].batch);
    loop_free(test->loop);
    arena_free(test->arena);
    account_done(&test->host.account);
    ledger_done(&test->ledger);
    free(test);
}

bool test_host_start(TestHost *test, Err *err)
{
    Component *component = test->self;
    component->host = &test->host;
    component->id = test->host.id;
    test->started = true;
    return !test->host.type->start || test->host.type->start(test->self, err);
}

void test_host_stop(TestHost *test)
{
    AckOutcome closed = { .result = ACK_RETRY, .reason = { .kind = ERR_CLOSED } };
    if (test->started && test->host.type->stop)
        test->host.type->stop(test->self);
    test->started = false;
    for (size_t i = 0; i < test->sent_count; i++)
        if (test->sent[i].ack)
            test_host_judge(test, i, &closed);
    if (test->loop)
        test_host_turn(test);
}

void test_host_flush(TestHost *test)
{
    if (test->host.type->flush)
        test->host.type->flush(test->self);
    test_host_turn(test);
}

void test_host_close(TestHost *test)
{
    if (test->host.type->close)
        test->host.type->close(test->self);
    test_host_turn(test);
}

void *test_host_self(TestHost *test)
{
    return test->self;
}

Host *test_host_host(TestHost *test)
{
    return &test->host;
}

TestClock *test_host_clock(TestHost *test)
{
    return &test->clock;
}

/* --- in, out, time --------------------------------------------------------------------------- */

bool test_host_push(TestHost *test, Batch *batch, bool waits, Err *err)
{
    AckWish wish = { .waits = waits, .client = test->client };
    uint64_t items = batch_item_count(batch);
    Parcel parcel = { .batch = batch, .ack = test_ack_new(&test->host, items, &wish, err) };
    if (!parcel.ack)
        return false;
    const ComponentType *type = test->host.type;
    bool placed = !type->reserve || type->reserve(test->self, batch, err);
    bool taken = placed && type->consume(test->self, &parcel, err);
    account_consumed(&test->host.account, batch, taken);
    if (!taken)
        ack_fail(parcel.ack, err);
    test_host_turn(test);
    return taken;
}

void test_host_turn(TestHost *test)
{
    while (loop_step(test->loop, 0))
        continue;
}

void test_host_tick(TestHost *test, int64_t ns)
{
    int64_t step = ns / 1000 > NANOS_PER_MILLI ? ns / 1000 : NANOS_PER_MILLI;
    test_host_turn(test);
    for (int64_t left = ns; left > 0; left -= step) {
        test_clock_advance(&test->clock, left < step ? left : step);
        test_host_turn(test);
    }
}

size_t test_host_sent_count(const TestHost *test)
{
    return test->sent_count;
}

const Parcel *test_host_sent(const TestHost *test, size_t i)
{
    return &test->sent[i];
}

void test_host_judge(TestHost *test, size_t i, const AckOutcome *outcome)
{
    Ack *ack = test->sent[i].ack;
    test->sent[i].ack = NULL;
    ack_settle(ack, outcome);
}

void test_host_judge_all(TestHost *test, bool delivers)
{
    test->delivers = delivers;
    for (size_t i = 0; i < test->sent_count && delivers; i++)
        if (test->sent[i].ack)
            test_host_judge(test, i, &(AckOutcome){ .result = ACK_DELIVERED });
}

size_t test_host_ack_count(const TestHost *test)
{
    return test->ack_count;
}

const TestAck *test_host_ack(const TestHost *test, size_t i)
{
    return &test->acks[i].ack;
}

void test_host_refuse(TestHost *test, ErrKind kind)
{
    test->refuse = kind;
}

void test_host_want(TestHost *test, unsigned signals)
{
    test->wants = signals;
}

void test_host_take_bundles(TestHost *test)
{
    test->takes_bundles = true;
}

void test_host_set_ready(TestHost *test, bool ready)
{
    test->unready = !ready;
}

void test_host_set_client(TestHost *test, ClientInfo *client)
{
    test->client = client;
}

void test_host_lend(TestHost *test, Budget *budget)
{
    test->host.budget = budget;
}

void test_host_offer(TestHost *test, void *service)
{
    test->service = service;
}

ComponentStatus test_host_status(TestHost *test)
{
    ComponentStatus status = {
        .kind = test->host.type->kind,
        .id = test->host.id,
        .signals = test->host.type->signals,
    };
    account_read(&test->host.account, &status);
    return status;
}

uint64_t test_host_open(TestHost *test)
{
    return ledger_counts(&test->ledger).open;
}
