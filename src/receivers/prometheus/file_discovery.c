/* file_discovery.c - file_sd_configs: lists of targets in files, JSON or YAML; see discovery.h.
 *
 * Files are looked at every WATCH_SECONDS (what they are is asked, no more) and read when they have
 * changed, or when refresh_interval is over. A file that cannot be read keeps its targets; one that
 * is gone loses them.
 */
#include "receivers/prometheus/discovery.h"

#include "base/mem.h"

#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

enum { FILES_MAX = 1000, FILE_BYTES_MAX = 4 << 20, PATH_TEXT_MAX = 4096, WATCH_SECONDS = 5 };

typedef struct Stamp {
    int64_t device, inode, size, changed_ns;
} Stamp;

typedef struct TargetFile {
    char *path;
    Stamp stamp;
    TargetGroups groups;
    bool seen, told;
} TargetFile;

struct FileDiscovery {
    DiscoverySettings settings;
    const FileDiscoveryConfig *config;
    TargetFile *files[FILES_MAX];
    size_t count;
    Timer timer;
    int64_t full_ns; /* when everything is read again */
    bool changed, told_short;
};

static bool check_file(Str text, Err *err)
{
    Str name = text;
    for (Str rest = text; str_contains(rest, STR("/"));) {
        name = str_skip(rest, 1);
        rest = name;
    }
    bool known =
        str_ends(name, STR(".json")) || str_ends(name, STR(".yml")) || str_ends(name, STR(".yaml"));
    bool star = str_contains(str_first(text, text.len - name.len), STR("*"));
    if (star)
        return fail(err, ERR_INPUT, "a * may only stand behind the last /");
    return known || fail(err, ERR_INPUT, "must end in .json, .yml or .yaml");
}

const ConfigField file_discovery_fields[] = {
    TEXT_LIST(FileDiscoveryConfig, files, "",
              "Files with lists of targets; behind the last / a * stands for anything.",
              .check = check_file, .path = READS_FILE),
    DURATION(FileDiscoveryConfig, refresh_interval, "5m", "1s", "8760h",
             "How often files are read even when they seem not to have changed."),
    { 0 },
};

bool file_discovery_check(const FileDiscoveryConfig *config, Err *err)
{
    if (!config->files.count)
        return fail(err, ERR_INPUT, "files: is needed");
    for (size_t i = 0; i < config->files.count; i++)
        if (!check_file(config->files.items[i], err))
            return blame(err, "files: \"%.*s\"", STR_ARG(config->files.items[i]));
    return true;
}

/* ---- one file ---- */

static Stamp stamp_of(const char *path)
{
    struct stat at;
    if (stat(path, &at) != 0)
        return (Stamp){ 0 };
    return (Stamp){ (int64_t)at.st_dev, (int64_t)at.st_ino, at.st_size,
                    at.st_mtim.tv_sec * NANOS_PER_SECOND + at.st_mtim.tv_nsec };
}

static bool read_file(FileDiscovery *discovery, TargetFile *file, TargetGroups *out, Err *err)
{
    Host *host = discovery->settings.host;
    Buf text = BUF(FILE_BYTES_MAX);
    const Label source = { STR("__meta_filepath"), str_from(file->path) };
    bool ok = disk_read_all(host_disk(host), file->path, &text, err) &&
              target_groups_read(out, buf_str(&text), source,
                                 budget_purse(host_budget(host), BUDGET_CACHES), err);
    buf_free(&text);
    return ok;
}

static void tell(FileDiscovery *discovery, TargetFile *file, const Err *err)
{
    const DiscoverySettings *settings = &discovery->settings;
    if (err && !file->told)
        host_log(settings->host, LOG_WARN,
                 "job %.*s: file_sd_configs: %s: %s (its targets stay as they were)",
                 STR_ARG(settings->job), file->path, err->text);
    if (!err && file->told)
        host_log(settings->host, LOG_INFO, "job %.*s: file_sd_configs: %s can be read again",
                 STR_ARG(settings->job), file->path);
    file->told = err != NULL;
}

/* True: it says something else now. */
static bool look(FileDiscovery *discovery, TargetFile *file, bool all)
{
    Err err;
    TargetGroups read;
    Stamp stamp = stamp_of(file->path);
    if (!all && !file->told && memcmp(&stamp, &file->stamp, sizeof stamp) == 0)
        return false;
    file->stamp = stamp;
    bool ok = read_file(discovery, file, &read, &err);
    tell(discovery, file, ok ? NULL : &err);
    if (!ok)
        return false;
    target_groups_done(&file->groups);
    file->groups = read;
    return true;
}

static TargetFile *file_of(FileDiscovery *discovery, const char *path, Err *err)
{
    for (size_t i = 0; i < discovery->count; i++)
        if (strcmp(discovery->files[i]->path, path) == 0)
            return discovery->files[i];
    if (discovery->count == FILES_MAX)
        return fail(err, ERR_LIMIT, "more than %d files", FILES_MAX), NULL;
    TargetFile *file = MEM_MAKE(TargetFile, 1, err);
    if (!file)
        return NULL;
    file->path = mem_copy_text(str_from(path), err);
    if (!file->path) {
        mem_free(file);
        return NULL;
    }
    discovery->files[discovery->count++] = file;
    return file;
}

