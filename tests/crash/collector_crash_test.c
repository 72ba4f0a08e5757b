/* collector_crash_test.c - the power goes at random moments under load, and nothing that a client
 * was told OK for is missing afterwards.
 *
 * `acknowledge: delivered` on the receiver, `sync: always` in the store. Several clients each send
 * one trace after the other by OTLP/HTTP, every span with a name of its own. At a random turn the
 * disk goes back to what had been synced (and in every second life loses torn sectors too); what
 * the clients had read by then is the promise. The next life opens the same disk: every promised
 * name must be there. The judge is what was synced, not what a dying process may still have
 * written.
 * The store writes on a thread of its own, so this runs under tsan, too.
 */
#include "base/map.h"
#include "base/random.h"
#include "config/yaml.h"
#include "net/loop.h"
#include "otlp/batch.h"
#include "pipe/graph.h"
#include "store/scan.h"
#include "store/store.h"
#include "support/make_batch.h"
#include "support/raw_peer.h"
#include "support/test_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

extern const ComponentType batch_processor, otlp_receiver, store_exporter, store_extension;

static const ComponentType *const registry[] = { &batch_processor, &otlp_receiver, &store_exporter,
                                                 &store_extension, NULL };

#define HOST "127.0.0.1:" /* in front of the port that the system chose */

static const char *const yaml =
    "receivers: {otlp: {acknowledge: delivered, protocols: {http: {endpoint: 127.0.0.1:0}}}}\n"
    "processors: {batch: {timeout: 1ms}}\n"
    "exporters: {store: }\n"
    "extensions: {store: {directory: data, sync: always, reserve_bytes: 0, segment_bytes: 64KiB}}\n"
    "service:\n"
    "  extensions: [store]\n"
    "  pipelines: {traces: {receivers: [otlp], processors: [batch], exporters: [store]}}\n";

enum { LIVES = 100, CLIENTS = 4, TURNS_MAX = 16, PROMISES_MAX = 100000, NAME_SIZE = 32 };

static int port;

static void listen_to_log(void *context, LogLevel level, Str component, Str message)
{
    (void)context, (void)level;
    const char *at = str_eq(component, STR("receiver otlp"))
                         ? memmem(message.ptr, message.len, HOST, sizeof HOST - 1)
                         : NULL;
    if (at)
        port = (int)strtol(at + sizeof HOST - 1, NULL, 10);
}

typedef struct Client {
    RawPeer peer;
    char name[NAME_SIZE]; /* what it waits for */
    bool waits;
} Client;

typedef struct Trial {
    TestDisk *disk;
    Random random;
    Arena *arena; /* of one life */
    Graph *graph;
    Client clients[CLIENTS];
    char (*promised)[NAME_SIZE];
    size_t promised_count, sent_count, checks;
} Trial;

/* --- a life ---------------------------------------------------------------------------------- */

static void begin(Trial *trial)
{
    Err err = { 0 };
    Problems problems;
    trial->arena = arena_new(1 << 20, &err);
    problems_init(&problems, trial->arena);
    const Node *root = yaml_parse(str_from(yaml), STR("c"), trial->arena, &problems);
    const ServiceConfig *config = service_config_load(registry, root, trial->arena, &problems);
    assert_non_null(config);
    GraphOptions options = { .shards = 1, .disk = test_disk_door(trial->disk), .seed = 1 };
    trial->graph = graph_new(config, &options, &err);
    assert_non_null(trial->graph);
    if (!graph_start(trial->graph, &err))
        fail_msg("%s", err.text);
    Address address;
    assert_true(address_from_literal(&address, STR("127.0.0.1"), (uint16_t)port));
    for (size_t i = 0; i < CLIENTS; i++) {
        Client *client = &trial->clients[i];
        client->waits = false;
        assert_true(raw_peer_connect(&client->peer, graph_loop(trial->graph, 0), &address));
    }
}

static void end(Trial *trial)
{
    for (size_t i = 0; i < CLIENTS; i++)
        raw_peer_close(&trial->clients[i].peer);
    graph_free(trial->graph);
    arena_free(trial->arena);
}

