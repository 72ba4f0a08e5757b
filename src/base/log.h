/* log.h - where the program says what happens: one sink, replaced by whoever runs us.
 *
 * Only the top of a stack logs; a function that returns an Err does not. The default sink writes
 * one line to stderr. The library's host may replace it. Lines are bounded; a sink must be callable
 * from any thread.
 *
 * Where a sampling is set, lines with the same cause (level, component and format) are told a few
 * times per interval and then counted: "(and 41 more like it)".
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/attributes.h"
#include "base/log_sample.h"
#include "base/str.h"

typedef enum LogLevel { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF } LogLevel;

typedef struct LogSink {
    void (*write)(void *context, LogLevel level, Str component, Str message);
    void *context;
    LogLevel level; /* nothing below it is formatted */
} LogSink;

enum { LOG_LINE_MAX = 1024 }; /* bytes of a message; the rest is cut */

void log_set_sink(const LogSink *sink);      /* NULL: the default, at LOG_INFO */
void log_set_level(LogLevel level);          /* of the sink that there is */
void log_set_sampling(LogSampling sampling); /* at the start: every line is told */
void log_write(LogLevel level, const char *component, const char *format, ...) PRINTF(3, 4);
/* The same for who has formatted already; cause: its format. */
void log_message(LogLevel level, Str component, Str cause, Str message);
/* Says how many lines were left out: of intervals that are over, from time to time; at the end of
 * all of them. */
void log_tell_unsaid(bool at_the_end);

const char *log_level_name(LogLevel level); /* "warn" */

#endif
