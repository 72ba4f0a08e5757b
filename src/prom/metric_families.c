/* metric_families.c - see metric_families.h.
 *
 *     MetricFamily  name 1, help 2, type 3, metric 4*, unit 5
 *     Metric        label 1*, gauge 2, counter 3, summary 4, untyped 5, timestamp_ms 6, histogram 7
 *     Histogram     sample_count 1, sample_sum 2, bucket 3*, count_float 4, schema 5 (zigzag),
 *                   zero_threshold 6, zero_count 7, zero_count_float 8, negative span 9*, delta
 * 10*, count 11*, positive span 12*, delta 13*, count 14*, created 15, exemplars 16*
 */
#include "prom/metric_families.h"

#include "base/mem.h"
#include "codec/float_text.h"
#include "codec/wire.h"

#include <math.h>
#include <string.h>

enum { NAME_SIZE_MAX = 1 << 16 };

typedef enum FamilyType {
    FAMILY_COUNTER,
    FAMILY_GAUGE,
    FAMILY_SUMMARY,
    FAMILY_UNTYPED,
    FAMILY_HISTOGRAM,
    FAMILY_GAUGE_HISTOGRAM
} FamilyType;

typedef struct Side { /* of an exponential histogram */
    uint64_t *counts;
    size_t count;
    int32_t first;
    Str message; /* the histogram's: its spans and deltas are read from there */
    uint32_t span_field, delta_field, count_field;
} Side;

typedef struct Families {
    const MetricFamiliesWish *wish;
    Str name, help, unit;
    FamilyType type;
    Label labels[EXPOSITION_LABELS_MAX + 1], exemplar[EXPOSITION_LABELS_MAX],
        sorted[EXPOSITION_LABELS_MAX + 1];
    size_t label_count;
    bool has_time;
    int64_t time_ms;
    Buf text;
    uint64_t *counts[2]; /* NATIVE_BUCKETS_MAX each, once they are needed */
    Err *err;
} Families;

bool metric_families_are(Str content_type)
{
    static const Str type = STR_ROW("application/vnd.google.protobuf");
    return str_eq_nocase(str_first(content_type, type.len), type);
}

static bool broken(Families *f)
{
    return fail(f->err, ERR_INPUT, "family %.*s: a message that makes no sense",
                STR_ARG(str_first(f->name, 100)));
}

static bool emit(Families *f, ExpositionEvent *event)
{
    return f->wish->take(f->wish->context, event, f->err);
}

/* ---- labels and exemplars ---- */

static bool read_label(Families *f, Str message, Label *out)
{
    WireReader reader = wire_reader(message);
    *out = (Label){ STR(""), STR("") };
    for (WireField field; wire_next(&reader, &field);) {
        if (field.kind == WIRE_LEN && field.number == 1)
            out->name = field.bytes;
        else if (field.kind == WIRE_LEN && field.number == 2)
            out->value = field.bytes;
    }
    return (!reader.bad && out->name.len && utf8_valid(out->name) && utf8_valid(out->value)) ||
           broken(f);
}

static bool read_time(Str message, double *out_s)
{
    int64_t seconds = 0, nanos = 0;
    WireReader reader = wire_reader(message);
    for (WireField field; wire_next(&reader, &field);) {
        if (field.kind == WIRE_VARINT && field.number == 1)
            seconds = (int64_t)field.value;
        else if (field.kind == WIRE_VARINT && field.number == 2)
            nanos = (int64_t)field.value;
    }
    *out_s = (double)seconds + (double)nanos / 1e9;
    return !reader.bad;
}

static bool read_exemplar(Families *f, Str message, ExpositionEvent *event)
{
    size_t count = 0;
    double time_s = 0;
    ExpositionExemplar *out = &event->exemplar;
    WireReader reader = wire_reader(message);
    *out = (ExpositionExemplar){ 0 };
    for (WireField field; wire_next(&reader, &field);) {
        if (field.kind == WIRE_LEN && field.number == 1) {
            if (count == EXPOSITION_LABELS_MAX || !read_label(f, field.bytes, &f->exemplar[count]))
                return count == EXPOSITION_LABELS_MAX && broken(f);
            count++;
        } else if (field.kind == WIRE_I64 && field.number == 2) {
            out->value = wire_double(field.value);
        } else if (field.kind == WIRE_LEN && field.number == 3) {
            out->has_time = read_time(field.bytes, &time_s) && fabs(time_s) < 9e15;
        }
    }
    if (out->has_time)
        out->time_ms = (int64_t)(time_s * 1000);
    out->labels = (Labels){ f->exemplar, labels_sort(f->exemplar, count) };
    event->has_exemplar = true;
    return !reader.bad || broken(f);
}

