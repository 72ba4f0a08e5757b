/* combine_test.c - joined and split batches hold the same items in the same order. */
#include "otlp/combine.h"

#include "otlp/encode.h"
#include "otlp/metric_view.h"
#include "otlp/view.h"
#include "support/otlp_sample.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const Signal signals[] = { TRACES, METRICS, LOGS };

static Batch *sample(Random *random, Signal signal)
{
    Err err;
    Buf bytes = BUF(1000000);
    sample_bytes(random, signal, &bytes);
    Batch *batch = batch_from_bytes(signal, &bytes, &err);
    assert_non_null(batch);
    return batch;
}

static void assert_same_items(const Batch *a, const Batch *b)
{
    Buf left = BUF(10000000), right = BUF(10000000);
    sample_describe(a, &left);
    sample_describe(b, &right);
    assert_int_equal(left.len, right.len);
    if (left.len)
        assert_memory_equal(left.ptr, right.ptr, left.len);
    buf_free(&left);
    buf_free(&right);
}

/* An index that was shifted equals one that was walked. */
static void assert_walks_alike(const Batch *batch)
{
    Err err;
    Batch *again = batch_from_copy(batch_signal(batch), batch_bytes(batch), &err);
    assert_non_null(again);
    assert_int_equal(batch_resource_count(batch), batch_resource_count(again));
    assert_int_equal(batch_scope_count(batch), batch_scope_count(again));
    assert_int_equal(batch_metric_count(batch), batch_metric_count(again));
    assert_int_equal(batch_item_count(batch), batch_item_count(again));
    assert_same_items(batch, again);
    batch_unref(again);
}

enum { PIECES_MAX = 1000 };

/* All pieces, joined; the caller owns the result. NULL when there was none. */
static Batch *split_and_join(Batch *batch, SplitLimits limits)
{
    Err err;
    Batch *pieces[PIECES_MAX];
    size_t count = 0;
    Split split = split_begin(batch, limits);
    while (split_next(&split, &pieces[count], &err) && pieces[count]) {
        Batch *piece = pieces[count++];
        assert_true(batch_item_count(piece) > 0);
        assert_walks_alike(piece);
        if (limits.items_max)
            assert_true(batch_item_count(piece) <= limits.items_max);
        if (limits.bytes_max && batch_item_count(piece) > 1 && batch_scope_count(piece) == 1)
            assert_true(batch_bytes(piece).len <= limits.bytes_max);
    }
    split_end(&split);
    Batch *joined = count ? batch_concat(pieces, count, &err) : NULL;
    while (count)
        batch_unref(pieces[--count]);
    return joined;
}

static void test_split_then_concat(void **state)
{
    (void)state;
    static const SplitLimits limits[] = { { 0, 0 }, { 1, 0 },   { 2, 0 },    { 7, 0 },
                                          { 0, 1 }, { 0, 400 }, { 0, 2000 }, { 3, 600 } };
    Random random;
    random_seed(&random, 20261121);
    for (size_t round = 0; round < 60; round++) {
        Batch *batch = sample(&random, signals[round % 3]);
        for (size_t i = 0; i < COUNT_OF(limits); i++) {
            Batch *joined = split_and_join(batch, limits[i]);
            if (joined)
                assert_same_items(batch, joined);
            else
                assert_int_equal(batch_item_count(batch), 0);
            batch_unref(joined);
        }
        batch_unref(batch);
    }
}

