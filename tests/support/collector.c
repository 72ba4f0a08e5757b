/* collector.c - see collector.h. What is the test's own never starves: see starve_hold(). */
#include "support/collector.h"

#include "cmd/load_config.h"
#include "cmd/registry.h"
#include "net/grpc_client.h"
#include "net/http_client.h"
#include "otlp/batch.h"
#include "otlp/rpc.h"
#include "support/make_batch.h"
#include "support/starve.h"
#include "support/stored.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TURNS_MAX = 10000, /* callbacks in a row; more is a loop that never rests */
    CLIENTS_MAX = 4,   /* addresses that are asked by GET */
    PADDING_MAX = 1500,
    ANSWER_SECONDS = 2,
    DRAIN_SECONDS = 1,
};

typedef struct Web { /* a client for one address */
    char url[64];
    HttpClient *client;
} Web;

struct Collector {
    TestDisk *disk;
    SimNet *net; /* with the clock */
    Random random;
    Arena *arena;
    Graph *graph;
    Loop *outside;
    HttpClient *http;
    GrpcClient *grpc;
    Web web[CLIENTS_MAX];
    size_t web_count;
    bool deaf; /* what clients hear now does not count any more */
    struct Asked {
        Ask ask;
        Collector *collector;
    } * asks;
    size_t ask_count;
};

/* A machine without memory for its test cannot test. */
static void *must(void *ptr)
{
    if (!ptr)
        abort();
    return ptr;
}

static void must_do(bool ok)
{
    if (!ok)
        abort();
}

/* --- the machine ----------------------------------------------------------------------------- */

static void clients_new(Collector *c)
{
    Err err = { 0 };
    c->outside = must(loop_new(&c->net->clock.base, &c->net->sockets, &err));
    c->http = must(http_client_new(&(HttpClientSettings){ .loop = c->outside,
                                                          .url = STR("http://127.0.0.1:4318") },
                                   &err));
    c->grpc = must(grpc_client_new(&(GrpcClientSettings){ .loop = c->outside,
                                                          .endpoint = STR("127.0.0.1:4317") },
                                   &err));
}

static void clients_free(Collector *c)
{
    http_client_free(c->http);
    grpc_client_free(c->grpc);
    for (size_t i = 0; i < c->web_count; i++)
        http_client_free(c->web[i].client);
    loop_free(c->outside);
}

Collector *collector_new(uint64_t seed, const char *yaml)
{
    starve_hold();
    Collector *c = must(calloc(1, sizeof *c));
    c->asks = must(calloc(ASKS_MAX, sizeof *c->asks));
    random_seed(&c->random, seed);
    c->disk = test_disk_new(random_next(&c->random));
    c->net = must(calloc(1, sizeof *c->net));
    sim_net_init(c->net, random_next(&c->random), 0);
    test_clock_advance(&c->net->clock, INT64_C(1750000000) * NANOS_PER_SECOND);
    test_disk_put(c->disk, COLLECTOR_CONFIG, str_from(yaml));
    clients_new(c);
    starve_resume();
    return c;
}

void collector_free(Collector *c)
{
    collector_kill(c);
    starve_hold();
    c->deaf = true;
    clients_free(c);
    starve_resume();
    must_do(sim_net_open(c->net) == 0);
    free(c->net);
    test_disk_free(c->disk);
    free(c->asks);
    free(c);
}

TestDisk *collector_disk(Collector *c)
{
    return c->disk;
}
SimNet *collector_net(Collector *c)
{
    return c->net;
}
Random *collector_random(Collector *c)
{
    return &c->random;
}

/* --- the collector's life -------------------------------------------------------------------- */

static void outside_turns(Collector *c)
{
    starve_hold();
    int left = TURNS_MAX;
    while (loop_step(c->outside, 0))
        must_do(--left > 0);
    starve_resume();
}

static void time_passes(void *context)
{
    Collector *c = context;
    outside_turns(c);
    test_clock_advance(&c->net->clock, NANOS_PER_MILLI);
}

void collector_turn(Collector *c)
{
    int left = TURNS_MAX;
    while (c->graph && graph_step(c->graph, 0))
        must_do(--left > 0);
    time_passes(c);
}

static const ServiceConfig *read_config(Collector *c, Err *err)
{
    Options options = { .configs = { COLLECTOR_CONFIG }, .config_count = 1 };
    Problems problems;
    problems_init(&problems, c->arena);
    const ServiceConfig *config =
        load_config(&options, test_disk_door(c->disk), c->arena, &problems);
    if (!config && problems_ok(&problems, err))
        fail(err, ERR_INPUT, "no configuration and no problem");
    return config;
}

bool collector_start(Collector *c, Err *err)
{
    c->arena = arena_new(CONFIG_MEMORY_MAX, err);
    const ServiceConfig *config = c->arena ? read_config(c, err) : NULL;
    const GraphOptions options = {
        .shards = 1,
        .stepped = true,
        .clock = &c->net->clock.base,
        .disk = test_disk_door(c->disk),
        .sockets = &c->net->sockets,
        .seed = random_next(&c->random) | 1,
        .idle = time_passes,
        .idle_context = c,
    };
    c->graph = config ? graph_new(config, &options, err) : NULL;
    if (c->graph && graph_start(c->graph, err))
        return true;
    graph_free(c->graph);
    arena_free(c->arena);
    c->graph = NULL;
    c->arena = NULL;
    return false;
}

