/* command_tls.c - see command_tls.h. */
#include "cmd/command_tls.h"

bool command_tls_open(const CommandTls *tls, const char *url, Loop *loop, TlsContext **out,
                      Err *err)
{
    *out = NULL;
    if (!str_eq_nocase(str_first(str_from(url), 8), STR("https://")))
        return true;
    *out = tls_context_new(&(TlsOptions){ .role = TLS_CLIENT,
                                          .loop = loop,
                                          .ca_file = str_from(tls->ca_file),
                                          .cert_file = str_from(tls->cert_file),
                                          .key_file = str_from(tls->key_file),
                                          .server_name = str_from(tls->server_name),
                                          .insecure_skip_verify = tls->skip_verify },
                           err);
    return *out != NULL;
}
