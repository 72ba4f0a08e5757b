/* api_server.c - see api_server.h. The list of jobs and everything of `net` belong to the loop's
 * thread; a query thread owns a job from queue_pop() to loop_post(). */
#include "api/api_server.h"

#include "base/counter.h"
#include "base/mem.h"
#include "base/queue.h"
#include "base/thread.h"
#include "net/encoding.h"

#include <string.h>

enum { THREADS_DEFAULT = 2, THREADS_MAX = 64, WAITING_DEFAULT = 64, BUSY_RETRY_MS = 1000 };
enum { COMPRESS_FROM = 1024, OWN_FIELDS = 4 }; /* smaller answers do not shrink enough to pay */
#define TIMEOUT_DEFAULT (30 * NANOS_PER_SECOND)
#define NEVER_NS        (INT64_MAX / 2) /* a deadline may still be added to it */

struct ApiServer {
    ApiServerSettings settings;
    Queue queue;
    Thread *threads;
    unsigned thread_count;
    struct Job *jobs; /* all that are not answered yet */
    struct Shown *shown;
};

/* A row on a server: the owner of a Route. */
typedef struct Shown {
    ApiServer *api;
    const ApiRoute *route;
    struct Shown *next;
} Shown;

/* The deadline's time. When nobody waits for the answer any more it is over: so whatever looks at
 * the deadline, as every loop over data does, also looks whether the asker has gone. */
typedef struct AskersClock {
    Clock base;
    Clock *real;
    Counter gone; /* from the loop's thread, read by the query's */
} AskersClock;

typedef struct Job {
    ApiServer *api;
    AskersClock clock;
    Request *request;
    const ApiRoute *route;
    CryoStatus status;
    Buf body;
    ApiRequest question;  /* its texts stand behind the Job, or in the body */
    ApiAnswer answer;     /* status 0: no thread had begun */
    const Encoding *gzip; /* NULL: the client does not take it */
    bool compressed;
    Post post;
    struct Job *next, **link;
} Job;

/* ---- the query threads --------------------------------------------------------------------------
 */

/* Here, because a large answer takes longer than a loop may be held up. What does not shrink, or
 * finds no memory, goes as it is. */
static void compress(Job *job)
{
    Err ignored;
    Buf *body = &job->answer.body, smaller = BUF(body->len);
    job->compressed = job->gzip && body->len >= COMPRESS_FROM &&
                      job->gzip->encode(buf_str(body), &smaller, &ignored);
    buf_free(job->compressed ? body : &smaller);
    if (job->compressed)
        *body = smaller;
}

static void work(Job *job)
{
    if (!counter_get(&job->clock.gone)) /* an answer that reaches nobody needs no question */
        job->route->answer(&job->api->settings.sources, &job->question, &job->answer);
    compress(job);
    loop_post(job->api->settings.loop, &job->post);
}

static void query_thread(void *argument)
{
    ApiServer *api = argument;
    void *item;
    while (queue_pop(&api->queue, INT64_MAX, &item) == QUEUE_OK)
        work(item);
}

/* ---- the loop's thread --------------------------------------------------------------------------
 */

static void answer_busy(Request *request)
{
    Err err;
    fail(&err, ERR_BUSY, "too many queries are waiting");
    err.retry_ms = BUSY_RETRY_MS;
    request_answer_err(request, &err);
}

/* Answers and frees. */
static void finish(Job *job)
{
    *job->link = job->next;
    if (job->next)
        job->next->link = job->link;
    ApiAnswer *given = &job->answer;
    HttpField fields[OWN_FIELDS + API_FIELDS_MAX] = {
        { STR_ROW("cache-control"), STR_ROW("no-store") },
        { STR_ROW("x-content-type-options"), STR_ROW("nosniff") }, /* telemetry is in it */
        { STR_ROW("vary"), STR_ROW("accept-encoding") },
        { STR_ROW("content-encoding"), STR_ROW("gzip") },
    };
    size_t own = job->compressed ? OWN_FIELDS : OWN_FIELDS - 1;
    for (size_t i = 0; i < given->field_count; i++)
        fields[own + i] = given->fields[i];
    Answer answer = {
        .status = given->status,
        .content_type = given->content_type.len ? given->content_type : STR("application/json"),
        .fields = fields,
        .field_count = own + given->field_count,
        .body = given->body,
    };
    if (given->status) {
        given->body = BUF(0);
        request_answer(job->request, &answer);
    } else {
        answer_busy(job->request);
    }
    buf_free(&given->body);
    buf_free(&job->body);
    mem_free(job);
}

static void job_done(void *owner)
{
    finish(owner);
}

static int64_t asker_wall_ns(Clock *clock)
{
    return clock_wall_ns(((AskersClock *)clock)->real);
}

static int64_t asker_mono_ns(Clock *clock)
{
    AskersClock *asker = (AskersClock *)clock;
    return counter_get(&asker->gone) ? NEVER_NS : clock_mono_ns(asker->real);
}

static void asker_gone(void *owner)
{
    counter_add(&((Job *)owner)->clock.gone, 1);
}

/* Copies a text to *at, which moves on. */
static Str put(char **at, Str text)
{
    Str copy = { *at, text.len };
    if (text.len)
        memcpy(*at, text.ptr, text.len);
    *at += text.len;
    return copy;
}

static bool is_form(const Job *job)
{
    return http_media_type_is(job->question.content_type, STR("application/x-www-form-urlencoded"));
}

/* The body moves to the job; the parameters of a form stand before those of the URL, so that they
 * are found first. */
