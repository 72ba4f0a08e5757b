/* otlp_json.c - what OTLP/JSON costs: to protobuf, from protobuf, and the reader alone.
 *
 * A thousand spans with five attributes each, as in otlp_batch.c; bytes are those of the JSON.
 * Skipping is the floor: it reads every token and keeps none.
 */
#include "support/harness.h"

#include "codec/json_reader.h"
#include "otlp/batch.h"
#include "otlp/encode.h"
#include "otlp/json_in.h"
#include "otlp/json_out.h"

#include <stdio.h>
#include <string.h>

enum { SPANS = 1000, BYTES_MAX = 4 << 20 };

typedef struct Work {
    Buf json, scratch;
    Batch *batch;
} Work;

static void add_span(Buf *out, uint64_t i)
{
    SpanView view = { .name = STR("GET /basket/{id}"),
                      .kind = 2,
                      .start_ns = 1700000000000000000 + i,
                      .end_ns = 1700000000000200000 + i };
    memset(&view.trace_id, (int)(i % 251 + 1), sizeof view.trace_id);
    memset(&view.span_id, (int)(i % 241 + 1), sizeof view.span_id);
    size_t span = wire_open(out, SCOPES_ITEM);
    encode_span(out, &view);
    encode_text(out, SPAN_ATTRIBUTES, STR("http.request.method"), STR("GET"));
    encode_text(out, SPAN_ATTRIBUTES, STR("url.path"), STR("/basket/1234"));
    encode_int(out, SPAN_ATTRIBUTES, STR("http.response.status_code"), 200);
    encode_text(out, SPAN_ATTRIBUTES, STR("server.address"), STR("shop.example.org"));
    encode_bool(out, SPAN_ATTRIBUTES, STR("cache.hit"), i % 2 == 0);
    wire_close(out, span);
}

static bool prepare(Work *work, Err *err)
{
    Buf request = BUF(BYTES_MAX);
    size_t group = wire_open(&request, REQUEST_GROUP);
    size_t scopes = wire_open(&request, GROUP_SCOPES);
    for (uint64_t i = 0; i < SPANS; i++)
        add_span(&request, i);
    wire_close(&request, scopes);
    wire_close(&request, group);
    if (buf_ok(&request, err))
        work->batch = batch_from_bytes(TRACES, &request, err);
    buf_free(&request);
    return work->batch && otlp_json_write(work->batch, &work->json, err);
}

static void run_skip(void *context, size_t rounds)
{
    const Work *work = context;
    for (size_t i = 0; i < rounds; i++) {
        JsonReader reader = json_reader(buf_str(&work->json));
        bench_use(json_skip(&reader));
        json_reader_done(&reader);
    }
}

static void run_in(void *context, size_t rounds)
{
    Work *work = context;
    Err err;
    for (size_t i = 0; i < rounds; i++) {
        buf_clear(&work->scratch);
        bench_use(otlp_json_read(TRACES, buf_str(&work->json), &work->scratch, &err));
    }
}

static void run_in_to_batch(void *context, size_t rounds)
{
    Work *work = context;
    Err err;
    for (size_t i = 0; i < rounds; i++) {
        Buf bytes = BUF(BYTES_MAX);
        bool ok = otlp_json_read(TRACES, buf_str(&work->json), &bytes, &err);
        Batch *batch = ok ? batch_from_bytes(TRACES, &bytes, &err) : NULL;
        bench_use(batch ? batch_item_count(batch) : 0);
        batch_unref(batch);
        buf_free(&bytes);
    }
}

static void run_out(void *context, size_t rounds)
{
    Work *work = context;
    Err err;
    for (size_t i = 0; i < rounds; i++) {
        buf_clear(&work->scratch);
        bench_use(otlp_json_write(work->batch, &work->scratch, &err));
    }
}

int main(void)
{
    Err err;
    Work work = { .json = BUF(BYTES_MAX), .scratch = BUF(BYTES_MAX) };
    if (!prepare(&work, &err)) {
        fprintf(stderr, "otlp_json: %s\n", err.text);
        return 1;
    }
    size_t bytes = work.json.len;
    printf("%d spans, %zu bytes each in JSON, %zu in protobuf\n", SPANS, bytes / SPANS,
           batch_bytes(work.batch).len / SPANS);
    bench(&(Bench){ "span in JSON: skip", run_skip, &work, SPANS, bytes, NULL });
    bench(&(Bench){ "span in JSON: to protobuf", run_in, &work, SPANS, bytes, NULL });
    bench(&(Bench){ "span in JSON: to a batch", run_in_to_batch, &work, SPANS, bytes, NULL });
    bench(&(Bench){ "span in JSON: from a batch", run_out, &work, SPANS, bytes, NULL });
    batch_unref(work.batch);
    buf_free(&work.scratch);
    buf_free(&work.json);
    return 0;
}
