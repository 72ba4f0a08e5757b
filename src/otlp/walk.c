/* walk.c - validates OTLP bytes and notes where things begin; see walk_internal.h.
 *
 * The messages of OTLP are rows of one table: for each field number up to 15 with wire type LEN,
 * what its content is. All other wire types are skipped by their own rules, whoever sent them, and
 * so is everything that the table does not name (field 16 of Span, the only known field beyond 15,
 * is a fixed32). One loop with a stack of its own walks all of it; outside data never makes us
 * recurse. KeyValue and the messages that count as items have several rows, one per place where
 * they occur, so that the row alone says what to note.
 */
#include "otlp/walk_internal.h"

#include "base/mem.h"
#include "codec/wire.h"
#include "model/ids.h"

#include <string.h>

typedef enum Message {
    TRACES_DATA,
    METRICS_DATA,
    LOGS_DATA,
    RESOURCE_SPANS,
    RESOURCE_METRICS,
    RESOURCE_LOGS,
    RESOURCE,
    ENTITY,
    SCOPE_SPANS,
    SCOPE_METRICS,
    SCOPE_LOGS,
    SCOPE,
    SPAN,
    EVENT,
    LINK,
    STATUS,
    LOG,
    METRIC,
    GAUGE,
    SUM,
    HISTOGRAM,
    EXPONENTIAL,
    SUMMARY,
    NUMBER_POINT,
    HISTOGRAM_POINT,
    EXPONENTIAL_POINT,
    BUCKETS,
    SUMMARY_POINT,
    QUANTILE,
    EXEMPLAR,
    RESOURCE_ATTRIBUTE,
    SCOPE_ATTRIBUTE,
    ITEM_ATTRIBUTE,
    KEY_VALUE,
    ANY_VALUE,
    ARRAY_VALUE,
    KEY_VALUE_LIST,
    MESSAGE_COUNT
} Message;

/* What a LEN field holds; values from HOLDS_MESSAGE on name the message. An item's own id is what
 * it is found by; the others only point elsewhere. */
enum {
    HOLDS_BYTES,
    HOLDS_TEXT,
    HOLDS_FIXED64,
    HOLDS_VARINTS,
    HOLDS_OWN_TRACE_ID,
    HOLDS_OWN_SPAN_ID,
    HOLDS_TRACE_ID,
    HOLDS_SPAN_ID,
    HOLDS_MESSAGE
};
#define IS(message) (HOLDS_MESSAGE + (message))

enum { FIELDS = 16 };

