/* otlp_batch.c - what an OTLP batch costs: copied, validated and indexed, read, written, joined,
 * split, edited.
 *
 * A thousand spans with five attributes each, as an SDK sends them. The copy is the floor: no code
 * that looks at the bytes can be faster than one that only moves them.
 */
#include "support/harness.h"

#include "otlp/batch.h"
#include "otlp/combine.h"
#include "otlp/edit.h"
#include "otlp/encode.h"

#include <stdio.h>
#include <string.h>

enum { SPANS = 1000, BYTES_MAX = 1 << 20, JOINED = 8, SPAN_BYTES = 200 };

typedef struct Work {
    Buf request;
    Buf scratch;
    Batch *batch;
} Work;

static void add_span(Buf *out, uint64_t i)
{
    TraceId trace = { { 1, 2, 3 } };
    SpanId id = { { 4, 5, 6 } };
    memcpy(trace.bytes + 8, &i, sizeof(i));
    memcpy(id.bytes, &i, sizeof(i));
    size_t span = wire_open_about(out, SCOPES_ITEM, SPAN_BYTES);
    encode_span(out, &(SpanView){ .trace_id = trace,
                                  .span_id = id,
                                  .name = STR("GET /basket/{id}"),
                                  .kind = 2,
                                  .start_ns = 1700000000000000000 + i,
                                  .end_ns = 1700000000000200000 + i });
    encode_text(out, SPAN_ATTRIBUTES, STR("http.request.method"), STR("GET"));
    encode_text(out, SPAN_ATTRIBUTES, STR("url.path"), STR("/basket/1234"));
    encode_int(out, SPAN_ATTRIBUTES, STR("http.response.status_code"), 200);
    encode_text(out, SPAN_ATTRIBUTES, STR("server.address"), STR("shop.example.org"));
    encode_bool(out, SPAN_ATTRIBUTES, STR("cache.hit"), i % 2 == 0);
    wire_close(out, span);
}

static void add_request(Buf *out)
{
    size_t group = wire_open_about(out, REQUEST_GROUP, SPANS * SPAN_BYTES);
    size_t resource = wire_open(out, GROUP_RESOURCE);
    encode_text(out, RESOURCE_ATTRIBUTES, STR("service.name"), STR("shop"));
    wire_close(out, resource);
    size_t scopes = wire_open_about(out, GROUP_SCOPES, SPANS * SPAN_BYTES);
    for (uint64_t i = 0; i < SPANS; i++)
        add_span(out, i);
    wire_close(out, scopes);
    wire_close(out, group);
}

static void run_copy(void *context, size_t rounds)
{
    Work *work = context;
    for (size_t i = 0; i < rounds; i++) {
        memcpy(work->scratch.ptr, work->request.ptr, work->request.len);
        bench_use((size_t)work->scratch.ptr[i % work->request.len]);
    }
}

static void run_write(void *context, size_t rounds)
{
    Work *work = context;
    for (size_t i = 0; i < rounds; i++) {
        work->scratch.len = 0;
        add_request(&work->scratch);
        bench_use(work->scratch.len);
    }
}

static void run_index(void *context, size_t rounds)
{
    Work *work = context;
    Err err;
    for (size_t i = 0; i < rounds; i++) {
        Batch *batch = batch_from_copy(TRACES, (Str){ work->request.ptr, work->request.len }, &err);
        bench_use(batch ? batch_item_count(batch) : 0);
        batch_unref(batch);
    }
}

static void run_read(void *context, size_t rounds)
{
    Work *work = context;
    size_t sum = 0;
    for (size_t i = 0; i < rounds; i++) {
        for (size_t item = 0; item < SPANS; item++) {
            SpanView span = span_view(work->batch, item);
            sum += span.name.len + span.end_ns - span.start_ns;
        }
    }
    bench_use(sum);
}

static void run_read_attributes(void *context, size_t rounds)
{
    Work *work = context;
    size_t sum = 0;
    for (size_t i = 0; i < rounds; i++) {
        for (size_t item = 0; item < SPANS; item++) {
            Attributes list = item_attributes(work->batch, item);
            AttributeView attribute;
            while (attributes_next(&list, &attribute))
                sum += attribute.key.len + (size_t)attribute.value.kind;
        }
    }
    bench_use(sum);
}

