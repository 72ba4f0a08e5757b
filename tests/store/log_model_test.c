/* Logs in the store against a plain list of the same records: random batches, restarts with the
 * power cut, retention by memory, and random questions. The list forgets what the store has let go:
 * records leave in the order in which they came. The seed is printed; CRYO_SEED=n repeats a run. */
#include "base/random.h"
#include "store/log_scan.h"
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

enum { RECORDS = 12000, STEPS = 900, SERVICES = 4, PODS = 3, WORDS = 5, TRACES_MADE = 3 };
static const char *const words[WORDS] = { "apple", "pear", "plum", "fig", "date" };

typedef struct Known {
    unsigned service, pod, word, trace; /* trace 0: none */
    uint64_t time_ns;
} Known;

static Known known[RECORDS];
static size_t known_count, forgotten;
static Random rng;
static uint64_t seed;

static unsigned below(unsigned bound)
{
    return (unsigned)random_below(&rng, bound);
}

/* ---- batches ------------------------------------------------------------------------------------
 */

static void add_record(Buf *json, const Known *one, size_t id)
{
    buf_addf(json, "{'timeUnixNano':'%" PRIu64 "','body':{'stringValue':'%zu %s'},", one->time_ns,
             id, words[one->word]);
    if (one->trace)
        buf_addf(json, "'traceId':'%032x',", one->trace);
    buf_addf(json, "'attributes':[{'key':'n','value':{'intValue':'%zu'}}]}", id);
}

static void add_resource(Buf *json)
{
    Known common = { .service = below(SERVICES), .pod = below(PODS) };
    buf_addf(json,
             "{'resource':{'attributes':[{'key':'service.name','value':{'stringValue':'s%u'}},"
             "{'key':'k8s.pod.name','value':{'stringValue':'p%u'}}]},"
             "'scopeLogs':[{'logRecords':[",
             common.service, common.pod);
    size_t count = 1 + below(12);
    for (size_t i = 0; i < count && known_count < RECORDS; i++) {
        Known one = common;
        one.time_ns = (uint64_t)RIG_EPOCH_NS + known_count / 50 + below(100);
        one.word = below(WORDS);
        one.trace = below(TRACES_MADE + 1);
        if (i)
            buf_add_byte(json, ',');
        add_record(json, &one, known_count);
        known[known_count++] = one;
    }
    buf_add(json, STR("]}]}"));
}

static void put_some(StoreRig *rig)
{
    Buf json = BUF(1 << 20);
    buf_add(&json, STR("{'resourceLogs':["));
    for (unsigned i = 0, count = 1 + below(3); i < count && known_count < RECORDS; i++) {
        if (i)
            buf_add_byte(&json, ',');
        add_resource(&json);
    }
    buf_add(&json, STR("]}"));
    Batch *batch = batch_from_json(LOGS, buf_text(&json), &rig->err);
    if (!batch)
        fail_msg("%s", rig->err.text);
    assert_true(store_rig_put(rig, batch));
    buf_free(&json);
}

/* ---- questions ----------------------------------------------------------------------------------
 */

typedef struct Asked {
    LabelMatcher matchers[2];
    char texts[2][16];
    LogScan scan;
    TraceId trace;
    Str word;
} Asked;

static const char *const patterns[] = { "s0|s3", "s.", "x", "s[12]" };
static const bool pattern_takes[][SERVICES] = {
    { true, false, false, true },
    { true, true, true, true },
    { false, false, false, false },
    { false, true, true, false },
};

typedef struct Wanted {
    bool services[SERVICES];
    int pod, word, trace; /* -1: any */
    uint64_t from, to;
    bool newest_first;
    size_t limit;
} Wanted;

static void choose_services(Wanted *wanted, Asked *asked)
{
    unsigned which = below(5), one = below(SERVICES);
    for (unsigned i = 0; i < SERVICES; i++)
        wanted->services[i] = true;
    if (which == 4)
        return;
    LabelMatcher *matcher = &asked->matchers[asked->scan.matcher_count++];
    *matcher = (LabelMatcher){ .op = (LabelOp)which, .name = STR("service_name") };
    snprintf(asked->texts[0], sizeof asked->texts[0], "s%u", one);
    bool regex = which >= LABEL_REGEX;
    matcher->value = str_from(regex ? patterns[one] : asked->texts[0]);
    for (unsigned i = 0; i < SERVICES; i++)
        wanted->services[i] = (regex ? pattern_takes[one][i] : i == one) ==
                              (which == LABEL_EQUAL || which == LABEL_REGEX);
}

static void choose(Wanted *wanted, Asked *asked)
{
    *wanted = (Wanted){ .pod = -1, .word = -1, .trace = -1 };
    *asked = (Asked){ 0 };
    choose_services(wanted, asked);
    if (below(2)) {
        wanted->pod = (int)below(PODS);
        snprintf(asked->texts[1], sizeof asked->texts[1], "p%d", wanted->pod);
        asked->matchers[asked->scan.matcher_count++] =
            (LabelMatcher){ LABEL_EQUAL, STR("k8s_pod_name"), str_from(asked->texts[1]) };
    }
    if (below(3) == 0)
        wanted->word = (int)below(WORDS);
    if (below(3) == 0)
        wanted->trace = 1 + (int)below(TRACES_MADE);
    if (below(2))
        wanted->from = (uint64_t)RIG_EPOCH_NS + below(RECORDS / 50 + 100);
    if (below(2))
        wanted->to = (uint64_t)RIG_EPOCH_NS + below(RECORDS / 50 + 100);
    wanted->newest_first = below(2);
    wanted->limit = below(2) ? 1 + below(700) : 0;
    asked->word = str_from(wanted->word >= 0 ? words[wanted->word] : "");
    asked->trace.bytes[15] = (uint8_t)wanted->trace;
    asked->scan.matchers = asked->matchers;
    asked->scan.contains = &asked->word;
    asked->scan.contains_count = wanted->word >= 0;
    asked->scan.trace_id = wanted->trace >= 0 ? &asked->trace : NULL;
    asked->scan.from_ns = wanted->from;
    asked->scan.to_ns = wanted->to;
    asked->scan.newest_first = wanted->newest_first;
    asked->scan.limit = wanted->limit;
}

