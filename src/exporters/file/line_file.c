/* line_file.c - see line_file.h. */
#include "exporters/file/line_file.h"

#include "base/arena.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATH_SIZE = 4096,
    TAIL_CHUNK = 64 << 10,
    STAMP_LEN = 23,          /* 2022-09-14T05-02-14.173 */
    STAMP_TRIES = 1000,      /* milliseconds until a name is free */
    BACKUPS_SEEN_MAX = 4096, /* at once; the rest is seen next time */
    LIST_MEMORY_MAX = 4 << 20,
};

struct LineFile {
    LineFileSettings settings;
    char *path;       /* zero-terminated, for the Disk */
    Str directory;    /* of path; "." where it has none */
    Str stem, ending; /* of its last part: "data" and ".json" */
    File *open;
    uint64_t size, cut;
    bool torn;  /* behind `size` there is rubbish */
    bool moved; /* `open` has been renamed already, and the new file is still to be made */
    bool troubled;
    Err trouble;
};

/* --- opening --------------------------------------------------------------------------------- */

static bool set_path(LineFile *file, Err *err)
{
    file->path = mem_copy_text(file->settings.path, err);
    if (!file->path)
        return false;
    Str path = str_from(file->path), last = path;
    file->directory = STR(".");
    for (size_t i = path.len; i-- > 0;) {
        if (path.ptr[i] != '/')
            continue;
        file->directory = str_first(path, i ? i : 1);
        last = str_skip(path, i + 1);
        break;
    }
    file->stem = last;
    for (size_t i = last.len; i-- > 0;) {
        if (last.ptr[i] != '.')
            continue;
        file->stem = str_first(last, i);
        file->ending = str_skip(last, i);
        break;
    }
    return true;
}

static bool directory_text(const LineFile *file, char out[PATH_SIZE], Err *err)
{
    int len = snprintf(out, PATH_SIZE, "%.*s", STR_ARG(file->directory));
    return len < PATH_SIZE || fail(err, ERR_INPUT, "path longer than %d bytes", PATH_SIZE - 1);
}

static bool make_directory(const LineFile *file, Err *err)
{
    char directory[PATH_SIZE];
    Disk *disk = file->settings.disk;
    return !file->settings.makes_parts ||
           (directory_text(file, directory, err) && disk->make_directory(disk, directory, err));
}

/* Where the last line begins: behind the last newline. */
static bool find_last_line(LineFile *file, uint64_t *at, Err *err)
{
    Buf chunk = BUF(TAIL_CHUNK);
    char *bytes = buf_reserve(&chunk, TAIL_CHUNK);
    bool good = bytes || buf_ok(&chunk, err);
    for (*at = file->size; good && *at;) {
        size_t want = *at < TAIL_CHUNK ? (size_t)*at : TAIL_CHUNK, got = 0;
        good = file_read(file->open, *at - want, bytes, want, &got, err);
        if (good && got < want)
            good = fail(err, ERR_IO, "it became shorter while it was opened");
        while (good && want && bytes[want - 1] != '\n') {
            want--;
            --*at;
        }
        if (want)
            break;
    }
    buf_free(&chunk);
    return good;
}

/* What is cut must look like ours; anything else gets the newline that it lacks. */
static bool mend_tail(LineFile *file, Err *err)
{
    static const Str ours = STR_ROW("{\"resource");
    uint64_t at;
    char start[16] = { 0 };
    size_t got = 0;
    if (!find_last_line(file, &at, err))
        return false;
    if (at == file->size)
        return true;
    if (!file_read(file->open, at, start, ours.len, &got, err))
        return false;
    if (!str_starts(ours, (Str){ start, got })) {
        bool ended = file_write(file->open, file->size, "\n", 1, err);
        file->size += ended;
        return ended;
    }
    if (!file_truncate(file->open, at, err))
        return false;
    file->cut = file->size - at;
    file->size = at;
    return true;
}

