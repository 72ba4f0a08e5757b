/* host.c - the doors of host.h, and the account behind each instance. */
#include "pipe/host.h"

#include "otlp/batch.h"
#include "pipe/host_base.h"

#include <stdio.h>
#include <string.h>

Ack *host_ack_new(Host *host, uint64_t items, const AckWish *wish, Err *err)
{
    Ack *ack = host->ops->ack_new(host, items, wish, err);
    if (ack)
        counter_add(&host->account.brought_in, items);
    return ack;
}

/* What processors are refused they still hold, or give back: only receivers count that. */
static void account_sent(Host *host, const Batch *batch, bool taken)
{
    SignalAccount *account = &host->account.by_signal[signal_index(batch_signal(batch))];
    if (taken)
        counter_add(&account->sent, batch_item_count(batch));
    else if (host->type->kind == RECEIVER)
        counter_add(&account->refused, batch_item_count(batch));
}

bool host_send(Host *host, const Parcel *parcel, Err *err)
{
    bool taken = host->ops->send(host, parcel, err);
    account_sent(host, parcel->batch, taken);
    return taken;
}

/* The row of that name, made when it is new. */
static TransportCounts *transport_of(TransportCounts *rows, size_t *count, const char *name)
{
    size_t at = 0;
    while (at < *count && strcmp(rows[at].name, name) != 0)
        at++;
    if (at == *count && at < TRANSPORTS_MAX)
        rows[(*count)++].name = name;
    return &rows[at < TRANSPORTS_MAX ? at : TRANSPORTS_MAX - 1];
}

static void count_transport(Account *account, const char *name, const TransportCounts *more)
{
    mutex_lock(&account->mutex);
    TransportCounts *counts = transport_of(account->transports, &account->transport_count, name);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        counts->sent[i] += more->sent[i];
        counts->refused[i] += more->refused[i];
    }
    mutex_unlock(&account->mutex);
}

bool host_send_from(Host *host, const char *transport, const Parcel *parcel, Err *err)
{
    size_t signal = signal_index(batch_signal(parcel->batch));
    bool taken = host_send(host, parcel, err);
    TransportCounts counts = { 0 };
    *(taken ? &counts.sent[signal] : &counts.refused[signal]) = batch_item_count(parcel->batch);
    count_transport(&host->account, transport, &counts);
    return taken;
}

void host_count_refused(Host *host, const char *transport, Signal signal, uint64_t items)
{
    size_t i = signal_index(signal);
    TransportCounts counts = { 0 };
    counts.refused[i] = items;
    count_transport(&host->account, transport, &counts);
    counter_add(&host->account.by_signal[i].refused, items);
    counter_add(&host->account.brought_in, items);
}

bool host_wants(const Host *host, Signal signal)
{
    return host->ops->wants(host, signal);
}

bool host_may_take(Host *host, Signal signal, Err *err)
{
    return !host->ops->may_take || host->ops->may_take(host, signal, err);
}

void host_ask(Host *host, HostAsk what, bool on)
{
    Counter *asks = &host->asks[what];
    uint64_t before = counter_get(asks);
    if (on && !before)
        counter_add(asks, 1);
    else if (!on && before)
        counter_sub(asks, before);
}

bool host_is_asked(Host *host, Signal signal, HostAsk what)
{
    return host->ops->is_asked && host->ops->is_asked(host, signal, what);
}

bool host_takes_bundles(const Host *host, Signal signal)
{
    return host->ops->takes_bundles && host->ops->takes_bundles(host, signal);
}

Budget *host_budget(const Host *host)
{
    return host->budget;
}

bool host_ready(const Host *host)
{
    return host->ops->ready(host);
}

void *host_service(Host *host, Str id, ServiceKind kind, Err *err)
{
    return host->ops->service(host, id, kind, err);
}

GraphStatus *host_status(Host *host, Arena *arena, Err *err)
{
    return host->ops->status(host, arena, err);
}

bool host_reload(Host *host, Err *err)
{
    if (!host->ops->reload)
        return fail(err, ERR_UNSUPPORTED, "nobody here can reload");
    return host->ops->reload(host, err);
}

