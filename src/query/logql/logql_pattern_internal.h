/* logql_pattern_internal.h - patterns such as `<ip> - <_> "<method> <_>"`: literals with captures
 * between them, two captures never side by side. */
#ifndef QUERY_LOGQL_LOGQL_PATTERN_INTERNAL_H
#define QUERY_LOGQL_LOGQL_PATTERN_INTERNAL_H

#include "query/logql/logql_tree_internal.h"

/* ERR_INPUT: two captures side by side, or no letters at all. */
CHECKED bool pattern_parse(Arena *arena, Str text, PatternPart **out, Err *err);

/* The whole line, with something in every capture. */
bool pattern_matches(const PatternPart *pattern, Str line);

/* Named captures in order, as far as the line goes along. False: no more. */
typedef struct PatternWalk {
    const PatternPart *next;
    Str rest;
} PatternWalk;
bool pattern_walk(PatternWalk *walk, Str *name, Str *value);

#endif
