/* pass_through.c - what it costs a collector to take items by OTLP, batch them and send them on.
 *
 *     pass_through [--rounds N] [--only TEXT] OURS [PEER]
 *
 * Each round starts the program under test with a configuration `otlp -> batch -> otlp`, sends it
 * prepared requests of a thousand items from this process, which is also the far side, and waits
 * until the last item has arrived there. What counts is the processor time that the kernel says the
 * program used meanwhile, user and system, for each item. With a peer both are measured in turn,
 * round by round, so that whatever the machine does meets both.
 */
#include "base/attributes.h"
#include "codec/gzip.h"
#include "net/server.h"
#include "otlp/batch.h"
#include "otlp/rpc.h"
#include "support/program.h"
#include "support/replay.h"
#include "support/row.h"
#include "support/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    ITEMS = 1000,        /* a request */
    BODIES = 9,          /* different ones */
    WARM_UP = 225,       /* requests; like all counts here a multiple of nine, which is what */
    REQUESTS = 1350,     /* fills a batch of 8192, so that no rest waits for the time-out */
    REQUESTS_GZIP = 270, /* they take longer */
    ROUNDS_MAX = 25,
    IN_FLIGHT = 8, /* on all connections */
    PATH_SIZE = 256,
    SETTLE_MS = 300, /* before the resident memory of an idle program is read */
    QUIET_MAX_S = 60,
};

typedef struct Way {
    const char *name;
    Signal signal;
    bool grpc, gzip;
    size_t connections;
    unsigned processors; /* that the program may use, 0: all */
} Way;

typedef struct Figures {
    double cpu_us, per_second, idle, peak, start_ms;
    double wire; /* bytes an item that arrive at the far side */
} Figures;

typedef struct Bench {
    Loop *loop;
    Server *sink;
    uint64_t arrived; /* items */
    char directory[PATH_SIZE], config[PATH_SIZE + 16];
    const char *programs[2];
    size_t program_count, rounds;
} Bench;

static void die(const Err *err)
{
    fprintf(stderr, "pass_through: %s\n", err->text);
    exit(1);
}

/* ---- the far side ------------------------------------------------------------------------------
 */

static void take(void *owner, Request *request, Signal signal)
{
    Err err = { 0 };
    Bench *bench = owner;
    Buf bytes = request_take_body(request), nothing = BUF(0);
    Batch *batch = batch_from_bytes(signal, &bytes, &err);
    if (!batch)
        die(&err);
    bench->arrived += batch_item_count(batch);
    batch_unref(batch);
    if (request_is_grpc(request))
        request_answer_grpc(request, &nothing);
    else
        request_answer(request,
                       &(Answer){ .status = 200, .content_type = STR("application/x-protobuf") });
}

static void take_traces(void *owner, Request *request)
{
    take(owner, request, TRACES);
}
static void take_metrics(void *owner, Request *request)
{
    take(owner, request, METRICS);
}
static void take_logs(void *owner, Request *request)
{
    take(owner, request, LOGS);
}

static void open_sink(Bench *bench)
{
    static const struct {
        Signal signal;
        void (*handle)(void *owner, Request *request);
    } rows[] = { { TRACES, take_traces }, { METRICS, take_metrics }, { LOGS, take_logs } };
    Err err = { 0 };
    bench->loop = loop_new(NULL, NULL, &err);
    if (!bench->loop)
        die(&err);
    const ServerSettings settings = { .loop = bench->loop, .endpoint = STR("127.0.0.1:0") };
    bench->sink = server_new(&settings, &err);
    if (!bench->sink)
        die(&err);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const Route route = { otlp_http_path(rows[i].signal), STR("POST"), rows[i].handle, bench,
                              0 };
        const GrpcRoute grpc = { otlp_grpc_path(rows[i].signal), rows[i].handle, bench, 0 };
        if (!server_route(bench->sink, &route, &err) ||
            !server_grpc_route(bench->sink, &grpc, &err))
            die(&err);
    }
    if (!server_listen(bench->sink, &err))
        die(&err);
}

/* ---- the program under test --------------------------------------------------------------------
 */

