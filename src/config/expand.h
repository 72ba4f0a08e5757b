/* expand.h - ${env:NAME} and its like in the values of a tree.
 *
 *     ${env:NAME}  ${NAME}          the variable; unset: nothing, and a warning
 *     ${env:NAME:-text}             with a default for when it is not set (set and empty counts)
 *     ${env:${STAGE}_URL}           the innermost first
 *     ${file:/etc/token}            what the file holds, without its last line end
 *     ${http://host/x}  ${https:..} what is there
 *     ${yaml:[a, b]}                what stands here
 *     $$                            one $; so $${NAME} stays ${NAME}
 *     $NAME, a $ before anything    as it stands
 *
 * A value that is one ${...} as a whole takes what it finds read as YAML, so it may be a number, a
 * list or a map; fields that want text get it as it is. Inside a longer text it is
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

/* Where values come from. find: false when the variable is not set; the text is borrowed until
 * the expansion is over. read: the whole text behind file:, http: or https:; NULL: nothing is read.
 */
typedef struct Environment {
    bool (*find)(void *context, Str name, Str *value);
    void *context;
    bool (*read)(void *context, Str scheme, Str location, Buf *text, Err *err);
} Environment;

/* The word in front of the first colon, where it can be a scheme (two characters at least); else
 * empty. */
Str config_scheme(Str text);

const Environment *environment_process(void); /* getenv(3) */

/* Expands every value of the tree in place; true when it noted no error. */
bool config_expand(Node *root, const Environment *environment, Arena *arena, Problems *problems);

#endif
