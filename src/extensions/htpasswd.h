/* htpasswd.h - names and hashed passwords, one "name:hash" a line, as Apache's htpasswd writes
 * them.
 *
 * Hashes: bcrypt ($2y$, $2b$, $2a$), MD5 of Apache ($apr1$), SHA-1 ({SHA}), what crypt(3) calls
 * $1$, $5$ and $6$, and plain text. What looks like a hash of another kind is refused rather than
 * taken for plain text, and so is one that would take longer than HTPASSWD_WORK_MAX. Empty lines
 * and such that begin with # are passed over; of two lines of one name the later counts.
 */
#ifndef EXTENSIONS_HTPASSWD_H
#define EXTENSIONS_HTPASSWD_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "base/str.h"

enum {
    HTPASSWD_HASH_MAX = 192,
    HTPASSWD_PASSWORD_MAX = 255,     /* longer ones match nothing */
    HTPASSWD_WORK_MAX = 1000 * 1000, /* microseconds, of a common machine */
};

typedef enum HashKind { HASH_PLAIN, HASH_SHA, HASH_APR1, HASH_CRYPT } HashKind;

typedef struct PasswordLine {
    Str name, hash;
    HashKind kind;
    uint32_t work; /* about how many microseconds a check takes */
    size_t number; /* of the line, from 1 */
} PasswordLine;

typedef struct Htpasswd {
    PasswordLine *lines; /* by name */
    size_t count;
    const PasswordLine *dearest; /* what a check for a name that nobody has costs; NULL: no lines */
} Htpasswd;

/* All of it in the arena. Errors tell the line, never what is in it. */
CHECKED bool htpasswd_parse(Str text, Arena *arena, Htpasswd *out, Err *err);
const PasswordLine *htpasswd_find(const Htpasswd *list, Str name); /* NULL: nobody */

/* May take as long as its `work` says. Any thread; a library that is missing matches nothing, which
 * is why htpasswd_ready is asked first. */
bool htpasswd_ready(Err *err);
bool password_matches(const PasswordLine *line, Str password);

#endif
