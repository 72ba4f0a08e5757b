/* encoding.c - the table of content encodings; see encoding.h. */
#include "net/encoding.h"

#include "codec/gzip.h"

enum { MOST_SPARE = 4096 }; /* headers, ends and checksums of any format */

static bool gzip_encode(Str in, Buf *out, Err *err)
{
    return gzip_compress(in, GZIP_FORMAT, out, err);
}

static bool deflate_encode(Str in, Buf *out, Err *err)
{
    return gzip_compress(in, ZLIB_FORMAT, out, err);
}

/* HTTP's "deflate" is the zlib format; gzip_expand tells the two apart by itself. */
static const Encoding gzip = { STR_ROW("gzip"), ENCODING_BOTH, gzip_expand, gzip_encode };
static const Encoding deflate = { STR_ROW("deflate"), ENCODING_BOTH, gzip_expand, deflate_encode };

static const Encoding *table[ENCODINGS_MAX] = { &gzip, &deflate };
static size_t count = 2;

bool encoding_register(const Encoding *encoding, Err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i]->use == encoding->use && str_eq(table[i]->name, encoding->name)) {
            table[i] = encoding;
            return true;
        }
    }
    if (count == ENCODINGS_MAX)
        return fail(err, ERR_LIMIT, "more than %d content encodings", ENCODINGS_MAX);
    table[count++] = encoding;
    return true;
}

const Encoding *encoding_find(EncodingUse use, Str name)
{
    for (size_t i = 0; i < count; i++) {
        if ((table[i]->use & use) && str_eq_nocase(table[i]->name, str_trim(name)))
            return table[i];
    }
    return NULL;
}

bool encoding_choose(EncodingUse use, Str name, const Encoding **out, Err *err)
{
    bool none = str_eq(name, STR("none"));
    *out = none ? NULL : encoding_find(use, name);
    if (none || *out)
        return true;
    Buf known = BUF(200);
    encoding_list(use, &known);
    fail(err, ERR_UNSUPPORTED, "no compression \"%.*s\" for %s; there are none, %.*s",
         STR_ARG(name), use == ENCODING_GRPC ? "gRPC" : "HTTP", STR_ARG(buf_str(&known)));
    buf_free(&known);
    return false;
}

bool encoding_is_identity(Str name)
{
    name = str_trim(name);
    return name.len == 0 || str_eq_nocase(name, STR("identity"));
}

void encoding_list(EncodingUse use, Buf *out)
{
    Str comma = STR("");
    for (size_t i = 0; i < count; i++) {
        if (!(table[i]->use & use))
            continue;
        buf_add(out, comma);
        buf_add(out, table[i]->name);
        comma = STR(", ");
    }
}

/* Snappy asks for the most: a sixth more, says its library, although it never needs all of that. */
size_t encoding_most(size_t plain_size)
{
    return plain_size > SIZE_MAX / 2 ? SIZE_MAX : plain_size + plain_size / 6 + MOST_SPARE;
}
