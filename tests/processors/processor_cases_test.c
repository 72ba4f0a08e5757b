/* processor_cases_test.c - runs the files of tests/processors/cases; a file's name is its
 * processor.
 *
 *     case     what is shown; each case is an instance of its own
 *     config   {timeout: 1s}             its settings, as YAML on one line
 *     problem  c:1:2: ...                what is said of them, line by line; nothing runs then
 *     push     traces {a=1} x y          in, and taken (words as tests/support/make_batch.h has
 * them) push!    traces {a=1} x y          the same, and somebody outside waits for the verdict
 *     refuse   traces {a=1} x y          in, and refused
 *     client   a=1 auth.b=2 client.address=192.0.2.1   who sends from now on; nothing: nobody knows
 *     tick     200ms                     time passes
 *     flush                              the hook
 *     stop                               the hook; everything is settled afterwards
 *     memory   80                        this process has so many MiB; unknown: nobody says
 *     env      a=1,b=2                   OTEL_RESOURCE_ATTRIBUTES; nothing: it is empty
 *     file     /etc/machine-id x         a file of this machine has that one line
 *     next     busy | broken | ready     what comes next refuses for now, for good, or takes
 *     expect   traces {a=1} x y          the next one that came out
 *     expect   nothing                   nothing else has come out yet
 *     sender   0 a=1                     as if from whom it came out, counted from 0
 *     judge    0 delivered | retry | refused | partly 2     of what came out, counted from 0
 *     ack      0 open | delivered | retry | refused 2 | partly 2    of what went in
 *     count    sent 3                    received, sent, refused, dropped or held: items
 *
 * Each case is run again with the n-th allocation failing, for every n: then nothing is expected of
 * what comes out, but that every Ack is settled at the end and nothing leaks.
 */
#include "base/log.h"
#include "config/yaml.h"
#include "otlp/batch.h"
#include "pipe/client_info.h"
#include "pipe/host_base.h"
#include "support/make_batch.h"
#include "support/starve.h"
#include "support/test_disk.h"
#include "support/test_host.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#undef fail /* ours is in base/err.h */

extern const ComponentType attributes_processor, batch_processor, memory_limiter_processor,
    metricstransform_processor, probabilistic_sampler_processor, resource_processor,
    resourcedetection_processor, span_processor;

static const ComponentType *const processors[] = { &attributes_processor,
                                                   &batch_processor,
                                                   &memory_limiter_processor,
                                                   &metricstransform_processor,
                                                   &probabilistic_sampler_processor,
                                                   &resource_processor,
                                                   &resourcedetection_processor,
                                                   &span_processor,
                                                   NULL };

#define CASES "tests/processors/cases"

enum { LINES_MAX = 64, FILE_MAX = 1 << 20 };

typedef struct Case {
    const ComponentType *type;
    Str file, name, config;
    Str lines[LINES_MAX];
    size_t count;
    Buf problems;
} Case;

typedef struct Run {
    const Case *c;
    TestHost *test;
    TestDisk *disk;
    size_t cursor;      /* of what came out: the next to expect */
    ErrKind next;       /* how what comes next refuses */
    bool strict;        /* false: memory fails, so anything may happen */
    ClientInfo *client; /* who sends; NULL: nobody knows */
    Str line;
} Run;

static size_t wrong, cases, starved;

static void differ(Run *run, Str got)
{
    if (!run->strict)
        return;
    wrong++;
    print_error("%.*s: %.*s: \"%.*s\", but: %.*s\n", STR_ARG(run->c->file), STR_ARG(run->c->name),
                STR_ARG(run->line), STR_ARG(got));
}

static void expect_text(Run *run, Str want, Str got)
{
    if (!str_eq(want, got))
        differ(run, got);
}

/* --- commands -------------------------------------------------------------------------------- */

static void push(Run *run, Str words, bool waits, bool taken)
{
    Err err;
    Str name;
    Signal signal = TRACES;
    if (!str_split(&words, ' ', &name) || !signal_parse(name, &signal))
        differ(run, STR("no such signal"));
    Batch *batch = make_batch(signal, words, &err);
    if (!batch) {
        differ(run, str_from(err.text));
        return;
    }
    const ComponentType *type = test_host_host(run->test)->type;
    bool next_takes = run->next == ERR_NONE;
    if (type->may_take && type->may_take(test_host_self(run->test), &err) != (taken || !next_takes))
        differ(run, STR("who asks first hears otherwise"));
    if (test_host_push(run->test, batch, waits, &err) != taken)
        differ(run, taken ? str_from(err.text) : STR("it was taken"));
    batch_unref(batch);
}