/* What is said of all points of a metric goes into every piece, so its size counts in each. */
static void test_what_points_share_counts(void **state)
{
    (void)state;
    enum { SHARED = 300, POINTS = 12, MOST = 600 };
    Err err;
    Buf bytes = BUF(10000);
    char shared[SHARED] = { 0 };
    size_t group = wire_open(&bytes, REQUEST_GROUP), scope = wire_open(&bytes, GROUP_SCOPES);
    size_t metric = wire_open(&bytes, SCOPES_ITEM), data = wire_open(&bytes, METRIC_SUM);
    wire_add_bytes(&bytes, 15, (Str){ shared, sizeof shared }); /* a field of the future */
    for (size_t i = 0; i < POINTS; i++) {
        size_t point = wire_open(&bytes, DATA_POINTS);
        wire_add_bytes(&bytes, 15, (Str){ shared, 90 });
        wire_close(&bytes, point);
    }
    wire_close(&bytes, data);
    wire_close(&bytes, metric);
    wire_close(&bytes, scope);
    wire_close(&bytes, group);
    Batch *batch = batch_from_bytes(METRICS, &bytes, &err);
    assert_non_null(batch);
    Split split = split_begin(batch, (SplitLimits){ .bytes_max = MOST });
    size_t items = 0;
    Batch *piece;
    while (split_next(&split, &piece, &err) && piece) {
        assert_true(batch_item_count(piece) > 1); /* there is room for two */
        assert_true(batch_bytes(piece).len <= MOST);
        items += batch_item_count(piece);
        batch_unref(piece);
    }
    assert_int_equal(items, POINTS);
    split_end(&split);
    batch_unref(batch);
}

static void test_concat_shifts_the_index(void **state)
{
    (void)state;
    Err err;
    Random random;
    random_seed(&random, 7);
    for (size_t round = 0; round < 60; round++) {
        Batch *batches[5];
        size_t items = 0;
        for (size_t i = 0; i < COUNT_OF(batches); i++) {
            batches[i] = sample(&random, signals[round % 3]);
            items += batch_item_count(batches[i]);
        }
        Batch *joined = batch_concat(batches, COUNT_OF(batches), &err);
        assert_non_null(joined);
        assert_int_equal(batch_item_count(joined), items);
        assert_walks_alike(joined);
        batch_unref(joined);
        for (size_t i = 0; i < COUNT_OF(batches); i++)
            batch_unref(batches[i]);
    }
}

static void assert_pieces_are(const Batch *batch, Str message)
{
    BatchPieces pieces = batch_pieces(batch);
    size_t at = 0;
    for (size_t i = 0; i < pieces.count; i++) {
        Str part = str_first(str_skip(message, at), pieces.at[i].len);
        assert_true(str_eq(pieces.at[i], part));
        at += pieces.at[i].len;
    }
    assert_int_equal(at, message.len);
}

static void assert_cut_alike(Batch *bundle, const Batch *joined, size_t items_max)
{
    Batch *cut = split_and_join(bundle, (SplitLimits){ .items_max = items_max });
    assert_non_null(cut);
    assert_same_items(cut, joined);
    batch_unref(cut);
}

static void test_a_bundle_is_what_joining_makes(void **state)
{
    (void)state;
    Err err;
    Random random;
    random_seed(&random, 11);
    for (size_t round = 0; round < 60; round++) {
        Batch *batches[4];
        size_t memory = 0;
        for (size_t i = 0; i < COUNT_OF(batches); i++) {
            batches[i] = sample(&random, signals[round % 3]);
            memory += batch_memory(batches[i]);
        }
        Batch *joined = batch_concat(batches, COUNT_OF(batches), &err);
        Batch *bundle = batch_bundle(batches, COUNT_OF(batches), &err);
        for (size_t i = 0; i < COUNT_OF(batches); i++)
            batch_unref(batches[i]); /* the bundle keeps them */
        assert_non_null(bundle);
        assert_true(batch_is_bundle(bundle));
        assert_false(batch_is_bundle(joined));
        assert_int_equal(batch_signal(bundle), batch_signal(joined));
        assert_int_equal(batch_item_count(bundle), batch_item_count(joined));
        assert_int_equal(batch_size(bundle), batch_size(joined));
        assert_int_equal(batch_size(joined), batch_bytes(joined).len);
        assert_true(batch_memory(bundle) > memory);
        assert_pieces_are(bundle, batch_bytes(joined));
        assert_pieces_are(joined, batch_bytes(joined));
        Batch *whole = batch_whole(bundle, &err);
        assert_non_null(whole);
        assert_walks_alike(whole);
        assert_same_items(whole, joined);
        Batch *again[] = { bundle, whole };
        Batch *twice = batch_concat(again, COUNT_OF(again), &err);
        Batch *kept = batch_bundle(again, COUNT_OF(again), &err);
        assert_non_null(twice);
        assert_walks_alike(twice);
        assert_int_equal(batch_pieces(kept).count, COUNT_OF(batches) + 1);
        assert_pieces_are(kept, batch_bytes(twice));
        batch_unref(twice);
        batch_unref(kept);
        Batch *same = batch_whole(joined, &err);
        assert_ptr_equal(same, joined);
        size_t items = batch_item_count(bundle);
        if (items > 1)
            assert_cut_alike(bundle, joined, items / 2);
        batch_unref(same);
        batch_unref(whole);
        batch_unref(bundle);
        batch_unref(joined);
    }
}

