/* health_check_extension.c - one URL that says whether the pipelines run.
 *
 * `path`: 200 once every component has started, 503 before that and from the moment the shutdown
 * begins. The body is the public Collector's, unless `response_body` says otherwise.
 * `ready_path`: 200 while data can flow, too; else 503 and who stands in its way. That is no reason
 * to restart the program, which would lose what it holds, so the two are asked by different probes.
 * Who only has trouble (an open circuit breaker) is named there as degraded: what comes in still
 * finds room, so load balancers go on sending.
 */
#include "codec/json.h"
#include "net/server.h"
#include "pipe/host.h"
#include "pipe/listen_settings.h"

#include <inttypes.h>

typedef struct ResponseBody {
    bool present;
    Str healthy, unhealthy;
} ResponseBody;

typedef struct HealthCheck {
    Component base;
    ListenSettings listen; /* settings */
    Str path, ready_path;
    ResponseBody response_body;
    Listener listener; /* state */
    int64_t up_since_ns;
} HealthCheck;

static const ConfigField body_fields[] = {
    TEXT(ResponseBody, healthy, "", "What to answer while all is well."),
    TEXT(ResponseBody, unhealthy, "", "What to answer otherwise."),
    { 0 },
};

static bool check_path(Str text, Err *err)
{
    return str_starts(text, STR("/")) || fail(err, ERR_INPUT, "path must start with /");
}

static const ConfigField fields[] = {
    LISTEN_HTTP_ROWS(HealthCheck, listen, "localhost:13133", "0"),
    TEXT(HealthCheck, path, "/", "The path that answers whether everything has started.",
         .check = check_path),
    TEXT(HealthCheck, ready_path, "/ready",
         "The path that answers whether data can flow, and what blocks it.", .check = check_path),
    OPTIONAL_SECTION(HealthCheck, response_body, ResponseBody, body_fields, "Answers of your own."),
    IGNORED("check_collector_pipeline", "it never had an effect in the public Collector either"),
    { 0 },
};

/* Go's duration, as the public Collector prints it: 1h2m3.5s. */
static void write_uptime(Buf *out, int64_t ns)
{
    int64_t seconds = ns / NANOS_PER_SECOND, millis = ns / NANOS_PER_MILLI % 1000;
    if (seconds >= 3600)
        buf_addf(out, "%" PRId64 "h", seconds / 3600);
    if (seconds >= 60)
        buf_addf(out, "%" PRId64 "m", seconds / 60 % 60);
    buf_addf(out, "%" PRId64 ".%03" PRId64 "s", seconds % 60, millis);
}

static void write_body(const HealthCheck *health, bool ready, Buf *out)
{
    if (health->response_body.present) {
        buf_add(out, ready ? health->response_body.healthy : health->response_body.unhealthy);
        return;
    }
    if (!ready) {
        buf_add(out, STR("{\"status\":\"Server not available\",\"upSince\":"
                         "\"0001-01-01T00:00:00Z\",\"uptime\":\"\"}"));
        return;
    }
    char since[TIME_TEXT_SIZE];
    buf_addf(out, "{\"status\":\"Server available\",\"upSince\":\"%s\",\"uptime\":\"",
             time_text(health->up_since_ns, since));
    write_uptime(out, clock_wall_ns(host_clock(health->base.host)) - health->up_since_ns);
    buf_add(out, STR("\"}"));
}

static void answer(void *owner, Request *request)
{
    HealthCheck *health = owner;
    bool ready = host_ready(health->base.host);
    Buf body = BUF(64 << 10);
    write_body(health, ready, &body);
    request_answer(request, &(Answer){ .status = ready ? 200 : 503,
                                       .content_type = STR("application/json"),
                                       .body = body });
}

/* ---- can data flow? ----------------------------------------------------------------------------
 */

enum { STATUS_BYTES = 1 << 20 };

