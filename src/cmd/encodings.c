/* encodings.c - see encodings.h. The names are those of the public Collector, and so is that
 * "snappy" means a block in HTTP and a stream in gRPC. */
#include "cmd/encodings.h"

#include "compress/fast_gzip.h"
#include "compress/lz4_frame.h"
#include "compress/snappy_format.h"
#include "compress/zstd_frame.h"
#include "net/encoding.h"

static const Encoding encodings[] = {
    { STR_ROW("gzip"), ENCODING_BOTH, fast_gzip_expand, fast_gzip_compress },
    { STR_ROW("deflate"), ENCODING_BOTH, fast_gzip_expand, fast_zlib_compress },
    { STR_ROW("zstd"), ENCODING_BOTH, zstd_expand, zstd_compress },
    { STR_ROW("snappy"), ENCODING_HTTP, snappy_expand, snappy_block_compress },
    { STR_ROW("snappy"), ENCODING_GRPC, snappy_expand, snappy_stream_compress },
    { STR_ROW("x-snappy-framed"), ENCODING_HTTP, snappy_expand, snappy_stream_compress },
    { STR_ROW("zlib"), ENCODING_HTTP, fast_gzip_expand, fast_zlib_compress },
    { STR_ROW("lz4"), ENCODING_HTTP, lz4_expand, lz4_compress },
};

bool encodings_register(Err *err)
{
    fast_gzip_init();
    for (size_t i = 0; i < COUNT_OF(encodings); i++) {
        if (!encoding_register(&encodings[i], err))
            return false;
    }
    return true;
}

void encodings_done(void)
{
    fast_gzip_done();
    zstd_done();
}
