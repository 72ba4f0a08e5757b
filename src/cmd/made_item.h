/* made_item.h - OTLP requests made by hand: what `send`, `gen` and `doctor` put on the wire. */
#ifndef CMD_MADE_ITEM_H
#define CMD_MADE_ITEM_H

#include "cmd/option_row.h"
#include "otlp/encode.h"

/* An attribute "key=value": true and false, whole and decimal numbers are taken as such, anything
 * else, and whatever stands in double quotes, as text. */
CHECKED bool made_attribute(Buf *out, uint32_t number, const char *pair, Err *err);
CHECKED bool made_attributes(Buf *out, uint32_t number, const OptionWords *pairs, Err *err);

/* A request with one resource and one scope, open for items:
 *
 *     MadeRequest made = made_request_open(&out, STR("checkout"));
 *     size_t item = wire_open(&out, SCOPES_ITEM);
 *     ...
 *     wire_close(&out, item);
 *     made_request_close(&made);
 */
typedef struct MadeRequest {
    Buf *out;
    size_t group, scopes;
} MadeRequest;

MadeRequest made_request_open(Buf *out, Str service);
void made_request_close(MadeRequest *made);

#endif
