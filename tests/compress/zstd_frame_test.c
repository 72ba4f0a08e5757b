/* zstd_frame_test.c - libzstd behind zstd_frame.h; frames as other writers make them, too. */
#include "compress/zstd_frame.h"

#include "base/thread.h"
#include "compress/trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <zstd.h>

enum { CONTEXT = 512 << 10 };

static const Coder zstd = { .expand = zstd_expand,
                            .compress = zstd_compress,
                            .done = zstd_done,
                            .checked = true,
                            .context = CONTEXT };

/* As a stream, which does not know its size when its header is written. */
static void stream(Str in, int window_log, Buf *out)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    assert_non_null(context);
    assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log)));
    size_t room = ZSTD_compressBound(in.len) + 100, half = in.len / 2 + 1;
    *out = BUF(room);
    ZSTD_outBuffer to = { buf_reserve(out, room), room, 0 };
    for (; in.len > 0; in = str_skip(in, half)) {
        Str now = str_first(in, half);
        ZSTD_inBuffer from = { now.ptr, now.len, 0 };
        assert_int_equal(ZSTD_compressStream2(context, &to, &from, ZSTD_e_flush), 0);
    }
    ZSTD_inBuffer end = { NULL, 0, 0 };
    assert_int_equal(ZSTD_compressStream2(context, &to, &end, ZSTD_e_end), 0);
    out->len = to.pos;
    ZSTD_freeCCtx(context);
}

static void it_goes_there_and_back(void **state)
{
    (void)state;
    trial_both_ways(&zstd);
    trial_behind_others(&zstd);
    trial_small_room(&zstd);
    trial_starved(&zstd);
    trial_threads(&zstd);
}

static void bombs_end_at_the_ceiling(void **state)
{
    (void)state;
    trial_bombs(&zstd);
}

static void damage_and_cuts_are_seen(void **state)
{
    (void)state;
    trial_every_cut(&zstd);
    trial_every_flip(&zstd);
}

/* "hello hello, " eight times, by Go's klauspost/compress/zstd. */
static void foreign_bytes_are_read(void **state)
{
    (void)state;
    trial_expands(&zstd,
                  STR("\x28\xB5\x2F\xFD\x04\x00\x8D\x00\x00\x40\x68\x65\x6C\x6C\x6F\x20\x2C\x20"
                      "\x02\x00\x08\x73\x70\xDA\x52\x04\x6C\x51\xC2\x29"),
                  STR("hello hello, hello hello, hello hello, hello hello, "
                      "hello hello, hello hello, hello hello, hello hello, "));
}

static void streams_without_a_size_are_read(void **state)
{
    (void)state;
    static const size_t sizes[] = { 1, 1000, 200000, 3000000 };
    for (size_t i = 0; i < SAMPLE_KINDS * COUNT_OF(sizes); i++) {
        Buf plain = trial_sample((int)(i % SAMPLE_KINDS), sizes[i / SAMPLE_KINDS]), packed;
        stream(buf_str(&plain), 20, &packed);
        trial_expands(&zstd, buf_str(&packed), buf_str(&plain));
        trial_refused(&zstd, buf_str(&packed), plain.len - 1, ERR_LIMIT);
        buf_free(&packed);
        buf_free(&plain);
    }
}

static void frames_in_a_row_are_one_body(void **state)
{
    (void)state;
    Err err;
    Buf packed = BUF(PLENTY), cut = BUF(PLENTY);
    assert_true(zstd_compress(STR("one "), &packed, &err));
    buf_add(&packed, STR("\x53\x2A\x4D\x18\x03\x00\x00\x00xyz")); /* to be skipped */
    buf_add(&cut, str_first(buf_str(&packed), packed.len - 1));
    assert_true(zstd_compress(STR(""), &packed, &err));
    assert_true(zstd_compress(STR("two"), &packed, &err));
    trial_expands(&zstd, buf_str(&packed), STR("one two"));
    trial_refused(&zstd, buf_str(&packed), 6, ERR_LIMIT);
    trial_refused(&zstd, buf_str(&cut), 100, ERR_INPUT);
    buf_add(&packed, STR("rubbish"));
    trial_refused(&zstd, buf_str(&packed), 100, ERR_INPUT);
    buf_free(&cut);
    buf_free(&packed);
}

static void windows_end_at_8_mib(void **state)
{
    (void)state;
    Err err = { 0 };
    Buf packed, out = BUF(100);
    stream(STR("hello"), 23, &packed);
    trial_expands(&zstd, buf_str(&packed), STR("hello"));
    buf_free(&packed);
    stream(STR("hello"), 24, &packed);
    assert_false(zstd_expand(buf_str(&packed), &out, &err));
    assert_int_equal(err.kind, ERR_INPUT);
    assert_string_equal(err.text, "the zstd frame at byte 0 wants a window of more than 8 MiB");
    buf_free(&out);
    buf_free(&packed);
}

static void announced_sizes_may_lie(void **state)
{
    (void)state;
    /* Five bytes that say they were 7 MiB. */
    Str lying = STR("\x28\xB5\x2F\xFD\xA0\x00\x00\x70\x00\x29\x00\x00hello");
    trial_refused(&zstd, lying, PLENTY, ERR_INPUT);
    assert_true(trial_largest(&zstd, lying, PLENTY) <= CONTEXT);
    /* A thousand blocks of 128 KiB each, in four bytes; then the same with damage at once. */
    Buf many = BUF(PLENTY);
    buf_add(&many, STR("\x28\xB5\x2F\xFD\x00\x58")); /* window 2 MiB, no size, no checksum */
    for (size_t i = 0; i < 999; i++)
        buf_add(&many, STR("\x02\x00\x10x"));
    buf_add(&many, STR("\x03\x00\x10x"));
    trial_refused(&zstd, buf_str(&many), 64 << 20, ERR_LIMIT);
    many.ptr[6] = 0x04; /* the first: compressed, of no sense */
    trial_refused(&zstd, buf_str(&many), PLENTY, ERR_INPUT);
    assert_true(trial_largest(&zstd, buf_str(&many), PLENTY) <= CONTEXT);
    buf_free(&many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_there_and_back),
        cmocka_unit_test(bombs_end_at_the_ceiling),
        cmocka_unit_test(damage_and_cuts_are_seen),
        cmocka_unit_test(foreign_bytes_are_read),
        cmocka_unit_test(streams_without_a_size_are_read),
        cmocka_unit_test(frames_in_a_row_are_one_body),
        cmocka_unit_test(windows_end_at_8_mib),
        cmocka_unit_test(announced_sizes_may_lie),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    zstd_done();
    return failed;
}
