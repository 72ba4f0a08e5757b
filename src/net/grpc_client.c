/* grpc_client.c - where calls begin: settings, connecting, and the end; see grpc_client.h. */
#include "net/grpc_client.h"

#include "base/mem.h"
#include "net/grpc_client_internal.h"

#include <cryostorm/version.h>
#include <stdio.h>

static GrpcClientSettings with_defaults(const GrpcClientSettings *wanted)
{
    GrpcClientSettings settings = *wanted;
    const GrpcClientSettings defaults = {
        .calls = 1024,
        .message_bytes = 4 << 20,
        .header_bytes = 64 << 10,
        .connect_timeout_ns = 10 * NANOS_PER_SECOND,
        .idle_timeout_ns = 300 * NANOS_PER_SECOND,
        .keepalive_timeout_ns = 20 * NANOS_PER_SECOND,
    };
#define DEFAULT(member) settings.member = settings.member ? settings.member : defaults.member
    DEFAULT(calls);
    DEFAULT(message_bytes);
    DEFAULT(header_bytes);
    DEFAULT(connect_timeout_ns);
    DEFAULT(idle_timeout_ns);
    DEFAULT(keepalive_timeout_ns);
#undef DEFAULT
    settings.endpoint = settings.user_agent = settings.authority = (Str){ NULL, 0 };
    return settings;
}

static bool copy_settings(GrpcClient *client, const GrpcClientSettings *settings, Err *err)
{
    client->target = (DialTarget){ .loop = client->loop,
                                   .timeout_ns = client->limits.connect_timeout_ns,
                                   .tls = client->limits.tls,
                                   .alpn = TLS_ALPN_H2 };
    Str agent =
        settings->user_agent.len > 0 ? settings->user_agent : STR("grpc-c-cryostorm/" CRYO_VERSION);
    client->user_agent = mem_copy_text(agent, err);
    if (!client->user_agent || !dial_target_init(&client->target, settings->endpoint, err))
        return false;
    Str sent = settings->authority.len ? settings->authority : str_from(client->target.authority);
    client->sent_authority = mem_copy_text(sent, err);
    return client->sent_authority != NULL;
}

GrpcClient *grpc_client_new(const GrpcClientSettings *settings, Err *err)
{
    GrpcClient *client = MEM_MAKE(GrpcClient, 1, err);
    if (!client)
        return NULL;
    client->loop = settings->loop;
    client->limits = with_defaults(settings);
    if (copy_settings(client, settings, err))
        return client;
    grpc_client_free(client);
    return NULL;
}

/* ---- connecting ---- */

static void fail_waiting(GrpcClient *client, const Err *err)
{
    for (Call *call = client->calls; call; call = call->next) {
        if (call->state == CALL_WAITING)
            call_finish(call, err);
    }
}

static void send_waiting(GrpcClient *client)
{
    Err err = { 0 };
    for (Call *call = client->calls; call; call = call->next) {
        if (call->state == CALL_WAITING && !link_send(client->current, call, &err))
            call_finish(call, &err);
    }
    link_flush(client->current);
}

static void connected(void *owner, const Channel *channel, const Err *why)
{
    GrpcClient *client = owner;
    Err err = { 0 };
    client->current = why ? NULL : link_new(client, channel, &err);
    if (client->current)
        send_waiting(client);
    else
        fail_waiting(client, why ? why : &err);
}

static void connect_if_needed(GrpcClient *client)
{
    if (client->dial.active)
        return;
    dial_start(&client->dial, &client->target, connected, client);
}

/* A link that the server wants to be rid of takes no new calls. */
static Link *usable_link(GrpcClient *client)
{
    if (client->current && !http2_may_request(client->current->engine))
        client->current = NULL;
    return client->current;
}

/* ---- calls ---- */

bool grpc_client_call(GrpcClient *client, GrpcCall *wanted, Err *err)
{
    if (client->call_count >= client->limits.calls)
        return fail(err, ERR_BUSY, "%zu calls to %s are under way", client->call_count,
                    client->target.authority);
    Call *call = call_new(client, wanted, err);
    if (!call)
        return blame(err, "calling %s", client->target.authority);
    Link *link = usable_link(client);
    if (link && !link_send(link, call, err)) {
        call_free(call);
        return blame(err, "calling %s", client->target.authority);
    }
    call->message = wanted->message;
    wanted->message = BUF(wanted->message.max);
    if (link)
        link_flush(link);
    else
        connect_if_needed(client);
    return true;
}

void grpc_client_free(GrpcClient *client)
{
    if (!client)
        return;
    Err err = { 0 };
    fail(&err, ERR_CLOSED, "the client is shutting down");
    dial_cancel(&client->dial);
    while (client->links)
        link_close(client->links, &err);
    while (client->calls) {
        call_finish(client->calls, &err);
        call_tell(client->calls); /* frees it: no link is left */
    }
    dial_target_done(&client->target);
    mem_free(client->sent_authority);
    mem_free(client->user_agent);
    mem_free(client);
}
