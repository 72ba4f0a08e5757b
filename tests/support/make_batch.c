/* make_batch.c - see make_batch.h. */
#include "support/make_batch.h"

#include "codec/wire.h"

/* Field numbers of OTLP, as far as words go. */
enum {
    RESOURCES = 1,
    RESOURCE = 1,
    SCOPES = 2,
    ITEMS = 2,
    ATTRIBUTES = 1,
    KEY = 1,
    VALUE = 2,
    TEXT_VALUE = 1,
    BOOL_VALUE = 2,
    INT_VALUE = 3,
    SPAN_NAME = 5,
    LOG_BODY = 5,
    METRIC_NAME = 1,
    METRIC_GAUGE = 5,
    SPAN_KIND = 6,
    SPAN_ATTRIBUTES = 9,
    SPAN_STATUS = 15,
    STATUS_MESSAGE = 2,
    STATUS_CODE = 3,
    LOG_SEVERITY = 2,
    LOG_ATTRIBUTES = 6,
    POINT_ATTRIBUTES = 7,
};

static void add_value(Buf *out, uint32_t number, Str text)
{
    int64_t whole;
    size_t value = wire_open(out, number);
    if (str_starts(text, STR("'")) && str_ends(text, STR("'")) && text.len > 1)
        wire_add_bytes(out, TEXT_VALUE, str_skip(str_first(text, text.len - 1), 1));
    else if (str_to_i64(text, &whole))
        wire_add_varint(out, INT_VALUE, (uint64_t)whole);
    else if (str_eq(text, STR("true")) || str_eq(text, STR("false")))
        wire_add_varint(out, BOOL_VALUE, str_eq(text, STR("true")));
    else
        wire_add_bytes(out, TEXT_VALUE, text);
    wire_close(out, value);
}

/* "k=v" between separators, each as an attribute in list `number`. */
static void add_attributes(Buf *out, uint32_t number, Str words, char separator)
{
    Str word;
    while (str_split(&words, separator, &word)) {
        Str value = word, key;
        if (!word.len || !str_split(&value, '=', &key))
            continue;
        size_t attribute = wire_open(out, number);
        wire_add_bytes(out, KEY, key);
        add_value(out, VALUE, value);
        wire_close(out, attribute);
    }
}

static void add_resource(Buf *out, Str words)
{
    size_t resource = wire_open(out, RESOURCE);
    add_attributes(out, ATTRIBUTES, words, ' ');
    wire_close(out, resource);
}

typedef struct Word { /* name@number(attributes) */
    Str name, attributes;
    uint64_t number;
} Word;

static Word read_word(Str text)
{
    Word word = { 0 };
    Str name, number = { 0 };
    str_split(&text, '(', &name);
    str_split(&text, ')', &word.attributes);
    str_split(&name, '@', &word.name);
    number = name;
    if (!str_to_u64(number, &word.number))
        word.number = 0;
    return word;
}

static void add_metric(Buf *out, const Word *word)
{
    wire_add_bytes(out, METRIC_NAME, word->name);
    size_t gauge = wire_open(out, METRIC_GAUGE);
    size_t point = wire_open(out, 1);
    wire_add_fixed64(out, 3, 1000);
    wire_add_fixed64(out, 6, 1);
    add_attributes(out, POINT_ATTRIBUTES, word->attributes, ',');
    wire_close(out, point);
    wire_close(out, gauge);
}

static void add_item(Buf *out, Signal signal, Str text)
{
    Word word = read_word(text);
    size_t item = wire_open(out, ITEMS);
    if (signal == TRACES) {
        wire_add_bytes(out, 1, STR("0123456789abcdef"));
        wire_add_bytes(out, 2, STR("01234567"));
        wire_add_bytes(out, SPAN_NAME, word.name);
        if (word.number)
            wire_add_varint(out, SPAN_KIND, word.number);
        wire_add_fixed64(out, 7, 1000);
        wire_add_fixed64(out, 8, 3000);
        add_attributes(out, SPAN_ATTRIBUTES, word.attributes, ',');
    } else if (signal == LOGS) {
        wire_add_fixed64(out, 1, 1000);
        if (word.number)
            wire_add_varint(out, LOG_SEVERITY, word.number);
        add_value(out, LOG_BODY, word.name);
        add_attributes(out, LOG_ATTRIBUTES, word.attributes, ',');
    } else {
        add_metric(out, &word);
    }
    wire_close(out, item);
}

static void add_items(Buf *out, Signal signal, Str words)
{
    Str word;
    size_t scope = wire_open(out, SCOPES);
    while (str_split(&words, ' ', &word))
        if (word.len)
            add_item(out, signal, word);
    wire_close(out, scope);
}

Batch *make_batch(Signal signal, Str words, Err *err)
{
    Buf bytes = BUF(BATCH_BYTES_MAX);
    Str part;
    str_split(&words, '{', &part); /* what is in front of the first brace */
    while (str_split(&words, '{', &part)) {
        Str attributes;
        str_split(&part, '}', &attributes);
        size_t resource = wire_open(&bytes, RESOURCES);
        add_resource(&bytes, attributes);
        add_items(&bytes, signal, part);
        wire_close(&bytes, resource);
    }
    Batch *batch = buf_ok(&bytes, err) ? batch_from_bytes(signal, &bytes, err) : NULL;
    buf_free(&bytes);
    return batch;
}

