/* metric_type.h - what kind of metric it is, in Prometheus' words. */
#ifndef MODEL_METRIC_TYPE_H
#define MODEL_METRIC_TYPE_H

typedef enum MetricType {
    METRIC_TYPE_UNKNOWN,
    METRIC_TYPE_COUNTER,
    METRIC_TYPE_GAUGE,
    METRIC_TYPE_HISTOGRAM,
    METRIC_TYPE_SUMMARY,
} MetricType;

static inline const char *metric_type_name(MetricType type)
{
    static const char *const names[] = { "unknown", "counter", "gauge", "histogram", "summary" };
    return names[type];
}

#endif
