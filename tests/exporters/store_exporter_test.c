/* The store exporter over a real store on a test disk: what the store says becomes the verdict. */
#include "base/log.h"
#include "otlp/batch.h"
#include "pipe/host_base.h"
#include "store/store.h"
#include "support/make_batch.h"
#include "support/test_disk.h"
#include "support/test_host.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

extern const ComponentType store_exporter;

typedef struct Fixture {
    TestDisk *disk;
    TestClock clock;
    Store *store;
    TestHost *host;
} Fixture;

static void begin_within(Fixture *f, uint64_t queue_bytes, uint64_t memory_max)
{
    Err err = { 0 };
    *f = (Fixture){ .disk = test_disk_new(1) };
    test_clock_init(&f->clock, 1000 * NANOS_PER_SECOND);
    StoreSettings settings = store_defaults();
    settings.disk = test_disk_door(f->disk);
    settings.clock = &f->clock.base;
    settings.directory = "data";
    settings.sync = SEGLOG_SYNC_ALWAYS;
    settings.reserve_bytes = 0;
    settings.own_thread = false;
    if (queue_bytes)
        settings.queue_bytes = queue_bytes;
    if (memory_max)
        settings.memory_max = memory_max;
    f->store = store_open(&settings, &err);
    f->host = test_host_new(&store_exporter, STR("{}"), NULL, &err);
    assert_true(f->store && f->host);
    test_host_offer(f->host, f->store);
    if (!test_host_start(f->host, &err))
        fail_msg("%s", err.text);
}

static void begin(Fixture *f, uint64_t queue_bytes)
{
    begin_within(f, queue_bytes, 0);
}

static void end(Fixture *f)
{
    Err err = { 0 };
    test_host_stop(f->host);
    assert_int_equal(test_host_open(f->host), 0);
    test_host_free(f->host);
    (void)store_close(f->store, INT64_MAX, &err);
    test_disk_free(f->disk);
}

static bool push_signal(Fixture *f, Signal signal, const char *words, Err *err)
{
    Batch *batch = make_batch(signal, str_from(words), err);
    assert_non_null(batch);
    bool taken = test_host_push(f->host, batch, true, err);
    batch_unref(batch);
    return taken;
}

static bool push(Fixture *f, const char *words, Err *err)
{
    return push_signal(f, TRACES, words, err);
}

static void step(Fixture *f)
{
    test_clock_advance(&f->clock, 10 * NANOS_PER_MILLI);
    store_step(f->store);
    test_host_turn(f->host);
}

static uint64_t spans_held(Fixture *f)
{
    StoreStats stats;
    store_stats(f->store, &stats);
    return stats.spans;
}

static void delivered_means_on_the_disk(void **state)
{
    (void)state;
    Fixture f;
    Err err = { 0 };
    begin(&f, 0);
    assert_true(push(&f, "{} a b", &err));
    assert_true(push(&f, "{} c", &err));
    assert_false(test_host_ack(f.host, 0)->heard); /* taken, but nothing is on the disk yet */
    step(&f);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(test_host_ack(f.host, i)->outcome.result, ACK_DELIVERED);
    assert_int_equal(spans_held(&f), 3);
    assert_int_equal(test_host_status(f.host).sent, 3);
    end(&f);
}

static void every_signal_is_stored(void **state)
{
    (void)state;
    Fixture f;
    Err err = { 0 };
    begin(&f, 0);
    assert_true(push_signal(&f, TRACES, "{} a b", &err));
    assert_true(push_signal(&f, METRICS, "{} a(k=1) a(k=2) b", &err));
    assert_true(push_signal(&f, LOGS, "{service.name=x} a b c d", &err));
    step(&f);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(test_host_ack(f.host, i)->outcome.result, ACK_DELIVERED);
    StoreStats stats;
    store_stats(f.store, &stats);
    assert_int_equal(stats.spans, 2);
    assert_int_equal(stats.records, 4);
    assert_int_equal(stats.streams, 1);
    assert_int_equal(stats.points_unsupported + stats.samples, 3);
    assert_int_equal(test_host_status(f.host).sent, 9);
    end(&f);
}

static void a_write_that_fails_gives_the_data_back(void **state)
{
    (void)state;
    static const struct {
        unsigned calls;
        int code;
    } faults[] = { { CALL_WRITE, EIO }, { CALL_WRITE, ENOSPC }, { CALL_SYNC, EIO } };
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        Fixture f;
        Err err = { 0 };
        begin(&f, 0);
        assert_true(push(&f, "{} first", &err));
        step(&f);
        test_disk_fail(f.disk, (DiskFault){ .calls = faults[i].calls, .code = faults[i].code });
        assert_true(push(&f, "{} a b", &err));
        step(&f);
        assert_true(test_disk_failed(f.disk));
        assert_int_equal(test_host_ack(f.host, 1)->outcome.result, ACK_RETRY);
        assert_int_equal(test_host_status(f.host).dropped, 2);
        assert_int_not_equal(test_host_status(f.host).blocked[0], 0);
        assert_int_equal(spans_held(&f), 1);
        assert_true(push(&f, "{} again", &err)); /* and it goes on */
        step(&f);
        assert_int_equal(test_host_ack(f.host, 2)->outcome.result, ACK_DELIVERED);
        assert_string_equal(test_host_status(f.host).blocked, "");
        end(&f);
    }
}

