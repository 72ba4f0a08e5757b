/* config_files.c - the files and directories that a configuration names; see config_files.h.
 *
 * Files of TLS are not looked at one by one: the whole section is opened as a start would do it,
 * so that a key that does not belong to its certificate is told, too.
 */
#include "cmd/config_files.h"

#include "base/clock.h"
#include "config/mention.h"
#include "config/path.h"
#include "pipe/tls_settings.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

typedef struct Checking {
    Disk *disk;
    int64_t now_wall_ns;
    Problems *problems;
} Checking;

/* ---- paths --------------------------------------------------------------------------------------
 */

static bool must_open(Disk *disk, const char *path, Err *err)
{
    Err unused;
    File *file = disk_open(disk, path, DISK_READ, err);
    return file && (file_close(file, &unused) || true);
}

/* The directory that a file stands in; "." where the path has none. */
static void parent_of(const char *path, char out[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    int len = !slash ? 0 : slash == path ? 1 : (int)(slash - path);
    snprintf(out, PATH_MAX, "%.*s", len ? len : 1, len ? path : ".");
}

static bool check_path(Disk *disk, ConfigPath use, const char *path, Err *err)
{
    DiskInfo info = { 0 }, parent = { 0 };
    char directory[PATH_MAX];
    bool is_directory = use == READS_DIRECTORY || use == WRITES_DIRECTORY;
    bool reads = use == READS_FILE || use == READS_DIRECTORY;
    parent_of(path, directory);
    if (!disk->info(disk, path, &info, err) || !disk->info(disk, directory, &parent, err))
        return false;
    if (info.exists && info.is_directory != is_directory)
        return fail(err, ERR_INPUT, "%s is %s", path,
                    info.is_directory ? "a directory" : "no directory");
    if (reads && !info.exists)
        return fail(err, ERR_INPUT, "%s: no such %s", path, is_directory ? "directory" : "file");
    if (!reads && parent.exists && !parent.is_directory)
        return fail(err, ERR_INPUT, "%s is no directory", directory);
    return use != READS_FILE || must_open(disk, path, err);
}

/* ---- TLS ----------------------------------------------------------------------------------------
 */

static bool is_tls(const ConfigField *table)
{
    return table == tls_listen_fields || table == tls_connect_fields;
}

/* Then nobody opens what tls names; config_advice.h tells of it. */
static bool is_plain(const ConfigSpot *section)
{
    const ConfigField *endpoint = config_find(section->table, STR("endpoint"));
    if (section->field->table != tls_connect_fields)
        return false;
    if (((const TlsConnectSettings *)(const void *)section->at)->insecure)
        return true;
    return endpoint && endpoint->type == CONFIG_TEXT &&
           str_starts(*(const Str *)(const void *)(section->settings + endpoint->offset),
                      STR("http://"));
}

static void check_tls(Checking *checking, const ConfigSpot *spot)
{
    Err err;
    const void *settings = spot->at;
    int64_t ends = INT64_MAX, now = checking->now_wall_ns / NANOS_PER_SECOND;
    bool listens = spot->field->table == tls_listen_fields;
    bool good =
        listens ? tls_listen_try(settings, &ends, &err) : tls_connect_try(settings, &ends, &err);
    if (!good)
        problem_error(checking->problems,
                      node_mentioned(spot->given, str_from(err.text), spot->place), "%s", err.text);
    else if (ends <= now)
        problem_warning(checking->problems, spot->place,
                        "the certificate has ended: peers refuse it; renew it");
}

/* ---- the walk -----------------------------------------------------------------------------------
 */

static void visit(void *context, const ConfigSpot *spot)
{
    Checking *checking = context;
    Err err;
    Str path;
    bool is_section =
        spot->field->type == CONFIG_SECTION || spot->field->type == CONFIG_OPTIONAL_SECTION;
    if (is_section && is_tls(spot->field->table) && spot->given && !is_plain(spot))
        check_tls(checking, spot);
    ConfigPath use = is_tls(spot->table) ? PATH_NONE : config_path_use(spot, &path);
    if (use && !check_path(checking->disk, use, path.ptr, &err))
        problem_error(checking->problems, spot->place, "%s", err.text);
}

void config_check_files(const ServiceConfig *config, Disk *disk, int64_t now_wall_ns,
                        Problems *problems)
{
    Checking checking = { disk, now_wall_ns, problems };
    const ConfigWalk walk = { .visit = visit, .context = &checking, .problems = problems };
    for (int kind = 0; kind < COMPONENT_KIND_COUNT; kind++) {
        problems_enter(problems, str_from(component_kind_section((ComponentKind)kind)));
        for (size_t i = 0; i < config->defined[kind].count; i++) {
            const ComponentConfig *component = config->defined[kind].items[i];
            if (!component->used || !component->type->fields)
                continue;
            problems_enter(problems, component->id);
            config_walk(&walk, component->type->fields, component->settings, component->node);
            problems_leave(problems);
        }
        problems_leave(problems);
    }
}
