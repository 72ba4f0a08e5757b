/* command_gen.c - cryostorm gen: load on any OTLP server, and how it took it.
 *
 * One thread and one loop. Each connection has at most one request under way, so the number of
 * connections is the number of requests in flight. With a rate, requests are due at even
 * distances; a server that cannot keep up makes them late, which the achieved rate shows.
 */
#include "cmd/command.h"
#include "cmd/load_item.h"
#include "cmd/otlp_target.h"

#include "base/clock.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 1000,
    ITEMS_MAX = 100000, /* per request */
    GEN_REQUEST_MAX = 64 << 20,
    GEN_MEMORY_MAX = 4 << 20,
    LATENCY_STEPS = 16, /* per power of two: an error of at most 6 % */
    LATENCY_BUCKETS = 40 * LATENCY_STEPS,
    GEN_STEP_MS = 20,
};

typedef struct GenOptions {
    OtlpTarget target; /* first */
    const char *service;
    uint64_t rate, items, connections, seed, total;
    int64_t duration_ns;
    bool json, quiet;
} GenOptions;

/* clang-format off */
#define ROW(name, value, type, member, preset, help) \
    { name, value, type, offsetof(GenOptions, member), preset, help, NULL }
static const OptionRow rows[] = {
    ROW("rate", "N", OPTION_COUNT, rate, "1000", "items per second; 0: as fast as they are taken"),
    ROW("items", "N", OPTION_COUNT, items, "100", "per request"),
    ROW("connections", "N", OPTION_COUNT, connections, "1", "each with one request under way"),
    ROW("duration", "DURATION", OPTION_DURATION, duration_ns, "10s", "how long"),
    ROW("total", "N", OPTION_COUNT, total, "0", "stop after so many items; 0: by duration only"),
    ROW("seed", "N", OPTION_COUNT, seed, "1", "the same seed makes the same items"),
    ROW("service", "NAME", OPTION_TEXT, service, "cryostorm-gen", "service.name of the resource"),
    ROW("json", NULL, OPTION_FLAG, json, NULL, "the result as JSON"),
    ROW("quiet", NULL, OPTION_FLAG, quiet, NULL, "no progress line"),
    OTLP_TARGET_ROWS,
    { 0 },
};
/* clang-format on */

static const CommandForm form = {
    "gen",
    "traces|metrics|logs [--option VALUE]...",
    "Sends generated telemetry by OTLP and says how much was taken, how fast, and how long answers "
    "took.",
    rows,
    "  cryostorm gen traces --rate 50000 --items 500 --connections 4 --duration 30s\n"
    "  cryostorm gen logs --rate 0 --endpoint http://collector:4318 --compression gzip\n"
    "  cryostorm gen metrics --total 1000 --json\n",
};

typedef struct Tally {
    uint64_t requests, delivered, rejected, refused, failed; /* all but requests: items */
    uint64_t latency[LATENCY_BUCKETS]; /* of answered requests, by microseconds */
    uint64_t answered;
    int64_t latency_max_ns;
    Err last; /* why something was refused or failed */
} Tally;

typedef struct Gen Gen;
typedef struct Line { /* one connection */
    OtlpLink *link;
    LinkAnswer answer;
    uint64_t items; /* in the request that is under way */
    int64_t begun_ns;
    bool busy;
} Line;

struct Gen {
    const GenOptions *options;
    Signal signal;
    Loop *loop;
    TlsContext *tls; /* NULL: plain text */
    Arena *arena;
    Line *lines;
    LoadItems load;
    Tally tally;
    int64_t start_ns, end_ns, due_ns, shown_ns; /* monotonic */
    uint64_t shown_items;
};

/* ---- latencies: buckets that grow with the value ------------------------------------------------
 */

static size_t bucket_of(uint64_t micros)
{
    if (micros < LATENCY_STEPS)
        return micros;
    unsigned power = 63 - (unsigned)__builtin_clzll(micros);
    size_t step = (micros >> (power - 4)) & (LATENCY_STEPS - 1);
    size_t bucket = (power - 3) * LATENCY_STEPS + step;
    return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

static double bucket_millis(size_t bucket)
{
    if (bucket < LATENCY_STEPS)
        return (double)bucket / 1000;
    uint64_t step = LATENCY_STEPS + bucket % LATENCY_STEPS;
    return (double)(step << (bucket / LATENCY_STEPS - 1)) / 1000;
}

static double quantile(const Tally *tally, double part)
{
    uint64_t rank = (uint64_t)(part * (double)tally->answered), seen = 0;
    for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
        seen += tally->latency[i];
        if (seen > rank)
            return bucket_millis(i);
    }
    return (double)tally->latency_max_ns / 1e6;
}

