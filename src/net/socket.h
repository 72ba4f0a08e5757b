/* socket.h - the network behind two small function tables, so that a test can be the network.
 *
 * Sockets opens, moves bytes and closes; a Poller says which descriptors are ready and can be
 * woken from another thread. Everything is non-blocking. Calls answer with a count or a negated
 * errno: -EAGAIN is "not now", 0 from read is the peer's end. Descriptors are plain numbers that
 * only mean something to the table that made them.
 */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include "base/attributes.h"
#include "base/err.h"
#include "net/address.h"

#include <sys/types.h>

typedef struct Sockets Sockets;
typedef struct Poller Poller;

/* What is wanted, and what is ready. BROKEN needs no wanting: an error, or neither side says more.
 */
enum { SOCKET_READ = 1, SOCKET_WRITE = 2, SOCKET_BROKEN = 4 };

typedef struct SocketEvent {
    void *watcher; /* as given to watch() */
    unsigned ready;
} SocketEvent;

typedef struct ListenOptions {
    bool reuse_port; /* several listeners, one per shard, share the port */
    int backlog;
} ListenOptions;

struct Poller {
    /* Registers, changes or (wanted 0, known true) keeps quiet; errors of the system only. */
    bool (*watch)(Poller *poller, int fd, unsigned wanted, void *watcher, Err *err); /* new */
    bool (*change)(Poller *poller, int fd, unsigned wanted, void *watcher, Err *err);
    void (*forget)(Poller *poller, int fd); /* before the descriptor is closed */
    /* Waits at most timeout_ns (negative: for ever). Errors and hang-ups are all three. */
    size_t (*wait)(Poller *poller, int64_t timeout_ns, SocketEvent *events, size_t max);
    void (*wake)(Poller *poller);      /* from any thread: the wait now or next returns early */
    int (*descriptor)(Poller *poller); /* readable when the wait would find something */
    void (*abandon)(
        Poller *poller); /* in a fork's child: closes its copies; nothing else is safe */
    void (*free)(Poller *poller);
};

struct Sockets {
    Poller *(*poller_new)(Sockets *sockets, Err *err);
    int (*listen)(Sockets *sockets, const Address *address,
                  ListenOptions options);                         /* fd or -errno */
    int (*accept)(Sockets *sockets, int listener, Address *peer); /* fd or -errno */
    int (*connect)(Sockets *sockets, const Address *address);     /* fd, under way; or -errno */
    int (*connect_result)(Sockets *sockets, int fd);              /* once writable: 0 or -errno */
    ssize_t (*read)(Sockets *sockets, int fd, void *out, size_t size);
    ssize_t (*write)(Sockets *sockets, int fd, const void *bytes, size_t size);
    bool (*local_address)(Sockets *sockets, int fd, Address *out);
    void (*shutdown_write)(Sockets *sockets, int fd); /* tells the peer that we are done sending */
    void (*close)(Sockets *sockets, int fd);
    int (*spare)(Sockets *sockets);           /* a descriptor that only takes a place; or -errno */
    int (*descriptors_max)(Sockets *sockets); /* each one is below that */
};

Sockets *sockets_system(void); /* the kernel's; shared, never freed */

#endif
