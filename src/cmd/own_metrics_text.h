/* own_metrics_text.h - the account of a running service as Prometheus' text, under the public
 * Collector's names.
 *
 *     otelcol_receiver_accepted_spans{receiver="otlp",transport="grpc"} 5
 *     otelcol_exporter_sent_spans{exporter="otlp/jaeger"} 5
 *     cryostorm_dropped_items_total{kind="exporter",component=...,otel_signal=...,reason=...} 0
 *
 * Instances of a component that carry the same signal are one series, as they are there. Where the
 * public Collector has no number for something, the name begins with cryostorm_: what was dropped
 * and why, what is held, and what became of everything that came in.
 */
#ifndef CMD_OWN_METRICS_TEXT_H
#define CMD_OWN_METRICS_TEXT_H

#include "base/buf.h"
#include "pipe/status.h"

typedef struct ProcessFacts {
    Str instance_id;
    double uptime_seconds, cpu_seconds;
    uint64_t resident_bytes;
    bool has_cpu, has_resident; /* the machine says them */
} ProcessFacts;

void own_metrics_write(const GraphStatus *status, const ProcessFacts *process, Buf *out);

#endif
