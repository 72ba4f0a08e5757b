/* A parcel for several: all of them get it, or none does. */
#include "pipe/graph.h"

#include "base/counter.h"
#include "config/yaml.h"
#include "net/loop.h"
#include "otlp/batch.h"
#include "pipe/host.h"
#include "support/make_batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#undef fail /* ours is in base/err.h */

/* --- components ------------------------------------------------------------------------------ */

enum { BOXES = 3, HELD_MAX = 64, SHARDS = 2 };

typedef struct Plain {
    Component base;
} Plain;

/* An exporter with places of its own, which are used up until the test opens it. */
typedef struct Box {
    Component base;
    uint64_t size;
    uint64_t places; /* taken */
    Parcel held[HELD_MAX];
    size_t count;
    uint64_t items;
} Box;

/* What keeps until the next one takes it, as batch does. */
typedef struct Keep {
    Component base;
    Parcel held[HELD_MAX];
    size_t count;
} Keep;

static struct Rig {
    Host *sources[SHARDS];
    Box *boxes[BOXES]; /* by the last letter of their ids: a, b, c */
    bool shut, busy;
    uint64_t plain_items;
} rig;

static bool source_start(void *self, Err *err)
{
    Component *component = self;
    (void)err;
    rig.sources[host_shard(component->host)] = component->host;
    return true;
}

static bool pass_consume(void *self, const Parcel *parcel, Err *err)
{
    return host_send(((Component *)self)->host, parcel, err);
}

static bool pass_may_take(const void *self, Err *err)
{
    (void)self;
    return !rig.shut || fail(err, ERR_BUSY, "shut");
}

static bool drop_consume(void *self, const Parcel *parcel, Err *err)
{
    (void)self, (void)err;
    ack_done(parcel->ack);
    return true;
}

/* Twice as many items as came. */
static bool grow_consume(void *self, const Parcel *parcel, Err *err)
{
    Batch *more =
        make_batch_of(batch_signal(parcel->batch), 2 * batch_item_count(parcel->batch), err);
    bool taken = more && host_send(((Component *)self)->host, &(Parcel){ more, parcel->ack }, err);
    batch_unref(more);
    return taken;
}

static bool box_start(void *self, Err *err)
{
    Box *box = self;
    (void)err;
    rig.boxes[box->base.id.ptr[box->base.id.len - 1] - 'a'] = box;
    return true;
}

static bool box_reserve(void *self, const Batch *batch, Err *err)
{
    Box *box = self;
    uint64_t items = batch_item_count(batch);
    if (items > box->size)
        return fail(err, ERR_LIMIT, "larger than the box");
    if (items > box->size - box->places)
        return fail(err, ERR_BUSY, "the box is full");
    box->places += items;
    return true;
}

static void box_unreserve(void *self, const Batch *batch)
{
    Box *box = self;
    assert_true(box->places >= batch_item_count(batch));
    box->places -= batch_item_count(batch);
}

static bool box_consume(void *self, const Parcel *parcel, Err *err)
{
    Box *box = self;
    (void)err;
    assert_true(box->count < HELD_MAX);
    box->held[box->count++] = (Parcel){ batch_ref(parcel->batch), parcel->ack };
    return true;
}

static void box_empty(void *self)
{
    Box *box = self;
    while (box->count) {
        Parcel parcel = box->held[--box->count];
        box->items += batch_item_count(parcel.batch);
        box_unreserve(box, parcel.batch);
        ack_done(parcel.ack);
        batch_unref(parcel.batch);
    }
}

static bool keep_consume(void *self, const Parcel *parcel, Err *err)
{
    Keep *keep = self;
    (void)err;
    assert_true(keep->count < HELD_MAX);
    keep->held[keep->count++] = (Parcel){ batch_ref(parcel->batch), parcel->ack };
    return true;
}

static void keep_flush(void *self)
{
    Keep *keep = self;
    Err err;
    while (keep->count && host_send(keep->base.host, &keep->held[keep->count - 1], &err))
        batch_unref(keep->held[--keep->count].batch);
}

