/* command_tls.h - how a command speaks TLS with what it asks or sends to: its options, and what
 * comes of them. */
#ifndef CMD_COMMAND_TLS_H
#define CMD_COMMAND_TLS_H

#include "cmd/option_row.h"
#include "net/tls.h"

typedef struct CommandTls {
    const char *ca_file, *cert_file, *key_file, *server_name;
    bool skip_verify;
} CommandTls;

/* clang-format off */
/* Rows of a struct T with the member `CommandTls tls`. */
#define COMMAND_TLS_ROWS(T)                                                                        \
    { "ca-file", "FILE", OPTION_TEXT, offsetof(T, tls.ca_file), NULL,                              \
      "with https://: whose signature counts; else the system's authorities'", NULL },             \
    { "cert-file", "FILE", OPTION_TEXT, offsetof(T, tls.cert_file), NULL,                          \
      "our certificate, where the server demands one", NULL },                                     \
    { "key-file", "FILE", OPTION_TEXT, offsetof(T, tls.key_file), NULL, "its key", NULL },         \
    { "server-name-override", "NAME", OPTION_TEXT, offsetof(T, tls.server_name), NULL,             \
      "the name that the server's certificate must have", NULL },                                  \
    { "insecure-skip-verify", NULL, OPTION_FLAG, offsetof(T, tls.skip_verify), NULL,               \
      "believe whoever answers", NULL }
/* clang-format on */

/* *out, the caller's to free, is NULL where the URL is not https://. */
CHECKED bool command_tls_open(const CommandTls *tls, const char *url, Loop *loop, TlsContext **out,
                              Err *err);

#endif
