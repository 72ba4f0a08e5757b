/* test_host.h - a pipeline of one component, for its tests: a clock that the test moves, parcels
 * that the test pushes in, and everything that comes out kept for the test to read and to judge.
 *
 * The instance lives on one real loop under a TestClock. Acks made by test_host_push (and by the
 * component itself, through host_ack_new) are numbered from 0 and remembered with their outcome.
 * What the component sends on is kept, batch and Ack, until the test settles it.
 */
#ifndef TESTS_SUPPORT_TEST_HOST_H
#define TESTS_SUPPORT_TEST_HOST_H

#include "base/buf.h"
#include "pipe/host.h"

typedef struct TestHost TestHost;

typedef struct TestAck {
    bool heard;
    AckOutcome outcome;
} TestAck;

/* Makes the instance and fills its settings from YAML ("{timeout: 1s}"; "" for the presets). NULL:
 * err has the first problem, `problems` (may be NULL) all of them as they are printed. */
CHECKED TestHost *test_host_new(const ComponentType *type, Str yaml, Buf *problems, Err *err);
/* Stops, settles what was sent and not judged (as retry), frees. NULL is fine. */
void test_host_free(TestHost *test);

CHECKED bool test_host_start(TestHost *test, Err *err);
void test_host_stop(TestHost *test); /* and lets verdicts arrive */
void test_host_flush(TestHost *test);
void test_host_close(TestHost *test);

void *test_host_self(TestHost *test);
Host *test_host_host(TestHost *test);
TestClock *test_host_clock(TestHost *test);

/* Into consume(). The batch stays the caller's. Refused: the Ack is settled by ack_fail. */
bool test_host_push(TestHost *test, Batch *batch, bool waits, Err *err);

/* Lets time pass in steps of at most a millisecond or a thousandth, and runs what is due. */
void test_host_tick(TestHost *test, int64_t ns);
void test_host_turn(TestHost *test); /* the same without time passing */

size_t test_host_sent_count(const TestHost *test);
const Parcel *test_host_sent(const TestHost *test, size_t i); /* ack NULL once judged */
void test_host_judge(TestHost *test, size_t i, const AckOutcome *outcome);
void test_host_judge_all(TestHost *test, bool delivers); /* from now on, at once */

size_t test_host_ack_count(const TestHost *test);
const TestAck *test_host_ack(const TestHost *test, size_t i);

/* From now on host_send refuses with this kind; ERR_NONE: takes again. */
void test_host_refuse(TestHost *test, ErrKind kind);
/* Something comes next only for these signals; at first for all that the component has. */
void test_host_want(TestHost *test, unsigned signals);
/* From now on what comes next takes bundles; at first it does not. */
void test_host_take_bundles(TestHost *test);
/* What host_ready answers while the component runs; at first true. */
void test_host_set_ready(TestHost *test, bool ready);
/* Who sends what is pushed from now on; borrowed. NULL: nobody knows. */
void test_host_set_client(TestHost *test, ClientInfo *client);
/* What host_budget answers, from the start on; lives longer than the instance. */
void test_host_lend(TestHost *test, Budget *budget);
/* What host_service answers. */
void test_host_offer(TestHost *test, void *service);

ComponentStatus test_host_status(TestHost *test);
uint64_t test_host_open(TestHost *test); /* Acks that nobody has settled */

#endif
