/* status.h - the account of a running service, read at one moment.
 *
 * Numbers of items (spans, data points, log records) since the start. They are read one after the
 * other while batches pass, so sums may be off by what was moving.
 */
#ifndef PIPE_STATUS_H
#define PIPE_STATUS_H

#include "pipe/component.h"
#include "pipe/ledger.h"

enum { GRAPH_SIGNALS = 3 };
enum { DROP_REASONS_MAX = 8 }; /* per component; further ones count under the last */

typedef struct DropCount {
    const char *reason;
    uint64_t items;
} DropCount;

enum { ENDPOINTS_MAX = 4, ENDPOINT_TEXT_MAX = 64 };

typedef struct EndpointStatus { /* where a component listens */
    const char *protocol;       /* "gRPC" */
    char address[ENDPOINT_TEXT_MAX];
} EndpointStatus;

typedef struct ComponentStatus {
    ComponentKind kind;
    Str id;
    Str pipeline;      /* processors: "traces/fast"; else empty */
    unsigned signals;  /* those it carries here */
    uint64_t received; /* taken by consume(); receivers: brought in */
    uint64_t sent;     /* taken by who comes next; exporters: by the far side */
    uint64_t refused;  /* turned away by consume() or by a full queue; receivers: by who is next */
    uint64_t dropped;  /* sum of the drops */
    uint64_t queued;   /* parcels in front of it */
    uint64_t brought[GRAPH_SIGNALS]; /* receivers: what was sent on, of traces, metrics, logs */
    DropCount drops[DROP_REASONS_MAX];
    size_t drop_count;
    EndpointStatus endpoints[ENDPOINTS_MAX];
    size_t endpoint_count;
} ComponentStatus;

typedef struct GraphStatus {
    LedgerCounts acks;
    ComponentStatus *components; /* in order of start: extensions, exporters ... receivers */
    size_t count;
} GraphStatus;

/* What it has received and neither sent on nor dropped; nor, of receivers, given back refused. */
uint64_t component_held(const ComponentStatus *status);

#endif
