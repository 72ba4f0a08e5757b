/* log.c - one line per event, to one sink; see log.h. */
#include "base/log.h"

#include "base/clock.h"
#include "base/thread.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { COMPONENT_KEPT = 64, MESSAGE_KEPT = 160 };

static void to_stderr(void *context, LogLevel level, Str component, Str message)
{
    (void)context;
    char at[TIME_TEXT_SIZE];
    time_text(clock_wall_ns(clock_system()), at);
    fprintf(stderr, "%.23sZ\t%s\t%.*s\t%.*s\n", at, log_level_name(level), STR_ARG(component),
            STR_ARG(message));
}

static LogSink sink = { to_stderr, NULL, LOG_INFO };
static Mutex sink_mutex = { PTHREAD_MUTEX_INITIALIZER }; /* it changes while others write */

static LogSink sink_now(void)
{
    mutex_lock(&sink_mutex);
    LogSink now = sink;
    mutex_unlock(&sink_mutex);
    return now;
}

/* What was last left out, per cause: to be told when the interval is over. */
typedef struct Unsaid {
    LogLevel level;
    char component[COMPONENT_KEPT], message[MESSAGE_KEPT];
} Unsaid;

static struct {
    Mutex mutex;
    LogSampler sampler;
    Unsaid unsaid[LOG_CAUSES];
} sampling = { .mutex = { PTHREAD_MUTEX_INITIALIZER } };

void log_set_sink(const LogSink *replacement)
{
    mutex_lock(&sink_mutex);
    sink = replacement ? *replacement : (LogSink){ to_stderr, NULL, LOG_INFO };
    mutex_unlock(&sink_mutex);
}

void log_set_level(LogLevel level)
{
    mutex_lock(&sink_mutex);
    sink.level = level;
    mutex_unlock(&sink_mutex);
}

void log_set_sampling(LogSampling rule)
{
    mutex_lock(&sampling.mutex);
    sampling.sampler = (LogSampler){ .rule = rule };
    mutex_unlock(&sampling.mutex);
}

/* ---- sampling ---- */

static uint64_t hash_of(LogLevel level, Str component, Str cause)
{
    return (str_hash(component) * 31 + str_hash(cause) * 7 + (uint64_t)level) << 1 | 1;
}

static void keep_unsaid(uint64_t hash, LogLevel level, Str component, Str message)
{
    size_t index = log_sample_index(&sampling.sampler, hash);
    if (index == LOG_CAUSES)
        return;
    Unsaid *unsaid = &sampling.unsaid[index];
    unsaid->level = level;
    snprintf(unsaid->component, sizeof unsaid->component, "%.*s", STR_ARG(component));
    snprintf(unsaid->message, sizeof unsaid->message, "%.*s", STR_ARG(message));
}

static bool may_say(LogLevel level, Str component, Str cause, Str message, uint64_t *unsaid)
{
    uint64_t hash = hash_of(level, component, cause);
    mutex_lock(&sampling.mutex);
    bool say = log_sample(&sampling.sampler, hash, clock_mono_ns(clock_system()), unsaid);
    if (!say)
        keep_unsaid(hash, level, component, message);
    mutex_unlock(&sampling.mutex);
    return say;
}

void log_tell_unsaid(bool at_the_end)
{
    int64_t until = at_the_end ? INT64_MAX : clock_mono_ns(clock_system());
    const LogSink to = sink_now();
    for (uint64_t count = 1; count > 0;) {
        size_t index = 0;
        Unsaid last;
        mutex_lock(&sampling.mutex);
        count = log_sample_overdue(&sampling.sampler, until, &index);
        last = sampling.unsaid[index];
        mutex_unlock(&sampling.mutex);
        if (!count || !to.write || last.level < to.level)
            continue;
        char line[MESSAGE_KEPT + 64];
        int n = snprintf(line, sizeof line, "%s (and %" PRIu64 " more like it)", last.message,
                         count - 1);
        if (count == 1)
            n = (int)strlen(last.message);
        to.write(to.context, last.level, str_from(last.component), (Str){ line, (size_t)n });
    }
}

/* ---- lines ---- */

void log_message(LogLevel level, Str component, Str cause, Str message)
{
    uint64_t unsaid = 0;
    const LogSink to = sink_now();
    if (level < to.level || !to.write || !may_say(level, component, cause, message, &unsaid))
        return;
    char line[LOG_LINE_MAX + 64];
    if (unsaid) {
        int n = snprintf(line, sizeof line, "%.*s (and %" PRIu64 " more like it)",
                         STR_ARG(str_first(message, LOG_LINE_MAX)), unsaid);
        message = (Str){ line, (size_t)n };
    }
    to.write(to.context, level, component, message);
}

void log_write(LogLevel level, const char *component, const char *format, ...)
{
    const LogSink to = sink_now();
    if (level < to.level || !to.write)
        return;
    char line[LOG_LINE_MAX];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    size_t len = n < 0 ? 0 : (size_t)n;
    len = len < sizeof line ? len : sizeof line - 1;
    log_message(level, str_from(component), str_from(format), (Str){ line, len });
}

const char *log_level_name(LogLevel level)
{
    static const char *const names[] = { "debug", "info", "warn", "error", "off" };
    return names[level];
}