static const uint8_t rows[MESSAGE_COUNT][FIELDS] = {
    [TRACES_DATA] = { [1] = IS(RESOURCE_SPANS) },
    [METRICS_DATA] = { [1] = IS(RESOURCE_METRICS) },
    [LOGS_DATA] = { [1] = IS(RESOURCE_LOGS) },
    [RESOURCE_SPANS] = { [1] = IS(RESOURCE), [2] = IS(SCOPE_SPANS), [3] = HOLDS_TEXT },
    [RESOURCE_METRICS] = { [1] = IS(RESOURCE), [2] = IS(SCOPE_METRICS), [3] = HOLDS_TEXT },
    [RESOURCE_LOGS] = { [1] = IS(RESOURCE), [2] = IS(SCOPE_LOGS), [3] = HOLDS_TEXT },
    [RESOURCE] = { [1] = IS(RESOURCE_ATTRIBUTE), [3] = IS(ENTITY) },
    [ENTITY] = { [1] = HOLDS_TEXT, [2] = HOLDS_TEXT, [3] = HOLDS_TEXT, [4] = HOLDS_TEXT },
    [SCOPE_SPANS] = { [1] = IS(SCOPE), [2] = IS(SPAN), [3] = HOLDS_TEXT },
    [SCOPE_METRICS] = { [1] = IS(SCOPE), [2] = IS(METRIC), [3] = HOLDS_TEXT },
    [SCOPE_LOGS] = { [1] = IS(SCOPE), [2] = IS(LOG), [3] = HOLDS_TEXT },
    [SCOPE] = { [1] = HOLDS_TEXT, [2] = HOLDS_TEXT, [3] = IS(SCOPE_ATTRIBUTE) },
    [SPAN] = { [1] = HOLDS_OWN_TRACE_ID,
               [2] = HOLDS_OWN_SPAN_ID,
               [3] = HOLDS_TEXT,
               [4] = HOLDS_SPAN_ID,
               [5] = HOLDS_TEXT,
               [9] = IS(ITEM_ATTRIBUTE),
               [11] = IS(EVENT),
               [13] = IS(LINK),
               [15] = IS(STATUS) },
    [EVENT] = { [2] = HOLDS_TEXT, [3] = IS(KEY_VALUE) },
    [LINK] = { [1] = HOLDS_TRACE_ID, [2] = HOLDS_SPAN_ID, [3] = HOLDS_TEXT, [4] = IS(KEY_VALUE) },
    [STATUS] = { [2] = HOLDS_TEXT },
    [LOG] = { [3] = HOLDS_TEXT,
              [5] = IS(ANY_VALUE),
              [6] = IS(ITEM_ATTRIBUTE),
              [9] = HOLDS_TRACE_ID,
              [10] = HOLDS_SPAN_ID,
              [12] = HOLDS_TEXT },
    [METRIC] = { [1] = HOLDS_TEXT,
                 [2] = HOLDS_TEXT,
                 [3] = HOLDS_TEXT,
                 [5] = IS(GAUGE),
                 [7] = IS(SUM),
                 [9] = IS(HISTOGRAM),
                 [10] = IS(EXPONENTIAL),
                 [11] = IS(SUMMARY),
                 [12] = IS(KEY_VALUE) },
    [GAUGE] = { [1] = IS(NUMBER_POINT) },
    [SUM] = { [1] = IS(NUMBER_POINT) },
    [HISTOGRAM] = { [1] = IS(HISTOGRAM_POINT) },
    [EXPONENTIAL] = { [1] = IS(EXPONENTIAL_POINT) },
    [SUMMARY] = { [1] = IS(SUMMARY_POINT) },
    [NUMBER_POINT] = { [5] = IS(EXEMPLAR), [7] = IS(ITEM_ATTRIBUTE) },
    [HISTOGRAM_POINT] = { [6] = HOLDS_FIXED64,
                          [7] = HOLDS_FIXED64,
                          [8] = IS(EXEMPLAR),
                          [9] = IS(ITEM_ATTRIBUTE) },
    [EXPONENTIAL_POINT] = { [1] = IS(ITEM_ATTRIBUTE),
                            [8] = IS(BUCKETS),
                            [9] = IS(BUCKETS),
                            [11] = IS(EXEMPLAR) },
    [BUCKETS] = { [2] = HOLDS_VARINTS },
    [SUMMARY_POINT] = { [6] = IS(QUANTILE), [7] = IS(ITEM_ATTRIBUTE) },
    [EXEMPLAR] = { [4] = HOLDS_SPAN_ID, [5] = HOLDS_TRACE_ID, [7] = IS(KEY_VALUE) },
    [RESOURCE_ATTRIBUTE] = { [1] = HOLDS_TEXT, [2] = IS(ANY_VALUE) },
    [SCOPE_ATTRIBUTE] = { [1] = HOLDS_TEXT, [2] = IS(ANY_VALUE) },
    [ITEM_ATTRIBUTE] = { [1] = HOLDS_TEXT, [2] = IS(ANY_VALUE) },
    [KEY_VALUE] = { [1] = HOLDS_TEXT, [2] = IS(ANY_VALUE) },
    [ANY_VALUE] = { [1] = HOLDS_TEXT, [5] = IS(ARRAY_VALUE), [6] = IS(KEY_VALUE_LIST) },
    [ARRAY_VALUE] = { [1] = IS(ANY_VALUE) },
    [KEY_VALUE_LIST] = { [1] = IS(KEY_VALUE) },
};

/* What is noted when the message begins. */
enum { NOTES_NOTHING, NOTES_DATA, NOTES_MARK };
#define NOTES(kind) (NOTES_MARK + (kind))

static const uint8_t notes[MESSAGE_COUNT] = {
    [RESOURCE_SPANS] = NOTES(MARK_RESOURCE),
    [RESOURCE_METRICS] = NOTES(MARK_RESOURCE),
    [RESOURCE_LOGS] = NOTES(MARK_RESOURCE),
    [SCOPE_SPANS] = NOTES(MARK_SCOPE),
    [SCOPE_METRICS] = NOTES(MARK_SCOPE),
    [SCOPE_LOGS] = NOTES(MARK_SCOPE),
    [METRIC] = NOTES(MARK_METRIC),
    [GAUGE] = NOTES_DATA,
    [SUM] = NOTES_DATA,
    [HISTOGRAM] = NOTES_DATA,
    [EXPONENTIAL] = NOTES_DATA,
    [SUMMARY] = NOTES_DATA,
    [SPAN] = NOTES(MARK_ITEM),
    [LOG] = NOTES(MARK_ITEM),
    [NUMBER_POINT] = NOTES(MARK_ITEM),
    [HISTOGRAM_POINT] = NOTES(MARK_ITEM),
    [EXPONENTIAL_POINT] = NOTES(MARK_ITEM),
    [SUMMARY_POINT] = NOTES(MARK_ITEM),
    [RESOURCE_ATTRIBUTE] = NOTES(MARK_RESOURCE_ATTRIBUTE),
    [SCOPE_ATTRIBUTE] = NOTES(MARK_SCOPE_ATTRIBUTE),
    [ITEM_ATTRIBUTE] = NOTES(MARK_ITEM_ATTRIBUTE),
};

