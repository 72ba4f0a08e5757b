/* err.c - writing errors, and the one table that says what each kind means to a sender. */
#include "base/err.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct Policy {
    const char *name;
    bool retryable;
    int http_status;
    int grpc_code;
} Policy;

/* OTLP: RESOURCE_EXHAUSTED is only for what never fits; "not now" is UNAVAILABLE. */
static const Policy policies[ERR_KIND_COUNT] = {
    [ERR_NONE] = { "none", false, 200, 0 },
    [ERR_INPUT] = { "bad input", false, 400, 3 },
    [ERR_UNSUPPORTED] = { "unsupported", false, 404, 12 },
    [ERR_MEMORY] = { "out of memory", true, 503, 14 },
    [ERR_LIMIT] = { "over limit", false, 413, 8 },
    [ERR_BUSY] = { "busy", true, 503, 14 },
    [ERR_TIMEOUT] = { "timed out", true, 504, 4 },
    [ERR_CLOSED] = { "closed", true, 503, 14 },
    [ERR_DENIED] = { "denied", false, 403, 7 },
    [ERR_UNKNOWN] = { "unauthenticated", false, 401, 16 },
    [ERR_IO] = { "input/output", true, 503, 14 },
    [ERR_CORRUPT] = { "corrupt", false, 500, 13 },
};

bool fail(Err *err, ErrKind kind, const char *format, ...)
{
    assert(kind != ERR_NONE && kind < ERR_KIND_COUNT);
    err->kind = kind;
    err->retry_ms = 0;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return false;
}

/* A full disk is not broken: it works again once somebody has made room. */
static ErrKind kind_of(int code)
{
    if (code == ENOSPC || code == EDQUOT)
        return ERR_BUSY;
    return code == ENOMEM ? ERR_MEMORY : ERR_IO;
}

bool fail_errno(Err *err, int code, const char *format, ...)
{
    err->kind = kind_of(code);
    err->retry_ms = 0;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    size_t used = strlen(err->text);
    char reason[96];
    snprintf(err->text + used, sizeof err->text - used, ": %s",
             strerror_r(code, reason, sizeof reason));
    return false;
}

/* Built aside, then copied back: the old text is an input. */
bool blame(Err *err, const char *format, ...)
{
    assert(err->kind != ERR_NONE);
    char whole[2 * sizeof err->text] = { 0 };
    va_list args;
    va_start(args, format);
    vsnprintf(whole, sizeof err->text, format, args);
    va_end(args);
    size_t used = strlen(whole);
    snprintf(whole + used, sizeof whole - used, ": %s", err->text);
    memcpy(err->text, whole, sizeof err->text - 1);
    err->text[sizeof err->text - 1] = 0;
    return false;
}

const char *err_kind_name(ErrKind kind)
{
    return policies[kind].name;
}
bool err_retryable(ErrKind kind)
{
    return policies[kind].retryable;
}
int err_http_status(ErrKind kind)
{
    return policies[kind].http_status;
}
int err_grpc_code(ErrKind kind)
{
    return policies[kind].grpc_code;
}
