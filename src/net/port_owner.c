/* port_owner.c - who listens on a port, as /proc tells it; see port_owner.h.
 *
 * Lines of /proc/net/tcp, from the second word on: local address and port in hexadecimal, remote
 * one, state (0A: listening), queues, timers, retransmits, uid, timeout, inode.
 */
#include "net/port_owner.h"

#include "base/disk.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { STATE_LISTEN = 0x0A, PROC_FILE_MAX = 16 << 20 };

typedef struct Search {
    char socket[64];  /* "socket:[123]", as the links of descriptors read */
    char fd_path[64]; /* the directory that is being listed */
    bool found;
    PortOwner owner;
} Search;

/* The inode of the socket that listens on `port`, when this line is about it. */
static bool read_line(Str line, uint16_t port, unsigned long *inode)
{
    unsigned local_port, state;
    char text[256];
    snprintf(text, sizeof text, "%.*s", STR_ARG(line));
    /* NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers, which fit */
    if (sscanf(text, " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %lu",
               &local_port, &state, inode) != 3)
        return false;
    return state == STATE_LISTEN && local_port == port && *inode != 0;
}

static bool find_inode(const char *path, uint16_t port, unsigned long *inode)
{
    Buf text = BUF(PROC_FILE_MAX);
    Err err = { 0 };
    bool found = false;
    if (disk_read_all(disk_system(), path, &text, &err)) {
        Str rest = buf_str(&text), line;
        while (!found && str_split(&rest, '\n', &line))
            found = read_line(line, port, inode);
    }
    buf_free(&text);
    return found;
}

/* One descriptor of a process. False ends the listing. */
static bool look_at_descriptor(void *context, Str name)
{
    Search *search = context;
    char path[128], target[64];
    snprintf(path, sizeof path, "%s/%.*s", search->fd_path, STR_ARG(name));
    ssize_t len = readlink(path, target, sizeof target);
    search->found = len > 0 && str_eq((Str){ target, (size_t)len }, str_from(search->socket));
    return !search->found;
}

static void read_name(int pid, char *out, size_t size)
{
    char path[64];
    Buf name = BUF(256);
    Err err = { 0 };
    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    bool ok = disk_read_all(disk_system(), path, &name, &err);
    Str text = ok ? str_trim(buf_str(&name)) : STR("a process");
    snprintf(out, size, "%.*s", STR_ARG(text));
    buf_free(&name);
}

/* One entry of /proc. Processes of other users cannot be listed, and are passed over. */
static bool look_at_process(void *context, Str name)
{
    Search *search = context;
    Disk *disk = disk_system();
    uint64_t pid;
    Err err = { 0 };
    if (!str_to_u64(name, &pid) || pid > INT32_MAX)
        return true;
    snprintf(search->fd_path, sizeof search->fd_path, "/proc/%d/fd", (int)pid);
    if (!disk->list(disk, search->fd_path, look_at_descriptor, search, &err) || !search->found)
        return true;
    search->owner.pid = (int)pid;
    search->owner.is_us = search->owner.pid == getpid();
    read_name(search->owner.pid, search->owner.name, sizeof search->owner.name);
    return false;
}

bool port_owner_find(uint16_t port, PortOwner *out)
{
    unsigned long inode;
    if (!find_inode("/proc/net/tcp", port, &inode) && !find_inode("/proc/net/tcp6", port, &inode))
        return false;
    Search search = { .found = false };
    Disk *disk = disk_system();
    Err err = { 0 };
    snprintf(search.socket, sizeof search.socket, "socket:[%lu]", inode);
    if (!disk->list(disk, "/proc", look_at_process, &search, &err) || !search.found)
        return false;
    *out = search.owner;
    return true;
}

bool port_owner_text(const Address *address, char out[PORT_OWNER_TEXT_SIZE])
{
    PortOwner owner;
    if (!port_owner_find(address_port(address), &owner))
        return false;
    snprintf(out, PORT_OWNER_TEXT_SIZE, "%s (pid %d)", owner.name, owner.pid);
    return true;
}
