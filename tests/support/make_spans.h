/* make_spans.h - batches of spans for tests, one line of words per span.
 *
 *     trace=a1 id=1 parent=2 service=shop name="GET /" kind=server start=+10s last=5ms
 *     status=error message=bad state=a=b flags=1 scope=lib/1.0 @n=5 %host=web event=oops link=b2/7
 *
 * Ids are hexadecimal and may leave out leading zeros. start is nanoseconds since 1970, or with a
 * plus a duration since SPANS_EPOCH_NS; last is a duration and may be negative. @ is an attribute
 * of the span, % of its resource, ! of the event before it: true, 5 and 1.5 become what they look
 * like, all else text. What is not said has a default: trace 1, id 1, service none, start
 * SPANS_EPOCH_NS.
 */
#ifndef TESTS_SUPPORT_MAKE_SPANS_H
#define TESTS_SUPPORT_MAKE_SPANS_H

#include "otlp/batch.h"

#define SPANS_EPOCH_NS UINT64_C(1750000000000000000)

/* NULL: a word that is none of these (err), or no memory. */
CHECKED Batch *make_spans(Str lines, Err *err);

#endif
