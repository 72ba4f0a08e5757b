/* loki_internal.h - what loki.c and loki_query.c share. */
#ifndef API_LOKI_INTERNAL_H
#define API_LOKI_INTERNAL_H

#include "api/api_answer.h"
#include "codec/json.h"
#include "store/log_scan.h"

#define LOKI_HOUR_NS (INT64_C(3600) * 1000000000)

/* {"status":"success","data": - the caller writes the value and json_end()s. */
JsonWriter loki_open(ApiAnswer *answer);
/* The sentence of err with the status that its kind means here. */
void loki_error(ApiAnswer *answer, const Err *err);
/* False, and answered, when there is no store of logs. */
CHECKED bool loki_has_logs(const ApiSources *sources, ApiAnswer *answer);

typedef struct LokiTimes {
    int64_t from_ns, to_ns;
} LokiTimes;
/* start, end, since; `since_ns` is the default of since. */
CHECKED bool loki_times(const ApiRequest *request, int64_t since_ns, LokiTimes *out, Err *err);

/* loki_query.c */
void loki_query_range(const ApiSources *sources, const ApiRequest *request, ApiAnswer *answer);
void loki_query_instant(const ApiSources *sources, const ApiRequest *request, ApiAnswer *answer);

/* loki_write.c: a result as Loki writes it. `categorized`: see loki.h. */
struct LogqlResult;
CHECKED bool loki_write_streams(JsonWriter *json, const struct LogqlResult *result,
                                bool categorized, Err *err);
void loki_write_series(JsonWriter *json, const struct LogqlResult *result, bool ranges);
void loki_write_labels(JsonWriter *json, Labels labels);

#endif
