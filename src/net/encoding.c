/* encoding.c - the table of content encodings; see encoding.h. */
#include "net/encoding.h"

#include "codec/gzip.h"

static bool gzip_encode(Str in, Buf *out, Err *err)
{
    return gzip_compress(in, GZIP_FORMAT, out, err);
}

static bool deflate_encode(Str in, Buf *out, Err *err)
{
    return gzip_compress(in, ZLIB_FORMAT, out, err);
}

/* HTTP's "deflate" is the zlib format; gzip_expand tells the two apart by itself. */
static const Encoding gzip = { STR_ROW("gzip"), gzip_expand, gzip_encode };
static const Encoding deflate = { STR_ROW("deflate"), gzip_expand, deflate_encode };

static const Encoding *table[ENCODINGS_MAX] = { &gzip, &deflate };
static size_t count = 2;

bool encoding_register(const Encoding *encoding, Err *err)
{
    if (count == ENCODINGS_MAX)
        return fail(err, ERR_LIMIT, "more than %d content encodings", ENCODINGS_MAX);
    table[count++] = encoding;
    return true;
}

const Encoding *encoding_find(Str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq_nocase(table[i]->name, str_trim(name)))
            return table[i];
    }
    return NULL;
}

bool encoding_is_identity(Str name)
{
    name = str_trim(name);
    return name.len == 0 || str_eq_nocase(name, STR("identity"));
}

void encoding_list(Buf *out)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add(out, STR(", "));
        buf_add(out, table[i]->name);
    }
}
