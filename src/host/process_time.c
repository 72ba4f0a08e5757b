/* process.c - see process_time.h. */
#include "host/process_time.h"

#include "host/proc_text.h"

enum { STAT_MAX = 4096 };

bool process_cpu_seconds(Disk *disk, double *seconds, Err *err)
{
    static const char path[] = "/proc/self/stat";
    Buf text = BUF(STAT_MAX);
    uint64_t ticks = 0;
    bool read = disk_read_all(disk, path, &text, err);
    bool found = read && proc_process_ticks(buf_str(&text), &ticks);
    buf_free(&text);
    *seconds = (double)ticks / PROC_TICKS_PER_SECOND;
    return found || (read && fail(err, ERR_IO, "%s has no times", path));
}
