/* syslog_bridge.c - syslog(3) as log records; see <cryostorm/syslog.h>. */
#include "base/attributes.h"
#include "sdk/log_record.h"
#include "sdk/thread_state.h"

#include <cryostorm/syslog.h>

#include <errno.h>
#include <stdio.h>
#include <syslog.h>

enum { MESSAGE_MAX = 4096, REMOVED = -1 };

static atomic_int bridge_mode = REMOVED;

typedef struct Priority {
    const char *name;
    int severity; /* OpenTelemetry's number */
} Priority;

static const Priority priorities[] = {
    [LOG_EMERG] = { "emerg", 21 },     [LOG_ALERT] = { "alert", 19 },
    [LOG_CRIT] = { "crit", 18 },       [LOG_ERR] = { "err", 17 },
    [LOG_WARNING] = { "warning", 13 }, [LOG_NOTICE] = { "notice", 10 },
    [LOG_INFO] = { "info", 9 },        [LOG_DEBUG] = { "debug", 5 },
};

static const char *const facilities[] = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock",
    "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7",
};

void cryo_syslog_bridge_install(CryoSyslogMode mode)
{
    atomic_store(&bridge_mode, (int)mode);
}

void cryo_syslog_bridge_remove(void)
{
    atomic_store(&bridge_mode, REMOVED);
}

static PRINTF(2, 0) void record_message(int priority, const char *format, va_list args)
{
    const Priority *known = &priorities[LOG_PRI(priority)];
    size_t facility = (size_t)LOG_FAC(priority);
    if (!cryo_log_enabled((CryoSeverity)known->severity))
        return;
    char text[MESSAGE_MAX];
    int len = vsnprintf(text, sizeof text, format, args); /* %m is glibc's, as in syslog() */
    size_t shown = len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    while (shown > 0 && text[shown - 1] == '\n')
        shown--;
    bool named = facility > 0 && facility < COUNT_OF(facilities); /* 0: the one of openlog() */
    CryoAttr attribute = { cryo_str("syslog.facility"),
                           cryo_text(named ? facilities[facility] : "") };
    CryoAttrs attributes = { &attribute, named ? 1 : 0 };
    cryo_log_record(&(CryoLogRecord){ .severity = known->severity,
                                      .severity_text = cryo_str(known->name),
                                      .body = cryo_string((CryoString){ text, shown }),
                                      .attributes = attributes,
                                      .logger = cryo_logger("syslog", NULL) });
}

bool cryo_syslog_bridge_write(int priority, const char *format, va_list args)
{
    int mode = atomic_load(&bridge_mode);
    if (mode == REMOVED || thread_locals.suppressed || CRYO_RELAXED(cryo_log_from) == LOGS_OFF)
        return true;
    int before = errno;
    record_message(priority, format, args);
    errno = before;
    return mode == CRYO_SYSLOG_PASS_ON;
}
