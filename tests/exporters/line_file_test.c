/* Files of lines on a test disk: whole lines only, whatever fails; rotation and what it removes. */
#include "exporters/file/line_file.h"

#include "support/starve.h"
#include "support/test_disk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PATH "out/data.json"

typedef struct Fixture {
    TestDisk *disk;
    TestClock clock;
    LineFileSettings settings;
} Fixture;

static void begin(Fixture *f)
{
    *f = (Fixture){ .disk = test_disk_new(1) };
    test_clock_init(&f->clock, INT64_C(1663131734173) * NANOS_PER_MILLI); /* 2022-09-14 05:02:14 */
    f->settings = (LineFileSettings){
        .disk = test_disk_door(f->disk),
        .clock = &f->clock.base,
        .path = STR(PATH),
        .makes_parts = true,
        .bytes_max = 100,
    };
}

static LineFile *open_file(Fixture *f)
{
    Err err;
    LineFile *file = line_file_open(&f->settings, &err);
    if (!file)
        fail_msg("%s", err.text);
    return file;
}

static void write_lines(LineFile *file, const char *const *lines)
{
    Err err;
    for (; *lines; lines++)
        if (!line_file_append(file, str_from(*lines), &err))
            fail_msg("%s", err.text);
}

static void expect(Fixture *f, const char *path, const char *want)
{
    Buf got = BUF(1 << 20);
    assert_int_equal(test_disk_get(f->disk, path, &got), want != NULL);
    if (want)
        assert_string_equal(buf_text(&got), want);
    buf_free(&got);
}

static void lines_go_behind_one_another(void **state)
{
    (void)state;
    Fixture f;
    begin(&f);
    LineFile *file = open_file(&f);
    write_lines(file, (const char *const[]){ "one\n", "two\n", NULL });
    line_file_close(file);
    expect(&f, PATH, "one\ntwo\n");
    f.settings.append = true;
    file = open_file(&f);
    write_lines(file, (const char *const[]){ "three\n", NULL });
    line_file_close(file);
    expect(&f, PATH, "one\ntwo\nthree\n");
    f.settings.append = false;
    file = open_file(&f);
    expect(&f, PATH, "");
    line_file_close(file);
    test_disk_free(f.disk);
}

static void an_unfinished_line_is_cut(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after;
        uint64_t cut;
    } rows[] = {
        { "{\"resourceSpans\":1}\n{\"resourceSp", "{\"resourceSpans\":1}\n", 12 },
        { "{\"reso", "", 6 },
        { "{\"resourceLogs\":[", "", 17 },
        { "somebody else's", "somebody else's\n", 0 },
        { "", "", 0 },
        { "\n", "\n", 0 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Fixture f;
        begin(&f);
        f.settings.append = true;
        test_disk_put(f.disk, PATH, str_from(rows[i].before));
        LineFile *file = open_file(&f);
        assert_int_equal(line_file_cut(file), rows[i].cut);
        line_file_close(file);
        expect(&f, PATH, rows[i].after);
        test_disk_free(f.disk);
    }
}

/* Longer than the pieces in which the end is looked for. */
static void a_long_unfinished_line_is_cut(void **state)
{
    (void)state;
    Fixture f;
    begin(&f);
    Buf long_line = BUF(1 << 20);
    buf_add(&long_line, STR("first\n{\"resourceMetrics\":"));
    for (int i = 0; i < 30000; i++)
        buf_add(&long_line, STR("123456,"));
    test_disk_put(f.disk, PATH, buf_str(&long_line));
    f.settings.append = true;
    LineFile *file = open_file(&f);
    assert_int_equal(line_file_cut(file), long_line.len - 6);
    line_file_close(file);
    expect(&f, PATH, "first\n");
    buf_free(&long_line);
    test_disk_free(f.disk);
}

static void a_full_disk_leaves_no_half_line(void **state)
{
    (void)state;
    Fixture f;
    Err err;
    begin(&f);
    LineFile *file = open_file(&f);
    write_lines(file, (const char *const[]){ "one\n", NULL });
    test_disk_capacity(f.disk, 10);
    assert_false(line_file_append(file, STR("longer than ten\n"), &err));
    assert_non_null(strstr(err.text, PATH));
    assert_true(err_retryable(err.kind));
    expect(&f, PATH, "one\n");
    test_disk_fail(f.disk, (DiskFault){ .calls = CALL_TRUNCATE, .code = EIO });
    assert_false(line_file_append(file, STR("longer than ten\n"), &err)); /* and not cut */
    test_disk_capacity(f.disk, UINT64_MAX);
    write_lines(file, (const char *const[]){ "two\n", NULL });
    expect(&f, PATH, "one\ntwo\n");
    line_file_close(file);
    test_disk_free(f.disk);
}

