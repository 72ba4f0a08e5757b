/* scenario.c - see scenario.h.
 *
 *     start -> trouble: load, and whatever faults the seed has chosen -> healing: everything runs,
 *     all questions are answered, fresh requests get through, the application shuts down
 *     -> drain and stop, no power any more -> judgement
 *
 * Not every kind of fault in every seed: a seed with all of them would spend its time being down.
 */
#include "sim/scenario.h"

#include "cmd/registry.h"
#include "sim/fiber.h"
#include "sim/judge.h"
#include "sim/settings.h"
#include "support/starve.h"

#include <cryostorm/telemetry.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

typedef enum Fault {
    FAULT_KILL_EDGE,
    FAULT_CUT_EDGE,
    FAULT_KILL_GATEWAY,
    FAULT_CUT_GATEWAY,
    FAULT_PAUSE,
    FAULT_DISK_ERROR,
    FAULT_DISK_FULL,
    FAULT_DISK_SLOW,
    FAULT_RESETS,
    FAULT_SILENCE,
    FAULT_DELAY,
    FAULT_CLOCK,
    FAULT_MEMORY,
    FAULT_RELOAD,
    FAULT_COUNT
} Fault;

enum {
    TURNS_MIN = 100,
    TURNS_SPREAD = 300,
    HEALING_TURNS = 12000, /* of 10 ms */
    FRESH_TRIES = 40,
    FURTHER_TIMES = 3,
    REGISTRY_MAX = 128,
};

typedef struct Run {
    World world;
    Choices choices;
    Plant plant;
    FILE *tell;
    Story *story;
    unsigned faults;  /* bits by Fault */
    unsigned temper;  /* one of so many turns brings trouble */
    int pause[2];     /* turns that a machine stands still */
    bool disk_failed; /* while there is trouble: under `sync: 1s` that may cost data silently */
    bool slow_disk;
} Run;

static void say(Run *run, const char *format, ...) PRINTF(2, 3);
static void say(Run *run, const char *format, ...)
{
    if (!run->tell)
        return;
    va_list args;
    va_start(args, format);
    fprintf(run->tell, "%9.3f  ", run->world.net ? (double)run->world.net->clock.mono / 1e9 : 0.0);
    vfprintf(run->tell, format, args);
    fputc('\n', run->tell);
    va_end(args);
}

/* The first problem counts. */
static void problem(Run *run, const char *format, ...) PRINTF(2, 3);
static void problem(Run *run, const char *format, ...)
{
    if (run->story->failed)
        return;
    va_list args;
    va_start(args, format);
    run->story->failed = true;
    vsnprintf(run->story->why, sizeof run->story->why, format, args);
    va_end(args);
    say(run, "PROBLEM: %s", run->story->why);
}

static uint64_t below(Run *run, uint64_t bound)
{
    return random_below(&run->world.random, bound);
}

static bool has(const Run *run, Fault fault)
{
    return run->faults & 1u << fault;
}

/* ---- the disk ----------------------------------------------------------------------------------
 */

/* What a sync really does: takes its time; or lies, when that is planted. */
static bool on_sync(void *context)
{
    Run *run = context;
    if (run->slow_disk)
        test_clock_advance(&run->world.net->clock, (int64_t)below(run, 80) * NANOS_PER_MILLI);
    return run->plant != PLANT_LYING_DISK || below(run, 4) != 0;
}

static void mend_disk(Run *run)
{
    test_disk_fail(run->world.gateway.disk, (DiskFault){ .after = -1 });
    test_disk_capacity(run->world.gateway.disk, UINT64_MAX);
    run->slow_disk = false;
}

static void fill_disk(Run *run)
{
    Err err = { 0 };
    DiskUsage usage;
    Disk *door = test_disk_door(run->world.gateway.disk);
    if (!door->usage(door, ".", &usage, &err))
        return;
    uint64_t used = usage.total - usage.free;
    test_disk_capacity(run->world.gateway.disk, used + below(run, 20000));
}