/* ---- samples ---- */

typedef struct Sample {
    const char *suffix;
    const char *bound_name; /* "le", "quantile"; NULL: none */
    double bound, value, created_s;
    Str exemplar; /* its message; empty: none */
    const NativeHistogram *native;
} Sample;

static bool add_sample(Families *f, const Sample *sample)
{
    size_t count = f->label_count;
    memcpy(f->sorted, f->labels, count * sizeof *f->sorted);
    buf_clear(&f->text);
    buf_add(&f->text, f->name);
    buf_add(&f->text, str_from(sample->suffix));
    size_t name_len = f->text.len;
    if (sample->bound_name) {
        buf_add_float(&f->text, sample->bound, FLOAT_METRICS);
        if (!buf_ok(&f->text, f->err))
            return false;
        f->sorted[count++] =
            (Label){ str_from(sample->bound_name), str_skip(buf_str(&f->text), name_len) };
    }
    ExpositionEvent event = { .kind = EXPOSITION_SAMPLE,
                              .name = str_first(buf_str(&f->text), name_len),
                              .labels = { f->sorted, labels_sort(f->sorted, count) },
                              .value = sample->value,
                              .has_time = f->has_time,
                              .time_ms = f->time_ms,
                              .created_s = sample->created_s,
                              .native = sample->native };
    if (!buf_ok(&f->text, f->err))
        return false;
    return (!sample->exemplar.len || read_exemplar(f, sample->exemplar, &event)) && emit(f, &event);
}

/* Gauge, Counter, Untyped: value 1; Counter: exemplar 2, created 3. */
static bool read_number(Families *f, Str message, bool counter)
{
    Sample sample = { .suffix = "" };
    WireReader reader = wire_reader(message);
    for (WireField field; wire_next(&reader, &field);) {
        if (field.kind == WIRE_I64 && field.number == 1)
            sample.value = wire_double(field.value);
        else if (counter && field.kind == WIRE_LEN && field.number == 2)
            sample.exemplar = field.bytes;
        else if (counter && field.kind == WIRE_LEN && field.number == 3 &&
                 !read_time(field.bytes, &sample.created_s))
            return broken(f);
    }
    return reader.bad ? broken(f) : add_sample(f, &sample);
}

static bool read_quantile(Families *f, Str message)
{
    Sample sample = { .suffix = "", .bound_name = "quantile" };
    WireReader reader = wire_reader(message);
    for (WireField field; wire_next(&reader, &field);) {
        if (field.kind == WIRE_I64 && field.number == 1)
            sample.bound = wire_double(field.value);
        else if (field.kind == WIRE_I64 && field.number == 2)
            sample.value = wire_double(field.value);
    }
    return reader.bad ? broken(f) : add_sample(f, &sample);
}

/* count 1, sum 2, quantile 3*, created 4 */
static bool read_summary(Families *f, Str message)
{
    Sample count = { .suffix = "_count" }, sum = { .suffix = "_sum" };
    WireReader reader = wire_reader(message);
    for (WireField field; wire_next(&reader, &field);) {
        if (field.kind == WIRE_VARINT && field.number == 1)
            count.value = (double)field.value;
        else if (field.kind == WIRE_I64 && field.number == 2)
            sum.value = wire_double(field.value);
        else if (field.kind == WIRE_LEN && field.number == 3 && !read_quantile(f, field.bytes))
            return false;
        else if (field.kind == WIRE_LEN && field.number == 4 &&
                 !read_time(field.bytes, &count.created_s))
            return broken(f);
    }
    return reader.bad ? broken(f) : add_sample(f, &sum) && add_sample(f, &count);
}

/* ---- histograms ---- */

/* cumulative_count 1, upper_bound 2, exemplar 3, cumulative_count_float 4 */
static bool read_bucket(Families *f, Str message, bool *has_inf)
{
    Sample sample = { .suffix = "_bucket", .bound_name = "le" };
    WireReader reader = wire_reader(message);
    for (WireField field; wire_next(&reader, &field);) {
        if (field.kind == WIRE_VARINT && field.number == 1)
            sample.value = (double)field.value;
        else if (field.kind == WIRE_I64 && field.number == 2)
            sample.bound = wire_double(field.value);
        else if (field.kind == WIRE_LEN && field.number == 3)
            sample.exemplar = field.bytes;
        else if (field.kind == WIRE_I64 && field.number == 4 && wire_double(field.value) > 0)
            sample.value = wire_double(field.value);
    }
    *has_inf = *has_inf || (isinf(sample.bound) && sample.bound > 0);
    return reader.bad ? broken(f) : add_sample(f, &sample);
}

