/* compress.c - what content encodings cost, each way, beside zlib (codec/gzip.h).
 *
 * The bytes are an OTLP request of 1000 spans that differ as real ones do: ids at random, times
 * that go on, a few names and routes. Bytes are the plain ones in both directions, so that the rows
 * compare; how far each encoding shrinks them stands in the first line.
 */
#include "support/harness.h"

#include "base/random.h"
#include "codec/gzip.h"
#include "codec/wire.h"
#include "compress/fast_gzip.h"
#include "compress/lz4_frame.h"
#include "compress/snappy_format.h"
#include "compress/zstd_frame.h"
#include "otlp/encode.h"

#include <stdio.h>

enum { SPANS = 1000, BYTES_MAX = 4 << 20 };

static bool zlib_compress(Str in, Buf *out, Err *err)
{
    return gzip_compress(in, GZIP_FORMAT, out, err);
}

static const struct Format {
    const char *name;
    bool (*compress)(Str in, Buf *out, Err *err);
    bool (*expand)(Str in, Buf *out, Err *err);
} formats[] = {
    { "gzip, zlib", zlib_compress, gzip_expand },
    { "gzip, libdeflate", fast_gzip_compress, fast_gzip_expand },
    { "zstd", zstd_compress, zstd_expand },
    { "snappy", snappy_block_compress, snappy_expand },
    { "snappy framed", snappy_stream_compress, snappy_expand },
    { "lz4", lz4_compress, lz4_expand },
};

typedef struct Work {
    const struct Format *format;
    Buf plain, packed;
} Work;

static void add_span(Buf *out, Random *random, uint64_t i)
{
    static const char *const routes[] = { "GET /basket/{id}", "POST /order", "SELECT orders",
                                          "GET /product/{id}", "publish receipts" };
    SpanView view = { .name = str_from(routes[random_below(random, COUNT_OF(routes))]),
                      .kind = (uint32_t)random_below(random, 5) + 1 };
    view.start_ns = 1700000000000000000 + i * 1000003 + random_below(random, 1000000);
    view.end_ns = view.start_ns + random_below(random, 50000000);
    random_fill(random, &view.trace_id, sizeof view.trace_id);
    random_fill(random, &view.span_id, sizeof view.span_id);
    size_t span = wire_open(out, SCOPES_ITEM);
    encode_span(out, &view);
    encode_text(out, SPAN_ATTRIBUTES, STR("http.request.method"), STR("GET"));
    encode_int(out, SPAN_ATTRIBUTES, STR("http.response.status_code"), 200);
    encode_text(out, SPAN_ATTRIBUTES, STR("url.scheme"), STR("https"));
    encode_text(out, SPAN_ATTRIBUTES, STR("server.address"), STR("shop.example.org"));
    encode_int(out, SPAN_ATTRIBUTES, STR("basket.id"), (int64_t)random_below(random, 100000));
    wire_close(out, span);
}

static bool prepare(Work *work, Err *err)
{
    Random random;
    random_seed(&random, 1);
    size_t group = wire_open(&work->plain, REQUEST_GROUP);
    size_t scopes = wire_open(&work->plain, GROUP_SCOPES);
    for (uint64_t i = 0; i < SPANS; i++)
        add_span(&work->plain, &random, i);
    wire_close(&work->plain, scopes);
    wire_close(&work->plain, group);
    return buf_ok(&work->plain, err);
}

static void run_compress(void *context, size_t rounds)
{
    const Work *work = context;
    Err err;
    for (size_t i = 0; i < rounds; i++) {
        Buf out = BUF(BYTES_MAX);
        bench_use(work->format->compress(buf_str(&work->plain), &out, &err));
        buf_free(&out);
    }
}

static void run_expand(void *context, size_t rounds)
{
    const Work *work = context;
    Err err;
    for (size_t i = 0; i < rounds; i++) {
        Buf out = BUF(BYTES_MAX);
        bench_use(work->format->expand(buf_str(&work->packed), &out, &err));
        buf_free(&out);
    }
}

static bool measure(Work *work, Err *err)
{
    char name[64];
    buf_clear(&work->packed);
    if (!work->format->compress(buf_str(&work->plain), &work->packed, err))
        return false;
    snprintf(name, sizeof name, "%s, to 1/%.1f", work->format->name,
             (double)work->plain.len / (double)work->packed.len);
    bench(&(Bench){ name, run_compress, work, SPANS, work->plain.len, NULL });
    snprintf(name, sizeof name, "%s, back", work->format->name);
    bench(&(Bench){ name, run_expand, work, SPANS, work->plain.len, NULL });
    return true;
}

int main(void)
{
    Err err;
    Work work = { .plain = BUF(BYTES_MAX), .packed = BUF(BYTES_MAX) };
    fast_gzip_init();
    bool ok = prepare(&work, &err);
    if (ok)
        printf("%d spans, %zu bytes each\n", SPANS, work.plain.len / SPANS);
    for (size_t i = 0; ok && i < COUNT_OF(formats); i++) {
        work.format = &formats[i];
        ok = measure(&work, &err);
    }
    if (!ok)
        fprintf(stderr, "compress: %s\n", err.text);
    buf_free(&work.plain);
    buf_free(&work.packed);
    fast_gzip_done();
    zstd_done();
    return ok ? 0 : 1;
}
