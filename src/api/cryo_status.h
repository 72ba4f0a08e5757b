/* cryo_status.h - /api/cryo/status: what has arrived, what is stored, where to send. */
#ifndef API_CRYO_STATUS_H
#define API_CRYO_STATUS_H

#include "api/api_answer.h"
#include "base/budget.h"
#include "store/scan.h"

/* What the program knows about itself; texts are borrowed for the call. */
struct CryoStatus {
    int64_t start_unix_ns;
    uint64_t spans, metric_points, log_records; /* received since the start */
    uint64_t spans_dropped;
    BudgetUse memory;             /* limit 0: nobody counts */
    Str otlp_grpc, otlp_http, ui; /* "127.0.0.1:4317"; empty: nobody listens, null in the answer */
};

/* GET /api/cryo/status:
 * {"version":..,"start_unix_ms":..,"now_unix_ms":..,"received":{"spans":..,"metric_points":..,
 * "log_records":..},"stored":{"spans":..,"traces":..,"bytes":..,"oldest_unix_ms":..|null},
 * "dropped":{"spans":..},"memory":{"limit":..,"held":..,"most_held":..,"refused":..,"by":{
 * "connections":.., (as budget.h has
 * them)}}|null,"endpoints":{"otlp_grpc":..,"otlp_http":..,"ui":..}} */
enum { CRYO_STATUS_ROUTES = 1 };
extern const ApiRoute cryo_status_routes[CRYO_STATUS_ROUTES];

#endif