typedef struct Frame {
    const char *end;
    Message message;
    uint32_t prefix, body; /* for mending */
    uint32_t wrap;         /* its number in the patch, or PATCH_TOP when not yet there */
} Frame;

typedef struct Walk {
    const char *base;
    Marks *marks;
    size_t metric_marks; /* how many marks there were when the current metric's began */
    Message data;        /* the current metric's kind of data so far; METRIC: none */
    Patch *mend;
    BatchLoss *loss; /* items that must not stay may go; NULL: none may */
    bool to_mend;
    const char *item;  /* while mending: the tag of the item that was met last */
    const char *after; /* set when a check failed, but the walk goes on there */
    Frame *frames, *top;
    Err *err;
} Walk;

static bool malformed(Walk *walk, const char *at)
{
    return fail(walk->err, ERR_INPUT, "malformed protobuf near byte %zu",
                (size_t)(at - walk->base));
}

static bool grow_marks(Marks *marks, Err *err)
{
    if (marks->cap == marks->max)
        return fail(err, ERR_LIMIT, "index larger than %d times the message", BATCH_INDEX_FACTOR);
    size_t cap = marks->cap > marks->max / 2 ? marks->max : marks->cap * 2;
    size_t more = (cap - marks->cap) * sizeof *marks->words;
    if (!purse_pay(marks->like->purse, marks->like->forced, more))
        return budget_short(err, "an index", cap * sizeof *marks->words);
    uint32_t *words = mem_grow(marks->words, cap * sizeof *words);
    if (!words) {
        purse_give(marks->like->purse, more);
        return fail(err, ERR_MEMORY, "no memory for an index of %zu words", cap);
    }
    marks->words = words;
    marks->cap = cap;
    return true;
}

static inline bool add_mark(Walk *walk, MarkKind kind, const char *at)
{
    Marks *marks = walk->marks;
    if (UNLIKELY(marks->count == marks->cap) && !grow_marks(marks, walk->err))
        return false;
    marks->words[marks->count++] = (uint32_t)kind << MARK_SHIFT | (uint32_t)(at - walk->base);
    return true;
}

/* A metric's data is a oneof: another kind makes what came before count no longer. */
static void begin_data(Walk *walk, Message message)
{
    if (walk->data != METRIC && walk->data != message)
        walk->marks->count = walk->metric_marks;
    walk->data = message;
}

static inline bool note(Walk *walk, Message message, const char *tag)
{
    unsigned what = notes[message];
    if (what == NOTES(MARK_ITEM))
        walk->item = tag;
    if (what == NOTES_NOTHING || !walk->marks)
        return true;
    if (what == NOTES_DATA) {
        begin_data(walk, message);
        return true;
    }
    if (!add_mark(walk, (MarkKind)(what - NOTES_MARK), tag))
        return false;
    if (message == METRIC) {
        walk->metric_marks = walk->marks->count;
        walk->data = METRIC;
    }
    return true;
}

/* Most text is short and ASCII: eight bytes at a time, the last ones overlapping. */
static inline bool text_is_valid(const char *ptr, size_t len)
{
    const uint64_t high = UINT64_C(0x8080808080808080);
    uint64_t seen = 0, word = 0;
    if (len < 8) {
        for (size_t i = 0; i < len; i++)
            word |= (uint8_t)ptr[i];
        return word < 0x80 || utf8_valid((Str){ ptr, len });
    }
    for (size_t i = 0; i + 8 < len; i += 8) {
        memcpy(&word, ptr + i, sizeof word);
        seen |= word;
    }
    memcpy(&word, ptr + len - 8, sizeof word);
    return !((seen | word) & high) || utf8_valid((Str){ ptr, len });
}

