/* make_spans.c - see make_spans.h. */
#include "support/make_spans.h"

#include "base/clock.h"
#include "otlp/encode.h"

#include <stdio.h>
#include <string.h>

enum { MESSAGE_MAX = 1 << 24 };

/* One line, taken apart: the span's own fields, and its lists already as bytes. */
typedef struct Line {
    SpanView span;
    ScopeView scope;
    Buf resource, lists; /* attributes of the resource; attributes, events and links of the span */
} Line;

/* Cuts the next word off, quotes removed: key="a b" is one word. */
static bool next_word(Str *rest, char *out, size_t size)
{
    *rest = str_trim(*rest);
    size_t n = 0, at = 0;
    bool quoted = false;
    for (; at < rest->len && (quoted || rest->ptr[at] != ' '); at++) {
        if (rest->ptr[at] == '"')
            quoted = !quoted;
        else if (n + 1 < size)
            out[n++] = rest->ptr[at];
    }
    out[n] = 0;
    *rest = str_skip(*rest, at);
    return n > 0;
}

static bool parse_id(Str hex, uint8_t *out, size_t size)
{
    char padded[33];
    if (hex.len > 2 * size)
        return false;
    memset(padded, '0', sizeof padded);
    memcpy(padded + 2 * size - hex.len, hex.ptr, hex.len);
    return str_unhex((Str){ padded, 2 * size }, out, size);
}

static bool parse_start(Str text, uint64_t *out)
{
    int64_t since;
    if (!str_starts(text, STR("+")))
        return str_to_u64(text, out);
    if (!duration_parse(str_skip(text, 1), &since))
        return false;
    *out = SPANS_EPOCH_NS + (uint64_t)since;
    return true;
}

static bool parse_name(Str text, Str (*name)(uint64_t), uint32_t count, uint32_t *out)
{
    for (*out = 0; *out < count; ++*out)
        if (str_eq(name(*out), text))
            return true;
    return false;
}

static void add_attribute(Buf *out, uint32_t number, Str word)
{
    Str key, value = word;
    int64_t integer;
    double real;
    (void)str_split(&value, '=', &key);
    if (str_eq(value, STR("true")) || str_eq(value, STR("false")))
        encode_bool(out, number, key, str_eq(value, STR("true")));
    else if (str_to_i64(value, &integer))
        encode_int(out, number, key, integer);
    else if (str_to_double(value, &real))
        encode_double(out, number, key, real);
    else
        encode_text(out, number, key, value);
}

static void add_event(Line *line, Str name)
{
    size_t event = wire_open(&line->lists, SPAN_EVENTS);
    EventView view = { .time_ns = line->span.start_ns + 1000, .name = name };
    Str key;
    view.name = name;
    if (str_split(&name, '!', &key))
        view.name = key;
    encode_event(&line->lists, &view);
    if (name.len)
        add_attribute(&line->lists, EVENT_ATTRIBUTES, name);
    wire_close(&line->lists, event);
}

static bool add_link(Line *line, Str target)
{
    LinkView view = { .flags = 1 };
    Str trace;
    if (!str_split(&target, '/', &trace) || !parse_id(trace, view.trace_id.bytes, 16) ||
        !parse_id(target, view.span_id.bytes, 8))
        return false;
    size_t link = wire_open(&line->lists, SPAN_LINKS);
    encode_link(&line->lists, &view);
    wire_close(&line->lists, link);
    return true;
}

/* Texts that outlive the word they came in. */
static Str keep(Str text, Buf *texts)
{
    size_t start = texts->len;
    buf_add(texts, text);
    return (Str){ texts->ptr + start, text.len };
}

static bool set_last(SpanView *span, Str value)
{
    int64_t lasts;
    if (!duration_parse(value, &lasts))
        return false;
    span->end_ns = span->start_ns + (uint64_t)lasts;
    return true;
}

static void set_scope(ScopeView *scope, Str value, Buf *texts)
{
    Str name;
    (void)str_split(&value, '/', &name);
    scope->name = keep(name, texts);
    scope->version = keep(value, texts);
}