static void break_disk(Run *run)
{
    static const int codes[] = { EIO, ENOSPC, EDQUOT, EROFS, EMFILE };
    static const unsigned calls[] = { CALL_ANY, CALL_SYNC, CALL_WRITE, CALL_OPEN | CALL_RENAME };
    DiskFault fault = { .calls = calls[below(run, COUNT_OF(calls))],
                        .after = (long)below(run, 30),
                        .code = codes[below(run, COUNT_OF(codes))],
                        .for_good = below(run, 3) == 0 };
    test_disk_fail(run->world.gateway.disk, fault);
}

/* ---- life and death ----------------------------------------------------------------------------
 */

static void write_settings(const Run *run, const Machine *machine, Buf *yaml)
{
    if (machine == &run->world.edge)
        settings_of_edge(&run->choices, yaml);
    else
        settings_of_gateway(&run->choices, run->plant, yaml);
}

static void start(Run *run, Machine *machine)
{
    Err err = { 0 };
    Buf yaml = BUF(1 << 14);
    write_settings(run, machine, &yaml);
    bool ok = machine_start(machine, buf_str(&yaml), &err);
    say(run, "%s starts: %s", machine->name, ok ? "yes" : err.text);
    if (!ok && err.kind == ERR_INPUT)
        problem(run, "%s: %s\n%.*s", machine->name, err.text, STR_ARG(buf_str(&yaml)));
    buf_free(&yaml);
}

/* What the deaths of now may cost although it was acknowledged. */
static void excuse(Run *run, const Machine *machine, Death how)
{
    World *world = &run->world;
    bool edge = machine == &world->edge;
    int64_t safe = world->net->clock.mono - 2 * NANOS_PER_SECOND;
    bool lossy = run->choices.sync_second && !edge && (how != DEATH_KILL || run->disk_failed);
    for (size_t i = 0; i < world->request_count; i++) {
        Sent *sent = &world->requests[i];
        if (lossy && (!sent->answered || sent->told_mono_ns > safe || run->disk_failed))
            sent->excused = true; /* not answered: the answer may be on its way */
    }
}

/* `accepted` promises what memory can promise: a sender that gives up, or a process that ends, may
 * lose it, and it may simply not have arrived yet. */
static void excuse_accepted(Run *run)
{
    if (run->choices.sync_second && run->disk_failed)
        excuse(run, &run->world.gateway, DEATH_CUT);
    World *world = &run->world;
    for (size_t i = 0; i < world->request_count && !run->choices.delivered; i++)
        world->requests[i].excused = world->requests[i].excused || !world->requests[i].to_gateway;
}

static void look_at_disk(Run *run)
{
    Err err = { 0 };
    Findings findings;
    excuse_accepted(run);
    if (!run->world.gateway.graph && !judge(&run->world, &findings, &err))
        problem(run, "after a power cut: %s", err.text);
}

static void die(Run *run, Machine *machine, Death how)
{
    Err err = { 0 };
    static const char *const words[] = { "is killed", "loses power", "loses power, torn" };
    if (!machine->graph)
        return;
    say(run, "%s %s", machine->name, words[how]);
    excuse(run, machine, how);
    run->story->kills += how == DEATH_KILL;
    run->story->cuts += how != DEATH_KILL;
    bool disk_was_ill = test_disk_failed(machine->disk);
    if (!machine_die(machine, how, &err))
        problem(run, "when it died: %s", err.text);
    run->disk_failed = run->disk_failed || disk_was_ill;
    if (machine == &run->world.gateway) {
        mend_disk(run);
        if (how != DEATH_KILL && below(run, 2))
            look_at_disk(run);
    }
}

