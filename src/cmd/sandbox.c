/* sandbox.c - what the program cannot do any more; see sandbox.h. */
#include "cmd/sandbox.h"

#include "base/disk.h"
#include "base/log.h"
#include "base/mem.h"
#include "cmd/sandbox_calls.h"
#include "config/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of later versions than Debian 12's header. */
#define ACCESS_TRUNCATE  (1ULL << 14) /* from version 3 */
#define ACCESS_IOCTL_DEV (1ULL << 15) /* from version 5 */

#define READS            (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITES                                                                                    \
    (READS | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                      \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | \
     LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REFER | ACCESS_TRUNCATE)
#define DEVICE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)

/* ---- which places ------------------------------------------------------------------------------
 */

/* What libraries read on their own: names, time zones, certificates, other libraries. */
static const char *const everybody_reads[] = { "/etc", "/proc", "/sys",  "/usr",
                                               "/lib", "/run",  "/lib64" };

typedef struct Collecting {
    Sandbox *sandbox;
    Err *err;
    bool ok;
} Collecting;

static bool add_place(Sandbox *sandbox, const char *path, bool writes, Err *err)
{
    for (size_t i = 0; i < sandbox->place_count; i++) {
        SandboxPlace *place = &sandbox->places[i];
        if (strcmp(place->path, path) != 0)
            continue;
        place->writes = place->writes || writes;
        return true;
    }
    if (sandbox->place_count == SANDBOX_PLACES)
        return fail(err, ERR_LIMIT, "the configuration names more than %d directories",
                    SANDBOX_PLACES);
    char *copy = mem_copy_text(str_from(path), err);
    if (!copy)
        return false;
    sandbox->places[sandbox->place_count++] = (SandboxPlace){ copy, writes };
    return true;
}

/* The directory that a path lies in, or that it is. */
static bool directory_of(ConfigPath use, Str path, char out[PATH_MAX])
{
    char given[PATH_MAX];
    if (path.len >= sizeof given)
        return false;
    memcpy(given, path.ptr, path.len);
    given[path.len] = 0;
    if (use == READS_FILE || use == WRITES_FILE) {
        char *slash = strrchr(given, '/');
        if (!slash)
            memcpy(given, ".", 2);
        else
            slash[slash == given] = 0;
    }
    return realpath(given, out) != NULL;
}

/* What is not there is nobody's to reach; the component says so when it starts. */
static void collect(void *context, ConfigPath use, Str path)
{
    Collecting *collecting = context;
    char real[PATH_MAX];
    Err unused = { 0 };
    bool found = directory_of(use, path, real);
    if (!found && use == WRITES_DIRECTORY)
        found = disk_system()->make_directory(disk_system(), path.ptr, &unused) &&
                directory_of(use, path, real);
    bool writes = use == WRITES_FILE || use == WRITES_DIRECTORY;
    if (found && !add_place(collecting->sandbox, real, writes, collecting->err))
        collecting->ok = false;
}

static void each_path(const ServiceConfig *config,
                      void (*visit)(void *context, ConfigPath use, Str path), void *context)
{
    for (size_t kind = 0; kind < COMPONENT_KIND_COUNT; kind++) {
        const ComponentList *list = &config->defined[kind];
        for (size_t i = 0; i < list->count; i++) {
            const ComponentConfig *component = list->items[i];
            if (component->used && component->type->fields)
                config_each_path(component->type->fields, component->settings, visit, context);
        }
    }
}

/* Empty: none. The id is borrowed from the configuration. */
static Str who_looks_into_processes(const ServiceConfig *config)
{
    for (size_t kind = 0; kind < COMPONENT_KIND_COUNT; kind++) {
        const ComponentList *list = &config->defined[kind];
        for (size_t i = 0; i < list->count; i++) {
            const ComponentConfig *component = list->items[i];
            if (component->used && component->type->looks_into_processes &&
                component->type->looks_into_processes(component->settings))
                return component->id;
        }
    }
    return STR("");
}

static bool collect_all(Sandbox *sandbox, const ServiceConfig *config, const char *const *sources,
                        size_t source_count, Err *err)
{
    Collecting collecting = { sandbox, err, true };
    for (size_t i = 0; i < COUNT_OF(everybody_reads); i++)
        collecting.ok = collecting.ok && add_place(sandbox, everybody_reads[i], false, err);
    for (size_t i = 0; i < source_count; i++)
        collect(&collecting, READS_FILE, str_from(sources[i]));
    each_path(config, collect, &collecting);
    return collecting.ok;
}

/* ---- Landlock ----------------------------------------------------------------------------------
 */

int sandbox_landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version > 0 ? (int)version : 0;
}

static uint64_t handled_by(int version)
{
    uint64_t handled = LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1; /* all of version 1 */
    if (version >= 2)
        handled |= LANDLOCK_ACCESS_FS_REFER;
    if (version >= 3)
        handled |= ACCESS_TRUNCATE;
    if (version >= 5)
        handled |= ACCESS_IOCTL_DEV;
    return handled;
}

/* A place that is not there, or is no directory, is left out. */
static void allow(int rules, const char *path, uint64_t access)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return;
    const struct landlock_path_beneath_attr place = { .allowed_access = access, .parent_fd = fd };
    (void)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &place, 0);
    close(fd);
}

