/* diagnostics.c - our own messages; see diagnostics.h. */
#include "sdk/diagnostics.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { LINE_SIZE = 1024, SILENCE = CRYO_LOG_ERROR + 1 };

static const char *const names[] = { "debug", "info", "warn", "error", "none" };

static atomic_int lowest = CRYO_LOG_INFO;
static struct {
    _Atomic(CryoLogHandler) call;
    void *_Atomic context;
} handler;

void cryo_set_log_handler(CryoLogHandler call, void *context)
{
    atomic_store(&handler.context, context);
    atomic_store(&handler.call, call);
}

void say_from(const char *level)
{
    for (int i = 0; i <= SILENCE; i++)
        if (strcmp(level, names[i]) == 0)
            atomic_store(&lowest, i);
}

/* One line, and nothing in it steers a terminal: parts of it may come from a server. */
static void make_plain(char *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7F)
            line[i] = ' ';
}

void say(CryoLogLevel level, const char *format, ...)
{
    if ((int)level < atomic_load(&lowest))
        return;
    char line[LINE_SIZE];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    size_t len = n < 0 ? 0 : (size_t)n;
    len = len < sizeof line ? len : sizeof line - 1;
    make_plain(line, len);
    CryoLogHandler call = atomic_load(&handler.call);
    if (call)
        call(atomic_load(&handler.context), level, (CryoString){ line, len });
    else
        fprintf(stderr, "cryostorm: %s: %s\n", names[level], line);
}
