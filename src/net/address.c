/* address.c - IPv4 and IPv6 addresses with ports, paths, and the text for them; see address.h. */
#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

static bool parse_port(Str text, uint16_t *port)
{
    uint64_t value;
    if (!str_to_u64(text, &value) || value > UINT16_MAX)
        return false;
    *port = (uint16_t)value;
    return true;
}

/* Where the host ends; SIZE_MAX: brackets that do not close, or a bare IPv6 address. */
static size_t host_end(Str endpoint)
{
    if (str_starts(endpoint, STR("["))) {
        const char *close = memchr(endpoint.ptr, ']', endpoint.len);
        return close ? (size_t)(close - endpoint.ptr) + 1 : SIZE_MAX;
    }
    const char *colon = endpoint.len ? memchr(endpoint.ptr, ':', endpoint.len) : NULL;
    if (!colon)
        return endpoint.len;
    size_t at = (size_t)(colon - endpoint.ptr);
    return memchr(colon + 1, ':', endpoint.len - at - 1) ? SIZE_MAX : at;
}

bool endpoint_split(Str endpoint, Str *host, uint16_t *port, Err *err)
{
    size_t end = host_end(endpoint);
    if (end == SIZE_MAX)
        return fail(err, ERR_INPUT, "\"%.*s\" is not host:port; write IPv6 addresses as [::1]:4317",
                    STR_ARG(endpoint));
    Str rest = str_skip(endpoint, end);
    bool has_port = str_starts(rest, STR(":")) && parse_port(str_skip(rest, 1), port);
    if (!has_port && (rest.len > 0 || *port == 0))
        return fail(err, ERR_INPUT, "\"%.*s\" is not host:port (0 to 65535)", STR_ARG(endpoint));
    *host = str_first(endpoint, end);
    if (str_starts(*host, STR("[")))
        *host = (Str){ host->ptr + 1, host->len - 2 };
    return true;
}

static void set_ipv4(Address *out, struct in_addr ip, uint16_t port)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = ip };
    memset(out, 0, sizeof *out);
    memcpy(&out->os, &in, sizeof in);
    out->len = sizeof in;
}

static void set_ipv6(Address *out, struct in6_addr ip, uint16_t port)
{
    struct sockaddr_in6 in = { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = ip };
    memset(out, 0, sizeof *out);
    memcpy(&out->os, &in, sizeof in);
    out->len = sizeof in;
}

bool address_from_literal(Address *out, Str host, uint16_t port)
{
    if (host.len == 0) {
        set_ipv6(out, in6addr_any, port);
        return true;
    }
    char text[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;
    if (str_eq_nocase(host, STR("localhost")))
        host = STR("127.0.0.1");
    if (host.len >= sizeof text)
        return false;
    memcpy(text, host.ptr, host.len);
    text[host.len] = 0;
    if (inet_pton(AF_INET, text, &v4) == 1) {
        set_ipv4(out, v4, port);
        return true;
    }
    if (inet_pton(AF_INET6, text, &v6) != 1)
        return false;
    set_ipv6(out, v6, port);
    return true;
}

bool endpoint_is_path(Str endpoint, Str *path)
{
    static const Str schemes[] = { STR_ROW("unix://"), STR_ROW("unix:") };
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        if (str_starts(endpoint, schemes[i])) {
            *path = str_skip(endpoint, schemes[i].len);
            return true;
        }
    }
    *path = endpoint;
    return str_starts(endpoint, STR("/"));
}

bool address_from_path(Address *out, Str path, Err *err)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    if (path.len == 0 || path.len >= sizeof un.sun_path || memchr(path.ptr, 0, path.len))
        return fail(err, ERR_INPUT, "a unix socket's path has 1 to %zu bytes, not %zu",
                    sizeof un.sun_path - 1, path.len);
    memset(out, 0, sizeof *out);
    memcpy(un.sun_path, path.ptr, path.len);
    memcpy(&out->os, &un, sizeof un);
    out->len = sizeof un;
    return true;
}

const char *address_path(const Address *address)
{
    if (address->os.ss_family != AF_UNIX)
        return NULL;
    return (const char *)&address->os + offsetof(struct sockaddr_un, sun_path);
}

/* memcpy, because sockaddr_storage may not be read through another type. */
static struct sockaddr_in as_ipv4(const Address *address)
{
    struct sockaddr_in in;
    memcpy(&in, &address->os, sizeof in);
    return in;
}

static struct sockaddr_in6 as_ipv6(const Address *address)
{
    struct sockaddr_in6 in;
    memcpy(&in, &address->os, sizeof in);
    return in;
}

uint16_t address_port(const Address *address)
{
    if (address->os.ss_family == AF_INET)
        return ntohs(as_ipv4(address).sin_port);
    return address->os.ss_family == AF_INET6 ? ntohs(as_ipv6(address).sin6_port) : 0;
}

void address_set_port(Address *address, uint16_t port)
{
    if (address->os.ss_family == AF_INET)
        set_ipv4(address, as_ipv4(address).sin_addr, port);
    else if (address->os.ss_family == AF_INET6)
        set_ipv6(address, as_ipv6(address).sin6_addr, port);
}

bool address_is_loopback(const Address *address)
{
    if (address->os.ss_family == AF_INET)
        return ntohl(as_ipv4(address).sin_addr.s_addr) >> 24 == 127;
    if (address_path(address))
        return true;
    struct in6_addr ip = as_ipv6(address).sin6_addr;
    return address->os.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&ip);
}

const char *address_text(const Address *address, char out[ADDRESS_TEXT_SIZE])
{
    char host[INET6_ADDRSTRLEN] = "?";
    unsigned port = address_port(address);
    if (address_path(address)) {
        snprintf(out, ADDRESS_TEXT_SIZE, "unix:%s", address_path(address));
        return out;
    }
    if (address->os.ss_family == AF_INET) {
        struct in_addr ip = as_ipv4(address).sin_addr;
        inet_ntop(AF_INET, &ip, host, sizeof host);
        snprintf(out, ADDRESS_TEXT_SIZE, "%s:%u", host, port);
    } else {
        struct in6_addr ip = as_ipv6(address).sin6_addr;
        if (address->os.ss_family == AF_INET6)
            inet_ntop(AF_INET6, &ip, host, sizeof host);
        snprintf(out, ADDRESS_TEXT_SIZE, "[%s]:%u", host, port);
    }
    return out;
}
