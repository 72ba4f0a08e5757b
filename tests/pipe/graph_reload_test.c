/* Another configuration while data flows: what stays, what goes, and that nothing is lost. */
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
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#undef fail /* ours is in base/err.h */

/* --- components ------------------------------------------------------------------------------ */

enum { SHARDS = 2, HELD_MAX = 64, DOORS = 10 };

typedef struct Plain {
    Component base;
    uint64_t number; /* a setting that nobody reads */
    Str uses;        /* of "asker": an extension; empty: none */
} Plain;

/* An exporter that only one instance at a time may have the door of. */
typedef struct Sink {
    Component base;
    uint64_t door, number; /* door 0: none */
    bool has_door;
    Parcel held[HELD_MAX];
    size_t count;
} Sink;

static struct Rig {
    Mutex mutex;
    char order[4096]; /* "+id" starts, "|id" closes, "-id" stops */
    bool taken[DOORS];
    Counter consumed;
    bool shut; /* sinks hold what they take */
} rig;

/* By the last letter of a source's id; set by start, on their own loops. */
static Host *sources['z' + 1][SHARDS];

static void note(char what, const Component *component)
{
    mutex_lock(&rig.mutex);
    size_t len = strlen(rig.order);
    snprintf(rig.order + len, sizeof rig.order - len, "%s%c%.*s", len ? " " : "", what,
             STR_ARG(component->id));
    mutex_unlock(&rig.mutex);
}

static bool plain_start(void *self, Err *err)
{
    Plain *plain = self;
    if (plain->uses.len && !host_service(plain->base.host, plain->uses, SERVICE_STORE, err))
        return false;
    if (host_speaks(plain->base.host))
        note('+', self);
    return true;
}

static void plain_close(void *self)
{
    Plain *plain = self;
    if (host_speaks(plain->base.host))
        note('|', self);
}

static void plain_stop(void *self)
{
    Plain *plain = self;
    if (host_speaks(plain->base.host))
        note('-', self);
}

static bool source_start(void *self, Err *err)
{
    Plain *plain = self;
    Str id = plain->base.id;
    sources[(unsigned char)id.ptr[id.len - 1]][host_shard(plain->base.host)] = plain->base.host;
    return plain_start(self, err);
}

static void *plain_service(void *self, ServiceKind kind)
{
    (void)kind;
    return self;
}

static bool pass_consume(void *self, const Parcel *parcel, Err *err)
{
    return host_send(((Component *)self)->host, parcel, err);
}

static bool sink_start(void *self, Err *err)
{
    Sink *sink = self;
    mutex_lock(&rig.mutex);
    bool free = !sink->door || !rig.taken[sink->door];
    if (free && sink->door)
        rig.taken[sink->door] = sink->has_door = true;
    mutex_unlock(&rig.mutex);
    if (!free)
        return fail(err, ERR_IO, "the door is taken");
    note('+', self);
    return true;
}

static bool sink_consume(void *self, const Parcel *parcel, Err *err)
{
    Sink *sink = self;
    uint64_t items = batch_item_count(parcel->batch);
    if (sink->count == HELD_MAX)
        return fail(err, ERR_BUSY, "full");
    if (rig.shut) {
        sink->held[sink->count++] = (Parcel){ batch_ref(parcel->batch), parcel->ack };
        return true;
    }
    counter_add(&rig.consumed, items);
    host_count_sent(sink->base.host, batch_signal(parcel->batch), items);
    ack_done(parcel->ack);
    return true;
}

static void sink_flush(void *self)
{
    Sink *sink = self;
    while (!rig.shut && sink->count) {
        Parcel parcel = sink->held[--sink->count];
        counter_add(&rig.consumed, batch_item_count(parcel.batch));
        host_count_sent(sink->base.host, batch_signal(parcel.batch),
                        batch_item_count(parcel.batch));
        ack_done(parcel.ack);
        batch_unref(parcel.batch);
    }
}

