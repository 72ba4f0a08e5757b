/* host.h - what the pipeline offers to an instance of a component.
 *
 * A Host belongs to one instance. Except where said, its functions are called on the loop where the
 * instance lives. Behind them is the graph (pipe/graph.h), or in component tests the test host
 * (tests/support/test_host.h).
 */
#ifndef PIPE_HOST_H
#define PIPE_HOST_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/budget.h"
#include "base/clock.h"
#include "base/disk.h"
#include "base/log.h"
#include "base/random.h"
#include "pipe/component.h"
#include "pipe/status.h"

/* Receivers: the Ack for what came in. `settled` runs on this instance's loop; NULL: nobody hears.
 * Such an Ack is accounted for by the graph, which waits for it when it drains. */
typedef struct AckWish {
    AckSettled *settled;
    void *context;
    bool waits;         /* the sender outside gets its answer only then (acknowledge: delivered) */
    ClientInfo *client; /* who sent the data; borrowed. NULL: nobody knows */
} AckWish;
CHECKED Ack *host_ack_new(Host *host, uint64_t items, const AckWish *wish, Err *err);

/* To whoever comes next for the batch's signal; several next ones get a fan-out, all or none of
 * them. False: refused, the parcel is still yours. Nobody next for this signal: ERR_UNSUPPORTED. */
CHECKED bool host_send(Host *host, const Parcel *parcel, Err *err);
/* The same, by receivers that data reaches in several ways, each counted by itself. transport: a
 * literal such as "grpc". */
CHECKED bool host_send_from(Host *host, const char *transport, const Parcel *parcel, Err *err);

/* Does anything come next for this signal (model/signal.h)? Receivers register only such paths. */
bool host_wants(const Host *host, Signal signal);

/* Would all of the next ones take data of this signal now? Receivers ask before they read it.
 * False: err is the refusal (ComponentType.may_take). */
CHECKED bool host_may_take(Host *host, Signal signal, Err *err);

/* Do all of the next ones take bundles (otlp/batch.h)? Otherwise none may be sent. */
bool host_takes_bundles(const Host *host, Signal signal);

Loop *host_loop(Host *host);
unsigned host_shard(const Host *host);  /* which loop, from 0 */
bool host_is_sharded(const Host *host); /* there are further instances, on the other loops */
bool host_speaks(const Host *host);     /* one of them: for what is said once for all */
Clock *host_clock(Host *host);
Random *host_random(Host *host); /* this loop's */
Disk *host_disk(Host *host);
/* The program's memory; outlives all graphs. NULL: nobody counts. Any thread. */
Budget *host_budget(const Host *host);
/* Then a component starts no threads and does all of its work on its loop, however long it takes:
 * whoever runs the graph turns the loops and wants a run that can be repeated. */
bool host_is_stepped(const Host *host);

/* From the end of a complete start until the drain begins. Any thread. */
bool host_ready(const Host *host);

/* What an extension offers; to be asked in start(), when every extension that offers something has
 * started. err says what is missing ("extension \"store\" is not started"). */
CHECKED void *host_service(Host *host, Str id, ServiceKind kind, Err *err);

/* Any thread. Lines carry the component's kind and id. */
void host_log(Host *host, LogLevel level, const char *format, ...) PRINTF(3, 4);

/* Accounting, any thread: received = sent + dropped + held, per component. The graph counts what it
 * sees pass; a component says only what nobody else can know. */
void host_count_dropped(Host *host, Signal signal, uint64_t items,
                        const char *reason); /* reason: a literal */
/* Receivers: they came that way, and were told to be refused without being sent on. */
void host_count_refused(Host *host, const char *transport, Signal signal, uint64_t items);
void host_count_sent(Host *host, Signal signal, uint64_t items); /* exporters */
/* How full the component's own queue is, where it has one, in its own unit. One thread. */
void host_count_queue(Host *host, uint64_t size, uint64_t capacity);

/* Any thread: no data flows through this component, and why; NULL: it does again. What people and
 * load balancers hear from health_check; nobody inside acts on it. */
void host_set_blocked(Host *host, const char *why);

/* Any thread: data flows, or waits for it, though not all is well, and why; NULL: it is again. */
void host_set_degraded(Host *host, const char *why);
/* Exporters: the state of the circuit breaker (pipe/sender.h). */
void host_count_circuit(Host *host, CircuitState state);

/* What one component asks of those that data comes from. Any thread. */
typedef enum HostAsk {
    ASK_HOLD,   /* keep what comes in outside for now: there is no room */
    ASK_RESULT, /* let whoever sends wait for the result */
} HostAsk;
void host_ask(Host *host, HostAsk what, bool on);
/* Does anybody that data of this signal reaches from here ask for it? */
bool host_is_asked(Host *host, Signal signal, HostAsk what);

/* Any thread: this component listens there now. Logged, and shown by status pages. protocol: a
 * literal such as "gRPC"; address: host:port, copied. */
void host_announce(Host *host, const char *protocol, const char *address);

/* Any thread: this component's certificate of that name (a literal) ends then, in unix seconds. */
void host_certificate(Host *host, const char *name, int64_t ends_unix);

/* Any thread. Reads the configuration again. False: it is wrong, err has the first problem, and
 * what runs goes on. True: it is good, and soon taken over (graph_reload). */
CHECKED bool host_reload(Host *host, Err *err);

/* In stop(), for a parcel that is still held: true if an instance of the same component, which a
 * reload has started in its place, has it now, with the duty to settle its Ack. */
CHECKED bool host_hand_over(Host *host, const Parcel *parcel);

/* The account of the whole service, for status pages; in the arena. Any thread. */
CHECKED GraphStatus *host_status(Host *host, Arena *arena, Err *err);

#endif
