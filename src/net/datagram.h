/* datagram.h - one message to a unix datagram socket, for those who only tell and never hear. */
#ifndef NET_DATAGRAM_H
#define NET_DATAGRAM_H

#include "base/attributes.h"
#include "base/err.h"
#include "base/str.h"

/* name: a path, or an abstract name behind '@', as systemd writes them. Does not wait: a reader
 * whose queue is full is an error. Any thread. */
CHECKED bool datagram_send(Str name, Str message, Err *err);

#endif
