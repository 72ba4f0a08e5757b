/* http_client_internal.h - the client's own structs: the client, its connections, its tasks.
 *
 * A task is one request with its answer. It waits in a queue until a connection (line) is free:
 *
 *   WAITING --line is free--> SENT --answer, error, deadline--> TOLD --(Post: done)--> freed
 *      |  +<--lost while idle---+
 *      +---- no connection, deadline -------------------------->+
 *
 * A connection that cannot be made (at none of the addresses) fails what waits only where nothing
 * is left to wait for: no connection that serves, none that is being made. Otherwise all stay in
 * the queue, within their own time, and a further connection is tried AGAIN_NS later, or at once
 * when the last one ends.
 */
#ifndef NET_HTTP_CLIENT_INTERNAL_H
#define NET_HTTP_CLIENT_INTERNAL_H

#include "net/dial_internal.h"
#include "net/http1.h"
#include "net/http_client.h"
#include "net/payload_internal.h"
#include "net/transport_internal.h"

typedef struct Task Task;
typedef struct Line Line;

typedef enum TaskState { TASK_WAITING, TASK_SENT, TASK_TOLD } TaskState;

struct Task {
    HttpClient *client;
    Task *next, *prev; /* client->tasks: in order of arrival */
    Line *line;        /* while SENT */
    TaskState state;
    bool tried_again, head_only;
    Buf head;
    bool head_sent;
    Buf body; /* as given; handed back by done() */
    Str text; /* of it */
    Payload payload;
    int64_t timeout_ns;
    Timer deadline;
    int status;
    HttpFields reply_fields;
    Buf reply_body;
    void (*done)(void *owner, HttpResponse *response, const Err *err);
    void *owner;
    Post tell;
    Err err; /* why there is no response; ERR_NONE: there is one */
};

struct Line {
    HttpClient *client; /* NULL: closed, waiting to be freed */
    Line *next, *prev;
    Dial dial;
    Transport transport;
    Http1 *engine;
    Task *task; /* NULL: idle, or being connected */
    Timer idle;
    Post doom;
    Err reply_fault; /* set by the engine's events */
    bool reused;     /* has answered before */
};

struct HttpClient {
    Loop *loop;
    HttpClientSettings limits; /* its numbers, with defaults */
    DialTarget target;
    Line *lines;
    size_t line_count;
    Task *tasks, *last_task;
    size_t waiting_count;
    Timer again; /* set: a connection could not be made; until then no further one is tried */
};

/* http_client.c */
void client_dispatch(HttpClient *client); /* gives waiting tasks to free lines */
void client_cannot_connect(HttpClient *client, const Err *err); /* one of its lines */

/* http_task.c */
CHECKED Task *task_new(HttpClient *client, const HttpCall *call, Err *err);
void task_finish(Task *task, const Err *err); /* NULL: the response is there */
void task_tell(Task *task);                   /* calls done() now and frees it */

/* http_line.c */
CHECKED Line *line_new(HttpClient *client, Err *err); /* begins to connect */
bool line_is_free(const Line *line);
void line_begin(Line *line, Task *task);
void line_close(Line *line, const Err *err);

#endif
