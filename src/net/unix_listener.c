/* unix_listener.c - listening on a path; see unix_listener_internal.h.
 *
 * Which paths this process listens on is a fact of the process, as ports are one of the kernel:
 * hence a static table, behind a lock.
 *
 * Between bind() and listen() a socket refuses as a dead one does, and between the look at a dead
 * one and its removal another may take its place. So whoever looks, removes, binds and listens
 * holds a lock (flock) on the directory meanwhile, which must be readable for that. Not on a file
 * beside the path: that would stay behind, or be removed under somebody's feet. Nor is a socket of
 * another name renamed: that replaces whatever is there, also one who was faster. The lock goes
 * with the process that holds it.
 */
#include "net/unix_listener_internal.h"

#include "base/clock.h"
#include "base/disk.h"
#include "base/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    LOCK_TRIES = 300, /* whoever holds it does so for a moment; a stranger must not hold us */
    LOCK_PAUSE_NS = 10 * (int)NANOS_PER_MILLI,
};

enum { PATHS_MAX = 32, PATH_SIZE = sizeof(((struct sockaddr_un *)NULL)->sun_path) };

typedef struct Listening {
    char path[PATH_SIZE];
    int fd; /* of our own, beside those of the listeners */
    size_t users;
    dev_t device; /* of the file: it may have been replaced when we go */
    ino_t inode;
} Listening;

static struct {
    Mutex lock;
    Listening paths[PATHS_MAX];
} table = { .lock = MUTEX_READY };

static Listening *find(const char *path)
{
    for (size_t i = 0; i < PATHS_MAX; i++) {
        if (table.paths[i].users > 0 && strcmp(table.paths[i].path, path) == 0)
            return &table.paths[i];
    }
    return NULL;
}

static Listening *find_free(void)
{
    for (size_t i = 0; i < PATHS_MAX; i++) {
        if (table.paths[i].users == 0)
            return &table.paths[i];
    }
    return NULL;
}

/* ---- what is there already ---- */

static int open_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

static bool is_answered(const Address *address)
{
    int fd = open_socket();
    bool dead = fd >= 0 && connect(fd, (const struct sockaddr *)&address->os, address->len) != 0 &&
                errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return !dead;
}

/* 0: the path is free now. */
static int make_way(const Address *address)
{
    Err err = { 0 };
    struct stat info;
    const char *path = address_path(address);
    if (lstat(path, &info) != 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(info.st_mode))
        return -EEXIST;
    if (is_answered(address))
        return -EADDRINUSE;
    return disk_system()->remove(disk_system(), path, &err) ? 0 : -EADDRINUSE;
}

/* ---- who may change what is there ---- */

static void directory_of(const char *path, char out[PATH_SIZE + 1])
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) + 1 : 0; /* with it: "/" is one too */
    memcpy(out, len > 0 ? path : ".", len > 0 ? len : 1);
    out[len > 0 ? len : 1] = 0;
}

static int lock_file(File *file)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        Err err = { 0 };
        if (file->disk->lock(file, &err))
            return 0;
        if (err.kind != ERR_BUSY)
            return -ENOLCK;
        clock_sleep_ns(LOCK_PAUSE_NS);
    }
    return -EBUSY;
}

/* Closing *out unlocks. */
static int lock_directory(const char *path, File **out)
{
    Err err = { 0 };
    char directory[PATH_SIZE + 1];
    directory_of(path, directory);
    *out = disk_open(disk_system(), directory, DISK_READ, &err);
    if (*out)
        return lock_file(*out);
    return access(directory, R_OK) != 0 ? -errno : -ENOLCK;
}

/* ---- listening ---- */

/* What a socket's mode is when it is bound, its file's will be: there is no moment in between. */
static int open_listener(const Address *address, int backlog)
{
    int code = make_way(address);
    int fd = code < 0 ? code : open_socket();
    if (fd < 0)
        return fd;
    if (fchmod(fd, S_IRUSR | S_IWUSR) == 0 &&
        bind(fd, (const struct sockaddr *)&address->os, address->len) == 0 &&
        listen(fd, backlog) == 0)
        return fd;
    code = -errno;
    close(fd);
    return code;
}

static int open_alone(const Address *address, int backlog)
{
    Err err = { 0 };
    File *lock;
    int code = lock_directory(address_path(address), &lock);
    int fd = code < 0 ? code : open_listener(address, backlog);
    if (lock)
        (void)!file_close(lock, &err);
    return fd;
}

static int duplicate(int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return copy < 0 ? -errno : copy;
}

static void remember(Listening *entry, const Address *address, int fd)
{
    struct stat info = { 0 };
    const char *path = address_path(address);
    (void)!stat(path, &info);
    memcpy(entry->path, path, sizeof entry->path);
    entry->fd = fd;
    entry->device = info.st_dev;
    entry->inode = info.st_ino;
}

static int listen_first(const Address *address, int backlog)
{
    Listening *entry = find_free();
    int fd = entry ? open_alone(address, backlog) : -EMFILE;
    int copy = fd < 0 ? fd : duplicate(fd);
    if (copy < 0) {
        if (fd >= 0)
            close(fd);
        return copy;
    }
    remember(entry, address, fd);
    entry->users = 1;
    return copy;
}

int unix_listen(const Address *address, ListenOptions options)
{
    mutex_lock(&table.lock);
    Listening *entry = find(address_path(address));
    int fd = -EADDRINUSE;
    if (!entry)
        fd = listen_first(address, options.backlog);
    else if (options.reuse_port)
        fd = duplicate(entry->fd);
    if (entry && fd >= 0)
        entry->users++;
    mutex_unlock(&table.lock);
    return fd;
}

static void remove_own(const Listening *entry)
{
    Err err = { 0 };
    struct stat info;
    if (stat(entry->path, &info) == 0 && info.st_dev == entry->device &&
        info.st_ino == entry->inode)
        (void)!disk_system()->remove(disk_system(), entry->path, &err);
}

void unix_unlisten(const Address *address)
{
    mutex_lock(&table.lock);
    Listening *entry = find(address_path(address));
    if (entry && --entry->users == 0) {
        remove_own(entry); /* first: nobody shall find it refusing */
        close(entry->fd);
    }
    mutex_unlock(&table.lock);
}
