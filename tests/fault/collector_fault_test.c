/* collector_fault_test.c - the collector's whole life, with its real components, in which the n-th
 * allocation or the n-th call to the disk fails, for every n.
 *
 * One life: a configuration is read, the graph starts on one loop that the test turns, a client
 * sends a trace by OTLP/HTTP and waits for delivery into the store (sync: always), the graph
 * drains, stops and is gone. Whatever fails: no crash, no leak, every acknowledgement settled, and
 * if the client was told OK, its data is in the store after the power went.
 * The store writes on a thread of its own, so this runs under tsan, too.
 */
#include "config/yaml.h"
#include "net/loop.h"
#include "otlp/batch.h"
#include "pipe/graph.h"
#include "support/make_batch.h"
#include "support/raw_peer.h"
#include "support/starve.h"
#include "support/test_disk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COMPONENT(symbol) extern const ComponentType symbol;
#include "cmd/registry.def"
#undef COMPONENT

#define COMPONENT(symbol) &symbol,
static const ComponentType *const registry[] = {
#include "cmd/registry.def"
    NULL
};
#undef COMPONENT

#define HOST "127.0.0.1:" /* in front of the port that the system chose */

static const char *const yaml =
    "receivers:\n"
    "  otlp:\n"
    "    acknowledge: delivered\n"
    "    protocols: {http: {endpoint: 127.0.0.1:0}}\n"
    "processors:\n"
    "  resource: {attributes: [{key: env, action: insert, value: test}]}\n"
    "  batch: {timeout: 0s}\n"
    "exporters: {debug: {verbosity: detailed}, store: }\n"
    "extensions:\n"
    "  store: {directory: data, sync: always, reserve_bytes: 0}\n"
    "  health_check: {endpoint: 127.0.0.1:0}\n"
    "service:\n"
    "  extensions: [health_check, store]\n"
    "  pipelines:\n"
    "    traces: {receivers: [otlp], processors: [resource, batch], exporters: [debug, store]}\n";

/* The port that the system chose is only in the log. */
static struct Log {
    int http_port;
    bool unsettled;
    long stored; /* spans that the store found when it opened */
} seen;

static void listen_to_log(void *context, LogLevel level, Str component, Str message)
{
    (void)context, (void)level;
    const char *at = str_eq(component, STR("receiver otlp"))
                         ? memmem(message.ptr, message.len, HOST, sizeof HOST - 1)
                         : NULL;
    if (at)
        seen.http_port = (int)strtol(at + sizeof HOST - 1, NULL, 10);
    if (str_contains(message, STR("never settled")))
        seen.unsettled = true;
    if (str_eq(component, STR("extension store")) && str_contains(message, STR(" spans of ")))
        seen.stored = strtol(message.ptr, NULL, 10);
}

/* --- one life -------------------------------------------------------------------------------- */

typedef struct Life {
    Disk *disk;
    Arena *arena;
    Graph *graph;
    bool started, told_ok;
} Life;

static bool begin(Life *life, Err *err)
{
    Problems problems;
    life->arena = arena_new(1 << 20, err);
    if (!life->arena)
        return false;
    problems_init(&problems, life->arena);
    const Node *root = yaml_parse(str_from(yaml), STR("c"), life->arena, &problems);
    const ServiceConfig *config =
        root ? service_config_load(registry, root, life->arena, &problems) : NULL;
    if (!config)
        return problems_ok(&problems, err);
    GraphOptions options = { .shards = 1, .disk = life->disk, .seed = 1 };
    life->graph = graph_new(config, &options, err);
    return life->graph && graph_start(life->graph, err);
}

static Buf request;

static void make_request(void)
{
    Err err;
    Batch *batch = make_batch(TRACES, STR("{service.name=shop} checkout"), &err);
    Str bytes = batch_bytes(batch);
    request = BUF(1 << 16);
    buf_addf(&request,
             "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\n"
             "content-type: application/x-protobuf\r\ncontent-length: %zu\r\n\r\n",
             bytes.len);
    buf_add(&request, bytes);
    batch_unref(batch);
}