static void sink_stop(void *self)
{
    Sink *sink = self;
    Err err;
    fail(&err, ERR_CLOSED, "stops");
    while (sink->count) {
        Parcel parcel = sink->held[--sink->count];
        if (!host_hand_over(sink->base.host, &parcel)) {
            host_count_dropped(sink->base.host, batch_signal(parcel.batch),
                               batch_item_count(parcel.batch), "end");
            ack_retry(parcel.ack, 0, &err);
        }
        batch_unref(parcel.batch);
    }
    mutex_lock(&rig.mutex);
    if (sink->has_door)
        rig.taken[sink->door] = sink->has_door = false;
    mutex_unlock(&rig.mutex);
    note('-', self);
}

static const ConfigField plain_fields[] = {
    COUNT(Plain, number, "0", "0", "9", "Whatever."),
    TEXT(Plain, uses, "", "An extension."),
    { 0 },
};
static const ConfigField sink_fields[] = {
    COUNT(Sink, door, "0", "0", "9", "What only one may have."),
    COUNT(Sink, number, "0", "0", "9", "Whatever."),
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
    .fields = plain_fields,
    .start = source_start,
    .close = plain_close,
    .stop = plain_stop,
};
static const ComponentType pass_type = {
    .name = "pass",
    .summary = "Hands on.",
    .kind = PROCESSOR,
    .placement = SHARDED,
    .signals = ALL_SIGNALS,
    .size = sizeof(Plain),
    .fields = plain_fields,
    .start = plain_start,
    .consume = pass_consume,
    .stop = plain_stop,
};
static const ComponentType sink_type = {
    .name = "sink",
    .summary = "Counts.",
    .kind = EXPORTER,
    .placement = SINGLE,
    .signals = ALL_SIGNALS,
    .size = sizeof(Sink),
    .fields = sink_fields,
    .start = sink_start,
    .consume = sink_consume,
    .flush = sink_flush,
    .stop = sink_stop,
};
static const ComponentType offer_type = {
    .name = "offer",
    .summary = "Offers itself.",
    .kind = EXTENSION,
    .placement = SINGLE,
    .size = sizeof(Plain),
    .fields = plain_fields,
    .start = plain_start,
    .stop = plain_stop,
    .service = plain_service,
};
static const ComponentType *const registry[] = { &source_type, &pass_type, &sink_type, &offer_type,
                                                 NULL };

/* --- a run ----------------------------------------------------------------------------------- */

enum { CONFIGS_MAX = 64 };

typedef struct Run {
    Arena *arenas[CONFIGS_MAX];
    const ServiceConfig *configs[CONFIGS_MAX];
    size_t config_count;
    Graph *graph;
    bool threads;
    TestClock clock;
} Run;

static const ServiceConfig *run_read(Run *run, const char *yaml, Err *err)
{
    Arena *arena = arena_new(1 << 20, err);
    if (!arena)
        return NULL;
    Problems problems;
    problems_init(&problems, arena);
    const Node *root = yaml_parse(str_from(yaml), STR("test.yaml"), arena, &problems);
    const ServiceConfig *config =
        root ? service_config_load(registry, root, arena, &problems) : NULL;
    if (!config && problems_ok(&problems, err))
        fail(err, ERR_INPUT, "no configuration");
    run->arenas[run->config_count] = arena;
    run->configs[run->config_count++] = config;
    return config;
}

static void begin(void)
{
    memset(rig.order, 0, sizeof rig.order);
    memset(rig.taken, 0, sizeof rig.taken);
    rig.consumed = (Counter){ 0 };
    rig.shut = false;
}

static void pass_time(void *context)
{
    Run *run = context;
    test_clock_advance(&run->clock, 10 * NANOS_PER_MILLI);
}

/* Everything may be starved, so nothing is asserted here. */
static bool run_open(Run *run, const char *yaml, bool threads, Err *err)
{
    begin();
    *run = (Run){ .threads = threads };
    test_clock_init(&run->clock, 0);
    GraphOptions options = { .shards = SHARDS,
                             .seed = 7,
                             .threads = threads,
                             .clock = threads ? NULL : &run->clock.base,
                             .idle = pass_time,
                             .idle_context = run };
    const ServiceConfig *config = run_read(run, yaml, err);
    run->graph = config ? graph_new(config, &options, err) : NULL;
    return run->graph && graph_start(run->graph, err);
}

static void run_close(Run *run)
{
    graph_free(run->graph);
    for (size_t i = 0; i < run->config_count; i++)
        arena_free(run->arenas[i]);
}

