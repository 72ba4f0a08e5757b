/* Runs tests/api/loki_cases/<name>.case against Loki's face over a store: what goes in through push
 * comes out of queries.
 *
 *     # a comment
 *     push application/json {"streams":[...]}     the rest of the line is the body
 *     get /loki/api/v1/labels?start=...           asks; what follows is about the last answer
 *     with categorize-labels                      the next question has that header
 *     memory 20000                                from now on so much is the limit; 0: none
 *     status 200
 *     body {"status":"success","data":["app"]}    exactly this, without stats
 *     has "app":"shop"                            somewhere in the body
 *     not "app":"mail"                            nowhere in it
 *     restart                                     closes the store and opens it again
 *
 * In a line {5s} is 5 s after the script's epoch in nanoseconds, {s:5s} in seconds. The time of the
 * questions is the epoch plus one minute.
 */
#include "api/append.h"
#include "api/loki.h"

#include "base/clock.h"
#include "store/store.h"
#include "support/test_disk.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CASE_MAX = 1 << 20, BODY_MAX = 1 << 20 };
#define EPOCH_NS (INT64_C(1700000000) * NANOS_PER_SECOND)

typedef struct Runner {
    const char *file;
    int line, checks;
    TestDisk *disk;
    TestClock clock;
    Store *store;
    AppendTo append;
    ApiAnswer answer;
    Str field;
    char field_text[64];
    Budget budget;
    bool limited;
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
    runner->append = (AppendTo){ runner->store, true };
}

/* {5s} and {s:5s}; other braces stay. */
static bool expand_time(Str *text, Buf *out)
{
    Str rest = str_skip(*text, 1), inner;
    bool seconds = str_starts(rest, STR("s:"));
    int64_t since;
    rest = str_skip(rest, seconds ? 2 : 0);
    if (!str_starts(*text, STR("{")) || !str_split(&rest, '}', &inner) ||
        !duration_parse(inner, &since))
        return false;
    buf_addf(out, "%lld", (long long)((EPOCH_NS + since) / (seconds ? NANOS_PER_SECOND : 1)));
    *text = rest;
    return true;
}

static void expand(Str text, Buf *out)
{
    while (text.len) {
        if (expand_time(&text, out))
            continue;
        buf_add_byte(out, text.ptr[0]);
        text = str_skip(text, 1);
    }
}

static const ApiRoute *find_route(Str path, Str method)
{
    const ApiRoute *best = NULL;
    for (size_t i = 0; i < LOKI_ROUTES; i++) {
        const ApiRoute *route = &loki_routes[i];
        Str prefix = str_first(route->path, route->path.len - 1);
        bool open = str_ends(route->path, STR("*"));
        if (open ? str_starts(path, prefix) : str_eq(path, route->path))
            best = !best || route->path.len > best->path.len ? route : best;
    }
    assert_non_null(best);
    assert_true(!best->methods.len || http_list_has(best->methods, method));
    return best;
}

static void ask(Runner *runner, ApiRequest *request)
{
    const ApiSources sources = { .logs = store_logs(runner->store),
                                 .append = append_and_wait,
                                 .append_context = &runner->append };
    const ApiRoute *route = find_route(request->path, request->method);
    request->now_ns = EPOCH_NS + 60 * NANOS_PER_SECOND;
    request->clock = clock_system();
    request->deadline_mono_ns = clock_mono_ns(request->clock) + 20 * NANOS_PER_SECOND;
    if (runner->limited)
        request->purse = budget_purse(&runner->budget, BUDGET_QUERIES);
    request->field = route->field.len ? runner->field : STR("");
    buf_free(&runner->answer.body);
    runner->answer = (ApiAnswer){ .body = BUF(BODY_MAX) };
    route->answer(&sources, request, &runner->answer);
    expect(runner, utf8_valid(buf_str(&runner->answer.body)), "the body is no text");
    expect(runner, runner->answer.status != 0, "no status");
    runner->field = STR("");
}

static void do_get(Runner *runner, Str rest)
{
    Str path;
    (void)str_split(&rest, '?', &path);
    ask(runner, &(ApiRequest){ .method = STR("GET"), .path = path, .query = rest });
}

