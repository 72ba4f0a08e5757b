/* scrape_loop.c - see scrape_loop.h. */
#include "receivers/prometheus/scrape_loop.h"

#include "base/mem.h"
#include "otlp/batch.h"

#include <cryostorm/version.h>
#include <stdio.h>

enum {
    MESSAGE_MAX = 256 << 20, /* what one scrape may become */
    BODY_DEFAULT = 64 << 20,
};

struct ScrapeLoop {
    LoopShared *shared;
    TargetPlan plan;
    char timeout_text[24];
    ScrapeTarget *state;
    Asker *asker;
    Timer timer;
    int64_t next_ns;
    int64_t wall_ns, mono_ns; /* when it was asked last */
    bool asking, told_down, closed;
};

static Loop *loop_of(const ScrapeLoop *loop)
{
    return host_loop(loop->shared->host);
}

/* ---- what came ---- */

static bool send_on(ScrapeLoop *loop, Batch *batch, Err *err)
{
    Host *host = loop->shared->host;
    Ack *ack = host_ack_new(host, batch_item_count(batch), &(AckWish){ 0 }, err);
    if (!ack)
        return false;
    if (host_send(host, &(Parcel){ batch, ack }, err))
        return true;
    ack_fail(ack, err);
    return false;
}

static void tell_result(ScrapeLoop *loop, const ScrapeResult *result)
{
    Host *host = loop->shared->host;
    Str name = loop->plan.address, job = loop->shared->job->job_name;
    if (!result->up)
        host_count_dropped(host, METRICS, 1, "a scrape that failed");
    if (!result->up && !loop->told_down)
        host_log(host, LOG_WARN, "Failed to scrape Prometheus endpoint job=%.*s target=%.*s: %s",
                 STR_ARG(job), STR_ARG(name), result->err.text);
    if (result->up && loop->told_down)
        host_log(host, LOG_INFO, "target %.*s of job %.*s answers again", STR_ARG(name),
                 STR_ARG(job));
    loop->told_down = !result->up;
    if (result->dropped)
        host_count_dropped(host, METRICS, result->dropped,
                           "a histogram, summary or time that makes no sense");
}

static void tell_lost(ScrapeLoop *loop, const Err *err)
{
    if (err && !loop->shared->told_refused)
        host_log(loop->shared->host, LOG_WARN, "job %.*s: what was scraped is lost: %s",
                 STR_ARG(loop->shared->job->job_name), err->text);
    loop->shared->told_refused = err != NULL;
}

static Purse *purse_of(const ScrapeLoop *loop, BudgetOwner owner)
{
    return budget_purse(host_budget(loop->shared->host), owner);
}

/* Takes the bytes. */
static void pass_on(ScrapeLoop *loop, Buf *bytes, bool ok, Err *err)
{
    Batch *batch = ok ? batch_from_bytes(METRICS, bytes, err) : NULL;
    ok = batch && send_on(loop, batch, err);
    tell_lost(loop, ok ? NULL : err);
    batch_unref(batch);
    buf_free(bytes);
}

static void take(ScrapeLoop *loop, const ScrapeAnswer *answer)
{
    Err err = { 0 };
    ScrapeResult result = { 0 };
    Buf bytes = { .max = MESSAGE_MAX, .purse = purse_of(loop, BUDGET_BODIES) };
    bool ok = scrape_target_take(loop->state, answer, &bytes, &result, &err);
    tell_result(loop, &result);
    pass_on(loop, &bytes, ok, &err);
}

/* What the answer says it is, and where it says nothing that we know the job's fallback. */
static Str type_of(const ScrapeLoop *loop, const HttpResponse *response)
{
    Str type = http_fields_get(response->fields, STR("content-type"));
    bool known = http_media_type_is(type, STR("text/plain")) ||
                 http_media_type_is(type, STR("application/openmetrics-text")) ||
                 http_media_type_is(type, STR("application/vnd.google.protobuf"));
    Str fallback = scrape_fallback(loop->shared->job);
    return known || !fallback.len ? type : fallback;
}

static void answered(void *owner, HttpResponse *response, const Err *err)
{
    ScrapeLoop *loop = owner;
    ScrapeAnswer answer = { .time_ns = loop->wall_ns,
                            .duration_ns = loop_now(loop_of(loop)) - loop->mono_ns,
                            .err = err };
    Err status;
    loop->asking = false;
    if (loop->closed)
        return;
    if (!err && response->status != 200) {
        fail(&status, ERR_INPUT, "server returned HTTP status %d %s", response->status,
             http_status_text(response->status));
        answer.err = &status;
    } else if (!err) {
        answer.content_type = type_of(loop, response);
        answer.body = response->body;
    }
    take(loop, &answer);
}

/* ---- asking ---- */

