/* url.h - the parts of an endpoint that a client is given: "http://host:port/path", "host:port",
 * "unix:///run/x.sock". */
#ifndef NET_URL_H
#define NET_URL_H

#include "base/attributes.h"
#include "base/err.h"
#include "base/str.h"

typedef enum UrlScheme { URL_NO_SCHEME, URL_HTTP, URL_HTTPS, URL_UNIX } UrlScheme;

typedef struct Url {
    UrlScheme scheme;
    Str host;      /* without brackets; of a unix socket all of the endpoint */
    uint16_t port; /* 80 or 443 by scheme when none was written */
    Str path;      /* from the first '/' on, query included; may be empty */
} Url;             /* borrows from the text */

/* Without a scheme a port must be written. User names and fragments are refused. */
CHECKED bool url_parse(Str text, Url *out, Err *err);

enum { URL_AUTHORITY_SIZE = 300 };
/* "host:port" as Host and :authority say it; of a unix socket "localhost". */
CHECKED bool url_authority(const Url *url, char out[URL_AUTHORITY_SIZE], Err *err);

#endif
