/* problem.h - everything that is wrong with a configuration, gathered instead of stopping at the
 * first.
 *
 * Whoever reads a configuration notes errors and warnings here, each with its place and the path of
 * keys that leads to it. The list is bounded: after PROBLEMS_MAX the rest is only counted. Texts
 * live in the arena given at the start. Running out of memory is noted too, in `starved`, so that a
 * list without rows can still mean failure: ask problems_ok().
 */
#ifndef CONFIG_PROBLEM_H
#define CONFIG_PROBLEM_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buf.h"
#include "base/err.h"
#include "config/place.h"

enum {
    PROBLEMS_MAX = 100,     /* more than anybody reads; the rest is counted */
    PROBLEM_TEXT_MAX = 600, /* bytes of one message; what is longer loses its end */
    PROBLEM_DEPTH_MAX =
        110, /* keys in a path: the reader's nesting limit and some for the caller */
};

typedef enum ProblemLevel { PROBLEM_ERROR, PROBLEM_WARNING } ProblemLevel;

typedef struct Problem {
    ProblemLevel level;
    Place place;
    Str path; /* "receivers.otlp.protocols.grpc.endpoint"; may be empty */
    Str text; /* "'5' is not a duration such as 200ms, 5s or 2m" */
} Problem;

typedef struct ProblemStep {
    Str key; /* empty: a list's item number `index` */
    size_t index;
} ProblemStep;

typedef struct Problems {
    Arena *arena;
    Problem *rows[PROBLEMS_MAX];
    size_t count;            /* rows kept */
    size_t errors, warnings; /* all that were noted, kept or not */
    Err starved;             /* kind ERR_NONE, unless memory or the arena's limit ended something */
    ProblemStep path[PROBLEM_DEPTH_MAX];
    size_t depth;
} Problems;

void problems_init(Problems *problems, Arena *arena); /* both are the caller's */

/* Where we are: every problem noted between enter and leave carries the key. Keys are borrowed. */
void problems_enter(Problems *problems, Str key);
void problems_enter_item(Problems *problems, size_t index);
void problems_leave(Problems *problems);
void problems_write_path(const Problems *problems, Buf *out); /* "receivers.otlp.rules[2].name" */

void problem_error(Problems *problems, Place place, const char *format, ...) PRINTF(3, 4);
void problem_warning(Problems *problems, Place place, const char *format, ...) PRINTF(3, 4);
void problems_starve(Problems *problems, const Err *err); /* an allocation said no */

/* True when nothing but warnings was noted. */
bool problems_none(const Problems *problems);

/* The same as an Err, for a caller that knows only those: the first error in order of place, and
 * how many more there are. */
CHECKED bool problems_ok(Problems *problems, Err *err);

/* The rows in order of place; and one of them, without a line end. */
void problems_sort(Problems *problems);
void problem_write(const Problem *problem, Buf *out);

/* One line each, sorted by place: "otel.yaml:3:5: key.path: what", warnings with "warning: " behind
 * the place, and at the end how many more there are. */
void problems_write(Problems *problems, Buf *out);

#endif
