/* component.h - what a receiver, processor, exporter, connector or extension is.
 *
 * A component is one ComponentType, constant and complete, in one file, plus a line in the
 * registry. The graph makes `size` zeroed bytes, fills the settings through `fields`, and then
 * calls
 *
 *     check -> start -> consume* -> close -> flush* -> stop
 *
 * each on the loop where the instance lives, so that a component needs no locks. A hook left NULL
 * means "nothing to do". stop() runs even after a failed or missing start(), and must cope with it.
 *
 * What travels is a Parcel: a borrowed Batch and its Ack. consume() returns false for "refused now,
 * nothing kept" (err's kind says whether to retry). True means that the component has taken the
 * batch (batch_ref, if it keeps it beyond the call) and the duty to settle the Ack exactly once
 * (pipe/ack.h).
 *
 * The end comes in this order: close() of everybody (nothing new from outside; answers to what was
 * taken still go out), flush() from upstream on, again and again, until every Ack is settled or the
 * deadline passes; then stop() of processors, exporters, receivers, extensions. A processor or
 * exporter that still holds Acks hands them over in stop() (host_hand_over: a reload has started
 * another one in its place) or settles them (ack_retry, ERR_CLOSED), so that a receiver
 * has heard about all of its data before its own stop() runs.
 */
#ifndef PIPE_COMPONENT_H
#define PIPE_COMPONENT_H

#include "base/attributes.h"
#include "base/err.h"
#include "base/str.h"
#include "config/field.h"
#include "model/signal.h"
#include "pipe/ack.h"

typedef struct Batch Batch; /* otlp/batch.h: immutable bytes and index, reference counted */
typedef struct Host Host;   /* pipe/host.h: the pipeline around an instance */

typedef enum ComponentKind { RECEIVER, PROCESSOR, EXPORTER, CONNECTOR, EXTENSION } ComponentKind;
enum { COMPONENT_KIND_COUNT = EXTENSION + 1 };

typedef enum Placement {          /* where instances live */
                         SHARDED, /* one per event loop, called in place: stateless ones */
                         SINGLE,  /* one, on one loop, behind one bounded queue */
} Placement;

typedef enum Stability { ALPHA, BETA, STABLE } Stability;

enum Trait {
    HOLDS = 1 << 0,         /* keeps data between calls: has flush */
    ALL_SHARE = 1 << 1,     /* one instance serves every pipeline and signal that names it */
    TAKES_BUNDLES = 1 << 2, /* whoever sends to it need not join what it gathered (otlp/batch.h) */
};

typedef struct Parcel {
    Batch *batch;
    Ack *ack;
} Parcel;

typedef struct Component { /* first member of every instance */
    Host *host;
    Str id; /* "batch/fast", as the user wrote it */
} Component;

/* What one component offers to others by id, e.g. an extension that owns the store. */
typedef enum ServiceKind {
    SERVICE_STORE,
    SERVICE_SERVER_AUTH, /* pipe/auth.h */
    SERVICE_CLIENT_AUTH,
} ServiceKind;

typedef struct ComponentType {
    const char *name;           /* what users write */
    const char *const *aliases; /* other accepted names, NULL at the end; NULL: none */
    const char *const *retired; /* names that older configurations use; accepted with a warning */
    const char *summary;        /* one sentence for the reference page */
    ComponentKind kind;
    Stability stability;
    Placement placement;
    unsigned signals, traits; /* model/signal.h: TRACES | METRICS | LOGS */
    size_t size;
    const ConfigField *fields;
    bool (*check)(const void *self, Err *err); /* rules across keys; before anything starts */
    bool (*start)(void *self, Err *err);
    bool (*consume)(void *self, const Parcel *parcel, Err *err);
    /* SHARDED: would consume() refuse whatever came now? Asked before a request is read. NULL: no.
     */
    bool (*may_take)(const void *self, Err *err);
    /* SINGLE: takes a place in the component's own queue for what is about to come to consume(), so
     * that what waits between the loops counts there. Any thread, between start() and stop().
     * False: err is the refusal. Each place is used up by one consume(), also by one that refuses,
     * which must not be for want of room, or given back by unreserve(). NULL: there are none. */
    bool (*reserve)(void *self, const Batch *batch, Err *err);
    void (*unreserve)(void *self, const Batch *batch);
    void (*close)(void *self); /* take nothing new from outside; go on answering */
    void (*flush)(void *self); /* send on what you hold, now; called again until nothing is held */
    void (*stop)(void *self);
    void *(*service)(void *self, ServiceKind kind); /* NULL: not offered */
    /* Must it read what the kernel shows of a process only to those who might debug it? Where files
     * are limited it cannot (cmd/sandbox.h). NULL: no. */
    bool (*looks_into_processes)(const void *settings);
} ComponentType;

const char *component_kind_name(ComponentKind kind);    /* "receiver" */
const char *component_kind_section(ComponentKind kind); /* "receivers" */

/* The registry (NULL at the end) has it under that name, an alias or a retired name; NULL: not. */
const ComponentType *component_find(const ComponentType *const *registry, ComponentKind kind,
                                    Str name);
bool component_is_retired_name(const ComponentType *type, Str name);

/* `type[/name]`, white space around both trimmed off. */
typedef struct ComponentId {
    Str type, name; /* name empty: there is none */
} ComponentId;

CHECKED bool component_id_parse(Str text, ComponentId *out, Err *err);

#endif
