/* loki.h - Loki's HTTP API over a LogSource, and its push.
 *
 *   GET, POST /loki/api/v1/query_range          query, start, end, since, step, limit, direction
 *   GET, POST /loki/api/v1/query                query, time, limit, direction
 *   GET, POST /loki/api/v1/labels               query, start, end, since
 *   GET, POST /loki/api/v1/label/{name}/values  query, start, end, since
 *   GET, POST /loki/api/v1/series               match[] (repeat), start, end, since
 *   GET, POST /loki/api/v1/index/stats          query, start, end, since
 *   GET       /loki/api/v1/status/buildinfo
 *   POST      /loki/api/v1/push                 JSON; see loki_push.h
 *
 * Times are nanoseconds, seconds or RFC 3339; `since` reaches back from the end where there is no
 * start (1h, for labels and series 6h). direction is backward (the default) or forward, limit 100
 * lines by default. Answers are {"status":"success","data":..}; errors are a sentence of plain text
 * with their status. Lines are grouped by all their labels; with the header
 * X-Loki-Response-Encoding-Flags: categorize-labels by those of their streams, and metadata and
 * parsed labels stand beside each line. Everything else below /loki/ is refused by name.
 */
#ifndef API_LOKI_H
#define API_LOKI_H

#include "api/api_answer.h"

enum { LOKI_ROUTES = 9, LOKI_PORT_ROUTES = 1 };
extern const ApiRoute loki_routes[LOKI_ROUTES];

/* /ready: only on a port that is Loki's own. */
extern const ApiRoute loki_port_routes[LOKI_PORT_ROUTES];

#endif
