/* debug_detailed_internal.h - lines of the detailed text, for debug_detailed.c and debug_points.c.
 */
#ifndef EXPORTERS_DEBUG_DEBUG_DETAILED_INTERNAL_H
#define EXPORTERS_DEBUG_DEBUG_DETAILED_INTERNAL_H

#include "base/buf.h"
#include "otlp/batch.h"
#include "otlp/value.h"

void detail_text(Buf *out, const char *label, Str text); /* a line */
void detail_time(Buf *out, const char *label, uint64_t ns);

/* The title, and a line for each; nothing when there are none. */
void detail_attributes(Buf *out, const char *title, Attributes list, const char *indent);

void detail_metric(Buf *out, const Batch *batch, size_t metric);

#endif
