/* port_owner.h - who listens on a port: the sentence behind "already in use by".
 *
 * Reads /proc: the socket's inode from net/tcp and net/tcp6, then the process that holds it. Of
 * processes of other users the kernel shows nothing, and outside Linux there is nothing to read;
 * then we say nothing. Reads a few hundred small files: for start-up only.
 */
#ifndef NET_PORT_OWNER_H
#define NET_PORT_OWNER_H

#include "base/attributes.h"
#include "net/address.h"

typedef struct PortOwner {
    int pid;
    bool is_us; /* this very process */
    char name[64];
} PortOwner;

/* False: nobody, or it cannot be known. */
CHECKED bool port_owner_find(uint16_t port, PortOwner *out);

enum { PORT_OWNER_TEXT_SIZE = 96 };
/* "cryostorm (pid 4242)". False: it cannot be known. */
CHECKED bool port_owner_text(const Address *address, char out[PORT_OWNER_TEXT_SIZE]);

#endif