static void do_push(Run *run, Str words)
{
    push(run, words, false, true);
}

static void do_push_waited(Run *run, Str words)
{
    push(run, words, true, true);
}

static void do_refuse(Run *run, Str words)
{
    push(run, words, false, false);
}

static bool add_word(ClientInfo *client, Str word, Err *err)
{
    Str value = word, name;
    str_split(&value, '=', &name);
    ClientPart part = str_starts(name, STR("auth.")) ? CLIENT_AUTH : CLIENT_METADATA;
    if (part == CLIENT_AUTH)
        name = str_skip(name, STR("auth.").len);
    return client_info_add(client, part, name, value, err);
}

static void set_client(Run *run, ClientInfo *client)
{
    test_host_set_client(run->test, client);
    client_info_unref(run->client);
    run->client = client;
}

static void do_client(Run *run, Str words)
{
    Err err;
    Address peer;
    Str word, rest = words;
    bool known = false;
    while (str_split(&rest, ' ', &word))
        if (str_starts(word, STR("client.address=")))
            known = address_from_literal(&peer, str_skip(word, STR("client.address=").len), 4711);
    ClientInfo *client = words.len ? client_info_new(known ? &peer : NULL, NULL, &err) : NULL;
    bool good = client || !words.len;
    while (good && str_split(&words, ' ', &word))
        if (word.len && !str_starts(word, STR("client.address=")))
            good = add_word(client, word, &err);
    set_client(run, client);
    if (!good)
        differ(run, str_from(err.text));
}

static void do_sender(Run *run, Str words)
{
    Str index;
    uint64_t at = 0;
    if (!str_split(&words, ' ', &index) || !str_to_u64(index, &at) ||
        at >= test_host_sent_count(run->test) || !test_host_sent(run->test, at)->ack) {
        differ(run, STR("there is nothing that was sent"));
        return;
    }
    const ClientInfo *client = ack_client(test_host_sent(run->test, at)->ack);
    Buf got = BUF(FILE_MAX);
    for (size_t i = 0; client && i < client_info_count(client, CLIENT_METADATA); i++) {
        HttpField field = client_info_at(client, CLIENT_METADATA, i);
        buf_addf(&got, "%s%.*s=%.*s", i ? " " : "", STR_ARG(field.name), STR_ARG(field.value));
    }
    expect_text(run, words, buf_str(&got));
    buf_free(&got);
}

static void do_tick(Run *run, Str text)
{
    int64_t ns;
    if (!duration_parse(text, &ns))
        differ(run, STR("no duration"));
    else
        test_host_tick(run->test, ns);
}

static void do_flush(Run *run, Str rest)
{
    (void)rest;
    test_host_flush(run->test);
}

static void do_stop(Run *run, Str rest)
{
    (void)rest;
    test_host_stop(run->test);
}

static void do_memory(Run *run, Str mib)
{
    char text[100] = "Name: test\n";
    uint64_t count;
    if (str_to_u64(mib, &count))
        snprintf(text, sizeof text, "VmRSS: %llu kB\n", (unsigned long long)count * 1024);
    test_disk_put(run->disk, "/proc/self/status", str_from(text));
}

static void set_environment(Str text)
{
    char copy[200];
    snprintf(copy, sizeof copy, "%.*s", STR_ARG(text));
    setenv("OTEL_RESOURCE_ATTRIBUTES", copy, 1);
}

static void do_env(Run *run, Str text)
{
    (void)run;
    set_environment(text);
}

static void do_file(Run *run, Str words)
{
    Str name;
    char path[200];
    str_split(&words, ' ', &name);
    snprintf(path, sizeof path, "%.*s", STR_ARG(name));
    test_disk_put(run->disk, path, words);
}