Batch *make_batch_of(Signal signal, size_t count, Err *err)
{
    Buf words = BUF(1 << 24);
    buf_add(&words, STR("{service.name=shop}"));
    for (size_t i = 0; i < count; i++)
        buf_add(&words, STR(" a"));
    Batch *batch = buf_ok(&words, err) ? make_batch(signal, buf_str(&words), err) : NULL;
    buf_free(&words);
    return batch;
}

/* --- back to words --------------------------------------------------------------------------- */

static bool find(Str message, uint32_t number, WireField *out)
{
    WireReader reader = wire_reader(message);
    bool found = false;
    for (WireField field; wire_next(&reader, &field);) {
        if (field.number == number) {
            *out = field;
            found = true;
        }
    }
    return found;
}

static bool looks_like_text(Str text)
{
    int64_t whole;
    return !str_to_i64(text, &whole) && !str_eq(text, STR("true")) && !str_eq(text, STR("false"));
}

static void describe_value(Str value, Buf *out)
{
    WireField field;
    if (find(value, TEXT_VALUE, &field))
        buf_addf(out, looks_like_text(field.bytes) ? "%.*s" : "'%.*s'", STR_ARG(field.bytes));
    else if (find(value, INT_VALUE, &field))
        buf_addf(out, "%lld", (long long)field.value);
    else if (find(value, BOOL_VALUE, &field))
        buf_addf(out, "%s", field.value ? "true" : "false");
    else
        buf_add_byte(out, '?');
}

/* The list `number` of a message, in those brackets; nothing when `brief` and there are none. */
typedef struct ListStyle {
    uint32_t number;
    char open, gap, close;
    bool brief;
} ListStyle;

static void describe_attributes(Str message, const ListStyle *style, Buf *out)
{
    WireReader reader = wire_reader(message);
    size_t before = out->len;
    for (WireField field, key, value; wire_next(&reader, &field);) {
        if (field.number != style->number || !find(field.bytes, KEY, &key))
            continue;
        buf_add_byte(out, out->len == before ? style->open : style->gap);
        buf_addf(out, "%.*s=", STR_ARG(key.bytes));
        if (find(field.bytes, VALUE, &value))
            describe_value(value.bytes, out);
    }
    if (out->len == before && style->brief)
        return;
    if (out->len == before)
        buf_add_byte(out, style->open);
    buf_add_byte(out, style->close);
}

static void describe_item_attributes(Signal signal, Str item, Buf *out)
{
    WireField data, point;
    ListStyle style = { .open = '(', .gap = ',', .close = ')', .brief = true };
    style.number = signal == TRACES ? SPAN_ATTRIBUTES : LOG_ATTRIBUTES;
    if (signal != METRICS) {
        describe_attributes(item, &style, out);
    } else if (find(item, METRIC_GAUGE, &data) && find(data.bytes, 1, &point)) {
        style.number = POINT_ATTRIBUTES;
        describe_attributes(point.bytes, &style, out);
    }
}

static void describe_status(Str span, Buf *out)
{
    WireField status, code, message;
    if (!find(span, SPAN_STATUS, &status))
        return;
    bool has_code = find(status.bytes, STATUS_CODE, &code);
    buf_addf(out, "!%llu", has_code ? (unsigned long long)code.value : 0);
    if (find(status.bytes, STATUS_MESSAGE, &message))
        buf_addf(out, ":%.*s", STR_ARG(message.bytes));
}

static void describe_item(Signal signal, Str item, Buf *out)
{
    WireField field;
    buf_add_byte(out, ' ');
    if (!find(item, signal == METRICS ? METRIC_NAME : SPAN_NAME, &field))
        buf_add_byte(out, '?');
    else if (signal == LOGS)
        describe_value(field.bytes, out);
    else
        buf_add(out, field.bytes);
    describe_item_attributes(signal, item, out);
    if (signal == TRACES)
        describe_status(item, out);
}

static void describe_scopes(Signal signal, Str resource, Buf *out)
{
    WireReader scopes = wire_reader(resource);
    for (WireField scope; wire_next(&scopes, &scope);) {
        WireReader items = wire_reader(scope.bytes);
        for (WireField item; scope.number == SCOPES && wire_next(&items, &item);)
            if (item.number == ITEMS)
                describe_item(signal, item.bytes, out);
    }
}

void describe_batch(const Batch *batch, Buf *out)
{
    static const ListStyle braces = { ATTRIBUTES, '{', ' ', '}', .brief = false };
    WireReader resources = wire_reader(batch_bytes(batch));
    for (WireField resource, attributes = { 0 }; wire_next(&resources, &resource);) {
        if (resource.number != RESOURCES)
            continue;
        bool any = find(resource.bytes, RESOURCE, &attributes);
        if (out->len)
            buf_add_byte(out, ' ');
        describe_attributes(any ? attributes.bytes : (Str){ 0 }, &braces, out);
        describe_scopes(batch_signal(batch), resource.bytes, out);
    }
}
