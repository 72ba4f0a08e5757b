/* A graph of four small components, in every wiring that the rules of graph.h speak of. */
#include "pipe/graph.h"

#include "base/counter.h"
#include "base/thread.h"
#include "config/yaml.h"
#include "net/loop.h"
#include "otlp/batch.h"
#include "pipe/host.h"
#include "support/make_batch.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#undef fail /* ours is in base/err.h */

/* --- components ------------------------------------------------------------------------------ */

enum { SEEN_MAX = 64, HELD_MAX = 8 };

/* What all instances of one run tell the test. */
static struct Diary {
    Host *hosts[SEEN_MAX]; /* of running receivers, by order of start */
    size_t host_count;
    char order[1024]; /* "+ext +sink ... -sink": starts, closes (|), stops */
    Counter consumed, started, stopped;
    const char *fail_start; /* id that refuses to start */
    ErrKind refuse;         /* what sinks answer; ERR_NONE: they take */
    bool keep;              /* "keep" keeps until it is told to let go */
    bool shut;              /* "pass" would take nothing */
} diary;

static Mutex diary_lock;

typedef struct Plain {
    Component base;
} Plain;

typedef struct Keep {
    Component base;
    uint64_t size;
    Parcel held[HELD_MAX];
    size_t count;
} Keep;

static void note(char what, const Component *component)
{
    mutex_lock(&diary_lock);
    size_t len = strlen(diary.order);
    snprintf(diary.order + len, sizeof diary.order - len, "%s%c%.*s", len ? " " : "", what,
             STR_ARG(component->id));
    mutex_unlock(&diary_lock);
}

static bool any_start(void *self, Err *err)
{
    const Component *component = self;
    counter_add(&diary.started, 1);
    note('+', component);
    if (diary.fail_start && str_eq(component->id, str_from(diary.fail_start)))
        return fail(err, ERR_IO, "it does not want to");
    return true;
}

static void any_close(void *self)
{
    note('|', self);
}

static void any_stop(void *self)
{
    counter_add(&diary.stopped, 1);
    note('-', self);
}

static bool source_start(void *self, Err *err)
{
    Component *component = self;
    diary.hosts[diary.host_count++] = component->host;
    return any_start(self, err);
}

static bool pass_consume(void *self, const Parcel *parcel, Err *err)
{
    return host_send(((Component *)self)->host, parcel, err);
}

static bool pass_may_take(const void *self, Err *err)
{
    (void)self;
    return !diary.shut || fail(err, ERR_BUSY, "pass is shut");
}

static bool sink_consume(void *self, const Parcel *parcel, Err *err)
{
    Component *component = self;
    if (diary.refuse != ERR_NONE)
        return fail(err, diary.refuse, "the sink is full");
    counter_add(&diary.consumed, batch_item_count(parcel->batch));
    host_count_sent(component->host, batch_signal(parcel->batch), batch_item_count(parcel->batch));
    ack_done(parcel->ack);
    return true;
}

static bool keep_consume(void *self, const Parcel *parcel, Err *err)
{
    Keep *keep = self;
    if (keep->count == keep->size)
        return fail(err, ERR_BUSY, "keep is full");
    keep->held[keep->count++] = (Parcel){ batch_ref(parcel->batch), parcel->ack };
    return true;
}

static void keep_flush(void *self)
{
    Keep *keep = self;
    Err err;
    for (size_t i = 0; i < keep->count && !diary.keep; i++) {
        if (!host_send(keep->base.host, &keep->held[i], &err))
            ack_fail(keep->held[i].ack, &err);
        batch_unref(keep->held[i].batch);
    }
    if (!diary.keep)
        keep->count = 0;
}

static void keep_stop(void *self)
{
    Keep *keep = self;
    Err err;
    fail(&err, ERR_CLOSED, "keep stops");
    for (size_t i = 0; i < keep->count; i++) {
        ack_retry(keep->held[i].ack, 0, &err);
        batch_unref(keep->held[i].batch);
    }
    keep->count = 0;
    any_stop(self);
}

static const ConfigField keep_fields[] = {
    COUNT(Keep, size, "8", "1", "8", "How many batches it keeps."),
    { 0 },
};