/* It has not been received here after all, so that it counts once. */
bool host_hand_over(Host *host, const Parcel *parcel)
{
    if (!host->ops->hand_over || !host->ops->hand_over(host, parcel))
        return false;
    SignalAccount *account = &host->account.by_signal[signal_index(batch_signal(parcel->batch))];
    counter_sub(&account->received, batch_item_count(parcel->batch));
    return true;
}

Loop *host_loop(Host *host)
{
    return host->loop;
}

unsigned host_shard(const Host *host)
{
    return host->shard;
}

Clock *host_clock(Host *host)
{
    return host->clock;
}

Random *host_random(Host *host)
{
    return host->random;
}

bool host_is_sharded(const Host *host)
{
    return host->type->placement == SHARDED && host->shards > 1;
}

bool host_speaks(const Host *host)
{
    return host->type->placement != SHARDED || host->shard == 0;
}

bool host_is_stepped(const Host *host)
{
    return host->stepped;
}
Disk *host_disk(Host *host)
{
    return host->disk;
}

void host_log(Host *host, LogLevel level, const char *format, ...)
{
    char component[128], message[1024];
    snprintf(component, sizeof component, "%s %.*s", component_kind_name(host->type->kind),
             STR_ARG(host->id));
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    log_message(level, str_from(component), str_from(format), str_from(message));
}

/* --- the account ----------------------------------------------------------------------------- */

void account_init(Account *account)
{
    *account = (Account){ 0 };
    mutex_init(&account->mutex);
}

void account_done(Account *account)
{
    mutex_done(&account->mutex);
}

void account_consumed(Account *account, const Batch *batch, bool taken)
{
    SignalAccount *counts = &account->by_signal[signal_index(batch_signal(batch))];
    counter_add(taken ? &counts->received : &counts->refused, batch_item_count(batch));
}

static void add_drop(DropCount *drops, size_t *count, const DropCount *drop)
{
    size_t at = 0;
    while (at < *count && strcmp(drops[at].reason, drop->reason) != 0)
        at++;
    if (at == *count && at < DROP_REASONS_MAX)
        drops[(*count)++] = (DropCount){ .reason = drop->reason };
    DropCount *into = &drops[at < DROP_REASONS_MAX ? at : DROP_REASONS_MAX - 1];
    into->items += drop->items;
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        into->by_signal[i] += drop->by_signal[i];
}

void host_count_dropped(Host *host, Signal signal, uint64_t items, const char *reason)
{
    Account *account = &host->account;
    DropCount drop = { .reason = reason, .items = items };
    drop.by_signal[signal_index(signal)] = items;
    mutex_lock(&account->mutex);
    add_drop(account->drops, &account->drop_count, &drop);
    mutex_unlock(&account->mutex);
}

void host_count_sent(Host *host, Signal signal, uint64_t items)
{
    counter_add(&host->account.by_signal[signal_index(signal)].sent, items);
}

/* Two numbers, each from one thread: a reader between them is off by what was moving. */
static void set(Counter *counter, uint64_t value)
{
    counter_add(counter, value - counter_get(counter));
}

void host_count_queue(Host *host, uint64_t size, uint64_t capacity)
{
    set(&host->account.queue_size, size);
    set(&host->account.queue_capacity, capacity);
}

void host_count_circuit(Host *host, CircuitState state)
{
    set(&host->account.circuit, (uint64_t)state);
}

static void read_signals(const Account *account, ComponentStatus *into)
{
    into->received += counter_get(&account->brought_in);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        const SignalAccount *from = &account->by_signal[i];
        SignalCounts *counts = &into->by_signal[i];
        uint64_t received = counter_get(&from->received), sent = counter_get(&from->sent),
                 refused = counter_get(&from->refused);
        counts->received += received;
        counts->sent += sent;
        counts->refused += refused;
        into->received += received;
        into->sent += sent;
        into->refused += refused;
    }
}

static void add_transport(ComponentStatus *into, const TransportCounts *from)
{
    TransportCounts *counts = transport_of(into->transports, &into->transport_count, from->name);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        counts->sent[i] += from->sent[i];
        counts->refused[i] += from->refused[i];
    }
}

/* Instances of one component have the same ones. */
static void set_certificate(CertificateStatus *rows, size_t *count, const CertificateStatus *row)
{
    size_t at = 0;
    while (at < *count && strcmp(rows[at].name, row->name) != 0)
        at++;
    if (at == CERTIFICATES_MAX)
        return;
    rows[at] = *row;
    if (at == *count)
        (*count)++;
}