static bool set_text(SpanView *span, Str key, Str value, Buf *texts)
{
    if (str_eq(key, STR("name")))
        span->name = keep(value, texts);
    else if (str_eq(key, STR("message")))
        span->status_message = keep(value, texts);
    else if (str_eq(key, STR("state")))
        span->trace_state = keep(value, texts);
    else
        return false;
    return true;
}

static bool set_word(Line *line, Str word, Buf *texts)
{
    SpanView *span = &line->span;
    uint64_t number;
    if (str_starts(word, STR("@")))
        return add_attribute(&line->lists, SPAN_ATTRIBUTES, str_skip(word, 1)), true;
    if (str_starts(word, STR("%")))
        return add_attribute(&line->resource, RESOURCE_ATTRIBUTES, str_skip(word, 1)), true;
    Str key, value = word;
    if (!str_split(&value, '=', &key))
        return false;
    if (str_eq(key, STR("trace")))
        return parse_id(value, span->trace_id.bytes, 16);
    if (str_eq(key, STR("id")))
        return parse_id(value, span->span_id.bytes, 8);
    if (str_eq(key, STR("parent")))
        return parse_id(value, span->parent_span_id.bytes, 8);
    if (str_eq(key, STR("start")))
        return parse_start(value, &span->start_ns) && set_last(span, STR("0"));
    if (str_eq(key, STR("last")))
        return set_last(span, value);
    if (str_eq(key, STR("kind")))
        return parse_name(value, span_kind_name, 6, &span->kind);
    if (str_eq(key, STR("status")))
        return parse_name(value, status_code_name, 3, &span->status_code);
    if (str_eq(key, STR("flags")) && str_to_u64(value, &number))
        return span->flags = (uint32_t)number, true;
    if (str_eq(key, STR("service")))
        return encode_text(&line->resource, RESOURCE_ATTRIBUTES, STR("service.name"), value), true;
    if (str_eq(key, STR("scope")))
        return set_scope(&line->scope, value, texts), true;
    if (str_eq(key, STR("event")))
        return add_event(line, value), true;
    if (str_eq(key, STR("link")))
        return add_link(line, value);
    return set_text(span, key, value, texts);
}

static void write_line(Buf *out, const Line *line)
{
    size_t group = wire_open(out, REQUEST_GROUP);
    size_t resource = wire_open(out, GROUP_RESOURCE);
    buf_add(out, buf_str(&line->resource));
    wire_close(out, resource);
    size_t scopes = wire_open(out, GROUP_SCOPES);
    encode_scope(out, &line->scope);
    size_t span = wire_open(out, SCOPES_ITEM);
    encode_span(out, &line->span);
    buf_add(out, buf_str(&line->lists));
    wire_close(out, span);
    wire_close(out, scopes);
    wire_close(out, group);
}

static bool add_line(Buf *out, Str text, Err *err)
{
    char word[512], room[1024];
    Buf texts = { .ptr = room, .cap = sizeof room, .max = sizeof room };
    Line line = { .resource = BUF(MESSAGE_MAX), .lists = BUF(MESSAGE_MAX) };
    line.span.trace_id.bytes[15] = line.span.span_id.bytes[7] = 1;
    line.span.start_ns = line.span.end_ns = SPANS_EPOCH_NS;
    bool ok = true;
    while (ok && next_word(&text, word, sizeof word))
        if (!set_word(&line, str_from(word), &texts))
            ok = fail(err, ERR_INPUT, "no such word: %s", word);
    if (ok)
        write_line(out, &line);
    buf_free(&line.resource);
    buf_free(&line.lists);
    return ok;
}

Batch *make_spans(Str lines, Err *err)
{
    Buf out = BUF(MESSAGE_MAX);
    bool ok = true;
    for (Str line; ok && str_split(&lines, '\n', &line);)
        ok = !str_trim(line).len || add_line(&out, line, err);
    Batch *batch = ok && buf_ok(&out, err) ? batch_from_bytes(TRACES, &out, err) : NULL;
    buf_free(&out);
    return batch;
}