static Batch *charged(Random *random, Budget *budget)
{
    Err err;
    Buf bytes = { .max = 1000000, .purse = budget_purse(budget, BUDGET_BODIES) };
    sample_bytes(random, LOGS, &bytes);
    Batch *batch = batch_from_bytes(LOGS, &bytes, &err);
    assert_non_null(batch);
    return batch;
}

static void test_a_bundle_is_charged_once(void **state)
{
    (void)state;
    Err err;
    Budget budget;
    Random random;
    random_seed(&random, 12);
    budget_init(&budget, 64 << 20);
    Batch *parts[2] = { charged(&random, &budget), charged(&random, &budget) };
    Batch *bundle = batch_bundle(parts, COUNT_OF(parts), &err);
    assert_non_null(bundle);
    assert_int_equal(budget_use(&budget).used, batch_memory(bundle));
    batch_unref(parts[0]);
    batch_unref(parts[1]);
    assert_int_equal(budget_use(&budget).used, batch_memory(bundle));
    batch_unref(bundle);
    assert_int_equal(budget_use(&budget).used, 0);
}

static void test_one_batch_is_itself(void **state)
{
    (void)state;
    Err err;
    Batch *batch = batch_from_copy(TRACES, STR("\x0A\x00"), &err);
    Batch *joined = batch_concat(&batch, 1, &err);
    assert_ptr_equal(joined, batch);
    batch_unref(joined);
    joined = batch_bundle(&batch, 1, &err);
    assert_ptr_equal(joined, batch);
    batch_unref(joined);
    batch_unref(batch);
}

static void test_starved(void **state)
{
    (void)state;
    Err err;
    Random random;
    random_seed(&random, 3);
    starve_after(-1);
    Batch *batch = sample(&random, METRICS);
    while (batch_item_count(batch) < 5) {
        batch_unref(batch);
        batch = sample(&random, METRICS);
    }
    long before = starve_live();
    for (long n = 0; n < 300; n++) {
        starve_after(n);
        Split split = split_begin(batch, (SplitLimits){ .items_max = 2, .bytes_max = 3000 });
        Batch *piece = NULL, *both[2] = { NULL, NULL };
        size_t items = 0;
        for (;;) {
            bool ok = split_next(&split, &piece, &err);
            if (!ok)
                assert_int_equal(err.kind, ERR_MEMORY);
            if (ok && !piece)
                break;
            if (!piece)
                continue; /* only one allocation fails: the next attempt gets it */
            items += batch_item_count(piece);
            batch_unref(both[0]);
            both[0] = both[1];
            both[1] = piece;
        }
        assert_int_equal(items, batch_item_count(batch));
        piece = batch_concat(both, 2, &err);
        if (!piece)
            assert_int_equal(err.kind, ERR_MEMORY);
        batch_unref(piece);
        piece = batch_bundle(both, 2, &err);
        Batch *whole = piece ? batch_whole(piece, &err) : NULL;
        if (!whole)
            assert_int_equal(err.kind, ERR_MEMORY);
        batch_unref(whole);
        batch_unref(piece);
        batch_unref(both[0]);
        batch_unref(both[1]);
        split_end(&split);
        int happened = starve_happened();
        starve_end();
        assert_int_equal(starve_live(), before);
        if (!happened)
            break;
        assert_true(n < 299);
    }
    batch_unref(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split_then_concat),
        cmocka_unit_test(test_what_points_share_counts),
        cmocka_unit_test(test_concat_shifts_the_index),
        cmocka_unit_test(test_a_bundle_is_what_joining_makes),
        cmocka_unit_test(test_a_bundle_is_charged_once),
        cmocka_unit_test(test_one_batch_is_itself),
        cmocka_unit_test(test_starved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
