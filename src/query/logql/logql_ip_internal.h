/* logql_ip_internal.h - ip("192.168.0.0/16"): addresses of version 4 and 6, found inside texts. */
#ifndef QUERY_LOGQL_LOGQL_IP_INTERNAL_H
#define QUERY_LOGQL_LOGQL_IP_INTERNAL_H

#include "base/attributes.h"
#include "base/str.h"

/* A range, both ends included; version 4 is mapped into version 6 as usual. */
typedef struct LogqlIp {
    uint8_t low[16], high[16];
} LogqlIp;

CHECKED bool logql_ip_parse(Str text, LogqlIp *out); /* an address, a-b, or a CIDR */
bool logql_ip_in(const LogqlIp *ip, Str text);       /* is one of the range in the text? */

#endif
