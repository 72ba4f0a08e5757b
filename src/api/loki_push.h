/* loki_push.h - Loki's push, JSON form, as one OTLP message of logs.
 *
 *     {"streams":[{"stream":{"app":"shop"},"values":[["1700000000000000000","a line",{"k":"v"}]]}]}
 *
 * The labels of a stream become the attributes of a resource, name by name, a line the body of a
 * record, its metadata the record's attributes; a trace_id and a span_id of the right form become
 * the record's own. Whoever stores the message does so with the names as they are.
 *
 * A body that is no JSON, or no push, is refused whole. An entry that cannot be taken (a time that
 * is none, a line too long, labels that are no names) is left out and the first such is said with
 * its place; the others are in the message.
 */
#ifndef API_LOKI_PUSH_H
#define API_LOKI_PUSH_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/err.h"

/* Loki's own defaults, where it has one. */
enum {
    PUSH_LINE_MAX = 256 << 10,
    PUSH_LABELS_MAX = 15,
    PUSH_NAME_MAX = 1024,
    PUSH_VALUE_MAX = 2048,
    PUSH_METADATA_MAX = 128, /* of one entry */
    PUSH_METADATA_BYTES_MAX = 64 << 10,
    PUSH_ENTRIES_MAX = 1000000, /* of one push */
    PUSH_BODY_MAX = 16 << 20,
};

typedef struct PushCounts {
    size_t taken, refused; /* entries */
    Err first;             /* why the first was refused */
} PushCounts;

/* Appends the bytes of an ExportLogsServiceRequest; the purse of `out` pays. False: nothing may be
 * taken of it, ERR_BUSY: for now. */
CHECKED bool loki_push_read(Str body, Buf *out, PushCounts *counts, Err *err);

#endif
