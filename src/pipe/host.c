/* host.c - the doors of host.h, and the account behind each instance. */
#include "pipe/host.h"

#include "pipe/host_base.h"

#include <stdio.h>
#include <string.h>

Ack *host_ack_new(Host *host, uint64_t items, const AckWish *wish, Err *err)
{
    Ack *ack = host->ops->ack_new(host, items, wish, err);
    if (ack)
        counter_add(&host->account.received, items);
    return ack;
}

bool host_send(Host *host, const Parcel *parcel, Err *err)
{
    return host->ops->send(host, parcel, err);
}

bool host_wants(const Host *host, Signal signal)
{
    return host->ops->wants(host, signal);
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

Loop *host_loop(Host *host)
{
    return host->loop;
}

unsigned host_shard(const Host *host)
{
    return host->shard;
}

unsigned host_shards(const Host *host)
{
    return host->shards;
}

Clock *host_clock(Host *host)
{
    return host->clock;
}

Random *host_random(Host *host)
{
    return host->random;
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
    log_write(level, component, "%s", message);
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

static void add_drop(DropCount *drops, size_t *count, DropCount drop)
{
    size_t at = 0;
    while (at < *count && strcmp(drops[at].reason, drop.reason) != 0)
        at++;
    if (at == DROP_REASONS_MAX)
        drops[at - 1].items += drop.items;
    else if (at < *count)
        drops[at].items += drop.items;
    else
        drops[(*count)++] = drop;
}

void host_count_dropped(Host *host, uint64_t items, const char *reason)
{
    Account *account = &host->account;
    mutex_lock(&account->mutex);
    add_drop(account->drops, &account->drop_count, (DropCount){ reason, items });
    mutex_unlock(&account->mutex);
}

void host_count_sent(Host *host, uint64_t items)
{
    counter_add(&host->account.sent, items);
}

void account_read(Account *account, ComponentStatus *into)
{
    into->received += counter_get(&account->received);
    into->sent += counter_get(&account->sent);
    into->refused += counter_get(&account->refused);
    for (size_t i = 0; i < GRAPH_SIGNALS; i++)
        into->brought[i] += counter_get(&account->brought[i]);
    mutex_lock(&account->mutex);
    for (size_t i = 0; i < account->drop_count; i++) {
        add_drop(into->drops, &into->drop_count, account->drops[i]);
        into->dropped += account->drops[i].items;
    }
    for (size_t i = 0; i < account->endpoint_count && into->endpoint_count < ENDPOINTS_MAX; i++)
        into->endpoints[into->endpoint_count++] = account->endpoints[i];
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