/* All frames but the bottom one become wraps, if they are not yet. */
static bool wrap_frames(Walk *walk, uint32_t *wrap)
{
    *wrap = PATCH_TOP;
    for (Frame *frame = walk->frames + 1; frame <= walk->top; frame++) {
        if (frame->wrap == PATCH_TOP) {
            PatchWrap message = { .prefix = frame->prefix,
                                  .body = frame->body,
                                  .end = (uint32_t)(frame->end - walk->base),
                                  .parent = *wrap };
            if (!patch_wrap(walk->mend, message, &frame->wrap, walk->err))
                return false;
        }
        *wrap = frame->wrap;
    }
    return true;
}

static size_t repaired_size(Str text)
{
    size_t size = 0;
    while (text.len) {
        size_t step = utf8_step(text);
        size += step ? step : 3;
        text = str_skip(text, step ? step : 1);
    }
    return size;
}

/* The length prefix and the text, each bad byte replaced by U+FFFD. */
static bool repair(Walk *walk, Str text, Str *out)
{
    size_t size = repaired_size(text);
    char *at = arena_alloc(walk->mend->arena, WIRE_VARINT_MAX + size, 1, walk->err);
    if (!at)
        return false;
    out->ptr = at;
    at = wire_put_varint(at, size);
    while (text.len) {
        size_t step = utf8_step(text);
        memcpy(at, step ? text.ptr : "\xEF\xBF\xBD", step ? step : 3);
        at += step ? step : 3;
        text = str_skip(text, step ? step : 1);
    }
    out->len = (size_t)(at - out->ptr);
    return true;
}

static bool note_bad_text(Walk *walk, const char *prefix, Str text)
{
    walk->to_mend = true;
    if (!walk->mend)
        return true;
    PatchPiece piece = { .at = (uint32_t)(prefix - walk->base),
                         .cut = (uint32_t)(text.ptr + text.len - prefix) };
    return wrap_frames(walk, &piece.wrap) && repair(walk, text, &piece.with) &&
           patch_piece(walk->mend, piece, walk->err);
}

/* ---- what is not taken ---- */

static Frame *item_frame(const Walk *walk)
{
    for (Frame *frame = walk->frames + 1; frame <= walk->top; frame++)
        if (notes[frame->message] == NOTES(MARK_ITEM))
            return frame;
    return NULL;
}

/* What was to be mended inside the item needs no mending any more; neighbours go as one piece. */
static bool cut_item(Walk *walk, uint32_t from, uint32_t to)
{
    Patch *mend = walk->mend;
    while (mend->piece_count && mend->pieces[mend->piece_count - 1].at >= from)
        mend->piece_count--;
    while (mend->wrap_count && mend->wraps[mend->wrap_count - 1].prefix >= from)
        mend->wrap_count--;
    PatchPiece piece = { .at = from, .cut = to - from };
    if (!wrap_frames(walk, &piece.wrap))
        return false;
    PatchPiece *last = mend->piece_count ? &mend->pieces[mend->piece_count - 1] : NULL;
    if (last && !last->with.len && last->wrap == piece.wrap && last->at + last->cut == from) {
        last->cut += piece.cut;
        return true;
    }
    return patch_piece(mend, piece, walk->err);
}

/* False, and the walk goes on behind the item; its err says why the item is not taken. */
static COLD bool lose_item(Walk *walk, const Frame *item)
{
    walk->to_mend = true;
    walk->top = walk->frames + (item - walk->frames) - 1;
    const char *after = item->end;
    if (walk->mend) {
        uint32_t from = (uint32_t)(walk->item - walk->base), to = (uint32_t)(after - walk->base);
        if (!cut_item(walk, from, to))
            return false;
        if (!walk->loss->items++)
            walk->loss->reason = *walk->err;
    }
    walk->after = after;
    return false;
}

/* An id of a wrong length is none. What has no other is not taken, since whoever is next may refuse
 * all that comes with it; of anything else only the id goes. None at all is not wrong. */
