/* status.h - the account of a running service, read at one moment.
 *
 * Numbers of items (spans, data points, log records) since the start. They are read one after the
 * other while batches pass, so sums may be off by what was moving.
 */
#ifndef PIPE_STATUS_H
#define PIPE_STATUS_H

#include "base/budget.h"
#include "pipe/component.h"
#include "pipe/ledger.h"

/* Of one signal; a ComponentStatus has one for each, by signal_index(), and their sums. */
typedef struct SignalCounts {
    uint64_t received; /* taken by consume(); of receivers only the sum over the signals is known */
    uint64_t sent;     /* taken by who comes next; exporters: by the far side */
    uint64_t refused;  /* turned away by consume() or by a full queue; receivers: by who is next */
    uint64_t dropped;
} SignalCounts;

enum { DROP_REASONS_MAX = 8 }; /* per component; further ones count under the last */

typedef struct DropCount {
    const char *reason;
    uint64_t items, by_signal[SIGNAL_COUNT];
} DropCount;

enum { TRANSPORTS_MAX = 4 }; /* per receiver; further ones count under the last */

typedef struct TransportCounts { /* by which way it came in, of receivers that have several */
    const char *name;            /* "grpc" */
    uint64_t sent[SIGNAL_COUNT], refused[SIGNAL_COUNT];
} TransportCounts;

enum { ENDPOINTS_MAX = 4, ENDPOINT_TEXT_MAX = 64 };

typedef struct EndpointStatus { /* where a component listens */
    const char *protocol;       /* "gRPC" */
    char address[ENDPOINT_TEXT_MAX];
} EndpointStatus;

enum { BLOCKED_TEXT_MAX = 160, DEGRADED_TEXT_MAX = 320 };

typedef enum CircuitState { /* of an exporter that has a circuit breaker */
                            CIRCUIT_NONE,
                            CIRCUIT_CLOSED,
                            CIRCUIT_HALF_OPEN,
                            CIRCUIT_OPEN,
} CircuitState;

enum { CERTIFICATES_MAX = 4 }; /* per component; of further ones nothing is known */

typedef struct CertificateStatus {
    const char *name; /* which of the component's: "grpc" */
    int64_t ends_unix;
} CertificateStatus;

typedef struct ComponentStatus {
    ComponentKind kind;
    Str id;
    Str pipeline;      /* processors: "traces/fast"; else empty */
    unsigned signals;  /* those it carries here */
    uint64_t received; /* sums over the signals; receivers: what they brought in */
    uint64_t sent, refused, dropped;
    SignalCounts by_signal[SIGNAL_COUNT];
    uint64_t queued;                     /* parcels in front of it */
    uint64_t queue_size, queue_capacity; /* its own queue, as it counts; 0 of 0: it has none */
    TransportCounts transports[TRANSPORTS_MAX];
    size_t transport_count;
    DropCount drops[DROP_REASONS_MAX];
    size_t drop_count;
    EndpointStatus endpoints[ENDPOINTS_MAX];
    size_t endpoint_count;
    CertificateStatus certificates[CERTIFICATES_MAX];
    size_t certificate_count;
    char blocked[BLOCKED_TEXT_MAX];   /* why no data flows through it now; empty: it does */
    char degraded[DEGRADED_TEXT_MAX]; /* what else is wrong with it now */
    CircuitState circuit;
} ComponentStatus;

typedef struct GraphStatus {
    LedgerCounts acks;
    BudgetUse memory;            /* limit 0: nobody counts */
    ComponentStatus *components; /* in order of start: extensions, exporters ... receivers */
    size_t count;
} GraphStatus;

/* What it has received and neither sent on nor dropped; nor, of receivers, given back refused. */
uint64_t component_held(const ComponentStatus *status);

#endif
