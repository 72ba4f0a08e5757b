/* mention.h - where in a tree stands what a message speaks of. */
#ifndef CONFIG_MENTION_H
#define CONFIG_MENTION_H

#include "config/node.h"

/* The place of the longest value of the tree that the message quotes, else of the longest key that
 * it names, else `otherwise`. Numbers and switches count as quotes only from MENTION_LEAST bytes
 * on: short ones are in any message. tree: NULL is fine. */
Place node_mentioned(const Node *tree, Str message, Place otherwise);

#endif
