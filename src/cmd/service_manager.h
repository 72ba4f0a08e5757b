/* service_manager.h - tells systemd how we are: the protocol of sd_notify(3), which is one datagram
 * per message to the socket that the environment names.
 *
 * Without a service manager (NOTIFY_SOCKET is not set) everything here does nothing. One thread.
 */
#ifndef CMD_SERVICE_MANAGER_H
#define CMD_SERVICE_MANAGER_H

#include "base/str.h"

typedef struct ServiceManager {
    Str name;            /* of its socket; empty: there is none. The environment's. */
    int64_t watchdog_ns; /* within this it wants a sign of life; 0: it does not */
} ServiceManager;

/* From NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. */
ServiceManager service_manager_find(void);

void service_manager_ready(const ServiceManager *manager);
void service_manager_reloading(const ServiceManager *manager, int64_t mono_ns);
void service_manager_stopping(const ServiceManager *manager);
void service_manager_alive(const ServiceManager *manager);

#endif
