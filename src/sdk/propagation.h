/* propagation.h - what the settings say about propagation, inside the library. */
#ifndef SDK_PROPAGATION_H
#define SDK_PROPAGATION_H

#include <cryostorm/propagation.h>

void propagation_use(bool w3c); /* false: inject nothing, extract nothing */

#endif
