/* logql_lexer_internal.h - LogQL's words, one at a time, with their places.
 *
 * No I/O, no allocation but for texts with escapes, which go to the query's arena. Failure is the
 * token LEX_BAD with its err; an Err's text begins with "parse error at line 1, col 7: ".
 */
#ifndef QUERY_LOGQL_LOGQL_LEXER_INTERNAL_H
#define QUERY_LOGQL_LOGQL_LEXER_INTERNAL_H

#include "base/arena.h"

typedef enum LexKind {
    LEX_END,
    LEX_BAD,
    LEX_WORD,     /* identifier or keyword; text */
    LEX_TEXT,     /* "..." or `...`; text, unescaped */
    LEX_NUMBER,   /* number */
    LEX_DURATION, /* nanos */
    LEX_BYTES,    /* number */
    LEX_RANGE,    /* [5m]; nanos */
    LEX_FLAG,     /* --strict, --keep-empty; text without the dashes */
    LEX_SIGN,     /* operators and brackets; text */
} LexKind;

typedef struct LexToken {
    LexKind kind;
    Str text;
    size_t at; /* byte offset */
    double number;
    int64_t nanos;
} LexToken;

typedef struct Lexer {
    Str source;
    size_t at;
    Arena *arena;
} Lexer;

/* The next word. False: err. */
CHECKED bool lexer_next(Lexer *lexer, LexToken *out, Err *err);

/* Fails with the place of byte `at` in front. */
bool lexer_fail(Str source, size_t at, Err *err, const char *format, ...) PRINTF(4, 5);
bool lexer_blame(Str source, size_t at, Err *err); /* puts only the place in front */

/* Units, as queries and as the values of labels have them. */
CHECKED bool logql_duration(Str text, int64_t *out_ns); /* 1h30m; also d w y */
CHECKED bool logql_bytes(Str text, double *out);        /* 5MB, 1.5 KiB; letter case counts not */
CHECKED bool logql_float(Str text, double *out); /* as Go's ParseFloat: 1e3, Inf, NaN, 0x1p3 */

#endif
