/* xxh32_internal.h - XXH32 with seed 0, the checksum of LZ4's frames (xxhash_spec.md). */
#ifndef COMPRESS_XXH32_INTERNAL_H
#define COMPRESS_XXH32_INTERNAL_H

#include "base/attributes.h"
#include "base/str.h"

#include <stdint.h>

PURE uint32_t xxh32(Str bytes);

#endif
