/* collector.h - a whole collector on a machine that the test is: its disk, network, clock and
 * randomness come from one seed, and nothing runs but when the test turns it.
 *
 * Everything is built as the program builds it: YAML from a file, the registry, the graph. Clients
 * outside speak OTLP over HTTP and gRPC. What they were told is remembered, so that a judge can
 * compare it with what the disk has.
 */
#ifndef TESTS_SUPPORT_COLLECTOR_H
#define TESTS_SUPPORT_COLLECTOR_H

#include "support/sim_net.h"
#include "support/test_disk.h"

#include "base/random.h"
#include "model/signal.h"
#include "pipe/graph.h"

#define COLLECTOR_CONFIG "collector.yaml" /* on the test disk */

enum { ASKS_MAX = 4096, ASK_TEXT_MAX = 2048 };

typedef enum Verdict {
    VERDICT_NONE, /* no answer: the connection broke, or it took too long */
    VERDICT_YES,
    VERDICT_NO, /* an answer, but not OK */
} Verdict;

/* One request from outside. A request for data has one item, named "<h or g><its number>". */
typedef struct Ask {
    bool answered, is_grpc;
    Signal signal;
    Verdict verdict;
    int status;              /* HTTP's or gRPC's */
    char text[ASK_TEXT_MAX]; /* the beginning of the answer's body; of a gRPC error its words */
    size_t text_len;
} Ask;

typedef struct Collector Collector;

/* The machine, without a running collector: the configuration lies on its disk. */
Collector *collector_new(uint64_t seed, const char *yaml);
void collector_free(Collector *c); /* ends what runs */

TestDisk *collector_disk(Collector *c);
SimNet *collector_net(Collector *c);
Random *collector_random(Collector *c); /* the test's part of the seed */

/* Reads the configuration and starts. False: err says why, and nothing runs. */
bool collector_start(Collector *c, Err *err);
bool collector_runs(const Collector *c);
/* Drains and stops. True: everything had settled before the deadline. */
bool collector_stop(Collector *c);
/* Stops without draining and without telling the clients anything more: what the power cut does to
 * a process. */
void collector_kill(Collector *c);

void collector_turn(Collector *c); /* what is due, inside and outside; then a millisecond passes */

/* These two return the request's number. The answer comes while the collector turns. */
size_t collector_send(Collector *c, Signal signal, bool by_grpc);
/* The same with a body of the test's own. */
typedef struct Sending {
    Signal signal;
    Str content_type; /* empty: by gRPC */
    Str bytes;        /* copied */
} Sending;
size_t collector_send_bytes(Collector *c, const Sending *what);
size_t collector_get(Collector *c, const char *url); /* "http://127.0.0.1:13133/" */
size_t collector_ask_count(const Collector *c);
const Ask *collector_ask(const Collector *c, size_t i);
bool collector_all_answered(const Collector *c);

/* The power cut, and a store opened on what is left. True: every span, metric and record that a
 * client was told to be delivered is there, and nothing is there that nobody sent. Else err says
 * what is wrong. */
bool collector_judge(Collector *c, DiskCrash how, const char *directory, Err *err);

#endif
