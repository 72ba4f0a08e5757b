/* Metrics in the store against a plain list of the same points: random batches with times that come
 * twice and out of order, restarts with the power cut, retention by memory, and random questions.
 * The list forgets what the store has let go: points leave in the order in which they came. The
 * seed is printed; CRYO_SEED=n repeats a run. */
#include "base/random.h"
#include "store/series_scan.h"
#include "support/store_rig.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { POINTS = 60000, STEPS = 1500, NAMES = 4, NUMBERS = 6, TIMES = 400 };

typedef struct Known {
    unsigned name, number;
    int64_t time_ms;
} Known;

static Known known[POINTS]; /* its index is the point's value */
static size_t known_count, forgotten;
static Random rng;
static uint64_t seed;

static unsigned below(unsigned bound)
{
    return (unsigned)random_below(&rng, bound);
}

/* ---- batches ------------------------------------------------------------------------------------
 */

static void add_metric(Buf *json)
{
    Known common = { .name = below(NAMES) };
    int64_t drift = (int64_t)(known_count / 200);
    buf_addf(json, "{'name':'m%u','gauge':{'dataPoints':[", common.name);
    size_t count = 1 + below(40);
    for (size_t i = 0; i < count && known_count < POINTS; i++) {
        Known one = common;
        one.number = below(NUMBERS);
        one.time_ms = drift + below(TIMES);
        buf_addf(json,
                 "%s{'timeUnixNano':'%" PRId64 "000000','asInt':'%zu','attributes':[{'key':'n',"
                 "'value':{'intValue':'%u'}}]}",
                 i ? "," : "", one.time_ms, known_count, one.number);
        known[known_count++] = one;
    }
    buf_add(json, STR("]}}"));
}

static void put_some(StoreRig *rig)
{
    Buf json = BUF(1 << 20);
    buf_add(&json, STR("{'resourceMetrics':[{'scopeMetrics':[{'metrics':["));
    for (unsigned i = 0, count = 1 + below(3); i < count && known_count < POINTS; i++) {
        if (i)
            buf_add_byte(&json, ',');
        add_metric(&json);
    }
    buf_add(&json, STR("]}]}]}"));
    Batch *batch = batch_from_json(METRICS, buf_text(&json), &rig->err);
    if (!batch)
        fail_msg("%s", rig->err.text);
    assert_true(store_rig_put(rig, batch));
    buf_free(&json);
}

/* ---- questions ----------------------------------------------------------------------------------
 */

typedef struct Wanted {
    bool names[NAMES], numbers[NUMBERS];
    int64_t from, to;
} Wanted;

static const char *const patterns[] = { "m0|m3", "m.", "", "m[12]" };
static const bool pattern_takes[][NAMES] = {
    { true, false, false, true },
    { true, true, true, true },
    { false, false, false, false },
    { false, true, true, false },
};

typedef struct Asked {
    LabelMatcher matchers[2];
    char texts[2][16];
    SeriesScan scan;
} Asked;

static bool is_positive(LabelOp op)
{
    return op == LABEL_EQUAL || op == LABEL_REGEX;
}

static void choose(Wanted *wanted, Asked *asked)
{
    *wanted = (Wanted){ .from = (int64_t)below(TIMES) - 1, .to = below(2 * TIMES) };
    *asked = (Asked){ 0 };
    LabelOp op = (LabelOp)below(4);
    unsigned one = below(NAMES), number = below(NUMBERS);
    bool regex = op == LABEL_REGEX || op == LABEL_NOT_REGEX;
    snprintf(asked->texts[0], sizeof asked->texts[0], "m%u", one);
    asked->matchers[0] = (LabelMatcher){ op, STR(LABEL_METRIC_NAME),
                                         str_from(regex ? patterns[one] : asked->texts[0]) };
    for (unsigned i = 0; i < NAMES; i++)
        wanted->names[i] = (regex ? pattern_takes[one][i] : i == one) == is_positive(op);
    bool by_number = below(2);
    snprintf(asked->texts[1], sizeof asked->texts[1], "%u", number);
    asked->matchers[1] = (LabelMatcher){ LABEL_EQUAL, STR("n"), str_from(asked->texts[1]) };
    for (unsigned i = 0; i < NUMBERS; i++)
        wanted->numbers[i] = !by_number || i == number;
    asked->scan = (SeriesScan){ .matchers = asked->matchers,
                                .matcher_count = by_number ? 2 : 1,
                                .from_ms = wanted->from,
                                .to_ms = wanted->to,
                                .labels_only = below(8) == 0 };
}

