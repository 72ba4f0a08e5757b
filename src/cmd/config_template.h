/* config_template.h - a configuration with what each of its keys means beside it. */
#ifndef CMD_CONFIG_TEMPLATE_H
#define CMD_CONFIG_TEMPLATE_H

#include "base/buf.h"
#include "config/node.h"
#include "pipe/component.h"

/* Writes the tree of a configuration as YAML, each key with the help of its row; full: also, as
 * comments, the keys that it does not give, with their defaults. The tree must be one that loads.
 * Ask buf_ok(). */
void config_template(const ComponentType *const *registry, const Node *root, bool full, Buf *out);

#endif
