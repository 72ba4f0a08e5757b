/* logql_script.h - runs scripts about LogQL: lines go in, queries are asked, answers are compared.
 *
 *     clear                                            forgets all lines
 *     load                                             what follows, indented, adds up
 *       {app="a"} "line {{.i}}" @ 10s [repeat every 20s for 4] [metadata k="v"]
 *     eval instant at 60s count_over_time({app="a"}[1m])
 *       {app="a"} 4                                    labels as a set, then the value
 *     eval range from 40s to 80s step 20s rate({app="a"}[1m])
 *       {app="a"} 0.1 _ 0.2                            a point a step; _ none; a+bxN, axN
 *     eval lines from 0s to 1m limit 5 backward {app="a"} |= "x"
 *       {app="a"} "line 1" @ 10s                       exactly these, in this order
 *     eval ...
 *       expect empty | expect ordered | expect fail [msg: part of it | regex: it matches]
 *
 * Times count from the script's epoch. Lines stand in "..." or `...`, nothing is unescaped; {{.i}}
 * is the number of the repetition. A bare number is a scalar. # begins a comment outside of quotes.
 * Values agree within a part in 10^9. "skip values-comparison on ..." is passed over.
 */
#ifndef TESTS_SUPPORT_LOGQL_SCRIPT_H
#define TESTS_SUPPORT_LOGQL_SCRIPT_H

#include "base/buf.h"
#include "base/err.h"

typedef struct ScriptCounts {
    unsigned passed, total; /* evaluations */
} ScriptCounts;

/* Called for every evaluation that went wrong. */
typedef void ScriptFailed(void *context, unsigned line, Str query, Str why);

/* False: the script itself cannot be read; err says where. */
CHECKED bool logql_script_run(Str text, ScriptFailed *failed, void *context, ScriptCounts *counts,
                              Err *err);

#endif
