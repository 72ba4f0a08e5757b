/* json_metrics.h - METRICS batches for tests, written as OTLP/JSON with ' for ". */
#ifndef TESTS_SUPPORT_JSON_METRICS_H
#define TESTS_SUPPORT_JSON_METRICS_H

#include "otlp/batch.h"

/* Fails the test where that is no batch. The caller owns one reference. */
Batch *json_metrics(const char *json);

#define MB_ATTR(key, value) "{'key':'" key "','value':{'stringValue':'" value "'}}"
/* One resource with attributes, one scope "lib" of version 2. */
#define MB_METRICS(resource, metrics)                                \
    "{'resourceMetrics':[{'resource':{'attributes':[" resource "]}," \
    "'scopeMetrics':[{'scope':{'name':'lib','version':'2'},'metrics':[" metrics "]}]}]}"
#define MB_SUM(name, more, points) "{'name':'" name "','sum':{" more "'dataPoints':[" points "]}}"
#define MB_DELTA                   "'aggregationTemporality':1,"
#define MB_CUMULATIVE              "'aggregationTemporality':2,"
#define MB_MONOTONIC               "'isMonotonic':true,"

#endif
