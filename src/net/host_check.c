/* host_check.c - refuses requests that a foreign web page made (DNS rebinding, cross-site).
 *
 * A browser that was led to our loopback port by a name of somebody else's says so in Host, and a
 * page of another origin says so in Origin. Only loopback names, literal loopback addresses and
 * configured names are taken.
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

static bool name_is_allowed(const Server *server, Str authority)
{
    Str host;
    uint16_t port = 80;
    Err err = { 0 };
    if (!endpoint_split(authority, &host, &port, &err))
        return false;
    if (is_loopback_name(host))
        return true;
    for (size_t i = 0; i < server->allowed_hosts.count; i++) {
        if (str_eq_nocase(http_fields_at(&server->allowed_hosts, i).name, host))
            return true;
    }
    return false;
}

/* "http://localhost:16686"; "null" and everything else that is no web origin is foreign. */
static bool origin_is_allowed(const Server *server, Str origin)
{
    if (str_starts(origin, STR("http://")))
        return name_is_allowed(server, str_skip(origin, 7));
    if (str_starts(origin, STR("https://")))
        return name_is_allowed(server, str_skip(origin, 8));
    return false;
}

bool host_is_allowed(const Server *server, const Request *request)
{
    Str origin = request_field(request, STR("origin"));
    return request->authority.ptr && name_is_allowed(server, request->authority) &&
           (!origin.ptr || origin_is_allowed(server, origin));
}
