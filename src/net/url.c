/* url.c - taking endpoints apart; see url.h. */
#include "net/url.h"

#include "net/address.h"

#include <stdio.h>
#include <string.h>

static bool take_scheme(Str *text, Url *out, Err *err)
{
    if (str_eq_nocase(str_first(*text, 7), STR("http://"))) {
        *out = (Url){ .scheme = URL_HTTP, .port = 80 };
        *text = str_skip(*text, 7);
    } else if (str_eq_nocase(str_first(*text, 8), STR("https://"))) {
        *out = (Url){ .scheme = URL_HTTPS, .port = 443 };
        *text = str_skip(*text, 8);
    } else if (str_contains(*text, STR("://"))) {
        return fail(err, ERR_INPUT, "\"%.*s\": only http://, https:// and unix:// are known",
                    STR_ARG(*text));
    } else {
        *out = (Url){ .scheme = URL_NO_SCHEME };
    }
    return true;
}

bool url_parse(Str text, Url *out, Err *err)
{
    Str rest = text, path;
    if (str_starts(text, STR("unix:")) && endpoint_is_path(text, &path)) {
        Address unused;
        *out = (Url){ .scheme = URL_UNIX, .host = text };
        return address_from_path(&unused, path, err);
    }
    if (!take_scheme(&rest, out, err))
        return false;
    if (str_contains(rest, STR("@")) || str_contains(rest, STR("#")) ||
        str_contains(rest, STR(" ")))
        return fail(err, ERR_INPUT, "\"%.*s\" may not contain '@', '#' or spaces", STR_ARG(text));
    const char *slash = rest.len ? memchr(rest.ptr, '/', rest.len) : NULL;
    size_t host_len = slash ? (size_t)(slash - rest.ptr) : rest.len;
    out->path = str_skip(rest, host_len);
    if (!endpoint_split(str_first(rest, host_len), &out->host, &out->port, err))
        return false;
    return out->host.len > 0 || fail(err, ERR_INPUT, "\"%.*s\" names no host", STR_ARG(text));
}

bool url_authority(const Url *url, char out[URL_AUTHORITY_SIZE], Err *err)
{
    bool is_ipv6 = str_contains(url->host, STR(":"));
    int n = 0;
    if (url->scheme == URL_UNIX)
        n = snprintf(out, URL_AUTHORITY_SIZE, "localhost");
    else
        n = snprintf(out, URL_AUTHORITY_SIZE, is_ipv6 ? "[%.*s]:%u" : "%.*s:%u", STR_ARG(url->host),
                     (unsigned)url->port);
    return (n > 0 && n < URL_AUTHORITY_SIZE) ||
           fail(err, ERR_INPUT, "a host name of %zu bytes", url->host.len);
}
