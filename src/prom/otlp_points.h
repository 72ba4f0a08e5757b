/* otlp_points.h - walks the data points of a METRICS batch with their Prometheus names: what the
 * family is called, and which labels the point has. otlp_series.h makes series of them.
 *
 *     family   name by translate.h; monotonic sum counter, other sums and gauges gauge (or unknown,
 *              where the metadata prometheus.type says so), histogram, summary
 *     labels   the point's attributes under label names, values as text; keys that become one name
 *              are joined in the order of the keys: "a;b"
 *              then job = [service.namespace/]service.name, instance = service.instance.id
 *              then with options scope labels, resource attributes, labels of the user's
 *     target   per resource with job or instance and other attributes: these as labels of
 * target_info
 *
 * A point that cannot be one in Prometheus is told with the reason, never left out silently.
 *
 * Labels are sorted, without __name__. What a callback is given lives until it returns; what is of
 * the metric (family) until the walk leaves that. Memory: arenas with ceilings for the resource,
 * the scope, the metric and one point.
 */
#ifndef PROM_OTLP_POINTS_H
#define PROM_OTLP_POINTS_H

#include "model/labels.h"
#include "model/metric_type.h"
#include "otlp/metric_view.h"

enum {
    POINT_LABELS_MAX = 512,     /* sorting and joining compare them with each other */
    POINT_MEMORY_MAX = 4 << 20, /* of one point (or scope, or metric): texts not as in the batch */
    RESOURCE_MEMORY_MAX = 16 << 20, /* the same of a resource */
    FLAG_NO_RECORDED_VALUE = 1,     /* OTLP: the series has ended here */
};

typedef struct PromOptions {
    Str ns;                /* in front of every family */
    bool without_suffixes; /* names without unit and type */
    bool resource_labels;  /* all attributes of the resource are labels of its points */
    bool scope_labels;     /* otel_scope_name, _version, _schema_url and attributes */
    Labels more;           /* for every point that has none of the name */
    bool more_on_targets;  /* target_info gets these, too */
    bool without_targets;  /* no target_info */
    bool created;          /* name_created: when the series began (otlp_series.h) */
    bool exponential;      /* exponential histograms are points, too */
} PromOptions;

typedef struct PromFamily {
    Str name;
    MetricType type;
    Str help, unit; /* the unit in Prometheus' words: seconds */
} PromFamily;

typedef struct PromPoint {
    const Batch *batch;
    const MetricView *metric;
    const PromFamily *family;
    size_t item;
    uint64_t start_ns, time_ns; /* start 0: not known */
    bool ended;                 /* its flags say that nothing was recorded */
    union {                     /* which, says the metric's kind */
        NumberPointView number; /* gauge and sum */
        HistogramPointView histogram;
        ExponentialPointView exponential;
        SummaryPointView summary;
    };
    Labels labels;
} PromPoint;

typedef struct PromTarget {
    Labels labels;             /* without __name__ */
    int64_t first_ms, last_ms; /* of its points */
} PromTarget;

/* Each may be NULL. False ends the walk, with the callback's Err. */
typedef struct PointVisitor {
    void *context;
    bool (*family)(void *context, const PromFamily *family, Err *err); /* before its points */
    bool (*point)(void *context, const PromPoint *point, Err *err);
    bool (*unsupported)(void *context, size_t item, const char *reason, Err *err);
    bool (*target)(void *context, const PromTarget *target, Err *err); /* after its points */
} PointVisitor;

/* ERR_MEMORY, ERR_LIMIT (a resource or scope larger than its arena), or what a callback said. */
CHECKED bool prom_points_walk(const Batch *batch, const PromOptions *options,
                              const PointVisitor *visitor, Err *err);

#endif
