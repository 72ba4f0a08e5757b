/* exporter.h - spans, metrics and logs for your own code: an exporter by name, and the in-memory
 * one.
 *
 * Register an exporter before the start, then choose it for each signal: TRACING__EXPORTER_TYPE,
 * METRICS__EXPORTER_TYPE, LOGGING__EXPORTER_TYPE=my_name. Its functions are called by the one
 * worker thread, or by whoever ticks (tick.h), never two at a time. What they are shown is
 * read-only and theirs for the length of the call. (OpenTelemetry specification: Trace SDK, "Span
 * Exporter", and its siblings.)
 */
#ifndef CRYOSTORM_EXPORTER_H
#define CRYOSTORM_EXPORTER_H

#include <cryostorm/telemetry.h>
#include <cryostorm/trace.h>

CRYO_BEGIN

typedef struct CryoEventView {
    CryoString name;
    uint64_t time_ns;
    CryoAttrs attributes;
    uint32_t dropped_attributes;
} CryoEventView;

typedef struct CryoLinkView {
    uint8_t trace_id[16], span_id[8];
    uint8_t flags;
    bool is_remote;
    CryoString trace_state;
    CryoAttrs attributes;
    uint32_t dropped_attributes;
} CryoLinkView;

typedef struct CryoSpanView {
    size_t size; /* of this struct: later versions append members */
    uint8_t trace_id[16], span_id[8];
    uint8_t parent_span_id[8]; /* all zero: the root of its trace */
    uint8_t flags;
    bool parent_is_remote;
    CryoKind kind;
    CryoStatus status;
    CryoString status_description;
    CryoString trace_state, name;
    uint64_t start_ns, end_ns;
    CryoAttrs attributes;
    const CryoEventView *events;
    size_t event_count;
    const CryoLinkView *links;
    size_t link_count;
    uint32_t dropped_attributes, dropped_events, dropped_links;
    CryoString scope_name, scope_version;
    CryoAttrs resource;
} CryoSpanView;

typedef enum CryoMetricKind {
    CRYO_METRIC_GAUGE,
    CRYO_METRIC_SUM,
    CRYO_METRIC_HISTOGRAM,
} CryoMetricKind;

typedef struct CryoPointView { /* one set of attributes and what was measured for it */
    CryoAttrs attributes;
    uint64_t start_ns, time_ns;
    CryoValue value; /* gauges and sums: CRYO_INTEGER or CRYO_DOUBLE */
    /* histograms */
    uint64_t count;
    bool has_sum, has_min, has_max;
    double sum, min, max;
    const double *bounds; /* upper ones; there is one bucket more than bounds, or none of either */
    size_t bound_count;
    const uint64_t *bucket_counts;
    size_t bucket_count;
} CryoPointView;

typedef struct CryoMetricView {
    size_t size; /* of this struct: later versions append members */
    CryoString name, description, unit;
    CryoMetricKind kind;
    bool monotonic; /* a sum that only grows */
    bool delta;     /* sums and histograms: since the last export; else since the start */
    const CryoPointView *points;
    size_t point_count;
    CryoString scope_name, scope_version;
    CryoAttrs resource;
} CryoMetricView;

typedef struct CryoLogView {
    size_t size;                   /* of this struct: later versions append members */
    uint64_t time_ns, observed_ns; /* time_ns 0: not known */
    int severity;                  /* 1 to 24; 0: none */
    CryoString severity_text, event_name;
    CryoValue body;
    CryoAttrs attributes;
    uint32_t dropped_attributes;
    uint8_t trace_id[16], span_id[8]; /* all zero: no span was current */
    uint8_t flags;
    CryoString scope_name, scope_version;
    CryoAttrs resource;
} CryoLogView;

/* Any function may be NULL, but it needs one export function, and the one of each signal for which
 * the settings choose it. create() and destroy() are called once per signal. */
typedef struct CryoExporterType {
    size_t size; /* sizeof(CryoExporterType) */
    /* Makes the instance from the settings, among them its signal's
     * additional_exporter_args. NULL: err
     * says why, and the start fails with it. Without it `self` is the context given at register. */
    void *(*create)(void *context, const CryoSettings *settings, CryoError *err);
    /* Bounded time, please: timeout_ms is what is left. False: the spans count as failed; there is
     * no second try. */
    bool (*export_spans)(void *self, const CryoSpanView *spans, size_t count, uint32_t timeout_ms,
                         CryoError *err);
    bool (*flush)(void *self, uint32_t timeout_ms, CryoError *err);
    void (*destroy)(void *self); /* at shutdown, or when the start failed after create */
    bool (*export_metrics)(void *self, const CryoMetricView *metrics, size_t count,
                           uint32_t timeout_ms, CryoError *err);
    bool (*export_logs)(void *self, const CryoLogView *logs, size_t count, uint32_t timeout_ms,
                        CryoError *err);
} CryoExporterType;

/* Copies name and type. False: the name is taken (also by a built-in: console, otlp, in_memory,
 * none), not of [a-z0-9_], or there are 16 already. */
CRYO_API bool cryo_exporter_register(const char *name, const CryoExporterType *type, void *context,
                                     CryoError *err);

/* The in-memory exporter (TRACING__EXPORTER_TYPE=in_memory and so on), for tests: keeps the newest
 * 1000 spans, metrics as collected, and log records, or additional_exporter_args {"max_spans": n},
 * {"max_metrics": n}, {"max_logs": n}. visit() sees them in the order in which they were exported,
 * under a lock: call nothing of this file from it. Gives their number. Flush first. */
CRYO_API size_t cryo_memory_spans(void (*visit)(void *context, const CryoSpanView *span),
                                  void *context);
CRYO_API size_t cryo_memory_metrics(void (*visit)(void *context, const CryoMetricView *metric),
                                    void *context);
CRYO_API size_t cryo_memory_logs(void (*visit)(void *context, const CryoLogView *log),
                                 void *context);
CRYO_API void cryo_memory_clear(void); /* of all three */

CRYO_END

#endif
