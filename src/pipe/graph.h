/* graph.h - a running service: instances of components, joined as the configuration says, on event
 * loops of their own.
 *
 *     receivers (one per id, shared by its pipelines)
 *        -> processors (one per pipeline)  -> exporters (one per id and signal)
 *
 * ALL_SHARE components have one instance for everything that names them. SHARDED ones have an
 * instance on every loop and are called in place; SINGLE ones live on one loop, dealt out in turn,
 * and get what comes from other loops through one bounded queue (GRAPH_QUEUE_MAX parcels or
 * GRAPH_QUEUE_BYTES, whichever comes first; an empty queue takes anything). A full queue refuses
 * with ERR_BUSY. Once a parcel is queued, a refusal becomes its Ack's verdict (ack_fail); only
 * ERR_BUSY for a parcel whose verdict nobody waits for means that it stays in front of the queue
 * and is offered again, so that what was accepted is not lost to a reader that is slow.
 *
 * All functions belong to the thread that made the graph. With `threads` every loop runs on a
 * thread of its own; without, the caller turns them with graph_step(), which makes a run
 * repeatable.
 */
#ifndef PIPE_GRAPH_H
#define PIPE_GRAPH_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/clock.h"
#include "base/disk.h"
#include "pipe/service_config.h"
#include "pipe/status.h"

typedef struct Graph Graph;
typedef struct Sockets Sockets; /* net/socket.h */

enum {
    GRAPH_SHARDS_MAX = 256,
    GRAPH_QUEUE_MAX = 1024,       /* parcels: some milliseconds of work at full speed */
    GRAPH_QUEUE_BYTES = 64 << 20, /* the largest body that a receiver takes */
};

typedef struct GraphOptions {
    unsigned shards; /* 0: one per processor of this machine */
    bool threads;    /* only with the system's clock */
    bool stepped;    /* without threads: components start none either (host_is_stepped) */
    Clock *clock;    /* NULL: the system's, as for the next two */
    Disk *disk;
    Sockets *sockets;
    Budget *budget; /* borrowed, outlives the graph; NULL: memory is not counted */
    uint64_t seed;  /* of every loop's Random; 0: from the system */
    /* What host_reload() does; any thread. NULL: it is refused. */
    bool (*reload)(void *context, Err *err);
    void *reload_context;
    /* Without threads: called while graph_drain() waits, so that a test can move its clock. */
    void (*idle)(void *context);
    void *idle_context;
} GraphOptions;

/* The configuration must outlive the graph, or what graph_uses() says of it. */
CHECKED Graph *graph_new(const ServiceConfig *config, const GraphOptions *options, Err *err);

/* Extensions (those that offer services first, else in the order of the list), exporters,
 * processors, receivers. On failure what had started has been stopped, and
 * err names the component. */
CHECKED bool graph_start(Graph *graph, Err *err);

/* --- reload ---
 *
 * Takes over another configuration while data flows. A component stays, with its sockets, its
 * connections, what it holds and what it has counted, when it stands at the same place (kind, id;
 * processors: pipeline; receivers: signals), what the user wrote for it and what is in the files
 * that it names (certificates) is the same, and the extensions whose services it has got stay, too.
 * Whatever else is new or has changed starts, what is gone or has changed stops; graph_reload.c
 * says in which order. No parcel is lost: it goes the old way to its end or waits for the new one,
 * and what an exporter or `batch` has not sent soon goes to the instance that takes its place. Only
 * an exporter that is in no pipeline any more gives back what it has not sent by the deadline.
 */
typedef enum ReloadResult {
    RELOAD_DONE,
    RELOAD_REFUSED, /* the configuration that was there runs on, or again; err says why */
    RELOAD_STUCK,   /* neither can start, err says why: what stayed runs on, to be stopped */
} ReloadResult;
CHECKED ReloadResult graph_reload(Graph *graph, const ServiceConfig *config,
                                  int64_t deadline_mono_ns, Err *err);

/* Ends receivers that have left, once they have heard about all of their data. Now and then. */
void graph_tend(Graph *graph);
/* Something of it still runs. */
bool graph_uses(const Graph *graph, const ServiceConfig *config);

typedef struct DrainReport {
    bool complete; /* nothing was open any more when it ended */
    LedgerCounts acks;
} DrainReport;

/* Closes whatever takes data in, then flushes until every Ack is settled or the monotonic deadline
 * passes. */
DrainReport graph_drain(Graph *graph, int64_t deadline_mono_ns);

/* Stops everything, drained or not: what was still open is given back (ack_retry). Harmless when
 * not started; graph_start() may follow. */
void graph_stop(Graph *graph);
void graph_free(Graph *graph); /* stops first; NULL is fine */

/* Without threads: one turn of every loop, waiting at most timeout_ns in all. True when a callback
 * ran. */
bool graph_step(Graph *graph, int64_t timeout_ns);

Loop *graph_loop(Graph *graph, unsigned shard);

/* Asks every loop for a sign of life, and says for how long the slowest has owed one: 0 when all
 * have answered the last question. To be called again and again, by a watchdog. */
int64_t graph_silence_ns(Graph *graph);

/* Any thread. */
CHECKED GraphStatus *graph_status(Graph *graph, Arena *arena, Err *err);

#endif
