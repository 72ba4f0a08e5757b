/* log.h - where the program says what happens: one sink, replaced by whoever runs us.
 *
 * Only the top of a stack logs; a function that returns an Err does not. The default sink writes
 * one line to stderr. The library's host may replace it. Lines are bounded; a sink must be callable
 * from any thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/attributes.h"
#include "base/str.h"

typedef enum LogLevel { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF } LogLevel;

typedef struct LogSink {
    void (*write)(void *context, LogLevel level, Str component, Str message);
    void *context;
    LogLevel level; /* nothing below it is formatted */
} LogSink;

void log_set_sink(const LogSink *sink); /* NULL: the default, at LOG_INFO */
void log_set_level(LogLevel level);     /* of the sink that there is */
void log_write(LogLevel level, const char *component, const char *format, ...) PRINTF(3, 4);

#endif
