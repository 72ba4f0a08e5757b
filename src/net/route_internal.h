/* route_internal.h - the table of a server's routes. */
#ifndef NET_ROUTE_INTERNAL_H
#define NET_ROUTE_INTERNAL_H

#include "base/attributes.h"
#include "base/buf.h"
#include "net/server.h"

typedef struct RouteEntry {
    char *path, *methods; /* owned, zero-terminated */
    bool prefix;
    void (*handle)(void *owner, Request *request);
    void *owner;
    size_t body_bytes; /* 0: the server's limit */
} RouteEntry;

typedef struct RouteTable {
    RouteEntry *entries;
    size_t count, cap;
} RouteTable;

typedef enum RouteMatch { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD } RouteMatch;

enum { ROUTES_MAX = 1024 };

CHECKED bool route_add(RouteTable *table, const Route *route, Err *err);
void routes_done(RouteTable *table);
RouteMatch route_find(const RouteTable *table, Str path, Str method, const RouteEntry **out);
/* "GET, HEAD, POST": what `path` would have taken, for Allow. */
void route_methods(const RouteTable *table, Str path, Buf *out);

#endif
