/* api_server.c - see api_server.h. The list of jobs and everything of `net` belong to the loop's
 * thread; a query thread owns a job from queue_pop() to loop_post(). */
#include "api/api_server.h"

#include "api/jaeger.h"
#include "base/mem.h"
#include "base/queue.h"
#include "base/thread.h"

#include <string.h>

enum { THREADS_DEFAULT = 2, THREADS_MAX = 64, WAITING_DEFAULT = 64, BUSY_RETRY_MS = 1000 };
#define TIMEOUT_DEFAULT (30 * NANOS_PER_SECOND)

struct ApiServer {
    ApiServerSettings settings;
    Queue queue;
    Thread *threads;
    unsigned thread_count;
    struct Job *jobs; /* all that are not answered yet */
};

typedef struct Job {
    ApiServer *api;
    Request *request;
    bool is_status;
    CryoStatus status;
    ApiRequest question; /* its texts stand behind the Job */
    ApiAnswer answer;    /* status 0: no thread had begun */
    Post post;
    struct Job *next, **link;
} Job;

/* ---- the query threads --------------------------------------------------------------------------
 */

static void status_face(Job *job)
{
    Err ignored; /* a source that cannot tell holds nothing that we know of */
    SourceStats stored = { 0 };
    MetaQuery query = { .deadline_mono_ns = job->question.deadline_mono_ns, .stats = &stored };
    if (!source_meta(job->api->settings.source, &query, &ignored))
        stored = (SourceStats){ 0 };
    cryo_status_answer(&job->status, &stored, job->question.now_ns, &job->answer);
}

static void work(Job *job)
{
    if (job->is_status)
        status_face(job);
    else
        jaeger_answer(job->api->settings.source, &job->question, &job->answer);
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
    static const HttpField fields[] = {
        { STR_ROW("cache-control"), STR_ROW("no-store") },
        { STR_ROW("x-content-type-options"), STR_ROW("nosniff") }, /* telemetry is in it */
    };
    Answer answer = {
        .status = job->answer.status,
        .content_type = STR("application/json"),
        .fields = fields,
        .field_count = COUNT_OF(fields),
        .body = job->answer.body,
    };
    if (job->answer.status) {
        job->answer.body = BUF(0);
        request_answer(job->request, &answer);
    } else {
        answer_busy(job->request);
    }
    buf_free(&job->answer.body);
    mem_free(job);
}

static void job_done(void *owner)
{
    finish(owner);
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

static Job *new_job(ApiServer *api, Request *request, Err *err)
{
    Str method = request_method(request), path = request_path(request);
    Str query = request_query(request);
    Job *job = mem_zeroed(1, sizeof *job + method.len + path.len + query.len, err);
    if (!job)
        return NULL;
    char *at = (char *)(job + 1);
    Clock *clock = api->settings.clock;
    int64_t timeout = api->settings.timeout_ns ? api->settings.timeout_ns : TIMEOUT_DEFAULT;
    job->api = api;
    job->request = request;
    job->question = (ApiRequest){ put(&at, method), put(&at, path), put(&at, query),
                                  clock_wall_ns(clock), clock_mono_ns(clock) + timeout };
    job->answer.body = BUF(API_BODY_MAX);
    job->post = (Post){ .run = job_done, .owner = job };
    return job;
}

static void enqueue(ApiServer *api, Request *request, bool is_status)
{
    Err err;
    Job *job = new_job(api, request, &err);
    if (!job) {
        request_answer_err(request, &err);
        return;
    }
    job->is_status = is_status;
    if (is_status && api->settings.status)
        api->settings.status(api->settings.context, &job->status);
    job->next = api->jobs;
    job->link = &api->jobs;
    if (job->next)
        job->next->link = &job->next;
    api->jobs = job;
    if (api->settings.in_place)
        work(job);
    else if (queue_push(&api->queue, job) != QUEUE_OK)
        finish(job);
}

static void handle_jaeger(void *owner, Request *request)
{
    enqueue(owner, request, false);
}
static void handle_status(void *owner, Request *request)
{
    enqueue(owner, request, true);
}

/* ---- setting up ---------------------------------------------------------------------------------
 */

static bool add_routes(ApiServer *api, Err *err)
{
    static const struct {
        Str path;
        void (*handle)(void *owner, Request *request);
    } rows[] = {
        { STR_ROW("/api/services"), handle_jaeger },
        { STR_ROW("/api/services/*"), handle_jaeger },
        { STR_ROW("/api/operations"), handle_jaeger },
        { STR_ROW("/api/traces"), handle_jaeger },
        { STR_ROW("/api/traces/*"), handle_jaeger },
        { STR_ROW("/api/dependencies"), handle_jaeger },
        { STR_ROW("/api/cryo/status"), handle_status },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Route route = {
            .path = rows[i].path, .methods = STR("GET"), .handle = rows[i].handle, .owner = api
        };
        if (!server_route(api->settings.server, &route, err))
            return false;
    }
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
    if (!queue_init(&api->queue, waiting, err) || !start_threads(api, err) ||
        !add_routes(api, err)) {
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
    queue_done(&api->queue);
    mem_free(api->threads);
    mem_free(api);
}
