/* remote_write_text.c - see remote_write_text.h. */
#include "support/remote_write_text.h"

#include "codec/float_text.h"
#include "codec/wire.h"

#include <inttypes.h>

enum { SYMBOLS_MAX = 4096 };

typedef struct Table {
    Str symbols[SYMBOLS_MAX];
    size_t count;
} Table;

static void say_value(uint64_t bits, Buf *out)
{
    if (bits == 0x7ff0000000000002U)
        buf_add(out, STR("stale"));
    else
        buf_add_float(out, wire_double(bits), FLOAT_ANSWER);
}

static bool say_sample(Str bytes, Buf *out)
{
    WireReader reader = wire_reader(bytes);
    uint64_t value = 0, time = 0, start = 0;
    for (WireField field; wire_next(&reader, &field);) {
        value = field.number == 1 ? field.value : value;
        time = field.number == 2 ? field.value : time;
        start = field.number == 3 ? field.value : start;
    }
    buf_add_byte(out, ' ');
    say_value(value, out);
    buf_addf(out, "@%" PRIu64, time);
    if (start)
        buf_addf(out, " from %" PRIu64, start);
    return !reader.bad;
}

static bool say_label_1(Str bytes, Buf *out)
{
    WireReader reader = wire_reader(bytes);
    Str name = { NULL, 0 }, value = { NULL, 0 };
    for (WireField field; wire_next(&reader, &field);) {
        name = field.number == 1 ? field.bytes : name;
        value = field.number == 2 ? field.bytes : value;
    }
    buf_addf(out, "%.*s=%.*s,", STR_ARG(name), STR_ARG(value));
    return !reader.bad && name.len && value.len;
}

static bool say_refs(const Table *table, Str packed, Buf *out)
{
    WireReader reader = wire_reader(packed);
    uint64_t name, value;
    while (reader.at < reader.end) {
        if (!wire_read_varint(&reader, &name) || !wire_read_varint(&reader, &value) || !name ||
            !value || name >= table->count || value >= table->count)
            return false;
        buf_addf(out, "%.*s=%.*s,", STR_ARG(table->symbols[name]), STR_ARG(table->symbols[value]));
    }
    return true;
}

/* table: of 2.0; NULL: 1.0. All labels stand before all else. */
static bool say_labels(const Table *table, Str message, Buf *out)
{
    WireReader reader = wire_reader(message);
    bool ok = true;
    buf_add_byte(out, '{');
    for (WireField field; ok && wire_next(&reader, &field);)
        if (field.number == 1 && field.kind == WIRE_LEN)
            ok = table ? say_refs(table, field.bytes, out) : say_label_1(field.bytes, out);
    buf_add_byte(out, '}');
    return ok && !reader.bad;
}

static bool say_exemplar(const Table *table, Str message, Buf *out)
{
    WireReader reader = wire_reader(message);
    uint64_t value = 0, time = 0;
    buf_add(out, STR("  exemplar"));
    bool ok = say_labels(table, message, out);
    for (WireField field; wire_next(&reader, &field);) {
        value = field.number == 2 ? field.value : value;
        time = field.number == 3 ? field.value : time;
    }
    buf_add_byte(out, ' ');
    say_value(value, out);
    buf_addf(out, "@%" PRIu64 "\n", time);
    return ok && !reader.bad;
}

static bool say_span(Str bytes, Buf *out)
{
    WireReader reader = wire_reader(bytes);
    int64_t offset = 0;
    uint64_t length = 0;
    for (WireField field; wire_next(&reader, &field);) {
        offset = field.number == 1 ? wire_unzigzag(field.value) : offset;
        length = field.number == 2 ? field.value : length;
    }
    buf_addf(out, "%" PRId64 "+%" PRIu64, offset, length);
    return !reader.bad;
}

static bool say_deltas(Str bytes, Buf *out)
{
    WireReader reader = wire_reader(bytes);
    for (uint64_t delta; reader.at < reader.end;) {
        if (!wire_read_varint(&reader, &delta))
            return false;
        buf_addf(out, "%+" PRId64, wire_unzigzag(delta));
    }
    return true;
}

