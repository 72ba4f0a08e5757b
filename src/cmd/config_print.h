/* config_print.h - a whole configuration as what it came to: YAML with origins, or JSON. */
#ifndef CMD_CONFIG_PRINT_H
#define CMD_CONFIG_PRINT_H

#include "cmd/load_config.h"

enum { CONFIG_PRINT_MAX = 16 << 20 };

/* origins: each line says where its value came from. */
CHECKED bool config_print_yaml(const LoadedConfig *config, bool origins, Buf *out, Err *err);
CHECKED bool config_print_json(const LoadedConfig *config, Buf *out, Err *err);

/* A key of YAML, in quotes where it needs them. */
void config_print_key(Buf *out, Str key);
void config_print_text(Buf *out, Str text); /* always in quotes */

#endif
