/* fast_gzip_test.c - libdeflate behind fast_gzip.h: as strict as codec/gzip.h, which it is compared
 * with; announced sizes may lie. */
#include "compress/fast_gzip.h"

#include "base/thread.h"
#include "codec/gzip.h"
#include "compress/trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

enum { CONTEXT = 16 << 10, RATIO = 32 };

static const Coder gzip = { .expand = fast_gzip_expand,
                            .compress = fast_gzip_compress,
                            .done = fast_gzip_done,
                            .checked = true,
                            .context = CONTEXT };
static const Coder zlib = { .expand = fast_gzip_expand,
                            .compress = fast_zlib_compress,
                            .done = fast_gzip_done,
                            .checked = true,
                            .context = CONTEXT };

static void any_format_goes_there_and_back(void **state)
{
    (void)state;
    for (const Coder *coder = &gzip; coder; coder = coder == &gzip ? &zlib : NULL) {
        trial_both_ways(coder);
        trial_behind_others(coder);
        trial_small_room(coder);
        trial_bombs(coder);
        trial_starved(coder);
        trial_threads(coder);
    }
}

static void damage_and_cuts_are_seen(void **state)
{
    (void)state;
    trial_every_cut(&gzip);
    trial_every_cut(&zlib);
    trial_every_flip(&gzip);
    trial_every_flip(&zlib);
}

/* "hello hello, " eight times, by Go's compress/gzip and compress/zlib, which end with a flush. */
static void foreign_bytes_are_read(void **state)
{
    (void)state;
    static const Str foreign[] = {
        STR_ROW("\x1F\x8B\x08\x00\x00\x00\x00\x00\x00\xFF\xCA\x48\xCD\xC9\xC9\x57\x00\x93\x3A\x0A"
                "\x34\xE4\x00\x02\x00\x00\xFF\xFF\xBF\x1B\xED\xA2\x68\x00\x00\x00"),
        STR_ROW("\x78\x9C\xCA\x48\xCD\xC9\xC9\x57\x00\x93\x3A\x0A\x34\xE4\x00\x02\x00\x00\xFF\xFF"
                "\x97\xB1\x24\xA1"),
    };
    for (size_t i = 0; i < COUNT_OF(foreign); i++)
        trial_expands(&gzip, foreign[i],
                      STR("hello hello, hello hello, hello hello, hello hello, "
                          "hello hello, hello hello, hello hello, hello hello, "));
}

static void zlib_and_libdeflate_read_each_other(void **state)
{
    (void)state;
    Coder written_here = gzip;
    written_here.expand = gzip_expand;
    trial_both_ways(&written_here);
    written_here.compress = fast_zlib_compress;
    trial_both_ways(&written_here);
    for (size_t size = 0; size < 300000; size = size * 5 + 1) {
        Err err = { 0 };
        Buf plain = trial_sample(SAMPLE_TEXT, size), packed = BUF(1000000);
        assert_true(gzip_compress(buf_str(&plain), GZIP_FORMAT, &packed, &err));
        trial_expands(&gzip, buf_str(&packed), buf_str(&plain));
        buf_clear(&packed);
        assert_true(gzip_compress(buf_str(&plain), ZLIB_FORMAT, &packed, &err));
        trial_expands(&zlib, buf_str(&packed), buf_str(&plain));
        buf_free(&packed);
        buf_free(&plain);
    }
}

static void members_in_a_row_are_one_body(void **state)
{
    (void)state;
    Buf plain = BUF(PLENTY), packed = BUF(PLENTY);
    static const size_t sizes[] = { 10, 0, 200000, 1, 0, 70000, 3 };
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        Buf piece = trial_sample((int)i % SAMPLE_KINDS, sizes[i]);
        Buf member = trial_packed(&gzip, buf_str(&piece));
        buf_add(&plain, buf_str(&piece));
        buf_add(&packed, buf_str(&member));
        buf_free(&member);
        buf_free(&piece);
    }
    trial_expands(&gzip, buf_str(&packed), buf_str(&plain));
    trial_refused(&gzip, buf_str(&packed), plain.len - 1, ERR_LIMIT);
    buf_add(&packed, STR("rubbish"));
    trial_refused(&gzip, buf_str(&packed), PLENTY, ERR_INPUT);
    buf_free(&packed);
    buf_free(&plain);

    Buf alone = trial_packed(&zlib, STR("alone"));
    buf_add(&alone, STR("x"));
    trial_refused(&zlib, buf_str(&alone), 100, ERR_INPUT);
    buf_free(&alone);
}

/* The size at the end is taken for a hint, and compared at the end; it is never believed. */
static void an_announced_size_may_lie(void **state)
{
    (void)state;
    static const unsigned char lies[] = { 1, 0x7F, 0xFF };
    Buf plain = trial_sample(SAMPLE_TEXT, 5000);
    Buf packed = trial_packed(&gzip, buf_str(&plain));
    for (size_t i = 0; i < COUNT_OF(lies); i++) {
        packed.ptr[packed.len - 1] = packed.ptr[packed.len - 2] = (char)lies[i];
        trial_refused(&gzip, buf_str(&packed), SIZE_MAX, ERR_INPUT);
        size_t most = trial_largest(&gzip, buf_str(&packed), SIZE_MAX);
        assert_true(most <= packed.len * RATIO + 1024 || most <= CONTEXT);
    }
    buf_free(&packed);
    buf_free(&plain);
}

static void an_honest_size_is_taken_exactly(void **state)
{
    (void)state;
    Err err = { 0 };
    Buf plain = trial_sample(SAMPLE_TEXT, 100000), out = BUF(1000000);
    Buf packed = trial_packed(&gzip, buf_str(&plain));
    assert_true(fast_gzip_expand(buf_str(&packed), &out, &err));
    assert_int_equal(out.cap, plain.len);
    assert_true(packed.cap <= 2 * packed.len); /* given back */
    buf_free(&out);
    buf_free(&packed);
    buf_free(&plain);
}

int main(void)
{
    fast_gzip_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_format_goes_there_and_back),
        cmocka_unit_test(damage_and_cuts_are_seen),
        cmocka_unit_test(foreign_bytes_are_read),
        cmocka_unit_test(zlib_and_libdeflate_read_each_other),
        cmocka_unit_test(members_in_a_row_are_one_body),
        cmocka_unit_test(an_announced_size_may_lie),
        cmocka_unit_test(an_honest_size_is_taken_exactly),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fast_gzip_done();
    return failed;
}