static void stop(Run *run, Machine *machine, int64_t drain_ms, bool must_drain)
{
    Err err = { 0 };
    bool drained;
    if (!machine->graph)
        return;
    if (!machine_stop(machine, drain_ms * NANOS_PER_MILLI, &drained, &err))
        problem(run, "when it stopped: %s", err.text);
    if (must_drain && !drained)
        problem(run, "%s did not drain in %lld ms", machine->name, (long long)drain_ms);
    say(run, "%s has stopped%s", machine->name, drained ? ", drained" : "");
}

static void restart(Run *run, Machine *machine)
{
    stop(run, machine, 500, false);
    choose_sizes(&run->choices, &run->world.random);
    start(run, machine);
}

/* What is the same stays, what is not changes while data flows. */
static void reload(Run *run, Machine *machine)
{
    Err err = { 0 };
    Buf yaml = BUF(1 << 14);
    if (!machine->graph)
        return;
    run->story->reloads++;
    if (below(run, 4) == 0) {
        restart(run, machine);
        return;
    }
    choose_sizes(&run->choices, &run->world.random);
    run->choices.segment_kib = below(run, 2) ? 64 : 256;
    write_settings(run, machine, &yaml);
    ReloadResult result = machine_reload(machine, buf_str(&yaml), 500 * NANOS_PER_MILLI, &err);
    buf_free(&yaml);
    say(run, "%s reloads: %s", machine->name, result == RELOAD_DONE ? "yes" : err.text);
    if (machine->lost_by_reload)
        problem(run, "%s: a reload has given up %llu items", machine->name,
                (unsigned long long)machine->lost_by_reload);
    if (result == RELOAD_STUCK) /* as the program does, and whoever starts it again */
        restart(run, machine);
}

/* ---- trouble -----------------------------------------------------------------------------------
 */

static void trouble_on_disk(Run *run, Fault fault)
{
    run->disk_failed = run->world.gateway.disk_failed = true;
    run->story->disk_faults++;
    say(run, "the disk: %s",
        fault == FAULT_DISK_ERROR  ? "errors"
        : fault == FAULT_DISK_FULL ? "full"
                                   : "slow");
    if (fault == FAULT_DISK_ERROR)
        break_disk(run);
    else if (fault == FAULT_DISK_FULL)
        fill_disk(run);
    else
        run->slow_disk = true;
}

static void trouble_on_net(Run *run, Fault fault)
{
    SimNet *net = run->world.net;
    if (fault == FAULT_RESETS)
        net->reset_in = net->reset_in ? 0 : 50 + below(run, 500);
    else if (fault == FAULT_SILENCE)
        net->silence_in = net->silence_in ? 0 : 100 + below(run, 1000);
    else
        net->delay_max_ns = (int64_t)below(run, 50) * NANOS_PER_MILLI;
    if (below(run, 3) == 0)
        sim_net_mend(net);
    say(run, "the network: resets %" PRIu64 ", silence %" PRIu64 ", delay %lld ms", net->reset_in,
        net->silence_in, (long long)(net->delay_max_ns / NANOS_PER_MILLI));
}

static void jump(Run *run)
{
    static const int64_t seconds[] = { 1, -1, 3600, -3600, 86400, -86400, 413 * 86400 };
    int64_t by = seconds[below(run, COUNT_OF(seconds))];
    run->world.net->clock.wall += by * NANOS_PER_SECOND;
    say(run, "the wall clock jumps by %lld s", (long long)by);
}

/* One of the next allocations of the collectors fails, or all from there on, for a while. */
static void trouble_with_memory(Run *run)
{
    bool for_good = below(run, 4) == 0;
    (for_good ? starve_from : starve_after)((long)below(run, 1000));
    say(run, "memory runs out%s", for_good ? " for a while" : "");
}

