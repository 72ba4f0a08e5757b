/* signal.h - the enumerations of telemetry, with the numbers that OTLP gives them, and their names.
 *
 * Values from outside may be none of these; the name functions then say "unspecified" or "unset".
 */
#ifndef MODEL_SIGNAL_H
#define MODEL_SIGNAL_H

#include "base/str.h"

typedef enum Signal { TRACES = 1, METRICS = 2, LOGS = 4 } Signal; /* bits, for sets of them */
enum { ALL_SIGNALS = TRACES | METRICS | LOGS, SIGNAL_COUNT = 3 };

typedef enum SpanKind {
    SPAN_KIND_UNSPECIFIED,
    SPAN_KIND_INTERNAL,
    SPAN_KIND_SERVER,
    SPAN_KIND_CLIENT,
    SPAN_KIND_PRODUCER,
    SPAN_KIND_CONSUMER
} SpanKind;

typedef enum StatusCode { STATUS_UNSET, STATUS_OK, STATUS_ERROR } StatusCode;

typedef enum Temporality {
    TEMPORALITY_UNSPECIFIED,
    TEMPORALITY_DELTA,
    TEMPORALITY_CUMULATIVE
} Temporality;

enum { SEVERITY_UNSPECIFIED = 0, SEVERITY_MAX = 24 };

/* Bits of a span's and a link's flags. */
enum {
    FLAG_SAMPLED = 0x01,
    FLAG_TRACE_MASK = 0xFF,
    FLAG_HAS_IS_REMOTE = 0x100,
    FLAG_IS_REMOTE = 0x200
};
/* Bit of a data point's flags. */
enum { POINT_NO_RECORDED_VALUE = 1 };

size_t signal_index(Signal signal); /* from 0, in the order of the bits: for tables */

Str signal_name(Signal signal);           /* traces, metrics, logs */
Str signal_item_name(Signal signal);      /* spans, data points, log records */
bool signal_parse(Str name, Signal *out); /* traces, metrics, logs */

Str span_kind_name(uint64_t kind);    /* unspecified, internal, server ... */
Str status_code_name(uint64_t code);  /* unset, ok, error */
Str temporality_name(uint64_t value); /* unspecified, delta, cumulative */
Str severity_name(uint64_t number);   /* UNSPECIFIED, TRACE, TRACE2 ... FATAL4 */

#endif