static const ComponentType source_type = {
    .name = "source",
    .summary = "The test sends by its host.",
    .kind = RECEIVER,
    .placement = SHARDED,
    .signals = ALL_SIGNALS,
    .traits = ALL_SHARE,
    .size = sizeof(Plain),
    .start = source_start,
    .close = any_close,
    .stop = any_stop,
};
static const ComponentType pass_type = {
    .name = "pass",
    .summary = "Hands on.",
    .kind = PROCESSOR,
    .placement = SHARDED,
    .signals = ALL_SIGNALS,
    .size = sizeof(Plain),
    .start = any_start,
    .may_take = pass_may_take,
    .consume = pass_consume,
    .stop = any_stop,
};
static const ComponentType keep_type = {
    .name = "keep",
    .summary = "Keeps until flushed.",
    .kind = PROCESSOR,
    .placement = SINGLE,
    .signals = ALL_SIGNALS,
    .traits = HOLDS,
    .size = sizeof(Keep),
    .fields = keep_fields,
    .start = any_start,
    .consume = keep_consume,
    .flush = keep_flush,
    .stop = keep_stop,
};
static const ComponentType sink_type = {
    .name = "sink",
    .summary = "Counts.",
    .kind = EXPORTER,
    .placement = SINGLE,
    .signals = ALL_SIGNALS,
    .size = sizeof(Plain),
    .start = any_start,
    .consume = sink_consume,
    .stop = any_stop,
};
static const ComponentType taker_type = {
    .name = "taker",
    .summary = "Counts what may be a bundle.",
    .kind = EXPORTER,
    .placement = SINGLE,
    .signals = ALL_SIGNALS,
    .traits = TAKES_BUNDLES,
    .size = sizeof(Plain),
    .start = any_start,
    .consume = sink_consume,
    .stop = any_stop,
};
static void *extension_service(void *self, ServiceKind kind)
{
    (void)kind;
    return self;
}

static bool asker_start(void *self, Err *err)
{
    Component *component = self;
    return any_start(self, err) &&
           host_service(component->host, STR("offer"), SERVICE_STORE, err) != NULL;
}

static const ComponentType offer_type = {
    .name = "offer",
    .summary = "Offers itself.",
    .kind = EXTENSION,
    .placement = SINGLE,
    .size = sizeof(Plain),
    .start = any_start,
    .stop = any_stop,
    .service = extension_service,
};
static const ComponentType asker_type = {
    .name = "asker",
    .summary = "Asks for it.",
    .kind = EXTENSION,
    .placement = SINGLE,
    .size = sizeof(Plain),
    .start = asker_start,
    .stop = any_stop,
};
static const ComponentType extension_type = {
    .name = "ext",
    .summary = "Is there.",
    .kind = EXTENSION,
    .placement = SINGLE,
    .size = sizeof(Plain),
    .start = any_start,
    .close = any_close,
    .stop = any_stop,
};
static const ComponentType *const registry[] = { &source_type, &pass_type,      &keep_type,
                                                 &sink_type,   &extension_type, &offer_type,
                                                 &asker_type,  &taker_type,     NULL };

/* --- a run ----------------------------------------------------------------------------------- */

typedef struct Run {
    Arena *arena;
    const ServiceConfig *config;
    Graph *graph;
    TestClock clock;
} Run;

/* Everything may be starved, so nothing is asserted here. */
static bool run_open(Run *run, const char *yaml, unsigned shards, Err *err)
{
    memset(&diary, 0, sizeof diary);
    *run = (Run){ 0 };
    test_clock_init(&run->clock, 0);
    run->arena = arena_new(1 << 20, err);
    if (!run->arena)
        return false;
    Problems problems;
    problems_init(&problems, run->arena);
    const Node *root = yaml_parse(str_from(yaml), STR("test.yaml"), run->arena, &problems);
    run->config = root ? service_config_load(registry, root, run->arena, &problems) : NULL;
    if (!run->config)
        return problems_ok(&problems, err);
    GraphOptions options = { .shards = shards, .clock = &run->clock.base, .seed = 7 };
    run->graph = graph_new(run->config, &options, err);
    return run->graph && graph_start(run->graph, err);
}

static void run_close(Run *run)
{
    graph_free(run->graph);
    arena_free(run->arena);
}

static void turn(Run *run)
{
    while (graph_step(run->graph, 0))
        continue;
}

static int64_t soon(Run *run)
{
    return clock_mono_ns(&run->clock.base) + NANOS_PER_SECOND;
}

typedef struct Heard {
    bool waits; /* given: is somebody waiting? */
    int times;
    AckOutcome outcome;
} Heard;

