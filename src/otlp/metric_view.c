/* metric_view.c - reads metrics and data points; see metric_view.h. */
#include "otlp/metric_view.h"

#include "otlp/batch_internal.h"
#include "otlp/tag_internal.h"

#include <assert.h>

static bool is_data(const WireField *field)
{
    switch (field->number) {
    case METRIC_GAUGE:
    case METRIC_SUM:
    case METRIC_HISTOGRAM:
    case METRIC_EXPONENTIAL:
    case METRIC_SUMMARY: return field->kind == WIRE_LEN;
    default: return false;
    }
}

/* Another kind of data replaces what came before, as the walk has it too. */
static void read_data(const WireField *data, MetricView *out)
{
    if (out->kind != (MetricKind)data->number) {
        out->temporality = 0;
        out->is_monotonic = false;
    }
    out->kind = (MetricKind)data->number;
    WireReader reader = wire_reader(data->bytes);
    WireField field;
    while (next_field(&reader, &field)) {
        bool summed = out->kind != METRIC_GAUGE && out->kind != METRIC_SUMMARY;
        if (field_id(&field) == FIELD(2, WIRE_VARINT) && summed)
            out->temporality = (uint32_t)field.value;
        else if (field_id(&field) == FIELD(3, WIRE_VARINT) && out->kind == METRIC_SUM)
            out->is_monotonic = field.value != 0;
    }
}

MetricView metric_view(const Batch *batch, size_t metric)
{
    assert(metric < batch->index.count.metrics);
    const IndexMetric *entry = &batch->index.metrics[metric];
    Str message = index_content(buf_str(&batch->bytes), entry->at);
    MetricView out = { .metadata = { .fields = { message, 12 } },
                       .first_item = entry[0].first_item,
                       .end_item = entry[1].first_item };
    WireReader reader = wire_reader(message);
    WireField field;
    while (next_field(&reader, &field)) {
        switch (field_id(&field)) {
        case FIELD(1, WIRE_LEN): out.name = field.bytes; break;
        case FIELD(2, WIRE_LEN): out.description = field.bytes; break;
        case FIELD(3, WIRE_LEN): out.unit = field.bytes; break;
        default:
            if (is_data(&field))
                read_data(&field, &out);
        }
    }
    return out;
}

/* The next number, of fixed size when `size` is 8, a varint when it is 0. */
static bool next_bits(Numbers *numbers, size_t size, uint64_t *out)
{
    while (!numbers->run.len && fields_next(&numbers->packed, &numbers->run))
        continue;
    WireReader reader = wire_reader(numbers->run.len ? numbers->run : numbers->loose);
    WireField field;
    if (numbers->run.len && size) {
        *out = wire_load_u64(numbers->run.ptr);
        numbers->run = str_skip(numbers->run, size);
        return true;
    }
    if (numbers->run.len) {
        bool ok = wire_read_varint(&reader, out);
        numbers->run = str_skip(numbers->run, (size_t)(reader.at - numbers->run.ptr));
        return ok;
    }
    while (next_field(&reader, &field)) {
        if (field.number != numbers->packed.number || field.kind != (size ? WIRE_I64 : WIRE_VARINT))
            continue;
        *out = field.value;
        numbers->loose = (Str){ reader.at, (size_t)(reader.end - reader.at) };
        return true;
    }
    numbers->loose = (Str){ 0 };
    return false;
}

bool numbers_next_u64(Numbers *numbers, uint64_t *out)
{
    return next_bits(numbers, sizeof *out, out);
}

bool numbers_next_varint(Numbers *numbers, uint64_t *out)
{
    return next_bits(numbers, 0, out);
}

bool numbers_next_double(Numbers *numbers, double *out)
{
    uint64_t bits;
    if (!next_bits(numbers, sizeof bits, &bits))
        return false;
    *out = wire_double(bits);
    return true;
}

static Numbers numbers_in(Str message, uint32_t number)
{
    return (Numbers){ .packed = { message, number }, .loose = message };
}

static NumberView int_number(uint64_t bits)
{
    return (NumberView){ .kind = NUMBER_INT, .integer = (int64_t)bits };
}

static NumberView double_number(uint64_t bits)
{
    return (NumberView){ .kind = NUMBER_DOUBLE, .real = wire_double(bits) };
}

NumberPointView number_point_view(const Batch *batch, size_t item)
{
    Str message = item_bytes(batch, item);
    NumberPointView out = { .attributes = item_attributes(batch, item),
                            .exemplars = { message, 5 } };
    WireReader reader = wire_reader(message);
    WireField field;
    while (next_field(&reader, &field)) {
        switch (field_id(&field)) {
        case FIELD(2, WIRE_I64): out.start_ns = field.value; break;
        case FIELD(3, WIRE_I64): out.time_ns = field.value; break;
        case FIELD(4, WIRE_I64): out.value = double_number(field.value); break;
        case FIELD(6, WIRE_I64): out.value = int_number(field.value); break;
        case FIELD(8, WIRE_VARINT): out.flags = (uint32_t)field.value; break;
        default: break;
        }
    }
    return out;
}

static void set_double(const WireField *field, double *out, bool *has)
{
    *out = wire_double(field->value);
    *has = true;
}

