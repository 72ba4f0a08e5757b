/* http_client.c - a queue of requests and the connections that serve it; see http_client.h. */
#include "net/http_client.h"

#include "base/mem.h"
#include "net/http_client_internal.h"

enum { AGAIN_NS = (int)NANOS_PER_SECOND };

static void connects_again(void *owner);

static HttpClientSettings with_defaults(const HttpClientSettings *wanted)
{
    HttpClientSettings settings = *wanted;
    const HttpClientSettings defaults = {
        .connections = 8,
        .waiting = 1024,
        .response_bytes = 4 << 20,
        .header_bytes = 64 << 10,
        .connect_timeout_ns = 10 * NANOS_PER_SECOND,
        .idle_timeout_ns = 30 * NANOS_PER_SECOND,
    };
#define DEFAULT(member) settings.member = settings.member ? settings.member : defaults.member
    DEFAULT(connections);
    DEFAULT(waiting);
    DEFAULT(response_bytes);
    DEFAULT(header_bytes);
    DEFAULT(connect_timeout_ns);
    DEFAULT(idle_timeout_ns);
#undef DEFAULT
    settings.url = (Str){ NULL, 0 };
    return settings;
}

HttpClient *http_client_new(const HttpClientSettings *settings, Err *err)
{
    HttpClient *client = MEM_MAKE(HttpClient, 1, err);
    if (!client)
        return NULL;
    client->loop = settings->loop;
    client->limits = with_defaults(settings);
    client->again = (Timer){ .fire = connects_again, .owner = client };
    client->target = (DialTarget){ .loop = client->loop,
                                   .timeout_ns = client->limits.connect_timeout_ns,
                                   .tls = client->limits.tls,
                                   .alpn = TLS_ALPN_HTTP1 };
    if (dial_target_init(&client->target, settings->url, err))
        return client;
    http_client_free(client);
    return NULL;
}

/* ---- the queue ---- */

static Line *free_line(HttpClient *client)
{
    Line *line = client->lines;
    while (line && !line_is_free(line))
        line = line->next;
    return line;
}

static size_t count_dialing(const HttpClient *client)
{
    size_t count = 0;
    for (const Line *line = client->lines; line; line = line->next)
        count += line->dial.active;
    return count;
}

static Task *first_waiting(HttpClient *client)
{
    Task *task = client->tasks;
    while (task && task->state != TASK_WAITING)
        task = task->next;
    return task;
}

static void fail_waiting(HttpClient *client, const Err *err)
{
    for (Task *task = first_waiting(client); task; task = first_waiting(client))
        task_finish(task, err);
}

/* As many new connections as there are tasks that no connection is being made for. */
static void connect_more(HttpClient *client)
{
    Err err = { 0 };
    size_t dialing = count_dialing(client);
    if (client->again.set && client->line_count > 0)
        return;
    while (dialing < client->waiting_count && client->line_count < client->limits.connections) {
        if (!line_new(client, &err)) {
            if (client->line_count == 0)
                fail_waiting(client, &err);
            return;
        }
        dialing++;
    }
}

void client_dispatch(HttpClient *client)
{
    Task *task;
    Line *line;
    while ((task = first_waiting(client)) && (line = free_line(client)))
        line_begin(line, task);
    connect_more(client);
}

static void connects_again(void *owner)
{
    client_dispatch(owner);
}

void client_cannot_connect(HttpClient *client, const Err *err)
{
    if (client->line_count == 0)
        fail_waiting(client, err);
    else
        timer_set(client->loop, &client->again, loop_now(client->loop) + AGAIN_NS);
}

/* ---- calls ---- */

bool http_client_send(HttpClient *client, HttpCall *call, Err *err)
{
    if (client->waiting_count >= client->limits.waiting)
        return fail(err, ERR_BUSY, "%zu requests to %s are waiting", client->waiting_count,
                    client->target.authority);
    Task *task = task_new(client, call, err);
    if (!task)
        return blame(err, "asking %s", client->target.authority);
    task->body = call->body;
    call->body = BUF(call->body.max);
    client_dispatch(client);
    return true;
}

void http_client_free(HttpClient *client)
{
    if (!client)
        return;
    Err err = { 0 };
    fail(&err, ERR_CLOSED, "the client is shutting down");
    while (client->lines)
        line_close(client->lines, &err);
    while (client->tasks) {
        task_finish(client->tasks, &err);
        task_tell(client->tasks);
    }
    timer_cancel(client->loop, &client->again);
    dial_target_done(&client->target);
    mem_free(client);
}
