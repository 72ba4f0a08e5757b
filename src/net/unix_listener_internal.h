/* unix_listener_internal.h - listening on a path.
 *
 * The file is only ours to read and write (0600). One that a dead process left behind is replaced;
 * where somebody listens, or where a file of another kind is, we refuse. Of two who start at once
 * one listens and the other refuses: see unix_listener.c. Several listeners of this
 * process (reuse_port: one per shard) share one socket, since the kernel shares paths between none.
 */
#ifndef NET_UNIX_LISTENER_INTERNAL_H
#define NET_UNIX_LISTENER_INTERNAL_H

#include "base/attributes.h"
#include "net/socket.h"

/* Any thread; may wait for a moment while somebody else begins to listen in the same directory. A
 * descriptor, or -errno: EADDRINUSE: somebody listens; EEXIST: it is no socket; EBUSY: the
 * directory stayed locked. */
CHECKED int unix_listen(const Address *address, ListenOptions options);
/* Once for each unix_listen(), after its descriptor was closed: the last one removes the file. */
void unix_unlisten(const Address *address);

#endif
