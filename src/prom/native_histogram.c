/* native_histogram.c - see native_histogram.h. Each side is walked twice, for its spans and for
 * its differences, so that nothing is kept between. */
#include "prom/native_histogram.h"

#include "codec/wire.h"
#include "prom/otlp_series.h"

enum {
    SCALE_MAX = 8,
    SCALE_MIN = -4,
    GAP_MAX = 2,
    FIELD_COUNT = 1,
    FIELD_SUM = 3,
    FIELD_SCHEMA = 4,
    FIELD_ZERO_THRESHOLD = 5,
    FIELD_ZERO_COUNT = 6,
    FIELD_NEGATIVE_SPANS = 8,
    FIELD_NEGATIVE_DELTAS = 9,
    FIELD_POSITIVE_SPANS = 11,
    FIELD_POSITIVE_DELTAS = 12,
};

#define ZERO_THRESHOLD 1e-128 /* Prometheus' own, where none was sent */

typedef struct Buckets { /* those that are not empty, merged, in order */
    Numbers counts;
    int64_t next; /* OTLP's index of the next count */
    int shift;    /* how often buckets are halved */
    bool held;    /* a count that begins the next merged bucket */
    int64_t held_at;
    uint64_t held_count;
} Buckets;

static Buckets buckets_of(const BucketsView *view, int shift)
{
    return (Buckets){ .counts = view->counts, .next = view->offset, .shift = shift };
}

/* Halved by floor, below zero, too. */
static int64_t merged_index(const Buckets *buckets, int64_t index)
{
    int64_t width = (int64_t)1 << buckets->shift;
    return (index - ((index % width) + width) % width) / width;
}

static bool read_count(Buckets *buckets, int64_t *at, uint64_t *count)
{
    if (buckets->held) {
        buckets->held = false;
        *at = buckets->held_at;
        *count = buckets->held_count;
        return true;
    }
    while (numbers_next_varint(&buckets->counts, count)) {
        *at = merged_index(buckets, buckets->next++);
        if (*count)
            return true;
    }
    return false;
}

static bool buckets_next(Buckets *buckets, int64_t *at, uint64_t *count)
{
    if (!read_count(buckets, at, count))
        return false;
    int64_t more_at;
    for (uint64_t more; read_count(buckets, &more_at, &more);) {
        if (more_at != *at) {
            buckets->held = true;
            buckets->held_at = more_at;
            buckets->held_count = more;
            break;
        }
        *count += more;
    }
    *at += 1; /* Prometheus' index */
    return true;
}

static void write_span(Buf *out, uint32_t number, int64_t offset, uint64_t length)
{
    size_t opened = wire_open(out, number);
    if (offset)
        wire_add_sint(out, 1, offset);
    wire_add_varint(out, 2, length);
    wire_close(out, opened);
}

static void write_spans(Buf *out, uint32_t number, Buckets buckets)
{
    int64_t at, offset = 0, next = 0;
    uint64_t count, length = 0;
    while (buckets_next(&buckets, &at, &count)) {
        int64_t gap = at - next;
        if (length && gap <= GAP_MAX) {
            length += (uint64_t)gap + 1;
        } else {
            if (length)
                write_span(out, number, offset, length);
            offset = gap;
            length = 1;
        }
        next = at + 1;
    }
    if (length)
        write_span(out, number, offset, length);
}

static void add_delta(Buf *out, uint64_t *before, uint64_t count)
{
    char bytes[WIRE_VARINT_MAX];
    char *end = wire_put_varint(bytes, wire_zigzag((int64_t)(count - *before)));
    buf_add(out, (Str){ bytes, (size_t)(end - bytes) });
    *before = count;
}

static void write_deltas(Buf *out, uint32_t number, Buckets buckets)
{
    int64_t at, next = 0;
    uint64_t count, before = 0;
    bool any = false;
    size_t opened = 0;
    while (buckets_next(&buckets, &at, &count)) {
        if (!any)
            opened = wire_open(out, number);
        for (; any && at - next <= GAP_MAX && next < at; next++)
            add_delta(out, &before, 0);
        add_delta(out, &before, count);
        any = true;
        next = at + 1;
    }
    if (any)
        wire_close(out, opened);
}

static void write_marker(const ExponentialPointView *point, Buf *out)
{
    const uint64_t stale = PROM_STALE_BITS;
    wire_add_varint(out, FIELD_COUNT, stale);
    wire_add_double(out, FIELD_SUM, wire_double(stale));
    wire_add_sint(out, FIELD_SCHEMA, point->scale > SCALE_MAX ? SCALE_MAX : point->scale);
}

const char *native_histogram_write(const ExponentialPointView *point, bool ended, Buf *out)
{
    if (point->scale < SCALE_MIN)
        return "an exponential histogram with a scale below -4";
    if (ended) {
        write_marker(point, out);
        return NULL;
    }
    /* beyond 32 halvings every index is 0 or -1 */
    int shift = point->scale > SCALE_MAX ? point->scale - SCALE_MAX : 0;
    shift = shift > 33 ? 33 : shift;
    wire_add_varint(out, FIELD_COUNT, point->count);
    if (point->has_sum && wire_double_bits(point->sum))
        wire_add_double(out, FIELD_SUM, point->sum);
    int32_t schema = point->scale > SCALE_MAX ? SCALE_MAX : point->scale;
    if (schema)
        wire_add_sint(out, FIELD_SCHEMA, schema);
    wire_add_double(out, FIELD_ZERO_THRESHOLD,
                    point->zero_threshold > 0 ? point->zero_threshold : ZERO_THRESHOLD);
    wire_add_varint(out, FIELD_ZERO_COUNT, point->zero_count);
    write_spans(out, FIELD_NEGATIVE_SPANS, buckets_of(&point->negative, shift));
    write_deltas(out, FIELD_NEGATIVE_DELTAS, buckets_of(&point->negative, shift));
    write_spans(out, FIELD_POSITIVE_SPANS, buckets_of(&point->positive, shift));
    write_deltas(out, FIELD_POSITIVE_DELTAS, buckets_of(&point->positive, shift));
    return NULL;
}
