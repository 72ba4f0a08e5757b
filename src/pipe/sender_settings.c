/* sender_settings.c - the rows of SENDER_ROWS, and what no row can say by itself. */
#include "pipe/sender_internal.h"

static const char *const sizer_names[] = { "requests", "items", "bytes", NULL };

const ConfigField retry_fields[] = {
    RETRY_ROWS("5s"),
    { 0 },
};

const ConfigField breaker_fields[] = {
    BOOL(BreakerSettings, enabled, "true", "Leave a far side alone that never answers."),
    COUNT(BreakerSettings, consecutive_failures, "10", "1", "1000000",
          "After so many attempts without an answer in between, send only probes."),
    DURATION(BreakerSettings, probe_interval, "5s", "1ms", "1h",
             "How long nothing is sent before one batch is tried."),
    { 0 },
};

static bool check_batch_sizer(Str text, Err *err)
{
    return !text.len || str_eq(text, STR("items")) || str_eq(text, STR("bytes")) ||
           fail(err, ERR_INPUT, "`batch` supports only `items` or `bytes` sizers, found: \"%.*s\"",
                STR_ARG(text));
}

static bool check_metadata_key(Str text, Err *err)
{
    return fail(err, ERR_UNSUPPORTED,
                "batches by metadata (\"%.*s\"): not supported yet; they come later",
                STR_ARG(text));
}

static const ConfigField partition_fields[] = {
    TEXT_LIST(SendPartition, metadata_keys, "", "Gather apart what differs in these headers.",
              .check = check_metadata_key),
    { 0 },
};

static const ConfigField batch_fields[] = {
    BOOL(SendBatchSettings, enabled, "true", "Gather what waits into larger batches."),
    DURATION(SendBatchSettings, flush_timeout, "200ms", "1us", "24h",
             "Send whatever has gathered after this long."),
    COUNT(SendBatchSettings, min_size, "8192", "0", NULL, "Send once so much has gathered."),
    COUNT(SendBatchSettings, max_size, "0", "0", NULL, "Split anything larger; 0 never splits."),
    TEXT(SendBatchSettings, sizer, "",
         "What the sizes count, items or bytes; by default what the queue's sizer counts if it is "
         "one of these, else items.",
         .check = check_batch_sizer),
    SECTION(SendBatchSettings, partition, SendPartition, partition_fields,
            "What is not gathered together."),
    { 0 },
};

const ConfigField sending_queue_fields[] = {
    BOOL(SendingQueueSettings, enabled, "true", "Let batches wait for their turn."),
    COUNT(SendingQueueSettings, num_consumers, "10", "1", "1000", "How many are sent at once."),
    COUNT(SendingQueueSettings, queue_size, "1000", "1", NULL,
          "How much may wait and be on its way together; beyond, batches are refused."),
    CHOICE(SendingQueueSettings, sizer, "requests", sizer_names, "What queue_size counts."),
    BOOL(SendingQueueSettings, block_on_overflow, "false",
         "Let clients wait for room instead of refusing."),
    BOOL(SendingQueueSettings, wait_for_result, "false",
         "Answer clients only once the data is delivered, as under acknowledge: delivered."),
    LATER("storage", "a sending_queue on disk"),
    OPTIONAL_SECTION(SendingQueueSettings, batch, SendBatchSettings, batch_fields,
                     "Batches made of what waits in the queue."),
    { 0 },
};

const char *sender_sizer_name(int sizer)
{
    return sizer_names[sizer];
}

bool send_batch_by_bytes(const SendingQueueSettings *queue)
{
    if (queue->batch.sizer.len)
        return str_eq(queue->batch.sizer, STR("bytes"));
    return queue->sizer == SIZE_BY_BYTES;
}

bool sender_check(const SendingQueueSettings *queue, Err *err)
{
    const SendBatchSettings *batch = &queue->batch;
    if (!queue->enabled || !batch->present || !batch->enabled)
        return true;
    QueueSizer sizer = send_batch_by_bytes(queue) ? SIZE_BY_BYTES : SIZE_BY_ITEMS;
    if (batch->max_size && batch->max_size < batch->min_size)
        return fail(err, ERR_INPUT,
                    "sending_queue::batch: `max_size` must be greater or equal to `min_size`");
    if (sizer == (QueueSizer)queue->sizer && batch->min_size > queue->queue_size)
        return fail(err, ERR_INPUT,
                    "sending_queue: `min_size` must be less than or equal to `queue_size`");
    return true;
}
