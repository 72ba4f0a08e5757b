/* kept_spans.h - telemetry into memory, and the spans that arrived there. */
#ifndef TESTS_SDK_KEPT_SPANS_H
#define TESTS_SDK_KEPT_SPANS_H

#include <cryostorm/exporter.h>

/* Starts with the in-memory exporter unless `settings` names another; fails the test otherwise. No
 * .env file is read. `settings` may be NULL. */
void memory_start(const CryoSettings *settings);
void memory_stop(void); /* shutdown and reset */

/* After a flush: the newest span of that name (NULL: any), valid until the next clear, start or
 * stop. NULL: there is none. */
const CryoSpanView *span_named(const char *name);
size_t span_count(void);

const CryoValue *attribute_of(CryoAttrs attributes, const char *key); /* NULL: not there */
bool text_is(CryoString text, const char *wanted);
bool text_attribute_is(CryoAttrs attributes, const char *key, const char *wanted);

#endif
