/* credential.h - what the authentication extensions do with secrets, whatever their kind. */
#ifndef EXTENSIONS_CREDENTIAL_H
#define EXTENSIONS_CREDENTIAL_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/str.h"

/* Takes as long for every `known` of one length, wherever the two differ: so that nobody can find a
 * secret out piece by piece. */
bool secret_equal(Str given, Str known);

/* What stands behind "<scheme> " (its case does not count); ptr NULL: another scheme. An empty
 * scheme: all of it. */
Str credential_behind(Str field, Str scheme);

void secret_wipe(Buf *text); /* buf_free, its bytes gone before */

#endif
