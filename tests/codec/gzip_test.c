/* gzip_test.c - what is compressed expands again, and nothing expands beyond its ceiling. */
#include "codec/gzip.h"

#include "base/random.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static Buf sample(size_t size)
{
    Random random;
    random_seed(&random, size);
    Buf out = BUF(10000000);
    while (out.len < size)
        buf_add_byte(&out, (char)(random_below(&random, 4) ? 'a' : random_below(&random, 256)));
    return out;
}

static Buf compressed(Str in, GzipFormat format)
{
    Err err;
    Buf out = BUF(10000000);
    assert_true(gzip_compress(in, format, &out, &err));
    return out;
}

static void test_both_ways(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 100, 1023, 1024, 1025, 65536, 1000000 };
    for (size_t i = 0; i < 2 * COUNT_OF(sizes); i++) {
        Err err;
        Buf in = sample(sizes[i / 2]);
        Buf small = compressed(buf_str(&in), i % 2 ? ZLIB_FORMAT : GZIP_FORMAT);
        assert_true(str_starts(buf_str(&small), i % 2 ? STR("\x78") : STR("\x1F\x8B")));
        Buf out = BUF(in.len); /* exactly enough */
        assert_true(gzip_expand(buf_str(&small), &out, &err));
        assert_true(str_eq(buf_str(&in), buf_str(&out)));
        buf_free(&out);
        buf_free(&small);
        buf_free(&in);
    }
}

/* "hello\n" by gzip(1) -n and by zlib, written down from their output. */
static void test_foreign_bytes(void **state)
{
    (void)state;
    Err err;
    static const Str foreign[] = {
        STR_ROW("\x1F\x8B\x08\x00\x00\x00\x00\x00\x00\x03\xCB\x48\xCD\xC9\xC9\xE7\x02\x00\x20\x30"
                "\x3A\x36\x06\x00\x00\x00"),
        STR_ROW("\x78\x9C\xCB\x48\xCD\xC9\xC9\xE7\x02\x00\x08\x4B\x02\x1F"),
    };
    for (size_t i = 0; i < COUNT_OF(foreign); i++) {
        Buf out = BUF(100);
        assert_true(gzip_expand(foreign[i], &out, &err));
        assert_true(str_eq(buf_str(&out), STR("hello\n")));
        buf_free(&out);
    }
}

static void test_members_in_a_row(void **state)
{
    (void)state;
    Err err;
    Buf all = compressed(STR("one "), GZIP_FORMAT);
    Buf more = compressed(STR("two"), GZIP_FORMAT);
    buf_add(&all, buf_str(&more));
    Buf out = BUF(100);
    assert_true(gzip_expand(buf_str(&all), &out, &err));
    assert_true(str_eq(buf_str(&out), STR("one two")));
    buf_clear(&out);
    buf_add(&all, STR("rubbish"));
    assert_false(gzip_expand(buf_str(&all), &out, &err));
    assert_int_equal(err.kind, ERR_INPUT);
    buf_free(&out);
    buf_free(&all);
    buf_free(&more);
}

static void test_in_pieces(void **state)
{
    (void)state;
    for (size_t piece = 1; piece <= 300000; piece = piece * 7 + 1) {
        Err err;
        Buf in = sample(100000), small = BUF(1000000), out = BUF(100000);
        GzipWriter *writer = gzip_writer_new(&err);
        assert_non_null(writer);
        for (Str rest = buf_str(&in); rest.len; rest = str_skip(rest, piece))
            assert_true(gzip_writer_add(writer, str_first(rest, piece), &small, &err));
        assert_true(gzip_writer_end(writer, &small, &err));
        gzip_writer_free(writer);
        assert_true(gzip_expand(buf_str(&small), &out, &err));
        assert_true(str_eq(buf_str(&in), buf_str(&out)));
        buf_free(&out);
        buf_free(&small);
        buf_free(&in);
    }
}

