/* log.h - log records: what happened, how bad it is, and during which span.
 *
 *     cryo_log(CRYO_INFO, "order accepted");
 *     cryo_log(CRYO_WARN, "stock is low", CRYO_ATTRS("item", name, "left", count));
 *     cryo_logf(CRYO_ERROR, "cannot open %s: %s", path, strerror(errno));
 *
 * A record carries the trace and span id of the thread's current span (context.h), so that a log
 * line leads to its trace and back. What is below LOGGING__LEVEL (INFO) costs a nanosecond or two:
 * in C neither message nor attributes are then evaluated. The message is any value (value.h): text,
 * a number, bytes, an array, a map.
 *
 * Costs and promises. Nothing here blocks, prints, or returns an error; what had to be dropped is
 * counted by its reason (cryo_counts in telemetry.h). Every function may be called from every
 * thread, but not from a signal handler. Text and attributes are copied before a call returns. By
 * default the worker is woken for each record (LOGGING__PROCESSOR_TYPE=simple), which sends it at
 * once; with batch it gathers them. What an exporter itself logs on the worker's thread is not
 * recorded. (OpenTelemetry specification: Logs API and SDK.)
 */
#ifndef CRYOSTORM_LOG_H
#define CRYOSTORM_LOG_H

#include <cryostorm/attributes.h>
#include <cryostorm/context.h>
#include <cryostorm/value.h>

CRYO_BEGIN

/* OpenTelemetry's severity numbers; those between, up to 24, may be used as well. */
typedef enum CryoSeverity {
    CRYO_TRACE = 1,
    CRYO_DEBUG = 5,
    CRYO_INFO = 9,
    CRYO_WARN = 13,
    CRYO_ERROR = 17,
    CRYO_FATAL = 21,
} CryoSeverity;

/* The library or part of a program that logs. The same pair gives the same logger; version may be
 * NULL. Valid until the process ends, never NULL. At most 1024 different tracers and loggers; then
 * the default one is given. */
typedef struct CryoTracer CryoLogger;
CRYO_API const CryoLogger *cryo_logger(const char *name, const char *version);

typedef struct CryoLogRecord {
    int severity; /* a CryoSeverity, or a number from 1 to 24; 0: unknown, passes every filter */
    CryoString severity_text; /* as its source calls it; empty: INFO and so on */
    CryoValue body;
    CryoString event_name; /* names what kind of event this is; may be empty */
    CryoAttrs attributes;
    uint64_t time_ns;           /* when it happened, since the epoch; 0: now */
    const CryoContext *context; /* NULL: the thread's current one */
    const CryoLogger *logger;   /* NULL: named after the service */
} CryoLogRecord;

CRYO_API void cryo_log_record(const CryoLogRecord *record);

/* Formats like printf into at most 4 KiB; the rest is cut. */
CRYO_API void cryo_log_format(CryoSeverity severity, const char *format, ...) CRYO_PRINTF(2, 3);

extern CRYO_API unsigned char cryo_log_from; /* the lowest severity that is recorded; 255: none */

/* Would such a record be recorded? For work that only a log record needs. */
static inline bool cryo_log_enabled(CryoSeverity severity)
{
    return (int)severity >= (int)CRYO_RELAXED(cryo_log_from);
}

static inline void cryo_log_value(const CryoLogger *logger, CryoSeverity severity, CryoValue body,
                                  CryoAttrs attributes)
{
    CryoLogRecord record = { (int)severity, { NULL, 0 }, body, { NULL, 0 },
                             attributes,    0,           NULL, logger };
    if (cryo_log_enabled(severity))
        cryo_log_record(&record);
}

/* What cryo_log() is in C++; without attributes: { NULL, 0 }. */
static inline void cryo_log_text(CryoSeverity severity, const char *message, CryoAttrs attributes)
{
    cryo_log_value(NULL, severity, cryo_text(message), attributes);
}

CRYO_END

#ifndef __cplusplus
/* clang-format off */
/* cryo_log(severity, message), cryo_log(severity, message, attributes); the same for a logger */
#define cryo_log(severity, ...) cryo_log_to(NULL, severity, __VA_ARGS__)
#define cryo_log_to(logger, severity, ...)                                                         \
    CRYO_LET(const CryoSeverity, cryo_severity_, severity,                                         \
             if (cryo_log_enabled(cryo_severity_))                                                 \
                 CRYO_LOG_(logger, cryo_severity_, __VA_ARGS__, CRYO_NO_ATTRS_, 0))

#define cryo_logf(severity, ...)                                                                   \
    CRYO_LET(const CryoSeverity, cryo_severity_, severity,                                         \
             if (cryo_log_enabled(cryo_severity_)) cryo_log_format(cryo_severity_, __VA_ARGS__))

#define CRYO_NO_ATTRS_ ((CryoAttrs){ NULL, 0 })
#define CRYO_LOG_(logger, severity, message, attributes, ...)                                      \
    cryo_log_value(logger, severity, CRYO_VALUE(message), attributes)
/* clang-format on */
#endif

#endif
