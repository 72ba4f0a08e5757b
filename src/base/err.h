/* err.h - how a function says that it failed: false (or NULL), and why in the caller's Err.
 *
 * The innermost function calls fail(); each caller that knows more puts its "where: " in front with
 * blame(). An ErrKind is there because a caller acts differently on it; err_http_status() and
 * err_retryable() are those policies, in one table.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum ErrKind {
    ERR_NONE,
    ERR_INPUT,       /* what the peer or user sent is wrong; retrying cannot help */
    ERR_UNSUPPORTED, /* well formed, but nobody here does that */
    ERR_MEMORY,      /* the allocator said no */
    ERR_LIMIT,       /* a configured ceiling was met */
    ERR_BUSY,        /* try again, not before retry_ms */
    ERR_TIMEOUT,     /* a deadline passed */
    ERR_CLOSED,      /* whoever should answer is shutting down or gone */
    ERR_DENIED,      /* the peer may not do that */
    ERR_UNKNOWN,     /* nobody can tell who the peer is: it must say so first */
    ERR_IO,          /* the system said no; text carries strerror */
    ERR_CORRUPT,     /* our own bytes fail their checksum */
    ERR_KIND_COUNT
} ErrKind;

typedef struct Err {
    ErrKind kind;
    uint32_t retry_ms; /* 0: the sender chooses */
    char text[248];    /* "opening store: wal 7: short read" */
} Err;

/* Fills err, returns false. An earlier text is overwritten. */
bool fail(Err *err, ErrKind kind, const char *format, ...) PRINTF(3, 4);

/* The same with ": <strerror(code)>" behind; the kind follows from the code (ENOMEM, ENOSPC ...).
 */
bool fail_errno(Err *err, int code, const char *format, ...) PRINTF(3, 4);

/* Puts "where: " in front of what fail() wrote. Overlong text loses its end. Returns false. */
bool blame(Err *err, const char *format, ...) PRINTF(2, 3);

const char *err_kind_name(ErrKind kind);
bool err_retryable(ErrKind kind);  /* may the sender try the same bytes again? */
int err_http_status(ErrKind kind); /* 400, 413, 503 ... */
int err_grpc_code(ErrKind kind);   /* 3 INVALID_ARGUMENT, 14 UNAVAILABLE ... */

#endif
