/* The rules of ack.h, tried with every combination of verdicts of up to three children, both kinds
 * of split, and against an oracle that is written down from the rules and not from the code. */
#include "pipe/ack.h"
#include "pipe/client_info.h"

#include "base/thread.h"
#include "net/loop.h"
#include "pipe/ledger.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

typedef struct Heard {
    int times;
    AckOutcome outcome;
} Heard;

static void hear(void *context, const AckOutcome *outcome)
{
    Heard *heard = context;
    heard->times++;
    heard->outcome = *outcome;
}

static Loop *loop;

static int make_loop(void **state)
{
    (void)state;
    starve_after(-1);
    Err err;
    loop = loop_new(NULL, NULL, &err);
    return loop ? 0 : -1;
}

static int free_loop(void **state)
{
    (void)state;
    loop_free(loop);
    return starve_live() == 0 ? 0 : -1;
}

static Ack *new_ack(uint64_t items, Heard *heard)
{
    Err err;
    *heard = (Heard){ 0 };
    AckListener listener = { .home = loop, .settled = hear, .context = heard };
    Ack *ack = ack_new(&listener, items, &err);
    assert_non_null(ack);
    return ack;
}

static void turn(void)
{
    while (loop_step(loop, 0))
        continue;
}

static Err reason_of(AckResult result)
{
    static const ErrKind kinds[] = {
        [ACK_DELIVERED] = ERR_NONE,
        [ACK_RETRY] = ERR_BUSY,
        [ACK_REFUSED] = ERR_INPUT,
        [ACK_PARTLY] = ERR_LIMIT,
    };
    return (Err){ .kind = kinds[result] };
}

static AckOutcome verdict(AckResult result, uint64_t items, uint32_t retry_ms)
{
    AckOutcome outcome = { .result = result, .reason = reason_of(result) };
    if (result == ACK_RETRY)
        outcome.retry_ms = retry_ms;
    if (result == ACK_REFUSED)
        outcome.refused = items;
    if (result == ACK_PARTLY)
        outcome.refused = items / 2;
    return outcome;
}

/* --- splits -------------------------------------------------------------------------------- */

enum { CHILDREN_MAX = 3, RESULTS = 4 };

typedef struct Trial {
    AckSplit how;
    size_t count;
    AckOutcome outcomes[CHILDREN_MAX];
    uint64_t items[CHILDREN_MAX], total;
} Trial;

static Trial trial_of(AckSplit how, size_t count, unsigned combination)
{
    Trial trial = { .how = how, .count = count };
    for (size_t i = 0; i < count; i++, combination /= RESULTS) {
        trial.items[i] = how == ACK_PIECES ? 4 * (i + 1) : 12;
        trial.total = how == ACK_PIECES ? trial.total + trial.items[i] : 12;
        trial.outcomes[i] =
            verdict((AckResult)(combination % RESULTS), trial.items[i], 100 * (uint32_t)(i + 1));
    }
    return trial;
}

/* The rules in the words of ack.h. */
static AckOutcome expected(const Trial *trial)
{
    size_t seen[RESULTS] = { 0 };
    uint64_t sum = 0, most = 0;
    uint32_t longest_ms = 0;
    for (size_t i = 0; i < trial->count; i++) {
        const AckOutcome *outcome = &trial->outcomes[i];
        seen[outcome->result]++;
        sum += outcome->refused;
        most = outcome->refused > most ? outcome->refused : most;
        longest_ms = outcome->retry_ms > longest_ms ? outcome->retry_ms : longest_ms;
    }
    if (seen[ACK_RETRY])
        return (AckOutcome){ ACK_RETRY, longest_ms, 0, reason_of(ACK_RETRY) };
    if (seen[ACK_DELIVERED] == trial->count)
        return (AckOutcome){ .result = ACK_DELIVERED };
    if (seen[ACK_REFUSED] == trial->count)
        return (AckOutcome){ ACK_REFUSED, 0, trial->total, reason_of(ACK_REFUSED) };
    Err reason = reason_of(seen[ACK_REFUSED] ? ACK_REFUSED : ACK_PARTLY);
    return (AckOutcome){ ACK_PARTLY, 0, trial->how == ACK_PIECES ? sum : most, reason };
}

static void assert_outcome(const AckOutcome *got, const AckOutcome *want)
{
    assert_int_equal(got->result, want->result);
    assert_int_equal(got->retry_ms, want->retry_ms);
    assert_int_equal(got->refused, want->refused);
    assert_int_equal(got->reason.kind, want->reason.kind);
}

