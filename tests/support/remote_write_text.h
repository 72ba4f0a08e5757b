/* remote_write_text.h - remote write's requests as text, read by a reader of its own: one that does
 * not know how they are written.
 *
 *     name{label=value,} 1@5 stale@6 from 2       a sample each, and since when it counts (2.0)
 *       exemplar{trace_id=...,} 3@5               behind its series
 *       histogram 5 count=2 sum=3 schema=1 ...
 *     # family type [unit] help                   1.0: metadata; 2.0: with each series
 */
#ifndef TESTS_SUPPORT_REMOTE_WRITE_TEXT_H
#define TESTS_SUPPORT_REMOTE_WRITE_TEXT_H

#include "base/buf.h"

/* Uncompressed bytes. False: they are not such a message, or break a rule of it. */
CHECKED bool remote_write_text(Str message, bool version_2, Buf *out);

#endif
