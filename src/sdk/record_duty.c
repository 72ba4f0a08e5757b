/* record_duty.c - takes ended records out of the threads' rows in batches; see record_duty.h. */
#include "sdk/record_duty.h"
#include "sdk/diagnostics.h"

#include "base/mem.h"

static void record_free(Record *record)
{
    ChunkList chunks = { 0 };
    for (Chunk *chunk = &record->chunk, *next; chunk; chunk = next) {
        next = chunk->next;
        chunk_list_push(&chunks, chunk);
    }
    chunks_give(&chunks);
}

static uint64_t dropped_so_far(const RecordDuty *duty)
{
    uint64_t tallies[TALLY_COUNT];
    tallies_sum(tallies);
    return tallies[duty->dropped_queue] + tallies[duty->dropped_memory];
}

bool record_duty_begin(void *self, const DutyRun *run, Err *err)
{
    RecordDuty *duty = self;
    duty->run = run;
    duty->batch = (RecordBatch){ .resource = run->resource };
    duty->dropped_at_begin = dropped_so_far(duty);
    duty->drops_told = false;
    duty->batch.records = MEM_MAKE(Record *, run->config->queues[duty->row].batch_size, err);
    return duty->batch.records != NULL;
}

bool record_duty_full(void *self)
{
    const RecordDuty *duty = self;
    const RunConfig *config = duty->run->config;
    return queue_used(config, duty->row) >= config->queues[duty->row].batch_size;
}

static bool take_record(void *context, Record *record)
{
    RecordDuty *duty = context;
    const RunConfig *config = duty->run->config;
    if (duty->batch.count == config->queues[duty->row].batch_size)
        return false;
    if (record->epoch == config->epoch)
        duty->batch.records[duty->batch.count++] = record;
    else
        record_free(record); /* of a run that has ended without it */
    return true;
}

Gathered record_duty_gather(void *self, Outgoing *out, Err *err)
{
    (void)err;
    RecordDuty *duty = self;
    const RunConfig *config = duty->run->config;
    RecordBatch *batch = &duty->batch;
    states_drain(duty->row, take_record, duty);
    queue_release(config, duty->row, (uint32_t)batch->count);
    if (batch->count == 0)
        return GATHERED_NOTHING;
    batch->tracer = duty->run->scope;
    batch->wall_offset_ns = clock_wall_ns(config->clock) - clock_mono_ns(config->clock);
    out->count = out->view_count = batch->count;
    out->batch = batch;
    out->encode = duty->encode;
    out->views = duty->views;
    bool more = batch->count == config->queues[duty->row].batch_size;
    return more ? GATHERED_MORE : GATHERED_ALL;
}

void record_duty_release(void *self)
{
    RecordDuty *duty = self;
    for (size_t i = 0; i < duty->batch.count; i++)
        record_free(duty->batch.records[i]);
    duty->batch.count = 0;
}

void record_duty_tell(void *self)
{
    RecordDuty *duty = self;
    if (duty->drops_told || dropped_so_far(duty) == duty->dropped_at_begin)
        return;
    say(CRYO_LOG_WARN, "%s", duty->drop_advice);
    duty->drops_told = true;
}

typedef struct Discarding {
    const RecordDuty *duty;
    uint64_t count;
} Discarding;

static bool discard_record(void *context, Record *record)
{
    Discarding *discarding = context;
    if (record->epoch == discarding->duty->run->config->epoch)
        discarding->count++;
    record_free(record);
    return true;
}

uint64_t record_duty_discard(void *self)
{
    RecordDuty *duty = self;
    Discarding discarding = { duty, 0 };
    states_drain(duty->row, discard_record, &discarding);
    return discarding.count;
}

void record_duty_end(void *self)
{
    RecordDuty *duty = self;
    mem_free(duty->batch.records);
    duty->batch = (RecordBatch){ 0 };
}

void record_duty_forked(void *self)
{
    RecordDuty *duty = self;
    duty->batch.count = 0;
    duty->dropped_at_begin = 0; /* the child counts anew */
    duty->drops_told = false;
    queue_reset(duty->run->config, duty->row);
}
