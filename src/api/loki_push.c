/* loki_push.c - see loki_push.h.
 *
 * The whole body is checked once, so that from then on JSON cannot fail; then each stream is read
 * twice, because its labels may stand behind its values.
 */
#include "api/loki_push.h"

#include "codec/json_reader.h"
#include "otlp/encode.h"

#include <string.h>

enum { SHOWN_MAX = 60 };

typedef struct Push {
    Buf *out;
    PushCounts *counts;
    size_t stream, entry; /* numbers for messages, from 1 */
    Buf line, metadata;   /* of the entry that is being read */
    bool starved;         /* a reader had no memory: then nothing may be said of the entries */
} Push;

typedef struct Pair {
    Str name, value;
} Pair;

/* One entry, borrowed from the two buffers. */
typedef struct Entry {
    int64_t time_ns;
    size_t pair_count;
    uint32_t pairs[2 * PUSH_METADATA_MAX]; /* lengths of name and value, one after the other */
} Entry;

/* ---- what is wrong ------------------------------------------------------------------------------
 */

/* A Buf that is cleared forgets that it failed. */
static void clear(Push *push, Buf *buf)
{
    push->starved = push->starved || buf->failed;
    buf_clear(buf);
}

static void end_reader(Push *push, JsonReader *json)
{
    push->starved = push->starved || (json->failed && json->err.kind == ERR_MEMORY);
    json_reader_done(json);
}

/* The text of the first stays. Always false. */
static bool refuse(Push *push, size_t entries, const Err *why)
{
    if (!push->counts->refused)
        push->counts->first = *why;
    push->counts->refused += entries;
    return false;
}

static bool wrong_entry(Push *push, Err *why)
{
    blame(why, "stream %zu, entry %zu", push->stream, push->entry);
    return refuse(push, 1, why);
}

/* ---- streams ------------------------------------------------------------------------------------
 */

static bool is_label_name(Str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i], lower = (char)(c | 0x20);
        bool digit = c >= '0' && c <= '9';
        if (!(lower >= 'a' && lower <= 'z') && c != '_' && !(digit && i > 0))
            return false;
    }
    return name.len > 0;
}

static bool check_label(Str name, Str value, Err *err)
{
    if (!is_label_name(name))
        return fail(err, ERR_INPUT, "'%.*s' is no name of a label",
                    STR_ARG(str_first(name, SHOWN_MAX)));
    if (name.len > PUSH_NAME_MAX || value.len > PUSH_VALUE_MAX)
        return fail(err, ERR_INPUT,
                    "label '%.*s' is longer than %d bytes in its name or %d in its value",
                    STR_ARG(str_first(name, SHOWN_MAX)), PUSH_NAME_MAX, PUSH_VALUE_MAX);
    return true;
}

/* The labels of a stream, into the resource that is open. */
static bool read_labels(Push *push, Str json_text, Err *err)
{
    JsonReader json = json_reader(json_text);
    Str key, value;
    size_t count = 0;
    bool ok = true;
    json_read_object(&json);
    while (ok && json_read_key(&json, &key)) {
        clear(push, &push->metadata);
        buf_add(&push->metadata, key); /* reading the value may end the key */
        Str name = buf_str(&push->metadata);
        if (json_peek(&json) != JSON_TEXT || !json_read_text(&json, &value))
            ok = fail(err, ERR_INPUT, "the value of label '%.*s' is no text",
                      STR_ARG(str_first(name, SHOWN_MAX)));
        ok = ok && check_label(name, value, err);
        count += ok && value.len > 0;
        if (ok && count > PUSH_LABELS_MAX)
            ok = fail(err, ERR_INPUT, "a stream with more than %d labels", PUSH_LABELS_MAX);
        if (ok)
            encode_text(push->out, RESOURCE_ATTRIBUTES, name, value);
    }
    end_reader(push, &json);
    return ok && (count > 0 || fail(err, ERR_INPUT, "a stream without labels"));
}

/* ---- entries ------------------------------------------------------------------------------------
 */

static bool read_time(JsonReader *json, int64_t *out, Err *err)
{
    Str text;
    bool is_text = json_peek(json) == JSON_TEXT;
    if (is_text ? !json_read_text(json, &text)
                : json_peek(json) != JSON_NUMBER || !json_read_number(json, &text))
        return fail(err, ERR_INPUT, "the time is no text");
    if (!str_to_i64(text, out) || *out < 0)
        return fail(err, ERR_INPUT, "the time '%.*s' is no number of nanoseconds",
                    STR_ARG(str_first(text, SHOWN_MAX)));
    return true;
}