static void trouble(Run *run, Fault fault)
{
    World *world = &run->world;
    Death cut = below(run, 2) ? DEATH_CUT : DEATH_TEAR;
    switch (fault) {
    case FAULT_KILL_EDGE: die(run, &world->edge, DEATH_KILL); break;
    case FAULT_CUT_EDGE: die(run, &world->edge, cut); break;
    case FAULT_KILL_GATEWAY: die(run, &world->gateway, DEATH_KILL); break;
    case FAULT_CUT_GATEWAY: die(run, &world->gateway, cut); break;
    case FAULT_PAUSE: run->pause[below(run, 2)] = 1 + (int)below(run, 60); break;
    case FAULT_DISK_ERROR:
    case FAULT_DISK_FULL:
    case FAULT_DISK_SLOW: trouble_on_disk(run, fault); break;
    case FAULT_RESETS:
    case FAULT_SILENCE:
    case FAULT_DELAY: trouble_on_net(run, fault); break;
    case FAULT_CLOCK: jump(run); break;
    case FAULT_MEMORY: trouble_with_memory(run); break;
    case FAULT_RELOAD: reload(run, below(run, 2) ? &world->edge : &world->gateway); break;
    case FAULT_COUNT: break;
    }
}

/* What is broken does not stay so for ever. */
static void recover(Run *run)
{
    World *world = &run->world;
    if (!world->edge.graph && below(run, 15) == 0)
        start(run, &world->edge);
    if (!world->gateway.graph && below(run, 15) == 0)
        start(run, &world->gateway);
    if (below(run, 40) == 0)
        mend_disk(run);
    if (below(run, 40) == 0)
        starve_end();
}

static void load(Run *run)
{
    static const Signal signals[] = { TRACES, METRICS, LOGS };
    uint64_t burst = below(run, run->choices.rate + 1);
    for (uint64_t i = 0; i < burst; i++)
        world_send(&run->world, signals[below(run, 3)], below(run, 4) == 0, below(run, 2));
}

static void turn(Run *run)
{
    World *world = &run->world;
    Machine *machines[] = { &world->edge, &world->gateway };
    Graph *standing[2] = { 0 };
    for (int i = 0; i < 2; i++) /* a process that is stopped (SIGSTOP) keeps all it has */
        if (run->pause[i] > 0 && run->pause[i]-- > 0) {
            standing[i] = machines[i]->graph;
            machines[i]->graph = NULL;
        }
    world_turn(world);
    for (int i = 0; i < 2; i++)
        if (standing[i])
            machines[i]->graph = standing[i];
}

static void live(Run *run)
{
    uint64_t turns = TURNS_MIN + below(run, TURNS_SPREAD);
    for (uint64_t i = 0; i < turns && !run->story->failed; i++) {
        load(run);
        Fault fault = (Fault)below(run, FAULT_COUNT);
        if (below(run, run->temper) == 0 && has(run, fault))
            trouble(run, fault);
        recover(run);
        turn(run);
    }
}

/* ---- healing -----------------------------------------------------------------------------------
 */

static void heal(Run *run)
{
    World *world = &run->world;
    say(run, "healing");
    starve_end();
    if (run->choices.sync_second && run->disk_failed)
        excuse(run, &run->world.gateway, DEATH_CUT);
    run->disk_failed = false;
    mend_disk(run);
    run->pause[0] = run->pause[1] = 0;
    world->net->reset_in = world->net->silence_in = 0;
    world->net->delay_max_ns = 0;
    sim_net_mend(world->net);
    world->hurried = true;
    world->app.rate = 0; /* what has gathered is sent; a queue that never empties is no fault */
    if (!world->gateway.graph)
        start(run, &world->gateway);
    if (!world->edge.graph)
        start(run, &world->edge);
    if (!world->gateway.graph || !world->edge.graph)
        problem(run, "a collector does not start after all faults are over");
}

static void settle(Run *run)
{
    for (int i = 0; i < HEALING_TURNS && !world_all_answered(&run->world); i++)
        world_turn(&run->world);
    if (!world_all_answered(&run->world))
        problem(run, "a client never got an answer");
}

