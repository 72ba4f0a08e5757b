/* client_info.h - who sent the data, as far as a receiver was told to remember it.
 *
 * It travels with the data's Ack (ack_client) and is made only where a listener has
 * `include_metadata: true` or an authenticator. Immutable once it is shared; any thread may read
 * it. Names are in lower case; a name may come several times, in the order of arrival.
 */
#ifndef PIPE_CLIENT_INFO_H
#define PIPE_CLIENT_INFO_H

#include "base/attributes.h"
#include "base/budget.h"
#include "net/address.h"
#include "net/http.h"

typedef enum ClientPart {
    CLIENT_METADATA, /* request headers, and metadata of a gRPC call */
    CLIENT_AUTH,     /* what the authenticator found out: "username", "subject", "membership" ... */
} ClientPart;
enum { CLIENT_PART_COUNT = CLIENT_AUTH + 1 };

typedef struct ClientInfo ClientInfo;

/* Holds one reference. peer NULL: unknown. budget NULL: nobody pays. */
CHECKED ClientInfo *client_info_new(const Address *peer, Budget *budget, Err *err);
CHECKED bool client_info_add(ClientInfo *info, ClientPart part, Str name, Str value, Err *err);

ClientInfo *client_info_ref(ClientInfo *info); /* NULL is fine for these two */
void client_info_unref(ClientInfo *info);

Str client_info_address(const ClientInfo *info); /* "192.0.2.1:4711"; empty: unknown */
size_t client_info_count(const ClientInfo *info, ClientPart part);
HttpField client_info_at(const ClientInfo *info, ClientPart part, size_t i);
/* The first of that name, whatever the case of `name`; ptr NULL: none. */
Str client_info_get(const ClientInfo *info, ClientPart part, Str name);

#endif
