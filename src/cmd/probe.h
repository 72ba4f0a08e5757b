/* probe.h - what is behind an address: nothing, TLS, HTTP/1.1, HTTP/2? Asked with a few bytes. */
#ifndef CMD_PROBE_H
#define CMD_PROBE_H

#include "base/attributes.h"
#include "base/err.h"
#include "net/address.h"

typedef struct Probe {
    bool http1, http2; /* it answers that */
    bool tls;          /* it answers with a TLS record */
    bool silent;       /* it takes connections and says nothing */
} Probe;

/* "http://host:port/..." or "host:port" to an address. err says what cannot be found. */
CHECKED bool probe_resolve(const char *endpoint, uint16_t default_port, Address *out, Err *err);

/* False: nobody takes connections there, and err has the system's reason. */
CHECKED bool probe_run(const Address *address, Probe *out, Err *err);

#endif
