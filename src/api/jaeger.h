/* jaeger.h - Jaeger's HTTP API, version 1, over a SpanSource.
 *
 *   GET /api/services                        GET /api/traces?service=...     search
 *   GET /api/services/{service}/operations   GET /api/traces?traceID=...     (repeat)
 *   GET /api/operations?service=&spanKind=   GET /api/traces/{traceID}
 *   GET /api/dependencies?endTs=&lookback=
 *
 * Search: service (required), operation, tag=key:value (repeat), tags={"key":"value"}, start and
 * end (microseconds), lookback (1h, 2d; default 2d) where start is missing, minDuration,
 * maxDuration (Go's durations), limit (default 100, at most JAEGER_LIMIT_MAX), raw. All conditions
 * must hold for one span; what comes back are the whole traces of the newest spans that match.
 *
 * Every answer is the envelope {"data":..,"total":..,"limit":0,"offset":0,"errors":..}. A parameter
 * that cannot be read is 400 and named, with its value; an unknown trace 404.
 */
#ifndef API_JAEGER_H
#define API_JAEGER_H

#include "api/api_answer.h"
#include "store/scan.h"

enum { JAEGER_LIMIT_DEFAULT = 100, JAEGER_LIMIT_MAX = 10000 };

/* Fills *answer; its body must be an empty Buf with a ceiling. A path that is none of these is 404.
 */
void jaeger_answer(SpanSource *source, const ApiRequest *request, ApiAnswer *answer);

enum { JAEGER_ROUTES = 6 };
extern const ApiRoute jaeger_routes[JAEGER_ROUTES];

#endif
