/* label_match.h - matchers over label sets, as Prometheus' and Loki's selectors have them. */
#ifndef STORE_LABEL_MATCH_H
#define STORE_LABEL_MATCH_H

#include "base/arena.h"
#include "base/err.h"
#include "model/labels.h"
#include "regex/regex.h"

typedef enum LabelOp {
    LABEL_EQUAL,     /* =  */
    LABEL_NOT_EQUAL, /* != */
    LABEL_REGEX,     /* =~ anchored, '.' matches a newline */
    LABEL_NOT_REGEX, /* !~ likewise */
} LabelOp;

/* A question: plain values, so that it can travel. A label that is not there is "". */
typedef struct LabelMatcher {
    LabelOp op;
    Str name, value;
} LabelMatcher;

enum { LABEL_MATCHERS_MAX = 64, LABEL_MATCH_TEXT_MAX = 1 << 20 };

/* Matchers made ready; immutable, and so for any thread. */
typedef struct LabelMatch {
    Arena *arena;
    LabelMatcher *matchers; /* copies */
    Regex **regexes;        /* NULL where none is needed */
    size_t count;
} LabelMatch;

/* Copies. ERR_INPUT: a bad regular expression; ERR_LIMIT beyond the two bounds above. */
CHECKED bool label_match_init(LabelMatch *match, const LabelMatcher *matchers, size_t count,
                              Err *err);
void label_match_done(LabelMatch *match); /* harmless when zeroed */

bool label_matches(const LabelMatch *match, Labels labels);           /* all of them */
bool label_match_value(const LabelMatch *match, size_t i, Str value); /* the i-th alone */

#endif