bool collector_runs(const Collector *c)
{
    return c->graph != NULL;
}

/* No acknowledgement may be left when everything has stopped. */
static void end(Collector *c)
{
    Err err = { 0 };
    graph_stop(c->graph);
    starve_hold();
    Arena *arena = must(arena_new(1 << 20, &err));
    const GraphStatus *status = must(graph_status(c->graph, arena, &err));
    must_do(status->acks.open == 0);
    arena_free(arena);
    starve_resume();
    graph_free(c->graph);
    arena_free(c->arena);
    c->graph = NULL;
    c->arena = NULL;
}

bool collector_stop(Collector *c)
{
    int64_t now = clock_mono_ns(&c->net->clock.base);
    DrainReport report = graph_drain(c->graph, now + DRAIN_SECONDS * NANOS_PER_SECOND);
    for (int i = 0; i < 10; i++)
        collector_turn(c); /* the last answers reach their clients */
    end(c);
    outside_turns(c);
    return report.complete;
}

void collector_kill(Collector *c)
{
    if (!c->graph)
        return;
    bool deaf = c->deaf;
    c->deaf = true;
    end(c);
    outside_turns(c);
    c->deaf = deaf;
}

/* --- the clients ----------------------------------------------------------------------------- */

static void hear(struct Asked *asked, Verdict verdict, int status, Str body)
{
    if (asked->collector->deaf)
        return;
    Ask *ask = &asked->ask;
    must_do(!ask->answered);
    ask->answered = true;
    ask->verdict = verdict;
    ask->status = status;
    body = str_first(body, ASK_TEXT_MAX - 1);
    memcpy(ask->text, body.len ? body.ptr : "", body.len);
    ask->text_len = body.len;
}

static void http_says(void *owner, HttpResponse *response, const Err *err)
{
    if (err)
        hear(owner, VERDICT_NONE, 0, str_from(err->text));
    else
        hear(owner, response->status == 200 ? VERDICT_YES : VERDICT_NO, response->status,
             response->body);
}

static void grpc_says(void *owner, GrpcReply *reply, const Err *err)
{
    if (err)
        hear(owner, VERDICT_NONE, 0, str_from(err->text));
    else
        hear(owner, reply->code == GRPC_OK ? VERDICT_YES : VERDICT_NO, (int)reply->code,
             reply->code == GRPC_OK ? reply->message : reply->status_text);
}

static struct Asked *new_ask(Collector *c, Signal signal, bool is_grpc)
{
    must_do(c->ask_count < ASKS_MAX);
    struct Asked *asked = &c->asks[c->ask_count++];
    asked->collector = c;
    asked->ask = (Ask){ .is_grpc = is_grpc, .signal = signal };
    return asked;
}

/* Of different sizes, so that frames lie everywhere in sectors and segments. */
static Buf message(Collector *c, const Ask *ask, size_t number)
{
    char words[2 * PADDING_MAX], pad[PADDING_MAX + 1] = { 0 };
    Err err = { 0 };
    memset(pad, 'x', (size_t)random_below(&c->random, PADDING_MAX));
    snprintf(words, sizeof words, "{service.name=shop pad=%s} %c%zu", pad, ask->is_grpc ? 'g' : 'h',
             number);
    Batch *batch = must(make_batch(ask->signal, str_from(words), &err));
    Buf bytes = BUF(1 << 16);
    buf_add(&bytes, batch_bytes(batch));
    must_do(!bytes.failed);
    batch_unref(batch);
    return bytes;
}

static void post(Collector *c, struct Asked *asked, Str type, Buf *bytes)
{
    const HttpField fields[] = { { STR("content-type"), type } };
    Err err = { 0 };
    HttpCall call = { .method = STR("POST"),
                      .target = otlp_http_path(asked->ask.signal),
                      .fields = fields,
                      .field_count = COUNT_OF(fields),
                      .body = *bytes,
                      .encoding =
                          c->ask_count % 2 ? encoding_find(ENCODING_HTTP, STR("gzip")) : NULL,
                      .timeout_ns = ANSWER_SECONDS * NANOS_PER_SECOND,
                      .done = http_says,
                      .owner = asked };
    must_do(http_client_send(c->http, &call, &err));
}

static void call(Collector *c, struct Asked *asked, Buf *bytes)
{
    Err err = { 0 };
    GrpcCall grpc = { .path = otlp_grpc_path(asked->ask.signal),
                      .message = *bytes,
                      .encoding =
                          c->ask_count % 2 ? encoding_find(ENCODING_GRPC, STR("gzip")) : NULL,
                      .timeout_ns = ANSWER_SECONDS * NANOS_PER_SECOND,
                      .done = grpc_says,
                      .owner = asked };
    must_do(grpc_client_call(c->grpc, &grpc, &err));
}

