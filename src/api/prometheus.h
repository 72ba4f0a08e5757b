/* prometheus.h - Prometheus' HTTP API, version 1, over a SeriesSource.
 *
 *   GET, POST /api/v1/query         query, time, timeout, limit, lookback_delta
 *   GET, POST /api/v1/query_range   query, start, end, step, timeout, limit, lookback_delta
 *   GET, POST /api/v1/series        match[] (repeat), start, end, limit
 *   GET, POST /api/v1/labels        match[]*, start, end, limit
 *   GET /api/v1/label/{name}/values match[]*, start, end, limit
 *   GET /api/v1/metadata            metric, limit, limit_per_metric
 *   GET /api/v1/status/buildinfo
 *
 * and, answered as by a server that scrapes nothing and has no rules: rules, alerts, targets,
 * alertmanagers, scrape_pools, query_exemplars. Everything else below /api/v1/ is 404.
 *
 * Every answer is {"status":"success","data":..} or {"status":"error","errorType":..,"error":..}.
 */
#ifndef API_PROMETHEUS_H
#define API_PROMETHEUS_H

#include "api/api_answer.h"

enum { PROMETHEUS_ROUTES = 1, PROMETHEUS_PORT_ROUTES = 3 };
extern const ApiRoute prometheus_routes[PROMETHEUS_ROUTES];

/* /-/healthy, /-/ready and POST /-/reload: only on a port that is Prometheus' own. */
extern const ApiRoute prometheus_port_routes[PROMETHEUS_PORT_ROUTES];

#endif