static void settle_in_order(const Trial *trial, const size_t order[], Heard *heard)
{
    Err err;
    Ack *parent = new_ack(trial->total, heard);
    Ack *children[CHILDREN_MAX];
    assert_true(ack_split(parent, trial->how, trial->count,
                          trial->how == ACK_PIECES ? trial->items : NULL, children, &err));
    for (size_t i = 0; i < trial->count; i++) {
        turn();
        assert_int_equal(heard->times, 0);
        assert_int_equal(ack_items(children[order[i]]), trial->items[order[i]]);
        ack_settle(children[order[i]], &trial->outcomes[order[i]]);
    }
    assert_int_equal(heard->times, 0); /* never inside the verdict */
    turn();
    assert_int_equal(heard->times, 1);
}

static void test_every_combination(void **state)
{
    (void)state;
    static const size_t orders[][CHILDREN_MAX] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
                                                   { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
    static const unsigned combinations[] = { 0, 4, 16, 64 };
    static const size_t order_counts[] = { 0, 1, 2, 6 };
    static const size_t pair_orders[][CHILDREN_MAX] = { { 0, 1 }, { 1, 0 } };
    for (size_t count = 1; count <= CHILDREN_MAX; count++)
        for (unsigned combination = 0; combination < combinations[count]; combination++)
            for (size_t at = 0; at < order_counts[count]; at++)
                for (int how = ACK_FAN_OUT; how <= ACK_PIECES; how++) {
                    Trial trial = trial_of((AckSplit)how, count, combination);
                    AckOutcome want = expected(&trial);
                    Heard heard;
                    settle_in_order(&trial, count == 2 ? pair_orders[at] : orders[at], &heard);
                    assert_outcome(&heard.outcome, &want);
                }
}

/* A fan-out of pieces of a join: verdicts climb through all levels. */
static void test_levels(void **state)
{
    (void)state;
    Err err, why = reason_of(ACK_REFUSED);
    Heard first, second;
    Ack *parents[] = { new_ack(4, &first), new_ack(6, &second) };
    Ack *join = ack_join(parents, 2, &err);
    assert_int_equal(ack_items(join), 10);
    Ack *places[2], *pieces[2];
    assert_true(ack_split(join, ACK_FAN_OUT, 2, NULL, places, &err));
    assert_true(ack_split(places[0], ACK_PIECES, 2, (uint64_t[]){ 7, 3 }, pieces, &err));
    ack_done(places[1]);
    ack_refuse(pieces[0], &why);
    ack_done(pieces[1]);
    turn();
    assert_int_equal(first.times, 1);
    assert_int_equal(first.outcome.result, ACK_PARTLY);
    assert_int_equal(first.outcome.refused, 4);
    assert_int_equal(second.outcome.result, ACK_PARTLY);
    assert_int_equal(second.outcome.refused, 6);
}

/* --- who sent it ---------------------------------------------------------------------------- */

static ClientInfo *new_client(const char *tenant)
{
    Err err;
    ClientInfo *client = client_info_new(NULL, NULL, &err);
    assert_true(client_info_add(client, CLIENT_METADATA, STR("tenant"), str_from(tenant), &err));
    return client;
}

static Ack *ack_from(ClientInfo *client)
{
    Err err;
    return ack_new(&(AckListener){ .client = client }, 2, &err);
}

/* Pieces are of who sent the whole; what several sent together is of nobody, unless it is said. */
static void test_client_travels(void **state)
{
    (void)state;
    Err err;
    ClientInfo *red = new_client("red"), *blue = new_client("blue");
    Ack *pieces[2], *whole = ack_from(red);
    assert_true(ack_split(whole, ACK_PIECES, 2, (uint64_t[]){ 1, 1 }, pieces, &err));
    assert_ptr_equal(ack_client(pieces[1]), red);
    Ack *same = ack_join(pieces, 2, &err);
    assert_ptr_equal(ack_client(same), red);
    Ack *other = ack_from(blue), *mixed = ack_join((Ack *[]){ same, other }, 2, &err);
    assert_null(ack_client(mixed));
    Ack *named = ack_join_as(&mixed, 1, blue, &err);
    client_info_unref(blue);
    client_info_unref(red); /* the Acks hold theirs */
    assert_true(
        str_eq(client_info_get(ack_client(named), CLIENT_METADATA, STR("Tenant")), STR("blue")));
    assert_int_equal(ack_items(named), 4);
    ack_done(named);
    Ack *nobody = ack_from(NULL);
    assert_null(ack_client(nobody));
    ack_done(nobody);
}

/* --- joins --------------------------------------------------------------------------------- */

static void join_three(const AckOutcome *outcome, Heard heard[3])
{
    Err err;
    Ack *parents[3];
    for (size_t i = 0; i < 3; i++)
        parents[i] = new_ack(2 * (i + 1), &heard[i]); /* 2, 4, 6 */
    Ack *join = ack_join(parents, 3, &err);
    assert_non_null(join);
    ack_settle(join, outcome);
    turn();
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(heard[i].times, 1);
}

static void test_join_tells_all(void **state)
{
    (void)state;
    Heard heard[3];
    for (int result = ACK_DELIVERED; result <= ACK_REFUSED; result++) {
        AckOutcome outcome = verdict((AckResult)result, 12, 70);
        join_three(&outcome, heard);
        for (size_t i = 0; i < 3; i++) {
            AckOutcome want = verdict((AckResult)result, 2 * (i + 1), 70);
            assert_outcome(&heard[i].outcome, &want);
        }
    }
}

/* Of 2, 4 and 6 items so many were refused, whose is not known: nobody may hear a plain OK. */
static void test_join_tells_each_what_may_be_lost(void **state)
{
    (void)state;
    static const struct {
        uint64_t refused, told[3];
    } rows[] = {
        { 0, { 0, 0, 0 } }, /* a warning */
        { 1, { 1, 1, 1 } },
        { 3, { 2, 3, 3 } },
        { 12, { 2, 4, 6 } },
    };
    for (size_t row = 0; row < COUNT_OF(rows); row++) {
        Heard heard[3];
        AckOutcome outcome = { .result = ACK_PARTLY,
                               .refused = rows[row].refused,
                               .reason = reason_of(ACK_PARTLY) };
        join_three(&outcome, heard);
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(heard[i].outcome.result, ACK_PARTLY);
            assert_int_equal(heard[i].outcome.refused, rows[row].told[i]);
        }
    }
}

