/* socket.c - the kernel's network behind the tables of socket.h: epoll, eventfd, TCP, paths. */
#include "net/socket.h"

#include "base/mem.h"
#include "net/unix_listener_internal.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- readiness ---- */

typedef struct SystemPoller {
    Poller base;
    int epoll_fd, wake_fd;
} SystemPoller;

enum { KERNEL_EVENTS = 128 };

static bool control(Poller *poller, int operation, int fd, struct epoll_event *event, Err *err)
{
    if (epoll_ctl(((SystemPoller *)poller)->epoll_fd, operation, fd, event) == 0)
        return true;
    return fail_errno(err, errno, "watching descriptor %d", fd);
}

static struct epoll_event interest(unsigned wanted, void *watcher)
{
    uint32_t events =
        (wanted & SOCKET_READ ? EPOLLIN : 0U) | (wanted & SOCKET_WRITE ? EPOLLOUT : 0U);
    return (struct epoll_event){ .events = events, .data.ptr = watcher };
}

static bool system_watch(Poller *poller, int fd, unsigned wanted, void *watcher, Err *err)
{
    struct epoll_event event = interest(wanted, watcher);
    return control(poller, EPOLL_CTL_ADD, fd, &event, err);
}

static bool system_change(Poller *poller, int fd, unsigned wanted, void *watcher, Err *err)
{
    struct epoll_event event = interest(wanted, watcher);
    return control(poller, EPOLL_CTL_MOD, fd, &event, err);
}

