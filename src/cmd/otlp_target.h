/* otlp_target.h - where a command sends OTLP to, and how: shared by send, gen and doctor. */
#ifndef CMD_OTLP_TARGET_H
#define CMD_OTLP_TARGET_H

#include "base/arena.h"
#include "cmd/command_tls.h"
#include "cmd/option_row.h"
#include "sdk/otlp_link.h"

/* The first member of a command's options. */
typedef struct OtlpTarget {
    const char *endpoint; /* NULL: OTEL_EXPORTER_OTLP_ENDPOINT, else http://127.0.0.1:4317 */
    const char *protocol; /* NULL: http/protobuf on port 4318, else grpc */
    const char *compression;
    OptionWords headers; /* key=value */
    int64_t timeout_ns;
    CommandTls tls; /* files left out: OTEL_EXPORTER_OTLP_CERTIFICATE and so on */
} OtlpTarget;

extern const char *const otlp_protocols[], *const otlp_compressions[];

/* clang-format off */
#define OTLP_TARGET_ROWS                                                                           \
    { "endpoint", "URL", OPTION_TEXT, offsetof(OtlpTarget, endpoint), NULL,                        \
      "where to, also https:, unix:; else OTEL_EXPORTER_OTLP_ENDPOINT or 127.0.0.1:4317", NULL },  \
    { "protocol", "PROTOCOL", OPTION_TEXT, offsetof(OtlpTarget, protocol), NULL,                   \
      "grpc, http/protobuf or http/json; else by the port: 4318 is HTTP", otlp_protocols },        \
    { "compression", "NAME", OPTION_TEXT, offsetof(OtlpTarget, compression), "none",               \
      "of what is sent: none, gzip, zstd, snappy, lz4 ...", otlp_compressions },                   \
    { "header", "KEY=VALUE", OPTION_WORDS, offsetof(OtlpTarget, headers), NULL,                    \
      "sent along; may be given several times", NULL },                                            \
    { "timeout", "DURATION", OPTION_DURATION, offsetof(OtlpTarget, timeout_ns), "10s",             \
      "how long an answer may take", NULL },                                                       \
    COMMAND_TLS_ROWS(OtlpTarget)
/* clang-format on */

/* Fills in what was left out. */
void otlp_target_complete(OtlpTarget *target);

/* tls: of command_tls_open for the target's endpoint; lent for the link's life. */
CHECKED OtlpLink *otlp_target_link(const OtlpTarget *target, Signal signal, Loop *loop,
                                   TlsContext *tls, Arena *arena, Err *err);

/* Moves the request, OTLP's protobuf bytes, in; as JSON or compressed, where that is wanted. */
CHECKED bool otlp_target_begin(const OtlpTarget *target, OtlpLink *link, Signal signal,
                               Buf *request, LinkAnswer *answer, Err *err);

/* One request, waited for, on a loop of its own. False: it did not arrive or was not taken, and err
 * says why; answer->rejected may also count items that were not. */
CHECKED bool otlp_target_send(const OtlpTarget *target, Signal signal, Buf *request,
                              LinkAnswer *answer, Err *err);

#endif