static bool limit_files(Sandbox *sandbox)
{
    int version = sandbox_landlock_version();
    uint64_t handled = handled_by(version);
    const struct landlock_ruleset_attr attributes = { .handled_access_fs = handled };
    int rules =
        version ? (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0) : -1;
    if (rules < 0)
        return false;
    for (size_t i = 0; i < sandbox->place_count; i++)
        allow(rules, sandbox->places[i].path,
              handled & (sandbox->places[i].writes ? WRITES : READS));
    allow(rules, "/dev/null", DEVICE);
    allow(rules, "/dev/urandom", LANDLOCK_ACCESS_FS_READ_FILE);
    bool done = syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    close(rules);
    sandbox->landlock = done ? version : 0;
    return done;
}

/* ---- all of it ---------------------------------------------------------------------------------
 */

/* One byte is too little for a file, and for the kernel it is the sign that a dump must not go to a
 * program either, which 0 is not. */
static void no_core_dumps(void)
{
    const struct rlimit one = { 1, 1 };
    (void)setrlimit(RLIMIT_CORE, &one);
}

static void tell(const Sandbox *sandbox, Str looker)
{
    bool given_up = looker.len && sandbox->mode == SANDBOX_AUTO;
    if (sandbox->landlock && sandbox->calls)
        log_write(LOG_INFO, "sandbox",
                  "No core dumps, no new privileges; %zu system calls; files in %zu places "
                  "(Landlock %d)",
                  sandbox_call_count(), sandbox->place_count, sandbox->landlock);
    if (given_up)
        log_write(LOG_WARN, "sandbox",
                  "%.*s looks into other processes, which Landlock forbids: files are not limited "
                  "(--sandbox strict limits them and does without process.disk.io, "
                  "process.disk.operations and process.executable.path)",
                  STR_ARG(looker));
    else if (!sandbox->landlock)
        log_write(LOG_WARN, "sandbox", "this kernel offers no Landlock: files are not limited");
    if (!sandbox->calls)
        log_write(LOG_WARN, "sandbox", "seccomp is not to be had: system calls are not filtered");
}

bool sandbox_enter(Sandbox *sandbox, SandboxMode mode, const ServiceConfig *config,
                   const char *const *sources, size_t source_count, Err *err)
{
    *sandbox = (Sandbox){ .mode = mode };
    if (mode == SANDBOX_OFF)
        return true;
    if (!collect_all(sandbox, config, sources, source_count, err))
        return false;
    no_core_dumps();
    bool privileges = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    Str looker = who_looks_into_processes(config);
    bool limits = !looker.len || mode == SANDBOX_STRICT;
    bool files = privileges && limits && limit_files(sandbox);
    sandbox->calls = privileges && sandbox_filter_calls();
    if (mode == SANDBOX_STRICT && !(files && sandbox->calls))
        return fail(err, ERR_UNSUPPORTED, "--sandbox strict: this kernel offers no %s",
                    files ? "seccomp" : "Landlock");
    tell(sandbox, looker);
    return true;
}

void sandbox_done(Sandbox *sandbox)
{
    for (size_t i = 0; i < sandbox->place_count; i++)
        mem_free(sandbox->places[i].path);
    *sandbox = (Sandbox){ 0 };
}

/* ---- another configuration ---------------------------------------------------------------------
 */

static bool is_within(const char *path, const char *place)
{
    size_t len = strlen(place);
    return strncmp(path, place, len) == 0 &&
           (path[len] == 0 || path[len] == '/' || (len > 0 && place[len - 1] == '/'));
}

static bool reaches(const Sandbox *sandbox, const char *path, bool writes)
{
    for (size_t i = 0; i < sandbox->place_count; i++)
        if (is_within(path, sandbox->places[i].path) && (!writes || sandbox->places[i].writes))
            return true;
    return false;
}

typedef struct Fitting {
    const Sandbox *sandbox;
    Err *err;
    bool ok;
} Fitting;

static void check_fit(void *context, ConfigPath use, Str path)
{
    Fitting *fitting = context;
    char real[PATH_MAX];
    bool writes = use == WRITES_FILE || use == WRITES_DIRECTORY;
    bool found = directory_of(use, path, real);
    if (!fitting->ok || (!found && !writes) || (found && reaches(fitting->sandbox, real, writes)))
        return;
    fitting->ok = fail(fitting->err, ERR_UNSUPPORTED,
                       "\"%.*s\" is outside of what the running program may reach: restart it "
                       "instead of reloading",
                       STR_ARG(path));
}

bool sandbox_fits(const Sandbox *sandbox, const ServiceConfig *config, Err *err)
{
    Fitting fitting = { sandbox, err, true };
    Str looker = who_looks_into_processes(config);
    if (sandbox->landlock && sandbox->mode == SANDBOX_AUTO && looker.len)
        return fail(err, ERR_UNSUPPORTED,
                    "%.*s looks into other processes, which the running program may not: restart "
                    "it instead of reloading",
                    STR_ARG(looker));
    if (sandbox->landlock)
        each_path(config, check_fit, &fitting);
    return fitting.ok;
}

bool sandbox_mode_parse(Str text, SandboxMode *out, Err *err)
{
    static const char *const names[] = { "auto", "strict", "off" };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (!str_eq(text, str_from(names[i])))
            continue;
        *out = (SandboxMode)i;
        return true;
    }
    return fail(err, ERR_INPUT, "--sandbox is auto, strict or off, not '%.*s'", STR_ARG(text));
}
