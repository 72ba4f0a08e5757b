/* metric_answer.h - answers scrapes from a MetricCache, a piece per turn of the loop.
 *
 * Writing a million lines takes half a second; so an answer is a job that writes a thousand series
 * (a third of a millisecond) and then lets the loop do something else. A client that accepts gzip
 * gets one gzip stream, compressed piece by piece. What has not been updated for the expiration
 * leaves the cache on the way. One thread: the loop's.
 */
#ifndef EXPORTERS_PROMETHEUS_METRIC_ANSWER_H
#define EXPORTERS_PROMETHEUS_METRIC_ANSWER_H

#include "exporters/prometheus/metric_cache.h"
#include "net/server.h"

typedef struct AnswerSettings {
    Loop *loop; /* borrowed, as the cache */
    MetricCache *cache;
    int64_t expiration_ns;
    bool send_timestamps, openmetrics;
    Purse *purse; /* who pays for answers; NULL: nobody */
} AnswerSettings;

typedef struct MetricAnswers MetricAnswers;

CHECKED MetricAnswers *metric_answers_new(const AnswerSettings *settings, Err *err);
/* Ends what is under way with 503. NULL is fine. */
void metric_answers_free(MetricAnswers *answers);

/* Owns the request from here on. */
void metric_answer(MetricAnswers *answers, Request *request);
/* The walk alone, for what nobody scrapes: what has expired leaves. */
void metric_expire(MetricAnswers *answers);

#endif
