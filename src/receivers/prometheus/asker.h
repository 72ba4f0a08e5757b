/* asker.h - GET requests to one site, with a job's HTTP settings: its authorization, its headers,
 * its TLS, and redirects, of which at most ASKER_REDIRECTS are followed. To another host or port
 * than the one that was asked, or from https to http, nothing goes that tells who we are: no
 * authorization and no headers of the job's.
 *
 * An AskerHome is what askers of a job share; it reads files of credentials again when they are
 * older than ASKER_FILE_SECONDS. All of it on the receiver's loop.
 */
#ifndef RECEIVERS_PROMETHEUS_ASKER_H
#define RECEIVERS_PROMETHEUS_ASKER_H

#include "net/http_client.h"
#include "pipe/host.h"
#include "receivers/prometheus/http_settings.h"

enum { ASKER_REDIRECTS = 10, ASKER_FILE_SECONDS = 5, ASKER_FIELDS_MAX = 16 << 10 };

typedef struct AskerHome {
    Host *host;
    const HttpSettings *settings;
    const char *name; /* the job's: of its certificates */
    TlsUse tls;
    HttpFields own; /* authorization and http_headers */
    int64_t read_ns;
    bool read;
} AskerHome;

CHECKED bool asker_home_open(AskerHome *home, const HttpSettings *settings, Host *host,
                             const char *name, Err *err);
void asker_home_close(AskerHome *home); /* a zeroed one is fine */

typedef struct AskerSettings {
    AskerHome *home;
    Str url; /* scheme and authority; copied */
    size_t response_bytes;
    int64_t connect_timeout_ns, idle_timeout_ns;
    bool plain; /* ask for an answer that is not compressed */
    void (*done)(void *owner, HttpResponse *response, const Err *err); /* as in HttpCall */
    void *owner;
} AskerSettings;

typedef struct AskerCall {
    Str target; /* copied */
    const HttpField *fields;
    size_t field_count;
    int64_t timeout_ns;
} AskerCall;

typedef struct Asker Asker;

CHECKED Asker *asker_new(const AskerSettings *settings, Err *err);
/* One at a time: the next after done(). Not from inside it. False: nothing was asked. */
CHECKED bool asker_send(Asker *asker, const AskerCall *call, Err *err);
/* done() may be called once more, with ERR_CLOSED. NULL is fine. */
void asker_free(Asker *asker);

#endif
