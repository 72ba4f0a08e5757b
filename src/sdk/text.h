/* text.h - texts on their way out: in one piece, and valid UTF-8. */
#ifndef SDK_TEXT_H
#define SDK_TEXT_H

#include "sdk/record.h"

enum { TEXT_SCRATCH_MAX = 4 << 20 }; /* a value's megabyte, each byte of it become U+FFFD */

/* Memory for one text at a time; start with TEXT_SCRATCH. */
typedef struct TextScratch {
    Buf piece, repaired;
} TextScratch;
#define TEXT_SCRATCH ((TextScratch){ BUF(TEXT_SCRATCH_MAX), BUF(TEXT_SCRATCH_MAX) })

/* The same text when it is UTF-8, else a copy with U+FFFD in place of each byte that is not.
 * Without memory for that the text is empty, and scratch->repaired has failed. */
Str text_repaired(Str text, TextScratch *scratch);

/* The next bytes of a value as such a text. */
Str text_take(RecordPos *pos, size_t len, TextScratch *scratch);

void text_scratch_free(TextScratch *scratch);

#endif