static void system_forget(Poller *poller, int fd)
{
    epoll_ctl(((SystemPoller *)poller)->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

/* Rounded up, so that a timer is due when the wait ends. */
static int wait_ms(int64_t timeout_ns)
{
    if (timeout_ns < 0)
        return -1;
    int64_t ms = timeout_ns / 1000000 + (timeout_ns % 1000000 != 0);
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

static unsigned readiness(uint32_t events)
{
    if (events & (EPOLLERR | EPOLLHUP))
        return SOCKET_READ | SOCKET_WRITE | SOCKET_BROKEN;
    return (events & EPOLLIN ? SOCKET_READ : 0U) | (events & EPOLLOUT ? SOCKET_WRITE : 0U);
}

static size_t system_wait(Poller *poller, int64_t timeout_ns, SocketEvent *events, size_t max)
{
    SystemPoller *self = (SystemPoller *)poller;
    struct epoll_event ready[KERNEL_EVENTS];
    int most = max < KERNEL_EVENTS ? (int)max : KERNEL_EVENTS;
    int n = epoll_wait(self->epoll_fd, ready, most, wait_ms(timeout_ns));
    size_t count = 0;
    for (int i = 0; i < n; i++) {
        if (ready[i].data.ptr == self) {
            uint64_t wakes;
            (void)!read(self->wake_fd, &wakes, sizeof wakes);
            continue;
        }
        events[count++] = (SocketEvent){ ready[i].data.ptr, readiness(ready[i].events) };
    }
    return count;
}

/* The only way to fail is a counter that is full, and then the wake is already on its way. */
static void system_wake(Poller *poller)
{
    uint64_t one = 1;
    (void)!write(((SystemPoller *)poller)->wake_fd, &one, sizeof one);
}

static int system_descriptor(Poller *poller)
{
    return ((SystemPoller *)poller)->epoll_fd;
}

static void system_abandon(Poller *poller)
{
    SystemPoller *self = (SystemPoller *)poller;
    if (self->wake_fd >= 0)
        close(self->wake_fd);
    if (self->epoll_fd >= 0)
        close(self->epoll_fd);
}

static void system_poller_free(Poller *poller)
{
    if (!poller)
        return;
    system_abandon(poller);
    mem_free(poller);
}

static Poller *system_poller_new(Sockets *sockets, Err *err)
{
    (void)sockets;
    SystemPoller *self = MEM_MAKE(SystemPoller, 1, err);
    if (!self)
        return NULL;
    self->base = (Poller){ .watch = system_watch,
                           .change = system_change,
                           .forget = system_forget,
                           .wait = system_wait,
                           .wake = system_wake,
                           .descriptor = system_descriptor,
                           .abandon = system_abandon,
                           .free = system_poller_free };
    self->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (self->wake_fd < 0 || self->epoll_fd < 0) {
        fail_errno(err, errno, "making an event loop");
    } else {
        struct epoll_event event = interest(SOCKET_READ, self);
        if (control(&self->base, EPOLL_CTL_ADD, self->wake_fd, &event, err))
            return &self->base;
    }
    system_poller_free(&self->base);
    return NULL;
}

/* ---- sockets ---- */

static int give_up(int fd)
{
    int code = errno;
    close(fd);
    return -code;
}

static void set_option(int fd, int level, int name, int value)
{
    (void)setsockopt(fd, level, name, &value, sizeof value); /* an optimisation where it works */
}

static int system_listen(Sockets *sockets, const Address *address, ListenOptions options)
{
    (void)sockets;
    int family = address->os.ss_family;
    if (family == AF_UNIX)
        return unix_listen(address, options);
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (family == AF_INET6)
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    int one = 1;
    if (options.reuse_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) != 0)
        return give_up(fd);
    if (bind(fd, (const struct sockaddr *)&address->os, address->len) != 0 ||
        listen(fd, options.backlog) != 0)
        return give_up(fd);
    return fd;
}

static int system_accept(Sockets *sockets, int listener, Address *peer)
{
    (void)sockets;
    *peer = (Address){ .len = sizeof peer->os }; /* of a path without a name less is written */
    int fd =
        accept4(listener, (struct sockaddr *)&peer->os, &peer->len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return -errno;
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    return fd;
}

static int system_connect(Sockets *sockets, const Address *address)
{
    (void)sockets;
    int fd = socket(address->os.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (connect(fd, (const struct sockaddr *)&address->os, address->len) != 0 &&
        errno != EINPROGRESS)
        return give_up(fd);
    return fd;
}

static int system_connect_result(Sockets *sockets, int fd)
{
    (void)sockets;
    int code = 0;
    socklen_t len = sizeof code;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) != 0)
        return -errno;
    return -code;
}

static ssize_t system_read(Sockets *sockets, int fd, void *out, size_t size)
{
    (void)sockets;
    ssize_t n = recv(fd, out, size, 0);
    return n < 0 ? -errno : n;
}

static ssize_t system_write(Sockets *sockets, int fd, const void *bytes, size_t size)
{
    (void)sockets;
    ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL);
    return n < 0 ? -errno : n;
}

static bool system_local_address(Sockets *sockets, int fd, Address *out)
{
    (void)sockets;
    out->len = sizeof out->os;
    return getsockname(fd, (struct sockaddr *)&out->os, &out->len) == 0;
}

static void system_shutdown_write(Sockets *sockets, int fd)
{
    (void)sockets;
    shutdown(fd, SHUT_WR);
}

static void system_close(Sockets *sockets, int fd)
{
    (void)sockets;
    close(fd);
}

static int system_spare(Sockets *sockets)
{
    (void)sockets;
    int fd = eventfd(0, EFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int system_descriptors_max(Sockets *sockets)
{
    (void)sockets;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX)
        return INT_MAX;
    return (int)limit.rlim_cur;
}

Sockets *sockets_system(void)
{
    static Sockets system = { .poller_new = system_poller_new,
                              .listen = system_listen,
                              .accept = system_accept,
                              .connect = system_connect,
                              .connect_result = system_connect_result,
                              .read = system_read,
                              .write = system_write,
                              .local_address = system_local_address,
                              .shutdown_write = system_shutdown_write,
                              .close = system_close,
                              .spare = system_spare,
                              .descriptors_max = system_descriptors_max };
    return &system;
}
