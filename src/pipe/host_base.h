/* host_base.h - for those who make Hosts: what each has, and the few things that the graph and the
 * test host do each in their own way. */
#ifndef PIPE_HOST_BASE_H
#define PIPE_HOST_BASE_H

#include "base/counter.h"
#include "base/thread.h"
#include "pipe/host.h"

typedef struct HostOps {
    Ack *(*ack_new)(Host *host, uint64_t items, const AckWish *wish, Err *err);
    bool (*send)(Host *host, const Parcel *parcel, Err *err);
    bool (*wants)(const Host *host, Signal signal);
    bool (*may_take)(Host *host, Signal signal, Err *err);     /* NULL: always */
    bool (*is_asked)(Host *host, Signal signal, HostAsk what); /* NULL: never */
    bool (*takes_bundles)(const Host *host, Signal signal);    /* NULL: never */
    bool (*ready)(const Host *host);
    void *(*service)(Host *host, Str id, ServiceKind kind, Err *err);
    GraphStatus *(*status)(Host *host, Arena *arena, Err *err);
    bool (*reload)(Host *host, Err *err);                /* NULL: nobody can */
    bool (*hand_over)(Host *host, const Parcel *parcel); /* NULL: to nobody */
} HostOps;

typedef struct SignalAccount {
    Counter received, sent, refused;
} SignalAccount;

typedef struct Account {
    SignalAccount by_signal[SIGNAL_COUNT];
    Counter brought_in; /* by host_ack_new: receivers */
    Counter queue_size, queue_capacity, circuit;
    Mutex mutex; /* guards the rest */
    TransportCounts transports[TRANSPORTS_MAX];
    size_t transport_count;
    DropCount drops[DROP_REASONS_MAX];
    size_t drop_count;
    EndpointStatus endpoints[ENDPOINTS_MAX];
    size_t endpoint_count;
    CertificateStatus certificates[CERTIFICATES_MAX];
    size_t certificate_count;
    char blocked[BLOCKED_TEXT_MAX], degraded[DEGRADED_TEXT_MAX];
} Account;

struct Host {
    const HostOps *ops;
    const ComponentType *type;
    Str id;
    Loop *loop;
    unsigned shard, shards;
    bool stepped;
    Clock *clock;
    Random *random;
    Disk *disk;
    Budget *budget;
    Counter asks[ASK_RESULT + 1]; /* 0 or 1; set by one thread at a time */
    Account account;
};

void account_init(Account *account);
void account_done(Account *account);
/* What became of a parcel that consume() was asked to take. */
void account_consumed(Account *account, const Batch *batch, bool taken);
/* What a component has counted goes on in the one that takes its place. */
void account_inherit(Account *heir, Account *from);
/* Adds to what is there, so that instances of one component sum up. */
void account_read(Account *account, ComponentStatus *into);

#endif