typedef struct Histogram {
    NativeHistogram native;
    double count, created_s;
    size_t buckets;
    bool is_native;
    Str exemplar;
} Histogram;

static void read_head_field(const WireField *field, Histogram *out)
{
    double real = wire_double(field->value);
    bool whole = field->kind == WIRE_VARINT, wide = field->kind == WIRE_I64;
    if (field->number == 1 && whole)
        out->count = (double)field->value;
    else if (field->number == 2 && wide)
        out->native.sum = real;
    else if (field->number == 4 && wide && real > 0)
        out->count = real;
    else if (field->number == 5 && whole)
        out->native.schema = (int32_t)wire_unzigzag(field->value);
    else if (field->number == 6 && wide)
        out->native.zero_threshold = real;
    else if (field->number == 7 && whole)
        out->native.zero_count = field->value;
    else if (field->number == 8 && wide && real > 0 && real < 0x1p63)
        out->native.zero_count = (uint64_t)real;
}

static bool read_head(Families *f, Str message, Histogram *out)
{
    WireReader reader = wire_reader(message);
    *out = (Histogram){ 0 };
    for (WireField field; wire_next(&reader, &field);) {
        read_head_field(&field, out);
        if (field.number == 3)
            out->buckets++;
        else if (field.number == 15 && field.kind == WIRE_LEN &&
                 !read_time(field.bytes, &out->created_s))
            return broken(f);
        else if (field.number == 16 && field.kind == WIRE_LEN)
            out->exemplar = field.bytes;
        out->is_native = out->is_native || field.number == 9 || field.number == 12;
    }
    out->is_native = out->is_native || out->native.zero_threshold > 0 || out->native.zero_count > 0;
    out->native.count = out->count > 0 && out->count < 0x1p63 ? (uint64_t)out->count : 0;
    return !reader.bad || broken(f);
}

/* One span after the other opens buckets, all at 0: offset 1 (zigzag), length 2. */
static bool open_span(Side *side, Str message, int64_t *index)
{
    int64_t offset = 0;
    uint64_t length = 0;
    WireReader reader = wire_reader(message);
    for (WireField field; wire_next(&reader, &field);) {
        if (field.kind == WIRE_VARINT && field.number == 1)
            offset = wire_unzigzag(field.value);
        else if (field.kind == WIRE_VARINT && field.number == 2)
            length = field.value;
    }
    bool first = side->count == 0;
    if (reader.bad || (!first && offset < 0) || offset > INT32_MAX || offset < INT32_MIN ||
        length > NATIVE_BUCKETS_MAX)
        return false;
    if (first)
        side->first = (int32_t)offset;
    size_t gap = first ? 0 : (size_t)offset;
    if (gap > NATIVE_BUCKETS_MAX || side->count + gap + length > NATIVE_BUCKETS_MAX)
        return false;
    *index += offset + (int64_t)length;
    for (size_t i = 0; i < gap; i++)
        side->counts[side->count++] = UINT64_MAX; /* belongs to no span */
    for (uint64_t i = 0; i < length; i++)
        side->counts[side->count++] = 0;
    return true;
}

typedef struct Fill {
    Side *side;
    size_t at;
    int64_t sum;
} Fill;

static bool fill_bucket(Fill *fill, uint64_t value)
{
    Side *side = fill->side;
    while (fill->at < side->count && side->counts[fill->at] == UINT64_MAX)
        side->counts[fill->at++] = 0;
    if (fill->at == side->count || value > INT64_MAX)
        return false;
    side->counts[fill->at++] = value;
    return true;
}

/* Deltas are of whole counts, zigzag; counts are doubles. Packed or not. */
static bool fill_delta(Fill *fill, uint64_t raw)
{
    if (__builtin_add_overflow(fill->sum, wire_unzigzag(raw), &fill->sum) || fill->sum < 0)
        return false;
    return fill_bucket(fill, (uint64_t)fill->sum);
}

static bool fill_count(Fill *fill, uint64_t bits)
{
    double real = wire_double(bits);
    return real >= 0 && real < 0x1p62 && fill_bucket(fill, (uint64_t)real);
}

