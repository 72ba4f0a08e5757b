/* service_manager.c - tells systemd how we are; see service_manager.h. */
#include "cmd/service_manager.h"

#include "base/log.h"
#include "net/datagram.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The watchdog may be meant for another process of the unit. */
static int64_t read_watchdog(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    uint64_t wanted, owner = (uint64_t)getpid();
    if (!usec || !str_to_u64(str_from(usec), &wanted) || wanted > INT64_MAX / 1000)
        return 0;
    if (pid && (!str_to_u64(str_from(pid), &owner) || owner != (uint64_t)getpid()))
        return 0;
    return (int64_t)wanted * 1000;
}

ServiceManager service_manager_find(void)
{
    const char *name = getenv("NOTIFY_SOCKET");
    if (!name || !*name)
        return (ServiceManager){ 0 };
    return (ServiceManager){ .name = str_from(name), .watchdog_ns = read_watchdog() };
}

static void tell(const ServiceManager *manager, Str message)
{
    Err err = { 0 };
    if (manager->name.len && !datagram_send(manager->name, message, &err))
        log_write(LOG_WARN, "service", "the service manager hears nothing: %s", err.text);
}

void service_manager_ready(const ServiceManager *manager)
{
    tell(manager, STR("READY=1\nSTATUS=Receiving and processing data"));
}

void service_manager_reloading(const ServiceManager *manager, int64_t mono_ns)
{
    char message[64];
    int len =
        snprintf(message, sizeof message, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, mono_ns / 1000);
    tell(manager, (Str){ message, (size_t)len });
}

void service_manager_stopping(const ServiceManager *manager)
{
    tell(manager, STR("STOPPING=1\nSTATUS=Delivering what is held"));
}

void service_manager_alive(const ServiceManager *manager)
{
    tell(manager, STR("WATCHDOG=1"));
}