static void ask(ScrapeLoop *loop)
{
    Host *host = loop->shared->host;
    const HttpField header[] = {
        { STR("accept"), loop->shared->accept },
        { STR("user-agent"), STR("cryostorm/" CRYO_VERSION) },
        { STR("x-prometheus-scrape-timeout-seconds"), str_from(loop->timeout_text) },
    };
    const AskerCall call = { .target = loop->plan.path,
                             .fields = header,
                             .field_count = COUNT_OF(header),
                             .timeout_ns = loop->plan.timeout_ns };
    Err err = loop->shared->refusal;
    loop->wall_ns = clock_wall_ns(host_clock(host));
    loop->mono_ns = loop_now(host_loop(host));
    loop->asking = err.kind == ERR_NONE && asker_send(loop->asker, &call, &err);
    if (!loop->asking)
        take(loop, &(ScrapeAnswer){ .time_ns = loop->wall_ns, .err = &err });
}

/* In step with the first scrape, whatever a late loop has missed. */
static void fire(void *owner)
{
    ScrapeLoop *loop = owner;
    int64_t interval = loop->plan.interval_ns;
    int64_t late = loop_now(loop_of(loop)) - loop->next_ns;
    loop->next_ns += (late / interval + 1) * interval;
    timer_set(loop_of(loop), &loop->timer, loop->next_ns);
    if (!loop->asking)
        ask(loop);
}

/* ---- from beginning to end ---- */

static bool make_state(ScrapeLoop *loop, Err *err)
{
    const LoopShared *shared = loop->shared;
    const TargetPlan *plan = &loop->plan;
    const ScrapeSettings settings = {
        .job = plan->job,
        .instance = plan->instance,
        .scheme = plan->scheme,
        .host = plan->host,
        .port = plan->port,
        .labels = plan->labels,
        .external = shared->external,
        .honor_labels = shared->job->honor_labels,
        .ignore_timestamps = !shared->job->honor_timestamps,
        .track_timestamps = shared->job->track_timestamps_staleness,
        .native = shared->native,
        .also_classic = shared->also_classic,
        .trim_suffixes = shared->trim_suffixes,
        .extra_facts = shared->extra_facts,
        .timeout_ns = plan->timeout_ns,
        .sample_limit = shared->limits.sample_limit,
        .label_limit = shared->limits.label_limit,
        .label_name_limit = shared->limits.label_name_length_limit,
        .label_value_limit = shared->limits.label_value_length_limit,
        .edit = shared->edit,
        .start = shared->start,
        .purse = purse_of(loop, BUDGET_CACHES),
    };
    loop->state = scrape_target_new(&settings, err);
    return loop->state != NULL;
}

static bool make_asker(ScrapeLoop *loop, Err *err)
{
    uint64_t body = loop->shared->limits.body_size_limit;
    const AskerSettings settings = {
        .home = loop->shared->home,
        .url = loop->plan.url,
        .response_bytes = body ? (size_t)body : BODY_DEFAULT,
        .connect_timeout_ns = loop->plan.timeout_ns,
        .idle_timeout_ns = loop->plan.interval_ns * 2,
        .plain = !loop->shared->job->enable_compression,
        .done = answered,
        .owner = loop,
    };
    loop->asker = asker_new(&settings, err);
    return loop->asker != NULL;
}

ScrapeLoop *scrape_loop_new(LoopShared *shared, TargetPlan *plan, Err *err)
{
    ScrapeLoop *loop = MEM_MAKE(ScrapeLoop, 1, err);
    if (!loop)
        return NULL;
    loop->shared = shared;
    loop->plan = *plan;
    snprintf(loop->timeout_text, sizeof loop->timeout_text, "%lld.%03lld",
             (long long)(plan->timeout_ns / NANOS_PER_SECOND),
             (long long)(plan->timeout_ns % NANOS_PER_SECOND / NANOS_PER_MILLI));
    if (make_state(loop, err) && make_asker(loop, err)) {
        *plan = (TargetPlan){ 0 };
        return loop;
    }
    loop->plan = (TargetPlan){ 0 }; /* still the caller's */
    scrape_loop_free(loop);
    return NULL;
}

Str scrape_loop_key(const ScrapeLoop *loop)
{
    return loop->plan.key;
}

void scrape_loop_begin(ScrapeLoop *loop)
{
    uint64_t hash = str_hash(loop->plan.key);
    loop->timer = (Timer){ .fire = fire, .owner = loop };
    loop->next_ns = loop_now(loop_of(loop)) + (int64_t)(hash % (uint64_t)loop->plan.interval_ns);
    timer_set(loop_of(loop), &loop->timer, loop->next_ns);
}

void scrape_loop_close(ScrapeLoop *loop)
{
    loop->closed = true;
    if (loop->timer.set)
        timer_cancel(loop_of(loop), &loop->timer);
}

void scrape_loop_end(ScrapeLoop *loop)
{
    Err err = { 0 };
    Buf bytes = { .max = MESSAGE_MAX, .purse = purse_of(loop, BUDGET_BODIES) };
    int64_t now = clock_wall_ns(host_clock(loop->shared->host));
    bool asked = loop->wall_ns != 0; /* who never was has nothing to end */
    if (asked && !loop->closed)
        pass_on(loop, &bytes, scrape_target_end(loop->state, now, &bytes, &err), &err);
    scrape_loop_close(loop);
}

void scrape_loop_free(ScrapeLoop *loop)
{
    if (!loop)
        return;
    scrape_loop_close(loop);
    asker_free(loop->asker);
    scrape_target_free(loop->state);
    target_plan_done(&loop->plan);
    mem_free(loop);
}
