/* otlp_json.c - any bytes as OTLP/JSON of each signal: what is read is protobuf that a batch
 * accepts, and written as JSON and read again it becomes the same JSON. */
#include "otlp/batch.h"
#include "otlp/json_in.h"
#include "otlp/json_out.h"

#include <stdlib.h>

enum { OUT_MAX = 64 << 20 };

static Batch *read_batch(Signal signal, Str json)
{
    Err err;
    Buf bytes = BUF(OUT_MAX);
    Batch *batch = NULL;
    if (otlp_json_read(signal, json, &bytes, &err)) {
        batch = batch_from_bytes(signal, &bytes, &err);
        if (!batch && err.kind != ERR_LIMIT)
            abort();
    }
    buf_free(&bytes);
    return batch;
}

static void there_and_back(const Batch *batch)
{
    Err err;
    Buf once = BUF(OUT_MAX), twice = BUF(OUT_MAX);
    if (!otlp_json_write(batch, &once, &err))
        abort();
    Batch *again = read_batch(batch_signal(batch), buf_str(&once));
    if (!again || !otlp_json_write(again, &twice, &err) || !str_eq(buf_str(&once), buf_str(&twice)))
        abort();
    batch_unref(again);
    buf_free(&twice);
    buf_free(&once);
}

static void read_answers(Str json)
{
    Err err;
    ExportAnswer answer;
    RpcStatus status;
    Buf scratch = BUF(OUT_MAX);
    if (otlp_json_read_answer(json, &scratch, &answer, &err) && answer.rejected < 0)
        abort();
    if (otlp_json_read_status(json, &scratch, &status, &err) && status.message.len > json.len * 3)
        abort();
    buf_free(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const Signal signals[] = { TRACES, METRICS, LOGS };
    Str json = { (const char *)data, size };
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        Batch *batch = read_batch(signals[i], json);
        if (batch)
            there_and_back(batch);
        batch_unref(batch);
    }
    read_answers(json);
    return 0;
}