static void run_join(void *context, size_t rounds)
{
    Work *work = context;
    Err err;
    Batch *batches[JOINED];
    for (size_t i = 0; i < JOINED; i++)
        batches[i] = work->batch;
    for (size_t i = 0; i < rounds; i++) {
        Batch *joined = batch_concat(batches, JOINED, &err);
        bench_use(joined ? batch_item_count(joined) : 0);
        batch_unref(joined);
    }
}

static void run_split(void *context, size_t rounds)
{
    Work *work = context;
    Err err;
    for (size_t i = 0; i < rounds; i++) {
        Batch *piece = NULL;
        Split split = split_begin(work->batch, (SplitLimits){ .items_max = SPANS / 8 });
        while (split_next(&split, &piece, &err) && piece) {
            bench_use(batch_item_count(piece));
            batch_unref(piece);
        }
        split_end(&split);
    }
}

static void run_edit(void *context, size_t rounds)
{
    Work *work = context;
    Err err;
    AttributeView attribute = { STR("deployment.environment.name"),
                                { .kind = VALUE_STRING, .text = STR("production") } };
    for (size_t i = 0; i < rounds; i++) {
        Edits *edits = edits_new(work->batch, BYTES_MAX, &err);
        bool ok = edits && edits_set(edits, EDIT_RESOURCE, 0, &attribute, &err);
        Batch *changed = ok ? edits_apply(edits, &err) : NULL;
        bench_use(changed ? batch_item_count(changed) : 0);
        batch_unref(changed);
        edits_free(edits);
    }
}

static void run_edit_each(void *context, size_t rounds)
{
    Work *work = context;
    Err err;
    AttributeView attribute = { STR("deployment.environment.name"),
                                { .kind = VALUE_STRING, .text = STR("production") } };
    for (size_t i = 0; i < rounds; i++) {
        Edits *edits = edits_new(work->batch, BYTES_MAX, &err);
        bool ok = edits != NULL;
        for (size_t item = 0; ok && item < SPANS; item++)
            ok = edits_set(edits, EDIT_ITEM, item, &attribute, &err);
        Batch *changed = ok ? edits_apply(edits, &err) : NULL;
        bench_use(changed ? batch_item_count(changed) : 0);
        batch_unref(changed);
        edits_free(edits);
    }
}

int main(void)
{
    Err err;
    Work work = { .request = BUF(BYTES_MAX), .scratch = BUF(BYTES_MAX) };
    add_request(&work.request);
    add_request(&work.scratch);
    if (buf_ok(&work.request, &err) && buf_ok(&work.scratch, &err))
        work.batch = batch_from_copy(TRACES, (Str){ work.request.ptr, work.request.len }, &err);
    if (!work.batch) {
        fprintf(stderr, "otlp_batch: %s\n", err.text);
        return 1;
    }
    size_t bytes = work.request.len;
    printf("%d spans, %zu bytes each\n", SPANS, bytes / SPANS);
    bench(&(Bench){ "span: copy", run_copy, &work, SPANS, bytes, NULL });
    bench(&(Bench){ "span: validate and index, with a copy", run_index, &work, SPANS, bytes,
                    "168, and the copy" });
    bench(&(Bench){ "span: read its fields", run_read, &work, SPANS, 0, NULL });
    bench(&(Bench){ "span: read its attributes", run_read_attributes, &work, SPANS, 0, NULL });
    bench(&(Bench){ "span: join eight batches", run_join, &work, SPANS * JOINED, bytes * JOINED,
                    "a copy" });
    bench(&(Bench){ "span: split into eight", run_split, &work, SPANS, bytes, NULL });
    bench(&(Bench){ "span: add a resource attribute", run_edit, &work, SPANS, bytes, NULL });
    bench(&(Bench){ "span: add an attribute", run_edit_each, &work, SPANS, bytes, NULL });
    bench(&(Bench){ "span: encode", run_write, &work, SPANS, bytes, "60" });
    batch_unref(work.batch);
    buf_free(&work.scratch);
    buf_free(&work.request);
    return 0;
}
