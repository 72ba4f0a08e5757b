/* address.h - where a socket listens or connects: an IPv4 or IPv6 address with a port, or a path.
 *
 * Endpoints are written "host:port", "[::1]:port" or ":port" (all interfaces). Only literal
 * addresses and "localhost" are understood here; other names go through net/resolve.h.
 *
 * Unix sockets are written "unix:///run/x.sock", "unix:/run/x.sock", "unix:relative.sock" or simply
 * as an absolute path. They count as loopback: nobody beyond this machine reaches them.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include "base/attributes.h"
#include "base/err.h"
#include "base/str.h"

#include <sys/socket.h>

typedef struct Address {
    struct sockaddr_storage os;
    socklen_t len;
} Address;

/* "host:port" cut in two; brackets around an IPv6 address are removed. The port may be missing
 * only when *port already holds a default. False with ERR_INPUT says what is wrong. */
CHECKED bool endpoint_split(Str endpoint, Str *host, uint16_t *port, Err *err);

/* A literal address or "localhost" (127.0.0.1); the empty host is every interface (IPv6 and IPv4).
 * False: it is a name. */
CHECKED bool address_from_literal(Address *out, Str host, uint16_t port);

/* Is this the endpoint of a unix socket? *path is what follows the scheme. */
bool endpoint_is_path(Str endpoint, Str *path);
CHECKED bool address_from_path(Address *out, Str path, Err *err);
const char *address_path(const Address *address); /* borrowed; NULL: not of a unix socket */

uint16_t address_port(const Address *address); /* 0: it has none */
void address_set_port(Address *address, uint16_t port);
bool address_is_loopback(const Address *address);

enum { ADDRESS_TEXT_SIZE = 128 };
/* 127.0.0.1:4317, [::1]:4317, unix:/run/x.sock. Returns out. */
const char *address_text(const Address *address, char out[ADDRESS_TEXT_SIZE]);

#endif
