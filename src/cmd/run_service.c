/* run_service.c - the service, from start to signal to drained; see run_service.h.
 *
 * The main thread only waits for signals; the graph's loops have threads of their own. After
 * SIGTERM or SIGINT receivers close, everything held is flushed, and what has not settled within
 * DRAIN_SECONDS is given up and said so. A second signal, a second later or more, ends the wait at
 * once.
 */
#include "cmd/run_service.h"

#include "base/clock.h"
#include "base/log.h"
#include "pipe/graph.h"

#include <cryostorm/version.h>

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>

enum { DRAIN_SECONDS = 10, DEAF_SECONDS = 1 };

static void block_signals(sigset_t *waited)
{
    sigemptyset(waited);
    sigaddset(waited, SIGINT);
    sigaddset(waited, SIGTERM);
    sigaddset(waited, SIGHUP);
    sigset_t blocked = *waited;
    sigaddset(&blocked, SIGPIPE); /* a peer that went away is an error of a write, no more */
    sigprocmask(SIG_BLOCK, &blocked, NULL);
}

static void wait_for_end(const sigset_t *waited)
{
    for (int number = 0; number != SIGINT && number != SIGTERM;) {
        if (sigwait(waited, &number))
            return;
        log_write(LOG_INFO, "service", "Received signal from OS: %s", strsignal(number));
        if (number == SIGHUP)
            log_write(LOG_WARN, "service", "reloading comes later; restart to take a new file");
    }
}

/* Forgets what came while nobody listened, and lets the next signal end the process. A terminal
 * that closes (SIGHUP) asks for nothing but the drain that is under way. */
static void heed_signals(const sigset_t *waited)
{
    const struct timespec at_once = { 0 };
    while (sigtimedwait(waited, NULL, &at_once) > 0)
        continue;
    sigset_t ends = *waited;
    sigdelset(&ends, SIGHUP);
    sigprocmask(SIG_UNBLOCK, &ends, NULL);
}

/* A second signal ends the wait, so that nobody has to kill -9; not in the first moments, because
 * wrappers (timeout, a shell's process group) often deliver the first one twice. */
static DrainReport drain(Graph *graph, const sigset_t *waited)
{
    int64_t now = clock_mono_ns(clock_system());
    DrainReport report = graph_drain(graph, now + DEAF_SECONDS * NANOS_PER_SECOND);
    heed_signals(waited);
    if (!report.complete)
        report = graph_drain(graph, now + DRAIN_SECONDS * NANOS_PER_SECOND);
    return report;
}

static void tell_drained(const DrainReport *report)
{
    const LedgerCounts *acks = &report->acks;
    log_write(LOG_INFO, "service",
              "Drained: %" PRIu64 " items came in, %" PRIu64 " delivered, %" PRIu64
              " refused, %" PRIu64 " given back",
              acks->items, acks->delivered_items, acks->refused_items, acks->returned_items);
    if (acks->lost_items)
        log_write(LOG_WARN, "service",
                  "%" PRIu64 " items had been accepted and could not be delivered everywhere",
                  acks->lost_items);
    if (!report->complete)
        log_write(LOG_WARN, "service", "%" PRIu64 " items could not be delivered within %d s",
                  acks->open_items, DRAIN_SECONDS);
}

int run_service(const ServiceConfig *config)
{
    sigset_t waited;
    block_signals(&waited);
    log_set_level(config->log_level);
    Err err = { 0 };
    log_write(LOG_INFO, "service", "Starting cryostorm " CRYO_VERSION);
    Graph *graph = graph_new(config, &(GraphOptions){ .threads = true }, &err);
    if (!graph || !graph_start(graph, &err)) {
        log_write(LOG_ERROR, "service", "cannot start: %s", err.text);
        graph_free(graph);
        return 1;
    }
    log_write(LOG_INFO, "service", "Everything is ready. Begin running and processing data.");
    wait_for_end(&waited);
    log_write(LOG_INFO, "service", "Starting shutdown...");
    DrainReport report = drain(graph, &waited);
    tell_drained(&report);
    graph_free(graph);
    log_write(LOG_INFO, "service", "Shutdown complete.");
    return 0;
}
