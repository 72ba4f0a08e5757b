/* metric_answer.c - see metric_answer.h. */
#include "exporters/prometheus/metric_answer.h"

#include "base/mem.h"
#include "codec/gzip.h"
#include "prom/exposition.h"

#include <math.h>

enum {
    JOBS_MAX = 16,         /* scrapes at a time; more hear 503 */
    PIECE_SERIES = 1000,   /* per turn of the loop */
    PIECE_BYTES = 1 << 17, /* the same, where a series is many lines */
    ANSWER_MAX = 1 << 30,
};

typedef struct Job {
    MetricAnswers *answers;
    Request *request; /* NULL: only expires */
    struct Job *next;
    Post post;
    ExpositionFormat format;
    GzipWriter *gzip; /* NULL: as it is */
    Buf text, body;   /* without gzip all is in text */
    CachedFamily **families;
    size_t family_count, family, series; /* where it stands */
    bool begun;                          /* the family at hand has its head */
} Job;

struct MetricAnswers {
    AnswerSettings settings;
    Job *jobs;
    size_t job_count;
};

MetricAnswers *metric_answers_new(const AnswerSettings *settings, Err *err)
{
    MetricAnswers *answers = MEM_MAKE(MetricAnswers, 1, err);
    if (answers)
        answers->settings = *settings;
    return answers;
}

static void job_free(Job *job)
{
    MetricAnswers *answers = job->answers;
    Job **at = &answers->jobs;
    while (*at && *at != job)
        at = &(*at)->next;
    if (*at) {
        *at = job->next;
        answers->job_count--;
    }
    loop_unpost(answers->settings.loop, &job->post);
    if (job->families)
        metric_cache_release(answers->settings.cache, job->families);
    gzip_writer_free(job->gzip);
    buf_free(&job->text);
    buf_free(&job->body);
    mem_free(job);
}

static void job_fail(Job *job, const Err *err)
{
    Request *request = job->request;
    job_free(job);
    if (request)
        request_answer_err(request, err);
}

void metric_answers_free(MetricAnswers *answers)
{
    if (!answers)
        return;
    Err err;
    fail(&err, ERR_CLOSED, "shutting down");
    while (answers->jobs)
        job_fail(answers->jobs, &err);
    mem_free(answers);
}

/* ---- lines ---- */

static const SampleExemplar *exemplar_of(const CachedSeries *series, size_t i)
{
    const CachedExemplars *kept = series->exemplars;
    return kept && i < kept->count && kept->at[i].present ? &kept->at[i].exemplar : NULL;
}

static void write_histogram(Job *job, ExpositionSample *line, const CachedSeries *series)
{
    const CachedBuckets *buckets = series->buckets;
    uint64_t below = 0;
    line->suffix = "_bucket";
    line->bound = "le";
    line->counts = true;
    for (size_t i = 0; i < buckets->bounds; i++) {
        below += buckets->at[i].count;
        line->bound_value = buckets->at[i].bound;
        line->value = (double)below;
        line->exemplar = exemplar_of(series, i);
        if (line->bound_value < (double)INFINITY)
            exposition_sample(&job->text, job->format, line);
    }
    line->bound_value = (double)INFINITY;
    line->value = (double)buckets->count;
    line->exemplar = exemplar_of(series, buckets->bounds);
    exposition_sample(&job->text, job->format, line);
    line->bound = NULL;
    line->exemplar = NULL;
    if (buckets->has_sum) {
        ExpositionSample sum = *line;
        sum.suffix = "_sum";
        sum.value = buckets->sum;
        sum.counts = false;
        exposition_sample(&job->text, job->format, &sum);
    }
    line->suffix = "_count";
    exposition_sample(&job->text, job->format, line);
}

static void write_summary(Job *job, ExpositionSample *line, const CachedQuantiles *quantiles)
{
    line->bound = "quantile";
    for (size_t i = 0; i < quantiles->quantiles; i++) {
        line->bound_value = quantiles->at[i].quantile;
        line->value = quantiles->at[i].value;
        exposition_sample(&job->text, job->format, line);
    }
    line->bound = NULL;
    line->suffix = "_sum";
    line->value = quantiles->sum;
    exposition_sample(&job->text, job->format, line);
    line->suffix = "_count";
    line->value = (double)quantiles->count;
    line->counts = true;
    exposition_sample(&job->text, job->format, line);
}

static void write_head(Job *job, const PromFamily *family)
{
    const ExpositionFamily head = { family->name, family->type, family->help, family->unit };
    if (!job->begun)
        exposition_family(&job->text, job->format, &head);
    job->begun = true;
}

