/* value_text.h - an attribute's value as the text that queries compare and Jaeger shows. */
#ifndef OTLP_VALUE_TEXT_H
#define OTLP_VALUE_TEXT_H

#include "base/buf.h"
#include "otlp/value.h"

/* Appends it: text as it is, true, 200, 1.5, 1e-9, NaN, bytes as base64, lists and maps as JSON,
 * nothing for an empty value. */
void value_text(const ValueView *value, Buf *out);

/* Is that text `text`? Formats only what is not text already, in a buffer that the caller keeps. */
CHECKED bool value_text_is(const ValueView *value, Str text, Buf *scratch);

#endif
