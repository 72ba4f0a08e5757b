/* batch_bundle_test.c - when the batch processor keeps what it gathered, and when it joins it. */
#include "otlp/combine.h"
#include "support/make_batch.h"
#include "support/test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

extern const ComponentType batch_processor;

enum { LARGE = 100, SMALL = 1 }; /* items of a batch */

typedef struct Way {
    const char *settings;
    size_t items; /* of each of three batches that come in */
    bool taken, bundled;
} Way;

static void gather(const Way *way)
{
    Err err;
    TestHost *host = test_host_new(&batch_processor, str_from(way->settings), NULL, &err);
    Batch *batch = make_batch_of(TRACES, way->items, &err);
    assert_non_null(host);
    assert_non_null(batch);
    assert_true(test_host_start(host, &err));
    if (way->taken)
        test_host_take_bundles(host);
    for (int i = 0; i < 3; i++)
        assert_true(test_host_push(host, batch, false, &err));
    test_host_tick(host, NANOS_PER_SECOND);
    size_t items = 0;
    for (size_t i = 0; i < test_host_sent_count(host); i++) {
        const Batch *sent = test_host_sent(host, i)->batch;
        assert_int_equal(batch_is_bundle(sent), way->bundled);
        assert_int_equal(batch_pieces(sent).count, way->bundled ? 3 : 1);
        items += batch_item_count(sent);
    }
    assert_int_equal(items, 3 * way->items);
    test_host_judge_all(host, true);
    test_host_stop(host);
    assert_int_equal(test_host_open(host), 0);
    batch_unref(batch);
    test_host_free(host);
}

static void what_is_gathered_is_kept_or_joined(void **state)
{
    (void)state;
    static const Way ways[] = {
        { "{timeout: 1s}", LARGE, true, true },
        { "{timeout: 1s}", LARGE, false, false }, /* whoever comes next looks inside */
        { "{timeout: 1s}", SMALL, true, false },
        /* To be cut it has to be joined first; not so when it need not be cut. */
        { "{timeout: 1s, send_batch_size: 100, send_batch_max_size: 100}", LARGE, true, false },
        { "{timeout: 1s, send_batch_size: 300, send_batch_max_size: 300}", LARGE, true, true },
    };
    for (size_t i = 0; i < COUNT_OF(ways); i++)
        gather(&ways[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_gathered_is_kept_or_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