static bool open_file(LineFile *file, Err *err)
{
    const LineFileSettings *settings = &file->settings;
    DiskInfo info;
    if (!make_directory(file, err) || !settings->disk->info(settings->disk, file->path, &info, err))
        return false;
    if (info.exists && !info.is_file)
        return fail(err, ERR_UNSUPPORTED, "it is no regular file");
    file->open = disk_open(settings->disk, file->path, DISK_WRITE, err);
    if (!file->open || !file->open->disk->lock(file->open, err))
        return false;
    if (!settings->append && !settings->rotates)
        return file_truncate(file->open, 0, err);
    file->size = info.size;
    return mend_tail(file, err);
}

static void prune(LineFile *file);

LineFile *line_file_open(const LineFileSettings *settings, Err *err)
{
    LineFile *file = MEM_MAKE(LineFile, 1, err);
    if (!file)
        return NULL;
    file->settings = *settings;
    if (!set_path(file, err) || !open_file(file, err)) {
        blame(err, "%.*s", STR_ARG(settings->path));
        line_file_close(file);
        return NULL;
    }
    prune(file);
    return file;
}

uint64_t line_file_cut(const LineFile *file)
{
    return file->cut;
}

void line_file_close(LineFile *file)
{
    Err ignored; /* what was written has been taken by the kernel */
    if (!file)
        return;
    if (file->open)
        (void)file_close(file->open, &ignored);
    mem_free(file->path);
    mem_free(file);
}

/* --- rotating -------------------------------------------------------------------------------- */

/* A file's name takes the time without colons. */
static void write_stamp(int64_t wall_ns, char out[STAMP_LEN + 1])
{
    char text[TIME_TEXT_SIZE];
    time_text(wall_ns, text);
    for (int i = 0; i < STAMP_LEN; i++)
        out[i] = text[i] == ':' ? '-' : text[i];
    out[STAMP_LEN] = 0;
}

static bool is_stamp(Str text)
{
    static const char shape[] = "0000-00-00T00-00-00.000";
    if (text.len != STAMP_LEN)
        return false;
    for (size_t i = 0; i < STAMP_LEN; i++) {
        bool digit = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        if (shape[i] == '0' ? !digit : text.ptr[i] != shape[i])
            return false;
    }
    return true;
}

static bool backup_path(const LineFile *file, const char *stamp, char out[PATH_SIZE], Err *err)
{
    int len = snprintf(out, PATH_SIZE, "%.*s/%.*s-%s%.*s", STR_ARG(file->directory),
                       STR_ARG(file->stem), stamp, STR_ARG(file->ending));
    return len < PATH_SIZE || fail(err, ERR_INPUT, "path longer than %d bytes", PATH_SIZE - 1);
}

/* Two may be full within a millisecond, and clocks are set back. */
static bool free_backup_path(const LineFile *file, char out[PATH_SIZE], Err *err)
{
    Disk *disk = file->settings.disk;
    int64_t now = clock_wall_ns(file->settings.clock);
    for (int64_t i = 0; i < STAMP_TRIES; i++) {
        char stamp[STAMP_LEN + 1];
        DiskInfo info;
        write_stamp(now + i * NANOS_PER_MILLI, stamp);
        if (!backup_path(file, stamp, out, err) || !disk->info(disk, out, &info, err))
            return false;
        if (!info.exists)
            return true;
    }
    return fail(err, ERR_LIMIT, "%d rotated files of this second are there", STAMP_TRIES);
}

static bool move_away(LineFile *file, Err *err)
{
    char backup[PATH_SIZE];
    Disk *disk = file->settings.disk;
    if (!file->moved &&
        (!free_backup_path(file, backup, err) || !disk->rename(disk, file->path, backup, err)))
        return false;
    file->moved = true;
    return true;
}

static bool rotate(LineFile *file, Err *err)
{
    Err ignored;
    if (!move_away(file, err))
        return blame(err, "rotating");
    File *fresh = disk_open(file->settings.disk, file->path, DISK_CREATE, err);
    if (!fresh || !fresh->disk->lock(fresh, err)) {
        if (fresh) {
            (void)file_close(fresh, &ignored);
            (void)file->settings.disk->remove(file->settings.disk, file->path, &ignored);
        }
        return blame(err, "rotating");
    }
    (void)file_close(file->open, &ignored);
    file->open = fresh;
    file->size = 0;
    file->moved = false;
    prune(file);
    return true;
}

