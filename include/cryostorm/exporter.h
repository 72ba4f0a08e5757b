/* exporter.h - finished spans for your own code: an exporter by name, and the in-memory one.
 *
 * Register an exporter before the start, then choose it: TRACING__EXPORTER_TYPE=my_name. Its
 * functions are called by the one worker thread, never two at a time. What they are shown is
 * read-only and theirs for the length of the call. (OpenTelemetry specification: Trace SDK, "Span
 * Exporter".)
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

/* Any function but export_spans may be NULL. */
typedef struct CryoExporterType {
    size_t size; /* sizeof(CryoExporterType) */
    /* Makes the instance from the settings, among them tracing.additional_exporter_args. NULL: err
     * says why, and the start fails with it. Without it `self` is the context given at register. */
    void *(*create)(void *context, const CryoSettings *settings, CryoError *err);
    /* Bounded time, please: timeout_ms is what is left. False: the spans count as failed; there is
     * no second try. */
    bool (*export_spans)(void *self, const CryoSpanView *spans, size_t count, uint32_t timeout_ms,
                         CryoError *err);
    bool (*flush)(void *self, uint32_t timeout_ms, CryoError *err);
    void (*destroy)(void *self); /* at shutdown, or when the start failed after create */
} CryoExporterType;

/* Copies name and type. False: the name is taken (also by a built-in: console, otlp, in_memory,
 * none), not of [a-z0-9_], or there are 16 already. */
CRYO_API bool cryo_exporter_register(const char *name, const CryoExporterType *type, void *context,
                                     CryoError *err);

/* The in-memory exporter (TRACING__EXPORTER_TYPE=in_memory), for tests: keeps the newest 1000
 * spans, or additional_exporter_args {"max_spans": n}. visit() sees them in the order in which they
 * ended, under a lock: call nothing of this file from it. Gives their number. Flush first. */
CRYO_API size_t cryo_memory_spans(void (*visit)(void *context, const CryoSpanView *span),
                                  void *context);
CRYO_API void cryo_memory_clear(void);

CRYO_END

#endif