/* What resourcedetection reads. */
static void make_machine(TestDisk *disk)
{
    static const struct {
        const char *path;
        Str text;
    } files[] = {
        { "/proc/meminfo", STR_ROW("MemTotal: 1048576 kB\n") },
        { "/proc/sys/kernel/hostname", STR_ROW("box\n") },
        { "/proc/sys/kernel/osrelease", STR_ROW("6.1.0\n") },
        { "/etc/hosts", STR_ROW("127.0.0.1 localhost\n192.0.2.1 box.example.com box # us\n") },
        { "/etc/machine-id", STR_ROW("0123\n") },
        { "/etc/os-release", STR_ROW("NAME=\"Debian\"\nVERSION_ID=\"12\"\n") },
        { "/proc/net/dev", STR_ROW("eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n") },
        { "/sys/class/net/eth0/address", STR_ROW("02:42:ac:11:00:02\n") },
        { "/proc/net/fib_trie", STR_ROW(" |-- 192.0.2.1\n    /32 host LOCAL\n") },
        { "/proc/cpuinfo", STR_ROW("vendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\n"
                                   "stepping\t: 7\ncache size\t: 36608 KB\n") },
    };
    for (size_t i = 0; i < COUNT_OF(files); i++)
        test_disk_put(disk, files[i].path, files[i].text);
    set_environment(STR("team=a%20b,env=prod"));
}

static void do_next(Run *run, Str how)
{
    run->next = str_eq(how, STR("busy"))     ? ERR_BUSY
                : str_eq(how, STR("broken")) ? ERR_INPUT
                                             : ERR_NONE;
    test_host_refuse(run->test, run->next);
}

static void do_expect(Run *run, Str want)
{
    Buf got = BUF(FILE_MAX);
    if (run->cursor < test_host_sent_count(run->test)) {
        const Batch *batch = test_host_sent(run->test, run->cursor)->batch;
        buf_add(&got, signal_name(batch_signal(batch)));
        buf_add_byte(&got, ' ');
        Buf words = BUF(FILE_MAX);
        describe_batch(batch, &words);
        buf_add(&got, buf_str(&words));
        buf_free(&words);
        run->cursor += !str_eq(want, STR("nothing"));
    } else {
        buf_add(&got, STR("nothing"));
    }
    expect_text(run, want, buf_str(&got));
    buf_free(&got);
}

static const struct {
    Str name;
    AckResult result;
} results[] = {
    { STR_ROW("delivered"), ACK_DELIVERED },
    { STR_ROW("retry"), ACK_RETRY },
    { STR_ROW("refused"), ACK_REFUSED },
    { STR_ROW("partly"), ACK_PARTLY },
};

static void do_judge(Run *run, Str words)
{
    Str index, name, count = words;
    uint64_t at = 0;
    AckOutcome outcome = { .reason = { .kind = ERR_BUSY } };
    if (!str_split(&count, ' ', &index) || !str_split(&count, ' ', &name) ||
        !str_to_u64(index, &at))
        return;
    for (size_t i = 0; i < COUNT_OF(results); i++)
        if (str_eq(results[i].name, name))
            outcome.result = results[i].result;
    if (count.len && !str_to_u64(count, &outcome.refused))
        differ(run, STR("no number"));
    if (at >= test_host_sent_count(run->test) || !test_host_sent(run->test, at)->ack) {
        differ(run, STR("there is nothing to judge"));
        return;
    }
    test_host_judge(run->test, at, &outcome);
    test_host_turn(run->test);
}

static void do_ack(Run *run, Str words)
{
    Str want = words, index;
    uint64_t at = 0;
    if (!str_split(&want, ' ', &index) || !str_to_u64(index, &at) ||
        at >= test_host_ack_count(run->test)) {
        differ(run, STR("no such ack"));
        return;
    }
    const TestAck *ack = test_host_ack(run->test, at);
    Buf got = BUF(100);
    buf_addf(&got, "%.*s", ack->heard ? (int)results[ack->outcome.result].name.len : 4,
             ack->heard ? results[ack->outcome.result].name.ptr : "open");
    if (ack->heard && ack->outcome.refused)
        buf_addf(&got, " %llu", (unsigned long long)ack->outcome.refused);
    expect_text(run, want, buf_str(&got));
    buf_free(&got);
}

static void do_count(Run *run, Str words)
{
    ComponentStatus status = test_host_status(run->test);
    const struct {
        const char *name;
        uint64_t count;
    } counts[] = { { "received", status.received },
                   { "sent", status.sent },
                   { "refused", status.refused },
                   { "dropped", status.dropped },
                   { "held", component_held(&status) } };
    Str want = words, name;
    str_split(&want, ' ', &name);
    Buf got = BUF(100);
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        if (str_eq(name, str_from(counts[i].name)))
            buf_addf(&got, "%llu", (unsigned long long)counts[i].count);
    expect_text(run, want, buf_str(&got));
    buf_free(&got);
}

