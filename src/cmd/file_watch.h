/* file_watch.h - have files changed, and are they whole again?
 *
 * Looked at now and then rather than announced by the system: it works the same for files that are
 * written in place, replaced, or reached by links that are turned (as in mounted volumes), on every
 * file system. What is compared is what is in them.
 */
#ifndef CMD_FILE_WATCH_H
#define CMD_FILE_WATCH_H

#include "base/disk.h"

typedef struct FileWatch {
    uint64_t known, last; /* what was in them: when it was last told, and at the last look */
} FileWatch;

/* What is in them now is known. */
void file_watch_begin(FileWatch *watch, Disk *disk, const char *const *files, size_t count);

/* Another look. True: they have changed, and stood still since the look before; told once. What is
 * no plain file is left out: reading it could wait for ever. */
bool file_watch_changed(FileWatch *watch, Disk *disk, const char *const *files, size_t count);

#endif
