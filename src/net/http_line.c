/* http_line.c - one HTTP/1.1 connection of the HTTP client: one request at a time. */
#include "net/http_client_internal.h"

#include "base/mem.h"

/* ---- the engine's events ---- */

static bool on_head(void *owner)
{
    Line *line = owner;
    line->task->status = http1_status(line->engine);
    http_fields_done(&line->task->reply_fields);
    http1_take_fields(line->engine, &line->task->reply_fields);
    return true;
}

static bool on_body(void *owner, Str bytes)
{
    Line *line = owner;
    buf_add(&line->task->reply_body, bytes);
    return buf_ok(&line->task->reply_body, &line->reply_fault) ||
           blame(&line->reply_fault, "the answer");
}

static const Http1Events engine_events = { on_head, on_body };

/* ---- the transport's events ---- */

/* The answer is whole. The line serves again, unless something speaks against it. */
static void complete(Line *line, bool reusable)
{
    HttpClient *client = line->client;
    Task *task = line->task;
    bool sent = task->head_sent && payload_left(&task->payload) == 0;
    task_finish(task, NULL);
    if (!reusable || !sent || !http1_keeps_alive(line->engine)) {
        Err unused = { .kind = ERR_CLOSED };
        line_close(line, &unused);
    } else {
        http1_next(line->engine);
        line->reused = true;
        timer_set(client->loop, &line->idle,
                  loop_now(client->loop) + client->limits.idle_timeout_ns);
    }
    client_dispatch(client);
}

/* A server that expects TLS may answer plain text with an alert: 21, and TLS's version. */
static void explain_bad(const Line *line, Str answer, Err *err)
{
    const char *authority = line->client->target.authority;
    if (!line->transport.tls && str_starts(answer, STR("\x15\x03")))
        fail(err, ERR_INPUT, "%s expects TLS: use https://", authority);
    else
        blame(err, "the answer of %s", authority);
}

static void received(void *owner, Str bytes)
{
    Line *line = owner;
    Str answer = bytes;
    Err err = { 0 };
    if (!line->task) { /* nobody asked */
        fail(&err, ERR_INPUT, "bytes that answer nothing");
        line_close(line, &err);
        return;
    }
    switch (http1_feed(line->engine, &bytes, &err)) {
    case HTTP1_MESSAGE: complete(line, bytes.len == 0); return;
    case HTTP1_MORE: return;
    case HTTP1_STOPPED: err = line->reply_fault; break;
    case HTTP1_BAD:
    default: explain_bad(line, answer, &err); break;
    }
    HttpClient *client = line->client;
    line_close(line, &err);
    client_dispatch(client);
}

static void fill(void *owner, Buf *out)
{
    Line *line = owner;
    Task *task = line->task;
    if (!task)
        return;
    if (!task->head_sent)
        buf_add(out, buf_str(&task->head));
    task->head_sent = true;
    size_t left = payload_left(&task->payload);
    size_t size = left < TRANSPORT_FILL ? left : TRANSPORT_FILL;
    char *room = size > 0 ? buf_reserve(out, size) : NULL;
    if (room)
        out->len += payload_read(&task->payload, room, size);
}

/* A server may close an idle connection just as we begin to use it: then nothing was done with the
 * request, and it goes to another one. */
static bool try_again(Line *line)
{
    Task *task = line->task;
    if (!task || !line->reused || task->tried_again || http1_has_begun(line->engine))
        return false;
    task->tried_again = true;
    task->state = TASK_WAITING;
    task->client->waiting_count++;
    task->head_sent = false;
    payload_rewind(&task->payload);
    task->line = NULL;
    line->task = NULL;
    return true;
}

static void ended(void *owner, const Err *err)
{
    Line *line = owner;
    HttpClient *client = line->client;
    Err why = { 0 };
    /* An answer without a length ends here, if the end is one that the server wanted. */
    if (line->task && err->kind == ERR_CLOSED &&
        http1_finish(line->engine, &why) == HTTP1_MESSAGE) {
        complete(line, false);
        return;
    }
    why = *err;
    if (!try_again(line))
        blame(&why, "waiting for the answer of %s", client->target.authority);
    line_close(line, &why);
    client_dispatch(client);
}

static void settled(void *owner)
{
    (void)owner; /* the task's deadline covers everything */
}

static const TransportEvents transport_events = {
    .received = received, .fill = fill, .ended = ended, .settled = settled
};

/* ---- life ---- */

static void idle_passes(void *owner)
{
    Err unused = { .kind = ERR_CLOSED };
    line_close(owner, &unused);
}

static void free_line(void *owner)
{
    Line *line = owner;
    http1_free(line->engine);
    mem_free(line);
}

void line_close(Line *line, const Err *err)
{
    HttpClient *client = line->client;
    if (!client)
        return;
    line->client = NULL;
    client->line_count--;
    if (line->prev)
        line->prev->next = line->next;
    else
        client->lines = line->next;
    if (line->next)
        line->next->prev = line->prev;
    dial_cancel(&line->dial);
    transport_close(&line->transport);
    timer_cancel(client->loop, &line->idle);
    if (line->task)
        task_finish(line->task, err);
    line->doom = (Post){ .run = free_line, .owner = line };
    loop_post(client->loop, &line->doom);
}

static void connected(void *owner, const Channel *channel, const Err *why)
{
    Line *line = owner;
    HttpClient *client = line->client;
    Err err = { 0 };
    if (channel && transport_open(&line->transport, client->loop, *channel, true, &err)) {
        client_dispatch(client);
        if (line->client && !line->task) /* somebody else was faster */
            timer_set(client->loop, &line->idle,
                      loop_now(client->loop) + client->limits.idle_timeout_ns);
        return;
    }
    const Err *reason = why ? why : &err;
    line_close(line, reason);
    client_cannot_connect(client, reason);
}

Line *line_new(HttpClient *client, Err *err)
{
    Line *line = MEM_MAKE(Line, 1, err);
    if (!line)
        return NULL;
    line->engine = http1_new(HTTP1_CLIENT, client->limits.header_bytes, err);
    if (!line->engine) {
        free_line(line);
        return NULL;
    }
    http1_bind(line->engine, &engine_events, line);
    line->client = client;
    line->transport.events = &transport_events;
    line->transport.owner = line;
    line->idle = (Timer){ .fire = idle_passes, .owner = line };
    line->next = client->lines;
    if (line->next)
        line->next->prev = line;
    client->lines = line;
    client->line_count++;
    dial_start(&line->dial, &client->target, connected, line);
    return line;
}

bool line_is_free(const Line *line)
{
    return line->transport.open && !line->transport.mute && !line->task;
}

void line_begin(Line *line, Task *task)
{
    task->client->waiting_count--;
    task->state = TASK_SENT;
    task->line = line;
    line->task = task;
    timer_cancel(task->client->loop, &line->idle);
    if (task->head_only)
        http1_expect_no_body(line->engine);
    transport_send(&line->transport);
}
