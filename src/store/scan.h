/* scan.h - the only door for queries: scan, lookup, values, meta.
 *
 * A SpanSource is the embedded store, or something far away that behaves like it (ClickHouse in
 * room `remote`), so everything here can travel over a socket: questions are plain values, answers
 * come in blocks. Nothing points into the insides of a source for longer than a block lives; who
 * wants to keep a span keeps a reference to its Batch.
 *
 * Calls may block (a remote source waits for its peer): they belong on query threads. A source may
 * be asked from several threads at once; a ScanCursor belongs to one.
 *
 * Times are those of the spans, as they were sent, in nanoseconds since 1970. A span lies in a
 * range when its start does. A query sees every batch that was stored before it began and none of
 * it leaves while it runs; what is stored later it does not see.
 */
#ifndef STORE_SCAN_H
#define STORE_SCAN_H

#include "base/attributes.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "model/ids.h"

#include <stdint.h>

typedef struct Batch Batch;
typedef struct SpanSource SpanSource;
typedef struct ScanCursor ScanCursor;

typedef enum MatchField {
    MATCH_SERVICE,            /* resource attribute service.name; without one "unknown_service" */
    MATCH_NAME,               /* the span's name */
    MATCH_KIND,               /* text: unspecified internal server client producer consumer */
    MATCH_STATUS,             /* text: unset ok error */
    MATCH_SCOPE_NAME,         /* of the instrumentation scope */
    MATCH_SCOPE_VERSION,      /* likewise */
    MATCH_EVENT_NAME,         /* one of its events has that name */
    MATCH_SPAN_ATTRIBUTE,     /* `key` among the span's own attributes */
    MATCH_RESOURCE_ATTRIBUTE, /* ... of its resource */
    MATCH_ANY_ATTRIBUTE,      /* ... of the span, its resource, its scope or one of its events */
} MatchField;

typedef enum MatchOp { MATCH_EQUAL, MATCH_NOT_EQUAL } MatchOp;

/* An attribute is compared by its text: 200, 1.5, true, bytes as base64, lists and maps as JSON. A
 * span that has no such attribute equals nothing. */
typedef struct Matcher {
    MatchField field;
    MatchOp op;
    Str key; /* attributes only */
    Str value;
} Matcher;

typedef enum ScanColumns {
    SCAN_ROW_ONLY = 0, /* what SpanRow has; `batch` may be NULL */
    SCAN_SPAN = 1,     /* the span itself, through `batch` */
} ScanColumns;

/* All matchers must hold for one and the same span. Zeroed members do not restrict. */
typedef struct SpanScan {
    const Matcher *matchers;
    size_t matcher_count;
    uint64_t from_ns, to_ns;                   /* from <= start < to; to 0: no end */
    uint64_t duration_min_ns, duration_max_ns; /* both inclusive; max 0: none */
    ScanColumns columns;
    size_t limit;             /* spans; 0: all */
    int64_t deadline_mono_ns; /* then ERR_TIMEOUT; 0: none */
    Clock *clock;             /* whose time that is; NULL: the store's */
} SpanScan;

typedef struct SpanRow {
    TraceId trace_id;
    SpanId span_id, parent_id; /* parent none: a root */
    uint64_t start_ns, end_ns; /* as sent; end before start stays so, and lasts 0 */
    Str service, name;
    uint8_t kind, status; /* OTLP's numbers */
    Batch *batch;         /* batch_ref() to keep it */
    uint32_t span;        /* its index there, for span_view() */
} SpanRow;

/* Valid until the next scan_next() or scan_close(), the texts included. */
typedef struct SpanBlock {
    const SpanRow *rows;
    size_t count;
} SpanBlock;

typedef enum ScanResult { SCAN_BLOCK, SCAN_END, SCAN_FAILED } ScanResult;

enum {
    SCAN_BLOCK_ROWS = 512, /* at most so many in one block */
    VALUES_LIMIT = 10000,
};

typedef enum ValuesOf {
    VALUES_SERVICES,       /* every service name */
    VALUES_ATTRIBUTE_KEYS, /* every attribute key (span and resource) */
    VALUES_ATTRIBUTE,      /* the values that attribute `key` has, as text */
} ValuesOf;

typedef struct ValuesQuery {
    ValuesOf what;
    Str key;
    uint64_t from_ns, to_ns; /* as in SpanScan */
    size_t limit;            /* at most so many, which ones is not said; 0: VALUES_LIMIT */
    int64_t deadline_mono_ns;
    Clock *clock; /* whose time that is; NULL: the store's */
} ValuesQuery;

typedef struct Operation {
    Str service, name;
    uint8_t kind;
    uint64_t spans;
} Operation;

typedef struct Edge { /* spans of service `child` whose parent is a span of another, `parent` */
    Str parent, child;
    uint64_t calls;
} Edge;

typedef struct SourceStats {
    uint64_t spans, traces, bytes;
    int64_t oldest_received_ns; /* 0: nothing is held */
} SourceStats;

/* What meta is asked for; NULL members are not computed. Found texts are borrowed for the call;
 * returning false ends the listing without an error. */
typedef struct MetaQuery {
    Str service;             /* operations of this service; empty: of all */
    uint64_t from_ns, to_ns; /* edges: as in SpanScan */
    int64_t deadline_mono_ns;
    Clock *clock; /* whose time that is; NULL: the store's */
    void *context;
    bool (*operation)(void *context, const Operation *found);
    bool (*edge)(void *context, const Edge *found);
    SourceStats *stats;
} MetaQuery;

typedef bool ValueFound(void *context, Str value); /* false: enough */

struct SpanSource {
    ScanCursor *(*scan)(SpanSource *source, const SpanScan *query, Err *err);
    ScanCursor *(*lookup)(SpanSource *source, const TraceId *ids, size_t count, Err *err);
    bool (*values)(SpanSource *source, const ValuesQuery *query, ValueFound *found, void *context,
                   Err *err);
    bool (*meta)(SpanSource *source, const MetaQuery *query, Err *err);
};

struct ScanCursor {
    ScanResult (*next)(ScanCursor *cursor, SpanBlock *out, Err *err);
    void (*close)(ScanCursor *cursor);
};

/* Spans that match, newest start first. The matchers are copied. */
CHECKED static inline ScanCursor *source_scan(SpanSource *source, const SpanScan *query, Err *err)
{
    return source->scan(source, query, err);
}
/* All spans of these traces, trace after trace as asked, each by start, oldest first; a trace that
 * is not there has none. Spans sent twice come twice. */
CHECKED static inline ScanCursor *source_lookup(SpanSource *source, const TraceId *ids,
                                                size_t count, Err *err)
{
    return source->lookup(source, ids, count, err);
}
/* Distinct, sorted bytewise. */
CHECKED static inline bool source_values(SpanSource *source, const ValuesQuery *query,
                                         ValueFound *found, void *context, Err *err)
{
    return source->values(source, query, found, context, err);
}
/* Operations sorted by service, name, kind; edges by parent, child. */
CHECKED static inline bool source_meta(SpanSource *source, const MetaQuery *query, Err *err)
{
    return source->meta(source, query, err);
}

CHECKED static inline ScanResult scan_next(ScanCursor *cursor, SpanBlock *out, Err *err)
{
    return cursor->next(cursor, out, err);
}
static inline void scan_close(ScanCursor *cursor)
{
    if (cursor)
        cursor->close(cursor);
}

#endif
