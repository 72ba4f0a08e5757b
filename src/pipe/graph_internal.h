/* graph_internal.h - a Graph from the inside.
 *
 *     Graph
 *       shards[]     one event loop each, with its thread and its Random
 *       units[]      one per component that runs somewhere, in order of start
 *         instances[]  one per shard (SHARDED), or one (SINGLE)
 *         inbox        SINGLE: what comes from other loops
 *         next[]       per signal: the units that come after it
 *
 * Who touches what: units, instances and next are fixed once built. Everything inside a component,
 * and `running`, belongs to the instance's loop. The inbox has a lock. Counters and ledger may be
 * read and raised by any thread.
 */
#ifndef PIPE_GRAPH_INTERNAL_H
#define PIPE_GRAPH_INTERNAL_H

#include "base/counter.h"
#include "base/thread.h"
#include "net/loop.h"
#include "pipe/graph.h"
#include "pipe/host_base.h"

#include <stdatomic.h>

enum {
    FAN_OUT_MAX = 256, /* pipelines and exporters behind one point */
};

typedef struct Unit Unit;

typedef struct UnitList {
    Unit **items;
    size_t count;
} UnitList;

/* Room that a fan-out has taken in front of a SINGLE unit, before it sends to any (graph_fan.c). */
typedef struct Booking {
    Unit *unit;         /* NULL: used */
    const Batch *batch; /* for which it was taken; lives as long as the fan-out */
} Booking;

typedef struct Bookings {
    Booking *items;
    size_t count, cap;
    size_t first, end; /* those of the branch that is being sent */
} Bookings;

typedef struct Shard {
    unsigned index;
    Loop *loop;
    Random random;
    Thread thread;
    Bookings bookings;
    Post beat; /* graph_pulse.c */
    int64_t asked_ns;
    atomic_bool beaten;
} Shard;

typedef struct Waiting {
    Parcel parcel;
    bool placed; /* it has its place in the component's own queue, if that has any */
} Waiting;

/* A ring of parcels with a Post that wakes the reader. Each parcel in it holds a reference to its
 * batch. The Post waits at most once, however many parcels arrive. */
typedef struct Inbox {
    Mutex mutex;
    Waiting *ring; /* GRAPH_QUEUE_MAX places */
    size_t first, count, bytes;
    size_t promised, promised_bytes; /* room for what fan-outs are about to bring */
    bool open;
    Post post;
    Timer again; /* set: the reader was busy; the reader's loop only */
} Inbox;

typedef struct Instance {
    Host host; /* first: a component's Host * leads back here */
    Unit *unit;
    Shard *shard;
    void *self;
    bool touched; /* start() was called, whatever it said */
    bool running; /* takes parcels */
} Instance;

struct Unit {
    Graph *graph;
    const ComponentConfig *config;
    const ComponentType *type;
    const PipelineConfig *pipeline; /* processors */
    unsigned signals;               /* what it carries here; extensions: none */
    Instance *instances;
    size_t instance_count;
    Inbox inbox;
    UnitList next[SIGNAL_COUNT];
};

struct Graph {
    const ServiceConfig *config;
    GraphOptions options; /* with the defaults filled in */
    Arena *arena;         /* of everything below */
    Shard *shards;
    unsigned shard_count, next_home;
    Unit *units; /* extensions, exporters, processors (last of a pipeline first), receivers */
    size_t unit_count;
    Ledger ledger;
    Counter ready; /* 1 from the end of the start until the drain begins */
    bool started, threads_running, closed;
};

/* graph_build.c */
CHECKED bool graph_build(Graph *graph, Err *err);

/* graph_flow.c */
extern const HostOps graph_host_ops;

/* graph_fan.c: to all of them or, false, to none. */
CHECKED bool graph_fan_out(const UnitList *next, Shard *from, const Parcel *parcel, Err *err);
/* The branch that is being sent has a place in front of that unit; it is the caller's now. */
bool bookings_use(Shard *shard, const Unit *unit, Booking *out);

/* graph_inbox.c */
bool unit_refuse_stopped(const Unit *unit, Err *err);
CHECKED bool unit_may_take(const Unit *unit, const Shard *from, Err *err);
CHECKED bool unit_take(Unit *unit, Shard *from, const Parcel *parcel, Err *err);
/* Room for the batch, and a place in the component's own queue; given back by inbox_release(). */
CHECKED bool inbox_promise(Unit *unit, const Batch *batch, Err *err);
void inbox_release(const Booking *booking);
void inbox_open(Inbox *inbox);
/* On the reader's loop; gives back what is inside, which counts as refused by the reader. */
void inbox_close(Unit *reader);
size_t inbox_count(Inbox *inbox);
void inbox_run(void *unit);

#endif