void host_certificate(Host *host, const char *name, int64_t ends_unix)
{
    Account *account = &host->account;
    mutex_lock(&account->mutex);
    set_certificate(account->certificates, &account->certificate_count,
                    &(CertificateStatus){ name, ends_unix });
    mutex_unlock(&account->mutex);
}

void account_read(Account *account, ComponentStatus *into)
{
    read_signals(account, into);
    into->queue_size += counter_get(&account->queue_size);
    into->queue_capacity += counter_get(&account->queue_capacity);
    CircuitState circuit = (CircuitState)counter_get(&account->circuit);
    into->circuit = circuit > into->circuit ? circuit : into->circuit;
    mutex_lock(&account->mutex);
    for (size_t i = 0; i < account->drop_count; i++) {
        add_drop(into->drops, &into->drop_count, &account->drops[i]);
        into->dropped += account->drops[i].items;
        for (size_t s = 0; s < SIGNAL_COUNT; s++)
            into->by_signal[s].dropped += account->drops[i].by_signal[s];
    }
    for (size_t i = 0; i < account->transport_count; i++)
        add_transport(into, &account->transports[i]);
    for (size_t i = 0; i < account->endpoint_count && into->endpoint_count < ENDPOINTS_MAX; i++)
        into->endpoints[into->endpoint_count++] = account->endpoints[i];
    for (size_t i = 0; i < account->certificate_count; i++)
        set_certificate(into->certificates, &into->certificate_count, &account->certificates[i]);
    if (!into->blocked[0])
        memcpy(into->blocked, account->blocked, sizeof into->blocked);
    if (!into->degraded[0])
        memcpy(into->degraded, account->degraded, sizeof into->degraded);
    mutex_unlock(&account->mutex);
}

static void inherit_counter(Counter *heir, const Counter *from)
{
    counter_add(heir, counter_get(from));
}

void account_inherit(Account *heir, Account *from)
{
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        inherit_counter(&heir->by_signal[i].received, &from->by_signal[i].received);
        inherit_counter(&heir->by_signal[i].sent, &from->by_signal[i].sent);
        inherit_counter(&heir->by_signal[i].refused, &from->by_signal[i].refused);
    }
    inherit_counter(&heir->brought_in, &from->brought_in);
    mutex_lock(&heir->mutex); /* nobody writes to the other one any more */
    for (size_t i = 0; i < from->drop_count; i++)
        add_drop(heir->drops, &heir->drop_count, &from->drops[i]);
    for (size_t i = 0; i < from->transport_count; i++) {
        TransportCounts *into =
            transport_of(heir->transports, &heir->transport_count, from->transports[i].name);
        for (size_t s = 0; s < SIGNAL_COUNT; s++) {
            into->sent[s] += from->transports[i].sent[s];
            into->refused[s] += from->transports[i].refused[s];
        }
    }
    mutex_unlock(&heir->mutex);
}

void host_set_blocked(Host *host, const char *why)
{
    Account *account = &host->account;
    mutex_lock(&account->mutex);
    snprintf(account->blocked, sizeof account->blocked, "%s", why ? why : "");
    mutex_unlock(&account->mutex);
}

void host_set_degraded(Host *host, const char *why)
{
    Account *account = &host->account;
    mutex_lock(&account->mutex);
    snprintf(account->degraded, sizeof account->degraded, "%s", why ? why : "");
    mutex_unlock(&account->mutex);
}

void host_announce(Host *host, const char *protocol, const char *address)
{
    Account *account = &host->account;
    host_log(host, LOG_INFO, "Listening for %s on %s", protocol, address);
    mutex_lock(&account->mutex);
    if (account->endpoint_count < ENDPOINTS_MAX) {
        EndpointStatus *endpoint = &account->endpoints[account->endpoint_count++];
        endpoint->protocol = protocol;
        snprintf(endpoint->address, sizeof endpoint->address, "%s", address);
    }
    mutex_unlock(&account->mutex);
}

uint64_t component_held(const ComponentStatus *status)
{
    uint64_t gone = status->sent + status->dropped;
    if (status->kind == RECEIVER) /* had it received before the next one refused */
        gone += status->refused;
    return status->received > gone ? status->received - gone : 0;
}
