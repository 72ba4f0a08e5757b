/* describe.h - what a table says to people and editors: the reference page and the JSON schema. */
#ifndef CONFIG_DESCRIBE_H
#define CONFIG_DESCRIBE_H

#include "base/buf.h"
#include "codec/json.h"
#include "config/field.h"

enum { DESCRIBE_DEPTH_MAX = 16 }; /* a table may contain itself; deeper is left out */

const char *config_type_name(ConfigType type); /* "optional section" */

/* A Markdown table with one line per setting, sections flattened: `protocols.grpc.endpoint`,
 * `rules[].name`, `rooms.<key>.seats`. Ask buf_ok(out). */
void config_docs(const ConfigField *table, Buf *out);

/* One JSON value: the schema (draft 2020-12) of a map with these settings. Where the reader takes
 * ${env:NAME}, the schema does too. Ask json_done(json). */
void config_schema(const ConfigField *table, JsonWriter *json);

/* One row of that: key and value, inside an object that is open. */
void config_schema_row(const ConfigField *field, JsonWriter *json);

#endif
