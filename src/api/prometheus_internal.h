/* prometheus_internal.h - what the files of Prometheus' API share. */
#ifndef API_PROMETHEUS_INTERNAL_H
#define API_PROMETHEUS_INTERNAL_H

#include "api/api_answer.h"
#include "codec/json.h"
#include "query/promql/promql.h"

/* One question on its way. */
typedef struct PromAsk {
    SeriesSource *source;
    const ApiRequest *request;
    ApiAnswer *answer;
    Str name;        /* of /label/{name}/values, decoded */
    PromNote *notes; /* for warnings and infos, until the answer is closed */
    size_t note_count;
    bool truncated;   /* by the parameter limit */
    bool was_running; /* the query was read, and failed while it ran */
    Buf error;        /* longer than an Err */
} PromAsk;

/* {"status":"success","data": - then the caller writes the value. */
JsonWriter prometheus_open(PromAsk *ask);
CHECKED bool prometheus_close(PromAsk *ask, JsonWriter *json, Err *err);

/* False: err, whose kind becomes the status. */
CHECKED bool prometheus_query(PromAsk *ask, Err *err);
CHECKED bool prometheus_query_range(PromAsk *ask, Err *err);
CHECKED bool prometheus_labels(PromAsk *ask, Err *err);
CHECKED bool prometheus_label_values(PromAsk *ask, Err *err);
CHECKED bool prometheus_series(PromAsk *ask, Err *err);
CHECKED bool prometheus_metadata(PromAsk *ask, Err *err);

void prometheus_json_labels(JsonWriter *json, Labels labels);

#endif
