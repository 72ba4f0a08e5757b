/* Runs tests/api/cases/<name>.case: spans go into a store, questions to the Jaeger face.
 *
 *     # a comment
 *     span trace=a1 service=shop name=buy start=+1s     one batch with one span (make_spans.h)
 *     get /api/traces?service=shop                      asks; what follows is about the answer
 *     status 200
 *     traces a1 b2                                      exactly these traces, in this order; "-":
 * none data ["shop"]                                     exactly this in "data" has
 * "operationName":"buy"                         somewhere in the body not "operationName":"sell"
 * nowhere in it error parameter 'limit' is 'x': ...               the message begins so restart
 * closes the store and opens it again
 *
 * The time of the questions is SPANS_EPOCH_NS plus one hour; {us:5s} in a question is
 * SPANS_EPOCH_NS plus 5 s in microseconds, {ms:5s} in milliseconds.
 */
#include "api/jaeger.h"

#include "base/clock.h"
#include "store/store.h"
#include "support/make_spans.h"
#include "support/test_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CASE_MAX = 1 << 20, BODY_MAX = 1 << 20 };
#define ASKED_AT_NS ((int64_t)SPANS_EPOCH_NS + 3600 * NANOS_PER_SECOND)

typedef struct Runner {
    const char *file;
    int line, checks;
    TestDisk *disk;
    TestClock clock;
    Store *store;
    ApiAnswer answer;
    bool stored;
} Runner;

static void wrong(const Runner *runner, const char *what)
{
    fail_msg("%s:%d: %s\nstatus %d, body: %.*s", runner->file, runner->line, what,
             runner->answer.status, STR_ARG(buf_str(&runner->answer.body)));
}

static void expect(Runner *runner, bool ok, const char *what)
{
    runner->checks++;
    if (!ok)
        wrong(runner, what);
}

static void open_store(Runner *runner)
{
    Err err;
    StoreSettings settings = store_defaults();
    settings.disk = test_disk_door(runner->disk);
    settings.clock = &runner->clock.base;
    settings.directory = "data";
    settings.own_thread = false;
    settings.reserve_bytes = 0;
    runner->store = store_open(&settings, &err);
    assert_non_null(runner->store);
}

static void told(void *context, const Err *err)
{
    ((Runner *)context)->stored = err == NULL;
}

static void do_span(Runner *runner, Str rest)
{
    Err err = { 0 };
    Batch *batch = make_spans(rest, &err);
    if (!batch)
        wrong(runner, err.text);
    runner->stored = false;
    assert_true(store_append(runner->store, batch, told, runner, &err));
    batch_unref(batch);
    store_step(runner->store);
    assert_true(runner->stored);
}

/* {us:5s} and {ms:5s} become numbers; other braces stay. */
static void expand(Runner *runner, Str text, Buf *out)
{
    while (text.len) {
        bool micros = str_starts(text, STR("{us:"));
        Str part = str_first(text, 1);
        int64_t since;
        if (!micros && !str_starts(text, STR("{ms:"))) {
            buf_add(out, part);
            text = str_skip(text, 1);
            continue;
        }
        (void)str_split(&text, '}', &part);
        expect(runner, duration_parse(str_skip(part, 4), &since), "no duration in braces");
        int64_t unit = micros ? NANOS_PER_MICRO : NANOS_PER_MILLI;
        buf_addf(out, "%lld", (long long)(((int64_t)SPANS_EPOCH_NS + since) / unit));
    }
}

static void do_get(Runner *runner, Str rest)
{
    Buf target = BUF(CASE_MAX);
    expand(runner, rest, &target);
    Str query = buf_str(&target), path;
    (void)str_split(&query, '?', &path);
    ApiRequest request = {
        .method = STR("GET"), .path = path, .query = query, .now_ns = ASKED_AT_NS
    };
    buf_clear(&runner->answer.body);
    runner->answer.status = 0;
    jaeger_answer(store_spans(runner->store), &request, &runner->answer);
    expect(runner, utf8_valid(buf_str(&runner->answer.body)), "the body is no text");
    buf_free(&target);
}

static void do_status(Runner *runner, Str rest)
{
    uint64_t status;
    assert_true(str_to_u64(rest, &status));
    expect(runner, runner->answer.status == (int)status, "another status");
}

static const char *find(Str body, const char *text)
{
    return memmem(body.ptr, body.len, text, strlen(text));
}

