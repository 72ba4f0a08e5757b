/* place.c - does the log still lie where its name says?
 *
 * Open files outlive their names: whoever removes, moves or replaces the directory of a running log
 * leaves it with files that can be written and synced, and that nobody will ever find again. The
 * lock file tells: it lies in the directory for as long as the log is open.
 *
 *   under the directory's name lies     what happens
 *   the directory that was opened       nothing
 *   nothing                             refused until it is brought back
 *   another one with a lock file        refused: that is somebody else's data
 *   one without a lock file             it is locked and taken: it was emptied, or made anew
 */
#include "base/log.h"
#include "seglog/seglog_internal.h"

#include <stdio.h>

/* The old lock is given up only once the new one is ours. */
static bool lock_again(Seglog *log, const char *path, Err *err)
{
    File *old = log->lock;
    Err ignored;
    if (!seglog_take_lock(log, err)) {
        if (log->lock)
            file_close(log->lock, &ignored);
        log->settings.disk->remove(log->settings.disk, path,
                                   &ignored); /* it would seem another's */
        log->lock = old;
        return blame(err, "%s was emptied or replaced: restart if it cannot be taken",
                     log->settings.directory);
    }
    file_close(old, &ignored);
    log_write(LOG_WARN, "seglog",
              "%s was emptied or replaced while it was in use; what comes from now on goes there",
              log->settings.directory);
    return true;
}

bool seglog_in_place(Seglog *log, Err *err)
{
    Disk *disk = log->settings.disk;
    const char *directory = log->settings.directory;
    char path[SEGLOG_PATH_MAX];
    DiskInfo lock, place;
    bool same;
    snprintf(path, sizeof path, "%s/lock", directory); /* fitted when it was taken */
    if (!disk->leads_to(disk, path, log->lock, &same, err) || same)
        return same || blame(err, "looking after the directory");
    if (!disk->info(disk, directory, &place, err) || !disk->info(disk, path, &lock, err))
        return blame(err, "looking after the directory");
    if (!place.exists)
        return fail(err, ERR_IO, "%s is gone: bring it back, or restart to begin with an empty one",
                    directory);
    if (lock.exists)
        return fail(
            err, ERR_IO,
            "another directory lies at %s: bring the old one back, or restart to use this one",
            directory);
    return lock_again(log, path, err);
}