static bool read_line(Push *push, JsonReader *json, Err *err)
{
    Str text;
    if (!json_read_element(json) || json_peek(json) != JSON_TEXT || !json_read_text(json, &text))
        return fail(err, ERR_INPUT, "the line is no text");
    if (text.len > PUSH_LINE_MAX)
        return fail(err, ERR_INPUT, "the line has %zu bytes, at most %d are taken", text.len,
                    PUSH_LINE_MAX);
    clear(push, &push->line);
    buf_add(&push->line, text);
    return true;
}

static bool read_metadata(Push *push, JsonReader *json, Entry *entry, Err *err)
{
    Str text;
    if (json_peek(json) != JSON_OBJECT || !json_read_object(json))
        return fail(err, ERR_INPUT, "the metadata is no object");
    while (json_read_key(json, &text)) {
        if (entry->pair_count == PUSH_METADATA_MAX)
            return fail(err, ERR_INPUT, "more than %d labels of metadata", PUSH_METADATA_MAX);
        uint32_t *lengths = &entry->pairs[2 * entry->pair_count++];
        lengths[0] = (uint32_t)text.len;
        buf_add(&push->metadata, text);
        if (json_peek(json) != JSON_TEXT || !json_read_text(json, &text))
            return fail(err, ERR_INPUT, "a value of the metadata is no text");
        lengths[1] = (uint32_t)text.len;
        buf_add(&push->metadata, text);
        if (push->metadata.len > PUSH_METADATA_BYTES_MAX)
            return fail(err, ERR_INPUT, "metadata of more than %d bytes", PUSH_METADATA_BYTES_MAX);
    }
    return true;
}

static bool read_entry(Push *push, JsonReader *json, Entry *entry, Err *err)
{
    entry->pair_count = 0;
    clear(push, &push->metadata);
    if (json_peek(json) != JSON_ARRAY || !json_read_array(json) || !json_read_element(json))
        return fail(err, ERR_INPUT, "an entry is a list of a time and a line");
    if (!read_time(json, &entry->time_ns, err) || !read_line(push, json, err))
        return false;
    if (json_read_element(json) && !read_metadata(push, json, entry, err))
        return false;
    return !json_read_element(json) ||
           fail(err, ERR_INPUT, "an entry has more than time, line and metadata");
}

/* An id of zeros says that there is none, so what is written so would be lost. */
static bool take_id(Pair pair, LogView *view)
{
    if (str_eq(pair.name, STR("trace_id")))
        return trace_id_parse(pair.value, &view->trace_id) && !trace_id_is_zero(&view->trace_id);
    return str_eq(pair.name, STR("span_id")) && span_id_parse(pair.value, &view->span_id) &&
           !span_id_is_zero(&view->span_id);
}

/* Ids of the right form are the record's own; all else is kept by its name. */
static void encode_entry(Push *push, const Entry *entry)
{
    LogView view = { .time_ns = (uint64_t)entry->time_ns,
                     .body = { .kind = VALUE_STRING, .text = buf_str(&push->line) } };
    Pair others[PUSH_METADATA_MAX];
    size_t other_count = 0;
    const char *at = push->metadata.ptr;
    for (size_t i = 0; i < entry->pair_count; i++) {
        Str name = { at, entry->pairs[2 * i] };
        Str value = { at + name.len, entry->pairs[2 * i + 1] };
        at += name.len + value.len;
        if (!take_id((Pair){ name, value }, &view))
            others[other_count++] = (Pair){ name, value };
    }
    size_t record = wire_open(push->out, SCOPES_ITEM);
    encode_log(push->out, &view);
    for (size_t i = 0; i < other_count; i++)
        encode_text(push->out, LOG_ATTRIBUTES, others[i].name, others[i].value);
    wire_close(push->out, record);
    push->counts->taken++;
}

/* The texts of the values, one by one: each is read by itself, so that a wrong one does not disturb
 * the next. */
static bool next_value(JsonReader *list, Str *out)
{
    if (!json_read_element(list))
        return false;
    json_peek(list);
    const char *start = list->at;
    json_skip(list);
    *out = (Str){ start, (size_t)(list->at - start) };
    return !list->failed;
}

