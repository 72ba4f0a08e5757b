/* Senders in a real graph: what queue_size lets in when data comes from other loops, and how a full
 * queue holds receivers back without ever standing in the way of an end. */
#include "pipe/sender_rig.h"

#include "base/thread.h"
#include "config/yaml.h"
#include "net/loop.h"
#include "otlp/batch.h"
#include "pipe/graph.h"
#include "support/make_batch.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#undef fail /* ours is in base/err.h */

enum { SHARDS = 3 };

static Host *sources[2 * SHARDS];
static size_t source_count;

typedef struct Source {
    Component base;
} Source;

static bool source_start(void *self, Err *err)
{
    (void)err;
    sources[source_count++] = ((Source *)self)->base.host;
    return true;
}

static bool pass_consume(void *self, const Parcel *parcel, Err *err)
{
    return host_send(((Component *)self)->host, parcel, err);
}

static const ComponentType source_type = {
    .name = "source",
    .kind = RECEIVER,
    .placement = SHARDED,
    .signals = ALL_SIGNALS,
    .traits = ALL_SHARE,
    .size = sizeof(Source),
    .start = source_start,
};

static const ComponentType pass_type = {
    .name = "pass",
    .kind = PROCESSOR,
    .placement = SHARDED,
    .signals = ALL_SIGNALS,
    .size = sizeof(Source),
    .consume = pass_consume,
};

static const ComponentType *const registry[] = { &source_type, &pass_type, &far_type, NULL };

typedef struct Flow {
    Arena *arena;
    Graph *graph;
    TestClock clock;
} Flow;

static bool open_flow(Flow *flow, const char *settings, Err *err)
{
    char yaml[1024];
    *flow = (Flow){ 0 };
    source_count = far_count = 0;
    snprintf(yaml, sizeof yaml,
             "receivers: {source: }\nprocessors: {pass: }\nexporters: {far: %s, far/other: }\n"
             "service:\n  pipelines:\n"
             "    traces: {receivers: source, processors: pass, exporters: far}\n"
             "    logs: {receivers: source, exporters: far/other}\n"
             "    metrics: {receivers: source, exporters: [far, far/other]}\n",
             settings);
    test_clock_init(&flow->clock, NANOS_PER_SECOND);
    flow->arena = arena_new(1 << 20, err);
    if (!flow->arena)
        return false;
    Problems problems;
    problems_init(&problems, flow->arena);
    const Node *root = yaml_parse(str_from(yaml), STR("c"), flow->arena, &problems);
    const ServiceConfig *config =
        root ? service_config_load(registry, root, flow->arena, &problems) : NULL;
    if (!config)
        return problems_ok(&problems, err);
    GraphOptions options = { .shards = SHARDS, .clock = &flow->clock.base, .seed = 7 };
    flow->graph = graph_new(config, &options, err);
    return flow->graph && graph_start(flow->graph, err);
}

static void must_open(Flow *flow, const char *settings)
{
    Err err = { 0 };
    if (!open_flow(flow, settings, &err))
        print_error("%s\n", err.text);
    assert_int_equal(err.kind, ERR_NONE);
}

static void close_flow(Flow *flow)
{
    graph_free(flow->graph);
    arena_free(flow->arena);
}

static void turn(Flow *flow)
{
    while (graph_step(flow->graph, 0))
        continue;
}

/* The exporter of traces; there is one per signal. */
static Far *far_of_traces(Flow *flow)
{
    (void)flow;
    return far_started[0];
}

static bool push(size_t shard, Signal signal, size_t items, Err *err)
{
    Host *host = sources[shard];
    Batch *batch = make_batch_of(signal, items, err);
    if (!batch)
        return false;
    Parcel parcel = { batch, host_ack_new(host, items, &(AckWish){ 0 }, err) };
    bool taken = parcel.ack && host_send(host, &parcel, err);
    if (parcel.ack && !taken)
        ack_fail(parcel.ack, err);
    batch_unref(batch);
    return taken;
}

static ComponentStatus status_of(Flow *flow, Signal signal)
{
    Err err;
    Arena *arena = arena_new(1 << 16, &err);
    const GraphStatus *status = graph_status(flow->graph, arena, &err);
    ComponentStatus found = { 0 };
    for (size_t i = 0; status && i < status->count; i++)
        if (status->components[i].kind == EXPORTER &&
            status->components[i].signals == (unsigned)signal && !found.id.len)
            found = status->components[i];
    arena_free(arena);
    return found;
}