static void test_pieces_meet_the_ceiling(void **state)
{
    (void)state;
    Err err = { 0 };
    Buf in = sample(1000000), small = BUF(1000);
    GzipWriter *writer = gzip_writer_new(&err);
    assert_non_null(writer);
    assert_false(gzip_writer_add(writer, buf_str(&in), &small, &err) &&
                 gzip_writer_end(writer, &small, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    gzip_writer_free(writer);
    buf_free(&small);
    buf_free(&in);
}

static void test_ceiling(void **state)
{
    (void)state;
    Err err;
    Buf zeros = BUF(10000000);
    assert_non_null(buf_reserve(&zeros, 5000000));
    memset(zeros.ptr, 0, 5000000);
    zeros.len = 5000000;
    Buf bomb = compressed(buf_str(&zeros), GZIP_FORMAT);
    assert_true(bomb.len < 6000);
    static const size_t ceilings[] = { 0, 1, 4096, 4999999 };
    for (size_t i = 0; i < COUNT_OF(ceilings); i++) {
        Buf out = BUF(ceilings[i]);
        assert_false(gzip_expand(buf_str(&bomb), &out, &err));
        assert_int_equal(err.kind, ERR_LIMIT);
        assert_true(out.cap <= ceilings[i]);
        buf_free(&out);
    }
    Buf out = BUF(10);
    assert_false(gzip_compress(buf_str(&zeros), GZIP_FORMAT, &out, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    buf_free(&out);
    buf_free(&zeros);
    buf_free(&bomb);
}

static void test_damage(void **state)
{
    (void)state;
    Err err;
    Buf in = sample(3000);
    Buf small = compressed(buf_str(&in), GZIP_FORMAT);
    for (size_t len = 0; len < small.len; len++) {
        Buf out = BUF(100000);
        assert_false(gzip_expand((Str){ small.ptr, len }, &out, &err));
        assert_int_equal(err.kind, ERR_INPUT);
        buf_free(&out);
    }
    Random random;
    random_seed(&random, 8);
    for (size_t round = 0; round < 2000; round++) {
        size_t at = random_below(&random, small.len);
        char was = small.ptr[at];
        small.ptr[at] = (char)(was ^ (1 << random_below(&random, 8)));
        Buf out = BUF(100000);
        if (gzip_expand(buf_str(&small), &out, &err)) /* a bit of the header that says nothing */
            assert_true(str_eq(buf_str(&in), buf_str(&out)));
        else
            assert_true(err.kind == ERR_INPUT || err.kind == ERR_LIMIT);
        buf_free(&out);
        small.ptr[at] = was;
    }
    buf_free(&small);
    buf_free(&in);
}

static bool try_both_ways(Str in, Err *err)
{
    Buf small = BUF(100000), out = BUF(100000);
    bool ok = gzip_compress(in, GZIP_FORMAT, &small, err) &&
              gzip_expand(buf_str(&small), &out, err) && str_eq(in, buf_str(&out));
    buf_free(&small);
    buf_free(&out);
    return ok;
}

static void test_starved(void **state)
{
    (void)state;
    starve_after(-1);
    Buf in = sample(5000);
    long before = starve_live();
    bool ok = false;
    for (long n = 0; !ok; n++) {
        Err err = { 0 };
        starve_after(n);
        ok = try_both_ways(buf_str(&in), &err);
        assert_int_equal(!ok, starve_happened());
        assert_int_equal(err.kind, ok ? ERR_NONE : ERR_MEMORY);
        starve_end();
        assert_int_equal(starve_live(), before);
        assert_true(n < 100);
    }
    buf_free(&in);
}

/* What expands so far that it takes several rounds needs a window. Its lack is no damage: a sender
 * would drop what it is told is damaged. */
static void test_starved_in_the_middle(void **state)
{
    (void)state;
    Buf zeros = BUF(1000000);
    assert_non_null(buf_reserve(&zeros, 500000));
    memset(zeros.ptr, 0, 500000);
    zeros.len = 500000;
    Buf bomb = compressed(buf_str(&zeros), GZIP_FORMAT);
    long before = starve_live();
    bool ok = false;
    long n = 0;
    for (; !ok; n++) {
        Err err = { 0 };
        Buf out = BUF(500000);
        starve_after(n);
        ok = gzip_expand(buf_str(&bomb), &out, &err);
        starve_end();
        assert_int_equal(err.kind, ok ? ERR_NONE : ERR_MEMORY);
        assert_true(!ok || str_eq(buf_str(&zeros), buf_str(&out)));
        buf_free(&out);
        assert_int_equal(starve_live(), before);
    }
    assert_true(n > 3 && n < 100);
    buf_free(&bomb);
    buf_free(&zeros);
}

static bool write_in_pieces(Err *err)
{
    Buf small = BUF(1000), out = BUF(100);
    GzipWriter *writer = gzip_writer_new(err);
    bool ok = writer && gzip_writer_add(writer, STR(""), &small, err) &&
              gzip_writer_add(writer, STR("pieces"), &small, err) &&
              gzip_writer_end(writer, &small, err);
    gzip_writer_free(writer);
    ok = ok && gzip_expand(buf_str(&small), &out, err) && str_eq(buf_str(&out), STR("pieces"));
    buf_free(&out);
    buf_free(&small);
    return ok;
}

static void test_starved_in_pieces(void **state)
{
    (void)state;
    long before = starve_live();
    bool ok = false;
    for (long n = 0; !ok; n++) {
        Err err = { 0 };
        starve_after(n);
        ok = write_in_pieces(&err);
        assert_int_equal(!ok, starve_happened());
        starve_end();
        assert_int_equal(err.kind, ok ? ERR_NONE : ERR_MEMORY);
        assert_int_equal(starve_live(), before);
        assert_true(n < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_foreign_bytes),
        cmocka_unit_test(test_members_in_a_row),
        cmocka_unit_test(test_ceiling),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_starved),
        cmocka_unit_test(test_starved_in_the_middle),
        cmocka_unit_test(test_starved_in_pieces),
        cmocka_unit_test(test_in_pieces),
        cmocka_unit_test(test_pieces_meet_the_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