static bool gets_through(Run *run, Signal signal, bool by_grpc)
{
    for (int i = 0; i < FRESH_TRIES; i++) {
        size_t number = run->world.request_count;
        world_send(&run->world, signal, false, by_grpc);
        settle(run);
        if (run->story->failed || number == run->world.request_count)
            return true; /* said already, or there is no room for more */
        if (run->world.requests[number].told == TOLD_OK)
            return true;
        for (int k = 0; k < 20; k++)
            world_turn(&run->world);
    }
    return false;
}

static void send_fresh(Run *run)
{
    static const Signal signals[] = { TRACES, METRICS, LOGS };
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        if (!gets_through(run, signals[i], below(run, 2)))
            problem(run, "fresh %.*s do not get through after all faults are over",
                    STR_ARG(signal_name(signals[i])));
}

static void end_app(Run *run)
{
    App *app = &run->world.app;
    CryoCounts counts;
    app->finish = true;
    for (int i = 0; i < HEALING_TURNS && !app->ended; i++)
        world_turn(&run->world);
    if (!app->ended) { /* it cannot be taken down */
        fprintf(stderr, "sim: the application never came to its end\n");
        abort();
    }
    fiber_end();
    cryo_counts(&counts);
    run->story->app_exported = counts.exported + counts.logs_exported;
    uint64_t gone = counts.exported + counts.failed + counts.dropped_queue;
    uint64_t logs_gone = counts.logs_exported + counts.logs_failed + counts.logs_dropped_queue;
    say(run, "the application: %" PRIu64 " spans, %" PRIu64 " exported, %" PRIu64 " failed",
        counts.started, counts.exported, counts.failed);
    if (counts.started != gone || counts.logs_recorded != logs_gone || counts.misuses)
        problem(run,
                "the library's counts: %" PRIu64 " spans of %" PRIu64 ", %" PRIu64
                " logs of %" PRIu64,
                gone, counts.started, logs_gone, counts.logs_recorded);
}

/* ---- judgement ---------------------------------------------------------------------------------
 */

static void compare_counts(Run *run, const Findings *findings, const CryoCounts *counts)
{
    World *world = &run->world;
    static const Signal signals[] = { TRACES, METRICS, LOGS };
    bool strict = run->choices.delivered && !run->choices.sync_second;
    if (strict &&
        (findings->app_spans < counts->exported || findings->app_logs < counts->logs_exported))
        problem(run,
                "the library says %" PRIu64 " spans and %" PRIu64
                " logs are delivered; the store has %" PRIu64 " and %" PRIu64,
                counts->exported, counts->logs_exported, findings->app_spans, findings->app_logs);
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        uint64_t edge = machine_exported(&world->edge, signals[i]);
        uint64_t gateway = machine_exported(&world->gateway, signals[i]);
        if (edge > gateway)
            problem(run, "%.*s: the edge says it sent %" PRIu64 ", the gateway stored %" PRIu64,
                    STR_ARG(signal_name(signals[i])), edge, gateway);
    }
}

/* Nothing went wrong, so nothing may have been lost, refused or sent twice. */
static void expect_perfect(Run *run, const Findings *findings)
{
    World *world = &run->world;
    uint64_t expected = world->app.spans + world->app.logs;
    for (size_t i = 0; i < world->request_count; i++) {
        expected += world->requests[i].items;
        if (world->requests[i].told != TOLD_OK)
            problem(run, "request %zu was not told OK, although nothing went wrong", i);
    }
    if (findings->repeated || findings->items != expected)
        problem(run,
                "%" PRIu64 " items were sent, %" PRIu64 " stored, %" PRIu64
                " of them repeated, although nothing went wrong",
                expected, findings->items, findings->repeated);
}

