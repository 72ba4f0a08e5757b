/* cryo_services.h - /api/cryo/services: every service's rate, errors and duration, from its spans.
 *
 * What a service was asked to do is what counts: its entry spans, which are those of kind server or
 * consumer. A service that has none in this time (a batch job, a command) is judged by its roots,
 * and one that has neither is listed with nothing to count.
 */
#ifndef API_CRYO_SERVICES_H
#define API_CRYO_SERVICES_H

#include "api/api_answer.h"

enum {
    CRYO_SERVICES_MAX = 1000,        /* of one answer; beyond it "complete" is false */
    CRYO_SERVICES_POINTS_MAX = 1000, /* of rate and error_rate */
};

/* ?start=&end=&step=: moments (RFC 3339 or Unix seconds), default the hour that ends now, and the
 * length of one point, default a sixtieth. The spans that began in start <= t < end.
 *
 * {"start":..,"end":..,"step":.., seconds
 *  "complete":true, false: more services than CRYO_SERVICES_MAX, the others are left out
 *  "services":[{"name":..,"counted":"entry"|"root"|"none","spans":..,"errors":..,
 *      "p50_ms":..|null,"p95_ms":..|null,"p99_ms":..|null, within 1 %; null: no spans
 *      "rate":[..],"error_rate":[..]}]} per second, a number for each step from start
 *
 * Or {"error":".."} with a status. */
enum { CRYO_SERVICES_ROUTES = 1 };
extern const ApiRoute cryo_services_routes[CRYO_SERVICES_ROUTES];

#endif