size_t collector_send(Collector *c, Signal signal, bool by_grpc)
{
    starve_hold();
    struct Asked *asked = new_ask(c, signal, by_grpc);
    Buf bytes = message(c, &asked->ask, c->ask_count - 1);
    if (by_grpc)
        call(c, asked, &bytes);
    else
        post(c, asked, STR("application/x-protobuf"), &bytes);
    starve_resume();
    return c->ask_count - 1;
}

size_t collector_send_bytes(Collector *c, const Sending *what)
{
    starve_hold();
    bool by_grpc = !what->content_type.len;
    struct Asked *asked = new_ask(c, what->signal, by_grpc);
    Buf bytes = BUF(SIZE_MAX);
    buf_add(&bytes, what->bytes);
    must_do(!bytes.failed);
    if (by_grpc)
        call(c, asked, &bytes);
    else
        post(c, asked, what->content_type, &bytes);
    starve_resume();
    return c->ask_count - 1;
}

static HttpClient *web_client(Collector *c, const char *url)
{
    Err err = { 0 };
    for (size_t i = 0; i < c->web_count; i++)
        if (!strncmp(c->web[i].url, url, strlen(c->web[i].url)))
            return c->web[i].client;
    must_do(c->web_count < CLIENTS_MAX);
    Web *web = &c->web[c->web_count++];
    size_t host = strcspn(url + strlen("http://"), "/") + strlen("http://");
    snprintf(web->url, sizeof web->url, "%.*s/", (int)host, url);
    web->client =
        must(http_client_new(&(HttpClientSettings){ .loop = c->outside, .url = str_from(web->url) },
                             &err));
    return web->client;
}

size_t collector_get(Collector *c, const char *url)
{
    starve_hold();
    Err err = { 0 };
    HttpClient *client = web_client(c, url);
    struct Asked *asked = new_ask(c, 0, false);
    size_t path = strcspn(url + strlen("http://"), "/") + strlen("http://");
    HttpCall get = { .method = STR("GET"),
                     .target = str_from(url + path),
                     .timeout_ns = ANSWER_SECONDS * NANOS_PER_SECOND,
                     .done = http_says,
                     .owner = asked };
    must_do(http_client_send(client, &get, &err));
    starve_resume();
    return c->ask_count - 1;
}

size_t collector_ask_count(const Collector *c)
{
    return c->ask_count;
}

const Ask *collector_ask(const Collector *c, size_t i)
{
    return &c->asks[i].ask;
}

bool collector_all_answered(const Collector *c)
{
    for (size_t i = 0; i < c->ask_count; i++)
        if (!c->asks[i].ask.answered)
            return false;
    return true;
}

/* --- the judge ------------------------------------------------------------------------------- */

typedef struct Court {
    const Collector *collector;
    bool found[ASKS_MAX];
} Court;

static bool hear_witness(void *context, const StoredItem *item, Err *err)
{
    uint64_t number;
    Court *court = context;
    Str name = item->name;
    Signal signal = item->signal;
    const Collector *c = court->collector;
    bool sent = name.len > 1 && str_to_u64(str_skip(name, 1), &number) && number < c->ask_count &&
                c->asks[number].ask.signal == signal &&
                c->asks[number].ask.is_grpc == (name.ptr[0] == 'g');
    if (!sent)
        return fail(err, ERR_CORRUPT, "nobody sent \"%.*s\" as %.*s", STR_ARG(name),
                    STR_ARG(signal_name(signal)));
    court->found[number] = true;
    return true;
}

static bool is_missing(const Court *court, size_t i)
{
    const Ask *ask = &court->collector->asks[i].ask;
    return ask->signal && ask->verdict == VERDICT_YES && !court->found[i];
}

static bool decide(Court *court, Store *store, Err *err)
{
    if (!stored_each(store, hear_witness, court, err))
        return false;
    for (size_t i = 0; i < court->collector->ask_count; i++)
        if (is_missing(court, i))
            return fail(err, ERR_CORRUPT, "request %zu was told OK, but what it brought is missing",
                        i);
    return true;
}

/* The disk first: what the process does while it is taken down must not mend anything. */
static void cut_power(Collector *c, DiskCrash how)
{
    test_disk_crash(c->disk, how);
    test_disk_fail(c->disk, (DiskFault){ .calls = CALL_ANY, .code = EIO, .for_good = true });
    collector_kill(c);
    test_disk_fail(c->disk, (DiskFault){ .after = -1 });
}

bool collector_judge(Collector *c, DiskCrash how, const char *directory, Err *err)
{
    cut_power(c, how);
    starve_hold();
    StoreSettings settings = store_defaults();
    settings.disk = test_disk_door(c->disk);
    settings.clock = &c->net->clock.base;
    settings.directory = directory;
    settings.reserve_bytes = 0;
    settings.own_thread = false;
    Store *store = store_open(&settings, err);
    Court *court = must(calloc(1, sizeof *court));
    court->collector = c;
    bool right = store && decide(court, store, err);
    Err closing;
    bool closed = store_close(store, INT64_MAX, &closing);
    if (right && !closed)
        *err = closing;
    free(court);
    starve_resume();
    return right && closed;
}