static void hear(void *context, const AckOutcome *outcome)
{
    Heard *heard = context;
    heard->times++;
    heard->outcome = *outcome;
}

/* As a receiver does. */
static bool push(size_t shard, Signal signal, size_t items, Heard *heard, Err *err)
{
    Host *host = diary.hosts[shard];
    Batch *batch = make_batch_of(signal, items, err);
    if (!batch)
        return false;
    AckWish wish = { heard ? hear : NULL, heard, .waits = heard && heard->waits };
    Parcel parcel = { .batch = batch, .ack = host_ack_new(host, items, &wish, err) };
    bool taken = parcel.ack && host_send(host, &parcel, err);
    if (parcel.ack && !taken)
        ack_fail(parcel.ack, err);
    batch_unref(batch);
    return taken;
}

static const char *const simple = "receivers: {source: }\n"
                                  "processors: {pass: }\n"
                                  "exporters: {sink: }\n"
                                  "extensions: {ext: }\n"
                                  "service:\n"
                                  "  extensions: [ext]\n"
                                  "  pipelines:\n"
                                  "    traces: {receivers: [source], processors: [pass],"
                                  " exporters: [sink]}\n";

static const char *const fanned = "receivers: {source: }\n"
                                  "processors: {pass: , keep: {size: 2}}\n"
                                  "exporters: {sink: , sink/two: }\n"
                                  "service:\n"
                                  "  pipelines:\n"
                                  "    traces: {receivers: [source], processors: [pass],"
                                  " exporters: [sink, sink/two]}\n"
                                  "    traces/kept: {receivers: [source], processors: [keep],"
                                  " exporters: [sink]}\n"
                                  "    logs: {receivers: [source], exporters: [sink]}\n";

/* --- tests ----------------------------------------------------------------------------------- */

static void test_carries(void **state)
{
    (void)state;
    for (unsigned shards = 1; shards <= 3; shards++) {
        Run run;
        Err err;
        assert_true(run_open(&run, simple, shards, &err));
        assert_int_equal(diary.host_count, shards);
        Heard heard[3] = { 0 };
        for (size_t i = 0; i < shards; i++)
            assert_true(push(i, TRACES, 2, &heard[i], &err));
        turn(&run);
        for (size_t i = 0; i < shards; i++) {
            assert_int_equal(heard[i].times, 1);
            assert_int_equal(heard[i].outcome.result, ACK_DELIVERED);
        }
        assert_int_equal(counter_get(&diary.consumed), 2 * shards);
        assert_false(push(0, LOGS, 1, &heard[0], &err)); /* no such pipeline */
        assert_int_equal(err.kind, ERR_UNSUPPORTED);
        assert_false(host_wants(diary.hosts[0], LOGS));
        assert_true(host_wants(diary.hosts[0], TRACES));
        turn(&run);
        run_close(&run);
    }
}

static void test_order(void **state)
{
    (void)state;
    Run run;
    Err err;
    assert_true(run_open(&run, simple, 1, &err));
    assert_true(host_ready(diary.hosts[0]));
    assert_string_equal(diary.order, "+ext +sink +pass +source");
    assert_true(graph_drain(run.graph, 0).complete);
    assert_false(host_ready(diary.hosts[0]));
    graph_stop(run.graph);
    assert_string_equal(diary.order,
                        "+ext +sink +pass +source |source |ext -pass -sink -source -ext");
    graph_stop(run.graph);
    assert_int_equal(counter_get(&diary.stopped), 4);
    diary.host_count = 0;
    assert_true(graph_start(run.graph, &err)); /* and once more */
    assert_true(push(0, TRACES, 1, NULL, &err));
    assert_int_equal(counter_get(&diary.consumed), 1);
    run_close(&run);
    assert_int_equal(counter_get(&diary.started), 8);
    assert_int_equal(counter_get(&diary.stopped), 8);
}