static ReloadResult reload(Run *run, const char *yaml, Err *err)
{
    mutex_lock(&rig.mutex);
    rig.order[0] = 0;
    mutex_unlock(&rig.mutex);
    const ServiceConfig *config = run_read(run, yaml, err);
    if (!config)
        return RELOAD_REFUSED;
    Clock *clock = run->threads ? clock_system() : &run->clock.base;
    int64_t deadline = clock_mono_ns(clock) + 2 * NANOS_PER_SECOND;
    ReloadResult result = graph_reload(run->graph, config, deadline, err);
    for (size_t i = 0; i < run->config_count; i++) /* as its keeper does */
        if (run->arenas[i] && !graph_uses(run->graph, run->configs[i])) {
            arena_free(run->arenas[i]);
            run->arenas[i] = NULL;
        }
    return result;
}

static void turn(Run *run)
{
    while (graph_step(run->graph, 0))
        continue;
}

typedef struct Heard {
    int times;
    AckOutcome outcome;
} Heard;

static void hear(void *context, const AckOutcome *outcome)
{
    Heard *heard = context;
    heard->times++;
    heard->outcome = *outcome;
}

/* As a receiver does whose client has its OK when this is true. */
static bool push(char source, size_t shard, size_t items, Heard *heard)
{
    Err err;
    Host *host = sources[(unsigned char)source][shard];
    Batch *batch = make_batch_of(TRACES, items, &err);
    AckWish wish = { .settled = heard ? hear : NULL, .context = heard };
    Parcel parcel = { batch, batch ? host_ack_new(host, items, &wish, &err) : NULL };
    bool taken = parcel.ack && host_send(host, &parcel, &err);
    if (parcel.ack && !taken)
        ack_fail(parcel.ack, &err);
    batch_unref(batch);
    return taken;
}

/* 0: there is none. */
static uint64_t sent_by(Run *run, const char *id)
{
    Err err;
    uint64_t sent = 0;
    Arena *arena = arena_new(1 << 20, &err);
    assert_non_null(arena);
    const GraphStatus *status = graph_status(run->graph, arena, &err);
    assert_non_null(status);
    for (size_t i = 0; i < status->count; i++)
        if (str_eq(status->components[i].id, str_from(id)))
            sent += status->components[i].sent;
    arena_free(arena);
    return sent;
}

#define PIPES "service: {extensions: [offer], pipelines: {\n"
static const char *const plain_pipes =
    PIPES "  traces: {receivers: [source/a, source/b], processors: [pass], exporters: [sink/x]},\n"
          "  traces/y: {receivers: [source/b], exporters: [sink/y]}}}\n";

static const char *yaml_of(const char *source, const char *pass, const char *sink)
{
    static char text[2048];
    snprintf(text, sizeof text,
             "receivers: {source/a: {%s}, source/b: }\n"
             "processors: {pass: {%s}}\n"
             "exporters: {sink/x: {%s}, sink/y: }\n"
             "extensions: {offer: }\n%s",
             source, pass, sink, plain_pipes);
    return text;
}

/* --- what stays ------------------------------------------------------------------------------ */

static void test_the_same_again_touches_nothing(void **state)
{
    (void)state;
    Run run;
    Err err;
    Heard heard = { 0 };
    assert_true(run_open(&run, yaml_of("", "", "door: 1"), false, &err));
    assert_true(push('a', 0, 3, &heard));
    turn(&run);
    /* the order of a map and what is written around it do not matter */
    assert_int_equal(reload(&run, yaml_of("", " ", "door: 1"), &err), RELOAD_DONE);
    assert_string_equal(rig.order, "");
    assert_true(push('a', 1, 2, &heard));
    turn(&run);
    assert_int_equal(counter_get(&rig.consumed), 5);
    assert_int_equal(sent_by(&run, "sink/x"), 5);
    run_close(&run);
}