static void keep_stop(void *self)
{
    Keep *keep = self;
    Err err;
    fail(&err, ERR_CLOSED, "stop");
    while (keep->count) {
        Parcel parcel = keep->held[--keep->count];
        ack_retry(parcel.ack, 0, &err);
        batch_unref(parcel.batch);
    }
}

/* An exporter without places. */
static bool plain_consume(void *self, const Parcel *parcel, Err *err)
{
    (void)self;
    if (rig.busy)
        return fail(err, ERR_BUSY, "busy");
    rig.plain_items += batch_item_count(parcel->batch);
    ack_done(parcel->ack);
    return true;
}

static const ConfigField box_fields[] = {
    COUNT(Box, size, "4", "1", "60", "How many items it has places for."),
    { 0 },
};

#define SHARED_TYPE(name_, consume_)                                                  \
    {                                                                                 \
        .name = (name_), .summary = "Test.", .kind = PROCESSOR, .placement = SHARDED, \
        .signals = ALL_SIGNALS, .size = sizeof(Plain), .consume = (consume_)          \
    }

static const ComponentType source_type = {
    .name = "source",
    .summary = "Test.",
    .kind = RECEIVER,
    .placement = SHARDED,
    .signals = ALL_SIGNALS,
    .traits = ALL_SHARE,
    .size = sizeof(Plain),
    .start = source_start,
};
static const ComponentType pass_type = {
    .name = "pass",
    .summary = "Test.",
    .kind = PROCESSOR,
    .placement = SHARDED,
    .signals = ALL_SIGNALS,
    .size = sizeof(Plain),
    .may_take = pass_may_take,
    .consume = pass_consume,
};
static const ComponentType drop_type = SHARED_TYPE("drop", drop_consume);
static const ComponentType grow_type = SHARED_TYPE("grow", grow_consume);
static const ComponentType keep_type = {
    .name = "keep",
    .summary = "Test.",
    .kind = PROCESSOR,
    .placement = SINGLE,
    .signals = ALL_SIGNALS,
    .traits = HOLDS,
    .size = sizeof(Keep),
    .consume = keep_consume,
    .flush = keep_flush,
    .stop = keep_stop,
};
static const ComponentType box_type = {
    .name = "box",
    .summary = "Test.",
    .kind = EXPORTER,
    .placement = SINGLE,
    .signals = ALL_SIGNALS,
    .size = sizeof(Box),
    .fields = box_fields,
    .start = box_start,
    .reserve = box_reserve,
    .unreserve = box_unreserve,
    .consume = box_consume,
    .flush = box_empty,
};
static const ComponentType plain_type = {
    .name = "plain",
    .summary = "Test.",
    .kind = EXPORTER,
    .placement = SINGLE,
    .signals = ALL_SIGNALS,
    .size = sizeof(Plain),
    .consume = plain_consume,
};
static const ComponentType *const registry[] = { &source_type, &pass_type, &drop_type,  &grow_type,
                                                 &keep_type,   &box_type,  &plain_type, NULL };

/* --- a run ----------------------------------------------------------------------------------- */

typedef struct Run {
    Arena *arena;
    Graph *graph;
    TestClock clock;
} Run;

static void run_open(Run *run, const char *yaml)
{
    Err err = { 0 };
    memset(&rig, 0, sizeof rig);
    *run = (Run){ 0 };
    test_clock_init(&run->clock, 0);
    run->arena = arena_new(1 << 20, &err);
    assert_non_null(run->arena);
    Problems problems;
    problems_init(&problems, run->arena);
    const Node *root = yaml_parse(str_from(yaml), STR("test.yaml"), run->arena, &problems);
    const ServiceConfig *config =
        root ? service_config_load(registry, root, run->arena, &problems) : NULL;
    assert_non_null(config);
    GraphOptions options = { .shards = SHARDS, .clock = &run->clock.base, .seed = 7 };
    run->graph = graph_new(config, &options, &err);
    assert_true(run->graph && graph_start(run->graph, &err));
}

static void run_close(Run *run)
{
    graph_free(run->graph);
    arena_free(run->arena);
}