static void judge_all(Run *run)
{
    Err err = { 0 };
    Findings findings;
    CryoCounts counts;
    World *world = &run->world;
    test_disk_crash(world->gateway.disk, CRASH_CUT);
    excuse_accepted(run);
    if (!judge(world, &findings, &err))
        problem(run, "in the end: %s", err.text);
    cryo_counts(&counts);
    compare_counts(run, &findings, &counts);
    if (run->choices.calm && !run->plant)
        expect_perfect(run, &findings);
    run->story->items = findings.items;
    run->story->repeated = findings.repeated;
    run->story->requests = world->request_count;
    for (size_t i = 0; i < world->request_count; i++)
        run->story->told_ok += world->requests[i].told == TOLD_OK;
}

static void mix(uint64_t *hash, uint64_t what)
{
    *hash = (*hash ^ what) * UINT64_C(1099511628211);
}

static void sum_up(Run *run)
{
    World *world = &run->world;
    uint64_t *hash = &run->story->hash;
    *hash = world->net->hash;
    mix(hash, world->net->events);
    mix(hash, test_disk_calls(world->gateway.disk));
    mix(hash, (uint64_t)world->net->clock.mono);
    mix(hash, run->story->items);
    mix(hash, run->story->app_exported);
    for (size_t i = 0; i < world->request_count; i++)
        mix(hash, (uint64_t)world->requests[i].told_mono_ns + world->requests[i].told);
    run->story->turns = world->turns;
}

/* ---- one run -----------------------------------------------------------------------------------
 */

static const ComponentType *const *with_planted(void)
{
    static const ComponentType *all[REGISTRY_MAX];
    size_t count = 0;
    for (; registry[count]; count++)
        if (count < REGISTRY_MAX - 2)
            all[count] = registry[count];
    all[count] = &planted_processor;
    return all;
}

static void choose_faults(Run *run)
{
    run->temper = 3 + (unsigned)below(run, 20);
    for (Fault fault = 0; fault < FAULT_COUNT; fault++)
        if (!run->choices.calm && below(run, 3) == 0)
            run->faults |= 1u << fault;
}

static void act(Run *run, uint64_t seed)
{
    World *world = &run->world;
    world_init(world, seed, with_planted());
    test_disk_on_sync(world->gateway.disk, on_sync, run);
    choose(&run->choices, &world->random);
    choose_faults(run);
    choose_app(&run->choices, &world->random, &world->app);
    say(run, "%s%s%s, the edge sends by %s", run->choices.calm ? "calm, " : "",
        run->choices.delivered ? "delivered" : "accepted",
        run->choices.sync_second ? ", sync 1s" : "", run->choices.by_grpc ? "gRPC" : "HTTP");
    start(run, &world->gateway);
    start(run, &world->edge);
    app_begin(world);
    live(run);
    heal(run);
    settle(run);
    if (!run->story->failed)
        send_fresh(run);
    end_app(run);
    stop(run, &world->edge, 20000, true);
    stop(run, &world->gateway, 20000, true);
    judge_all(run);
    sum_up(run);
    cryo_reset();
    size_t open = world_done(world);
    if (open)
        problem(run, "%zu sockets are left open", open);
}

static long run_once(Run *run, uint64_t seed, Plant plant, FILE *tell, Story *story)
{
    *story = (Story){ 0 };
    *run = (Run){ .plant = plant, .tell = tell, .story = story };
    long before = starve_live();
    act(run, seed);
    return starve_live() - before;
}

/* The library keeps what threads may come back to (states, pools of records), and a pool may have
 * to grow more than once. So what is left counts only when every further time leaves more. */
void scenario_run(uint64_t seed, Plant plant, FILE *tell, Story *story)
{
    static Run run;
    Story again;
    starve_after(-1);
    starve_hold(); /* but in machine_turn() */
    if (!run_once(&run, seed, plant, tell, story) || story->failed)
        return;
    long left = 1;
    for (int i = 0; i < FURTHER_TIMES && left; i++)
        left = run_once(&run, seed, plant, NULL, &again);
    run.story = story;
    if (left)
        problem(&run, "%ld blocks of memory are left", left);
}