static bool check_id(Walk *walk, unsigned holds, const char *prefix, Str content)
{
    bool trace = holds == HOLDS_OWN_TRACE_ID || holds == HOLDS_TRACE_ID;
    size_t size = trace ? sizeof(TraceId) : sizeof(SpanId);
    if (LIKELY(content.len == size) || !content.len || !walk->loss)
        return true;
    if (holds == HOLDS_OWN_TRACE_ID || holds == HOLDS_OWN_SPAN_ID) {
        fail(walk->err, ERR_INPUT, "a %s id has %zu bytes, this one %zu", trace ? "trace" : "span",
             size, content.len);
        return lose_item(walk, walk->top);
    }
    walk->to_mend = true;
    if (!walk->mend)
        return true;
    PatchPiece piece = { .at = (uint32_t)(prefix - walk->base),
                         .cut = (uint32_t)(content.ptr + content.len - prefix),
                         .with = { "", 1 } }; /* a length of 0 */
    return wrap_frames(walk, &piece.wrap) && patch_piece(walk->mend, piece, walk->err);
}

static bool varints_are_valid(Str packed)
{
    WireReader reader = wire_reader(packed);
    uint64_t ignored;
    while (reader.at < reader.end && wire_read_varint(&reader, &ignored))
        continue;
    return !reader.bad;
}

/* The content of a LEN field that is no message. */
static bool check_content(Walk *walk, unsigned holds, const char *prefix, Str content)
{
    switch (holds) {
    case HOLDS_TEXT:
        return LIKELY(text_is_valid(content.ptr, content.len)) ||
               note_bad_text(walk, prefix, content);
    case HOLDS_FIXED64: return content.len % 8 == 0 || malformed(walk, prefix);
    case HOLDS_VARINTS: return varints_are_valid(content) || malformed(walk, prefix);
    case HOLDS_OWN_TRACE_ID:
    case HOLDS_OWN_SPAN_ID:
    case HOLDS_TRACE_ID:
    case HOLDS_SPAN_ID: return check_id(walk, holds, prefix, content);
    default: return true;
    }
}

static inline const char *skip_varint(const char *at, const char *end)
{
    for (unsigned n = 1; at < end && n <= WIRE_VARINT_MAX; n++) {
        uint8_t byte = (uint8_t)*at++;
        if (byte < 0x80)
            return n < WIRE_VARINT_MAX || byte <= 1 ? at : NULL;
    }
    return NULL;
}

static inline const char *skip_fixed(const char *at, const char *end, size_t size)
{
    return (size_t)(end - at) < size ? NULL : at + size;
}

/* Everything but a LEN field that the table knows: its end, or NULL. */
static inline const char *skip_other(const char *at, const char *end)
{
    uint8_t tag = (uint8_t)*at;
    if (LIKELY(tag >= 8 && tag < 0x80)) {
        if ((tag & 7) == WIRE_VARINT)
            return skip_varint(at + 1, end);
        if ((tag & 7) == WIRE_I64)
            return skip_fixed(at + 1, end, 8);
        if ((tag & 7) == WIRE_I32)
            return skip_fixed(at + 1, end, 4);
    }
    WireReader reader = { .at = at, .end = end };
    WireField ignored;
    return wire_next(&reader, &ignored) ? reader.at : NULL;
}

/* A sender may write a tag longer than needed. */
static COLD const char *read_long_tag(const char *at, const char *end, uint64_t *tag)
{
    WireReader reader = { .at = at, .end = end };
    return wire_read_varint(&reader, tag) ? reader.at : NULL;
}

/* Where the length prefix of a LEN field that the table knows begins, else NULL. */
static inline const char *known_prefix(const char *at, const char *end, uint32_t *number)
{
    uint64_t tag = (uint8_t)*at++;
    if (UNLIKELY(tag >= 0x80))
        at = read_long_tag(at - 1, end, &tag);
    if (!at || (tag & 7) != WIRE_LEN || tag < 8 || tag >> 3 >= FIELDS)
        return NULL;
    *number = (uint32_t)(tag >> 3);
    return at;
}

static inline const char *read_len(const char *at, const char *end, size_t *len)
{
    if (LIKELY(at < end && (uint8_t)*at < 0x80)) {
        *len = (uint8_t)*at++;
    } else {
        WireReader reader = { .at = at, .end = end };
        uint64_t value;
        if (!wire_read_varint(&reader, &value) || value > SIZE_MAX)
            return NULL;
        *len = (size_t)value;
        at = reader.at;
    }
    return *len <= (size_t)(end - at) ? at : NULL;
}

/* The value of an attribute as nearly all of them are: one scalar member, short. */
static inline bool is_plain_value(const char *at, const char *end)
{
    size_t len = (size_t)(end - at);
    if (!len)
        return true;
    switch (*at) {
    case 1 << 3 | WIRE_LEN:
        return len >= 2 && (size_t)(uint8_t)at[1] == len - 2 && text_is_valid(at + 2, len - 2);
    case 2 << 3 | WIRE_VARINT:
    case 3 << 3 | WIRE_VARINT: return skip_varint(at + 1, end) == end;
    case 4 << 3 | WIRE_I64: return len == 9;
    default: return false;
    }
}