static void test_only_what_changed(void **state)
{
    (void)state;
    Run run;
    Err err;
    Heard heard = { 0 };
    assert_true(run_open(&run, yaml_of("", "", "door: 1"), false, &err));
    assert_true(push('a', 0, 1, &heard));
    turn(&run);
    assert_int_equal(reload(&run, yaml_of("", "number: 1", "door: 1"), &err), RELOAD_DONE);
    assert_string_equal(rig.order, "+pass -pass");
    assert_int_equal(reload(&run, yaml_of("number: 1", "number: 1", "door: 1"), &err), RELOAD_DONE);
    assert_string_equal(rig.order, "|source/a +source/a -source/a");
    assert_int_equal(reload(&run, yaml_of("number: 1", "number: 1", "door: 1, number: 2"), &err),
                     RELOAD_DONE);
    assert_string_equal(rig.order, "-sink/x +sink/x"); /* it needs the old one's door */
    for (size_t shard = 0; shard < SHARDS; shard++) {
        assert_true(push('a', shard, 1, &heard));
        assert_true(push('b', shard, 1, &heard));
    }
    turn(&run);
    assert_int_equal(heard.times, 5);
    assert_int_equal(sent_by(&run, "sink/x"), 5); /* counts go on */
    assert_int_equal(sent_by(&run, "sink/y"), 2);
    run_close(&run);
}

/* A pipeline more, one less: the receivers that have the same signals hear nothing of it. */
static void test_wires_alone(void **state)
{
    (void)state;
    Run run;
    Err err;
    Heard heard = { 0 };
    assert_true(run_open(&run, yaml_of("", "", ""), false, &err));
    char other[2048];
    snprintf(other, sizeof other,
             "receivers: {source/a: , source/b: }\nexporters: {sink/y: , sink/z: }\n"
             "service: {pipelines: {traces: {receivers: [source/a, source/b],"
             " exporters: [sink/y, sink/z]}}}\n");
    assert_int_equal(reload(&run, other, &err), RELOAD_DONE);
    assert_string_equal(rig.order, "-pass -sink/x -offer +sink/z");
    assert_true(push('a', 0, 2, &heard));
    turn(&run);
    assert_int_equal(sent_by(&run, "sink/y"), 2);
    assert_int_equal(sent_by(&run, "sink/z"), 2);
    assert_int_equal(heard.times, 1);
    run_close(&run);
}

static const char *user_of(const char *offer, const char *uses)
{
    static char text[1024];
    snprintf(text, sizeof text,
             "receivers: {source/a: {uses: '%s'}, source/b: }\n"
             "exporters: {sink/x: }\n"
             "extensions: {offer: {%s}}\n"
             "service: {extensions: [offer], pipelines: {traces: {receivers: [source/a, source/b],"
             " exporters: [sink/x]}}}\n",
             uses, offer);
    return text;
}

static void test_who_uses_a_changed_extension_changes(void **state)
{
    (void)state;
    Run run;
    Err err;
    assert_true(run_open(&run, user_of("", "offer"), false, &err));
    assert_int_equal(reload(&run, user_of("number: 1", "offer"), &err), RELOAD_DONE);
    /* the first "-" is a start before "offer" had started */
    assert_string_equal(rig.order, "|source/a -source/a -source/a -offer +offer +source/a");
    run_close(&run);
}

/* --- what cannot start ----------------------------------------------------------------------- */

/* Before the exchange: nobody notices. */
static void test_refused_early(void **state)
{
    (void)state;
    Run run;
    Err err = { 0 };
    Heard heard = { 0 };
    assert_true(run_open(&run, yaml_of("", "", "door: 1"), false, &err));
    assert_int_equal(reload(&run,
                            "receivers: {source/a: , source/b: }\n"
                            "processors: {pass: }\n"
                            "exporters: {sink/x: {door: 1}, sink/y: , sink/z: {door: 1}}\n"
                            "extensions: {offer: }\n" PIPES
                            "  traces: {receivers: [source/a, source/b], processors: [pass],"
                            " exporters: [sink/x]},\n"
                            "  traces/y: {receivers: [source/b], exporters: [sink/y, sink/z]}}}\n",
                            &err),
                     RELOAD_REFUSED);
    assert_non_null(strstr(err.text, "exporters::sink/z: the door is taken"));
    assert_string_equal(rig.order, "-sink/z");
    assert_true(push('b', 0, 1, &heard));
    turn(&run);
    assert_int_equal(heard.outcome.result, ACK_DELIVERED);
    run_close(&run);
}