/* Of each time the index of the point that was stored last, -1: none. */
static size_t list_samples(const Wanted *wanted, unsigned name, unsigned number,
                           int64_t last[2 * TIMES + POINTS / 200])
{
    size_t count = 0;
    for (size_t t = 0; t < 2 * TIMES + POINTS / 200; t++)
        last[t] = -1;
    if (!wanted->names[name] || !wanted->numbers[number])
        return 0;
    for (size_t i = forgotten; i < known_count; i++) {
        const Known *one = &known[i];
        if (one->name != name || one->number != number || one->time_ms <= wanted->from ||
            one->time_ms > wanted->to)
            continue;
        count += last[one->time_ms] < 0;
        last[one->time_ms] = (int64_t)i;
    }
    return count;
}

static void check_row(const SeriesRow *row, unsigned name, unsigned number, const int64_t *last)
{
    char text[16];
    snprintf(text, sizeof text, "m%u", name);
    assert_true(str_eq(labels_get(row->labels, STR(LABEL_METRIC_NAME)), str_from(text)));
    snprintf(text, sizeof text, "%u", number);
    assert_true(str_eq(labels_get(row->labels, STR("n")), str_from(text)));
    assert_int_equal(row->labels.count, 2);
    for (size_t i = 0; i < row->count; i++) {
        assert_true(!i || row->samples[i].time_ms > row->samples[i - 1].time_ms);
        assert_int_equal((int64_t)row->samples[i].value, last[row->samples[i].time_ms]);
    }
}

static void ask(StoreRig *rig)
{
    static int64_t last[2 * TIMES + POINTS / 200];
    Wanted wanted;
    Asked asked;
    choose(&wanted, &asked);
    SeriesCursor *cursor = series_scan(store_series(rig->store), &asked.scan, &rig->err);
    assert_non_null(cursor);
    SeriesRow row;
    for (unsigned name = 0; name < NAMES; name++)
        for (unsigned number = 0; number < NUMBERS; number++) {
            size_t count = list_samples(&wanted, name, number, last);
            if (!count)
                continue;
            assert_int_equal(series_next(cursor, &row, &rig->err), SERIES_ROW);
            assert_int_equal(row.count, asked.scan.labels_only ? 0 : count);
            check_row(&row, name, number, last);
        }
    assert_int_equal(series_next(cursor, &row, &rig->err), SERIES_END);
    series_close(cursor);
}

/* A power cut may bring the file back that left last: its removal was not synced. */
static void forget(StoreRig *rig)
{
    StoreStats stats;
    store_stats(rig->store, &stats);
    assert_true(stats.memory_bytes <= rig->settings.memory_max);
    forgotten = known_count - stats.samples;
}

static void the_store_answers_as_a_list_does(void **state)
{
    (void)state;
    StoreRig rig;
    store_rig_init(&rig);
    rig.settings.segment_bytes = 64 * 1024;
    rig.settings.memory_max = 600 * 1024;
    assert_true(store_rig_open(&rig));
    for (int i = 0; i < STEPS; i++) {
        put_some(&rig);
        forget(&rig);
        ask(&rig);
        if (below(100) == 0)
            assert_true(store_rig_reopen(&rig));
        forget(&rig);
    }
    print_message("counts: %zu data points asked for %d times, %zu of them left on the way; "
                  "CRYO_SEED=%" PRIu64 "\n",
                  known_count, STEPS, forgotten, seed);
    assert_true(forgotten > 1000 && known_count - forgotten > 5000);
    store_rig_done(&rig);
}

int main(void)
{
    const char *given = getenv("CRYO_SEED");
    random_seed_from_system(&rng);
    if (!given || !str_to_u64(str_from(given), &seed))
        seed = random_next(&rng) % 1000000000;
    print_message("CRYO_SEED=%" PRIu64 "\n", seed);
    random_seed(&rng, seed);
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_store_answers_as_a_list_does) };
    return cmocka_run_group_tests_name("series model", tests, NULL, NULL);
}
