/* idle_crowd.h - TLS connections that have asked once and then ask for nothing: half speak
 * HTTP/1.1, half HTTP/2. Their handshakes are made here, with the certificate checked. */
#ifndef TESTS_OVERLOAD_IDLE_CROWD_H
#define TESTS_OVERLOAD_IDLE_CROWD_H

#include <stddef.h>
#include <stdint.h>

enum { IDLERS = 5000 };

typedef struct IdlePorts {
    uint16_t grpc, http;   /* of a server whose certificate `authority` has signed, for 127.0.0.1 */
    const char *authority; /* PEM */
} IdlePorts;

size_t idle_open(const IdlePorts *ports); /* blocks; how many shook hands and were answered */
size_t idle_alive(void);                  /* how many are still open */

#endif
