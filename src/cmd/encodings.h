/* encodings.h - the content encodings of the program: those of room compress, at net's disposal. */
#ifndef CMD_ENCODINGS_H
#define CMD_ENCODINGS_H

#include "base/attributes.h"
#include "base/err.h"

CHECKED bool
encodings_register(Err *err); /* before any server or client starts; again does nothing */
void encodings_done(void);    /* frees what compress keeps; when none is there any more */

#endif
