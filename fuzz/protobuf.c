/* protobuf.c - rubbish as an OTLP message of each signal: refused, or a batch that holds together.
 *
 * What is accepted must read to its ends, be accepted again as it stands, and fall into pieces that
 * joined hold as many items as before. The first byte chooses the signal.
 */
#include "codec/gzip.h"
#include "codec/wire.h"
#include "otlp/combine.h"
#include "otlp/edit.h"
#include "otlp/metric_view.h"
#include "otlp/rpc.h"
#include "otlp/view.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insist(bool holds)
{
    if (!holds)
        abort();
}

/* Reads all values, nested ones on a stack of lists; a valid batch is at most this deep. */
static size_t read_values(Attributes list)
{
    ValueView stack[BATCH_DEPTH_MAX];
    AttributeView attribute;
    size_t depth = 0, count = 0;
    while (attributes_next(&list, &attribute)) {
        insist(utf8_valid(attribute.key));
        stack[depth++] = attribute.value;
        while (depth) {
            ValueView value = stack[--depth], inner;
            Fields elements = value_elements(&value);
            Attributes members = value_members(&value);
            count++;
            insist(value.kind != VALUE_STRING || utf8_valid(value.text));
            if (value_next(&elements, &inner) && depth < BATCH_DEPTH_MAX)
                stack[depth++] = inner;
            if (attributes_next(&members, &attribute) && depth < BATCH_DEPTH_MAX)
                stack[depth++] = attribute.value;
        }
    }
    return count;
}

static void read_span(const Batch *batch, size_t item)
{
    SpanView span = span_view(batch, item);
    EventView event;
    LinkView link;
    insist(utf8_valid(span.name) && utf8_valid(span.trace_state));
    insist(utf8_valid(span.status_message));
    while (event_next(&span.events, &event)) {
        insist(utf8_valid(event.name));
        read_values(event.attributes);
    }
    while (link_next(&span.links, &link))
        read_values(link.attributes);
}

static void read_point(const Batch *batch, size_t item)
{
    MetricView metric = metric_view(batch, batch_metric_of_item(batch, item));
    uint64_t bits;
    double bound;
    ExemplarView exemplar;
    QuantileView quantile;
    NumberPointView number = number_point_view(batch, item);
    HistogramPointView histogram = histogram_point_view(batch, item);
    ExponentialPointView exponential = exponential_point_view(batch, item);
    SummaryPointView summary = summary_point_view(batch, item);
    insist(metric.kind != METRIC_EMPTY && utf8_valid(metric.name));
    while (exemplar_next(&number.exemplars, &exemplar))
        read_values(exemplar.filtered_attributes);
    if (metric.kind == METRIC_HISTOGRAM) {
        while (numbers_next_u64(&histogram.bucket_counts, &bits))
            continue;
        while (numbers_next_double(&histogram.explicit_bounds, &bound))
            continue;
    }
    if (metric.kind == METRIC_EXPONENTIAL)
        while (numbers_next_varint(&exponential.positive.counts, &bits))
            continue;
    if (metric.kind == METRIC_SUMMARY)
        while (quantile_next(&summary.quantiles, &quantile))
            continue;
}

static void read_all(const Batch *batch)
{
    for (size_t r = 0; r < batch_resource_count(batch); r++)
        read_values(resource_view(batch, r).attributes);
    for (size_t s = 0; s < batch_scope_count(batch); s++)
        read_values(scope_view(batch, s).attributes);
    for (size_t i = 0; i < batch_item_count(batch); i++) {
        insist(batch_scope_of_item(batch, i) < batch_scope_count(batch));
        read_values(item_attributes(batch, i));
        if (batch_signal(batch) == TRACES)
            read_span(batch, i);
        else if (batch_signal(batch) == METRICS)
            read_point(batch, i);
        else
            insist(utf8_valid(log_view(batch, i).severity_text));
    }
}

static void accept_again(const Batch *batch)
{
    Err err;
    Batch *again = batch_from_copy(batch_signal(batch), batch_bytes(batch), &err);
    insist(again && batch_item_count(again) == batch_item_count(batch));
    insist(str_eq(batch_bytes(again), batch_bytes(batch)));
    batch_unref(again);
}

static void split_and_count(Batch *batch)
{
    Err err;
    Batch *piece = NULL;
    size_t items = 0;
    Split split = split_begin(batch, (SplitLimits){ .items_max = 2, .bytes_max = 500 });
    while (split_next(&split, &piece, &err) && piece) {
        items += batch_item_count(piece);
        batch_unref(piece);
    }
    split_end(&split);
    insist(items == batch_item_count(batch));
}

static void edit(Batch *batch)
{
    Err err;
    AttributeView attribute = { STR("fuzz"), { .kind = VALUE_INT, .integer = 1 } };
    ValueView value;
    Edits *edits = edits_new(batch, 1 << 20, &err);
    insist(edits);
    size_t items = batch_item_count(batch);
    insist(!items || (edits_drop_item(edits, items - 1, &err) &&
                      edits_set(edits, EDIT_ITEM, 0, &attribute, &err)));
    if (batch_resource_count(batch))
        insist(edits_set(edits, EDIT_RESOURCE, 0, &attribute, &err));
    Batch *changed = edits_apply(edits, &err);
    insist(changed && batch_item_count(changed) == (items ? items - 1 : 0));
    if (items > 1)
        insist(attributes_find(item_attributes(changed, 0), STR("fuzz"), &value));
    batch_unref(changed);
    edits_free(edits);
}

/* By the rules for requests: what is accepted by them is accepted, and nothing of it is lost twice.
 */
static void take_as_request(Signal signal, Str bytes)
{
    Err err;
    BatchLoss loss;
    Buf copy = BUF(1 << 20);
    buf_add(&copy, bytes);
    Batch *batch = batch_from_request(signal, &copy, &loss, &err);
    buf_free(&copy);
    if (!batch)
        return;
    insist(!loss.items == !loss.reason.text[0]);
    read_all(batch);
    accept_again(batch);
    buf_add(&copy, batch_bytes(batch));
    Batch *again = batch_from_request(signal, &copy, &loss, &err);
    insist(again && !loss.items && batch_item_count(again) == batch_item_count(batch));
    insist(str_eq(batch_bytes(again), batch_bytes(batch)));
    buf_free(&copy);
    batch_unref(again);
    batch_unref(batch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const Signal signals[] = { TRACES, METRICS, LOGS };
    if (!size)
        return 0;
    Err err;
    ExportAnswer answer;
    Signal signal = signals[data[0] % COUNT_OF(signals)];
    Str bytes = { (const char *)data + 1, size - 1 };
    if (export_answer_read(bytes, &answer, &err))
        insist(answer.rejected >= 0);
    take_as_request(signal, bytes);
    Batch *batch = batch_from_copy(signal, bytes, &err);
    if (!batch)
        return 0;
    read_all(batch);
    accept_again(batch);
    split_and_count(batch);
    edit(batch);
    batch_unref(batch);
    return 0;
}
