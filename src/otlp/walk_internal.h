/* walk_internal.h - the one walk over outside bytes: validates to full depth and notes what the
 * index needs. */
#ifndef OTLP_WALK_INTERNAL_H
#define OTLP_WALK_INTERNAL_H

#include "otlp/batch_internal.h"
#include "otlp/patch_internal.h"

typedef enum WalkResult {
    WALK_OK,
    WALK_TO_MEND, /* all well, but for text that is not UTF-8, and for what WalkWish.loss is told */
    WALK_FAILED   /* err says why */
} WalkResult;

typedef struct WalkWish {
    Marks *marks;    /* appended to; NULL: none wanted. Of no use once the result is WALK_TO_MEND */
    Patch *mend;     /* each broken text and id is noted there as a replacement, each item that is
                        not taken as a cut; replacements live in its arena. NULL: none wanted */
    BatchLoss *loss; /* NULL: ids are not looked at, and nesting too deep fails. While mending it
                        counts the items that are cut out */
} WalkWish;

WalkResult walk_bytes(Signal signal, Str bytes, const WalkWish *wish, Err *err);

#endif
