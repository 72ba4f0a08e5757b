/* tls.c - contexts of TLS over OpenSSL; see tls.h. */
#include "net/tls.h"

TlsContext *tls_context_new(const TlsOptions *options, Err *err)
{
    (void)options;
    fail(err, ERR_UNSUPPORTED, "TLS is not built yet");
    return NULL;
}

bool tls_reload(TlsContext *context, Err *err)
{
    (void)context;
    return fail(err, ERR_UNSUPPORTED, "TLS is not built yet");
}

int64_t tls_expires_unix(const TlsContext *context)
{
    (void)context;
    return INT64_MAX;
}

void tls_context_free(TlsContext *context)
{
    (void)context;
}