HistogramPointView histogram_point_view(const Batch *batch, size_t item)
{
    Str message = item_bytes(batch, item);
    HistogramPointView out = { .attributes = item_attributes(batch, item),
                               .bucket_counts = numbers_in(message, 6),
                               .explicit_bounds = numbers_in(message, 7),
                               .exemplars = { message, 8 } };
    WireReader reader = wire_reader(message);
    WireField field;
    while (next_field(&reader, &field)) {
        switch (field_id(&field)) {
        case FIELD(2, WIRE_I64): out.start_ns = field.value; break;
        case FIELD(3, WIRE_I64): out.time_ns = field.value; break;
        case FIELD(4, WIRE_I64): out.count = field.value; break;
        case FIELD(5, WIRE_I64): set_double(&field, &out.sum, &out.has_sum); break;
        case FIELD(10, WIRE_VARINT): out.flags = (uint32_t)field.value; break;
        case FIELD(11, WIRE_I64): set_double(&field, &out.min, &out.has_min); break;
        case FIELD(12, WIRE_I64): set_double(&field, &out.max, &out.has_max); break;
        default: break;
        }
    }
    return out;
}

static BucketsView read_buckets(Str message)
{
    BucketsView out = { .counts = numbers_in(message, 2) };
    WireReader reader = wire_reader(message);
    WireField field;
    while (next_field(&reader, &field))
        if (field_id(&field) == FIELD(1, WIRE_VARINT))
            out.offset = (int32_t)wire_unzigzag((uint32_t)field.value);
    return out;
}

static void read_exponential_field(const WireField *field, ExponentialPointView *out)
{
    switch (field_id(field)) {
    case FIELD(2, WIRE_I64): out->start_ns = field->value; break;
    case FIELD(3, WIRE_I64): out->time_ns = field->value; break;
    case FIELD(4, WIRE_I64): out->count = field->value; break;
    case FIELD(5, WIRE_I64): set_double(field, &out->sum, &out->has_sum); break;
    case FIELD(6, WIRE_VARINT): out->scale = (int32_t)wire_unzigzag((uint32_t)field->value); break;
    case FIELD(7, WIRE_I64): out->zero_count = field->value; break;
    case FIELD(8, WIRE_LEN): out->positive = read_buckets(field->bytes); break;
    case FIELD(9, WIRE_LEN): out->negative = read_buckets(field->bytes); break;
    case FIELD(10, WIRE_VARINT): out->flags = (uint32_t)field->value; break;
    case FIELD(12, WIRE_I64): set_double(field, &out->min, &out->has_min); break;
    case FIELD(13, WIRE_I64): set_double(field, &out->max, &out->has_max); break;
    case FIELD(14, WIRE_I64): out->zero_threshold = wire_double(field->value); break;
    default: break;
    }
}

ExponentialPointView exponential_point_view(const Batch *batch, size_t item)
{
    Str message = item_bytes(batch, item);
    ExponentialPointView out = { .attributes = item_attributes(batch, item),
                                 .exemplars = { message, 11 } };
    WireReader reader = wire_reader(message);
    WireField field;
    while (next_field(&reader, &field))
        read_exponential_field(&field, &out);
    return out;
}

SummaryPointView summary_point_view(const Batch *batch, size_t item)
{
    Str message = item_bytes(batch, item);
    SummaryPointView out = { .attributes = item_attributes(batch, item),
                             .quantiles = { message, 6 } };
    WireReader reader = wire_reader(message);
    WireField field;
    while (next_field(&reader, &field)) {
        switch (field_id(&field)) {
        case FIELD(2, WIRE_I64): out.start_ns = field.value; break;
        case FIELD(3, WIRE_I64): out.time_ns = field.value; break;
        case FIELD(4, WIRE_I64): out.count = field.value; break;
        case FIELD(5, WIRE_I64): out.sum = wire_double(field.value); break;
        case FIELD(8, WIRE_VARINT): out.flags = (uint32_t)field.value; break;
        default: break;
        }
    }
    return out;
}

bool exemplar_next(Fields *exemplars, ExemplarView *out)
{
    Str message;
    if (!fields_next(exemplars, &message))
        return false;
    *out = (ExemplarView){ .filtered_attributes = { .fields = { message, 7 } } };
    WireReader reader = wire_reader(message);
    WireField field;
    while (next_field(&reader, &field)) {
        switch (field_id(&field)) {
        case FIELD(2, WIRE_I64): out->time_ns = field.value; break;
        case FIELD(3, WIRE_I64): out->value = double_number(field.value); break;
        case FIELD(4, WIRE_LEN): out->span_id = span_id_from(field.bytes); break;
        case FIELD(5, WIRE_LEN): out->trace_id = trace_id_from(field.bytes); break;
        case FIELD(6, WIRE_I64): out->value = int_number(field.value); break;
        default: break;
        }
    }
    return true;
}

bool quantile_next(Fields *quantiles, QuantileView *out)
{
    Str message;
    if (!fields_next(quantiles, &message))
        return false;
    *out = (QuantileView){ 0 };
    WireReader reader = wire_reader(message);
    WireField field;
    while (next_field(&reader, &field)) {
        if (field_id(&field) == FIELD(1, WIRE_I64))
            out->quantile = wire_double(field.value);
        else if (field_id(&field) == FIELD(2, WIRE_I64))
            out->value = wire_double(field.value);
    }
    return true;
}
