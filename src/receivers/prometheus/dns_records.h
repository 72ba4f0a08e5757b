/* dns_records.h - questions for records that getaddrinfo does not ask for: SRV, MX, NS, and A and
 * AAAA without the hosts file, as Prometheus asks them. */
#ifndef RECEIVERS_PROMETHEUS_DNS_RECORDS_H
#define RECEIVERS_PROMETHEUS_DNS_RECORDS_H

#include "base/attributes.h"
#include "base/err.h"
#include "base/str.h"

enum {
    DNS_NAME_SIZE = 256,    /* of a name as text, with its zero byte */
    DNS_RECORDS_MAX = 2000, /* of one answer: more than 64 KiB hold */
    DNS_MESSAGE_MAX = 65535
};

typedef enum DnsType { DNS_A, DNS_AAAA, DNS_MX, DNS_NS, DNS_SRV } DnsType;

typedef struct DnsRecord {
    char name[DNS_NAME_SIZE]; /* an address, or a name with its last dot */
    uint16_t port;            /* SRV */
} DnsRecord;

typedef struct DnsRecords {
    DnsRecord *items; /* DNS_RECORDS_MAX of them; the caller's */
    size_t count;
} DnsRecords;

/* The records of that type in an answer; what stands between them is passed over. False: malformed,
 * a name that runs in a circle, more than DNS_RECORDS_MAX. */
CHECKED bool dns_records_read(DnsRecords *records, Str message, DnsType type, Err *err);

/* Blocks: asks the machine's resolvers, with its search domains. A name that is not there has no
 * records, and that is no error. */
CHECKED bool dns_records_ask(DnsRecords *records, const char *name, DnsType type, Err *err);

#endif