static void test_one_is_itself(void **state)
{
    (void)state;
    Err err;
    Heard heard;
    Ack *ack = new_ack(3, &heard), *child;
    assert_ptr_equal(ack_join(&ack, 1, &err), ack);
    assert_true(ack_split(ack, ACK_PIECES, 1, (uint64_t[]){ 3 }, &child, &err));
    assert_ptr_equal(child, ack);
    ack_done(child);
    turn();
    assert_int_equal(heard.times, 1);
}

/* --- the rest ------------------------------------------------------------------------------ */

static void test_verdicts(void **state)
{
    (void)state;
    Heard heard;
    Err busy = { .kind = ERR_BUSY, .retry_ms = 30 }, bad = { .kind = ERR_INPUT };
    ack_fail(new_ack(5, &heard), &busy);
    turn();
    assert_outcome(&heard.outcome, &(AckOutcome){ ACK_RETRY, 30, 0, busy });
    ack_fail(new_ack(5, &heard), &bad);
    turn();
    assert_outcome(&heard.outcome, &(AckOutcome){ ACK_REFUSED, 0, 5, bad });
    ack_partly(new_ack(5, &heard), 99, &bad); /* a peer claims more than there was */
    turn();
    assert_outcome(&heard.outcome, &(AckOutcome){ ACK_PARTLY, 0, 5, bad });
}

static void test_waiting_is_passed_on(void **state)
{
    (void)state;
    Err err;
    Heard heard;
    Ack *calm = new_ack(1, &heard), *children[2];
    AckListener hurry = { .waits = true };
    Ack *parents[] = { calm, ack_new(&hurry, 1, &err) };
    assert_false(ack_waited(calm));
    Ack *join = ack_join(parents, 2, &err);
    assert_true(ack_waited(join));
    assert_true(ack_split(join, ACK_FAN_OUT, 2, NULL, children, &err));
    assert_true(ack_waited(children[1]));
    ack_done(children[0]);
    ack_done(children[1]);
    turn();
}

static void test_ledger(void **state)
{
    (void)state;
    Err err, why = reason_of(ACK_RETRY);
    Ledger ledger;
    ledger_init(&ledger, NULL);
    Heard heard = { 0 };
    AckListener listener = { .home = loop, .settled = hear, .context = &heard, .ledger = &ledger };
    AckListener silent = { .ledger = &ledger };
    AckListener waiting = { .ledger = &ledger, .waits = true };
    Ack *one = ack_new(&listener, 10, &err), *two = ack_new(&silent, 20, &err);
    Ack *three = ack_new(&silent, 5, &err);
    Ack *four = ack_new(&waiting, 7, &err), *five = ack_new(&silent, 1, &err);
    assert_int_equal(ledger_counts(&ledger).open, 5);
    assert_int_equal(ledger_counts(&ledger).open_items, 43);
    ack_retry(two, 0, &why); /* accepted: nobody sends it again */
    ack_retry(four, 0, &why);
    ack_hears(five); /* not taken: its sender is told */
    ack_retry(five, 0, &why);
    ack_refuse(three, &why);
    ack_partly(one, 4, &why);
    assert_int_equal(ledger_counts(&ledger).open, 1); /* decided, but its listener has not heard */
    assert_false(ledger_wait(&ledger, 0));
    turn();
    assert_true(ledger_wait(&ledger, 0));
    LedgerCounts counts = ledger_counts(&ledger);
    assert_int_equal(counts.items, 43);
    assert_int_equal(counts.delivered_items, 6);
    assert_int_equal(counts.refused_items, 9);
    assert_int_equal(counts.returned_items, 8);
    assert_int_equal(counts.lost_items, 20);
    assert_int_equal(counts.open_items, 0);
    ledger_done(&ledger);
}

