/* hand_client.h - HTTP/1.1 by hand, on sockets that wait: for clients that do what no client of
 * ours would. */
#ifndef TESTS_OVERLOAD_HAND_CLIENT_H
#define TESTS_OVERLOAD_HAND_CLIENT_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* To loopback, with 20 s of patience; receive_bytes: what the kernel keeps unread, 0: its own
 * choice. -1: it did not work. */
int hand_connect(uint16_t port, int receive_bytes);
void hand_no_waiting(int fd);
bool hand_send(int fd, Str bytes);

typedef struct HandAnswer {
    int status;    /* 0: there was none */
    long retry_ms; /* of Retry-After; -1: it has none */
} HandAnswer;

HandAnswer hand_answer(int fd); /* reads the head of it */

#endif
