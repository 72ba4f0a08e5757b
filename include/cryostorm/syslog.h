/* syslog.h - what the program says through syslog(3) as log records.
 *
 * libc has no hook for syslog(), but the linker does: a function of that name in the program comes
 * before libc's, for the program's own calls and for those of the shared libraries it uses. This
 * header makes that function. Include it in exactly one C file of the program, like this:
 *
 *     #define CRYO_SYSLOG_BRIDGE_HERE
 *     #include <cryostorm/syslog.h>
 *
 *     cryo_start_from_env(&error);
 *     cryo_syslog_bridge_install(CRYO_SYSLOG_PASS_ON);       records and syslogd both get it
 *
 * It works the same with the shared library and with the archive. Until the bridge is installed,
 * after it was removed, and after cryo_shutdown() (which removes it), everything goes to libc as
 * ever; so does openlog() and setlogmask(), which rule what is passed on, not what is recorded. A
 * program that is linked wholly static has no other syslog() left: there nothing is passed on.
 * What libc itself or a library opened with RTLD_DEEPBIND says is not seen.
 *
 * The record's logger is "syslog"; its severity is the priority's (LOG_EMERG FATAL, LOG_ALERT
 * ERROR3, LOG_CRIT ERROR2, LOG_ERR ERROR, LOG_WARNING WARN, LOG_NOTICE INFO2, LOG_INFO INFO,
 * LOG_DEBUG DEBUG), so that LOGGING__LEVEL counts; attribute syslog.facility is the facility
 * that the call itself names. A message is cut at 4 KiB.
 */
#ifndef CRYOSTORM_SYSLOG_H
#define CRYOSTORM_SYSLOG_H

#include <cryostorm/attributes.h>

#include <stdarg.h>
#include <stdbool.h>

CRYO_BEGIN

typedef enum CryoSyslogMode {
    CRYO_SYSLOG_PASS_ON, /* syslogd gets it, too */
    CRYO_SYSLOG_TAKE,    /* it does not, unless logs are off */
} CryoSyslogMode;

CRYO_API void cryo_syslog_bridge_install(CryoSyslogMode mode);
CRYO_API void cryo_syslog_bridge_remove(void);

/* For a syslog() of one's own: makes the record, as syslog() would have understood the arguments.
 * True: pass it on to libc. */
CRYO_API bool cryo_syslog_bridge_write(int priority, const char *format, va_list args)
    CRYO_PRINTF(2, 0);

CRYO_END

#ifdef CRYO_SYSLOG_BRIDGE_HERE
#include <dlfcn.h>

CRYO_BEGIN

/* Under names of their own, since <syslog.h> may have made others of syslog() already. */
void cryo_bridge_syslog(int priority, const char *format, ...) CRYO_NAMED("syslog")
    CRYO_PRINTF(2, 3);
void cryo_bridge_vsyslog(int priority, const char *format, va_list args) CRYO_NAMED("vsyslog")
    CRYO_PRINTF(2, 0);
/* What _FORTIFY_SOURCE calls instead of them. */
void cryo_bridge_syslog_checked(int priority, int flag, const char *format, ...)
    CRYO_NAMED("__syslog_chk") CRYO_PRINTF(3, 4);
void cryo_bridge_vsyslog_checked(int priority, int flag, const char *format, va_list args)
    CRYO_NAMED("__vsyslog_chk") CRYO_PRINTF(3, 0);

void cryo_bridge_vsyslog(int priority, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    if (cryo_syslog_bridge_write(priority, format, args)) {
        union {
            void *found;
            void (*call)(int priority, const char *format, va_list args);
        } next;
        next.found = dlsym((void *)-1L, "vsyslog"); /* RTLD_NEXT, which wants _GNU_SOURCE */
        if (next.found)
            next.call(priority, format, again);
    }
    va_end(again);
}

void cryo_bridge_syslog(int priority, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    cryo_bridge_vsyslog(priority, format, args);
    va_end(args);
}

void cryo_bridge_syslog_checked(int priority, int flag, const char *format, ...)
{
    va_list args;
    (void)flag;
    va_start(args, format);
    cryo_bridge_vsyslog(priority, format, args);
    va_end(args);
}

void cryo_bridge_vsyslog_checked(int priority, int flag, const char *format, va_list args)
{
    (void)flag;
    cryo_bridge_vsyslog(priority, format, args);
}

CRYO_END
#endif

#endif
