/* sandbox.h - what the program cannot do any more once it has read its configuration, whatever
 * happens inside: start programs, gain rights, touch files that the configuration does not name.
 *
 * Three parts, each given by the kernel: no new privileges and no core dumps; seccomp lets only the
 * system calls through that a collector needs (a list; the others fail); Landlock limits
 * the files to what the configuration names and what every program reads (/etc, /proc, /sys, /usr).
 * It is entered before any thread starts, holds for all of them, and cannot be left: so a reload
 * that names another directory is refused.
 *
 * Who is under Landlock may not look into processes that are not (their reads and writes, the path
 * of their program), and no rule can allow it. So where a component has to, files are not limited,
 * unless strict asks for it; then that component does without.
 *
 *     auto    whatever this kernel offers and the configuration allows; what is lacking is said
 * once strict  all of it, or no start off     nothing, and core dumps are what the system makes of
 * them
 */
#ifndef CMD_SANDBOX_H
#define CMD_SANDBOX_H

#include "base/attributes.h"
#include "base/err.h"
#include "pipe/service_config.h"

typedef enum SandboxMode { SANDBOX_AUTO, SANDBOX_STRICT, SANDBOX_OFF } SandboxMode;

enum { SANDBOX_PLACES = 256 };

typedef struct SandboxPlace {
    char *path; /* of a directory, without links */
    bool writes;
} SandboxPlace;

typedef struct Sandbox {
    SandboxMode mode;
    SandboxPlace places[SANDBOX_PLACES];
    size_t place_count;
    int landlock; /* its version in force; 0: files are not limited */
    bool calls;   /* system calls are filtered */
} Sandbox;

/* `sources`: the configuration files, which a reload reads again. Directories that are written to
 * are made when they are missing. False: strict, and something is missing; or memory. */
CHECKED bool sandbox_enter(Sandbox *sandbox, SandboxMode mode, const ServiceConfig *config,
                           const char *const *sources, size_t source_count, Err *err);

/* May this configuration's files be reached from inside? err names the first that may not. */
CHECKED bool sandbox_fits(const Sandbox *sandbox, const ServiceConfig *config, Err *err);

void sandbox_done(Sandbox *sandbox); /* frees; it stays in force */

/* What this kernel offers: Landlock's version, 0 without. */
int sandbox_landlock_version(void);

/* "auto", "strict", "off". */
CHECKED bool sandbox_mode_parse(Str text, SandboxMode *out, Err *err);

#endif
