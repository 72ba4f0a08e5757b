/* remote_write.c - see remote_write.h. How large a series becomes is known as a bound before it is
 * written (RemoteSeries.bytes), so that nothing written has to be taken back. */
#include "prom/remote_write.h"

#include "codec/wire.h"

enum { REQUEST_MAX = 1 << 30 };

typedef struct Writing {
    uint64_t message;
    uint32_t symbols; /* so many have a number */
    Buf *table, *series;
} Writing;

static void add_int(Buf *out, uint32_t number, int64_t value)
{
    if (value)
        wire_add_varint(out, number, (uint64_t)value);
}

static void add_double(Buf *out, uint32_t number, double value)
{
    if (wire_double_bits(value))
        wire_add_double(out, number, value);
}

static void add_text(Buf *out, uint32_t number, Str text)
{
    if (text.len)
        wire_add_bytes(out, number, text);
}

/* What both have; starts are 2.0's. */
static void write_samples(Buf *out, const RemoteNode *node, bool starts)
{
    for (; node; node = node->next) {
        const RemoteSample *sample = (const RemoteSample *)node;
        size_t opened = wire_open(out, 2);
        add_double(out, 1, sample->value);
        add_int(out, 2, node->time_ms);
        if (starts)
            add_int(out, 3, sample->start_ms);
        wire_close(out, opened);
    }
}

static void write_histograms(Buf *out, uint32_t number, const RemoteNode *node, bool starts)
{
    for (; node; node = node->next) {
        const RemoteHistogram *histogram = (const RemoteHistogram *)node;
        size_t opened = wire_open_about(out, number, histogram->bytes.len + 8);
        buf_add(out, histogram->bytes);
        add_int(out, 15, node->time_ms);
        if (starts)
            add_int(out, 17, histogram->start_ms);
        wire_close(out, opened);
    }
}

/* ---- 1.0 ---- */

static void write_labels(Buf *out, RemoteLabels labels)
{
    for (size_t i = 0; i < labels.count; i++) {
        size_t opened = wire_open(out, 1);
        add_text(out, 1, labels.ptr[i].name->text);
        add_text(out, 2, labels.ptr[i].value->text);
        wire_close(out, opened);
    }
}

static void write_series_1(const RemoteSeries *series, Buf *out)
{
    size_t outer = wire_open_about(out, 1, series->bytes);
    write_labels(out, series->labels);
    write_samples(out, series->samples.first, false);
    for (const RemoteNode *node = series->exemplars.first; node; node = node->next) {
        const RemoteExemplar *exemplar = (const RemoteExemplar *)node;
        size_t opened = wire_open(out, 3);
        write_labels(out, exemplar->labels);
        add_double(out, 2, exemplar->value);
        add_int(out, 3, node->time_ms);
        wire_close(out, opened);
    }
    write_histograms(out, 4, series->histograms.first, false);
    wire_close(out, outer);
}

/* The numbers are the same in both versions. */
static int64_t type_number(MetricType type)
{
    switch (type) {
    case METRIC_TYPE_COUNTER: return 1;
    case METRIC_TYPE_GAUGE: return 2;
    case METRIC_TYPE_HISTOGRAM: return 3;
    case METRIC_TYPE_SUMMARY: return 5;
    case METRIC_TYPE_UNKNOWN: break;
    }
    return 0;
}

static void write_metadata_1(const RemoteFamily *family, Buf *out)
{
    size_t opened = wire_open(out, 3);
    add_int(out, 1, type_number(family->type));
    add_text(out, 2, family->name->text);
    add_text(out, 4, family->help->text);
    add_text(out, 5, family->unit->text);
    wire_close(out, opened);
}

/* ---- 2.0 ---- */

static uint32_t symbol(Writing *writing, RemoteText *text)
{
    if (!text->text.len)
        return 0;
    if (text->message != writing->message) {
        text->message = writing->message;
        text->symbol = writing->symbols++;
        wire_add_bytes(writing->table, 4, text->text);
    }
    return text->symbol;
}

static void write_refs(Writing *writing, RemoteLabels labels)
{
    Buf *out = writing->series;
    size_t opened = wire_open(out, 1);
    for (size_t i = 0; i < labels.count; i++) {
        RemoteText *const pair[] = { labels.ptr[i].name, labels.ptr[i].value };
        for (size_t k = 0; k < COUNT_OF(pair); k++) {
            char bytes[WIRE_VARINT_MAX];
            char *end = wire_put_varint(bytes, symbol(writing, pair[k]));
            buf_add(out, (Str){ bytes, (size_t)(end - bytes) });
        }
    }
    wire_close(out, opened);
}

static void write_series_2(Writing *writing, const RemoteSeries *series)
{
    Buf *out = writing->series;
    const RemoteFamily *family = series->family;
    size_t outer = wire_open(out, 5);
    write_refs(writing, series->labels);
    write_samples(out, series->samples.first, true);
    write_histograms(out, 3, series->histograms.first, true);
    for (const RemoteNode *node = series->exemplars.first; node; node = node->next) {
        const RemoteExemplar *exemplar = (const RemoteExemplar *)node;
        size_t opened = wire_open(out, 4);
        if (exemplar->labels.count)
            write_refs(writing, exemplar->labels);
        add_double(out, 2, exemplar->value);
        add_int(out, 3, node->time_ms);
        wire_close(out, opened);
    }
    size_t opened = wire_open(out, 5);
    add_int(out, 1, type_number(family->type));
    add_int(out, 3, symbol(writing, family->help));
    add_int(out, 4, symbol(writing, family->unit));
    wire_close(out, opened);
    wire_close(out, outer);
}

/* ---- a request ---- */

static size_t count_nodes(const RemoteNode *node)
{
    size_t count = 0;
    for (; node; node = node->next)
        count++;
    return count;
}

bool remote_write_request(RemoteSet *set, RemoteSeries *first, const RemoteWriteWish *wish,
                          RemoteRequest *out, Err *err)
{
    *out = (RemoteRequest){ .body = BUF(REQUEST_MAX) };
    Buf rows = BUF(REQUEST_MAX);
    Writing writing = { .message = ++set->messages,
                        .symbols = 1,
                        .table = &out->body,
                        .series = wish->version == REMOTE_WRITE_2 ? &rows : &out->body };
    if (wish->version == REMOTE_WRITE_2)
        wire_add_bytes(&out->body, 4, (Str){ "", 0 });
    RemoteSeries *series = first;
    for (; series; series = series->next) {
        if (series != first && out->body.len + rows.len + series->bytes > wish->bytes_max)
            break;
        if (wish->version == REMOTE_WRITE_2)
            write_series_2(&writing, series);
        else
            write_series_1(series, &out->body);
        out->points += series->points;
        out->samples += count_nodes(series->samples.first) + count_nodes(series->histograms.first);
    }
    out->end = series;
    if (wish->version == REMOTE_WRITE_1 && wish->metadata)
        for (const RemoteSeries *at = first; at != out->end; at = at->next)
            if (at->family->first == at)
                write_metadata_1(at->family, &out->body);
    buf_add(&out->body, buf_str(&rows));
    bool ok = !rows.failed || buf_ok(&rows, err);
    buf_free(&rows);
    return ok && buf_ok(&out->body, err);
}