static void do_push(Runner *runner, Str rest)
{
    Str type;
    (void)str_split(&rest, ' ', &type);
    ask(runner, &(ApiRequest){ .method = STR("POST"),
                               .path = STR("/loki/api/v1/push"),
                               .content_type = type,
                               .body = rest });
}

static void do_with(Runner *runner, Str rest)
{
    assert_true(rest.len < sizeof runner->field_text);
    memcpy(runner->field_text, rest.ptr, rest.len);
    runner->field = (Str){ runner->field_text, rest.len };
}

static void do_status(Runner *runner, Str rest)
{
    uint64_t status;
    assert_true(str_to_u64(rest, &status));
    expect(runner, runner->answer.status == (int)status, "another status");
}

/* What was measured is not compared. */
static void do_body(Runner *runner, Str rest)
{
    Str body = buf_str(&runner->answer.body);
    static const char mark[] = ",\"stats\":";
    const char *stats = memmem(body.ptr, body.len, mark, strlen(mark));
    if (stats)
        body.len = (size_t)(stats - body.ptr);
    expect(runner, str_eq(str_trim(body), rest), "another body");
}

static void do_has(Runner *runner, Str rest)
{
    expect(runner, str_contains(buf_str(&runner->answer.body), rest), "not in the body");
}

static void do_not(Runner *runner, Str rest)
{
    expect(runner, !str_contains(buf_str(&runner->answer.body), rest), "in the body");
}

static void do_memory(Runner *runner, Str rest)
{
    uint64_t limit;
    assert_true(str_to_u64(rest, &limit));
    expect(runner, !runner->limited || !budget_use(&runner->budget).used, "memory is still held");
    budget_init(&runner->budget, (size_t)limit);
    runner->limited = limit > 0;
}

static void do_restart(Runner *runner, Str rest)
{
    Err err;
    (void)rest;
    assert_true(store_close(runner->store, INT64_MAX, &err));
    open_store(runner);
}

static void run_line(Runner *runner, Str line)
{
    static const struct {
        Str word;
        void (*run)(Runner *runner, Str rest);
    } rows[] = {
        { STR_ROW("push"), do_push },     { STR_ROW("get"), do_get },
        { STR_ROW("with"), do_with },     { STR_ROW("status"), do_status },
        { STR_ROW("body"), do_body },     { STR_ROW("has"), do_has },
        { STR_ROW("not"), do_not },       { STR_ROW("restart"), do_restart },
        { STR_ROW("memory"), do_memory },
    };
    Str word;
    Buf text = BUF(CASE_MAX);
    expand(line, &text);
    Str rest = buf_str(&text);
    (void)str_split(&rest, ' ', &word);
    size_t i = 0;
    while (i < COUNT_OF(rows) && !str_eq(rows[i].word, word))
        i++;
    expect(runner, i < COUNT_OF(rows), "no such word");
    rows[i].run(runner, rest);
    buf_free(&text);
}

static int run_file(const char *path)
{
    static char text[CASE_MAX];
    Err err;
    Runner runner = { .file = path };
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    Str rest = { text, fread(text, 1, sizeof text, file) };
    fclose(file);
    runner.disk = test_disk_new(1);
    test_clock_init(&runner.clock, EPOCH_NS);
    open_store(&runner);
    for (Str line; str_split(&rest, '\n', &line);) {
        runner.line++;
        line = str_trim(line);
        if (line.len && line.ptr[0] != '#')
            run_line(&runner, line);
    }
    assert_true(store_close(runner.store, INT64_MAX, &err));
    buf_free(&runner.answer.body);
    test_disk_free(runner.disk);
    return runner.checks;
}

static void test_cases(void **state)
{
    (void)state;
    static const char folder[] = "tests/api/loki_cases";
    int checks = 0;
    DIR *cases = opendir(folder);
    assert_non_null(cases);
    for (struct dirent *entry; (entry = readdir(cases)) != NULL;) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (str_ends(str_from(entry->d_name), STR(".case")))
            checks += run_file(path);
    }
    closedir(cases);
    assert_true(checks > 0);
    print_message("counts: loki cases: %d checks\n", checks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
