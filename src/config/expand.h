/* expand.h - ${env:NAME} in the values of a tree.
 *
 *     ${env:NAME}  ${NAME}          the variable; unset: nothing, and a warning
 *     ${env:NAME:-text}             with a default for when it is not set (set and empty counts)
 *     ${env:${STAGE}_URL}           the innermost first
 *     $$                            one $; so $${NAME} stays ${NAME}
 *     $NAME, a $ before anything    as it stands
 *
 * A value that is one ${...} as a whole takes the variable read as YAML, so it may be a number, a
 * list or a map; fields that want text get the variable as it is. Inside a longer text it is
 * spliced in. Values found are expanded again, defaults too; EXPAND_DEPTH_MAX and EXPAND_COUNT_MAX
 * bound that. Keys are never expanded. Every value keeps in Node.origin what the user wrote.
 */
#ifndef CONFIG_EXPAND_H
#define CONFIG_EXPAND_H

#include "config/node.h"
#include "config/problem.h"

enum {
    EXPAND_DEPTH_MAX = 16,      /* variables that name variables; a circle ends here */
    EXPAND_COUNT_MAX = 1000,    /* ${...} that one value may unfold to */
    EXPAND_TEXT_MAX = 1 << 20,  /* bytes of one expanded value */
    EXPAND_NAME_MAX = 255,      /* bytes of a variable's name */
    EXPAND_REFERENCE_MAX = 1024 /* bytes from $ to }; longer ones stay as they stand */
};

/* Where variables come from. find: false when the variable is not set; the text is borrowed until
 * the expansion is over. */
typedef struct Environment {
    bool (*find)(void *context, Str name, Str *value);
    void *context;
} Environment;

const Environment *environment_process(void); /* getenv(3) */

/* Expands every value of the tree in place; true when it noted no error. */
bool config_expand(Node *root, const Environment *environment, Arena *arena, Problems *problems);

#endif
