/* real_service.h - the program itself, as a process on this machine, with clients in the test.
 *
 * For what no simulation shows: SIGKILL, SIGSTOP and SIGTERM, the kernel's files and locks. The
 * clients send spans "n0", "n1" ... by OTLP/HTTP over some connections and remember which were told
 * OK. Nothing here asserts how long anything takes.
 */
#ifndef TESTS_CRASH_REAL_SERVICE_H
#define TESTS_CRASH_REAL_SERVICE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { REAL_CLIENTS = 4, REAL_SPANS_MAX = 200000, REAL_PATH_MAX = 256 };

typedef struct RealClient {
    int fd;       /* -1: not connected */
    long waiting; /* for the answer to this span; -1: idle */
    Buf got;
} RealClient;

typedef struct RealService {
    char folder[REAL_PATH_MAX]; /* of its own, removed at the end */
    char config[REAL_PATH_MAX];
    char data[REAL_PATH_MAX];
    pid_t pid; /* 0: does not run */
    int log;   /* the reading end of its standard error */
    Buf said;
    int port;
    RealClient clients[REAL_CLIENTS];
    bool *told_ok;                   /* by span */
    long sent, ok, refused, dialled; /* dialled: connections that were made */
} RealService;

/* False: the program is not built here (a test then skips). */
bool real_service_begin(RealService *service);
void real_service_end(RealService *service);

void real_service_configure(RealService *service, const char *yaml); /* %s: the data's folder */
void real_service_standard(RealService *service);                    /* delivered, sync: always */
/* The same receiver; the rest differs by number: batches, another pipeline, the store itself. */
void real_service_vary(RealService *service, int number);

/* Until it says that it is ready. False: it has ended instead, `said` says why. */
bool real_service_start(RealService *service);
bool real_service_says(RealService *service,
                       const char *words);    /* waits for them, or for the end */
int real_service_wait(RealService *service);  /* for the end: waitpid's status */
void real_service_kill(RealService *service); /* SIGKILL; hears what was answered */

/* Keeps the clients busy: at most so many milliseconds, or until so many more answers have come. */
void real_service_load(RealService *service, int milliseconds, long answers);
/* Sends one more and waits. */
bool real_service_takes_one(RealService *service);

/* Opens the store: every span that was told OK is there, none that nobody sent. err says why not.
 */
bool real_service_judge(RealService *service, Err *err);

#endif