static void full_files_are_renamed_and_old_ones_go(void **state)
{
    (void)state;
    Fixture f;
    Err err;
    begin(&f);
    f.settings.rotates = true;
    f.settings.bytes_max = 8;
    f.settings.backups_max = 2;
    f.settings.age_max_ns = 24 * 3600 * NANOS_PER_SECOND;
    test_disk_put(f.disk, "out/data-2022-09-10T00-00-00.000.json", STR("too old"));
    test_disk_put(f.disk, "out/data-2022-09-10T00-00-00.json", STR("not ours"));
    test_disk_put(f.disk, "out/data-2022-09-10T00-00-00.000.jsom", STR("not ours"));
    test_disk_put(f.disk, PATH, STR("zero\n"));
    LineFile *file = open_file(&f);
    expect(&f, "out/data-2022-09-10T00-00-00.000.json", NULL);
    write_lines(file, (const char *const[]){ "aa\n", "one\n", "bbb\n", "a large one\n", NULL });
    expect(&f, "out/data-2022-09-14T05-02-14.173.json", "zero\naa\n");
    expect(&f, "out/data-2022-09-14T05-02-14.174.json", "one\nbbb\n");
    expect(&f, PATH, "a large one\n");
    write_lines(file, (const char *const[]){ "two\n", NULL });
    expect(&f, "out/data-2022-09-14T05-02-14.173.json", NULL);
    expect(&f, "out/data-2022-09-14T05-02-14.175.json", "a large one\n");
    expect(&f, PATH, "two\n");
    test_clock_advance(&f.clock, 25 * 3600 * NANOS_PER_SECOND);
    test_disk_fail(f.disk, (DiskFault){ .calls = CALL_REMOVE, .code = EACCES });
    write_lines(file, (const char *const[]){ "three\n", NULL });
    assert_non_null(line_file_trouble(file));
    assert_true(line_file_append(file, STR("four\n"), &err));
    assert_null(line_file_trouble(file));
    expect(&f, "out/data-2022-09-14T05-02-14.175.json", NULL);
    expect(&f, "out/data-2022-09-10T00-00-00.json", "not ours");
    expect(&f, "out/data-2022-09-10T00-00-00.000.jsom", "not ours");
    line_file_close(file);
    test_disk_free(f.disk);
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    Err err;
    Fixture f;
    begin(&f);
    f.settings.disk = disk_system();
    f.settings.path = STR("/dev/null");
    f.settings.makes_parts = false;
    assert_null(line_file_open(&f.settings, &err));
    assert_string_equal(err.text, "/dev/null: it is no regular file");
    test_disk_free(f.disk);
}

static void only_one_writes_it(void **state)
{
    (void)state;
    Err err;
    Fixture f;
    begin(&f);
    LineFile *file = open_file(&f);
    assert_null(line_file_open(&f.settings, &err));
    line_file_close(file);
    test_disk_free(f.disk);
}

/* --- the n-th call fails --------------------------------------------------------------------- */

enum { LINES = 12 };
#define LINE "{\"resource\" "

/* Every taken line is somewhere, and no file holds anything but such lines. Twice is one that was
 * written, told as failed, and could not be cut: its sender sent it again. */
static void check_files(Fixture *f, const bool *taken, bool may_repeat)
{
    Buf all = BUF(1 << 20);
    const char *name;
    for (size_t i = 0; (name = test_disk_name(f->disk, ".json", i)); i++) {
        size_t before = all.len;
        assert_true(test_disk_get(f->disk, name, &all));
        assert_true(all.len == before || all.ptr[all.len - 1] == '\n');
    }
    size_t seen[LINES] = { 0 };
    Str rest = buf_str(&all), line;
    while (rest.len && str_split(&rest, '\n', &line)) {
        uint64_t number;
        assert_true(str_starts(line, STR(LINE)) && line.len == sizeof LINE + 1);
        assert_true(str_to_u64(str_skip(line, sizeof LINE - 1), &number) && number < LINES);
        seen[number]++;
    }
    for (size_t i = 0; i < LINES; i++)
        assert_true(seen[i] == taken[i] || (may_repeat && seen[i] > taken[i]));
    buf_free(&all);
}

/* A line that was refused comes again, as a sender does it, a few times. */
static void append_all(Fixture *f, bool *taken)
{
    Err err;
    LineFile *file = line_file_open(&f->settings, &err);
    for (size_t i = 0; file && i < LINES; i++) {
        char line[32];
        snprintf(line, sizeof line, LINE "%02zu\n", i);
        for (int tries = 0; tries < 3 && !taken[i]; tries++)
            taken[i] = line_file_append(file, str_from(line), &err);
    }
    line_file_close(file);
}

static void whatever_fails_lines_stay_whole(void **state)
{
    (void)state;
    for (int lasting = 0; lasting < 2; lasting++) {
        bool failed = true;
        for (long n = 0; failed; n++) {
            Fixture f;
            begin(&f);
            f.settings.rotates = true;
            f.settings.bytes_max = 40;
            f.settings.backups_max = 100;
            bool taken[LINES] = { false };
            const DiskFault fault = {
                .calls = lasting ? CALL_WRITE | CALL_TRUNCATE | CALL_RENAME : CALL_ANY,
                .after = n,
                .code = ENOSPC,
                .for_good = lasting,
            };
            test_disk_fail(f.disk, fault);
            append_all(&f, taken);
            failed = test_disk_failed(f.disk);
            test_disk_fail(f.disk, (DiskFault){ .after = -1 });
            if (lasting) /* what could not be cut then is cut by who opens it next */
                append_all(&f, taken);
            check_files(&f, taken, lasting);
            test_disk_free(f.disk);
        }
    }
}

static void without_memory(void)
{
    Fixture f;
    starve_hold();
    begin(&f);
    f.settings.rotates = true;
    f.settings.bytes_max = 40;
    f.settings.backups_max = 1;
    bool taken[LINES] = { false };
    starve_resume();
    append_all(&f, taken);
    starve_hold();
    test_disk_free(f.disk);
    starve_resume();
}

static void memory_that_fails_loses_nothing(void **state)
{
    (void)state;
    assert_true(starve_every(without_memory) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_go_behind_one_another),
        cmocka_unit_test(an_unfinished_line_is_cut),
        cmocka_unit_test(a_long_unfinished_line_is_cut),
        cmocka_unit_test(a_full_disk_leaves_no_half_line),
        cmocka_unit_test(full_files_are_renamed_and_old_ones_go),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(only_one_writes_it),
        cmocka_unit_test(whatever_fails_lines_stay_whole),
        cmocka_unit_test(memory_that_fails_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