static void answer_all(Flow *flow)
{
    Far *far = far_of_traces(flow);
    while (far->waiting) {
        SendAttempt attempt = far->attempts[--far->waiting];
        sender_result(far->sender, attempt.token, &delivered);
        turn(flow);
    }
}

/* --- queue_size ------------------------------------------------------------------------------ */

/* From every loop and with nobody at work on the exporter's, which is where hundreds used to wait
 * on top. */
static void let_in(const char *settings, size_t items, size_t expected)
{
    Flow flow;
    must_open(&flow, settings);
    size_t taken = 0, refused_items = 0;
    Err err = { 0 };
    for (size_t i = 0; i < 40; i++) {
        bool is_taken = push(i % SHARDS, TRACES, items, &err);
        taken += is_taken;
        refused_items += is_taken ? 0 : items;
    }
    assert_int_equal(taken, expected);
    assert_int_equal(err.kind, ERR_BUSY);
    assert_string_equal(err.text, "sending queue is full");
    ComponentStatus status = status_of(&flow, TRACES);
    assert_int_equal(status.by_signal[signal_index(TRACES)].refused, refused_items);
    assert_string_equal(status.blocked, "sending queue is full");
    uint64_t full = status.queue_size;
    turn(&flow);
    assert_int_equal(status_of(&flow, TRACES).queue_size, full);
    assert_false(push(1, TRACES, items, &err)); /* not a second time for being on the loop */
    answer_all(&flow);
    status = status_of(&flow, TRACES);
    assert_int_equal(status.queue_size, 0);
    assert_int_equal(status.by_signal[signal_index(TRACES)].sent, taken * items);
    assert_true(push(0, TRACES, items, &err));
    close_flow(&flow);
}

static void test_queue_size_is_what_it_says(void **state)
{
    (void)state;
    let_in("{sending_queue: {queue_size: 5}}", 3, 5);
    let_in("{sending_queue: {queue_size: 5, num_consumers: 1}}", 3, 5);
    let_in("{sending_queue: {queue_size: 20, sizer: items}}", 3, 6);
    Err err;
    char yaml[80];
    Batch *batch = make_batch_of(TRACES, 3, &err);
    snprintf(yaml, sizeof yaml, "{sending_queue: {queue_size: %zu, sizer: bytes}}",
             4 * batch_bytes(batch).len + 1);
    batch_unref(batch);
    let_in(yaml, 3, 4);
}

static void test_what_never_fits_is_told_at_once(void **state)
{
    (void)state;
    Flow flow;
    must_open(&flow, "{sending_queue: {queue_size: 5, sizer: items, "
                     "block_on_overflow: true}}");
    Err err;
    for (size_t i = 0; i < SHARDS; i++) {
        assert_false(push(i, TRACES, 6, &err));
        assert_int_equal(err.kind, ERR_LIMIT);
    }
    assert_int_equal(status_of(&flow, TRACES).queue_size, 0);
    close_flow(&flow);
}

/* What waits between the loops when it ends gives its place back, and its data. */
static void test_stopped_between_the_loops(void **state)
{
    (void)state;
    Flow flow;
    must_open(&flow, "{sending_queue: {queue_size: 5}}");
    Err err;
    for (size_t i = 0; i < 5; i++)
        assert_true(push(i % SHARDS, TRACES, 1, &err));
    graph_stop(flow.graph);
    assert_int_equal(status_of(&flow, TRACES).queue_size, 0);
    source_count = far_count = 0;
    assert_true(graph_start(flow.graph, &err));
    for (size_t i = 0; i < 5; i++)
        assert_true(push(i % SHARDS, TRACES, 1, &err));
    assert_false(push(0, TRACES, 1, &err));
    close_flow(&flow);
}

/* --- block_on_overflow ----------------------------------------------------------------------- */

static bool is_held(Signal signal)
{
    return host_is_asked(sources[1], signal, ASK_HOLD);
}

#define BLOCKING "{sending_queue: {queue_size: 4, block_on_overflow: true}}"