static void write_config(const Bench *bench, const Way *way, int port)
{
    Address sink = server_address(bench->sink);
    const char *exporter = way->grpc ? "otlp" : "otlphttp";
    FILE *file = fopen(bench->config, "w");
    if (!file) {
        perror(bench->config);
        exit(1);
    }
    fprintf(file,
            "receivers: { otlp: { protocols: { %s: { endpoint: 127.0.0.1:%d } } } }\n"
            "processors: { batch: {} }\n"
            "exporters: { %s: { endpoint: 'http://127.0.0.1:%d', compression: %s%s } }\n"
            "service:\n"
            "  telemetry: { logs: { level: error }, metrics: { level: none } }\n"
            "  pipelines:\n",
            way->grpc ? "grpc" : "http", port, exporter, address_port(&sink),
            way->gzip ? "gzip" : "none", way->grpc ? ", tls: { insecure: true }" : "");
    fprintf(file, "    %.*s: { receivers: [otlp], processors: [batch], exporters: [%s] }\n",
            STR_ARG(signal_name(way->signal)), exporter);
    fclose(file);
}

/* ---- one run -----------------------------------------------------------------------------------
 */

static void make_bodies(const Way *way, Buf bodies[BODIES])
{
    Err err = { 0 };
    for (size_t i = 0; i < BODIES; i++) {
        Buf plain = BUF(1 << 20);
        sample_request(way->signal, ITEMS, i + 1, &plain);
        bodies[i] = BUF(1 << 20);
        if (!buf_ok(&plain, &err))
            die(&err);
        if (!way->gzip) {
            bodies[i] = plain;
            continue;
        }
        if (!gzip_compress(buf_str(&plain), GZIP_FORMAT, &bodies[i], &err))
            die(&err);
        buf_free(&plain);
    }
}

/* All of `requests`, until the last item has arrived. */
static void pass(Bench *bench, Replay *const *replays, size_t count, size_t requests)
{
    uint64_t until = bench->arrived + (uint64_t)requests * ITEMS;
    int64_t end = loop_now(bench->loop) + QUIET_MAX_S * NANOS_PER_SECOND;
    for (size_t i = 0; i < count; i++)
        replay_send(replays[i], requests / count + (i < requests % count));
    while (bench->arrived < until) {
        (void)loop_step(bench->loop, NANOS_PER_SECOND);
        if (loop_now(bench->loop) < end)
            continue;
        fprintf(stderr, "pass_through: items are missing; see %s/program.log\n", bench->directory);
        exit(1);
    }
}

static void send_all(Bench *bench, const Way *way, const Program *program, int port, Figures *out)
{
    Buf bodies[BODIES];
    Str texts[BODIES];
    Replay *replays[IN_FLIGHT];
    make_bodies(way, bodies);
    for (size_t i = 0; i < BODIES; i++)
        texts[i] = buf_str(&bodies[i]);
    size_t count = way->grpc ? way->connections : IN_FLIGHT; /* HTTP/1.1: one in flight on each */
    ReplaySettings settings = { .loop = bench->loop,
                                .signal = way->signal,
                                .grpc = way->grpc,
                                .gzip = way->gzip,
                                .bodies = texts,
                                .body_count = BODIES,
                                .in_flight = IN_FLIGHT / way->connections };
    if (!address_from_literal(&settings.to, STR("127.0.0.1"), (uint16_t)port))
        exit(1);
    for (size_t i = 0; i < count; i++)
        replays[i] = replay_new(&settings);
    size_t requests = way->gzip ? REQUESTS_GZIP : REQUESTS;
    pass(bench, replays, count, WARM_UP);
    int64_t cpu = program_cpu_ns(program), began = loop_now(bench->loop);
    pass(bench, replays, count, requests);
    int64_t took = loop_now(bench->loop) - began;
    out->cpu_us = (double)(program_cpu_ns(program) - cpu) / 1e3 / (double)(requests * ITEMS);
    out->per_second = (double)(requests * ITEMS) * 1e9 / (double)took;
    for (size_t i = 0; i < count; i++)
        replay_free(replays[i]);
    for (size_t i = 0; i < BODIES; i++)
        buf_free(&bodies[i]);
}