static void do_traces(Runner *runner, Str rest)
{
    Buf found = BUF(CASE_MAX);
    static const char mark[] = "{\"traceID\":\"", behind[] = "\",\"spans\":[";
    Str body = buf_str(&runner->answer.body);
    for (const char *at; (at = find(body, mark));) {
        body = str_skip(body, (size_t)(at - body.ptr) + strlen(mark));
        Str rest_of_it = body, id;
        assert_true(str_split(&rest_of_it, '"', &id));
        if (!str_starts(str_skip(body, id.len), str_from(behind)))
            continue;
        while (id.len > 1 && *id.ptr == '0')
            id = str_skip(id, 1);
        buf_addf(&found, "%s%.*s", found.len ? " " : "", STR_ARG(id));
    }
    if (!found.len)
        buf_add(&found, STR("-"));
    if (!str_eq(buf_str(&found), rest))
        print_error("found: %.*s\n", STR_ARG(buf_str(&found)));
    expect(runner, str_eq(buf_str(&found), rest), "other traces");
    buf_free(&found);
}

static void do_data(Runner *runner, Str rest)
{
    Str body = buf_str(&runner->answer.body);
    expect(runner, str_starts(body, STR("{\"data\":")), "no envelope");
    body = str_skip(body, strlen("{\"data\":"));
    expect(runner,
           str_starts(body, rest) && str_starts(str_skip(body, rest.len), STR(",\"total\":")),
           "other data");
}

static void do_has(Runner *runner, Str rest)
{
    expect(runner, str_contains(buf_str(&runner->answer.body), rest), "that is missing");
}

static void do_not(Runner *runner, Str rest)
{
    expect(runner, !str_contains(buf_str(&runner->answer.body), rest), "that is there");
}

static void do_error(Runner *runner, Str rest)
{
    Buf wanted = BUF(CASE_MAX);
    buf_addf(&wanted,
             "{\"data\":null,\"total\":0,\"limit\":0,\"offset\":0,\"errors\":[{\"code\":%d,"
             "\"msg\":\"%.*s",
             runner->answer.status, STR_ARG(rest));
    expect(runner, str_starts(buf_str(&runner->answer.body), buf_str(&wanted)), "another error");
    buf_free(&wanted);
}

static void do_restart(Runner *runner, Str rest)
{
    (void)rest;
    Err err;
    assert_true(store_close(runner->store, INT64_MAX, &err));
    open_store(runner);
}

static const struct {
    Str word;
    void (*run)(Runner *runner, Str rest);
} verbs[] = {
    { STR_ROW("span"), do_span },       { STR_ROW("get"), do_get },
    { STR_ROW("status"), do_status },   { STR_ROW("traces"), do_traces },
    { STR_ROW("data"), do_data },       { STR_ROW("has"), do_has },
    { STR_ROW("not"), do_not },         { STR_ROW("error"), do_error },
    { STR_ROW("restart"), do_restart },
};

static void run_line(Runner *runner, Str line)
{
    Str rest = line, word;
    if (!str_split(&rest, ' ', &word) || *line.ptr == '#')
        return;
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        if (str_eq(verbs[i].word, word)) {
            verbs[i].run(runner, rest);
            return;
        }
    }
    wrong(runner, "no such word");
}

static void run_file(void **state)
{
    Runner runner = { .file = *state, .disk = test_disk_new(1) };
    test_clock_init(&runner.clock, ASKED_AT_NS);
    runner.answer.body = BUF(BODY_MAX);
    open_store(&runner);
    Buf text = BUF(CASE_MAX);
    Err err;
    assert_true(disk_read_all(disk_system(), runner.file, &text, &err));
    Str rest = buf_str(&text);
    for (Str line; str_split(&rest, '\n', &line);) {
        runner.line++;
        if (str_trim(line).len)
            run_line(&runner, line);
    }
    printf("counts: %s: %d checks\n", runner.file, runner.checks);
    assert_true(runner.checks > 0);
    assert_true(store_close(runner.store, INT64_MAX, &err));
    buf_free(&text);
    buf_free(&runner.answer.body);
    test_disk_free(runner.disk);
}

int main(void)
{
    static char files[][40] = { "tests/api/cases/search.case", "tests/api/cases/trace.case",
                                "tests/api/cases/services.case", "tests/api/cases/refused.case" };
    struct CMUnitTest tests[COUNT_OF(files)];
    for (size_t i = 0; i < COUNT_OF(files); i++)
        tests[i] = (struct CMUnitTest){ files[i], run_file, NULL, NULL, files[i] };
    return cmocka_run_group_tests_name("jaeger cases", tests, NULL, NULL);
}
