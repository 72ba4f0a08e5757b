/* snappy_format_test.c - the block and the stream, told apart by themselves; sizes may lie. */
#include "compress/snappy_format.h"

#include "base/crc32c.h"
#include "base/thread.h"
#include "compress/trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define BEGIN "\xFF\x06\x00\x00sNaPpY"
#define HELLOS                                             \
    "hello hello, hello hello, hello hello, hello hello, " \
    "hello hello, hello hello, hello hello, hello hello, "

enum { CHUNK = 65536, HEAD_AND_CRC = 8 };

static void nothing_kept(void) {}

static const Coder block = {
    .expand = snappy_expand, .compress = snappy_block_compress, .done = nothing_kept, .context = 64
};
static const Coder chunks = { .expand = snappy_expand,
                              .compress = snappy_stream_compress,
                              .done = nothing_kept,
                              .checked = true,
                              .open_end = true,
                              .context = 64 };

static void both_go_there_and_back(void **state)
{
    (void)state;
    for (const Coder *coder = &block; coder; coder = coder == &block ? &chunks : NULL) {
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
    trial_every_cut(&block);
    trial_every_cut(&chunks);
    trial_every_flip(&block);
    trial_every_flip(&chunks);
}

/* Both by Go's golang/snappy. */
static void foreign_bytes_are_read(void **state)
{
    (void)state;
    trial_expands(&chunks,
                  STR(BEGIN "\x00\x1A\x00\x00\x94\x32\xE4\x45\x68\x14\x68\x65\x6C\x6C\x6F\x20\x05"
                            "\x06\x00\x2C\x09\x07\x09\x06\xFE\x0D\x00\x3E\x0D\x00"),
                  STR(HELLOS));
    trial_expands(&block,
                  STR("\x68\x14\x68\x65\x6C\x6C\x6F\x20\x05\x06\x00\x2C\x09\x07\x09\x06\xFE\x0D\x00"
                      "\x3E\x0D\x00"),
                  STR(HELLOS));
}

static void a_block_that_lies_takes_no_memory(void **state)
{
    (void)state;
    static const Str lies[] = {
        STR_ROW("\xFF\xFF\xFF\xFF\x0F\x00x"),     /* 4 GiB */
        STR_ROW("\x80\x80\x80\x20\x00x"),         /* 64 MiB, in bytes that hold one */
        STR_ROW("\xFF\xFF\xFF\xFF\xFF\xFF\x01x"), /* no number of 32 bits */
        STR_ROW("\x05\x00x"),                     /* 5 in bytes that hold one */
        STR_ROW("\x00\x00x"),                     /* none */
    };
    for (size_t i = 0; i < COUNT_OF(lies); i++) {
        trial_refused(&block, lies[i], PLENTY, ERR_INPUT);
        assert_true(trial_largest(&block, lies[i], PLENTY) <= 64);
    }
}

/* A chunk of this type with `data`, and the checksum of `plain`. */
static void add_chunk(Buf *out, char type, Str data, Str plain)
{
    uint32_t crc = crc32c(0, plain.ptr, plain.len);
    crc = ((crc >> 15) | (crc << 17)) + 0xA282EAD8;
    size_t size = data.len + 4;
    char head[HEAD_AND_CRC] = { type, (char)size, (char)(size >> 8), (char)(size >> 16) };
    for (size_t i = 0; i < 4; i++)
        head[4 + i] = (char)(crc >> (8 * i));
    buf_add(out, (Str){ head, sizeof head });
    buf_add(out, data);
}

static void chunks_are_judged_by_their_type(void **state)
{
    (void)state;
    Buf good = BUF(PLENTY);
    buf_add(&good, STR(BEGIN));
    add_chunk(&good, 1, STR("one "), STR("one "));
    buf_add(&good, STR("\x80\x03\x00\x00xyz\xFE\x00\x00\x00" BEGIN)); /* skipped, padding, again */
    add_chunk(&good, 1, STR("two"), STR("two"));
    trial_expands(&chunks, buf_str(&good), STR("one two"));
    trial_expands(&chunks, STR(BEGIN), STR(""));

    static const Str bad[] = {
        STR_ROW("\x02\x00\x00\x00"),                  /* a type that must not be skipped */
        STR_ROW("\x7F\x01\x00\x00x"),                 /* the last of them */
        STR_ROW("\xFF\x06\x00\x00sNaPpZ"),            /* another beginning */
        STR_ROW("\x01\x03\x00\x00xyz"),               /* shorter than its checksum */
        STR_ROW("\x01\x05\x00\x00\x00\x00\x00\x00x"), /* a wrong checksum */
        STR_ROW("\x00\x04\x00\x00xyzz"),              /* without a block */
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        Buf all = BUF(PLENTY);
        buf_add(&all, buf_str(&good));
        buf_add(&all, bad[i]);
        trial_refused(&chunks, buf_str(&all), PLENTY, ERR_INPUT);
        buf_free(&all);
    }
    buf_free(&good);
}

static void a_chunk_makes_64_kib_at_most(void **state)
{
    (void)state;
    for (size_t size = CHUNK; size <= CHUNK + 1; size++) {
        Buf plain = trial_sample(SAMPLE_ZEROS, size);
        Buf inner = trial_packed(&block, buf_str(&plain));
        for (char type = 0; type <= 1; type++) {
            Buf packed = BUF(PLENTY);
            buf_add(&packed, STR(BEGIN));
            add_chunk(&packed, type, buf_str(type ? &plain : &inner), buf_str(&plain));
            if (size > CHUNK)
                trial_refused(&chunks, buf_str(&packed), PLENTY, ERR_INPUT);
            else
                trial_expands(&chunks, buf_str(&packed), buf_str(&plain));
            buf_free(&packed);
        }
        buf_free(&inner);
        buf_free(&plain);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_go_there_and_back),
        cmocka_unit_test(damage_and_cuts_are_seen),
        cmocka_unit_test(foreign_bytes_are_read),
        cmocka_unit_test(a_block_that_lies_takes_no_memory),
        cmocka_unit_test(chunks_are_judged_by_their_type),
        cmocka_unit_test(a_chunk_makes_64_kib_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