static void test_a_full_queue_holds_receivers_back(void **state)
{
    (void)state;
    Flow flow;
    must_open(&flow, BLOCKING);
    Err err;
    for (size_t i = 0; i < 4; i++) {
        assert_false(is_held(TRACES));
        assert_true(push(i % SHARDS, TRACES, 1, &err));
    }
    assert_true(is_held(TRACES));   /* through the processor */
    assert_false(is_held(LOGS));    /* these do not come there */
    assert_false(is_held(METRICS)); /* another instance, with a queue of its own */
    assert_string_equal(status_of(&flow, TRACES).blocked, "sending queue is full");
    for (size_t i = 0; i < 3; i++)
        assert_true(push(i, TRACES, 1, &err)); /* they were under way */
    ComponentStatus status = status_of(&flow, TRACES);
    assert_int_equal(status.queue_size, 4);
    assert_int_equal(status.refused, 0);
    turn(&flow);
    Far *far = far_of_traces(&flow);
    assert_int_equal(far->waiting, 7);
    for (int i = 0; i < 4; i++) {
        assert_true(is_held(TRACES));
        SendAttempt attempt = far->attempts[--far->waiting];
        sender_result(far->sender, attempt.token, &delivered);
        turn(&flow);
    }
    assert_false(is_held(TRACES)); /* three of four */
    answer_all(&flow);
    status = status_of(&flow, TRACES);
    assert_int_equal(status.sent, 7);
    assert_string_equal(status.blocked, "");
    close_flow(&flow);
}

static void test_one_of_several_holds_all_back(void **state)
{
    (void)state;
    Flow flow;
    must_open(&flow, BLOCKING);
    Err err;
    for (size_t i = 0; i < 4; i++)
        assert_true(push(0, METRICS, 1, &err));
    assert_true(is_held(METRICS)); /* far/other has room */
    assert_false(is_held(TRACES));
    close_flow(&flow);
}

static void idle(void *context)
{
    Flow *flow = context;
    test_clock_advance(&flow->clock, 10 * NANOS_PER_MILLI);
    turn(flow);
}

/* With a far side that answers, and with one that never does. */
static void test_it_ends_while_it_holds(void **state)
{
    (void)state;
    for (int answers = 0; answers < 2; answers++) {
        Flow flow;
        must_open(&flow, BLOCKING);
        Err err;
        for (size_t i = 0; i < 9; i++)
            assert_true(push(i % SHARDS, TRACES, 1, &err));
        assert_true(is_held(TRACES));
        int64_t until = clock_mono_ns(&flow.clock.base) + NANOS_PER_SECOND;
        DrainReport report = { 0 };
        for (int i = 0; i < 200 && !report.complete; i++) {
            report = graph_drain(flow.graph, clock_mono_ns(&flow.clock.base));
            idle(&flow);
            if (answers)
                answer_all(&flow);
            if (clock_mono_ns(&flow.clock.base) > until)
                break;
        }
        assert_int_equal(report.complete, answers);
        graph_stop(flow.graph);
        assert_int_equal(graph_drain(flow.graph, 0).acks.open, 0);
        source_count = far_count = 0;
        assert_true(graph_start(flow.graph, &err)); /* as a reload does */
        assert_false(is_held(TRACES));
        assert_true(push(1, TRACES, 1, &err));
        close_flow(&flow);
    }
}

