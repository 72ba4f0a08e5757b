/* scrape_loop.h - one target: a timer, whom it asks, what it remembers, and what is sent on.
 *
 * The first scrape comes somewhere within the first interval, told by a hash of the target, so that
 * a thousand targets are not asked at once; from then on every interval. Answers, what they become
 * and what is remembered of them are charged to the program's memory; an answer that there is no
 * room for is a scrape that failed. */
#ifndef RECEIVERS_PROMETHEUS_SCRAPE_LOOP_H
#define RECEIVERS_PROMETHEUS_SCRAPE_LOOP_H

#include "receivers/prometheus/asker.h"
#include "receivers/prometheus/target_plan.h"

typedef struct LoopShared { /* of a job; borrowed */
    Host *host;
    const ScrapeConfig *job;
    ScrapeLimits limits;
    AskerHome *home;
    Labels external;
    ScrapeEdit edit;
    ScrapeStart start;
    Str accept;
    bool trim_suffixes, extra_facts, native, also_classic;
    Err refusal; /* why no target of the job is asked now; ERR_NONE: they are */
    bool told_refused;
} LoopShared;

typedef struct ScrapeLoop ScrapeLoop;

/* Takes the plan when it succeeds. */
CHECKED ScrapeLoop *scrape_loop_new(LoopShared *shared, TargetPlan *plan, Err *err);
Str scrape_loop_key(const ScrapeLoop *loop);
void scrape_loop_begin(ScrapeLoop *loop);
void scrape_loop_close(ScrapeLoop *loop); /* asks no more, and sends nothing more on */
void scrape_loop_end(ScrapeLoop *loop);   /* the target is gone: sends the end of its series */
void scrape_loop_free(ScrapeLoop *loop);  /* NULL is fine */

#endif