static void send_next(Trial *trial, Client *client)
{
    Err err;
    char words[64];
    snprintf(client->name, sizeof client->name, "span-%zu", trial->sent_count++);
    snprintf(words, sizeof words, "{service.name=shop} %s", client->name);
    Batch *batch = make_batch(TRACES, str_from(words), &err);
    assert_non_null(batch);
    Str bytes = batch_bytes(batch);
    Buf request = BUF(1 << 16);
    buf_addf(&request,
             "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\n"
             "content-type: application/x-protobuf\r\ncontent-length: %zu\r\n\r\n",
             bytes.len);
    buf_add(&request, bytes);
    raw_peer_send(&client->peer, buf_str(&request));
    buf_free(&request);
    batch_unref(batch);
    client->waits = true;
}

/* An answer that has come is a promise that has been made. */
static void hear(Trial *trial, Client *client)
{
    if (!client->waits || !raw_peer_has(&client->peer, "\r\n\r\n"))
        return;
    client->waits = false;
    if (raw_peer_has(&client->peer, "HTTP/1.1 200 ")) {
        assert_true(trial->promised_count < PROMISES_MAX);
        memcpy(trial->promised[trial->promised_count++], client->name, NAME_SIZE);
    }
    buf_clear(&client->peer.got);
}

static void load_until_the_power_goes(Trial *trial)
{
    uint64_t turns = 1 + random_below(&trial->random, TURNS_MAX);
    for (uint64_t turn = 0; turn < turns; turn++) {
        for (size_t i = 0; i < CLIENTS; i++) {
            Client *client = &trial->clients[i];
            raw_peer_turn(&client->peer);
            hear(trial, client);
            if (!client->waits && !client->peer.ended)
                send_next(trial, client);
        }
    }
    for (size_t i = 0; i < CLIENTS; i++)
        hear(trial, &trial->clients[i]);
    bool tears = random_below(&trial->random, 2) == 0;
    test_disk_crash(trial->disk, tears ? CRASH_TEAR : CRASH_CUT);
}

/* --- the judge ------------------------------------------------------------------------------- */

static bool found(void *context, const Operation *operation)
{
    static int there;
    Err err;
    Str name;
    struct {
        Map *map;
        Arena *arena;
    } *names = context;
    return arena_copy(names->arena, operation->name, &name, &err) &&
           map_put(names->map, name, &there, &err);
}

static void judge(Trial *trial)
{
    Err err = { 0 };
    StoreSettings settings = store_defaults();
    settings.disk = test_disk_door(trial->disk);
    settings.clock = clock_system();
    settings.directory = "data";
    settings.reserve_bytes = 0;
    Store *store = store_open(&settings, &err);
    assert_non_null(store);
    Map map = MAP(PROMISES_MAX);
    struct {
        Map *map;
        Arena *arena;
    } names = { &map, arena_new(64 << 20, &err) };
    MetaQuery query = { .context = &names, .operation = found };
    assert_true(source_meta(store_spans(store), &query, &err));
    for (size_t i = 0; i < trial->promised_count; i++, trial->checks++)
        if (!map_get(&map, str_from(trial->promised[i])))
            fail_msg("%s was promised and is missing", trial->promised[i]);
    map_free(&map);
    arena_free(names.arena);
    assert_true(store_close(store, INT64_MAX, &err));
}

static void test_promises_hold(void **state)
{
    (void)state;
    Trial trial = { .disk = test_disk_new(1) };
    trial.promised = calloc(PROMISES_MAX, NAME_SIZE);
    assert_non_null(trial.promised);
    random_seed(&trial.random, 42);
    for (int life = 0; life < LIVES; life++) {
        begin(&trial);
        load_until_the_power_goes(&trial);
        end(&trial);
        judge(&trial);
    }
    print_message(
        "counts: the power went %d times, %zu spans were sent, %zu promised, none missing "
        "in %zu looks\n",
        LIVES, trial.sent_count, trial.promised_count, trial.checks);
    assert_true(trial.promised_count > LIVES);
    assert_true(trial.sent_count > trial.promised_count);
    free(trial.promised);
    test_disk_free(trial.disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_promises_hold) };
    log_set_sink(&(LogSink){ listen_to_log, NULL, LOG_INFO });
    return cmocka_run_group_tests(tests, NULL, NULL);
}
