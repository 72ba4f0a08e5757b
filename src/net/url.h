/* url.h - the parts of an endpoint that a client is given: "http://host:port/path", "host:port". */
#ifndef NET_URL_H
#define NET_URL_H

#include "base/attributes.h"
#include "base/err.h"
#include "base/str.h"

typedef enum UrlScheme { URL_NO_SCHEME, URL_HTTP, URL_HTTPS } UrlScheme;

typedef struct Url {
    UrlScheme scheme;
    Str host;      /* without brackets */
    uint16_t port; /* 80 or 443 by scheme when none was written */
    Str path;      /* from the first '/' on, query included; may be empty */
} Url;             /* borrows from the text */

/* Without a scheme a port must be written. User names and fragments are refused. */
CHECKED bool url_parse(Str text, Url *out, Err *err);

#endif