/* After it: what has ended starts again, and what came meanwhile is not lost. */
static void test_refused_late(void **state)
{
    (void)state;
    Run run;
    Err err = { 0 };
    Heard heard = { 0 };
    assert_true(run_open(&run, yaml_of("", "", "door: 1"), false, &err));
    rig.taken[2] = true;
    rig.shut = true;
    assert_true(push('a', 0, 3, &heard));
    turn(&run);
    assert_int_equal(reload(&run, yaml_of("number: 2", "", "door: 2"), &err), RELOAD_REFUSED);
    assert_non_null(strstr(err.text, "exporters::sink/x: the door is taken"));
    rig.shut = false;
    assert_int_equal(heard.times, 0); /* handed over twice */
    assert_true(push('a', 1, 2, &heard));
    DrainReport report = graph_drain(run.graph, clock_mono_ns(&run.clock.base) + NANOS_PER_SECOND);
    assert_true(report.complete);
    assert_int_equal(report.acks.delivered_items, 5);
    assert_int_equal(report.acks.lost_items, 0);
    run_close(&run);
}

/* --- what is held ---------------------------------------------------------------------------- */

/* The far side is down: the new instance has it, each Ack is settled once, by that one. */
static void test_held_data_is_handed_over(void **state)
{
    (void)state;
    Run run;
    Err err;
    Heard heard = { 0 };
    assert_true(run_open(&run, yaml_of("", "", "number: 1, door: 1"), false, &err));
    rig.shut = true;
    for (size_t i = 0; i < 6; i++)
        assert_true(push('a', i % SHARDS, 2, &heard));
    turn(&run);
    for (int i = 0; i < 3; i++)
        assert_int_equal(reload(&run, yaml_of("", "", i % 2 ? "number: 1, door: 1" : "door: 1"),
                                &err),
                         RELOAD_DONE);
    turn(&run);
    assert_int_equal(heard.times, 0);
    rig.shut = false;
    DrainReport report = graph_drain(run.graph, clock_mono_ns(&run.clock.base) + NANOS_PER_SECOND);
    assert_true(report.complete);
    assert_int_equal(heard.times, 6);
    assert_int_equal(report.acks.delivered_items, 12);
    assert_int_equal(counter_get(&rig.consumed), 12);
    assert_int_equal(sent_by(&run, "sink/x"), 12);
    run_close(&run);
}

/* Nobody takes the place of what is gone: at the deadline it is given back, and told. */
static void test_gone_for_good_gives_back(void **state)
{
    (void)state;
    Run run;
    Err err;
    Heard heard = { 0 };
    assert_true(run_open(&run, yaml_of("", "", ""), false, &err));
    rig.shut = true;
    assert_true(push('a', 0, 2, &heard));
    turn(&run);
    assert_int_equal(reload(&run,
                            "receivers: {source/a: }\nexporters: {sink/y: }\n"
                            "service: {pipelines: {traces: {receivers: [source/a],"
                            " exporters: [sink/y]}}}\n",
                            &err),
                     RELOAD_DONE);
    turn(&run);
    assert_int_equal(heard.times, 1);
    assert_int_equal(heard.outcome.result, ACK_RETRY);
    run_close(&run);
}

/* It hears about all of its data, from an exporter that has not changed, before it stops. */
static void test_receiver_that_left_still_hears(void **state)
{
    (void)state;
    Run run;
    Err err;
    Heard heard = { 0 };
    assert_true(run_open(&run, yaml_of("", "", ""), false, &err));
    rig.shut = true;
    assert_true(push('a', 0, 2, &heard));
    turn(&run);
    assert_int_equal(reload(&run, yaml_of("number: 1", "", ""), &err), RELOAD_DONE);
    assert_string_equal(rig.order, "|source/a +source/a");
    graph_tend(run.graph);
    assert_string_equal(rig.order, "|source/a +source/a");
    assert_int_equal(reload(&run, yaml_of("number: 2", "", ""), &err), RELOAD_DONE);
    assert_string_equal(rig.order, "|source/a |source/a +source/a -source/a");
    rig.shut = false;
    DrainReport report = graph_drain(run.graph, clock_mono_ns(&run.clock.base) + NANOS_PER_SECOND);
    assert_true(report.complete);
    assert_int_equal(heard.times, 1);
    graph_tend(run.graph);
    run_close(&run);
}

/* --- no memory ------------------------------------------------------------------------------- */

