/* golden_store_test.c - what every release of the store has written opens, unchanged; what a later
 * one will have written is refused, unchanged.
 *
 * All files of a store's directory: the segments (format 1), `lock` (a process id, no format), and
 * `replaying` and `*.poison`, which recovery_test.c has. There are no others.
 */
#include "seglog/wal_frame.h"
#include "store/log_scan.h"
#include "support/store_rig.h"
#include "support/stored.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { FILE_MAX = 1 << 16 };

static const char *const schemas[] = { "traces", "metrics", "logs" };
static const char *const file = "00000000000000000001.wal";

/* The files of version `v`, on the rig's disk. */
static void put_golden(StoreRig *rig, int version)
{
    for (size_t i = 0; i < COUNT_OF(schemas); i++) {
        char from[128], to[128];
        Buf bytes = BUF(FILE_MAX);
        snprintf(from, sizeof from, "tests/golden/store/v%d/%s/%s", version, schemas[i], file);
        snprintf(to, sizeof to, "data/%s", schemas[i]);
        assert_true(rig->settings.disk->make_directory(rig->settings.disk, to, &rig->err));
        snprintf(to, sizeof to, "data/%s/%s", schemas[i], file);
        assert_true(disk_read_all(disk_system(), from, &bytes, &rig->err));
        test_disk_put(rig->disk, to, buf_str(&bytes));
        buf_free(&bytes);
    }
}

static void read_there(StoreRig *rig, const char *schema, Buf *out)
{
    char path[128];
    snprintf(path, sizeof path, "data/%s/%s", schema, file);
    buf_clear(out);
    assert_true(test_disk_get(rig->disk, path, out));
}

static void is_unchanged(StoreRig *rig, const char *schema)
{
    Buf golden = BUF(FILE_MAX), there = BUF(FILE_MAX);
    char path[128];
    snprintf(path, sizeof path, "tests/golden/store/v1/%s/%s", schema, file);
    assert_true(disk_read_all(disk_system(), path, &golden, &rig->err));
    read_there(rig, schema, &there);
    assert_true(str_eq(buf_str(&there), buf_str(&golden)));
    buf_free(&golden);
    buf_free(&there);
}

static bool write_item(void *context, const StoredItem *item, Err *err)
{
    (void)err;
    buf_addf(context, "%.*s ", STR_ARG(item->name));
    return true;
}

static void write_streams(StoreRig *rig, Buf *out)
{
    LogCursor *cursor =
        log_scan(store_logs(rig->store), &(LogScan){ .no_metadata = true }, &rig->err);
    assert_non_null(cursor);
    LogBlock block;
    while (log_next(cursor, &block, &rig->err) == LOG_BLOCK)
        for (size_t i = 0; i < block.count; i++)
            for (size_t k = 0; k < block.rows[i].stream.count; k++)
                buf_addf(out, "%.*s=%.*s ", STR_ARG(block.rows[i].stream.ptr[k].name),
                         STR_ARG(block.rows[i].stream.ptr[k].value));
    log_close(cursor);
}

static void the_first_format_opens_and_stays_as_it_is(void **state)
{
    (void)state;
    StoreRig rig;
    Buf items = BUF(FILE_MAX);
    store_rig_init(&rig);
    put_golden(&rig, 1);
    for (int life = 0; life < 2; life++) {
        assert_true(store_rig_open(&rig));
        buf_clear(&items);
        assert_true(stored_each(rig.store, write_item, &items, &rig.err));
        write_streams(&rig, &items);
        assert_string_equal(buf_text(&items), "pay ship ring bare hello verbatim orders returns "
                                              "service_name=shop service.name=shop ");
        StoreStats stats;
        store_stats(rig.store, &stats);
        assert_int_equal(stats.replay_refused + stats.log.damaged_segments + stats.log.torn_tails,
                         0);
        assert_true(store_rig_close(&rig));
        for (size_t i = 0; i < COUNT_OF(schemas); i++)
            is_unchanged(&rig, schemas[i]);
    }
    buf_free(&items);
    store_rig_done(&rig);
}

/* The header of a later version, over whatever that has behind it. */
static void make_newer(StoreRig *rig, const char *schema)
{
    char path[128];
    Buf bytes = BUF(FILE_MAX);
    read_there(rig, schema, &bytes);
    WalSegment header;
    assert_true(wal_segment_read((const uint8_t *)bytes.ptr, &header));
    header.version = WAL_FORMAT + 1;
    wal_segment_write((uint8_t *)bytes.ptr, &header);
    snprintf(path, sizeof path, "data/%s/%s", schema, file);
    test_disk_put(rig->disk, path, buf_str(&bytes));
    buf_free(&bytes);
}

static void a_later_format_is_refused_untouched(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(schemas); i++) {
        StoreRig rig;
        char words[256];
        Buf before = BUF(FILE_MAX), after = BUF(FILE_MAX);
        store_rig_init(&rig);
        put_golden(&rig, 1);
        make_newer(&rig, schemas[i]);
        read_there(&rig, schemas[i], &before);
        assert_false(store_rig_open(&rig));
        assert_int_equal(rig.err.kind, ERR_UNSUPPORTED);
        snprintf(words, sizeof words,
                 "data/%s/%s is of format %d, newer than the %d that this cryostorm reads: start "
                 "the one that wrote it, or move the file away",
                 schemas[i], file, WAL_FORMAT + 1, WAL_FORMAT);
        if (!strstr(rig.err.text, words))
            fail_msg("it says: %s", rig.err.text);
        test_disk_crash(rig.disk, CRASH_KILL);
        read_there(&rig, schemas[i], &after);
        assert_true(str_eq(buf_str(&before), buf_str(&after)));
        for (size_t k = 0; k < COUNT_OF(schemas); k++)
            if (k != i)
                is_unchanged(&rig, schemas[k]);
        assert_null(test_disk_name(rig.disk, ".corrupt", 0));
        buf_free(&before);
        buf_free(&after);
        store_rig_done(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_format_opens_and_stays_as_it_is),
        cmocka_unit_test(a_later_format_is_refused_untouched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
