/* console_sink.c - finished spans on standard output, for people.
 *
 *     GET /basket  SERVER  12.345 ms  ERROR: out of stock
 *       2026-11-21T03:24:17.123456789Z  trace 0af7..319c  span b7ad6b7169203331  parent 00f0..02b7
 *       basket.id = "b-17"
 *       event +0.120 ms  authenticated  user.id = 42
 *       link  trace ...  span ...
 */
#include "base/clock.h"
#include "base/mem.h"
#include "sdk/exporters.h"
#include "sdk/value_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 64 << 20, VIEWS_MAX = 256 << 20 };

static const char *kind_name(CryoKind kind)
{
    static const char *const names[] = {
        "", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"
    };
    return kind <= CRYO_CONSUMER ? names[kind] : "";
}

/* Text from telemetry must not steer the terminal. */
static void add_plain(Buf *out, CryoString text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        buf_add_byte(out, c < 0x20 || c == 0x7F ? ' ' : text.ptr[i]);
    }
}

static void add_attributes(Buf *out, CryoAttrs attributes, const char *before)
{
    for (size_t i = 0; i < attributes.count; i++) {
        JsonWriter json = json_writer(out);
        buf_add(out, str_from(before));
        add_plain(out, attributes.ptr[i].key);
        buf_add(out, STR(" = "));
        value_print(&json, &attributes.ptr[i].value);
    }
}

static void add_millis(Buf *out, uint64_t from_ns, uint64_t to_ns)
{
    int64_t micros = (int64_t)(to_ns - from_ns) / NANOS_PER_MICRO;
    int64_t size = micros < 0 ? -micros : micros;
    buf_addf(out, "%s%" PRId64 ".%03" PRId64 " ms", micros < 0 ? "-" : "", size / 1000,
             size % 1000);
}

static void add_head(Buf *out, const CryoSpanView *span)
{
    char at[TIME_TEXT_SIZE];
    static const uint8_t none[8];
    add_plain(out, span->name);
    buf_addf(out, "  %s  ", kind_name(span->kind));
    add_millis(out, span->start_ns, span->end_ns);
    if (span->status == CRYO_STATUS_OK)
        buf_add(out, STR("  OK"));
    if (span->status == CRYO_STATUS_ERROR) {
        buf_add(out, span->status_description.len ? STR("  ERROR: ") : STR("  ERROR"));
        add_plain(out, span->status_description);
    }
    buf_addf(out, "\n  %s  trace ", time_text((int64_t)span->start_ns, at));
    buf_add_hex(out, span->trace_id, sizeof span->trace_id);
    buf_add(out, STR("  span "));
    buf_add_hex(out, span->span_id, sizeof span->span_id);
    if (memcmp(span->parent_span_id, none, sizeof none) != 0) {
        buf_add(out, STR("  parent "));
        buf_add_hex(out, span->parent_span_id, sizeof span->parent_span_id);
    }
}

static void add_dropped(Buf *out, const CryoSpanView *span)
{
    if (span->dropped_attributes || span->dropped_events || span->dropped_links)
        buf_addf(out, "\n  dropped: %u attributes, %u events, %u links", span->dropped_attributes,
                 span->dropped_events, span->dropped_links);
}

static void add_span(Buf *out, const CryoSpanView *span)
{
    add_head(out, span);
    add_attributes(out, span->attributes, "\n  ");
    for (size_t i = 0; i < span->event_count; i++) {
        buf_add(out, STR("\n  event +"));
        add_millis(out, span->start_ns, span->events[i].time_ns);
        buf_add(out, STR("  "));
        add_plain(out, span->events[i].name);
        add_attributes(out, span->events[i].attributes, "  ");
    }
    for (size_t i = 0; i < span->link_count; i++) {
        buf_add(out, STR("\n  link  trace "));
        buf_add_hex(out, span->links[i].trace_id, sizeof span->links[i].trace_id);
        buf_add(out, STR("  span "));
        buf_add_hex(out, span->links[i].span_id, sizeof span->links[i].span_id);
        add_attributes(out, span->links[i].attributes, "  ");
    }
    add_dropped(out, span);
    buf_add_byte(out, '\n');
}

static Sink *console_create(const CryoSettings *settings, Err *err)
{
    (void)settings;
    Sink *sink = MEM_MAKE(Sink, 1, err);
    if (sink)
        sink->type = &console_sink;
    return sink;
}

static bool console_send(Sink *sink, SpanBatch *batch, const Until *until, Err *err)
{
    (void)sink, (void)until;
    Arena *arena = arena_new(VIEWS_MAX, err);
    CryoSpanView *views = arena ? span_batch_views(batch, arena, err) : NULL;
    Buf text = BUF(TEXT_MAX);
    for (size_t i = 0; views && i < batch->count; i++)
        add_span(&text, &views[i]);
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
