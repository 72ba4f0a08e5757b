/* replay.h - one connection that sends prepared OTLP requests over and over, as cheaply as it can.
 *
 * The bodies are encoded and compressed beforehand, so that whoever is measured works harder than
 * whoever measures. gRPC has several calls in flight on the connection, HTTP/1.1 one request. A
 * request that is refused is sent again a little later; anything else that goes wrong ends the
 * program.
 */
#ifndef BENCH_SUPPORT_REPLAY_H
#define BENCH_SUPPORT_REPLAY_H

#include "base/buf.h"
#include "model/signal.h"
#include "net/address.h"
#include "net/loop.h"

typedef struct ReplaySettings { /* all borrowed for the connection's life */
    Loop *loop;
    Address to;
    Signal signal;
    bool grpc, gzip;
    const Str *bodies; /* as they stand on the wire; gRPC's without their five bytes */
    size_t body_count;
    size_t in_flight; /* at most REPLAY_IN_FLIGHT_MAX; HTTP/1.1: 1 */
} ReplaySettings;

enum { REPLAY_IN_FLIGHT_MAX = 64 };

typedef struct Replay Replay;

Replay *replay_new(const ReplaySettings *settings);
void replay_send(Replay *replay, size_t requests); /* so many more */
size_t replay_left(const Replay *replay);          /* not yet taken */
size_t replay_refused(const Replay *replay);       /* since the beginning */
void replay_free(Replay *replay);

#endif