/* The n-th allocation fails, for every n: the reload works or changes nothing, and nothing leaks.
 */
static void test_starved(void **state)
{
    (void)state;
    bool done = false;
    starve_after(-1);
    for (long n = 0; !done; n++) {
        Run run;
        Err err;
        Heard heard = { 0 };
        long before = starve_live();
        assert_true(run_open(&run, yaml_of("", "", "door: 1"), false, &err));
        rig.shut = true;
        assert_true(push('a', 0, 2, &heard));
        turn(&run);
        starve_after(n);
        ReloadResult result =
            reload(&run, yaml_of("number: 3", "number: 1", "door: 1, number: 1"), &err);
        done = !starve_happened();
        starve_end();
        assert_int_not_equal(result, RELOAD_STUCK);
        assert_true(!done || result == RELOAD_DONE);
        rig.shut = false;
        (void)graph_drain(run.graph, clock_mono_ns(&run.clock.base) + NANOS_PER_SECOND);
        assert_int_equal(heard.times, 1);
        run_close(&run);
        assert_int_equal(starve_live(), before);
    }
}

/* --- threads --------------------------------------------------------------------------------- */

enum { RELOADS = 60, PUSHES = 4000 };

typedef struct Pusher {
    Post post;
    Run *run;
    size_t shard;
    int left;
    uint64_t taken;
    atomic_bool done;
} Pusher;

/* On the source's own loop, whichever is there now; again and again. */
static void push_on(void *owner)
{
    Pusher *pusher = owner;
    pusher->taken += push('b', pusher->shard, 1, NULL);
    if (--pusher->left > 0)
        loop_post(graph_loop(pusher->run->graph, (unsigned)pusher->shard), &pusher->post);
    else
        atomic_store(&pusher->done, true);
}

/* Two loops send all the time through what changes under them. */
static void test_threads(void **state)
{
    (void)state;
    Run run;
    Err err = { 0 };
    assert_true(run_open(&run, yaml_of("", "", "door: 1"), true, &err));
    Pusher pushers[SHARDS];
    for (size_t i = 0; i < SHARDS; i++) {
        pushers[i] = (Pusher){ .run = &run, .shard = i, .left = PUSHES };
        pushers[i].post = (Post){ .run = push_on, .owner = &pushers[i] };
        loop_post(graph_loop(run.graph, (unsigned)i), &pushers[i].post);
    }
    for (int i = 0; i < RELOADS; i++) {
        char sink[64], pass[64], source[64];
        snprintf(sink, sizeof sink, "door: 1, number: %d", i % 3);
        snprintf(pass, sizeof pass, "number: %d", i / 3 % 2);
        snprintf(source, sizeof source, "number: %d", i / 2 % 2);
        run.config_count %= CONFIGS_MAX - 1;
        while (run.arenas[run.config_count]) /* one that is still used */
            run.config_count++;
        assert_int_equal(reload(&run, yaml_of(source, pass, sink), &err), RELOAD_DONE);
    }
    for (size_t i = 0; i < SHARDS; i++)
        while (!atomic_load(&pushers[i].done))
            clock_sleep_ns(NANOS_PER_MILLI);
    int64_t deadline = clock_mono_ns(clock_system()) + 60 * NANOS_PER_SECOND;
    DrainReport report = graph_drain(run.graph, deadline);
    assert_true(report.complete);
    uint64_t taken = pushers[0].taken + pushers[1].taken;
    assert_true(taken > 0);
    assert_int_equal(report.acks.delivered_items, taken);
    assert_int_equal(counter_get(&rig.consumed), 2 * taken); /* two pipelines */
    run_close(&run);
}

int main(void)
{
    mutex_init(&rig.mutex);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_again_touches_nothing),
        cmocka_unit_test(test_only_what_changed),
        cmocka_unit_test(test_wires_alone),
        cmocka_unit_test(test_who_uses_a_changed_extension_changes),
        cmocka_unit_test(test_refused_early),
        cmocka_unit_test(test_refused_late),
        cmocka_unit_test(test_held_data_is_handed_over),
        cmocka_unit_test(test_gone_for_good_gives_back),
        cmocka_unit_test(test_receiver_that_left_still_hears),
        cmocka_unit_test(test_starved),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
