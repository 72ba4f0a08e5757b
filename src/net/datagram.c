/* datagram.c - one message to a unix datagram socket; see datagram.h. */
#include "net/datagram.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bool datagram_send(Str name, Str message, Err *err)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    bool abstract = str_starts(name, STR("@"));
    if ((!abstract && !str_starts(name, STR("/"))) || name.len >= sizeof address.sun_path)
        return fail(err, ERR_INPUT, "\"%.*s\" is no name of a socket",
                    STR_ARG(str_first(name, sizeof address.sun_path)));
    memcpy(address.sun_path, name.ptr, name.len);
    if (abstract)
        address.sun_path[0] = 0;
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name.len);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ssize_t sent = fd < 0 ? -1
                          : sendto(fd, message.ptr, message.len, MSG_NOSIGNAL,
                                   (const struct sockaddr *)&address, len);
    int code = errno;
    if (fd >= 0)
        close(fd);
    return sent >= 0 || fail_errno(err, code, "sending to %.*s", STR_ARG(name));
}
