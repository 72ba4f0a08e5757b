/* record_duty.h - the duty of what waits in the threads' rows: ended spans, and log records.
 *
 * One RecordDuty per row; what differs stands in its members (span_duty.c, log_duty.c). The
 * functions are a DutyType's, whose `self` is the RecordDuty.
 */
#ifndef SDK_RECORD_DUTY_H
#define SDK_RECORD_DUTY_H

#include "sdk/duty.h"
#include "sdk/record_batch.h"

typedef struct RecordDuty {
    RowKind row;
    Tally dropped_queue, dropped_memory;
    const char *drop_advice; /* said once per run when something is dropped */
    bool (*encode)(const Outgoing *outgoing, Buf *out, Err *err); /* for Outgoing */
    void *(*views)(const Outgoing *outgoing, Arena *arena, Err *err);
    /* the rest is record_duty.c's */
    const DutyRun *run;
    RecordBatch batch;
    uint64_t dropped_at_begin;
    bool drops_told;
} RecordDuty;

CHECKED bool record_duty_begin(void *self, const DutyRun *run, Err *err);
bool record_duty_full(void *self);
Gathered record_duty_gather(void *self, Outgoing *out, Err *err);
void record_duty_release(void *self);
void record_duty_tell(void *self);
uint64_t record_duty_discard(void *self);
void record_duty_end(void *self);
void record_duty_forked(void *self);

#endif
