/* Names to addresses: what is literal at once, the rest on a thread, and lookups given up. "127.1"
 * is an address only for the system's resolver, which needs no network for it. */
#include "net/resolve.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef struct Answer {
    int calls;
    Resolved found;
    Err err;
} Answer;

static void note(void *owner, const Resolved *found, const Err *err)
{
    Answer *answer = owner;
    answer->calls++;
    answer->found = *found;
    answer->err = err ? *err : (Err){ 0 };
}

static Answer ask(Loop *loop, const char *host)
{
    Answer answer = { 0 };
    Err err = { 0 };
    assert_non_null(resolve_start(loop, str_from(host), 4317, note, &answer, &err));
    assert_int_equal(answer.calls, 0);
    for (int i = 0; i < 30000 && !answer.calls; i++)
        loop_step(loop, NANOS_PER_MILLI);
    assert_int_equal(answer.calls, 1);
    return answer;
}

static void assert_first(const Answer *answer, const char *expected)
{
    char text[ADDRESS_TEXT_SIZE];
    assert_int_equal(answer->err.kind, ERR_NONE);
    assert_string_equal(address_text(&answer->found.addresses[0], text), expected);
}

static void names_become_addresses(void **state)
{
    (void)state;
    Err err = { 0 };
    Loop *loop = loop_new(NULL, NULL, &err);
    Answer answer = ask(loop, "::1");
    assert_first(&answer, "[::1]:4317");
    answer = ask(loop, "localhost");
    assert_first(&answer, "127.0.0.1:4317");
    assert_int_equal(answer.found.count, 2);
    answer = ask(loop, "127.1");
    assert_first(&answer, "127.0.0.1:4317");
    loop_free(loop);
}

static void what_is_no_name_is_refused(void **state)
{
    (void)state;
    Err err = { 0 };
    Loop *loop = loop_new(NULL, NULL, &err);
    char longest[300];
    memset(longest, 'a', sizeof longest);
    assert_null(resolve_start(loop, (Str){ longest, sizeof longest }, 1, note, NULL, &err));
    assert_int_equal(err.kind, ERR_INPUT);
    Answer answer = ask(loop, "no such name");
    assert_int_equal(answer.err.kind, ERR_IO);
    assert_non_null(strstr(answer.err.text, "no such name"));
    loop_free(loop);
}

static void a_lookup_that_was_given_up_says_nothing(void **state)
{
    (void)state;
    Err err = { 0 };
    Loop *loop = loop_new(NULL, NULL, &err);
    static const char *const hosts[] = { "127.1", "::1" };
    for (int i = 0; i < 40; i++) {
        Answer answer = { 0 };
        Lookup *lookup = resolve_start(loop, str_from(hosts[i % 2]), 1, note, &answer, &err);
        assert_non_null(lookup);
        if (i % 4 > 1) /* give the thread time to be done first */
            clock_sleep_ns(2 * NANOS_PER_MILLI);
        resolve_cancel(lookup);
        loop_step(loop, 0);
        assert_int_equal(answer.calls, 0);
    }
    resolve_cancel(NULL);
    loop_free(loop);
    clock_sleep_ns(50 * NANOS_PER_MILLI); /* for the leak checker: the last threads end */
}

static size_t count_threads(void)
{
    size_t count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (const struct dirent *entry = readdir(tasks); entry; entry = readdir(tasks)) {
        char path[300], name[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
        FILE *file = fopen(path, "r");
        count += file && fgets(name, sizeof name, file) && strcmp(name, "cryo-dns\n") == 0;
        if (file)
            fclose(file);
    }
    closedir(tasks);
    return count;
}

static void many_lookups_share_few_threads(void **state)
{
    (void)state;
    enum { MANY = 200 };
    static Answer answers[MANY];
    static Lookup *lookups[MANY];
    Err err = { 0 };
    Loop *loop = loop_new(NULL, NULL, &err);
    size_t told = 0, most = 0;
    memset(answers, 0, sizeof answers);
    for (size_t i = 0; i < MANY; i++) {
        lookups[i] = resolve_start(loop, STR("127.1"), (uint16_t)i, note, &answers[i], &err);
        assert_non_null(lookups[i]);
    }
    for (size_t i = 0; i < MANY; i += 10) { /* waiting or not */
        size_t threads = count_threads();
        most = threads > most ? threads : most;
        resolve_cancel(lookups[i]);
    }
    for (int turns = 0; turns < 5000 && told < MANY - MANY / 10; turns++) {
        loop_step(loop, NANOS_PER_MILLI);
        told = 0;
        for (size_t i = 0; i < MANY; i++)
            told += (size_t)answers[i].calls;
    }
    assert_int_equal(told, MANY - MANY / 10);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(answers[i].calls, i % 10 != 0);
        if (answers[i].calls)
            assert_int_equal(address_port(&answers[i].found.addresses[0]), i);
    }
    assert_true(most <= LOOKUP_THREADS);
    loop_free(loop);
    clock_sleep_ns(50 * NANOS_PER_MILLI);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_become_addresses),
        cmocka_unit_test(what_is_no_name_is_refused),
        cmocka_unit_test(many_lookups_share_few_threads),
        cmocka_unit_test(a_lookup_that_was_given_up_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
