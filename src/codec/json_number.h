/* json_number.h - what the letters of a JSON number are worth, exactly.
 *
 * The whole text must be a number as JSON's grammar has it (integers may have zeros in front: they
 * also stand in quotes, where nobody says that they must not). Integers may carry a fraction or an
 * exponent as long as the value is whole (1.0, 12e3: JavaScript writes 1e+21); nothing passes
 * through a double, so 2^53 + 1 and all of 64 bits survive. A double is the nearest one to the
 * decimal, in any locale of the host program.
 */
#ifndef CODEC_JSON_NUMBER_H
#define CODEC_JSON_NUMBER_H

#include "base/str.h"

/* How many characters at the start of `text` are a number; 0: none. */
size_t json_number_length(Str text);

/* False: not a number, not whole, or it does not fit. */
CHECKED bool json_number_i64(Str text, int64_t *out);
CHECKED bool json_number_u64(Str text, uint64_t *out);
CHECKED bool json_number_double(Str text, double *out); /* finite */

#endif
