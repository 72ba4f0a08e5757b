/* console_sink.c - telemetry on standard output, for people; console_text.h says how it looks. */
#include "base/mem.h"
#include "sdk/console_text.h"
#include "sdk/exporters.h"

#include <stdio.h>

enum { TEXT_MAX = 64 << 20, VIEWS_MAX = 256 << 20 };

static Sink *console_create(const CryoSettings *settings, Signal signal, Err *err)
{
    (void)settings;
    Sink *sink = MEM_MAKE(Sink, 1, err);
    if (sink)
        *sink = (Sink){ .type = &console_sink, .signal = signal };
    return sink;
}

static void add_item(Buf *text, Signal signal, const void *views, size_t i)
{
    switch (signal) {
    case TRACES: console_span(text, (const CryoSpanView *)views + i); break;
    case METRICS: console_metric(text, (const CryoMetricView *)views + i); break;
    case LOGS: console_log(text, (const CryoLogView *)views + i); break;
    }
}

static bool console_send(Sink *sink, Outgoing *outgoing, const Until *until, Err *err)
{
    (void)sink, (void)until;
    Arena *arena = arena_new(VIEWS_MAX, err);
    const void *views = arena ? outgoing->views(outgoing, arena, err) : NULL;
    Buf text = BUF(TEXT_MAX);
    for (size_t i = 0; views && i < outgoing->view_count; i++)
        add_item(&text, outgoing->signal, views, i);
    bool good = views && buf_ok(&text, err);
    if (good && (fwrite(text.ptr, 1, text.len, stdout) != text.len || fflush(stdout) != 0))
        good = fail(err, ERR_IO, "writing to standard output");
    buf_free(&text);
    arena_free(arena);
    return good;
}

static void console_destroy(Sink *sink)
{
    mem_free(sink);
}

const SinkType console_sink = {
    .name = "console", .create = console_create, .send = console_send, .destroy = console_destroy
};
