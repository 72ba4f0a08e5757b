/* recipes.h - the configurations that `cryostorm init` begins with. */
#ifndef CMD_RECIPES_H
#define CMD_RECIPES_H

#include <stddef.h>

typedef struct Recipe {
    const char *name;
    const char *summary; /* a sentence */
    const char *yaml;    /* a configuration that loads without a word; its comments are made */
} Recipe;

extern const Recipe recipes[]; /* name NULL at the end */

#endif
