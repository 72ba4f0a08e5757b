/* record_duty.h - the duty of what waits in the threads' rows: ended spans, and log records.
 *
 * One RecordDuty per row; the few lines that differ are the caller's (span_duty.c, log_duty.c).
 */
#ifndef SDK_RECORD_DUTY_H
#define SDK_RECORD_DUTY_H

#include "sdk/duty.h"
#include "sdk/record_batch.h"

typedef struct RecordDuty {
    RowKind row;
    Tally dropped_queue, dropped_memory;
    const char *drop_advice; /* said once per run when something is dropped */
    /* the rest is record_duty.c's */
    const DutyRun *run;
    RecordBatch batch;
    uint64_t dropped_at_begin;
    bool drops_told;
} RecordDuty;

CHECKED bool record_duty_begin(RecordDuty *duty, const DutyRun *run, Err *err);
bool record_duty_full(const RecordDuty *duty);
Gathered record_duty_gather(RecordDuty *duty, Outgoing *out); /* not signal, encode, views */
void record_duty_release(RecordDuty *duty);
void record_duty_tell(RecordDuty *duty);
uint64_t record_duty_discard(RecordDuty *duty);
void record_duty_end(RecordDuty *duty);
void record_duty_forked(RecordDuty *duty);

#endif