static bool say_histogram_field(const WireField *field, Buf *out)
{
    static const char *const names[18] = {
        [1] = "count", [3] = "sum",    [4] = "schema", [5] = "threshold",
        [6] = "zero",  [8] = "-spans", [9] = "-by",    [11] = "spans",
        [12] = "by",   [15] = "at",    [17] = "from",
    };
    if (field->number >= COUNT_OF(names) || !names[field->number])
        return false;
    buf_addf(out, " %s=", names[field->number]);
    switch (field->number) {
    case 3:
    case 5: say_value(field->value, out); return true;
    case 4: buf_addf(out, "%" PRId64, wire_unzigzag(field->value)); return true;
    case 8:
    case 11: return say_span(field->bytes, out);
    case 9:
    case 12: return say_deltas(field->bytes, out);
    case 1:
        if (field->value == 0x7ff0000000000002U) {
            buf_add(out, STR("stale"));
            return true;
        }
    }
    buf_addf(out, "%" PRIu64, field->value);
    return true;
}

static bool say_histogram(Str message, Buf *out)
{
    WireReader reader = wire_reader(message);
    bool ok = true;
    buf_add(out, STR("  histogram"));
    for (WireField field; ok && wire_next(&reader, &field);)
        ok = say_histogram_field(&field, out);
    buf_add_byte(out, '\n');
    return ok && !reader.bad;
}

static Str symbol(const Table *table, uint64_t at)
{
    return at < table->count ? table->symbols[at] : STR("?");
}

static bool say_metadata(const Table *table, Str message, Buf *out)
{
    WireReader reader = wire_reader(message);
    uint64_t type = 0;
    Str family = { NULL, 0 }, help = { NULL, 0 }, unit = { NULL, 0 };
    for (WireField field; wire_next(&reader, &field);) {
        if (field.number == 1)
            type = field.value;
        if (field.number == 2)
            family = field.bytes;
        if (field.number == (table ? 3 : 4))
            help = table ? symbol(table, field.value) : field.bytes;
        if (field.number == (table ? 4 : 5))
            unit = table ? symbol(table, field.value) : field.bytes;
    }
    buf_addf(out, "# %.*s %" PRIu64 " [%.*s] %.*s\n", STR_ARG(family), type, STR_ARG(unit),
             STR_ARG(help));
    return !reader.bad;
}

static bool say_series(const Table *table, Str message, Buf *out)
{
    const uint32_t exemplars = table ? 4 : 3, histograms = table ? 3 : 4;
    WireReader samples = wire_reader(message), rest = samples;
    bool ok = say_labels(table, message, out);
    size_t floats = 0, natives = 0;
    for (WireField field; ok && wire_next(&samples, &field);)
        if (field.number == 2) {
            ok = say_sample(field.bytes, out);
            floats++;
        }
    buf_add_byte(out, '\n');
    for (WireField field; ok && wire_next(&rest, &field);) {
        if (field.number == exemplars)
            ok = say_exemplar(table, field.bytes, out);
        else if (field.number == histograms)
            ok = say_histogram(field.bytes, out);
        else if (field.number == 5)
            ok = table && say_metadata(table, field.bytes, out);
        natives += field.number == histograms;
    }
    return ok && !samples.bad && (floats == 0) != (natives == 0);
}

static bool read_symbols(Str message, Table *table)
{
    WireReader reader = wire_reader(message);
    for (WireField field; wire_next(&reader, &field);)
        if (field.number == 4) {
            if (table->count == SYMBOLS_MAX)
                return false;
            table->symbols[table->count++] = field.bytes;
        }
    return !reader.bad && table->count > 0 && table->symbols[0].len == 0;
}

bool remote_write_text(Str message, bool version_2, Buf *out)
{
    static Table table;
    table.count = 0;
    if (version_2 && !read_symbols(message, &table))
        return false;
    WireReader reader = wire_reader(message);
    bool ok = true;
    for (WireField field; ok && wire_next(&reader, &field);) {
        if (field.number == (version_2 ? 5 : 1))
            ok = say_series(version_2 ? &table : NULL, field.bytes, out);
        else if (field.number == 3 && !version_2)
            ok = say_metadata(NULL, field.bytes, out);
        else
            ok = version_2 && field.number == 4;
    }
    return ok && !reader.bad;
}