static void test_starved(void **state)
{
    (void)state;
    Err err;
    Heard one, two;
    Ack *parents[] = { new_ack(1, &one), new_ack(1, &two) }, *children[3];
    starve_after(0);
    assert_null(ack_join(parents, 2, &err));
    starve_after(0);
    assert_false(ack_split(parents[0], ACK_FAN_OUT, 3, NULL, children, &err));
    starve_after(0);
    assert_null(ack_new(&(AckListener){ 0 }, 1, &err));
    assert_int_equal(err.kind, ERR_MEMORY);
    starve_after(0); /* both are still ours, and settling needs no memory */
    ack_done(parents[0]);
    ack_done(parents[1]);
    turn();
    assert_int_equal(starve_happened(), 0);
    assert_int_equal(one.times + two.times, 2);
    starve_end();
}

/* --- threads ------------------------------------------------------------------------------- */

enum { WORKERS = 4, ROUNDS = 300 };

typedef struct Worker {
    Thread thread;
    Ack *acks[ROUNDS];
} Worker;

static void work(void *argument)
{
    Worker *worker = argument;
    Err why = reason_of(ACK_PARTLY);
    for (size_t i = 0; i < ROUNDS; i++)
        ack_partly(worker->acks[i], 1, &why);
}

static void settle_one(void *ack)
{
    ack_done(ack);
}

/* Whoever waits for the last one is woken by it: the wait itself has no end. */
static void test_the_last_one_wakes_who_waits(void **state)
{
    (void)state;
    Err err;
    Ledger ledger;
    ledger_init(&ledger, NULL);
    AckListener listener = { .ledger = &ledger };
    for (int i = 0; i < 100; i++) {
        Thread thread = { 0 };
        Ack *ack = ack_new(&listener, 1, &err);
        assert_true(thread_start(&thread, "settles", settle_one, ack, &err));
        assert_true(ledger_wait(&ledger, INT64_MAX));
        thread_join(&thread);
    }
    ledger_done(&ledger);
}

static void sum_up(void *context, const AckOutcome *outcome)
{
    uint64_t *sum = context;
    *sum += outcome->refused;
}

/* Every root's children are settled by as many threads at once; the loop hears each root once. */
static void test_threads(void **state)
{
    (void)state;
    static Worker workers[WORKERS];
    Err err;
    Ledger ledger;
    ledger_init(&ledger, NULL);
    uint64_t sum = 0;
    AckListener listener = { .home = loop, .settled = sum_up, .context = &sum, .ledger = &ledger };
    for (size_t i = 0; i < ROUNDS; i++) {
        Ack *children[WORKERS], *root = ack_new(&listener, WORKERS, &err);
        uint64_t items[WORKERS] = { 1, 1, 1, 1 };
        assert_true(ack_split(root, ACK_PIECES, WORKERS, items, children, &err));
        for (size_t w = 0; w < WORKERS; w++)
            workers[w].acks[i] = children[w];
    }
    for (size_t w = 0; w < WORKERS; w++)
        assert_true(thread_start(&workers[w].thread, "settles", work, &workers[w], &err));
    while (ledger_counts(&ledger).open)
        loop_step(loop, NANOS_PER_MILLI);
    for (size_t w = 0; w < WORKERS; w++)
        thread_join(&workers[w].thread);
    assert_int_equal(sum, WORKERS * ROUNDS);
    assert_int_equal(ledger_counts(&ledger).refused_items, WORKERS * ROUNDS);
    ledger_done(&ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_combination),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_client_travels),
        cmocka_unit_test(test_join_tells_all),
        cmocka_unit_test(test_join_tells_each_what_may_be_lost),
        cmocka_unit_test(test_one_is_itself),
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_waiting_is_passed_on),
        cmocka_unit_test(test_ledger),
        cmocka_unit_test(test_starved),
        cmocka_unit_test(test_the_last_one_wakes_who_waits),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, make_loop, free_loop);
}
