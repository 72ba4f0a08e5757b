/* gzip.c - gzip and zlib over zlib; see gzip.h. */
#include "codec/gzip.h"

#include "base/mem.h"

#include <limits.h>
#include <zlib.h>

enum {
    WINDOW_BITS = 15,
    AS_GZIP = 16,  /* added to the window: write gzip */
    DETECT = 32,   /* added to the window: read either */
    MEM_LEVEL = 8, /* zlib's default */
    STEP_MIN = 1024
};

static voidpf take(voidpf context, uInt count, uInt size)
{
    (void)context;
    Err ignored;
    return mem_zeroed(count, size, &ignored);
}

static void give(voidpf context, voidpf ptr)
{
    (void)context;
    mem_free(ptr);
}

static uInt clip(size_t n)
{
    return n < UINT_MAX ? (uInt)n : UINT_MAX;
}

/* zlib takes pointers to non-const and promises not to write through next_in. */
static void feed(z_stream *z, Str *in)
{
    if (z->avail_in || !in->len)
        return;
    union {
        const char *from;
        Bytef *to;
    } input = { in->ptr };
    z->next_in = input.to;
    z->avail_in = clip(in->len);
    *in = str_skip(*in, z->avail_in);
}

/* False when the allocator refuses. At the ceiling one spare byte stands in, so that a stream that
 * ends exactly there can be told from one that goes on. */
static bool make_room(z_stream *z, Buf *out, size_t guess, Bytef *spare)
{
    size_t room = out->max - out->len;
    room = room < guess ? room : guess;
    if (room && !buf_reserve(out, room))
        return false;
    z->next_out = room ? (Bytef *)out->ptr + out->len : spare;
    z->avail_out = room ? clip(out->cap - out->len) : 1;
    return !out->failed;
}

static void count_output(const z_stream *z, Buf *out, const Bytef *spare)
{
    if (z->next_out == spare + 1)
        out->failed = out->over_max = true;
    else if (z->next_out != spare)
        out->len = (size_t)((char *)z->next_out - out->ptr);
}

static bool deflate_begin(z_stream *z, GzipFormat format, Err *err)
{
    *z = (z_stream){ .zalloc = take, .zfree = give };
    int window = format == GZIP_FORMAT ? WINDOW_BITS + AS_GZIP : WINDOW_BITS;
    return deflateInit2(z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window, MEM_LEVEL,
                        Z_DEFAULT_STRATEGY) == Z_OK ||
           fail(err, ERR_MEMORY, "no memory to compress");
}

/* All of `in`; with `finish` also the end. */
static bool deflate_all(z_stream *z, Str in, bool finish, Buf *out, Err *err)
{
    int result = Z_OK;
    size_t guess = in.len / 4 + STEP_MIN;
    Bytef spare;
    bool more = finish || in.len;
    while (more && make_room(z, out, guess, &spare)) {
        feed(z, &in);
        result = deflate(z, finish && !in.len ? Z_FINISH : Z_NO_FLUSH);
        count_output(z, out, &spare);
        more = finish ? result == Z_OK : (in.len || z->avail_in) && result == Z_OK;
    }
    return buf_ok(out, err);
}

bool gzip_compress(Str in, GzipFormat format, Buf *out, Err *err)
{
    z_stream z;
    if (!deflate_begin(&z, format, err))
        return false;
    bool ok = deflate_all(&z, in, true, out, err);
    deflateEnd(&z);
    return ok;
}

struct GzipWriter {
    z_stream z;
};

GzipWriter *gzip_writer_new(Err *err)
{
    GzipWriter *writer = MEM_MAKE(GzipWriter, 1, err);
    if (writer && deflate_begin(&writer->z, GZIP_FORMAT, err))
        return writer;
    mem_free(writer);
    return NULL;
}

bool gzip_writer_add(GzipWriter *writer, Str in, Buf *out, Err *err)
{
    return deflate_all(&writer->z, in, false, out, err);
}

bool gzip_writer_end(GzipWriter *writer, Buf *out, Err *err)
{
    return deflate_all(&writer->z, (Str){ NULL, 0 }, true, out, err);
}

void gzip_writer_free(GzipWriter *writer)
{
    if (!writer)
        return;
    deflateEnd(&writer->z);
    mem_free(writer);
}

/* One round of inflate; sets *done at the end of the last member. */
static int expand_step(z_stream *z, Str *in, bool *done)
{
    feed(z, in);
    int result = inflate(z, Z_NO_FLUSH);
    if (result == Z_STREAM_END && !z->avail_in && !in->len)
        *done = true;
    else if (result == Z_STREAM_END)
        result = inflateReset(z); /* another member, or rubbish, which its header check refuses */
    return result == Z_STREAM_END ? Z_OK : result;
}

bool gzip_expand(Str in, Buf *out, Err *err)
{
    z_stream z = { .zalloc = take, .zfree = give };
    if (inflateInit2(&z, WINDOW_BITS + DETECT) != Z_OK)
        return fail(err, ERR_MEMORY, "no memory to decompress");
    bool done = false;
    int result = Z_OK;
    size_t guess = in.len < SIZE_MAX / 4 ? in.len * 4 + STEP_MIN : in.len;
    Bytef spare;
    while (result == Z_OK && !done && make_room(&z, out, guess, &spare)) {
        result = expand_step(&z, &in, &done);
        count_output(&z, out, &spare);
    }
    inflateEnd(&z);
    if (result == Z_MEM_ERROR)
        return fail(err, ERR_MEMORY, "no memory to decompress");
    if (result == Z_BUF_ERROR)
        return fail(err, ERR_INPUT, "compressed data ends too early");
    if (result != Z_OK)
        return fail(err, ERR_INPUT, "compressed data is damaged");
    return buf_ok(out, err);
}
