/* jwt.h - tokens in the compact form of RFC 7515, and the public keys that they are checked with
 * (RFC 7517).
 *
 * Algorithms are RS256/384/512, PS256/384/512, ES256/384/512 and EdDSA with Ed25519. Whatever else
 * a token names is refused, `none` and the HMACs among them; and the key decides: a token is
 * checked only with keys of its algorithm's own kind, so that no public key is ever taken for a
 * shared secret. A header with `crit` asks for what is not known here and is refused.
 */
#ifndef EXTENSIONS_JWT_H
#define EXTENSIONS_JWT_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "codec/json_tree.h"

enum {
    JWT_MAX = 16 << 10,          /* bytes of a token */
    JWT_ARENA_BYTES = 512 << 10, /* what one may take once it is read */
    JWT_KEYS_MAX = 100,
};

typedef struct Jwt {
    Str alg, kid;            /* kid empty: not said */
    Str covered;             /* what the signature is of */
    Str signature;           /* bytes */
    const JsonValue *claims; /* an object; not to be believed before it is verified */
} Jwt;                       /* borrows from the token and the arena */

CHECKED bool jwt_parse(Str token, Arena *arena, Jwt *out, Err *err);

/* Immutable once parsed, shared by reference. */
typedef struct JwtKeys JwtKeys;

/* {"keys": [...]}. Keys of other kinds and uses are passed over; none left is an error. */
CHECKED JwtKeys *jwt_keys_parse(Str json, Err *err);
JwtKeys *jwt_keys_ref(JwtKeys *keys);
void jwt_keys_unref(JwtKeys *keys); /* NULL is fine */

typedef enum JwtVerdict {
    JWT_GOOD,
    JWT_BAD,    /* err says why */
    JWT_NO_KEY, /* there is none of that id: newer keys may have it */
} JwtVerdict;
JwtVerdict jwt_verify(const Jwt *jwt, const JwtKeys *keys, Err *err);

#endif