static bool fill_field(Fill *fill, const WireField *field)
{
    WireReader packed = wire_reader(field->bytes);
    bool delta = field->number == fill->side->delta_field, ok = true;
    if (field->kind == WIRE_VARINT)
        return delta && fill_delta(fill, field->value);
    if (field->kind == WIRE_I64)
        return !delta && fill_count(fill, field->value);
    if (field->kind != WIRE_LEN)
        return false;
    while (ok && packed.at < packed.end) {
        uint64_t value;
        if (delta) {
            ok = wire_read_varint(&packed, &value) && fill_delta(fill, value);
        } else {
            ok = packed.end - packed.at >= 8 && fill_count(fill, wire_load_u64(packed.at));
            packed.at += 8;
        }
    }
    return ok;
}

static bool read_side(Side *side)
{
    int64_t index = 0;
    Fill fill = { .side = side };
    WireReader spans = wire_reader(side->message), values = spans;
    for (WireField field; wire_next(&spans, &field);)
        if (field.number == side->span_field &&
            (field.kind != WIRE_LEN || !open_span(side, field.bytes, &index)))
            return false;
    for (WireField field; wire_next(&values, &field);)
        if ((field.number == side->delta_field || field.number == side->count_field) &&
            !fill_field(&fill, &field))
            return false;
    for (size_t i = 0; i < side->count; i++)
        if (side->counts[i] == UINT64_MAX)
            side->counts[i] = 0;
    return true;
}

static bool add_native(Families *f, Str message, Histogram *histogram)
{
    static const uint32_t numbers[2][3] = { { 12, 13, 14 }, { 9, 10, 11 } };
    NativeBuckets *out[2] = { &histogram->native.positive, &histogram->native.negative };
    if (histogram->native.schema < NATIVE_SCHEMA_MIN ||
        histogram->native.schema > NATIVE_SCHEMA_MAX)
        return fail(f->err, ERR_INPUT, "family %.*s: buckets of schema %d are not known here",
                    STR_ARG(str_first(f->name, 100)), (int)histogram->native.schema);
    for (size_t i = 0; i < 2; i++) {
        if (!f->counts[i])
            f->counts[i] = MEM_MAKE(uint64_t, NATIVE_BUCKETS_MAX, f->err);
        if (!f->counts[i])
            return false;
        Side side = { .counts = f->counts[i],
                      .message = message,
                      .span_field = numbers[i][0],
                      .delta_field = numbers[i][1],
                      .count_field = numbers[i][2] };
        if (!read_side(&side))
            return broken(f);
        *out[i] = (NativeBuckets){ side.first, side.counts, side.count };
    }
    return add_sample(f, &(Sample){ .suffix = "",
                                    .created_s = histogram->created_s,
                                    .exemplar = histogram->exemplar,
                                    .native = &histogram->native });
}

static bool add_classic(Families *f, Str message, const Histogram *histogram)
{
    bool has_inf = false;
    WireReader reader = wire_reader(message);
    for (WireField field; wire_next(&reader, &field);)
        if (field.number == 3 && (field.kind != WIRE_LEN || !read_bucket(f, field.bytes, &has_inf)))
            return field.kind == WIRE_LEN ? false : broken(f);
    return (has_inf || add_sample(f, &(Sample){ .suffix = "_bucket",
                                                .bound_name = "le",
                                                .bound = (double)INFINITY,
                                                .value = histogram->count })) &&
           add_sample(f, &(Sample){ .suffix = "_sum", .value = histogram->native.sum }) &&
           add_sample(f, &(Sample){ .suffix = "_count",
                                    .value = histogram->count,
                                    .created_s = histogram->created_s });
}

static bool read_histogram(Families *f, Str message)
{
    Histogram histogram;
    if (!read_head(f, message, &histogram))
        return false;
    bool native = histogram.is_native && f->wish->native;
    if (native && !add_native(f, message, &histogram))
        return false;
    return (native && !(f->wish->also_classic && histogram.buckets)) ||
           add_classic(f, message, &histogram);
}

/* ---- families ---- */

static bool read_labels(Families *f, Str metric)
{
    WireReader reader = wire_reader(metric);
    f->label_count = 0;
    f->has_time = false;
    for (WireField field; wire_next(&reader, &field);) {
        if (field.kind == WIRE_VARINT && field.number == 6) {
            f->has_time = field.value != 0;
            f->time_ms = (int64_t)field.value;
        }
        if (field.kind != WIRE_LEN || field.number != 1)
            continue;
        if (f->label_count == EXPOSITION_LABELS_MAX)
            return fail(f->err, ERR_LIMIT, "family %.*s: more than %d labels",
                        STR_ARG(str_first(f->name, 100)), EXPOSITION_LABELS_MAX);
        if (!read_label(f, field.bytes, &f->labels[f->label_count]))
            return false;
        f->label_count++;
    }
    return !reader.bad || broken(f);
}

