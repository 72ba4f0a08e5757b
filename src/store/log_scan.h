/* log_scan.h - the only door for queries over logs: scan, values, streams, meta. What scan.h says
 * of sources holds here too.
 *
 * A log record belongs to a stream, which is a small label set, and has metadata: labels of its own
 * that do not make a stream. Of an OTLP record the stream is made of the well-known resource
 * attributes (service.name and so on) as Loki does, the metadata of all other attributes, severity
 * and ids; names as Loki writes them (dots become underscores). Times are nanoseconds since 1970:
 * the record's own, else when it was observed, else when it was received.
 */
#ifndef STORE_LOG_SCAN_H
#define STORE_LOG_SCAN_H

#include "base/clock.h"
#include "model/ids.h"
#include "store/label_match.h"
#include "store/series_scan.h"

typedef struct Batch Batch;
typedef struct LogSource LogSource;
typedef struct LogCursor LogCursor;

/* All of it must hold. Zeroed members do not restrict. */
typedef struct LogScan {
    const LabelMatcher *matchers; /* over the stream's labels */
    size_t matcher_count;
    uint64_t from_ns, to_ns; /* from <= time < to; to 0: no end */
    bool newest_first;
    bool no_metadata;    /* LogRow.metadata is not wanted */
    const Str *contains; /* rows whose line lacks one of these may be left out */
    size_t contains_count;
    const TraceId *trace_id; /* rows whose label trace_id is another may be left out */
    size_t limit;            /* rows; 0: all */
    int64_t deadline_mono_ns;
    Clock *clock; /* whose time that is; NULL: the store's */
} LogScan;

typedef struct LogRow {
    uint64_t time_ns;
    Labels stream;
    Labels metadata; /* severity_text, severity_number, trace_id, span_id, attributes ... */
    Str line;        /* the body: text as it is, other values as JSON */
    uint32_t severity;
    TraceId trace_id;
    SpanId span_id;
    Batch *batch;    /* batch_ref() to keep it */
    uint32_t record; /* its index there, for log_view() */
} LogRow;

/* Valid until the next log_next() or log_close(), the texts included. */
typedef struct LogBlock {
    const LogRow *rows;
    size_t count;
} LogBlock;

enum { LOG_BLOCK_ROWS = 512 };
typedef enum LogResult { LOG_BLOCK, LOG_END, LOG_FAILED } LogResult;

typedef struct LogStreamQuery {
    Str name;                     /* log_labels(): values of this label; empty: which names */
    const LabelMatcher *matchers; /* none: every stream */
    size_t matcher_count;
    uint64_t from_ns, to_ns; /* streams a little outside may be among them */
    size_t limit;
    int64_t deadline_mono_ns;
    Clock *clock; /* whose time that is; NULL: the store's */
} LogStreamQuery;
typedef bool StreamFound(void *context, Labels stream); /* false: enough */

typedef struct LogStats {
    uint64_t records, streams, bytes;
    int64_t oldest_received_ns;
} LogStats;

struct LogSource {
    LogCursor *(*scan)(LogSource *source, const LogScan *query, Err *err);
    bool (*labels)(LogSource *source, const LogStreamQuery *query, LabelFound *found, void *context,
                   Err *err);
    bool (*streams)(LogSource *source, const LogStreamQuery *query, StreamFound *found,
                    void *context, Err *err);
    bool (*stats)(LogSource *source, LogStats *out, Err *err);
};

struct LogCursor {
    LogResult (*next)(LogCursor *cursor, LogBlock *out, Err *err);
    void (*close)(LogCursor *cursor);
};

/* Rows that match by time, those of one time in the order in which they were stored (newest_first
 * turns both around). The matchers are copied. */
CHECKED static inline LogCursor *log_scan(LogSource *source, const LogScan *query, Err *err)
{
    return source->scan(source, query, err);
}
/* Distinct, sorted bytewise. */
CHECKED static inline bool log_labels(LogSource *source, const LogStreamQuery *query,
                                      LabelFound *found, void *context, Err *err)
{
    return source->labels(source, query, found, context, err);
}
/* Each stream once, in the order of labels_compare(). */
CHECKED static inline bool log_streams(LogSource *source, const LogStreamQuery *query,
                                       StreamFound *found, void *context, Err *err)
{
    return source->streams(source, query, found, context, err);
}
CHECKED static inline bool log_stats(LogSource *source, LogStats *out, Err *err)
{
    return source->stats(source, out, err);
}
CHECKED static inline LogResult log_next(LogCursor *cursor, LogBlock *out, Err *err)
{
    return cursor->next(cursor, out, err);
}
static inline void log_close(LogCursor *cursor)
{
    if (cursor)
        cursor->close(cursor);
}

#endif
