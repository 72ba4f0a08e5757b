/* target_plan.h - from the labels that discovery gives a target to whom is asked, where, how often,
 * and what stands on every series: Prometheus' rules, relabel_configs among them.
 *
 *     __address__, __scheme__, __metrics_path__, __param_NAME, __scrape_interval__,
 *     __scrape_timeout__     begin as the job has them, and say after the rules what is done
 *     __meta_...             are there for the rules alone
 *     __...                  never become labels of series
 *     job, instance          begin as the job's name and, if nothing says otherwise, the address
 */
#ifndef RECEIVERS_PROMETHEUS_TARGET_PLAN_H
#define RECEIVERS_PROMETHEUS_TARGET_PLAN_H

#include "prom/scrape_target.h"
#include "receivers/prometheus/scrape_config.h"

enum { PLAN_LABELS_MAX = 512, PLAN_BYTES_MAX = 1 << 20 };

typedef struct PlanJob { /* borrowed */
    const PrometheusConfig *config;
    const ScrapeConfig *job;
    const Relabel *relabel;
    Purse *purse;
} PlanJob;

typedef struct TargetPlan { /* all of it in the arena */
    Arena *arena;
    Str key;       /* two targets of a job with the same are one */
    Labels labels; /* those that series get, without job and instance */
    Str job, instance, scheme, address;
    Str url, path; /* "http://host:port" and "/metrics?a=b" */
    Str host, port;
    int64_t interval_ns, timeout_ns;
} TargetPlan;

typedef enum PlanResult { PLAN_MADE, PLAN_DROPPED, PLAN_FAILED } PlanResult;

/* `found`: __address__, __meta_... and labels, the later of two of the same name counts. */
PlanResult target_plan_make(TargetPlan *plan, const PlanJob *of, Labels found, Err *err);
void target_plan_done(TargetPlan *plan);

#endif