/* The test's own memory may fail too: then nobody asked. */
static void send_one(Life *life)
{
    RawPeer peer;
    Address address;
    Loop *loop = graph_loop(life->graph, 0);
    if (!address_from_literal(&address, STR("127.0.0.1"), (uint16_t)seen.http_port))
        return;
    if (raw_peer_connect(&peer, loop, &address)) {
        raw_peer_send(&peer, buf_str(&request));
        if (raw_peer_wait(&peer, "\r\n\r\n"))
            life->told_ok = raw_peer_has(&peer, "HTTP/1.1 200");
    }
    raw_peer_close(&peer);
}

static bool live(Life *life, Disk *disk)
{
    Err err;
    *life = (Life){ .disk = disk };
    memset(&seen, 0, sizeof seen);
    life->started = begin(life, &err);
    if (life->started) {
        send_one(life);
        graph_drain(life->graph, clock_mono_ns(clock_system()) + NANOS_PER_SECOND);
    }
    graph_free(life->graph);
    arena_free(life->arena);
    return life->started && life->told_ok;
}

/* After the power went, without faults: what had been acknowledged is there. */
static void check_promise(TestDisk *disk, bool told_ok)
{
    Life life = { .disk = test_disk_door(disk) };
    Err err = { 0 };
    test_disk_crash(disk, CRASH_CUT);
    memset(&seen, 0, sizeof seen);
    if (!begin(&life, &err))
        print_error("%s\n", err.text);
    assert_non_null(life.graph);
    assert_true(seen.stored >= told_ok);
    graph_free(life.graph);
    arena_free(life.arena);
}

/* --- every n --------------------------------------------------------------------------------- */

static void test_allocations(void **state)
{
    (void)state;
    long before = starve_live(), n = 0, refused_starts = 0, oks = 0;
    for (bool hit = true; hit; n++) {
        Life life;
        TestDisk *disk = test_disk_new(1);
        starve_after(n);
        live(&life, test_disk_door(disk));
        hit = starve_happened();
        starve_end();
        assert_false(seen.unsettled);
        refused_starts += !life.started;
        oks += life.told_ok;
        check_promise(disk, life.told_ok);
        test_disk_free(disk);
        assert_int_equal(starve_live(), before);
    }
    assert_true(refused_starts > 10 && oks > 10);
    print_message("counts: %ld allocations failed one by one: %ld starts refused, %ld clients told "
                  "OK, none of them wrongly\n",
                  n - 1, refused_starts, oks);
}

static void test_calls_to_the_disk(void **state)
{
    (void)state;
    long n = 0, oks = 0;
    for (bool hit = true; hit; n++) {
        Life life;
        TestDisk *disk = test_disk_new(1);
        test_disk_fail(disk, (DiskFault){ .calls = CALL_ANY, .after = n, .code = EIO });
        live(&life, test_disk_door(disk));
        hit = test_disk_failed(disk);
        test_disk_fail(disk, (DiskFault){ .calls = CALL_ANY, .after = -1 });
        assert_false(seen.unsettled);
        oks += life.told_ok;
        check_promise(disk, life.told_ok);
        test_disk_free(disk);
    }
    assert_true(n > 5 && oks > 0);
    print_message("counts: %ld calls to the disk failed one by one: %ld clients told OK, none of "
                  "them wrongly\n",
                  n - 1, oks);
}

static void test_without_faults(void **state)
{
    (void)state;
    Life life;
    TestDisk *disk = test_disk_new(1);
    assert_true(live(&life, test_disk_door(disk)));
    check_promise(disk, true);
    assert_int_equal(seen.stored, 1);
    test_disk_free(disk);
}

static int set_up(void **state)
{
    (void)state;
    starve_after(-1);
    make_request();
    log_set_sink(&(LogSink){ listen_to_log, NULL, LOG_INFO });
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_free(&request);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_faults),
        cmocka_unit_test(test_allocations),
        cmocka_unit_test(test_calls_to_the_disk),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
