/* effective.h - what a configuration came to: every setting with its value and where it came from.
 *
 *     timeout: 200ms  # preset
 *     grpc:
 *       endpoint: "0.0.0.0:4317"  # otel.yaml:6:19
 *       token: "[redacted]"  # ${env:TOKEN}
 *
 * The output is YAML that loads to the same values, secrets apart: those show as SECRET_SHOWN. ANY
 * rows, whose content no table describes, show only that they are there.
 */
#ifndef CONFIG_EFFECTIVE_H
#define CONFIG_EFFECTIVE_H

#include "base/buf.h"
#include "config/field.h"

/* values: a struct that config_load filled by this table from this tree; with tree NULL no line
 * says where its value came from. indent: columns before each line. Ask buf_ok(out). */
void config_print(const ConfigField *table, const void *values, const Node *tree, size_t indent,
                  Buf *out);

#endif