static Figures run(Bench *bench, const Way *way, const char *path)
{
    Figures figures = { 0 };
    uint64_t items = bench->arrived, bytes = server_counts(bench->sink).bytes_in;
    int port = free_port();
    write_config(bench, way, port);
    Program program = program_start(&(ProgramStart){ .path = path,
                                                     .config = bench->config,
                                                     .directory = bench->directory,
                                                     .port = port,
                                                     .processors = way->processors });
    clock_sleep_ns(SETTLE_MS * NANOS_PER_MILLI);
    figures.start_ms = program.start_ms;
    figures.idle = program_resident(&program);
    send_all(bench, way, &program, port, &figures);
    figures.peak = program_peak(&program);
    program_stop(&program);
    while (loop_step(bench->loop, 0)) /* its connections end */
        continue;
    bytes = server_counts(bench->sink).bytes_in - bytes; /* counted when a connection ends */
    figures.wire = (double)bytes / (double)(bench->arrived - items);
    return figures;
}

/* ---- the tables --------------------------------------------------------------------------------
 */

static const Way grid[] = {
    { "1 connection, 1 processor", TRACES, true, false, 1, 1 },
    { "1 connection, 2 processors", TRACES, true, false, 1, 2 },
    { "4 connections, 1 processor", TRACES, true, false, 4, 1 },
    { "4 connections, 2 processors", TRACES, true, false, 4, 2 },
};

static const Way beside[] = {
    { "spans, gRPC", TRACES, true, false, 2, 0 },
    { "spans, HTTP", TRACES, false, false, 8, 0 },
    { "spans, gRPC gzip", TRACES, true, true, 2, 0 },
    { "spans, HTTP gzip", TRACES, false, true, 8, 0 },
    { "logs, gRPC", LOGS, true, false, 2, 0 },
    { "logs, HTTP", LOGS, false, false, 8, 0 },
    { "logs, gRPC gzip", LOGS, true, true, 2, 0 },
    { "logs, HTTP gzip", LOGS, false, true, 8, 0 },
    { "points, gRPC", METRICS, true, false, 2, 0 },
    { "points, HTTP", METRICS, false, false, 8, 0 },
    { "points, gRPC gzip", METRICS, true, true, 2, 0 },
    { "points, HTTP gzip", METRICS, false, true, 8, 0 },
};

enum { WAYS_MAX = COUNT_OF(beside) };

typedef struct Series { /* of one way and one program */
    Figures rounds[ROUNDS_MAX];
} Series;

static Spread spread(const Bench *bench, const Series *series, size_t member)
{
    double values[ROUNDS_MAX];
    for (size_t i = 0; i < bench->rounds; i++)
        memcpy(&values[i], (const char *)&series->rounds[i] + member, sizeof *values);
    return spread_of(values, bench->rounds);
}

static void print_alone(const Bench *bench, const Way *way, const Series *series)
{
    char name[64];
    snprintf(name, sizeof name, "CPU a span: %s", way->name);
    Spread cpu = spread(bench, series, offsetof(Figures, cpu_us));
    row_print(&(Row){ name, "us", cpu, NULL });
    snprintf(name, sizeof name, "spans a second: %s", way->name);
    row_print(&(Row){ name, "/s", spread(bench, series, offsetof(Figures, per_second)), NULL });
}

/* Of each round by itself, because what disturbs one program disturbs the other one, too. */
static Spread ratio(const Bench *bench, const Series *pair)
{
    double values[ROUNDS_MAX];
    for (size_t i = 0; i < bench->rounds; i++)
        values[i] = pair[1].rounds[i].cpu_us / pair[0].rounds[i].cpu_us;
    return spread_of(values, bench->rounds);
}

/* One figure of both programs, without their spread. */
static void print_pair(const Bench *bench, const Series *pair, size_t member, double unit)
{
    printf("%8.0f %6.0f ", spread(bench, &pair[0], member).median / unit,
           spread(bench, &pair[1], member).median / unit);
}

