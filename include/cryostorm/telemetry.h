/* telemetry.h - start and stop telemetry, once per process.
 *
 *     int main(void)
 *     {
 *         CryoError error;
 *         if (!cryo_start_from_env(&error))
 *             fprintf(stderr, "no telemetry: %s\n", error.text);    the program runs on
 *         ...
 *         cryo_shutdown(5000, NULL);                                 sends what is left
 *     }
 *
 * With nothing configured, spans, metrics and logs are printed;
 * OTEL_EXPORTER_OTLP_ENDPOINT=http://host:4318 sends them to a collector (settings.h has the rest).
 * Everything else in these headers works at any time: before the start, after the shutdown and when
 * the start failed it does nothing, at next to no cost.
 *
 * One worker thread of ours encodes and sends (or the program's own event loop: tick.h); it starts
 * with the first finished span or log record, blocks all signals, and is made anew in a child after
 * fork(), where what the parent had not yet sent is left to the parent. A program that exits
 * without shutdown loses what was not yet sent, no more. Memory is bounded: what does not fit is
 * dropped and counted. On standard error we print when sending first fails, what it was and what to
 * try; after that at most a line a minute, and one when it works again.
 */
#ifndef CRYOSTORM_TELEMETRY_H
#define CRYOSTORM_TELEMETRY_H

#include <cryostorm/attributes.h>
#include <cryostorm/settings.h>
#include <cryostorm/version.h>

CRYO_BEGIN

#ifndef CRYO_HAS_OTLP
#define CRYO_HAS_OTLP 1 /* 0 when the library was built without its network part */
#endif

typedef enum CryoErrorKind {
    CRYO_ERROR_NONE,
    CRYO_ERROR_SETTINGS, /* what was asked for is wrong; text lists all of it */
    CRYO_ERROR_STATE,    /* not now: already started, not started */
    CRYO_ERROR_MEMORY,
    CRYO_ERROR_TIMEOUT, /* not done in the given time */
    CRYO_ERROR_SYSTEM,  /* the system or the other side said no */
} CryoErrorKind;

typedef struct CryoError {
    CryoErrorKind kind;
    char text[2048]; /* lines without a newline at the end; cut when longer */
} CryoError;

/* Start once. Settings come from the environment and .env, the second form also from code (NULL, or
 * a result of cryo_settings_load(), are fine; nothing in it is needed after the call). False: err
 * says why, nothing has changed, all calls stay no-ops. err may be NULL; then the reason is printed
 * on standard error. Switched off by the settings is no failure. */
CRYO_API bool cryo_start_from_env(CryoError *err);
CRYO_API bool cryo_start(const CryoSettings *settings, CryoError *err);

/* Sends what has ended and was logged, waits for it at most timeout_ms, ends the worker. False:
 * what could not be delivered in time is lost and err says how much; it is shut down all the same.
 * A second call, or one without a start, does nothing and is true. Starting again afterwards is
 * allowed. */
CRYO_API bool cryo_shutdown(uint32_t timeout_ms, CryoError *err);

/* Sends what has ended until now. False: not all of it was delivered in time. */
CRYO_API bool cryo_flush(uint32_t timeout_ms, CryoError *err);

/* For tests: shuts down without waiting and forgets all state, counts and exporters. */
CRYO_API void cryo_reset(void);

CRYO_API bool cryo_initialized(void); /* started, and not shut down since */

/* The process's telemetry, never NULL, and what it runs with: NULL where it is not started; valid
 * until the next shutdown. */
typedef struct CryoTelemetry CryoTelemetry;
CRYO_API const CryoTelemetry *cryo_get(void);
CRYO_API const CryoSettings *cryo_telemetry_settings(const CryoTelemetry *telemetry);

/* Where every span went since the start: started = exported + failed + dropped + what is held. */
typedef struct CryoCounts {
    uint64_t started;        /* recording spans */
    uint64_t not_sampled;    /* spans that the sampler declined; not part of started */
    uint64_t exported;       /* taken by every exporter */
    uint64_t failed;         /* given up after retries, or refused by the other side */
    uint64_t dropped_queue;  /* the queue was full */
    uint64_t dropped_memory; /* the memory budget was used up, so the span never started */
    uint64_t late_uses;      /* calls on a span that had ended */
    uint64_t misuses;        /* detach out of order, empty keys, keys too long */
    uint64_t held;           /* alive or waiting now */
    /* Log records: recorded = exported + failed + dropped_queue + held. What the level filter holds
     * back is not counted. */
    uint64_t logs_recorded, logs_exported, logs_failed, logs_held;
    uint64_t logs_dropped_queue;
    uint64_t logs_dropped_memory; /* not part of recorded */
    /* Metrics: data points, each time they were sent. */
    uint64_t points_exported, points_failed;
} CryoCounts;
CRYO_API void cryo_counts(CryoCounts *out);

/* Our own messages: each one line, from any thread, also the worker's. NULL: standard error. Set it
 * before the start. */
typedef enum CryoLogLevel {
    CRYO_LOG_DEBUG,
    CRYO_LOG_INFO,
    CRYO_LOG_WARN,
    CRYO_LOG_ERROR
} CryoLogLevel;
typedef void (*CryoLogHandler)(void *context, CryoLogLevel level, CryoString message);
CRYO_API void cryo_set_log_handler(CryoLogHandler handler, void *context);

/* What this build can do, at run time: "otlp", "console", "in_memory", "traces", "metrics",
 * "logs". */
CRYO_API bool cryo_has(const char *feature);
CRYO_API const char *cryo_version(void); /* of the library; CRYO_VERSION is that of the headers */

CRYO_END

#endif
