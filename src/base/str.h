/* str.h - borrowed text: a pointer and a length, valid as long as whoever lent it. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Str {
    const char *ptr; /* not terminated by a zero byte; NULL only with len 0 */
    size_t len;
} Str;

/* clang-format off */
#define STR_ROW(literal) { "" literal "", sizeof(literal) - 1 } /* inside a static table */
/* clang-format on */
#define STR(literal) ((Str)STR_ROW(literal))
#define STR_ARG(s)   (int)(s).len, (s).ptr /* for "%.*s" */

Str str_from(const char *zero_terminated); /* NULL gives the empty Str */
PURE bool str_eq(Str a, Str b);
PURE bool str_eq_nocase(Str a, Str b); /* ASCII letters fold */
PURE int str_compare(Str a, Str b);    /* bytewise, as memcmp */
PURE bool str_starts(Str s, Str prefix);
PURE bool str_ends(Str s, Str suffix);
PURE bool str_contains(Str s, Str part);
PURE Str str_trim(Str s);            /* without ASCII white space at both ends */
PURE Str str_skip(Str s, size_t n);  /* without the first n bytes */
PURE Str str_first(Str s, size_t n); /* at most the first n bytes */
PURE uint64_t str_hash(Str s);

/* Cuts the part before the first `separator` off *rest. False when nothing is left to cut. */
bool str_split(Str *rest, char separator, Str *part);

/* The distance in edits, capped: anything beyond `most` gives most + 1. For "did you mean". */
size_t str_distance(Str a, Str b, size_t most);

/* Numbers: the whole text must be one, without white space; false otherwise. */
CHECKED bool str_to_u64(Str s, uint64_t *out);
CHECKED bool str_to_i64(Str s, int64_t *out);
CHECKED bool str_to_double(Str s, double *out);

/* Hexadecimal, either case in, lower case out. out must hold 2 * n characters (no zero byte). */
CHECKED bool str_unhex(Str hex, uint8_t *out, size_t n); /* exactly 2 * n digits */
void hex_write(char *out, const void *bytes, size_t n);

PURE bool utf8_valid(Str s);
/* Length in bytes of the valid sequence at s.ptr, 0 where there is none. */
PURE size_t utf8_step(Str s);

#endif
