/* debug_text.h - a batch as text for people, in the public Collector's two shapes.
 *
 * Appended to a Buf, whose ceiling bounds it. Control characters in what somebody sent are shown as
 * \xNN, so that telemetry cannot drive a terminal.
 */
#ifndef EXPORTERS_DEBUG_DEBUG_TEXT_H
#define EXPORTERS_DEBUG_DEBUG_TEXT_H

#include "base/buf.h"
#include "otlp/batch.h"
#include "otlp/value.h"

void debug_normal(const Batch *batch, Buf *out);   /* a line per item */
void debug_detailed(const Batch *batch, Buf *out); /* everything there is */

/* ---- pieces that both use ---- */

void debug_add_text(Buf *out, Str text);
void debug_add_id(Buf *out, const void *bytes, size_t size); /* nothing for an id that is none */
void debug_add_value(Buf *out, const ValueView *value);      /* as text: 12, true, [1,2] */

#endif
