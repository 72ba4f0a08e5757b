/* hostmetrics_cases_test.c - runs tests/receivers/cases/hostmetrics_*.case: a machine of a few
 * files in a directory that root_path names, and every point that the receiver makes of it.
 *
 *     case     what it shows
 *     file     /proc/uptime           its lines follow, each behind "| "; \z is a zero byte
 *     link     /proc/7/exe /bin/cat   a symbolic link
 *     dir      /proc/7/fd             also: what cannot be read as a file
 *     remove   /proc/7                with all that is in it
 *     config   the settings, without root_path; the first look comes with it
 *     tick     60s                    until then looks come by collection_interval, 1m
 *     expect   one point, one line; the resource of processes stands in front of their points
 *     expect   nothing                no batch
 *     told     a part of one log line; the lines are in order, and none is left over
 *
 * Each case runs in a directory of its own. Every file system has 1000 bytes, 600 free, 500 for
 * those who are not root, and 100 inodes, 90 free. The machine was booted at 900 s; now is 1000 s.
 */
#include "base/log.h"
#include "otlp/metric_view.h"
#include "pipe/host_base.h"
#include "support/test_host.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ftw.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

extern const ComponentType hostmetrics_receiver;

#define CASES "tests/receivers/cases/hostmetrics_*.case"

typedef struct Run {
    char root[64];
    TestHost *host;
    Disk disk;
    size_t seen; /* batches that have been printed */
    Buf points, wanted;
    Buf lines, lines_wanted;
    FILE *file; /* that is being written */
    bool wrong;
    const char *place; /* the case's name */
} Run;

static Run run; /* the log's sink has no other way to it */
static size_t cases, wrong_cases;

static void keep_line(void *context, LogLevel level, Str component, Str message)
{
    (void)context;
    (void)component;
    buf_addf(&run.lines, "%s: %.*s\n", log_level_name(level), STR_ARG(message));
}

static bool fixed_usage(Disk *disk, const char *path, DiskUsage *out, Err *err)
{
    (void)disk;
    struct stat info;
    *out =
        (DiskUsage){ .total = 1000, .free = 600, .available = 500, .files = 100, .files_free = 90 };
    return !stat(path, &info) || fail_errno(err, errno, "%s", path);
}

/* --- what came out --------------------------------------------------------------------------- */

static void print_attributes(Attributes attributes, Buf *out)
{
    AttributeView attribute;
    buf_add_byte(out, '{');
    for (bool first = true; attributes_next(&attributes, &attribute); first = false) {
        buf_addf(out, "%s%.*s=", first ? "" : ",", STR_ARG(attribute.key));
        if (attribute.value.kind == VALUE_INT)
            buf_addf(out, "%lld", (long long)attribute.value.integer);
        else
            buf_add(out, attribute.value.text);
    }
    buf_add_byte(out, '}');
}

static const char *kind_of(const MetricView *metric)
{
    if (metric->kind == METRIC_GAUGE)
        return "gauge";
    assert_int_equal(metric->kind, METRIC_SUM);
    assert_int_equal(metric->temporality, TEMPORALITY_CUMULATIVE);
    return metric->is_monotonic ? "total" : "level";
}

/* "gauge system.uptime [s] 5.5"; a start that is not the machine's is said. */
static void print_metric(const Batch *batch, size_t m, Buf *out)
{
    MetricView metric = metric_view(batch, m);
    assert_true(metric.description.len > 0);
    for (size_t i = metric.first_item; i < metric.end_item; i++) {
        NumberPointView point = number_point_view(batch, i);
        buf_addf(out, "%s %.*s", kind_of(&metric), STR_ARG(metric.name));
        print_attributes(point.attributes, out);
        if (point.value.kind == NUMBER_INT)
            buf_addf(out, " %lld", (long long)point.value.integer);
        else
            buf_addf(out, " %.6g", point.value.real);
        buf_addf(out, " %.*s", STR_ARG(metric.unit));
        if (metric.kind == METRIC_SUM && point.start_ns != 900 * (uint64_t)NANOS_PER_SECOND)
            buf_addf(out, " from %.6g", (double)point.start_ns / NANOS_PER_SECOND);
        buf_add_byte(out, '\n');
    }
}

static void print_batch(const Batch *batch, Buf *out)
{
    size_t resource = SIZE_MAX;
    for (size_t m = 0; m < batch_metric_count(batch); m++) {
        size_t own = batch_resource_of_scope(batch, batch_scope_of_metric(batch, m));
        if (own != resource && attributes_count(resource_attributes(batch, own))) {
            buf_add(out, STR("resource "));
            print_attributes(resource_attributes(batch, own), out);
            buf_add_byte(out, '\n');
        }
        resource = own;
        print_metric(batch, m, out);
    }
}

static void settle(void)
{
    bool looked = run.host && run.wanted.len;
    for (; run.host && run.seen < test_host_sent_count(run.host); run.seen++)
        print_batch(test_host_sent(run.host, run.seen)->batch, &run.points);
    if (!strcmp(buf_text(&run.wanted), "nothing\n"))
        buf_clear(&run.wanted);
    if (looked && strcmp(buf_text(&run.points), buf_text(&run.wanted))) {
        fprintf(stderr, "%s: wanted\n%sgot\n%s", run.place, buf_text(&run.wanted),
                buf_text(&run.points));
        run.wrong = true;
    }
    if (looked)
        buf_clear(&run.points);
    buf_clear(&run.wanted);
}

/* --- commands -------------------------------------------------------------------------------- */