/* Of a record without a trace only its metadata could say; whoever asks looks at it. */
static bool list_matches(const Wanted *wanted, const Known *one)
{
    return wanted->services[one->service] && (wanted->pod < 0 || wanted->pod == (int)one->pod) &&
           (wanted->word < 0 || wanted->word == (int)one->word) &&
           (wanted->trace < 0 || !one->trace || wanted->trace == (int)one->trace) &&
           one->time_ns >= wanted->from && (!wanted->to || one->time_ns < wanted->to);
}

static int by_time(const void *a, const void *b)
{
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    if (known[left].time_ns != known[right].time_ns)
        return known[left].time_ns < known[right].time_ns ? -1 : 1;
    return (left > right) - (left < right);
}

static size_t expected[RECORDS];

static size_t list_answer(const Wanted *wanted)
{
    size_t count = 0;
    for (size_t i = forgotten; i < known_count; i++)
        if (list_matches(wanted, &known[i]))
            expected[count++] = i;
    if (count)
        qsort(expected, count, sizeof *expected, by_time);
    for (size_t i = 0; wanted->newest_first && i < count / 2; i++) {
        size_t other = expected[count - 1 - i];
        expected[count - 1 - i] = expected[i];
        expected[i] = other;
    }
    return wanted->limit && wanted->limit < count ? wanted->limit : count;
}

static void check_row(const LogRow *row, size_t id)
{
    char line[64], text[32];
    const Known *one = &known[id];
    snprintf(line, sizeof line, "%zu %s", id, words[one->word]);
    snprintf(text, sizeof text, "%zu", id);
    if (!str_eq(row->line, str_from(line)))
        fail_msg("got \"%.*s\", not \"%s\"; CRYO_SEED=%" PRIu64, STR_ARG(row->line), line, seed);
    assert_int_equal(row->time_ns, one->time_ns);
    assert_true(str_eq(labels_get(row->metadata, STR("n")), str_from(text)));
    assert_int_equal(row->trace_id.bytes[15], one->trace);
    snprintf(text, sizeof text, "s%u", one->service);
    assert_true(str_eq(labels_get(row->stream, STR("service_name")), str_from(text)));
}

static void ask(StoreRig *rig)
{
    Wanted wanted;
    Asked asked;
    choose(&wanted, &asked);
    size_t count = list_answer(&wanted), got = 0;
    LogCursor *cursor = log_scan(store_logs(rig->store), &asked.scan, &rig->err);
    assert_non_null(cursor);
    LogBlock block;
    while (log_next(cursor, &block, &rig->err) == LOG_BLOCK) {
        assert_in_range(block.count, 1, LOG_BLOCK_ROWS);
        for (size_t i = 0; i < block.count; i++, got++) {
            assert_true(got < count);
            check_row(&block.rows[i], expected[got]);
        }
    }
    log_close(cursor);
    assert_int_equal(got, count);
}

static bool count_stream(void *context, Labels stream)
{
    assert_int_equal(stream.count, 2);
    ++*(size_t *)context;
    return true;
}

static void ask_streams(StoreRig *rig)
{
    bool there[SERVICES][PODS] = { { 0 } };
    size_t count = 0, got = 0;
    for (size_t i = forgotten; i < known_count; i++) {
        bool *one = &there[known[i].service][known[i].pod];
        count += !*one;
        *one = true;
    }
    LogStreamQuery query = { 0 };
    assert_true(log_streams(store_logs(rig->store), &query, count_stream, &got, &rig->err));
    assert_int_equal(got, count);
    LogStats stats;
    assert_true(log_stats(store_logs(rig->store), &stats, &rig->err));
    assert_int_equal(stats.records, known_count - forgotten);
    assert_int_equal(stats.streams, count);
}

/* A power cut may bring the file back that left last: its removal was not synced. */
static void forget(StoreRig *rig)
{
    StoreStats stats;
    store_stats(rig->store, &stats);
    assert_true(stats.memory_bytes <= rig->settings.memory_max);
    forgotten = known_count - stats.records;
}

static void the_store_answers_as_a_list_does(void **state)
{
    (void)state;
    StoreRig rig;
    store_rig_init(&rig);
    rig.settings.segment_bytes = 32 * 1024;
    rig.settings.memory_max = 1 << 20;
    assert_true(store_rig_open(&rig));
    for (int i = 0; i < STEPS; i++) {
        put_some(&rig);
        forget(&rig);
        ask(&rig);
        if (below(20) == 0)
            ask_streams(&rig);
        if (below(60) == 0)
            assert_true(store_rig_reopen(&rig));
        forget(&rig);
    }
    print_message("counts: %zu log records asked for %d times, %zu of them left on the way; "
                  "CRYO_SEED=%" PRIu64 "\n",
                  known_count, STEPS, forgotten, seed);
    assert_true(forgotten > 1000 && known_count - forgotten > 500);
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
    return cmocka_run_group_tests_name("log model", tests, NULL, NULL);
}
