/* scrape_target.h - what a scrape of a Prometheus target said, as OTLP metrics.
 *
 *     counter      cumulative monotonic sum     histogram   with its buckets
 *     gauge        gauge                        summary     with its quantiles
 *     unknown      gauge                        info, stateset   sum that is not monotonic
 *     native histogram (of protobuf, if wanted)  exponential histogram
 *
 * Names stay as they are; units become UCUM again; every metric says its type in the metadata
 * prometheus.type. job and instance make the resource (service.name, service.instance.id,
 * server.address, server.port, url.scheme), to which the labels of target_info are added;
 * otel_scope_ labels make the scope; all others are attributes. Added per scrape: up,
 * scrape_duration_seconds, scrape_samples_scraped, scrape_samples_post_metric_relabeling,
 * scrape_series_added; if wanted also
 * scrape_timeout_seconds, scrape_sample_limit, scrape_body_size_bytes.
 *
 * What edits labels (metric relabelling) comes from outside. It sees a sample's labels with the
 * target's own and __name__; a sample that it gives another name keeps its type. Limits hold for
 * what it leaves.
 *
 * A target remembers its last good scrape. From there come start times (of the first scrape that
 * had the series, of the reset where a count fell, or what _created says), and what has vanished:
 * such a series gets one point without a recorded value. When a scrape fails, all of them do.
 * Series whose samples carry times of their own never do, as in Prometheus.
 *
 * Memory is bounded by sample_limit and SCRAPE_MEMORY_MAX, for two scrapes at a time.
 */
#ifndef PROM_SCRAPE_TARGET_H
#define PROM_SCRAPE_TARGET_H

#include "base/buf.h"
#include "model/labels.h"

enum { SCRAPE_MEMORY_MAX = 512 << 20, SCRAPE_LABELS_MAX = 64 /* of a target's own */ };

typedef enum ScrapeVerdict { SCRAPE_KEEP, SCRAPE_DROP, SCRAPE_FAIL } ScrapeVerdict;

/* Changes labels (each name once, any order) in place; there is room for `cap`. Texts that it makes
 * live until the next call. */
typedef struct ScrapeEdit {
    ScrapeVerdict (*edit)(void *context, Label *labels, size_t *count, size_t cap, Err *err);
    void *context;
} ScrapeEdit;

/* Is this the metric whose value is the start of everything, in unix seconds? */
typedef struct ScrapeStart {
    bool (*is_start)(void *context, Str name); /* NULL: there is none */
    void *context;
} ScrapeStart;

/* Borrowed for the target's life. */
typedef struct ScrapeSettings {
    Str job, instance, scheme, host, port;
    Labels labels;          /* the target's, besides job and instance */
    Labels external;        /* replace whatever has their name */
    bool honor_labels;      /* of a label twice the scraped one counts; else it is exported_... */
    bool ignore_timestamps; /* every sample is of the time of its scrape */
    bool native, also_classic; /* of protobuf: exponential histograms; classic ones beside them */
    bool track_timestamps;     /* series with times of their own get an end, too */
    bool trim_suffixes;        /* names without units and types */
    bool extra_facts;          /* three more metrics of each scrape */
    int64_t timeout_ns;        /* for one of them */
    uint64_t sample_limit;     /* 0: none; so are the others */
    uint64_t label_limit, label_name_limit, label_value_limit;
    ScrapeEdit edit; /* NULL: none */
    ScrapeStart start;
    Purse *purse; /* who pays for what is remembered; NULL: nobody */
} ScrapeSettings;

typedef struct ScrapeAnswer {
    int64_t time_ns; /* when it was asked, wall clock */
    int64_t duration_ns;
    const Err *err; /* why there is none; NULL: there is one */
    Str content_type, body;
} ScrapeAnswer;

typedef struct ScrapeResult {
    bool up;
    Err err;                            /* why it is not */
    size_t samples, kept, series_added; /* kept: by the edit */
    size_t dropped; /* histograms and summaries that make no sense, times before 1970 */
} ScrapeResult;

typedef struct ScrapeTarget ScrapeTarget;

CHECKED ScrapeTarget *scrape_target_new(const ScrapeSettings *settings, Err *err);
void scrape_target_free(ScrapeTarget *target); /* NULL is fine */

/* Appends an ExportMetricsServiceRequest. A broken answer is no failure but a report that says so,
 * as is one that the purse has no room for; false: ERR_MEMORY, or `out` is too small. */
CHECKED bool scrape_target_take(ScrapeTarget *target, const ScrapeAnswer *answer, Buf *out,
                                ScrapeResult *report, Err *err);
/* Nobody will ask it again: appends the end of all of its series. */
CHECKED bool scrape_target_end(ScrapeTarget *target, int64_t time_ns, Buf *out, Err *err);

#endif
