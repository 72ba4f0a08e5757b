/* host_check.c - refuses requests that a foreign web page made (DNS rebinding, cross-site).
 *
 * A browser that was led to our loopback port by a name of somebody else's says so in Host, and a
 * page of another origin says so in Origin. Only loopback names, literal loopback addresses and
 * configured names are taken. What could change something (any method but GET, HEAD and OPTIONS)
 * is taken from pages of this very Host or of configured names only.
 */
#include "net/address.h"
#include "net/server_internal.h"

static bool is_loopback_name(Str host)
{
    Address address;
    return str_eq_nocase(host, STR("localhost")) || str_ends(host, STR(".localhost")) ||
           (host.len > 0 && address_from_literal(&address, host, 0) &&
            address_is_loopback(&address));
}

bool endpoint_is_loopback(Str endpoint)
{
    Str host;
    uint16_t port;
    Err ignored;
    return endpoint_split(endpoint, &host, &port, &ignored) && is_loopback_name(host);
}

static bool is_listed(const Server *server, Str host)
{
    for (size_t i = 0; i < server->allowed_hosts.count; i++) {
        if (str_eq_nocase(http_fields_at(&server->allowed_hosts, i).name, host))
            return true;
    }
    return false;
}

static bool read_host(Str authority, Str *host)
{
    uint16_t port = 80;
    Err err = { 0 };
    return endpoint_split(authority, host, &port, &err);
}

static bool name_is_listed(const Server *server, Str authority)
{
    Str host;
    return read_host(authority, &host) && is_listed(server, host);
}

static bool name_is_allowed(const Server *server, Str authority)
{
    Str host;
    return read_host(authority, &host) && (is_loopback_name(host) || is_listed(server, host));
}

/* "http://localhost:16686"; "null" and everything else that is no web origin is foreign. */
static Str origin_authority(Str origin)
{
    if (str_starts(origin, STR("http://")))
        return str_skip(origin, 7);
    return str_starts(origin, STR("https://")) ? str_skip(origin, 8) : (Str){ 0 };
}

/* A page that some other program of this machine serves may ask, for it is told nothing without
 * CORS; but it may not change anything here, unless CORS names it. A client that is no browser says
 * no Origin. */
static bool origin_is_allowed(const Server *server, const Request *request, Str host)
{
    Str origin = request_field(request, STR("origin")), method = request_method(request);
    Str authority = origin_authority(origin);
    bool asks =
        str_eq(method, STR("GET")) || str_eq(method, STR("HEAD")) || str_eq(method, STR("OPTIONS"));
    bool trusted = asks || (server->cors && cors_allows(server->cors, origin));
    if (!origin.ptr || (authority.len && str_eq_nocase(authority, host)))
        return true;
    return authority.len &&
           (trusted ? name_is_allowed(server, authority) : name_is_listed(server, authority));
}

bool host_is_allowed(const Server *server, const Request *request)
{
    Str host = request->authority;
    return host.ptr && name_is_allowed(server, host) && origin_is_allowed(server, request, host);
}
