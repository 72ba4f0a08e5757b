/* discovery.h - where targets come from besides static_configs: files, http endpoints, the DNS.
 *
 * A discovery is one entry of file_sd_configs, http_sd_configs or dns_sd_configs and one source of
 * its job. It looks at once and then every refresh_interval. What cannot be had or read leaves
 * what was there before in force, and is logged when it begins and when it ends. All of it on the
 * receiver's loop, but for DNS questions, which a thread asks. What was found is charged to the
 * program's memory.
 */
#ifndef RECEIVERS_PROMETHEUS_DISCOVERY_H
#define RECEIVERS_PROMETHEUS_DISCOVERY_H

#include "config/field.h"
#include "pipe/host.h"
#include "receivers/prometheus/http_settings.h"
#include "receivers/prometheus/target_groups.h"

typedef struct FileDiscoveryConfig {
    TextList files;
    int64_t refresh_interval;
} FileDiscoveryConfig;

typedef struct FileDiscoveryList {
    FileDiscoveryConfig *items;
    size_t count;
} FileDiscoveryList;

typedef struct HttpDiscoveryConfig {
    Str url;
    int64_t refresh_interval;
    HttpSettings http;
} HttpDiscoveryConfig;

typedef struct HttpDiscoveryList {
    HttpDiscoveryConfig *items;
    size_t count;
} HttpDiscoveryList;

typedef struct DnsDiscoveryConfig {
    TextList names;
    int type; /* DnsType */
    uint64_t port;
    int64_t refresh_interval;
} DnsDiscoveryConfig;

typedef struct DnsDiscoveryList {
    DnsDiscoveryConfig *items;
    size_t count;
} DnsDiscoveryList;

extern const ConfigField file_discovery_fields[], http_discovery_fields[], dns_discovery_fields[];

CHECKED bool file_discovery_check(const FileDiscoveryConfig *config, Err *err);
CHECKED bool http_discovery_check(const HttpDiscoveryConfig *config, Err *err);
CHECKED bool dns_discovery_check(const DnsDiscoveryConfig *config, Err *err);

typedef struct DiscoverySettings { /* borrowed */
    Host *host;
    Str job; /* for messages; followed by a zero byte */
    /* Here is everything that is known now; the groups move in. False: ERR_MEMORY or
     * ERR_BUSY. */
    bool (*found)(void *owner, size_t at, TargetGroups *groups, Err *err);
    void *owner;
    size_t at;
} DiscoverySettings;

typedef struct FileDiscovery FileDiscovery;
typedef struct HttpDiscovery HttpDiscovery;
typedef struct DnsDiscovery DnsDiscovery;

CHECKED FileDiscovery *file_discovery_new(const DiscoverySettings *settings,
                                          const FileDiscoveryConfig *config, Err *err);
void file_discovery_free(FileDiscovery *discovery); /* NULL is fine, here and below */
CHECKED HttpDiscovery *http_discovery_new(const DiscoverySettings *settings,
                                          const HttpDiscoveryConfig *config, Err *err);
void http_discovery_free(HttpDiscovery *discovery);
CHECKED DnsDiscovery *dns_discovery_new(const DiscoverySettings *settings,
                                        const DnsDiscoveryConfig *config, Err *err);
void dns_discovery_free(DnsDiscovery *discovery);

#endif