static void test_memory_bounds_what_waits_outside(void **state)
{
    (void)state;
    Rig rig = rig_open("sending_queue: {num_consumers: 1, queue_size: 2, block_on_overflow: true}");
    Err err;
    Batch *batch = make_batch_of(TRACES, 20000, &err);
    size_t fit = SENDER_MEMORY_MAX / batch_memory(batch);
    assert_in_range(fit, 3, 1000);
    for (size_t i = 0; i < fit; i++)
        assert_true(test_host_push(rig.test, batch, false, &err));
    assert_false(test_host_push(rig.test, batch, false, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    batch_unref(batch);
    test_host_free(rig.test);
}

static void test_a_direct_sender_holds_nobody(void **state)
{
    (void)state;
    Flow flow;
    must_open(&flow, "{sending_queue: {enabled: false, block_on_overflow: true}}");
    Err err;
    for (size_t i = 0; i < SENDER_DIRECT_MAX; i++)
        assert_true(push(i % SHARDS, TRACES, 1, &err));
    assert_false(is_held(TRACES));
    assert_false(push(0, TRACES, 1, &err));
    close_flow(&flow);
}

/* --- wait_for_result ------------------------------------------------------------------------- */

static void test_wait_for_result_is_asked_of_receivers(void **state)
{
    (void)state;
    Flow flow;
    must_open(&flow, "{sending_queue: {wait_for_result: true}}");
    assert_true(host_is_asked(sources[0], TRACES, ASK_RESULT));
    assert_true(host_is_asked(sources[2], METRICS, ASK_RESULT));
    assert_false(host_is_asked(sources[0], LOGS, ASK_RESULT));
    close_flow(&flow);
    must_open(&flow, "");
    assert_false(host_is_asked(sources[0], TRACES, ASK_RESULT));
    close_flow(&flow);
}

/* --- threads and memory ---------------------------------------------------------------------- */

typedef struct Taker {
    Thread thread;
    Sender *sender;
    Batch *batch;
    unsigned got;
} Taker;

static void take_places(void *argument)
{
    Taker *taker = argument;
    Err err;
    for (int i = 0; i < 20000; i++)
        if (sender_reserve(taker->sender, taker->batch, &err)) {
            taker->got++;
            sender_unreserve(taker->sender, taker->batch);
        }
}

static void test_places_are_taken_by_any_thread(void **state)
{
    (void)state;
    Rig rig = rig_open("sending_queue: {num_consumers: 1, queue_size: 2, block_on_overflow: true}");
    Err err;
    Taker takers[3];
    Batch *batch = make_batch_of(TRACES, 1, &err);
    rig.far->at_once = &delivered;
    for (size_t i = 0; i < COUNT_OF(takers); i++) {
        takers[i] = (Taker){ .sender = rig.far->sender, .batch = batch };
        assert_true(thread_start(&takers[i].thread, "taker", take_places, &takers[i], &err));
    }
    for (int i = 0; i < 500; i++)
        assert_true(test_host_push(rig.test, batch, false, &err));
    for (size_t i = 0; i < COUNT_OF(takers); i++) {
        thread_join(&takers[i].thread);
        assert_int_equal(takers[i].got, 20000);
    }
    assert_int_equal(test_host_status(rig.test).queue_size, 0);
    assert_string_equal(test_host_status(rig.test).blocked, "");
    assert_false(host_is_asked(test_host_host(rig.test), TRACES, ASK_HOLD));
    batch_unref(batch);
    test_host_free(rig.test);
}

static void live(void)
{
    Flow flow;
    Err err;
    if (open_flow(&flow, BLOCKING, &err)) {
        for (size_t i = 0; i < 8; i++)
            (void)push(i % SHARDS, i & 1 ? TRACES : METRICS, 2, &err);
        turn(&flow);
        answer_all(&flow);
        graph_drain(flow.graph, 0);
        graph_stop(flow.graph);
        assert_int_equal(graph_drain(flow.graph, 0).acks.open, 0);
    }
    close_flow(&flow);
}

static void test_starved(void **state)
{
    (void)state;
    starve_after(-1);
    long before = starve_live(), n = 0;
    for (bool hit = true; hit; n++) {
        starve_after(n);
        live();
        hit = starve_happened();
        starve_end();
        assert_int_equal(starve_live(), before);
    }
    assert_true(n > 50);
}

static void quiet(void *context, LogLevel level, Str component, Str message)
{
    (void)context, (void)level, (void)component, (void)message;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_size_is_what_it_says),
        cmocka_unit_test(test_what_never_fits_is_told_at_once),
        cmocka_unit_test(test_stopped_between_the_loops),
        cmocka_unit_test(test_a_full_queue_holds_receivers_back),
        cmocka_unit_test(test_one_of_several_holds_all_back),
        cmocka_unit_test(test_it_ends_while_it_holds),
        cmocka_unit_test(test_memory_bounds_what_waits_outside),
        cmocka_unit_test(test_a_direct_sender_holds_nobody),
        cmocka_unit_test(test_wait_for_result_is_asked_of_receivers),
        cmocka_unit_test(test_places_are_taken_by_any_thread),
        cmocka_unit_test(test_starved),
    };
    log_set_sink(&(LogSink){ quiet, NULL, LOG_INFO });
    return cmocka_run_group_tests(tests, NULL, NULL);
}
