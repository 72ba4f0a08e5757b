/* scrape_internal.h - one scrape, sorted into what becomes a message: resource, scope, metric,
 * point. scrape_target.c fills it, scrape_encode.c writes it. */
#ifndef PROM_SCRAPE_INTERNAL_H
#define PROM_SCRAPE_INTERNAL_H

#include "base/arena.h"
#include "base/map.h"
#include "prom/exposition_reader.h"
#include "prom/scrape_target.h"

typedef struct ScrapeMeta {
    Str name;
    ExpositionType type;
    Str help, unit;
} ScrapeMeta;

typedef struct ScrapeBound { /* a bucket or a quantile */
    double bound, value;
} ScrapeBound;

typedef struct ScrapeExemplar {
    struct ScrapeExemplar *next;
    Labels labels;
    double value;
    int64_t time_ns;
} ScrapeExemplar;

typedef struct ScrapePoint {
    struct ScrapePoint *next;
    Str key;
    Labels labels;
    int64_t time_ns, start_ns;
    bool has_value, has_sum, has_count, own_time, stale;
    double value, sum, count, created_s;
    ScrapeBound *bounds;
    size_t bound_count, bound_cap;
    ScrapeExemplar *exemplars;
    const NativeHistogram *native;    /* of a family of EXPOSITION_NATIVE */
    const struct ScrapePoint *before; /* of the scrape before; only while it is there */
} ScrapePoint;

typedef struct ScrapeFamily {
    struct ScrapeFamily *next;
    Str name;
    ExpositionType type;
    const ScrapeMeta *meta; /* NULL: none */
    ScrapePoint *first, *last;
} ScrapeFamily;

typedef struct ScrapeScope {
    struct ScrapeScope *next;
    Labels labels; /* otel_scope_... */
    ScrapeFamily *first, *last;
} ScrapeScope;

typedef struct ScrapeResource {
    struct ScrapeResource *next;
    Str job, instance;
    Labels info; /* of target_info */
    ScrapeScope *first, *last;
} ScrapeResource;

typedef struct Scrape {
    Arena *arena;
    Map metas, resources, scopes, families, points; /* by composed keys in the arena */
    ScrapeResource *first, *last;
} Scrape;

/* Counts in *dropped the points that make no sense and were left out. */
void scrape_encode(const Scrape *scrape, const ScrapeSettings *settings, Buf *out, size_t *dropped);

#endif
