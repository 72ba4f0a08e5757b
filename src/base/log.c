/* log.c - one line per event, to one sink; see log.h. */
#include "base/log.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>

enum { LINE_MAX_LEN = 1024 };

static const char *log_level_name(LogLevel level);

static void to_stderr(void *context, LogLevel level, Str component, Str message)
{
    (void)context;
    char at[TIME_TEXT_SIZE];
    time_text(clock_wall_ns(clock_system()), at);
    fprintf(stderr, "%.23sZ\t%s\t%.*s\t%.*s\n", at, log_level_name(level), STR_ARG(component),
            STR_ARG(message));
}

static LogSink sink = { to_stderr, NULL, LOG_INFO };

void log_set_sink(const LogSink *replacement)
{
    sink = replacement ? *replacement : (LogSink){ to_stderr, NULL, LOG_INFO };
}

void log_set_level(LogLevel level)
{
    sink.level = level;
}

void log_write(LogLevel level, const char *component, const char *format, ...)
{
    if (level < sink.level || !sink.write)
        return;
    char line[LINE_MAX_LEN];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    size_t len = n < 0 ? 0 : (size_t)n;
    len = len < sizeof line ? len : sizeof line - 1;
    sink.write(sink.context, level, str_from(component), (Str){ line, len });
}

static const char *log_level_name(LogLevel level)
{
    static const char *const names[] = { "debug", "info", "warn", "error", "off" };
    return names[level];
}
