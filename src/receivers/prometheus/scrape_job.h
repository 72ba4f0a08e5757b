/* scrape_job.h - one scrape_config: its rules, its sources of targets, and the targets themselves.
 *
 * Whenever a source says something new the targets are made again from what all of them say: what
 * is there already (the same labels after the rules) goes on undisturbed, what is new begins, what
 * is gone gets the end of its series. A source that fails keeps what it said before.
 */
#ifndef RECEIVERS_PROMETHEUS_SCRAPE_JOB_H
#define RECEIVERS_PROMETHEUS_SCRAPE_JOB_H

#include "receivers/prometheus/scrape_loop.h"
#include "receivers/prometheus/target_groups.h"

typedef struct JobSettings { /* borrowed */
    Host *host;
    const PrometheusConfig *config;
    const ScrapeConfig *job;
    Labels external;
    ScrapeStart start;
    bool trim_suffixes, extra_facts;
} JobSettings;

typedef struct ScrapeJob ScrapeJob;

/* Begins. NULL: err names what is wrong, the caller the job. */
CHECKED ScrapeJob *scrape_job_new(const JobSettings *settings, Err *err);
void scrape_job_close(ScrapeJob *job);
void scrape_job_free(ScrapeJob *job); /* NULL is fine */

#endif
