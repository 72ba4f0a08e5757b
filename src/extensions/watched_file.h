/* watched_file.h - a small file with secrets or keys in it, taken anew when it changes.
 *
 * It is read once a second on the extension's loop and compared with what it was: that also finds
 * a file that was replaced, or that a symbolic link points to (as Kubernetes' mounts do), which
 * watching its inode does not. A change is tried once; what cannot be used is logged once and the
 * old content stays in force.
 */
#ifndef EXTENSIONS_WATCHED_FILE_H
#define EXTENSIONS_WATCHED_FILE_H

#include "base/attributes.h"
#include "base/buf.h"
#include "net/loop.h"
#include "pipe/host.h"

enum { WATCHED_FILE_MAX = 1 << 20 };

typedef struct WatchedFile {
    Host *host;             /* NULL: not open */
    const char *key, *path; /* the setting's name, and what it says; lent */
    /* On the loop. False: it cannot be used, err says why. */
    bool (*take)(void *owner, Str content, Err *err);
    void *owner;
    Buf content;  /* as it was last read, whether it could be used or not */
    bool read;    /* once at least */
    bool missing; /* the last time */
    Timer timer;
} WatchedFile;

/* Reads it and takes what is in it; `key`, `path`, `take` and `owner` are set. may_miss: a file
 * that is not there yet is waited for. */
CHECKED bool watched_file_open(WatchedFile *file, Host *host, bool may_miss, Err *err);
void watched_file_close(WatchedFile *file); /* a zeroed one is fine */

#endif
