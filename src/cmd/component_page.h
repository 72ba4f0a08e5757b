/* component_page.h - what the registry says to people, programs and editors. */
#ifndef CMD_COMPONENT_PAGE_H
#define CMD_COMPONENT_PAGE_H

#include "base/buf.h"
#include "codec/json.h"
#include "pipe/component.h"

enum { COMPONENT_PAGE_MAX = 8 << 20 };

/* One line each: name, stability, summary, signals. */
void component_list(const ComponentType *const *registry, Buf *out);

/* Everything about the components of that name: false: there is none, and err says which is near.
 */
CHECKED bool component_page(const ComponentType *const *registry, Str name, Buf *out, Err *err);

/* All of it as JSON, settings as JSON Schema. Ask json_done(). */
void component_list_json(const ComponentType *const *registry, JsonWriter *json);

/* What "otlp.protocols.grpc", "receivers.otlp.protocols" or "service.telemetry" means, for each
 * component where it means something. False: nowhere, and err says which key is near. */
CHECKED bool component_explain(const ComponentType *const *registry, Str path, Buf *out, Err *err);

/* The JSON Schema (draft 2020-12) of the whole file. Ask json_done(). */
void component_schema(const ComponentType *const *registry, JsonWriter *json);

#endif
