/* Files that change while somebody looks. */
#include "cmd/file_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/file_watch_test.XXXXXX", one[64], two[64];

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_true(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static bool looks(FileWatch *watch)
{
    const char *files[] = { one, two };
    return file_watch_changed(watch, disk_system(), files, 2);
}

static FileWatch begin(void)
{
    FileWatch watch;
    const char *files[] = { one, two };
    put(one, "a: 1\n");
    put(two, "b: 1\n");
    file_watch_begin(&watch, disk_system(), files, 2);
    return watch;
}

static void told_once_when_it_stands_still(void **state)
{
    (void)state;
    FileWatch watch = begin();
    assert_false(looks(&watch));
    assert_false(looks(&watch));
    put(two, "b: 2\n");
    assert_false(looks(&watch)); /* more may come */
    put(two, "b: 2\nc: 3\n");
    assert_false(looks(&watch));
    assert_true(looks(&watch));
    assert_false(looks(&watch));
    put(two, "b: 2\nc: 3\n"); /* written again, the same */
    assert_false(looks(&watch));
    assert_false(looks(&watch));
}

static void gone_and_back_is_no_change(void **state)
{
    (void)state;
    FileWatch watch = begin();
    unlink(one);
    assert_false(looks(&watch));
    put(one, "a: 1\n");
    assert_false(looks(&watch));
    assert_false(looks(&watch));
    unlink(one);
    assert_false(looks(&watch));
    assert_true(looks(&watch));
    assert_int_equal(symlink(two, one), 0); /* another file stands there */
    assert_false(looks(&watch));
    assert_true(looks(&watch));
    unlink(one);
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return 1;
    snprintf(one, sizeof one, "%s/one", folder);
    snprintf(two, sizeof two, "%s/two", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(one);
    unlink(two);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(told_once_when_it_stands_still),
        cmocka_unit_test(gone_and_back_is_no_change),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