/* ---- requests ----------------------------------------------------------------------------------
 */

static uint64_t settled(const Tally *tally)
{
    return tally->delivered + tally->rejected + tally->refused + tally->failed;
}

static void count_answer(Gen *gen, Line *line)
{
    Tally *tally = &gen->tally;
    uint64_t items = line->items, rejected = line->answer.rejected;
    int64_t took = loop_now(gen->loop) - line->begun_ns;
    tally->answered++;
    tally->latency[bucket_of((uint64_t)(took / NANOS_PER_MICRO))]++;
    tally->latency_max_ns = took > tally->latency_max_ns ? took : tally->latency_max_ns;
    rejected = rejected < items ? rejected : items;
    switch (line->answer.verdict) {
    case LINK_DELIVERED:
        tally->delivered += items - rejected;
        tally->rejected += rejected;
        break;
    case LINK_AGAIN: tally->refused += items; break;
    case LINK_REFUSED: tally->failed += items; break;
    }
    if (line->answer.verdict != LINK_DELIVERED || rejected)
        tally->last = line->answer.err;
    buf_free(&line->answer.request);
    line->busy = false;
}

/* The last request is smaller when a total says so. */
static uint64_t next_items(const Gen *gen)
{
    uint64_t items = gen->options->items, total = gen->options->total;
    uint64_t left = total - gen->load.made;
    return total && left < items ? left : items;
}

static bool begin(Gen *gen, Line *line, Err *err)
{
    Buf request = BUF(GEN_REQUEST_MAX);
    int64_t wall = clock_wall_ns(clock_system());
    MadeRequest made = made_request_open(&request, str_from(gen->options->service));
    line->items = next_items(gen);
    for (uint64_t i = 0; i < line->items; i++)
        load_item_add(&gen->load, &request, wall);
    made_request_close(&made);
    line->answer = (LinkAnswer){ 0 };
    line->begun_ns = loop_now(gen->loop);
    bool good =
        buf_ok(&request, err) && otlp_target_begin(&gen->options->target, line->link, gen->signal,
                                                   &request, &line->answer, err);
    if (!good)
        buf_free(&request);
    line->busy = good;
    gen->tally.requests += good;
    return good;
}

static bool all_begun(const Gen *gen)
{
    uint64_t total = gen->options->total;
    return loop_now(gen->loop) >= gen->end_ns || (total && gen->load.made >= total);
}

/* Begins what is due on lines that are free. */
static bool begin_due(Gen *gen, Err *err)
{
    const GenOptions *options = gen->options;
    for (uint64_t i = 0; i < options->connections; i++) {
        Line *line = &gen->lines[i];
        if (line->busy && line->answer.done)
            count_answer(gen, line);
        if (line->busy || all_begun(gen) || (options->rate && loop_now(gen->loop) < gen->due_ns))
            continue;
        if (!begin(gen, line, err))
            return false;
        if (options->rate)
            gen->due_ns += (int64_t)((double)options->items * 1e9 / (double)options->rate);
    }
    return true;
}

static bool any_busy(const Gen *gen)
{
    for (uint64_t i = 0; i < gen->options->connections; i++)
        if (gen->lines[i].busy)
            return true;
    return false;
}

static void show_progress(Gen *gen)
{
    int64_t now = loop_now(gen->loop);
    if (gen->options->quiet || !isatty(2) || now - gen->shown_ns < NANOS_PER_SECOND)
        return;
    uint64_t done = settled(&gen->tally);
    double seconds = (double)(now - gen->shown_ns) / 1e9;
    fprintf(stderr, "\r%4.0f s  %10.0f items/s  %12" PRIu64 " taken  %10" PRIu64 " not  ",
            (double)(now - gen->start_ns) / 1e9, (double)(done - gen->shown_items) / seconds,
            gen->tally.delivered, done - gen->tally.delivered);
    gen->shown_ns = now;
    gen->shown_items = done;
}

static int64_t wait_ns(const Gen *gen)
{
    int64_t most = GEN_STEP_MS * NANOS_PER_MILLI;
    if (!gen->options->rate || any_busy(gen))
        return most;
    int64_t left = gen->due_ns - loop_now(gen->loop);
    return left < 0 ? 0 : left < most ? left : most;
}

static bool run(Gen *gen, Err *err)
{
    gen->start_ns = gen->due_ns = gen->shown_ns = loop_now(gen->loop);
    gen->end_ns = gen->start_ns + gen->options->duration_ns;
    while (!all_begun(gen) || any_busy(gen)) {
        if (!begin_due(gen, err))
            return false;
        (void)loop_step(gen->loop, wait_ns(gen));
        show_progress(gen);
    }
    if (gen->shown_items)
        fprintf(stderr, "\n");
    return true;
}

