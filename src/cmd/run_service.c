/* run_service.c - the service, from start to signal to drained; see run_service.h.
 *
 * A reload checks the new configuration while the old one runs on; only a good one is taken over,
 * and of the graph only what has changed stops and starts (graph_reload). What has not changed
 * keeps its settings in the configuration that it was started with, so that one is kept as long as
 * the graph uses it. When the new one cannot start (a port is taken), the old one goes on.
 *
 * The main thread waits for signals and now and then asks the graph's loops, which have threads of
 * their own, for a sign of life: the service manager's watchdog hears of it while all of them turn.
 * After SIGTERM or SIGINT receivers close, everything held is flushed, and what has not settled
 * within DRAIN_SECONDS is given up and said so. A second signal, a second later or more, ends the
 * wait at once.
 */
#include "cmd/run_service.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "cmd/file_watch.h"
#include "cmd/log_output.h"
#include "cmd/memory_watch.h"
#include "cmd/own_metrics.h"
#include "cmd/service_manager.h"
#include "pipe/graph.h"

#include <cryostorm/version.h>

#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    DRAIN_SECONDS = 10,
    DEAF_SECONDS = 1,
    WATCH_SECONDS = 1, /* how often it looks at files that are watched */
    LOOK_SECONDS =
        10, /* how often the main thread looks around, when no watchdog wants it oftener */
};

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
    if (report.complete)
        return report; /* too early to tell a second signal from the first one heard twice */
    heed_signals(waited);
    return graph_drain(graph, now + DRAIN_SECONDS * NANOS_PER_SECOND);
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

/* ---- reloading ----------------------------------------------------------------------------------
 */

typedef struct Service {
    const Options *options;
    LoadedConfig config; /* what runs; the main thread's */
    Graph *graph;
    OwnMetrics *metrics; /* of the graph; NULL: they are off, or could not be served */
    int64_t began_ns;
    ServiceManager manager;
    Sandbox sandbox;
    MemoryWatch memory;
    Mutex mutex;
    LoadedConfig next;   /* read and good, to be taken over; guarded */
    LoadedConfig *older; /* of which the graph still uses something */
    size_t older_count;
    FileWatch watch;
} Service;

static bool read_next(Service *service, Err *err)
{
    LoadedConfig next;
    if (!loaded_config_read(service->options, &next, err) ||
        !sandbox_fits(&service->sandbox, next.service, err)) {
        log_write(LOG_ERROR, "service", "not reloaded, the old configuration stays: %s", err->text);
        loaded_config_free(&next);
        return false;
    }
    mutex_lock(&service->mutex);
    LoadedConfig passed = service->next;
    service->next = next;
    mutex_unlock(&service->mutex);
    loaded_config_free(&passed);
    return true;
}

/* Any thread: whoever asks hears at once whether the configuration is good. */
static bool reload(void *context, Err *err)
{
    if (!read_next(context, err))
        return false;
    kill(getpid(), SIGHUP); /* wakes the main thread, which has it blocked and waits for it */
    return true;
}

static LoadedConfig take_next(Service *service)
{
    mutex_lock(&service->mutex);
    LoadedConfig next = service->next;
    service->next = (LoadedConfig){ 0 };
    mutex_unlock(&service->mutex);
    return next;
}

/* A service that is not watched is better than none. */
static void start_metrics(Service *service)
{
    Err err = { 0 };
    Str endpoint = service->config.service->own_metrics;
    if (!endpoint.len)
        return;
    service->metrics = own_metrics_start(&(OwnMetricsOptions){ .graph = service->graph,
                                                               .clock = clock_system(),
                                                               .disk = disk_system(),
                                                               .budget = &service->memory.budget,
                                                               .endpoint = endpoint,
                                                               .began_ns = service->began_ns },
                                         &err);
    if (!service->metrics) {
        log_write(LOG_WARN, "service",
                  "own metrics are not served: %s (service.telemetry.metrics says where; "
                  "level: none turns them off)",
                  err.text);
        return;
    }
    char text[ADDRESS_TEXT_SIZE];
    Address address = own_metrics_address(service->metrics);
    log_write(LOG_INFO, "service", "Own metrics are on http://%s/metrics",
              address_text(&address, text));
    if (!address_is_loopback(&address))
        log_write(LOG_WARN, "service",
                  "%s listens beyond this machine, without TLS and without authentication: whoever "
                  "reaches it can read our own metrics",
                  text);
}