static const struct {
    Str name;
    void (*run)(Run *run, Str rest);
} commands[] = {
    { STR_ROW("push"), do_push },     { STR_ROW("push!"), do_push_waited },
    { STR_ROW("refuse"), do_refuse }, { STR_ROW("tick"), do_tick },
    { STR_ROW("flush"), do_flush },   { STR_ROW("stop"), do_stop },
    { STR_ROW("client"), do_client }, { STR_ROW("sender"), do_sender },
    { STR_ROW("next"), do_next },     { STR_ROW("expect"), do_expect },
    { STR_ROW("judge"), do_judge },   { STR_ROW("ack"), do_ack },
    { STR_ROW("count"), do_count },   { STR_ROW("memory"), do_memory },
    { STR_ROW("env"), do_env },       { STR_ROW("file"), do_file },
};

static void run_line(Run *run, Str line)
{
    Str rest = line, name;
    run->line = line;
    str_split(&rest, ' ', &name);
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (str_eq(commands[i].name, name)) {
            commands[i].run(run, str_trim(rest));
            return;
        }
    }
    differ(run, STR("no such command"));
}

/* --- cases ----------------------------------------------------------------------------------- */

static void run_case(const Case *c, bool strict)
{
    Err err;
    Buf problems = BUF(FILE_MAX);
    Run run = { .c = c, .strict = strict, .line = c->config, .disk = test_disk_new(1) };
    do_memory(&run, STR("10"));
    make_machine(run.disk);
    run.test = test_host_new(c->type, c->config, strict ? &problems : NULL, &err);
    expect_text(&run, buf_str(&c->problems), buf_str(&problems));
    if (run.test)
        test_host_host(run.test)->disk = test_disk_door(run.disk);
    if (run.test && test_host_start(run.test, &err))
        for (size_t i = 0; i < c->count; i++)
            run_line(&run, c->lines[i]);
    if (run.test) {
        set_client(&run, NULL);
        test_host_stop(run.test);
        run.line = STR("stop");
        if (test_host_open(run.test)) {
            wrong++;
            print_error("%.*s: %.*s: an ack is open at the end\n", STR_ARG(c->file),
                        STR_ARG(c->name));
        }
    }
    test_host_free(run.test);
    test_disk_free(run.disk);
    buf_free(&problems);
}

static void run_starved(const Case *c)
{
    long before = starve_live(), n = 0;
    for (bool hit = true; hit; n++) {
        starve_after(n);
        run_case(c, false);
        hit = starve_happened();
        starve_end();
        assert_int_equal(starve_live(), before);
    }
    starved += (size_t)n;
}

static void finish_case(Case *c)
{
    if (!c->name.len)
        return;
    cases++;
    run_case(c, true);
    run_starved(c);
    buf_free(&c->problems);
    c->count = 0;
    c->name = c->config = (Str){ 0 };
}

static void read_line(Case *c, Str line)
{
    Str rest = line, word;
    if (!str_trim(line).len || line.ptr[0] == '#')
        return;
    str_split(&rest, ' ', &word);
    rest = str_trim(rest);
    if (str_eq(word, STR("case"))) {
        finish_case(c);
        c->name = rest;
    } else if (str_eq(word, STR("config"))) {
        c->config = rest;
    } else if (str_eq(word, STR("problem"))) {
        buf_add(&c->problems, rest);
        buf_add_byte(&c->problems, '\n');
    } else {
        assert_true(c->count < LINES_MAX);
        c->lines[c->count++] = str_trim(line);
    }
}

static void run_file(const char *name)
{
    Err err;
    char path[512];
    Case c = { .file = str_from(name), .problems = BUF(FILE_MAX) };
    Str stem = str_first(c.file, c.file.len - strlen(".case"));
    c.type = component_find(processors, PROCESSOR, stem);
    assert_non_null(c.type);
    snprintf(path, sizeof path, CASES "/%s", name);
    Buf text = BUF(FILE_MAX);
    assert_true(disk_read_all(disk_system(), path, &text, &err));
    Str rest = buf_str(&text), line;
    while (str_split(&rest, '\n', &line))
        read_line(&c, line);
    finish_case(&c);
    buf_free(&text);
}

static void test_cases(void **state)
{
    (void)state;
    starve_after(-1);
    DIR *directory = opendir(CASES);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));)
        if (str_ends(str_from(entry->d_name), STR(".case")))
            run_file(entry->d_name);
    closedir(directory);
    assert_int_equal(wrong, 0);
    assert_true(cases > 10);
    print_message("counts: %zu processor cases, and %zu times with memory failing\n", cases,
                  starved);
}

int main(void)
{
    log_set_level(LOG_OFF);
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
