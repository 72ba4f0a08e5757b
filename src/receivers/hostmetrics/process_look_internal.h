/* process_look_internal.h - the process that is being looked at, and what its tellers write with.
 */
#ifndef RECEIVERS_HOSTMETRICS_PROCESS_LOOK_INTERNAL_H
#define RECEIVERS_HOSTMETRICS_PROCESS_LOOK_INTERNAL_H

#include "receivers/hostmetrics/host_scrape_internal.h"

typedef enum ProcessFile {
    PROCESS_STATUS_FILE,
    PROCESS_IO_FILE,
    PROCESS_COMMAND_FILE,
    PROCESS_CGROUP_FILE,
    PROCESS_FILES
} ProcessFile;

enum {
    COMMAND_MAX = 32 << 10,      /* of a command line; the rest is cut off */
    PROCESS_FILE_MAX = 64 << 10, /* of the others */
    NAME_CUT = 15,               /* where the kernel cuts names */
    USERS_KNOWN = 64,
};

typedef struct KnownUser {
    bool known;
    uint64_t number;
    Str name; /* empty: nobody has that number */
} KnownUser;

/* One for a whole look: its buffers go from process to process. */
typedef struct ProcessLook {
    uint64_t pid;
    ProcessStat stat;
    Str name;
    int64_t start_ns;          /* 0: not known */
    const ProcessPast *before; /* NULL: not seen in the last look */
    bool gone;                 /* it ended while we looked */
    Buf stat_text, name_text, text;
    FileText files[PROCESS_FILES];
    KnownUser users[USERS_KNOWN];
} ProcessLook;

CHECKED bool process_file(Scrape *s, ProcessFile file, Str *out, Err *err);
CHECKED bool process_path(const Scrape *s, const char *file, char out[PATH_SIZE], Err *err);

/* Attributes of a process's resource. */
typedef bool ProcessAdd(Scrape *s, Str key, Err *err);
typedef struct ProcessAttribute {
    Str key;
    ProcessAdd *add;
} ProcessAttribute;
extern const ProcessAttribute process_attributes[PROCESS_ATTRIBUTES];

#endif
