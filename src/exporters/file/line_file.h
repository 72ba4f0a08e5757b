/* line_file.h - a file of lines on a Disk: each line is in it whole or not at all.
 *
 * What a failed write left behind is cut away again before anything else is written; as long as
 * that fails, too, every append fails. A line that an earlier process left unfinished at the end is
 * cut when the file is opened.
 *
 * Rotating: a file that a line would take beyond `bytes_max` is renamed to name-TIME.extension
 * (TIME in UTC, 2022-09-14T05-02-14.173) and a new one is begun; a line that is larger by itself
 * gets a file of its own. Of the renamed ones those beyond the newest `backups_max`, and those
 * older than `age_max_ns`, are removed. Nothing is synced: what the kernel has taken is "written".
 *
 * One thread at a time. The file is locked against other writers.
 */
#ifndef EXPORTERS_FILE_LINE_FILE_H
#define EXPORTERS_FILE_LINE_FILE_H

#include "base/attributes.h"
#include "base/clock.h"
#include "base/disk.h"

typedef struct LineFile LineFile;

typedef struct LineFileSettings {
    Disk *disk;                      /* these two are borrowed for the file's life */
    Clock *clock;                    /* names what is rotated */
    Str path;                        /* copied */
    bool append;                     /* go on behind what is there; else it is thrown away */
    bool rotates;                    /* then it goes on behind what is there, too */
    bool makes_parts;                /* make the directories that are missing */
    uint64_t bytes_max, backups_max; /* backups 0: all are kept */
    int64_t age_max_ns;              /* 0: for ever */
} LineFileSettings;

CHECKED LineFile *line_file_open(const LineFileSettings *settings, Err *err);
/* Bytes of an unfinished line that were cut when it was opened. */
uint64_t line_file_cut(const LineFile *file);

/* `line` ends with its newline and has no other one. */
CHECKED bool line_file_append(LineFile *file, Str line, Err *err);

/* Why old files could not be removed when last tried; NULL: they could. */
const Err *line_file_trouble(const LineFile *file);

void line_file_close(LineFile *file); /* NULL is fine */

#endif
