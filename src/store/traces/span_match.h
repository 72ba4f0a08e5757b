/* span_match.h - does one span satisfy the matchers of a query? */
#ifndef STORE_TRACES_SPAN_MATCH_H
#define STORE_TRACES_SPAN_MATCH_H

#include "base/arena.h"
#include "base/buf.h"
#include "store/scan.h"

enum { MATCHERS_MAX = 64, MATCH_TEXT_MAX = 1 << 20 };

typedef struct SpanMatch {
    Arena *arena; /* of the matchers' texts */
    Matcher *matchers;
    size_t count;
    uint64_t duration_min_ns, duration_max_ns;
    Buf scratch;
    bool starved; /* memory ran out: what span_matches() said since cannot be trusted */
} SpanMatch;

/* Copies what the query says. ERR_LIMIT beyond MATCHERS_MAX matchers or MATCH_TEXT_MAX of text. */
CHECKED bool span_match_init(SpanMatch *match, const SpanScan *query, Err *err);
void span_match_done(SpanMatch *match); /* harmless when zeroed */

CHECKED bool span_matches(SpanMatch *match, const SpanRow *row);

#endif
