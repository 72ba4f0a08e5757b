/* log_record.c - the public calls for log records; see <cryostorm/log.h>.
 *
 * A log record is a Record (record.h) that is filled, put into its thread's row and forgotten by
 * the caller: nobody has a handle, so it needs no lock, and the path is free of the allocator like
 * that of spans.
 */
#include "sdk/log_record.h"
#include "sdk/tracer.h"
#include "sdk/worker.h"

#include <stdio.h>
#include <string.h>

enum { FORMATTED_MAX = 4096 };

unsigned char cryo_log_from = LOGS_OFF;

unsigned char log_level_severity(const char *level)
{
    static const struct {
        const char *name;
        unsigned char severity;
    } rows[] = { { "DEBUG", CRYO_DEBUG },
                 { "INFO", CRYO_INFO },
                 { "WARNING", CRYO_WARN },
                 { "ERROR", CRYO_ERROR },
                 { "CRITICAL", CRYO_FATAL } };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (strcmp(level, rows[i].name) == 0)
            return rows[i].severity;
    return CRYO_INFO;
}

const CryoLogger *cryo_logger(const char *name, const char *version)
{
    return cryo_tracer(name, version);
}

static void set_times(Record *record, const CryoLogRecord *from)
{
    record->end_ns = clock_mono_ns(record->config->clock);
    record->start_ns = from->time_ns ? (int64_t)from->time_ns : record->end_ns;
    record->bits = from->time_ns ? RECORD_START_WALL : 0;
}

static void set_context(Record *record, const CryoContext *context)
{
    memcpy(record->trace_id, context->trace_id, sizeof record->trace_id);
    memcpy(record->span_id, context->span_id, sizeof record->span_id);
    record->flags = context->flags;
    record->has_parent = 0;
}

static void add_text(Record *record, ThreadState *state, EntryKind kind, CryoString text)
{
    if (text.len)
        (void)record_add(record, state,
                         &(EntryText){ .kind = kind, .first = { text.ptr, text.len } });
}

/* What has no memory, or is longer than it may be, is left out and counted like an attribute. */
static void describe(Record *record, ThreadState *state, const CryoLogRecord *from)
{
    bool severe = from->severity > 0 && from->severity <= 24;
    record->kind = (uint8_t)(severe ? from->severity : 0);
    record->tracer = from->logger;
    add_text(record, state, ENTRY_SEVERITY, from->severity_text);
    add_text(record, state, ENTRY_NAME, from->event_name);
    if (from->body.type != CRYO_EMPTY && !record_add_value(record, state, ENTRY_BODY, &from->body))
        record->dropped_attributes++;
    record_set_attributes(record, state, from->attributes, record->config->log);
}

static void log_in(const RunConfig *config, ThreadState *state, const CryoLogRecord *from)
{
    Record *record = (Record *)(void *)state_chunk_take(state);
    if (!record) {
        tally_in(state, TALLY_LOGS_DROPPED_MEMORY);
        return;
    }
    record_init(record);
    record->config = config;
    record->epoch = config->epoch;
    set_times(record, from);
    set_context(record, from->context ? from->context : &thread_locals.current);
    describe(record, state, from);
    tally_in(state, TALLY_LOGS_RECORDED);
    if (worker_submit(ROW_LOGS, record, state, config))
        return;
    tally_in(state, TALLY_LOGS_DROPPED_QUEUE);
    state_chunks_free(state, &record->chunk);
}

void cryo_log_record(const CryoLogRecord *record)
{
    const RunConfig *config = atomic_load_explicit(&log_config, memory_order_acquire);
    bool wanted =
        record && (record->severity <= 0 || record->severity >= (int)CRYO_RELAXED(cryo_log_from));
    if (!config || !wanted || thread_locals.suppressed)
        return;
    ThreadState *state = thread_state();
    if (state)
        log_in(config, state, record);
    else
        tally(TALLY_LOGS_DROPPED_MEMORY);
}

void cryo_log_format(CryoSeverity severity, const char *format, ...)
{
    char text[FORMATTED_MAX];
    va_list args;
    if (!cryo_log_enabled(severity))
        return;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t shown = len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    cryo_log_record(&(CryoLogRecord){ .severity = (int)severity,
                                      .body = cryo_string((CryoString){ text, shown }) });
}
