/* decompress.c - any bytes to the readers of room compress; the first byte chooses the format.
 *
 * What expands does so again into exactly the room it needs and into no less, and nothing passes a
 * ceiling. zlib, where it reads the bytes too, makes the same of them; and what is compressed here
 * comes back.
 */
#include "codec/gzip.h"
#include "compress/fast_gzip.h"
#include "compress/lz4_frame.h"
#include "compress/snappy_format.h"
#include "compress/zstd_frame.h"
#include "net/encoding.h"

#include <stdlib.h>

enum { CEILING = 1 << 20 };

static const struct Format {
    bool (*expand)(Str in, Buf *out, Err *err);
    bool (*compress)(Str in, Buf *out, Err *err);
} formats[] = {
    { fast_gzip_expand, fast_gzip_compress },
    { fast_gzip_expand, fast_zlib_compress },
    { zstd_expand, zstd_compress },
    { snappy_expand, snappy_block_compress },
    { snappy_expand, snappy_stream_compress },
    { lz4_expand, lz4_compress },
};

static void must(bool right)
{
    if (!right)
        abort();
}

static void expand_again(const struct Format *format, Str in, Str plain)
{
    Err err = { 0 };
    Buf exact = BUF(plain.len), less = BUF(plain.len ? plain.len - 1 : 0), zlib = BUF(plain.len);
    must(format->expand(in, &exact, &err) && str_eq(buf_str(&exact), plain));
    must(!plain.len || (!format->expand(in, &less, &err) && err.kind == ERR_LIMIT));
    must(less.cap <= less.max);
    if (format->expand == fast_gzip_expand && gzip_expand(in, &zlib, &err))
        must(str_eq(buf_str(&zlib), plain));
    buf_free(&zlib);
    buf_free(&exact);
    buf_free(&less);
}

static void there_and_back(const struct Format *format, Str plain)
{
    Err err;
    Buf packed = BUF(encoding_most(plain.len)), out = BUF(plain.len);
    must(format->compress(plain, &packed, &err) && format->expand(buf_str(&packed), &out, &err));
    must(str_eq(buf_str(&out), plain));
    buf_free(&packed);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct Format *format = &formats[*data % COUNT_OF(formats)];
    Str in = { (const char *)data + 1, size - 1 };
    Err err = { 0 };
    Buf out = BUF(CEILING);
    if (format->expand(in, &out, &err))
        expand_again(format, in, buf_str(&out));
    else
        must(err.kind == ERR_INPUT || err.kind == ERR_LIMIT);
    must(out.cap <= CEILING);
    buf_free(&out);
    there_and_back(format, in);
    return 0;
}
