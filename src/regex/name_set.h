/* name_set.h - a list of names, or of patterns, that a name is looked up in: what includes and
 * excludes of components are made of. Immutable once made. */
#ifndef REGEX_NAME_SET_H
#define REGEX_NAME_SET_H

#include "regex/regex.h"

#include <stddef.h>

typedef struct NameSet NameSet;

typedef enum NameMatch {
    NAMES_STRICT,   /* the same text */
    NAMES_PATTERNS, /* a pattern matches anywhere in the name, as the public Collector does it */
} NameMatch;

enum { NAME_SET_MAX = 10000 };

/* The names are borrowed for the set's life. ERR_INPUT: which pattern is none, and why. */
CHECKED NameSet *name_set_new(const Str *names, size_t count, NameMatch how, Err *err);
void name_set_free(NameSet *set); /* NULL is fine */

bool name_set_has(const NameSet *set, Str name); /* NULL: it has none */

#endif