static void file_free(TargetFile *file)
{
    target_groups_done(&file->groups);
    mem_free(file->path);
    mem_free(file);
}

/* ---- all of them ---- */

typedef struct Search {
    FileDiscovery *discovery;
    const char *pattern; /* of the name */
    Str directory;       /* with its '/' */
    Err *err;
    bool ok;
} Search;

static bool meet(void *context, Str name)
{
    Search *search = context;
    Buf text = BUF(PATH_TEXT_MAX);
    buf_add(&text, name);
    const char *plain = buf_text(&text);
    if (plain && fnmatch(search->pattern, plain, FNM_PERIOD) == 0) {
        buf_clear(&text);
        buf_add(&text, search->directory);
        buf_add(&text, name);
        const char *path = buf_text(&text);
        TargetFile *file = path ? file_of(search->discovery, path, search->err) : NULL;
        search->ok = file != NULL;
        if (file)
            file->seen = true;
    }
    buf_free(&text);
    return search->ok;
}

static bool search(FileDiscovery *discovery, Str text, Err *err)
{
    Buf directory = BUF(PATH_TEXT_MAX);
    size_t at = text.len;
    while (at && text.ptr[at - 1] != '/')
        at--;
    Search state = { .discovery = discovery,
                     .pattern = text.ptr + at,
                     .directory = str_first(text, at),
                     .err = err,
                     .ok = true };
    buf_add(&directory, at ? str_first(text, at) : STR("."));
    const char *path = buf_text(&directory);
    Disk *disk = host_disk(discovery->settings.host);
    DiskInfo info = { 0 };
    bool ok = path && disk->info(disk, path, &info, err);
    if (ok && info.exists)
        ok = disk->list(disk, path, meet, &state, err) && state.ok;
    buf_free(&directory);
    return ok;
}

/* Which files there are now. */
static bool find(FileDiscovery *discovery, Err *err)
{
    bool ok = true;
    for (size_t i = 0; i < discovery->count; i++)
        discovery->files[i]->seen = false;
    for (size_t i = 0; ok && i < discovery->config->files.count; i++)
        ok = search(discovery, discovery->config->files.items[i], err);
    return ok;
}

static bool publish(FileDiscovery *discovery, Err *err)
{
    const DiscoverySettings *settings = &discovery->settings;
    Purse *purse = budget_purse(host_budget(settings->host), BUDGET_CACHES);
    TargetGroups all = { 0 };
    bool ok = target_groups_begin(&all, purse, err);
    for (size_t i = 0; ok && i < discovery->count; i++)
        ok = target_groups_add(&all, &discovery->files[i]->groups, err);
    ok = ok && settings->found(settings->owner, settings->at, &all, err);
    target_groups_done(&all);
    return ok;
}

static void forget_gone(FileDiscovery *discovery)
{
    size_t kept = 0;
    for (size_t i = 0; i < discovery->count; i++) {
        TargetFile *file = discovery->files[i];
        if (file->seen)
            discovery->files[kept++] = file;
        else
            file_free(file);
    }
    discovery->changed = discovery->changed || kept < discovery->count;
    discovery->count = kept;
}

static bool refresh(FileDiscovery *discovery, bool all, Err *err)
{
    if (!find(discovery, err))
        return false;
    forget_gone(discovery);
    for (size_t i = 0; i < discovery->count; i++)
        discovery->changed |= look(discovery, discovery->files[i], all);
    if (!discovery->changed)
        return true;
    discovery->changed = !publish(discovery, err); /* else once more, next time */
    return !discovery->changed;
}

static void fire(void *owner)
{
    FileDiscovery *discovery = owner;
    const DiscoverySettings *settings = &discovery->settings;
    Loop *loop = host_loop(settings->host);
    int64_t now = loop_now(loop);
    bool all = now >= discovery->full_ns;
    Err err;
    if (all)
        discovery->full_ns = now + discovery->config->refresh_interval;
    bool ok = refresh(discovery, all, &err);
    if (!ok && !discovery->told_short)
        host_log(settings->host, LOG_WARN, "job %.*s: file_sd_configs: %s", STR_ARG(settings->job),
                 err.text);
    discovery->told_short = !ok;
    int64_t step = WATCH_SECONDS * NANOS_PER_SECOND;
    if (discovery->config->refresh_interval < step)
        step = discovery->config->refresh_interval;
    timer_set(loop, &discovery->timer, now + step);
}

FileDiscovery *file_discovery_new(const DiscoverySettings *settings,
                                  const FileDiscoveryConfig *config, Err *err)
{
    FileDiscovery *discovery = MEM_MAKE(FileDiscovery, 1, err);
    if (!discovery)
        return NULL;
    discovery->settings = *settings;
    discovery->config = config;
    discovery->timer = (Timer){ .fire = fire, .owner = discovery };
    fire(discovery);
    return discovery;
}

void file_discovery_free(FileDiscovery *discovery)
{
    if (!discovery)
        return;
    timer_cancel(host_loop(discovery->settings.host), &discovery->timer);
    for (size_t i = 0; i < discovery->count; i++)
        file_free(discovery->files[i]);
    mem_free(discovery);
}
