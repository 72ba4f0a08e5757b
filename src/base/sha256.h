/* sha256.h - SHA-256 of bytes at hand (FIPS 180-4). For what must not be read any more but still be
 * compared, such as hashed attributes; nothing here keeps secrets from a clock. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include "base/str.h"

enum { SHA256_SIZE = 32 };

void sha256(Str bytes, uint8_t out[SHA256_SIZE]);

#endif