static void test_services(void **state)
{
    (void)state;
    static const struct {
        const char *extensions, *order, *wrong;
    } rows[] = {
        { "asker, ext, offer", "+offer +asker +ext", NULL },
        { "ext, asker", NULL, "extension \"offer\" is not listed in service.extensions" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Run run;
        Err err;
        char yaml[512];
        snprintf(
            yaml, sizeof yaml,
            "receivers: {source: }\nexporters: {sink: }\n"
            "extensions: {ext: , offer: , asker: }\nservice:\n"
            "  extensions: [%s]\n  pipelines: {traces: {receivers: source, exporters: sink}}\n",
            rows[i].extensions);
        assert_int_equal(run_open(&run, yaml, 1, &err), rows[i].order != NULL);
        if (rows[i].order)
            assert_non_null(strstr(diary.order, rows[i].order));
        else
            assert_non_null(strstr(err.text, rows[i].wrong));
        run_close(&run);
        assert_int_equal(counter_get(&diary.started), counter_get(&diary.stopped));
    }
}

static void test_failed_start(void **state)
{
    (void)state;
    static const char *const ids[] = { "ext", "sink", "pass", "source" };
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        Run run = { 0 };
        Err err;
        assert_true(run_open(&run, simple, 2, &err));
        graph_stop(run.graph);
        memset(&diary, 0, sizeof diary);
        diary.fail_start = ids[i];
        assert_false(graph_start(run.graph, &err));
        assert_non_null(strstr(err.text, ids[i]));
        assert_int_equal(counter_get(&diary.started), counter_get(&diary.stopped));
        run_close(&run);
    }
}

static void test_fan_out(void **state)
{
    (void)state;
    Run run;
    Err err;
    assert_true(run_open(&run, fanned, 2, &err));
    Heard heard = { 0 };
    assert_true(push(1, TRACES, 3, &heard, &err));
    turn(&run);
    assert_int_equal(counter_get(&diary.consumed), 6); /* two sinks; keep still holds */
    assert_int_equal(heard.times, 0);
    DrainReport report = graph_drain(run.graph, soon(&run));
    assert_true(report.complete);
    assert_int_equal(report.acks.delivered_items, 3);
    assert_int_equal(counter_get(&diary.consumed), 9);
    assert_int_equal(heard.times, 1);
    run_close(&run);
}

static const char *const bundled =
    "receivers: {source: }\n"
    "exporters: {sink: , taker: , taker/2: }\n"
    "service: {pipelines: {traces: {receivers: [source], exporters: [taker, taker/2]},\n"
    "                      logs: {receivers: [source], exporters: [taker, sink]},\n"
    "                      metrics: {receivers: [source], exporters: [sink]}}}\n";

static void test_bundles_go_where_all_take_them(void **state)
{
    (void)state;
    Run run;
    Err err;
    assert_true(run_open(&run, bundled, 1, &err));
    assert_true(host_takes_bundles(diary.hosts[0], TRACES));
    assert_false(host_takes_bundles(diary.hosts[0], LOGS));
    assert_false(host_takes_bundles(diary.hosts[0], METRICS));
    run_close(&run);
}