static void turn(Run *run)
{
    for (int i = 0; i < 5; i++) {
        while (graph_step(run->graph, 0))
            continue;
        test_clock_advance(&run->clock, 10 * NANOS_PER_MILLI);
    }
}

typedef struct Heard {
    int times;
    AckResult result;
} Heard;

static void hear(void *context, const AckOutcome *outcome)
{
    Heard *heard = context;
    heard->times++;
    heard->result = outcome->result;
}

/* As a receiver that answers OK once it is taken. Refused: the Ack is settled here. */
static bool push(size_t shard, size_t items, Heard *heard, Err *err)
{
    Host *host = rig.sources[shard];
    Batch *batch = make_batch_of(TRACES, items, err);
    AckWish wish = { .settled = hear, .context = heard };
    Parcel parcel = { .batch = batch, .ack = host_ack_new(host, items, &wish, err) };
    assert_true(batch && parcel.ack);
    bool taken = host_send(host, &parcel, err);
    if (!taken)
        ack_fail(parcel.ack, err);
    batch_unref(batch);
    return taken;
}

static void assert_places(uint64_t a, uint64_t b)
{
    assert_int_equal(rig.boxes[0]->places, a);
    assert_int_equal(rig.boxes[1]->places, b);
}

static DrainReport drain(Run *run)
{
    return graph_drain(run->graph, clock_mono_ns(&run->clock.base) + NANOS_PER_SECOND);
}

/* --- tests ----------------------------------------------------------------------------------- */

static const char *const two = "receivers: {source: }\n"
                               "exporters: {box/a: {size: 10}, box/b: {size: 4}}\n"
                               "service: {pipelines: {traces: "
                               "{receivers: [source], exporters: [box/a, box/b]}}}\n";

/* From either loop: on a box's own one, and from the other. */
static void test_full_branch_refuses_all(void **state)
{
    (void)state;
    for (size_t shard = 0; shard < SHARDS; shard++) {
        Run run;
        Err err;
        Heard heard = { 0 };
        run_open(&run, two);
        assert_true(push(shard, 3, &heard, &err));
        assert_places(3, 3);
        assert_false(push(shard, 2, &heard, &err)); /* one place in b: all are given back */
        assert_int_equal(err.kind, ERR_BUSY);
        assert_places(3, 3);
        assert_true(push(shard, 1, &heard, &err));
        turn(&run);
        assert_places(4, 4);
        DrainReport report = drain(&run);
        assert_int_equal(report.acks.lost_items, 2); /* settled by push(), which nobody waits for */
        assert_int_equal(report.acks.delivered_items, 4);
        assert_int_equal(rig.boxes[0]->items, 4);
        assert_int_equal(rig.boxes[1]->items, 4);
        assert_places(0, 0);
        run_close(&run);
    }
}

/* Repeating would not help: the others take it. */
static void test_refused_for_good_is_the_branch_alone(void **state)
{
    (void)state;
    Run run;
    Err err;
    Heard heard = { 0 };
    run_open(&run, two);
    assert_true(push(0, 5, &heard, &err));
    turn(&run);
    assert_places(5, 0);
    drain(&run);
    assert_int_equal(heard.times, 1);
    assert_int_equal(heard.result, ACK_PARTLY);
    assert_int_equal(rig.boxes[0]->items, 5);
    run_close(&run);
}

static void test_deeper_branches(void **state)
{
    (void)state;
    Run run;
    Err err;
    Heard heard = { 0 };
    run_open(&run,
             "receivers: {source: }\n"
             "processors: {pass: , drop: , grow: }\n"
             "exporters: {box/a: {size: 10}, box/b: {size: 12}, box/c: {size: 6}}\n"
             "service: {pipelines: {\n"
             "  traces: {receivers: [source], processors: [pass], exporters: [box/a, box/b]},\n"
             "  traces/c: {receivers: [source], processors: [pass, grow], exporters: [box/c]},\n"
             "  traces/d: {receivers: [source], processors: [drop], exporters: [box/b]}}}\n");
    assert_true(push(1, 2, &heard, &err));
    turn(&run);
    assert_places(2, 2); /* the place for what was dropped on its way is free again */
    assert_int_equal(rig.boxes[2]->places, 4);
    assert_false(push(0, 3, &heard, &err)); /* c is behind a processor of another pipeline */
    assert_int_equal(err.kind, ERR_BUSY);
    assert_places(2, 2);
    rig.shut = true;
    assert_false(push(0, 1, &heard, &err));
    assert_places(2, 2);
    assert_int_equal(rig.boxes[2]->places, 4);
    rig.shut = false;
    drain(&run);
    assert_int_equal(rig.boxes[0]->items, 2);
    assert_int_equal(rig.boxes[1]->items, 2);
    assert_int_equal(rig.boxes[2]->items, 4);
    run_close(&run);
}