static void end_graph(Service *service)
{
    own_metrics_stop(service->metrics);
    graph_free(service->graph);
    service->metrics = NULL;
    service->graph = NULL;
}

static bool start_graph(Service *service, Err *err)
{
    const GraphOptions options = { .threads = true,
                                   .budget = &service->memory.budget,
                                   .reload = reload,
                                   .reload_context = service };
    memory_watch_set_limit(&service->memory, service->config.service->memory_limit);
    service->graph = graph_new(service->config.service, &options, err);
    if (service->graph && graph_start(service->graph, err)) {
        start_metrics(service);
        return true;
    }
    end_graph(service);
    return false;
}

/* With the place in the configuration that it speaks of. */
static void tell_start(const ServiceConfig *config, const char *what, const Err *err)
{
    Buf place = BUF(PATH_MAX + 32);
    place_write(&place, service_config_place(config, str_from(err->text)));
    log_write(LOG_ERROR, "service", "%s: %.*s%s%s", what, STR_ARG(buf_str(&place)),
              place.len ? ": " : "", err->text);
    buf_free(&place);
}

static bool make_room_for_older(Service *service)
{
    size_t size = (service->older_count + 1) * sizeof *service->older;
    LoadedConfig *older = mem_grow(service->older, size);
    service->older = older ? older : service->older;
    return older != NULL;
}

/* As many stay as components that run have come from: one each at the most. */
static void free_older(Service *service)
{
    size_t kept = 0;
    for (size_t i = 0; i < service->older_count; i++) {
        if (service->graph && graph_uses(service->graph, service->older[i].service))
            service->older[kept++] = service->older[i];
        else
            loaded_config_free(&service->older[i]);
    }
    service->older_count = kept;
}

/* What is not the graph's; each without touching the others. */
static void take_over_rest(Service *service, const ServiceConfig *old)
{
    const ServiceConfig *now = service->config.service;
    log_output_set(&now->logs);
    if (now->memory_limit != old->memory_limit)
        memory_watch_set_limit(&service->memory, now->memory_limit);
    if (str_eq(now->own_metrics, old->own_metrics))
        return;
    own_metrics_stop(service->metrics);
    service->metrics = NULL;
    start_metrics(service);
}

/* False: nothing runs as it should any more. */
static bool swap_config(Service *service, LoadedConfig next)
{
    int64_t deadline = clock_mono_ns(clock_system()) + DRAIN_SECONDS * NANOS_PER_SECOND;
    Err err = { 0 };
    if (!make_room_for_older(service)) {
        log_write(LOG_ERROR, "service", "not reloaded, the old configuration stays: no memory");
        loaded_config_free(&next);
        return true;
    }
    ReloadResult result = graph_reload(service->graph, next.service, deadline, &err);
    LoadedConfig *passed = &service->older[service->older_count++];
    if (result == RELOAD_DONE) {
        *passed = service->config;
        service->config = next;
        take_over_rest(service, passed->service);
        log_write(LOG_INFO, "service", "Reloaded the configuration.");
    } else {
        *passed = next;
        tell_start(next.service,
                   result == RELOAD_STUCK
                       ? "cannot start with the new configuration, nor with the old again"
                       : "cannot start with the new configuration, back to the old",
                   &err);
    }
    free_older(service);
    return result != RELOAD_STUCK;
}

static void watch_from_now(Service *service)
{
    const LoadedConfig *config = &service->config;
    file_watch_begin(&service->watch, disk_system(), config->files, config->file_count);
}

/* SIGHUP: by hand, or because reload() has read something good. False: nothing runs any more. */
static bool heed_reload(Service *service)
{
    LoadedConfig next = take_next(service);
    Err err = { 0 };
    if (!next.service)
        watch_from_now(service); /* before they are read: no change is missed */
    if (!next.service && !read_next(service, &err))
        return true;
    if (!next.service)
        next = take_next(service);
    return swap_config(service, next);
}

static bool reload_told(Service *service)
{
    service_manager_reloading(&service->manager, clock_mono_ns(clock_system()));
    bool runs = heed_reload(service);
    if (runs)
        service_manager_ready(&service->manager);
    return runs;
}

