/* http_task.c - one request of the HTTP client, from its head to its outcome. */
#include "net/http_client_internal.h"

#include "base/mem.h"
#include "net/encoding.h"

enum { HEAD_MAX = 64 * 1024, DEFAULT_TIMEOUT_S = 10 };

/* ---- the request ---- */

static void write_head(Task *task, const HttpCall *call)
{
    Buf *head = &task->head;
    Buf encodings = BUF(512);
    http1_write_request(head, call->method, call->target);
    http1_write_field(head, STR("host"), str_from(task->client->target.authority));
    for (size_t i = 0; i < call->field_count; i++)
        http1_write_field(head, call->fields[i].name, call->fields[i].value);
    if (call->plain)
        buf_add(&encodings, STR("identity"));
    else
        encoding_list(ENCODING_HTTP, &encodings);
    http1_write_field(head, STR("accept-encoding"), buf_str(&encodings));
    if (call->encoding)
        http1_write_field(head, STR("content-encoding"), call->encoding->name);
    size_t size = payload_size(&task->payload);
    if (size > 0 || str_eq(call->method, STR("POST")) || str_eq(call->method, STR("PUT")))
        buf_addf(head, "content-length: %zu\r\n", size);
    http1_write_end(head);
    head->failed = head->failed || encodings.failed;
    buf_free(&encodings);
}

static bool prepare_body(Task *task, const HttpCall *call, Err *err)
{
    task->text = buf_str(&call->body);
    if (call->lent_count)
        return payload_lend(&task->payload, call->lent, call->lent_count, call->encoding, err);
    return payload_lend(&task->payload, &task->text, 1, call->encoding, err);
}

/* ---- life ---- */

static void deadline_passes(void *owner)
{
    Task *task = owner;
    Err err = { 0 };
    fail(&err, ERR_TIMEOUT, "no answer from %s within %lld ms", task->client->target.authority,
         (long long)(task->timeout_ns / NANOS_PER_MILLI));
    HttpClient *client = task->client;
    Line *line = task->line;
    task_finish(task, &err);
    if (line)
        line_close(line, &err); /* its answer may still come, and nobody could tell whose it is */
    client_dispatch(client);
}

static void tell(void *owner)
{
    task_tell(owner);
}

static void link_in(HttpClient *client, Task *task)
{
    task->prev = client->last_task;
    if (task->prev)
        task->prev->next = task;
    else
        client->tasks = task;
    client->last_task = task;
    client->waiting_count++;
}

static bool prepare(Task *task, const HttpCall *call, Err *err)
{
    HttpClient *client = task->client;
    task->head = BUF(HEAD_MAX);
    task->reply_body = (Buf){ .max = client->limits.response_bytes, .purse = client->limits.purse };
    http_fields_init(&task->reply_fields, client->limits.header_bytes);
    task->head_only = str_eq(call->method, STR("HEAD"));
    task->timeout_ns = call->timeout_ns ? call->timeout_ns : DEFAULT_TIMEOUT_S * NANOS_PER_SECOND;
    task->deadline = (Timer){ .fire = deadline_passes, .owner = task };
    task->tell = (Post){ .run = tell, .owner = task };
    task->done = call->done;
    task->owner = call->owner;
    if (!prepare_body(task, call, err))
        return false;
    write_head(task, call);
    return buf_ok(&task->head, err) || blame(err, "the request's header");
}

static void task_free(Task *task);

/* The body stays the caller's until it is taken: see http_client_send(). */
Task *task_new(HttpClient *client, const HttpCall *call, Err *err)
{
    Task *task = MEM_MAKE(Task, 1, err);
    if (!task)
        return NULL;
    task->client = client;
    link_in(client, task);
    if (prepare(task, call, err)) {
        timer_set(client->loop, &task->deadline, loop_now(client->loop) + task->timeout_ns);
        return task;
    }
    task_free(task);
    return NULL;
}

static void task_free(Task *task)
{
    HttpClient *client = task->client;
    if (task->state == TASK_WAITING)
        client->waiting_count--;
    if (task->prev)
        task->prev->next = task->next;
    else
        client->tasks = task->next;
    if (task->next)
        task->next->prev = task->prev;
    else
        client->last_task = task->prev;
    timer_cancel(client->loop, &task->deadline);
    loop_unpost(client->loop, &task->tell);
    buf_free(&task->head);
    buf_free(&task->body);
    payload_done(&task->payload);
    http_fields_done(&task->reply_fields);
    buf_free(&task->reply_body);
    mem_free(task);
}

/* ---- the outcome ---- */

void task_finish(Task *task, const Err *err)
{
    if (task->state == TASK_TOLD)
        return;
    if (task->state == TASK_WAITING)
        task->client->waiting_count--;
    if (task->line)
        task->line->task = NULL;
    task->line = NULL;
    task->state = TASK_TOLD;
    if (err)
        task->err = *err;
    timer_cancel(task->client->loop, &task->deadline);
    loop_post(task->client->loop, &task->tell);
}

/* Makes the body plain, in *plain when it was encoded. */
static bool decode_body(Task *task, Buf *plain, Str *out, Err *err)
{
    Str name = http_fields_get(&task->reply_fields, STR("content-encoding"));
    Str body = buf_str(&task->reply_body);
    if (encoding_is_identity(name) || body.len == 0) {
        *out = body;
        return true;
    }
    const Encoding *encoding = encoding_find(ENCODING_HTTP, name);
    if (!encoding)
        return fail(err, ERR_INPUT, "the answer's encoding \"%.*s\" is not known here",
                    STR_ARG(str_first(name, 32)));
    if (!encoding->decode(body, plain, err))
        return blame(err, "inflating the answer");
    *out = buf_str(plain);
    return true;
}

void task_tell(Task *task)
{
    const HttpClientSettings *limits = &task->client->limits;
    Buf plain = { .max = limits->response_bytes, .purse = limits->purse };
    Err err = task->err;
    HttpResponse response = { .request_body = task->body };
    task->body = BUF(0);
    if (err.kind == ERR_NONE && decode_body(task, &plain, &response.body, &err)) {
        response.status = task->status;
        response.fields = &task->reply_fields;
    }
    task->done(task->owner, &response, err.kind == ERR_NONE ? NULL : &err);
    buf_free(&response.request_body);
    buf_free(&plain);
    task_free(task);
}