/* ---- the result --------------------------------------------------------------------------------
 */

static void print_result(const Gen *gen)
{
    const Tally *tally = &gen->tally;
    double seconds = (double)(loop_now(gen->loop) - gen->start_ns) / 1e9;
    double rate = (double)tally->delivered / seconds;
    static const double parts[] = { 0.5, 0.95, 0.99 };
    double millis[COUNT_OF(parts)];
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        millis[i] = quantile(tally, parts[i]);
    double slowest = (double)tally->latency_max_ns / 1e6;
    if (gen->options->json) {
        printf("{\"seconds\":%.3f,\"requests\":%" PRIu64 ",\"delivered\":%" PRIu64
               ",\"rejected\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"failed\":%" PRIu64
               ",\"items_per_second\":%.1f,\"latency_ms\":{\"p50\":%.3f,\"p95\":%.3f,\"p99\":%.3f,"
               "\"max\":%.3f}}\n",
               seconds, tally->requests, tally->delivered, tally->rejected, tally->refused,
               tally->failed, rate, millis[0], millis[1], millis[2], slowest);
        return;
    }
    printf("%" PRIu64 " %.*s taken in %.1f s: %.0f/s, %" PRIu64 " requests\n", tally->delivered,
           STR_ARG(signal_item_name(gen->signal)), seconds, rate, tally->requests);
    printf("%" PRIu64 " rejected, %" PRIu64 " refused for now, %" PRIu64 " failed\n",
           tally->rejected, tally->refused, tally->failed);
    printf("answers took p50 %.1f, p95 %.1f, p99 %.1f, at most %.1f ms\n", millis[0], millis[1],
           millis[2], slowest);
    if (tally->last.text[0])
        printf("last: %s\n", tally->last.text);
}

/* ---- setting up --------------------------------------------------------------------------------
 */

static bool open_lines(Gen *gen, Err *err)
{
    uint64_t count = gen->options->connections;
    gen->loop = loop_new(NULL, NULL, err);
    gen->arena = gen->loop ? arena_new(GEN_MEMORY_MAX, err) : NULL;
    gen->lines = gen->arena ? ARENA_MAKE(gen->arena, Line, count, err) : NULL;
    const OtlpTarget *target = &gen->options->target;
    if (!gen->lines || !command_tls_open(&target->tls, target->endpoint, gen->loop, &gen->tls, err))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        gen->lines[i].link =
            otlp_target_link(target, gen->signal, gen->loop, gen->tls, gen->arena, err);
        if (!gen->lines[i].link)
            return false;
    }
    return true;
}

static void close_lines(Gen *gen)
{
    for (uint64_t i = 0; gen->lines && i < gen->options->connections; i++) {
        if (gen->lines[i].link)
            gen->lines[i].link->free(gen->lines[i].link);
        buf_free(&gen->lines[i].answer.request);
    }
    tls_context_free(gen->tls);
    arena_free(gen->arena);
    loop_free(gen->loop);
}

static bool check_options(const GenOptions *options, const OptionWords *words, Signal *signal,
                          Err *err)
{
    if (words->count != 1 || !signal_parse(str_from(words->items[0]), signal))
        return fail(err, ERR_INPUT, "say what: traces, metrics or logs");
    if (options->items < 1 || options->items > ITEMS_MAX)
        return fail(err, ERR_INPUT, "--items: 1 to %d", ITEMS_MAX);
    if (options->connections < 1 || options->connections > CONNECTIONS_MAX)
        return fail(err, ERR_INPUT, "--connections: 1 to %d", CONNECTIONS_MAX);
    return true;
}

int command_gen(int argc, char **argv)
{
    GenOptions options = { 0 };
    OptionWords words = { 0 };
    int code;
    Err err = { 0 };
    if (!command_read(&form, argc, argv, &options, &words, &code))
        return code;
    Gen gen = { .options = &options };
    if (!check_options(&options, &words, &gen.signal, &err))
        return command_misused("gen", &err);
    otlp_target_complete(&options.target);
    load_items_init(&gen.load, gen.signal, options.seed, clock_wall_ns(clock_system()));
    if (!open_lines(&gen, &err) || !run(&gen, &err)) {
        code = command_failed("gen", &err);
    } else {
        print_result(&gen);
        code = gen.tally.delivered ? 0 : 1;
    }
    close_lines(&gen);
    return code;
}