static void write_series(Job *job, const CachedSeries *series)
{
    const PromFamily *family = &series->family->family;
    ExpositionSample line = {
        .family = family->name,
        .suffix = "",
        .labels = series->labels,
        .has_time = job->answers->settings.send_timestamps && series->time_ns,
        .time_ms = (int64_t)(series->time_ns / 1000000),
    };
    write_head(job, family);
    if (family->type == METRIC_TYPE_HISTOGRAM) {
        write_histogram(job, &line, series);
    } else if (family->type == METRIC_TYPE_SUMMARY) {
        write_summary(job, &line, series->quantiles);
    } else {
        line.value = series->value;
        line.exemplar = exemplar_of(series, 0);
        exposition_sample(&job->text, job->format, &line);
    }
}

/* ---- pieces ---- */

static bool has_expired(const Job *job, const CachedSeries *series)
{
    const AnswerSettings *settings = &job->answers->settings;
    return loop_now(settings->loop) - series->updated_ns > settings->expiration_ns;
}

static void visit(Job *job, CachedSeries *series)
{
    if (!series->dead && has_expired(job, series))
        metric_cache_kill(job->answers->settings.cache, series);
    if (!series->dead && job->request)
        write_series(job, series);
}

/* False: nothing is left to visit. */
static bool write_piece(Job *job)
{
    size_t start = job->text.len;
    for (size_t seen = 0; seen < PIECE_SERIES && job->text.len - start < PIECE_BYTES; seen++) {
        while (job->family < job->family_count &&
               job->series >= job->families[job->family]->count) {
            job->family++;
            job->series = 0;
            job->begun = false;
        }
        if (job->family >= job->family_count)
            return false;
        visit(job, job->families[job->family]->series[job->series++]);
    }
    return true;
}

static bool compress(Job *job, bool last, Err *err)
{
    if (!job->gzip)
        return buf_ok(&job->text, err);
    bool ok = buf_ok(&job->text, err) &&
              gzip_writer_add(job->gzip, buf_str(&job->text), &job->body, err) &&
              (!last || gzip_writer_end(job->gzip, &job->body, err));
    buf_clear(&job->text);
    return ok;
}

static void job_answer(Job *job)
{
    static const HttpField fields[] = { { STR_ROW("vary"), STR_ROW("accept, accept-encoding") },
                                        { STR_ROW("content-encoding"), STR_ROW("gzip") } };
    Request *request = job->request;
    Answer answer = {
        .status = 200,
        .content_type = exposition_content_type(job->format),
        .fields = fields,
        .field_count = job->gzip ? 2 : 1,
        .body = job->gzip ? job->body : job->text,
    };
    *(job->gzip ? &job->body : &job->text) = BUF(0);
    job_free(job);
    request_answer(request, &answer);
}

static void job_step(void *owner)
{
    Job *job = owner;
    Err err;
    bool more = write_piece(job);
    if (!more && job->request)
        exposition_end(&job->text, job->format);
    if (!compress(job, !more, &err))
        job_fail(job, &err);
    else if (more)
        loop_post(job->answers->settings.loop, &job->post);
    else if (job->request)
        job_answer(job);
    else
        job_free(job);
}

static void gone(void *owner)
{
    Job *job = owner;
    Request *request = job->request;
    job_free(job);
    request_answer_text(request, 499, STR(""));
}

static Job *job_new(MetricAnswers *answers, Request *request, Err *err)
{
    if (answers->job_count >= JOBS_MAX) {
        fail(err, ERR_BUSY, "%d scrapes are being answered already", JOBS_MAX);
        return NULL;
    }
    Job *job = MEM_MAKE(Job, 1, err);
    if (!job)
        return NULL;
    job->answers = answers;
    job->request = request;
    job->post = (Post){ .run = job_step, .owner = job };
    job->text = (Buf){ .max = ANSWER_MAX, .purse = answers->settings.purse };
    job->body = job->text;
    job->next = answers->jobs;
    answers->jobs = job;
    answers->job_count++;
    if (metric_cache_hold(answers->settings.cache, &job->families, &job->family_count, err))
        return job;
    job->families = NULL;
    job_free(job);
    return NULL;
}

void metric_answer(MetricAnswers *answers, Request *request)
{
    Err err;
    Job *job = job_new(answers, request, &err);
    if (!job) {
        request_answer_err(request, &err);
        return;
    }
    if (answers->settings.openmetrics)
        job->format = exposition_choose(request_field(request, STR("accept")));
    if (http_list_has(request_field(request, STR("accept-encoding")), STR("gzip")))
        job->gzip = gzip_writer_new(&err); /* without: as it is */
    request_on_gone(request, gone, job);
    job_step(job);
}

void metric_expire(MetricAnswers *answers)
{
    Err err;
    Job *job = job_new(answers, NULL, &err);
    if (job)
        job_step(job);
}