static void path_of(Str name, char out[512])
{
    snprintf(out, 512, "%s%.*s", run.root, STR_ARG(name));
    for (char *slash = strchr(out + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(out, 0700);
        *slash = '/';
    }
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info, (void)type, (void)walk;
    return remove(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void command_file(Str rest)
{
    char path[512];
    path_of(rest, path);
    run.file = fopen(path, "w");
    assert_non_null(run.file);
}

static void add_line(Str text)
{
    for (size_t i = 0; i < text.len; i++) {
        bool zero = text.len - i > 1 && text.ptr[i] == '\\' && text.ptr[i + 1] == 'z';
        fputc(zero ? 0 : text.ptr[i], run.file);
        i += zero;
    }
    if (!str_ends(text, STR("\\z")))
        fputc('\n', run.file);
}

static void command_config(Str rest)
{
    Err err = { 0 };
    Buf yaml = BUF(1 << 16), problems = BUF(1 << 16);
    buf_addf(&yaml, "{root_path: %s, %.*s}", run.root, STR_ARG(rest));
    test_host_free(run.host);
    run.seen = 0;
    run.host = test_host_new(&hostmetrics_receiver, buf_str(&yaml), &problems, &err);
    if (!run.host)
        fail_msg("%s: %s", run.place, buf_text(&problems));
    test_host_host(run.host)->disk = &run.disk;
    test_clock_init(test_host_clock(run.host), 999 * NANOS_PER_SECOND);
    assert_true(test_host_start(run.host, &err));
    test_host_tick(run.host, NANOS_PER_SECOND);
    buf_free(&yaml);
    buf_free(&problems);
}

static void command_tick(Str rest)
{
    int64_t ns;
    assert_true(duration_parse(rest, &ns));
    test_host_tick(run.host, ns);
}

static void close_file(void)
{
    if (run.file)
        fclose(run.file);
    run.file = NULL;
}

static void end_case(void)
{
    close_file();
    if (!run.place)
        return;
    settle();
    Str lines = buf_str(&run.lines), wanted = buf_str(&run.lines_wanted), line, part;
    while (str_split(&wanted, '\n', &part)) {
        bool have = str_split(&lines, '\n', &line);
        if (have && str_contains(line, part))
            continue;
        fprintf(stderr, "%s: wanted the line \"%.*s\", got \"%.*s\"\n", run.place, STR_ARG(part),
                have ? (int)line.len : 0, line.ptr);
        run.wrong = true;
    }
    while (str_split(&lines, '\n', &line)) {
        fprintf(stderr, "%s: nobody wanted \"%.*s\"\n", run.place, STR_ARG(line));
        run.wrong = true;
    }
    test_host_free(run.host);
    remove_tree(run.root);
    Buf *const bufs[] = { &run.points, &run.wanted, &run.lines, &run.lines_wanted };
    for (size_t i = 0; i < COUNT_OF(bufs); i++)
        buf_free(bufs[i]);
    wrong_cases += run.wrong;
    cases++;
    free((void *)(uintptr_t)run.place);
    run.place = NULL;
}

static void begin_case(Str name)
{
    end_case();
    run = (Run){
        .root = "/tmp/hostmetrics_cases.XXXXXX",
        .disk = *disk_system(),
        .points = BUF(1 << 20),
        .wanted = BUF(1 << 20),
        .lines = BUF(1 << 20),
        .lines_wanted = BUF(1 << 20),
        .place = strndup(name.ptr, name.len),
    };
    run.disk.usage = fixed_usage;
    assert_non_null(mkdtemp(run.root));
}

static void run_line(Str line)
{
    char path[512];
    Str command, rest = line, target;
    str_split(&rest, ' ', &command);
    rest = str_trim(rest);
    if (str_eq(command, STR("|"))) {
        assert_non_null(run.file);
        add_line(rest.len ? str_skip(line, 2) : STR(""));
        return;
    }
    close_file();
    bool wants = str_eq(command, STR("expect"));
    if (!wants && run.wanted.len)
        settle();
    if (str_eq(command, STR("case"))) {
        begin_case(rest);
    } else if (str_eq(command, STR("file"))) {
        command_file(rest);
    } else if (str_eq(command, STR("link"))) {
        str_split(&rest, ' ', &target);
        path_of(target, path);
        char *to = strndup(rest.ptr, rest.len);
        assert_int_equal(symlink(to, path), 0);
        free(to);
    } else if (str_eq(command, STR("dir"))) {
        path_of(rest, path);
        mkdir(path, 0700);
    } else if (str_eq(command, STR("remove"))) {
        path_of(rest, path);
        remove_tree(path);
    } else if (str_eq(command, STR("config"))) {
        command_config(rest);
    } else if (str_eq(command, STR("tick"))) {
        command_tick(rest);
    } else if (wants) {
        buf_addf(&run.wanted, "%.*s\n", STR_ARG(rest));
    } else if (str_eq(command, STR("told"))) {
        buf_addf(&run.lines_wanted, "%.*s\n", STR_ARG(rest));
    } else {
        fail_msg("%s: no such command: %.*s", run.place, STR_ARG(line));
    }
}

static void run_file(const char *path)
{
    Err err;
    Buf text = BUF(1 << 20);
    if (!disk_read_all(disk_system(), path, &text, &err))
        fail_msg("%s", err.text);
    Str rest = buf_str(&text), line;
    while (str_split(&rest, '\n', &line))
        if (line.len && line.ptr[0] != '#')
            run_line(line);
    end_case();
    buf_free(&text);
}

static void test_cases(void **state)
{
    (void)state;
    glob_t found;
    assert_int_equal(glob(CASES, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        run_file(found.gl_pathv[i]);
    globfree(&found);
    print_message("counts: %zu hostmetrics cases\n", cases);
    assert_true(cases > 10);
    assert_int_equal(wrong_cases, 0);
}

int main(void)
{
    const LogSink sink = { .write = keep_line, .level = LOG_INFO };
    log_set_sink(&sink);
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