static void print_beside(const Bench *bench, const Way *way, const Series *pair)
{
    const Spread cells[] = { spread(bench, &pair[0], offsetof(Figures, cpu_us)),
                             spread(bench, &pair[1], offsetof(Figures, cpu_us)),
                             ratio(bench, pair) };
    printf("%-17s", way->name);
    for (size_t i = 0; i < COUNT_OF(cells); i++) {
        char text[64];
        snprintf(text, sizeof text, "%.2f (%.2f..%.2f)", cells[i].median, cells[i].low,
                 cells[i].high);
        printf(" %20s", text);
    }
    printf(" %4d", way->gzip ? 3 : 5);
    print_pair(bench, pair, offsetof(Figures, wire), 1);
    print_pair(bench, pair, offsetof(Figures, per_second), 1e3);
    print_pair(bench, pair, offsetof(Figures, peak), 1);
    printf("\n");
}

static void print_tables(const Bench *bench, const Way *ways, Series (*series)[2], size_t count)
{
    bool two = bench->program_count == 2;
    if (two)
        printf(
            "Medians of %zu rounds (least..most): processor time an item in us, how many times "
            "less "
            "ours is,\nthe goal for that; then cryostorm and its peer: bytes an item on the wire "
            "to the far side, thousand\nitems a second while generator and far side share the "
            "machine, peak of resident memory in MiB.\n%-17s %20s %20s %20s %4s %15s %15s %15s\n",
            bench->rounds, "", "cryostorm", "the peer", "times less", "goal", "bytes out",
            "thousand/s", "peak MiB");
    for (size_t i = 0; i < count; i++)
        two ? print_beside(bench, &ways[i], series[i]) : print_alone(bench, &ways[i], series[i]);
    for (size_t p = 0; two && p < 2; p++) {
        printf("%s:\n", p ? "the peer" : "cryostorm");
        row_print(&(Row){ "idle, resident", "MiB",
                          spread(bench, &series[0][p], offsetof(Figures, idle)), NULL });
        row_print(&(Row){ "start, until the port takes connections", "ms",
                          spread(bench, &series[0][p], offsetof(Figures, start_ms)), NULL });
    }
}

static void run_all(Bench *bench, const char *only)
{
    static Series series[WAYS_MAX][2];
    Way ways[WAYS_MAX];
    const Way *from = bench->program_count == 2 ? beside : grid;
    size_t of = bench->program_count == 2 ? COUNT_OF(beside) : COUNT_OF(grid), count = 0;
    for (size_t i = 0; i < of; i++) {
        if (!only || strstr(from[i].name, only))
            ways[count++] = from[i];
    }
    for (size_t round = 0; round < bench->rounds; round++) {
        for (size_t i = 0; i < count; i++) {
            for (size_t p = 0; p < bench->program_count; p++)
                series[i][p].rounds[round] = run(bench, &ways[i], bench->programs[p]);
        }
        fprintf(stderr, "pass_through: round %zu of %zu\n", round + 1, bench->rounds);
    }
    print_tables(bench, ways, series, count);
}

static bool read_arguments(Bench *bench, int argc, char **argv, const char **only)
{
    bench->rounds = 5;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc)
            bench->rounds = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc)
            *only = argv[++i];
        else if (bench->program_count < 2)
            bench->programs[bench->program_count++] = realpath(argv[i], NULL);
    }
    return bench->program_count && bench->rounds && bench->rounds <= ROUNDS_MAX &&
           bench->programs[bench->program_count - 1];
}

static void remove_all(const Bench *bench)
{
    char log[PATH_SIZE + 16];
    snprintf(log, sizeof log, "%s/program.log", bench->directory);
    unlink(log);
    unlink(bench->config);
    rmdir(bench->directory);
}

int main(int argc, char **argv)
{
    Bench bench = { 0 };
    const char *only = NULL, *under = getenv("TMPDIR");
    if (!read_arguments(&bench, argc, argv, &only)) {
        fprintf(stderr, "usage: pass_through [--rounds N] [--only TEXT] OURS [PEER]\n");
        return 2;
    }
    snprintf(bench.directory, sizeof bench.directory, "%s/pass_through_XXXXXX",
             under ? under : "/tmp");
    if (!mkdtemp(bench.directory))
        return perror(bench.directory), 1;
    snprintf(bench.config, sizeof bench.config, "%s/config.yaml", bench.directory);
    open_sink(&bench);
    run_all(&bench, only);
    server_free(bench.sink);
    loop_free(bench.loop);
    remove_all(&bench);
    return 0;
}
