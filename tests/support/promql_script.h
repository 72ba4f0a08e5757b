/* promql_script.h - runs scripts in the language of Prometheus' own tests: series are loaded,
 * queries are asked, answers are compared.
 *
 *     clear                                       forgets all series
 *     load 30s                                    what follows, indented, adds up
 *       name{label="value"} 1 2+3x2 _ stale NaN   one value a step: a+bxN, a-bxN, axN, _ none, _xN
 *     eval instant at 1m sum(name)
 *       {} 8                                      labels, then the value; or a bare number
 *     eval range from 0 to 2m step 1m name
 *       name{label="value"} 1 5 _
 *     eval ...
 *       expect fail [msg: text | regex: text]     likewise warn, info
 *       expect no_warn | no_info | ordered
 *       expect string "text"
 *       expect range vector from 10s to 1m step 10s
 *
 * and the older eval_fail, eval_warn, eval_info, eval_ordered, expected_fail_message and
 * expected_fail_regexp. Values agree within a part in 10^6 as Prometheus' own runner has it, NaN
 * with NaN. Every instant evaluation is asked again as a range of several steps around its
 * time, as that runner does, unless it has an order or asks for the query's range() or step().
 *
 * Native histograms are not there yet: a series that holds one is not loaded, and an evaluation
 * that expects one fails. The same holds for start timestamps ("name@st").
 */
#ifndef TESTS_SUPPORT_PROMQL_SCRIPT_H
#define TESTS_SUPPORT_PROMQL_SCRIPT_H

#include "base/err.h"
#include "base/str.h"

typedef struct PromqlCounts {
    unsigned passed, total; /* evaluations */
} PromqlCounts;

/* Called for every evaluation that went wrong. */
typedef void PromqlFailed(void *context, size_t line, Str query, Str why);

/* False: the script itself cannot be read; err says where. */
CHECKED bool promql_script_run(Str text, PromqlFailed *failed, void *context, PromqlCounts *counts,
                               Err *err);

#endif
