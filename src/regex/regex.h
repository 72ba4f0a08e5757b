/* regex.h - RE2 behind one shim: the syntax that PromQL, LogQL and the Collector promise, in time
 * linear in the text.
 *
 * A Regex is immutable once made: any thread may match with it. Neither the pattern nor a text may
 * hold more than RE2 takes; a pattern that would compile to too large a program is ERR_LIMIT.
 */
#ifndef REGEX_REGEX_H
#define REGEX_REGEX_H

#include "base/attributes.h"
#include "base/err.h"
#include "base/str.h"

typedef struct Regex Regex;

enum {
    REGEX_PATTERN_MAX = 64 << 10,
    REGEX_GROUPS_MAX = 64, /* groups that regex_find() reports, the whole match included */
};

typedef enum RegexMode {
    REGEX_SEARCH,   /* matches anywhere; '.' leaves out a newline */
    REGEX_ANCHORED, /* the whole text, '.' matches a newline too: ^(?s:...)$, as label matchers do
                     */
} RegexMode;

/* NULL: ERR_INPUT says what is wrong with the pattern. */
CHECKED Regex *regex_new(Str pattern, RegexMode mode, Err *err);
void regex_free(Regex *regex); /* NULL is fine */

bool regex_matches(const Regex *regex, Str text);

/* The first match. groups[0] is the whole, groups[i] the i-th pair of parentheses; one that took no
 * part has ptr NULL. Fills min(max, regex_groups()) of them. */
bool regex_find(const Regex *regex, Str text, Str *groups, size_t max);

size_t regex_groups(const Regex *regex);                 /* 1 + pairs of parentheses */
Str regex_group_name(const Regex *regex, size_t number); /* empty: it has none */

/* The text that every match must begin with, when the pattern is nothing but literal text: then the
 * caller may compare instead of matching. False: it is not. The text lives as long as the Regex. */
bool regex_literal(const Regex *regex, Str *out);

#endif
