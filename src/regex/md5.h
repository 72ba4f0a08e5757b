/* md5.h - MD5 (RFC 1321), where somebody else's choice of it must be met: Prometheus spreads
 * targets by it. It protects nothing. */
#ifndef REGEX_MD5_H
#define REGEX_MD5_H

#include "base/str.h"

enum { MD5_SIZE = 16 };

void md5_of(Str text, uint8_t out[MD5_SIZE]);

#endif