/* Twice within the watchdog's time. A loop that owes its sign of life for that long is stuck. */
static int64_t look_every(const ServiceManager *manager)
{
    int64_t half = manager->watchdog_ns / 2, most = LOOK_SECONDS * NANOS_PER_SECOND;
    return half > 0 && half < most ? half : most;
}

static void look_around(Service *service)
{
    graph_tend(service->graph);
    free_older(service);
    int64_t silence = graph_silence_ns(service->graph);
    log_tell_unsaid(false);
    if (silence < look_every(&service->manager)) {
        service_manager_alive(&service->manager);
        return;
    }
    log_write(LOG_ERROR, "service", "an event loop has not turned for %" PRId64 " ms",
              silence / NANOS_PER_MILLI);
}

static bool have_files_changed(Service *service)
{
    const LoadedConfig *config = &service->config;
    return service->options->watch_config &&
           file_watch_changed(&service->watch, disk_system(), config->files, config->file_count);
}

/* False: nothing runs any more. */
static bool look_at_files(Service *service)
{
    if (!have_files_changed(service))
        return true;
    log_write(LOG_INFO, "service", "The configuration's files have changed");
    return reload_told(service);
}

static int64_t wake_every(const Service *service)
{
    int64_t every = look_every(&service->manager), files = WATCH_SECONDS * NANOS_PER_SECOND;
    return service->options->watch_config && files < every ? files : every;
}

/* False: nothing runs any more. */
static bool wait_for_end(Service *service, const sigset_t *waited)
{
    int64_t every = wake_every(service);
    const struct timespec patience = { every / NANOS_PER_SECOND, every % NANOS_PER_SECOND };
    for (int number = 0; number != SIGINT && number != SIGTERM;) {
        number = sigtimedwait(waited, NULL, &patience);
        if (number < 0) {
            look_around(service);
            if (!look_at_files(service))
                return false;
            continue;
        }
        log_write(LOG_INFO, "service", "Received signal from OS: %s", strsignal(number));
        if (number == SIGHUP && !reload_told(service))
            return false;
    }
    return true;
}

/* ---- from start to end --------------------------------------------------------------------------
 */

/* False: it had to end. What has stayed after a reload that failed both ways is drained, too. */
static bool run(Service *service, const sigset_t *waited)
{
    service_manager_ready(&service->manager);
    log_write(LOG_INFO, "service", "Everything is ready. Begin running and processing data.");
    bool asked = wait_for_end(service, waited);
    service_manager_stopping(&service->manager);
    log_write(LOG_INFO, "service", "Starting shutdown...");
    DrainReport report = drain(service->graph, waited);
    tell_drained(&report);
    return asked;
}

/* The usual 1024 is kept low for programs that use select(), which we do not; the administrator's
 * limit is the other one. */
static void raise_descriptor_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

int run_service(const Options *options, LoadedConfig *config)
{
    sigset_t waited;
    block_signals(&waited);
    raise_descriptor_limit();
    log_output_set(&config->service->logs);
    Err err = { 0 };
    Service service = { .options = options,
                        .config = *config,
                        .began_ns = clock_mono_ns(clock_system()) };
    *config = (LoadedConfig){ 0 };
    mutex_init(&service.mutex);
    service.manager = service_manager_find();
    mem_return_large();
    memory_watch_start(&service.memory, disk_system());
    log_write(LOG_INFO, "service", "Starting cryostorm " CRYO_VERSION);
    bool started = sandbox_enter(&service.sandbox, options->sandbox, service.config.service,
                                 service.config.files, service.config.file_count, &err) &&
                   start_graph(&service, &err);
    watch_from_now(&service);
    if (!started)
        tell_start(service.config.service, "cannot start", &err);
    bool ended = started && run(&service, &waited);
    end_graph(&service);
    free_older(&service);
    mem_free(service.older);
    loaded_config_free(&service.config);
    loaded_config_free(&service.next);
    sandbox_done(&service.sandbox);
    memory_watch_stop(&service.memory);
    mutex_done(&service.mutex);
    log_tell_unsaid(true);
    if (ended)
        log_write(LOG_INFO, "service", "Shutdown complete.");
    return ended ? 0 : 1;
}