/* There was a place for what came, not for what has become of it: it waits, for it was accepted. */
static void test_what_has_grown_waits(void **state)
{
    (void)state;
    for (size_t shard = 0; shard < SHARDS; shard++) {
        Run run;
        Err err;
        Heard heard = { 0 };
        run_open(&run, "receivers: {source: }\n"
                       "processors: {grow: }\n"
                       "exporters: {box/a: {size: 20}, box/b: {size: 6}}\n"
                       "service: {pipelines: {\n"
                       "  traces: {receivers: [source], exporters: [box/a]},\n"
                       "  traces/b: {receivers: [source], processors: [grow],"
                       " exporters: [box/b]}}}\n");
        assert_true(push(shard, 2, &heard, &err));
        turn(&run);
        assert_places(2, 4);
        assert_true(push(shard, 2, &heard, &err));
        turn(&run);
        assert_places(4, 4);
        assert_int_equal(heard.times, 0);
        box_empty(rig.boxes[1]);
        turn(&run);
        assert_places(4, 4);
        DrainReport report = drain(&run);
        assert_int_equal(report.acks.delivered_items, 4);
        assert_int_equal(rig.boxes[1]->items, 8);
        run_close(&run);
    }
}

/* Its clients have had their OK: what holds goes on holding, and no branch gets it twice. */
static void test_holder_keeps_it(void **state)
{
    (void)state;
    Run run;
    Err err;
    Heard heard = { 0 };
    run_open(&run, "receivers: {source: }\n"
                   "processors: {keep: }\n"
                   "exporters: {box/a: {size: 10}, box/b: {size: 4}}\n"
                   "service: {pipelines: {traces: {receivers: [source], processors: [keep],"
                   " exporters: [box/a, box/b]}}}\n");
    for (int i = 0; i < 3; i++)
        assert_true(push(0, 3, &heard, &err));
    turn(&run);
    DrainReport report = drain(&run); /* a box is emptied between two rounds */
    assert_true(report.complete);
    assert_int_equal(report.acks.delivered_items, 9);
    assert_int_equal(report.acks.lost_items, 0);
    assert_int_equal(rig.boxes[0]->items, 9);
    assert_int_equal(rig.boxes[1]->items, 9);
    run_close(&run);
}

static void test_without_places_it_waits(void **state)
{
    (void)state;
    for (size_t shard = 0; shard < SHARDS; shard++) {
        Run run;
        Err err;
        Heard heard = { 0 };
        run_open(&run, "receivers: {source: }\n"
                       "exporters: {box/a: {size: 10}, plain: }\n"
                       "service: {pipelines: {traces: "
                       "{receivers: [source], exporters: [box/a, plain]}}}\n");
        rig.busy = true;
        assert_true(push(shard, 2, &heard, &err));
        turn(&run);
        assert_int_equal(rig.boxes[0]->places, 2);
        assert_int_equal(heard.times, 0);
        rig.busy = false;
        turn(&run);
        assert_int_equal(rig.plain_items, 2);
        assert_true(drain(&run).complete);
        assert_int_equal(heard.result, ACK_DELIVERED);
        run_close(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_branch_refuses_all),
        cmocka_unit_test(test_refused_for_good_is_the_branch_alone),
        cmocka_unit_test(test_deeper_branches),
        cmocka_unit_test(test_what_has_grown_waits),
        cmocka_unit_test(test_holder_keeps_it),
        cmocka_unit_test(test_without_places_it_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