static void read_values(Push *push, Str json_text)
{
    JsonReader list = json_reader(json_text);
    Entry entry;
    json_read_array(&list);
    push->entry = 0;
    for (Str text; next_value(&list, &text);) {
        Err why;
        JsonReader json = json_reader(text);
        push->entry++;
        if (push->counts->taken >= PUSH_ENTRIES_MAX) {
            fail(&why, ERR_LIMIT, "more than %d entries in one push", PUSH_ENTRIES_MAX);
            wrong_entry(push, &why);
        } else if (!read_entry(push, &json, &entry, &why)) {
            wrong_entry(push, &why);
        } else {
            encode_entry(push, &entry);
        }
        end_reader(push, &json);
    }
    end_reader(push, &list);
}

static size_t count_values(Push *push, Str json_text)
{
    JsonReader list = json_reader(json_text);
    size_t count = 0;
    json_read_array(&list);
    for (Str text; next_value(&list, &text);)
        count++;
    end_reader(push, &list);
    return count;
}

/* ---- the whole ----------------------------------------------------------------------------------
 */

/* Where the members of a stream stand: its labels and its values. */
static bool find_members(Push *push, Str json_text, Pair *out, Err *err)
{
    JsonReader json = json_reader(json_text);
    Str key;
    Str labels = { 0 }, values = { 0 };
    bool is_object = json_peek(&json) == JSON_OBJECT && json_read_object(&json);
    while (is_object && json_read_key(&json, &key)) {
        bool is_labels = str_eq(key, STR("stream")), is_values = str_eq(key, STR("values"));
        JsonKind kind = json_peek(&json);
        const char *start = json.at;
        json_skip(&json);
        Str text = { start, (size_t)(json.at - start) };
        if (is_labels && kind == JSON_OBJECT)
            labels = text;
        else if (is_values && kind == JSON_ARRAY)
            values = text;
    }
    end_reader(push, &json);
    if (!is_object)
        return fail(err, ERR_INPUT, "a stream is an object");
    *out = (Pair){ labels, values };
    return labels.len || fail(err, ERR_INPUT, "a stream has no \"stream\" with its labels");
}

static void read_stream(Push *push, Str json_text)
{
    Err why;
    Pair members = { 0 };
    Buf *out = push->out;
    size_t start = out->len;
    bool found = find_members(push, json_text, &members, &why);
    Str values = members.value;
    size_t group = wire_open(out, REQUEST_GROUP);
    size_t resource = wire_open(out, GROUP_RESOURCE);
    if (!found || !read_labels(push, members.name, &why)) {
        out->len = start;
        blame(&why, "stream %zu", push->stream);
        size_t lost = values.len ? count_values(push, values) : 0;
        refuse(push, lost ? lost : 1, &why); /* a wrong stream is said even when nothing is in it */
        return;
    }
    wire_close(out, resource);
    size_t scopes = wire_open(out, GROUP_SCOPES);
    if (values.len)
        read_values(push, values);
    wire_close(out, scopes);
    wire_close(out, group);
}

/* The text of the list of streams; all of the body is JSON, or false. */
static bool find_streams(Str body, Str *out, Err *err)
{
    JsonReader json = json_reader(body);
    Str key;
    bool found = false;
    json_read_object(&json);
    while (json_read_key(&json, &key)) {
        bool is_streams = str_eq(key, STR("streams"));
        bool is_list = json_peek(&json) == JSON_ARRAY;
        const char *start = json.at;
        json_skip(&json);
        if (is_streams && is_list) {
            *out = (Str){ start, (size_t)(json.at - start) };
            found = true;
        }
    }
    bool ok = json_read_end(&json, err);
    json_reader_done(&json);
    return ok && (found || fail(err, ERR_INPUT, "there is no list \"streams\""));
}

bool loki_push_read(Str body, Buf *out, PushCounts *counts, Err *err)
{
    Str streams;
    *counts = (PushCounts){ 0 };
    if (!find_streams(body, &streams, err))
        return false;
    Push push = { .out = out,
                  .counts = counts,
                  .line = { .max = PUSH_LINE_MAX, .purse = out->purse },
                  .metadata = { .max = PUSH_BODY_MAX, .purse = out->purse } };
    JsonReader list = json_reader(streams);
    json_read_array(&list);
    for (Str text; next_value(&list, &text);) {
        push.stream++;
        read_stream(&push, text);
    }
    end_reader(&push, &list);
    bool ok = (!push.starved || fail(err, ERR_MEMORY, "reading a push")) && buf_ok(out, err) &&
              buf_ok(&push.line, err) && buf_ok(&push.metadata, err);
    buf_free(&push.line);
    buf_free(&push.metadata);
    return ok;
}