static void test_receivers_hear_before_they_read(void **state)
{
    (void)state;
    Run run;
    Err err = { 0 };
    assert_true(run_open(&run, simple, 2, &err));
    assert_true(host_may_take(diary.hosts[1], TRACES, &err));
    diary.shut = true;
    assert_false(host_may_take(diary.hosts[1], TRACES, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    assert_true(host_may_take(diary.hosts[1], LOGS, &err)); /* nobody is there to say no */
    run_close(&run);
    assert_true(run_open(&run, fanned, 2, &err));
    diary.shut = true;
    assert_false(host_may_take(diary.hosts[0], TRACES, &err)); /* though "keep" beside it would */
    run_close(&run);
}

static void test_a_budget_is_lent_to_all(void **state)
{
    (void)state;
    Run run;
    Err err = { 0 };
    assert_true(run_open(&run, simple, 1, &err));
    assert_null(host_budget(diary.hosts[0]));
    graph_free(run.graph);
    Budget budget;
    budget_init(&budget, 1 << 20);
    purse_force(budget_purse(&budget, BUDGET_QUERIES), 77);
    GraphOptions options = { .shards = 1, .clock = &run.clock.base, .seed = 7, .budget = &budget };
    memset(&diary, 0, sizeof diary);
    run.graph = graph_new(run.config, &options, &err);
    assert_true(run.graph && graph_start(run.graph, &err));
    assert_ptr_equal(host_budget(diary.hosts[0]), &budget);
    GraphStatus *status = host_status(diary.hosts[0], run.arena, &err);
    assert_int_equal(status->memory.limit, 1 << 20);
    assert_int_equal(status->memory.by_owner[BUDGET_QUERIES], 77);
    run_close(&run);
}

/* One refusal for good among three places: partly. */
static void test_refusals_after_a_queue(void **state)
{
    (void)state;
    static const struct {
        ErrKind kind;
        AckResult result;
    } rows[] = { { ERR_INPUT, ACK_REFUSED }, { ERR_BUSY, ACK_RETRY } };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (unsigned shards = 1; shards <= 2; shards++) {
            Run run;
            Err err;
            assert_true(run_open(&run, simple, shards, &err));
            diary.refuse = rows[i].kind;
            Heard heard = { .waits = true };
            for (size_t shard = 0; shard < shards; shard++)
                push(shard, TRACES, 3, &heard, &err);
            turn(&run);
            assert_int_equal(heard.times, shards);
            assert_int_equal(heard.outcome.result, rows[i].result);
            Arena *arena = arena_new(1 << 16, &err);
            GraphStatus *status = graph_status(run.graph, arena, &err);
            assert_non_null(status);
            assert_int_equal(status->count, 4);
            assert_true(str_eq(status->components[1].id, STR("sink")));
            assert_int_equal(status->components[1].refused, 3 * shards);
            assert_int_equal(status->components[3].received, 3 * shards);
            assert_int_equal(status->acks.open, 0);
            arena_free(arena);
            run_close(&run);
        }
}

/* One receiver and one exporter for two signals: each has its own numbers. */
static void test_signals_are_counted_apart(void **state)
{
    (void)state;
    Run run;
    Err err;
    assert_true(run_open(&run,
                         "receivers: {source: }\nexporters: {sink: }\nservice:\n  pipelines:\n"
                         "    traces: {receivers: [source], exporters: [sink]}\n"
                         "    logs: {receivers: [source], exporters: [sink]}\n",
                         1, &err));
    assert_true(push(0, TRACES, 3, NULL, &err));
    assert_true(push(0, LOGS, 2, NULL, &err));
    diary.refuse = ERR_BUSY;
    assert_false(push(0, LOGS, 5, NULL, &err));
    host_count_dropped(diary.hosts[0], LOGS, 4, "lost");
    host_count_dropped(diary.hosts[0], TRACES, 1, "lost");
    Arena *arena = arena_new(1 << 16, &err);
    GraphStatus *status = graph_status(run.graph, arena, &err);
    assert_non_null(status);
    const ComponentStatus *source = &status->components[status->count - 1];
    const SignalCounts *traces = &source->by_signal[signal_index(TRACES)];
    const SignalCounts *logs = &source->by_signal[signal_index(LOGS)];
    assert_int_equal(source->received, 10);
    assert_int_equal(traces->sent, 3);
    assert_int_equal(logs->sent, 2);
    assert_int_equal(traces->refused, 0);
    assert_int_equal(logs->refused, 5);
    assert_int_equal(traces->dropped, 1);
    assert_int_equal(logs->dropped, 4);
    assert_int_equal(source->drop_count, 1);
    assert_int_equal(source->drops[0].items, 5);
    arena_free(arena);
    run_close(&run);
}

/* Behind the queue nobody could send it again, so it waits there until the sink has room. */
static void test_accepted_waits_for_a_busy_reader(void **state)
{
    (void)state;
    Run run;
    Err err;
    assert_true(run_open(&run, simple, 2, &err));
    diary.refuse = ERR_BUSY;
    Heard heard[2] = { 0 };
    bool here[2];
    for (size_t shard = 0; shard < 2; shard++)
        here[shard] = !push(shard, TRACES, 3, &heard[shard], &err);
    assert_true(here[0] != here[1]); /* on the sink's own loop it is refused in place */
    Heard *queued = here[0] ? &heard[1] : &heard[0];
    for (int i = 0; i < 5; i++) {
        turn(&run);
        test_clock_advance(&run.clock, 10 * NANOS_PER_MILLI);
    }
    assert_int_equal(queued->times, 0);
    diary.refuse = ERR_NONE;
    turn(&run);
    assert_int_equal(queued->times, 1);
    assert_int_equal(queued->outcome.result, ACK_DELIVERED);
    assert_int_equal(counter_get(&diary.consumed), 3);
    diary.refuse = ERR_BUSY;
    assert_true(push(here[0] ? 1 : 0, TRACES, 3, queued, &err));
    turn(&run);
    run_close(&run); /* it still waits: given back */
    assert_int_equal(queued->times, 2);
    assert_int_equal(queued->outcome.result, ACK_RETRY);
}

static void test_queue_is_bounded(void **state)
{
    (void)state;
    Run run;
    Err err;
    assert_true(run_open(&run, simple, 2, &err));
    Heard heard = { 0 };
    int taken[2] = { 0 };
    for (int i = 0; i < GRAPH_QUEUE_MAX + 5; i++)
        for (size_t shard = 0; shard < 2; shard++)
            taken[shard] += push(shard, TRACES, 1, &heard, &err);
    size_t far = taken[0] == GRAPH_QUEUE_MAX ? 0 : 1; /* the sink lives on the other loop */
    assert_int_equal(taken[far], GRAPH_QUEUE_MAX);
    assert_int_equal(taken[1 - far], GRAPH_QUEUE_MAX + 5);
    assert_false(push(far, TRACES, 1, &heard, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    assert_non_null(strstr(err.text, "queue in front of exporter \"sink\" is full"));
    turn(&run);
    assert_int_equal(heard.times, 2 * GRAPH_QUEUE_MAX + 11);
    assert_true(push(far, TRACES, 1, &heard, &err));
    run_close(&run); /* one is still queued: given back */
    assert_int_equal(heard.times, 2 * GRAPH_QUEUE_MAX + 12);
    assert_int_equal(heard.outcome.result, ACK_RETRY);
}

static void pass_time(void *context)
{
    test_clock_advance(context, 10 * NANOS_PER_MILLI);
}

static void test_drain_deadline(void **state)
{
    (void)state;
    Run run;
    Err err;
    assert_true(run_open(&run, fanned, 1, &err));
    graph_free(run.graph);
    diary.host_count = 0;
    GraphOptions options = { .shards = 1, .clock = &run.clock.base, .seed = 7 };
    options.idle = pass_time;
    options.idle_context = &run.clock;
    run.graph = graph_new(run.config, &options, &err);
    assert_true(graph_start(run.graph, &err));
    diary.keep = true;
    Heard heard = { 0 };
    assert_true(push(0, TRACES, 3, &heard, &err));
    int64_t deadline = clock_mono_ns(&run.clock.base) + 200 * NANOS_PER_MILLI;
    DrainReport report = graph_drain(run.graph, deadline);
    assert_false(report.complete);
    assert_int_equal(report.acks.open_items, 3);
    assert_int_equal(clock_mono_ns(&run.clock.base), deadline);
    graph_stop(run.graph);
    assert_int_equal(heard.times, 1);
    assert_int_equal(heard.outcome.result, ACK_RETRY);
    run_close(&run);
}

/* Everything from the file to the end of a drain, the n-th allocation failing for every n. */
static bool whole_life(Run *run, int *settled)
{
    Err err;
    Heard heard[3] = { 0 };
    bool good = run_open(run, fanned, 2, &err);
    for (size_t i = 0; i < 3 && good; i++)
        good = push(i % 2, i < 2 ? TRACES : LOGS, 2, &heard[i], &err) && good;
    bool drained = run->graph && graph_drain(run->graph, soon(run)).complete;
    run_close(run);
    *settled = heard[0].times + heard[1].times + heard[2].times;
    return good && drained;
}

static void test_starved(void **state)
{
    (void)state;
    Run run;
    int settled;
    starve_after(-1);
    assert_true(whole_life(&run, &settled));
    assert_int_equal(settled, 3);
    long before = starve_live(), n = 0;
    for (bool hit = true; hit; n++) {
        starve_after(n);
        whole_life(&run, &settled);
        hit = starve_happened();
        starve_end();
        assert_int_equal(starve_live(), before);
    }
    assert_true(n > 30);
    print_message("counts: %ld allocations refused, one by one\n", n - 1);
}

/* --- threads --------------------------------------------------------------------------------- */

enum { PUSHES = 400 };

static void push_many(void *argument)
{
    Err err;
    size_t shard = *(size_t *)argument;
    for (int i = 0; i < PUSHES; i++)
        push(shard, TRACES, 2, NULL, &err);
}

/* Pushing from the loops themselves, as receivers do. */
static void test_threads(void **state)
{
    (void)state;
    Run run;
    Err err;
    assert_true(run_open(&run, fanned, 1, &err));
    graph_free(run.graph);
    memset(&diary, 0, sizeof diary);
    GraphOptions options = { .shards = 3, .threads = true };
    run.graph = graph_new(run.config, &options, &err);
    assert_true(graph_start(run.graph, &err));
    static Post posts[3];
    static size_t shards[3];
    for (size_t i = 0; i < 3; i++) {
        shards[i] = i;
        posts[i] = (Post){ .run = push_many, .owner = &shards[i] };
        loop_post(graph_loop(run.graph, (unsigned)i), &posts[i]);
    }
    clock_sleep_ns(20 * NANOS_PER_MILLI);
    int64_t deadline = clock_mono_ns(clock_system()) + 20 * NANOS_PER_SECOND;
    DrainReport report = graph_drain(run.graph, deadline);
    assert_true(report.complete);
    Arena *arena = arena_new(1 << 16, &err);
    GraphStatus *status = graph_status(run.graph, arena, &err);
    assert_non_null(status);
    for (size_t i = 0; i < status->count; i++)
        assert_int_equal(component_held(&status->components[i]), 0);
    LedgerCounts *acks = &status->acks;
    assert_int_equal(acks->items, acks->delivered_items + acks->lost_items);
    arena_free(arena);
    run_close(&run);
}

static void push_one(void *argument)
{
    Err err;
    push(0, TRACES, 5, argument, &err);
}

/* Against the real clock: the drain ends at its deadline, the stop gives back. */
static void test_threads_deadline(void **state)
{
    (void)state;
    Run run;
    Err err;
    assert_true(run_open(&run, fanned, 1, &err));
    graph_free(run.graph);
    memset(&diary, 0, sizeof diary);
    diary.keep = true;
    run.graph = graph_new(run.config, &(GraphOptions){ .shards = 2, .threads = true }, &err);
    assert_true(graph_start(run.graph, &err));
    Heard heard = { 0 };
    Post posted = { .run = push_one, .owner = &heard };
    loop_post(graph_loop(run.graph, 0), &posted);
    LedgerCounts counts = { 0 };
    for (int i = 0; i < 1000 && !counts.items; i++) {
        Arena *arena = arena_new(1 << 16, &err);
        counts = graph_status(run.graph, arena, &err)->acks;
        arena_free(arena);
        clock_sleep_ns(NANOS_PER_MILLI);
    }
    int64_t began = clock_mono_ns(clock_system());
    DrainReport report = graph_drain(run.graph, began + 50 * NANOS_PER_MILLI);
    assert_false(report.complete);
    assert_int_equal(report.acks.open_items, 5);
    assert_true(clock_mono_ns(clock_system()) >= began + 50 * NANOS_PER_MILLI);
    graph_stop(run.graph);
    assert_int_equal(heard.times, 1);
    assert_int_equal(heard.outcome.result, ACK_RETRY);
    run_close(&run);
}

/* A watchdog's question: silent until the loops turn, and asked once only meanwhile. */
static void test_silence(void **state)
{
    (void)state;
    Run run;
    Err err;
    assert_true(run_open(&run, simple, 2, &err));
    assert_int_equal(graph_silence_ns(run.graph), 0); /* asks for the first time */
    test_clock_advance(&run.clock, 3 * NANOS_PER_SECOND);
    assert_int_equal(graph_silence_ns(run.graph), 3 * NANOS_PER_SECOND);
    test_clock_advance(&run.clock, NANOS_PER_SECOND);
    assert_int_equal(graph_silence_ns(run.graph), 4 * NANOS_PER_SECOND);
    turn(&run);
    assert_int_equal(graph_silence_ns(run.graph), 0);
    test_clock_advance(&run.clock, NANOS_PER_SECOND);
    assert_int_equal(graph_silence_ns(run.graph), NANOS_PER_SECOND);
    run_close(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_carries),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_services),
        cmocka_unit_test(test_failed_start),
        cmocka_unit_test(test_fan_out),
        cmocka_unit_test(test_bundles_go_where_all_take_them),
        cmocka_unit_test(test_receivers_hear_before_they_read),
        cmocka_unit_test(test_a_budget_is_lent_to_all),
        cmocka_unit_test(test_signals_are_counted_apart),
        cmocka_unit_test(test_refusals_after_a_queue),
        cmocka_unit_test(test_accepted_waits_for_a_busy_reader),
        cmocka_unit_test(test_queue_is_bounded),
        cmocka_unit_test(test_drain_deadline),
        cmocka_unit_test(test_starved),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_threads_deadline),
    };
    mutex_init(&diary_lock);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
