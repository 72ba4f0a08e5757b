/* version.h - the version of these headers; the build reads it from here. */
#ifndef CRYOSTORM_VERSION_H
#define CRYOSTORM_VERSION_H

#define CRYO_VERSION       "0.1.0"
#define CRYO_VERSION_MAJOR 0
#define CRYO_VERSION_MINOR 1
#define CRYO_VERSION_PATCH 0

#endif
