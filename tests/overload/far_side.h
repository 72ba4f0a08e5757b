/* far_side.h - who gets the data in the end: an OTLP/gRPC server on a loop and thread of its own
 * that is slow at first, and writes what arrives into the book. */
#ifndef TESTS_OVERLOAD_FAR_SIDE_H
#define TESTS_OVERLOAD_FAR_SIDE_H

#include <stdint.h>

enum { SLOW_MS = 250 }; /* so long does it take for each call */

void far_side_start(uint16_t port);
void far_side_hurry(void); /* from now on it takes what comes at once */

#endif
