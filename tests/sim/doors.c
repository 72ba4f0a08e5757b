/* doors.c - see doors.h. */
#include "sim/doors.h"

#include "net/port_owner.h"
#include "sim/fiber.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

Clock *__real_clock_system(void);
Clock *__wrap_clock_system(void);
Sockets *__real_sockets_system(void);
Sockets *__wrap_sockets_system(void);
void __real_random_seed_from_system(Random *random);
void __wrap_random_seed_from_system(Random *random);
bool __real_port_owner_find(uint16_t port, PortOwner *out);
bool __wrap_port_owner_find(uint16_t port, PortOwner *out);

pid_t __real_getpid(void);
pid_t __wrap_getpid(void);
int __real_uname(struct utsname *out);
int __wrap_uname(struct utsname *out);
ssize_t __real_readlink(const char *path, char *out, size_t size);
ssize_t __wrap_readlink(const char *path, char *out, size_t size);

static struct {
    SimNet *net; /* NULL: closed */
    Random random;
    int host;
} doors;

/* ---- network ---------------------------------------------------------------------------------
 *
 * The library copies this table, so nothing can be learnt from the pointer that comes with a call.
 */

static Sockets *inner(void)
{
    return &doors.net->sockets;
}

typedef struct DoorPoller {
    Poller base;
    Poller *inner;
} DoorPoller;

static Poller *behind(Poller *poller)
{
    return ((DoorPoller *)(void *)poller)->inner;
}

static bool door_watch(Poller *poller, int fd, unsigned wanted, void *watcher, Err *err)
{
    return behind(poller)->watch(behind(poller), fd, wanted, watcher, err);
}

static void door_forget(Poller *poller, int fd)
{
    behind(poller)->forget(behind(poller), fd);
}

/* Whoever waits for the network lets the others work. */
static size_t door_wait(Poller *poller, int64_t timeout_ns, SocketEvent *events, size_t max)
{
    int64_t until = doors.net->clock.mono + timeout_ns;
    for (;;) {
        size_t count = behind(poller)->wait(behind(poller), 0, events, max);
        if (count || timeout_ns == 0 || doors.net->clock.mono >= until)
            return count;
        fiber_wait();
    }
}

static void door_wake(Poller *poller)
{
    behind(poller)->wake(behind(poller));
}

static void door_poller_free(Poller *poller)
{
    behind(poller)->free(behind(poller));
    free(poller);
}

static Poller *door_poller_new(Sockets *sockets, Err *err)
{
    (void)sockets;
    DoorPoller *poller = malloc(sizeof *poller);
    if (!poller)
        abort();
    *poller = (DoorPoller){ .base = { .watch = door_watch,
                                      .change = door_watch,
                                      .forget = door_forget,
                                      .wait = door_wait,
                                      .wake = door_wake,
                                      .free = door_poller_free },
                            .inner = inner()->poller_new(inner(), err) };
    if (poller->inner)
        return &poller->base;
    free(poller);
    return NULL;
}

static int door_listen(Sockets *sockets, const Address *address, ListenOptions options)
{
    (void)sockets;
    return inner()->listen(inner(), address, options);
}

static int door_accept(Sockets *sockets, int listener, Address *peer)
{
    (void)sockets;
    return inner()->accept(inner(), listener, peer);
}

static int door_spare(Sockets *sockets)
{
    (void)sockets;
    return inner()->spare(inner());
}

static int door_descriptors_max(Sockets *sockets)
{
    (void)sockets;
    return inner()->descriptors_max(inner());
}

static int door_connect(Sockets *sockets, const Address *address)
{
    (void)sockets;
    int fd = inner()->connect(inner(), address);
    if (fd > 0)
        doors.net->all[fd - 1].host = doors.host;
    return fd;
}

static int door_connect_result(Sockets *sockets, int fd)
{
    (void)sockets;
    return inner()->connect_result(inner(), fd);
}

static ssize_t door_read(Sockets *sockets, int fd, void *out, size_t size)
{
    (void)sockets;
    return inner()->read(inner(), fd, out, size);
}

static ssize_t door_write(Sockets *sockets, int fd, const void *bytes, size_t size)
{
    (void)sockets;
    return inner()->write(inner(), fd, bytes, size);
}

static bool door_local_address(Sockets *sockets, int fd, Address *out)
{
    (void)sockets;
    return inner()->local_address(inner(), fd, out);
}

static void door_shutdown_write(Sockets *sockets, int fd)
{
    (void)sockets;
    inner()->shutdown_write(inner(), fd);
}

static void door_close(Sockets *sockets, int fd)
{
    (void)sockets;
    inner()->close(inner(), fd);
}

Sockets *__wrap_sockets_system(void)
{
    static Sockets table = { .poller_new = door_poller_new,
                             .listen = door_listen,
                             .accept = door_accept,
                             .spare = door_spare,
                             .descriptors_max = door_descriptors_max,
                             .connect = door_connect,
                             .connect_result = door_connect_result,
                             .read = door_read,
                             .write = door_write,
                             .local_address = door_local_address,
                             .shutdown_write = door_shutdown_write,
                             .close = door_close };
    return doors.net ? &table : __real_sockets_system();
}

/* Who listens on this machine is nothing to a simulated one. */
bool __wrap_port_owner_find(uint16_t port, PortOwner *out)
{
    return !doors.net && __real_port_owner_find(port, out);
}

/* What the library says of its process is part of what is sent, so it is the same everywhere. */
pid_t __wrap_getpid(void)
{
    return doors.net ? 4242 : __real_getpid();
}

int __wrap_uname(struct utsname *out)
{
    if (!doors.net)
        return __real_uname(out);
    *out = (struct utsname){ .nodename = "simulated", .machine = "x86_64" };
    return 0;
}

ssize_t __wrap_readlink(const char *path, char *out, size_t size)
{
    if (!doors.net)
        return __real_readlink(path, out, size);
    return snprintf(out, size, "/usr/bin/app");
}

/* ---- time and chance ------------------------------------------------------------------------ */

Clock *__wrap_clock_system(void)
{
    return doors.net ? &doors.net->clock.base : __real_clock_system();
}

void __wrap_random_seed_from_system(Random *random)
{
    if (doors.net)
        random_seed(random, random_next(&doors.random));
    else
        __real_random_seed_from_system(random);
}

void doors_open(SimNet *net, uint64_t seed, int host)
{
    doors.net = net;
    doors.host = host;
    random_seed(&doors.random, seed);
}

void doors_close(void)
{
    doors.net = NULL;
}
