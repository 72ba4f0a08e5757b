/* walk_internal.h - the one walk over outside bytes: validates to full depth and notes what the
 * index needs. */
#ifndef OTLP_WALK_INTERNAL_H
#define OTLP_WALK_INTERNAL_H

#include "otlp/batch_internal.h"
#include "otlp/patch_internal.h"

typedef enum WalkResult {
    WALK_OK,
    WALK_BAD_TEXT, /* all well, but for text that is not UTF-8 */
    WALK_FAILED    /* err says why */
} WalkResult;

/* Appends to `marks` (may be NULL: none wanted). With `mend`, each broken text is noted there as a
 * replacement; the replacements live in mend's arena. */
WalkResult walk_bytes(Signal signal, Str bytes, Marks *marks, Patch *mend, Err *err);

#endif