static bool take_body(Job *job, Err *err)
{
    job->body = request_take_body(job->request);
    if (!is_form(job)) {
        job->question.body = buf_str(&job->body);
        return true;
    }
    job->body.max = SIZE_MAX; /* the URL has a limit of its own */
    buf_add_byte(&job->body, '&');
    buf_add(&job->body, job->question.query);
    job->question.query = buf_str(&job->body);
    return buf_ok(&job->body, err);
}

static Job *new_job(const Shown *shown, Request *request, Err *err)
{
    ApiServer *api = shown->api;
    Str method = request_method(request), path = request_path(request);
    Str query = request_query(request), type = request_field(request, STR("content-type"));
    Str wanted = shown->route->field, field = { 0 };
    if (wanted.len)
        field = request_field(request, wanted);
    size_t size = method.len + path.len + query.len + type.len + field.len;
    Job *job = mem_zeroed(1, sizeof *job + size, err);
    if (!job)
        return NULL;
    char *at = (char *)(job + 1);
    Clock *clock = api->settings.clock;
    int64_t timeout = api->settings.timeout_ns ? api->settings.timeout_ns : TIMEOUT_DEFAULT;
    *job = (Job){ .api = api, .request = request, .route = shown->route };
    job->clock = (AskersClock){ { asker_wall_ns, asker_mono_ns }, clock, { 0 } };
    job->question = (ApiRequest){ .method = put(&at, method),
                                  .path = put(&at, path),
                                  .query = put(&at, query),
                                  .content_type = put(&at, type),
                                  .field = put(&at, field),
                                  .now_ns = clock_wall_ns(clock),
                                  .deadline_mono_ns = clock_mono_ns(clock) + timeout,
                                  .clock = &job->clock.base };
    job->question.purse = budget_purse(api->settings.budget, BUDGET_QUERIES);
    job->answer.body = (Buf){ .max = API_BODY_MAX, .purse = job->question.purse };
    if (http_list_has(request_field(request, STR("accept-encoding")), STR("gzip")))
        job->gzip = encoding_find(ENCODING_HTTP, STR("gzip"));
    job->post = (Post){ .run = job_done, .owner = job };
    if (take_body(job, err))
        return job;
    buf_free(&job->body);
    mem_free(job);
    return NULL;
}

static void link_job(ApiServer *api, Job *job)
{
    job->next = api->jobs;
    job->link = &api->jobs;
    if (job->next)
        job->next->link = &job->next;
    api->jobs = job;
}

static void handle(void *owner, Request *request)
{
    const Shown *shown = owner;
    ApiServer *api = shown->api;
    Err err;
    Job *job = new_job(shown, request, &err);
    if (!job) {
        request_answer_err(request, &err);
        return;
    }
    if (shown->route->wants_status) {
        job->question.status = &job->status;
        if (api->settings.status)
            api->settings.status(api->settings.context, &job->status);
    }
    link_job(api, job);
    request_on_gone(request, asker_gone, job);
    if (api->settings.in_place || shown->route->at_once)
        work(job);
    else if (queue_push(&api->queue, job) != QUEUE_OK)
        finish(job);
}

/* ---- setting up ---------------------------------------------------------------------------------
 */

static bool show(ApiServer *api, Server *server, const ApiRoute *row, Err *err)
{
    Shown *shown = MEM_MAKE(Shown, 1, err);
    if (!shown)
        return false;
    *shown = (Shown){ .api = api, .route = row, .next = api->shown };
    api->shown = shown;
    Route route = { .path = row->path,
                    .methods = row->methods,
                    .handle = handle,
                    .owner = shown,
                    .body_bytes = row->body_bytes ? row->body_bytes : API_FORM_MAX };
    return server_route(server, &route, err);
}

bool api_server_show(ApiServer *api, Server *server, const ApiRoute *routes, size_t count, Err *err)
{
    for (size_t i = 0; i < count; i++)
        if (!show(api, server, &routes[i], err))
            return false;
    return true;
}

static bool start_threads(ApiServer *api, Err *err)
{
    if (api->settings.in_place)
        return true;
    unsigned count = api->settings.threads ? api->settings.threads : THREADS_DEFAULT;
    count = count < THREADS_MAX ? count : THREADS_MAX;
    api->threads = MEM_MAKE(Thread, count, err);
    for (; api->threads && api->thread_count < count; api->thread_count++)
        if (!thread_start(&api->threads[api->thread_count], "query", query_thread, api, err))
            return false;
    return api->threads != NULL;
}

ApiServer *api_server_new(const ApiServerSettings *settings, Err *err)
{
    ApiServer *api = MEM_MAKE(ApiServer, 1, err);
    if (!api)
        return NULL;
    api->settings = *settings;
    size_t waiting = settings->waiting_max ? settings->waiting_max : WAITING_DEFAULT;
    if (!queue_init(&api->queue, waiting, err) || !start_threads(api, err)) {
        api_server_free(api);
        return NULL;
    }
    return api;
}

void api_server_free(ApiServer *api)
{
    if (!api)
        return;
    void *item;
    if (api->queue.items) { /* those that nobody has begun stay in the list, with status 0 */
        queue_close(&api->queue);
        while (queue_pop(&api->queue, 0, &item) == QUEUE_OK)
            continue;
    }
    for (unsigned i = 0; i < api->thread_count; i++)
        thread_join(&api->threads[i]);
    while (api->jobs) {
        loop_unpost(api->settings.loop, &api->jobs->post);
        finish(api->jobs);
    }
    while (api->shown) {
        Shown *shown = api->shown;
        api->shown = shown->next;
        mem_free(shown);
    }
    queue_done(&api->queue);
    mem_free(api->threads);
    mem_free(api);
}