typedef struct Backups {
    const LineFile *file;
    Arena *arena;
    Str *stamps;
    size_t count;
    Err err;
    bool good;
} Backups;

static bool see_name(void *context, Str name)
{
    Backups *backups = context;
    const LineFile *file = backups->file;
    size_t around = file->stem.len + 1 + file->ending.len;
    if (name.len != around + STAMP_LEN || !str_starts(name, file->stem) ||
        name.ptr[file->stem.len] != '-' || !str_ends(name, file->ending))
        return true;
    Str stamp = str_first(str_skip(name, file->stem.len + 1), STAMP_LEN);
    if (!is_stamp(stamp))
        return true;
    backups->good =
        arena_copy(backups->arena, stamp, &backups->stamps[backups->count], &backups->err);
    backups->count += backups->good;
    return backups->good && backups->count < BACKUPS_SEEN_MAX;
}

static int newest_first(const void *a, const void *b)
{
    return str_compare(*(const Str *)b, *(const Str *)a);
}

static bool remove_old(const LineFile *file, const Backups *backups, Err *err)
{
    const LineFileSettings *settings = &file->settings;
    char oldest[STAMP_LEN + 1], path[PATH_SIZE];
    write_stamp(clock_wall_ns(settings->clock) - settings->age_max_ns, oldest);
    for (size_t i = 0; i < backups->count; i++) {
        bool too_many = settings->backups_max && i >= settings->backups_max;
        bool too_old =
            settings->age_max_ns && str_compare(backups->stamps[i], str_from(oldest)) < 0;
        if ((too_many || too_old) && (!backup_path(file, backups->stamps[i].ptr, path, err) ||
                                      !settings->disk->remove(settings->disk, path, err)))
            return false;
    }
    return true;
}

static bool try_prune(LineFile *file, Arena *arena, Err *err)
{
    Disk *disk = file->settings.disk;
    char directory[PATH_SIZE];
    Backups backups = { .file = file, .arena = arena, .good = true };
    backups.stamps = ARENA_MAKE(arena, Str, BACKUPS_SEEN_MAX, err);
    if (!backups.stamps || !directory_text(file, directory, err) ||
        !disk->list(disk, directory, see_name, &backups, err))
        return false;
    if (!backups.good) {
        *err = backups.err;
        return false;
    }
    if (backups.count)
        qsort(backups.stamps, backups.count, sizeof *backups.stamps, newest_first);
    return remove_old(file, &backups, err);
}

/* Old files that stay are no reason to refuse new lines. */
static void prune(LineFile *file)
{
    const LineFileSettings *settings = &file->settings;
    if (!settings->rotates || (!settings->backups_max && !settings->age_max_ns))
        return;
    Arena *arena = arena_new(LIST_MEMORY_MAX, &file->trouble);
    file->troubled = !arena || !try_prune(file, arena, &file->trouble);
    arena_free(arena);
}

const Err *line_file_trouble(const LineFile *file)
{
    return file->troubled ? &file->trouble : NULL;
}

/* --- writing --------------------------------------------------------------------------------- */

static bool append_line(LineFile *file, Str line, Err *err)
{
    Err ignored;
    if (file->torn && !file_truncate(file->open, file->size, err))
        return blame(err, "cutting what a failed write left");
    file->torn = false;
    bool full =
        file->settings.rotates && file->size &&
        (line.len > file->settings.bytes_max || file->size > file->settings.bytes_max - line.len);
    if ((full || file->moved) && !rotate(file, err))
        return false;
    if (file_write(file->open, file->size, line.ptr, line.len, err)) {
        file->size += line.len;
        return true;
    }
    file->torn = !file_truncate(file->open, file->size, &ignored);
    return false;
}

bool line_file_append(LineFile *file, Str line, Err *err)
{
    return append_line(file, line, err) || blame(err, "%.*s", STR_ARG(file->settings.path));
}
