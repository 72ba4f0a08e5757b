/* sim_test.c - the deterministic simulator: SDK, two collectors and a store in one thread.
 *
 *     sim_test                      the simulator is tested itself: replay, planted mistakes
 *     sim_test SEED                 one seed, and what happens in it
 *     sim_test FROM COUNT [SECONDS] so many seeds, or for so long; says which one fails
 *
 * What a seed chooses is in settings.c, what happens in scenario.c, what must hold in judge.c and
 * machine.c (the audit).
 */
#include "sim/scenario.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SEEDS_IN_TEST = 1000, REPLAYED = 12 };

/* ---- many seeds, or one -----------------------------------------------------------------------
 */

static int tell_one(uint64_t seed)
{
    Story story;
    scenario_run(seed, PLANT_NONE, stdout, &story);
    printf("seed %" PRIu64 ": %s; %" PRIu64 " turns, %" PRIu64 " requests, %" PRIu64
           " told OK, %" PRIu64 " items stored, hash %016" PRIx64 "\n",
           seed, story.failed ? story.why : "all is well", story.turns, story.requests,
           story.told_ok, story.items, story.hash);
    return story.failed;
}

static void add(Story *sum, const Story *one)
{
    sum->requests += one->requests;
    sum->told_ok += one->told_ok;
    sum->items += one->items;
    sum->repeated += one->repeated;
    sum->app_exported += one->app_exported;
    sum->kills += one->kills;
    sum->cuts += one->cuts;
    sum->reloads += one->reloads;
    sum->disk_faults += one->disk_faults;
    sum->turns += one->turns;
    sum->hash ^= one->hash;
}

static int run_many(uint64_t from, uint64_t count, uint64_t seconds)
{
    Story sum = { 0 };
    uint64_t failed = 0, ran = 0;
    int64_t end = clock_mono_ns(clock_system()) + (int64_t)seconds * NANOS_PER_SECOND;
    for (; ran < count && (!seconds || clock_mono_ns(clock_system()) < end); ran++) {
        Story story;
        uint64_t seed = from + ran;
        scenario_run(seed, PLANT_NONE, NULL, &story);
        add(&sum, &story);
        if (!story.failed)
            continue;
        failed++;
        printf("FAILED  seed %" PRIu64 ": %s\n    again: make torture SEED=%" PRIu64 "\n", seed,
               story.why, seed);
        fflush(stdout);
    }
    printf("counts: simulator: seeds %" PRIu64 " to %" PRIu64 ": %" PRIu64 " kills, %" PRIu64
           " power cuts, %" PRIu64 " reloads, %" PRIu64 " disk faults, %" PRIu64
           " requests (%" PRIu64 " told OK), %" PRIu64 " by the library, %" PRIu64
           " items stored; %" PRIu64 " seeds failed\n",
           from, from + ran - 1, sum.kills, sum.cuts, sum.reloads, sum.disk_faults, sum.requests,
           sum.told_ok, sum.app_exported, sum.items, failed);
    return failed > 0;
}

/* ---- the simulator itself ----------------------------------------------------------------------
 */

/* In a process of its own: another pid, other addresses of the heap, and an assertion ends only it.
 * False: it has ended before it could tell; `status` is waitpid's. */
static bool run_apart(uint64_t seed, Plant plant, Story *story, int *status)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        sigaction(SIGABRT, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
        (void)!freopen("/dev/null", "w", stderr);
        scenario_run(seed, plant, NULL, story);
        _exit(write(ends[1], story, sizeof *story) != sizeof *story);
    }
    close(ends[1]);
    bool told = read(ends[0], story, sizeof *story) == sizeof *story;
    close(ends[0]);
    assert_true(waitpid(child, status, 0) == child);
    return told;
}

static void a_seed_replays(void **state)
{
    (void)state;
    uint64_t first = 0;
    for (uint64_t seed = 1000; seed < 1000 + REPLAYED; seed++) {
        Story here, apart;
        int status;
        scenario_run(seed, PLANT_NONE, NULL, &here);
        assert_true(run_apart(seed, PLANT_NONE, &apart, &status));
        if (here.hash != apart.hash)
            fail_msg("seed %" PRIu64 " went another way in another process", seed);
        assert_true(seed == 1000 || here.hash != first);
        first = seed == 1000 ? here.hash : first;
    }
}

static bool is_found(uint64_t seed, Plant plant, Story *story)
{
    int status = 0;
    bool told = run_apart(seed, plant, story, &status);
    if (!plants[plant].said)
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
    return told && story->failed && strstr(story->why, plants[plant].said);
}

static void every_planted_mistake_is_found(void **state)
{
    (void)state;
    for (Plant plant = PLANT_NONE + 1; plant < PLANT_COUNT; plant++) {
        Story story = { 0 };
        uint64_t seed = 1;
        while (seed <= SEEDS_IN_TEST && !is_found(seed, plant, &story))
            seed++;
        if (seed > SEEDS_IN_TEST)
            fail_msg("%d seeds do not find what %s", SEEDS_IN_TEST, plants[plant].name);
        print_message("counts: planted: what %s is found by seed %" PRIu64 ": %s\n",
                      plants[plant].name, seed, plants[plant].said ? story.why : "an assertion");
    }
}

static int test_itself(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_replays),
        cmocka_unit_test(every_planted_mistake_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    uint64_t numbers[3] = { 0 };
    log_set_level(getenv("CRYO_SIM_LOG") ? LOG_DEBUG : LOG_OFF);
    for (int i = 1; i < argc && i <= 3; i++)
        if (!str_to_u64(str_from(argv[i]), &numbers[i - 1]))
            return 2;
    if (argc < 2)
        return test_itself();
    return argc == 2 ? tell_one(numbers[0]) : run_many(numbers[0], numbers[1], numbers[2]);
}
