/* graph_internal.h - a Graph from the inside.
 *
 *     Graph
 *       shards[]     one event loop each, with its thread and its Random
 *       now          the Wiring that runs: units in order of start
 *         units[]      one per component that runs somewhere, each with a life of its own
 *           instances[]  one per shard (SHARDED), or one (SINGLE)
 *           inbox        SINGLE: what comes from other loops
 *           next[]       per signal: the units that come after it
 *       plan         the Wiring that a reload is about to make; shares units with the other
 *       leaving[]    units that are in no wiring any more and still have something to end
 *
 * Who touches what: wirings, and what of a unit is exchanged with them (next, pipeline, signals,
 * epoch), change only while every loop stands still (graph_reload.c); beside the loops, other
 * threads read them under the graph's mutex. Everything inside a component, and `running`, belongs
 * to the instance's loop. The inbox has a lock. Counters and ledgers may be read and raised by any
 * thread.
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
    bool placed;        /* there is one in the component's own queue, too, if it has any */
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
    bool paused;        /* open, and the reader has not started yet: all waits */
    Waiting *inherited; /* what another one left to this reader; goes first */
    size_t inherited_next, inherited_count, inherited_cap;
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
    bool idle;    /* as unit_is_idle() has found it */
    Err *err;     /* of the start() under way */
} Instance;

/* Root Acks since some reload: when it is empty, no receiver that left then is waited for. */
typedef struct Epoch {
    Ledger ledger; /* under the graph's */
    struct Epoch *next;
} Epoch;

/* What of a unit belongs to a wiring. */
typedef struct Wires {
    const PipelineConfig *pipeline; /* processors */
    unsigned signals;               /* what it carries here; extensions: none */
    UnitList next[SIGNAL_COUNT];
} Wires;

enum { SERVICES_MAX = 8 }; /* extensions that one component asks for something; more: any */

struct Unit {
    Graph *graph;
    Arena *arena;                /* of the instances and the inbox' ring */
    const ServiceConfig *origin; /* of config: what its settings live in */
    const ComponentConfig *config;
    const ComponentType *type;
    Wires wires, planned;
    Epoch *epoch;        /* of its Acks */
    uint64_t files_mark; /* of the files that its settings name, when it was made */
    Instance *instances;
    size_t instance_count;
    Inbox inbox;
    const Unit *services[SERVICES_MAX]; /* extensions whose services it has got */
    size_t service_count;
    Unit *heir;     /* leaving: who takes what it leaves behind; NULL: nobody */
    Unit *forebear; /* that one's heir, as long as it is there: its counts are still added */
    const ComponentConfig *planned_config; /* of the wiring that is being built */
    bool planned_in;                       /* it stays in that one */
    bool started;                          /* all instances */
    bool over;                             /* it has left and stopped */
    bool left;                             /* it is in no wiring any more: takes nothing new in */
};

typedef struct Wiring {
    Arena *arena; /* of the lists */
    const ServiceConfig *config;
    Unit **units; /* extensions, exporters, processors (last of a pipeline first), receivers */
    size_t count;
} Wiring;

enum { LEAVING_MAX = 256 };

struct Graph {
    GraphOptions options; /* with the defaults filled in */
    Arena *arena;         /* of the shards */
    Shard *shards;
    unsigned shard_count, next_home;
    Mutex mutex; /* now and what is exchanged with it, for other threads than the loops */
    Wiring now, *plan;
    Unit *leaving[LEAVING_MAX];
    size_t leaving_count;
    Ledger ledger;
    Epoch *epoch, *epochs; /* the newest; all */
    Counter ready;         /* 1 from the end of the start until the drain begins */
    bool started, threads_running, closed;
};

/* graph_build.c: a wiring for the configuration, with the units of `old` (NULL: none) that are the
 * same in it, and new ones. What it has made is in `out` also on failure. */
CHECKED bool wiring_build(Graph *graph, const ServiceConfig *config, const Wiring *old, Wiring *out,
                          Err *err);
void wiring_free(Wiring *wiring); /* not the units */
void unit_free(Unit *unit);
/* Both serve the same place of a configuration. */
bool unit_is_same_place(const Unit *a, const Wires *a_wires, const Unit *b, const Wires *b_wires);

/* graph_call.c: on the instance's loop, and waits for it. */
void instance_call(Instance *instance, void (*run)(Instance *instance));
void unit_call(Unit *unit, void (*run)(Instance *instance));
/* Every loop stands still while run() is called. */
void graph_stand_still(Graph *graph, void (*run)(Graph *graph));
/* What had been posted to the loops by now has run. */
void graph_let_posts_run(Graph *graph);

/* graph.c */
CHECKED bool unit_start(Unit *unit, Err *err);
void unit_close(Unit *unit);
void unit_flush(Unit *unit);
void unit_stop(Unit *unit);
/* After a start that failed: what waits in front goes on waiting. */
void unit_stop_half(Unit *unit);
bool unit_is_between(const Unit *unit);
CHECKED Epoch *graph_new_epoch(Graph *graph, Err *err);
/* Lets the loops work for a moment, at most until the deadline. */
void graph_wait_a_moment(Graph *graph, int64_t deadline);

/* graph_reload.c: stops and frees the units that are still leaving. */
void graph_end_left(Graph *graph);

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
CHECKED bool inbox_promise(Unit *unit, const Batch *batch, Booking *out, Err *err);
void inbox_release(const Booking *booking);
void inbox_pause(Unit *reader); /* opens it: what comes waits */
void inbox_open(Unit *reader);
/* What `from` was to do is its heir's now; to be offered first. False: there is none, or no memory.
 */
bool unit_inherit(Unit *from, const Parcel *parcel);
/* On the reader's loop; gives back what is inside, which counts as refused by the reader. */
void inbox_close(Unit *reader);
size_t inbox_count(Inbox *inbox);
void inbox_run(void *unit);

#endif