static bool read_metric(Families *f, Str metric)
{
    static const uint32_t wanted[] = {
        [FAMILY_COUNTER] = 3, [FAMILY_GAUGE] = 2,     [FAMILY_SUMMARY] = 4,
        [FAMILY_UNTYPED] = 5, [FAMILY_HISTOGRAM] = 7, [FAMILY_GAUGE_HISTOGRAM] = 7
    };
    WireReader reader = wire_reader(metric);
    if (!read_labels(f, metric))
        return false;
    for (WireField field; wire_next(&reader, &field);) {
        if (field.kind != WIRE_LEN || field.number != wanted[f->type])
            continue;
        if (f->type == FAMILY_SUMMARY)
            return read_summary(f, field.bytes);
        if (f->type == FAMILY_HISTOGRAM || f->type == FAMILY_GAUGE_HISTOGRAM)
            return read_histogram(f, field.bytes);
        return read_number(f, field.bytes, f->type == FAMILY_COUNTER);
    }
    return broken(f);
}

static bool add_meta(Families *f)
{
    static const ExpositionType types[] = {
        [FAMILY_COUNTER] = EXPOSITION_COUNTER,     [FAMILY_GAUGE] = EXPOSITION_GAUGE,
        [FAMILY_SUMMARY] = EXPOSITION_SUMMARY,     [FAMILY_UNTYPED] = EXPOSITION_UNKNOWN,
        [FAMILY_HISTOGRAM] = EXPOSITION_HISTOGRAM, [FAMILY_GAUGE_HISTOGRAM] = EXPOSITION_HISTOGRAM,
    };
    ExpositionEvent event = { .kind = EXPOSITION_TYPE, .name = f->name, .type = types[f->type] };
    if (!emit(f, &event))
        return false;
    event = (ExpositionEvent){ .kind = EXPOSITION_HELP, .name = f->name, .text = f->help };
    if (!emit(f, &event))
        return false;
    event = (ExpositionEvent){ .kind = EXPOSITION_UNIT, .name = f->name, .text = f->unit };
    return emit(f, &event);
}

static bool read_family(Families *f, Str message)
{
    WireReader reader = wire_reader(message), metrics = reader;
    uint64_t type = 0;
    f->name = f->help = f->unit = STR("");
    for (WireField field; wire_next(&reader, &field);) {
        if (field.kind == WIRE_LEN && field.number == 1)
            f->name = field.bytes;
        else if (field.kind == WIRE_LEN && field.number == 2)
            f->help = field.bytes;
        else if (field.kind == WIRE_VARINT && field.number == 3)
            type = field.value;
        else if (field.kind == WIRE_LEN && field.number == 5)
            f->unit = field.bytes;
    }
    if (reader.bad || !f->name.len || f->name.len > NAME_SIZE_MAX ||
        type > FAMILY_GAUGE_HISTOGRAM || !utf8_valid(f->name) || !utf8_valid(f->help) ||
        !utf8_valid(f->unit))
        return broken(f);
    f->type = (FamilyType)type;
    if (!add_meta(f))
        return false;
    for (WireField field; wire_next(&metrics, &field);)
        if (field.kind == WIRE_LEN && field.number == 4 && !read_metric(f, field.bytes))
            return false;
    return true;
}

bool metric_families_read(Str body, const MetricFamiliesWish *wish, Err *err)
{
    WireReader reader = wire_reader(body);
    Families *f = MEM_MAKE(Families, 1, err);
    if (!f)
        return false;
    f->wish = wish;
    f->err = err;
    f->text = BUF(2 * NAME_SIZE_MAX);
    bool ok = true;
    while (ok && reader.at < reader.end) {
        uint64_t size;
        ok = wire_read_varint(&reader, &size) && size <= (size_t)(reader.end - reader.at);
        if (!ok) {
            ok = fail(err, ERR_INPUT, "a family that is longer than the answer");
            break;
        }
        Str message = { reader.at, (size_t)size };
        reader.at += size;
        ok = read_family(f, message);
    }
    buf_free(&f->text);
    mem_free(f->counts[0]);
    mem_free(f->counts[1]);
    mem_free(f);
    return ok;
}
