/* nearest.h - "did you mean": of several names, the one nearest to what was written. */
#ifndef CONFIG_NEAREST_H
#define CONFIG_NEAREST_H

#include "base/str.h"

/* Starts with only `given` set; then one nearest_try() per name that would have been right. */
typedef struct Nearest {
    Str given;
    Str name; /* empty: none is near; borrowed from nearest_try */
    size_t distance;
} Nearest;

void nearest_try(Nearest *nearest, Str name);

/* For the end of a message, "%s%.*s%s": `; did you mean "name"`, or nothing at all. */
#define NEAREST_FORMAT "%s%.*s%s"
#define NEAREST_ARG(n) \
    (n).name.len ? "; did you mean \"" : "", STR_ARG((n).name), (n).name.len ? "\"" : ""

#endif
