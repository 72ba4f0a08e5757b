/* config_graph.h - the pipelines of a configuration as a picture.
 *
 *     traces
 *       otlp   ─┬─▶ memory_limiter ─▶ batch ─┬─▶ debug
 *       jaeger ─┘                            └─▶ store
 */
#ifndef CMD_CONFIG_GRAPH_H
#define CMD_CONFIG_GRAPH_H

#include "pipe/service_config.h"

enum { CONFIG_GRAPH_MAX = 4 << 20 };

void config_graph_text(const ServiceConfig *config, Buf *out); /* ask buf_ok(out) */

/* One SVG document, light and dark. Each box says on pointing where it stands in the configuration.
 */
void config_graph_svg(const ServiceConfig *config, Buf *out);

#endif