/* Is this KeyValue a key and then such a value, all lengths of one byte? Half of a message's bytes
 * are attributes, and taking them in one look saves half of the walk. */
static inline bool is_plain_attribute(Str message)
{
    const char *at = message.ptr, *end = at + message.len;
    if (message.len < 4 || at[0] != (1 << 3 | WIRE_LEN) || (uint8_t)at[1] > 0x7F)
        return false;
    size_t key_len = (uint8_t)at[1];
    if (key_len + 4 > message.len || !text_is_valid(at + 2, key_len))
        return false;
    at += 2 + key_len;
    return at[0] == (2 << 3 | WIRE_LEN) && (uint8_t)at[1] < 0x80 &&
           (size_t)(uint8_t)at[1] == (size_t)(end - at) - 2 && is_plain_value(at + 2, end);
}

/* May it be taken in one look? An attribute is two levels: itself and its value. */
static inline bool is_attribute(const Walk *walk, Message message)
{
    return message >= RESOURCE_ATTRIBUTE && message <= KEY_VALUE &&
           walk->top - walk->frames + 2 <= BATCH_DEPTH_MAX;
}

static COLD bool too_deep(Walk *walk)
{
    const Frame *item = walk->loss ? item_frame(walk) : NULL;
    fail(walk->err, ERR_INPUT, "nested deeper than %d levels", BATCH_DEPTH_MAX);
    return item ? lose_item(walk, item) : false;
}

static bool push(Walk *walk, Message message, const char *prefix, Str content)
{
    if (UNLIKELY(walk->top == walk->frames + BATCH_DEPTH_MAX))
        return too_deep(walk);
    *++walk->top = (Frame){ .end = content.ptr + content.len,
                            .message = message,
                            .prefix = (uint32_t)(prefix - walk->base),
                            .body = (uint32_t)(content.ptr - walk->base),
                            .wrap = PATCH_TOP };
    return true;
}

/* A check has failed. NULL: for good. */
static COLD const char *goes_on(Walk *walk)
{
    const char *after = walk->after;
    walk->after = NULL;
    return after;
}

static bool walk_fields(Walk *walk, const char *at)
{
    for (;;) {
        while (at == walk->top->end) {
            if (walk->top == walk->frames)
                return true;
            walk->top--;
        }
        const char *tag = at, *end = walk->top->end;
        uint32_t number;
        size_t len;
        const char *prefix = known_prefix(tag, end, &number);
        if (!prefix) {
            at = skip_other(tag, end);
            if (UNLIKELY(!at))
                return malformed(walk, tag);
            continue;
        }
        at = read_len(prefix, end, &len);
        if (UNLIKELY(!at))
            return malformed(walk, tag);
        unsigned holds = rows[walk->top->message][number];
        Str content = { at, len };
        if (holds >= HOLDS_MESSAGE) {
            Message message = (Message)(holds - HOLDS_MESSAGE);
            if (!note(walk, message, tag))
                return false;
            if (is_attribute(walk, message) && LIKELY(is_plain_attribute(content)))
                at += len;
            else if (UNLIKELY(!push(walk, message, prefix, content)) && !(at = goes_on(walk)))
                return false;
        } else if (LIKELY(check_content(walk, holds, prefix, content))) {
            at += len;
        } else if (!(at = goes_on(walk))) {
            return false;
        }
    }
}

static Message root_of(Signal signal)
{
    return signal == TRACES ? TRACES_DATA : signal == METRICS ? METRICS_DATA : LOGS_DATA;
}

WalkResult walk_bytes(Signal signal, Str bytes, const WalkWish *wish, Err *err)
{
    Frame frames[BATCH_DEPTH_MAX + 1];
    Walk walk = { .base = bytes.ptr,
                  .marks = wish->marks,
                  .data = METRIC,
                  .mend = wish->mend,
                  .loss = wish->loss,
                  .frames = frames,
                  .top = frames,
                  .err = err };
    if (!bytes.len)
        return WALK_OK;
    frames[0] =
        (Frame){ .end = bytes.ptr + bytes.len, .message = root_of(signal), .wrap = PATCH_TOP };
    if (!walk_fields(&walk, bytes.ptr))
        return WALK_FAILED;
    return walk.to_mend ? WALK_TO_MEND : WALK_OK;
}