static void a_full_queue_refuses_and_says_when(void **state)
{
    (void)state;
    Fixture f;
    Err err = { 0 };
    begin(&f, 150);
    assert_true(push(&f, "{} a", &err));
    bool taken = true;
    for (int i = 0; i < 10 && taken; i++)
        taken = push(&f, "{} b", &err);
    assert_false(taken);
    assert_int_equal(err.kind, ERR_BUSY);
    assert_true(err.retry_ms > 0);
    step(&f);
    assert_true(push(&f, "{} c", &err));
    step(&f);
    end(&f);
}

static void stopping_stores_what_was_taken(void **state)
{
    (void)state;
    Fixture f;
    Err err = { 0 };
    begin(&f, 0);
    assert_true(push(&f, "{} a b", &err));
    test_host_stop(f.host);
    assert_int_equal(test_host_ack(f.host, 0)->outcome.result, ACK_DELIVERED);
    assert_int_equal(spans_held(&f), 2);
    end(&f);
}

static void without_its_store_it_does_not_start(void **state)
{
    (void)state;
    Err err = { 0 };
    TestHost *host = test_host_new(&store_exporter, STR("{store: attic}"), NULL, &err);
    assert_non_null(host);
    assert_false(test_host_start(host, &err));
    assert_string_equal(err.text, "extension \"attic\" is not listed in service.extensions");
    test_host_free(host);
}

static void count_errors(void *context, LogLevel level, Str component, Str message)
{
    (void)component;
    if (level == LOG_ERROR && str_starts(message, STR("1 items were refused: a batch of ")))
        (*(int *)context)++;
}

/* Behind a batch processor the client has its answer already: without a line it would be lost
 * unseen. */
static void what_can_never_be_stored_is_said_once(void **state)
{
    (void)state;
    Fixture f;
    Err err = { 0 };
    int lines = 0;
    begin_within(&f, 0, 64);
    log_set_sink(&(LogSink){ count_errors, &lines, LOG_INFO });
    for (int i = 0; i < 2; i++) {
        assert_false(push(&f, "{service.name=shop} a", &err));
        assert_int_equal(err.kind, ERR_LIMIT);
    }
    assert_true(push(&f, "{service.name=shop} a b", &err)); /* in halves; neither is taken */
    assert_int_equal(test_host_ack(f.host, 2)->outcome.result, ACK_REFUSED);
    assert_int_equal(test_host_status(f.host).dropped, 2);
    log_set_sink(NULL);
    log_set_level(LOG_OFF);
    assert_int_equal(lines, 1);
    end(&f);
}

/* `batch` merges by items, the store's bound is memory: what is too much at once goes in pieces. */
static void what_is_too_large_at_once_goes_in_pieces(void **state)
{
    (void)state;
    static const char *const words[] = { "{service.name=shop} a b c d e f g h",
                                         "{service.name=shop} a(k=1) b(k=1) c(k=1) d e f g h",
                                         "{service.name=shop} a b c d e f g h" };
    static const Signal signals[] = { TRACES, METRICS, LOGS };
    static const uint64_t memory[] = { 9000, 9000, 7500 }; /* for all of it, but not at once */
    for (size_t i = 0; i < 3; i++) {
        Fixture f;
        Err err = { 0 };
        StoreStats stats;
        begin_within(&f, 0, memory[i]);
        assert_true(push_signal(&f, signals[i], words[i], &err));
        assert_false(test_host_ack(f.host, 0)->heard); /* not before all of it is there */
        step(&f);
        assert_int_equal(test_host_ack(f.host, 0)->outcome.result, ACK_DELIVERED);
        store_stats(f.store, &stats);
        assert_true(stats.log.frames_written > 1);
        assert_int_equal(stats.spans + stats.samples + stats.points_unsupported + stats.records, 8);
        assert_int_equal(test_host_status(f.host).sent, 8);
        end(&f);
    }
}

int main(void)
{
    log_set_level(LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delivered_means_on_the_disk),
        cmocka_unit_test(every_signal_is_stored),
        cmocka_unit_test(a_write_that_fails_gives_the_data_back),
        cmocka_unit_test(a_full_queue_refuses_and_says_when),
        cmocka_unit_test(what_can_never_be_stored_is_said_once),
        cmocka_unit_test(what_is_too_large_at_once_goes_in_pieces),
        cmocka_unit_test(stopping_stores_what_was_taken),
        cmocka_unit_test(without_its_store_it_does_not_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