static void write_one(JsonWriter *json, const ComponentStatus *component, const char *why)
{
    json_object(json);
    json_key(json, STR("kind"));
    json_text(json, str_from(component_kind_name(component->kind)));
    json_key(json, STR("id")), json_text(json, component->id);
    json_key(json, STR("why")), json_text(json, str_from(why));
    json_end(json);
}

/* Returns how many there are. */
static size_t write_blocked(JsonWriter *json, const GraphStatus *status)
{
    size_t count = 0;
    json_key(json, STR("blocked")), json_array(json);
    for (size_t i = 0; i < status->count; i++) {
        const ComponentStatus *component = &status->components[i];
        if (!component->blocked[0])
            continue;
        count++;
        write_one(json, component, component->blocked);
    }
    json_end(json);
    return count;
}

static void write_degraded(JsonWriter *json, const GraphStatus *status)
{
    size_t at = 0;
    while (at < status->count && !status->components[at].degraded[0])
        at++;
    if (at == status->count)
        return;
    json_key(json, STR("degraded")), json_array(json);
    for (; at < status->count; at++)
        if (status->components[at].degraded[0])
            write_one(json, &status->components[at], status->components[at].degraded);
    json_end(json);
}

static bool write_ready(const HealthCheck *health, Buf *out, bool *ready, Err *err)
{
    Arena *arena = arena_new(STATUS_BYTES, err);
    const GraphStatus *status = arena ? host_status(health->base.host, arena, err) : NULL;
    if (status) {
        JsonWriter json = json_writer(out);
        json_object(&json);
        bool started = host_ready(health->base.host);
        json_key(&json, STR("started")), json_bool(&json, started);
        *ready = write_blocked(&json, status) == 0 && started;
        write_degraded(&json, status);
        json_key(&json, STR("ready")), json_bool(&json, *ready);
        json_end(&json);
    }
    arena_free(arena);
    return status != NULL;
}

static void answer_ready(void *owner, Request *request)
{
    Err err = { 0 };
    Buf body = BUF(64 << 10);
    bool ready = false;
    if (!write_ready(owner, &body, &ready, &err)) {
        request_answer_err(request, &err);
        return;
    }
    request_answer(request, &(Answer){ .status = ready ? 200 : 503,
                                       .content_type = STR("application/json"),
                                       .body = body });
}

/* ---- life ------------------------------------------------------------------------------------ */

static bool health_check(const void *self, Err *err)
{
    const HealthCheck *health = self;
    if (str_eq(health->path, health->ready_path))
        return fail(err, ERR_INPUT, "path and ready_path must differ");
    return listen_check(&health->listen, err);
}

static bool health_start(void *self, Err *err)
{
    HealthCheck *health = self;
    Host *host = health->base.host;
    const ListenWish wish = { .name = "http", .limits = { .body_bytes = 1 << 16 } };
    const Route route = {
        .path = health->path, .methods = STR("GET"), .handle = answer, .owner = health
    };
    const Route ready = {
        .path = health->ready_path, .methods = STR("GET"), .handle = answer_ready, .owner = health
    };
    health->up_since_ns = clock_wall_ns(host_clock(host));
    if (!listener_open(&health->listener, &health->listen, &wish, host, err) ||
        !server_route(health->listener.server, &route, err) ||
        !server_route(health->listener.server, &ready, err) ||
        !listener_listen(&health->listener, err))
        return false;
    listener_announce(&health->listener, "HTTP");
    return true;
}

static void health_stop(void *self)
{
    listener_close(&((HealthCheck *)self)->listener);
}

const ComponentType health_check_extension = {
    .name = "health_check",
    .summary = "Answers whether the pipelines run, for probes and load balancers.",
    .kind = EXTENSION,
    .stability = BETA,
    .placement = SINGLE,
    .size = sizeof(HealthCheck),
    .fields = fields,
    .check = health_check,
    .start = health_start,
    .stop = health_stop,
};
