/* real_service.c - see real_service.h. */
#include "crash/real_service.h"

#include "base/clock.h"
#include "otlp/batch.h"
#include "support/make_batch.h"
#include "support/stored.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000, SAID_MAX = 4 << 20, ANSWER_MAX = 1 << 16 };

static void must(bool ok)
{
    if (!ok)
        abort();
}

static int64_t now_ms(void)
{
    return clock_mono_ns(clock_system()) / NANOS_PER_MILLI;
}

/* ---- the process -------------------------------------------------------------------------------
 */

static bool program(char out[REAL_PATH_MAX])
{
    const char *build = getenv("CRYO_BUILD");
    snprintf(out, REAL_PATH_MAX, "%s/bin/cryostorm", build ? build : "build/debug");
    return access(out, X_OK) == 0;
}

bool real_service_begin(RealService *service)
{
    char path[REAL_PATH_MAX];
    *service = (RealService){ .said = BUF(SAID_MAX), .log = -1 };
    for (size_t i = 0; i < REAL_CLIENTS; i++)
        service->clients[i] = (RealClient){ .fd = -1, .waiting = -1, .got = BUF(ANSWER_MAX) };
    if (!program(path))
        return false;
    snprintf(service->folder, REAL_PATH_MAX, "/tmp/real_service_XXXXXX");
    must(mkdtemp(service->folder) != NULL);
    must(snprintf(service->config, REAL_PATH_MAX, "%s/c.yaml", service->folder) < REAL_PATH_MAX);
    must(snprintf(service->data, REAL_PATH_MAX, "%s/data", service->folder) < REAL_PATH_MAX);
    service->told_ok = calloc(REAL_SPANS_MAX, sizeof *service->told_ok);
    must(service->told_ok != NULL);
    return true;
}

static void remove_folder(const char *folder)
{
    pid_t child = fork();
    if (child == 0) {
        execlp("rm", "rm", "-rf", "--", folder, (char *)NULL);
        _exit(1);
    }
    must(child > 0 && waitpid(child, NULL, 0) == child);
}

static void hang_up(RealClient *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    client->waiting = -1;
    buf_clear(&client->got);
}

void real_service_end(RealService *service)
{
    if (service->pid)
        real_service_kill(service);
    for (size_t i = 0; i < REAL_CLIENTS; i++) {
        hang_up(&service->clients[i]);
        buf_free(&service->clients[i].got);
    }
    if (service->folder[0])
        remove_folder(service->folder);
    buf_free(&service->said);
    free(service->told_ok);
}

void real_service_configure(RealService *service, const char *yaml)
{
    FILE *file = fopen(service->config, "w");
    must(file && fputs(yaml, file) >= 0 && fclose(file) == 0);
}

void real_service_vary(RealService *service, int number)
{
    char yaml[2048];
    snprintf(yaml, sizeof yaml,
             "receivers: { otlp: { acknowledge: delivered, protocols: { http: { endpoint: "
             "'127.0.0.1:0' } } } }\n"
             "processors: { batch: { timeout: %dms }, resource: { attributes: [{ key: n, value: "
             "%d, action: upsert }] } }\n"
             "exporters: { store: }\n"
             "extensions: { store: { directory: '%s', sync: always, reserve_bytes: 0, "
             "segment_bytes: 64KiB, max_age: %dh } }\n"
             "service:\n"
             "  telemetry: { metrics: { level: none } }\n"
             "  extensions: [store]\n"
             "  pipelines: { traces: { receivers: [otlp], processors: [%sbatch], exporters: "
             "[store] } }\n",
             1 + number % 2, number, service->data, 100 + number / 7,
             number % 3 ? "" : "resource, ");
    real_service_configure(service, yaml);
}

void real_service_standard(RealService *service)
{
    real_service_vary(service, 0);
}

static void run_program(RealService *service, int log)
{
    char path[REAL_PATH_MAX];
    dup2(log, STDERR_FILENO);
    dup2(log, STDOUT_FILENO);
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* the sandbox does not let it look */
    if (program(path))
        execl(path, path, "--config", service->config, (char *)NULL);
    _exit(127);
}

/* False: nothing more will come. */
static bool listen_to_log(RealService *service, int timeout_ms)
{
    char bytes[4096];
    struct pollfd wait = { .fd = service->log, .events = POLLIN };
    int ready = poll(&wait, 1, timeout_ms);
    if (ready <= 0)
        return ready == 0 || errno == EINTR;
    ssize_t n = read(service->log, bytes, sizeof bytes);
    if (n > 0)
        buf_add(&service->said, (Str){ bytes, (size_t)n });
    return n > 0;
}

bool real_service_says(RealService *service, const char *words)
{
    int64_t end = now_ms() + PATIENCE_MS;
    while (!str_contains(buf_str(&service->said), str_from(words)))
        if (now_ms() > end || !listen_to_log(service, 1000))
            return str_contains(buf_str(&service->said), str_from(words));
    return true;
}

/* The number behind the last place where `before` stands; 0: there is none. */
static long number_after(Str text, Str before)
{
    long number = 0;
    for (size_t i = 0; i + before.len <= text.len; i++) {
        if (memcmp(text.ptr + i, before.ptr, before.len) != 0)
            continue;
        number = 0;
        for (size_t k = i + before.len; k < text.len && text.ptr[k] >= '0' && text.ptr[k] <= '9';
             k++)
            number = 10 * number + text.ptr[k] - '0';
    }
    return number;
}

static void find_port(RealService *service)
{
    service->port =
        (int)number_after(buf_str(&service->said), STR("Listening for HTTP on 127.0.0.1:"));
}

bool real_service_start(RealService *service)
{
    int ends[2];
    must(service->pid == 0 && pipe2(ends, O_CLOEXEC) == 0);
    buf_clear(&service->said);
    service->pid = fork();
    must(service->pid >= 0);
    if (service->pid == 0)
        run_program(service, ends[1]);
    close(ends[1]);
    service->log = ends[0];
    if (!real_service_says(service, "Everything is ready"))
        return false;
    find_port(service);
    return service->port > 0;
}

static void forget(RealService *service)
{
    service->pid = 0;
    close(service->log);
    service->log = -1;
}

int real_service_wait(RealService *service)
{
    int status = 0;
    while (listen_to_log(service, PATIENCE_MS))
        continue;
    must(waitpid(service->pid, &status, 0) == service->pid);
    forget(service);
    return status;
}

/* ---- clients -----------------------------------------------------------------------------------
 */

static void dial(RealService *service, RealClient *client)
{
    service->dialled++;
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)service->port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(client->fd >= 0);
    if (connect(client->fd, (struct sockaddr *)&to, sizeof to) != 0)
        hang_up(client);
}

static void send_next(RealService *service, RealClient *client)
{
    char words[64];
    Err err = { 0 };
    if (client->fd < 0 || service->sent == REAL_SPANS_MAX)
        return;
    client->waiting = service->sent++;
    snprintf(words, sizeof words, "{service.name=real} n%ld", client->waiting);
    Batch *batch = make_batch(TRACES, str_from(words), &err);
    must(batch != NULL);
    Buf request = BUF(1 << 16);
    buf_addf(&request,
             "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\n"
             "content-type: application/x-protobuf\r\ncontent-length: %zu\r\n\r\n",
             batch_bytes(batch).len);
    buf_add(&request, batch_bytes(batch));
    if (send(client->fd, request.ptr, request.len, MSG_NOSIGNAL) != (ssize_t)request.len)
        hang_up(client);
    buf_free(&request);
    batch_unref(batch);
}

/* One answer has come whole: head, and what it says that the body is long. */
static void hear(RealService *service, RealClient *client)
{
    Str got = buf_str(&client->got), head = got;
    const char *end = memmem(got.ptr, got.len, "\r\n\r\n", 4);
    if (!end || client->waiting < 0)
        return;
    head.len = (size_t)(end - got.ptr) + 4;
    size_t body = (size_t)number_after(head, STR("content-length: "));
    if (got.len < head.len + body)
        return;
    bool ok = str_starts(got, STR("HTTP/1.1 200 "));
    service->told_ok[client->waiting] = ok;
    service->ok += ok;
    service->refused += !ok;
    client->waiting = -1;
    buf_clear(&client->got);
}

static void read_some(RealService *service, RealClient *client)
{
    char bytes[4096];
    ssize_t n = recv(client->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n > 0) {
        buf_add(&client->got, (Str){ bytes, (size_t)n });
        hear(service, client);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        hang_up(client);
    }
}

static void wait_for_answers(RealService *service, int timeout_ms)
{
    struct pollfd waits[REAL_CLIENTS + 1];
    for (size_t i = 0; i < REAL_CLIENTS; i++)
        waits[i] = (struct pollfd){ .fd = service->clients[i].fd, .events = POLLIN };
    waits[REAL_CLIENTS] = (struct pollfd){ .fd = service->log, .events = POLLIN };
    if (poll(waits, REAL_CLIENTS + 1, timeout_ms) <= 0)
        return;
    for (size_t i = 0; i < REAL_CLIENTS; i++)
        if (waits[i].revents && service->clients[i].fd >= 0)
            read_some(service, &service->clients[i]);
    if (waits[REAL_CLIENTS].revents)
        (void)listen_to_log(service, 0);
}

void real_service_load(RealService *service, int milliseconds, long answers)
{
    int64_t end = now_ms() + milliseconds;
    long enough = service->ok + service->refused + answers;
    while (now_ms() < end && service->ok + service->refused < enough) {
        for (size_t i = 0; i < REAL_CLIENTS; i++) {
            RealClient *client = &service->clients[i];
            if (client->fd < 0)
                dial(service, client);
            if (client->waiting < 0)
                send_next(service, client);
        }
        wait_for_answers(service, 1);
    }
}

bool real_service_takes_one(RealService *service)
{
    int64_t end = now_ms() + PATIENCE_MS;
    for (long before = service->ok; now_ms() < end;) {
        real_service_load(service, 1000, 1);
        if (service->ok > before)
            return true;
    }
    return false;
}

/* An answer that has left the process is a promise, even if nobody had read it yet. */
void real_service_kill(RealService *service)
{
    kill(service->pid, SIGKILL);
    must(waitpid(service->pid, NULL, 0) == service->pid);
    for (size_t i = 0; i < REAL_CLIENTS; i++) {
        while (service->clients[i].fd >= 0) {
            struct pollfd wait = { .fd = service->clients[i].fd, .events = POLLIN };
            must(poll(&wait, 1, PATIENCE_MS) == 1); /* the kernel closes what the process had */
            read_some(service, &service->clients[i]);
        }
    }
    forget(service);
}

/* ---- the judge ---------------------------------------------------------------------------------
 */

typedef struct Court {
    const RealService *service;
    bool *found;
} Court;

static bool hear_witness(void *context, const StoredItem *item, Err *err)
{
    Court *court = context;
    uint64_t number = 0;
    if (item->name.len < 2 || !str_to_u64(str_skip(item->name, 1), &number) ||
        number >= (uint64_t)court->service->sent)
        return fail(err, ERR_CORRUPT, "nobody sent %.*s", STR_ARG(item->name));
    court->found[number] = true;
    return true;
}

bool real_service_judge(RealService *service, Err *err)
{
    StoreSettings settings = store_defaults();
    settings.directory = service->data;
    settings.reserve_bytes = 0;
    settings.own_thread = false;
    Store *store = store_open(&settings, err);
    bool *found = calloc(REAL_SPANS_MAX, sizeof *found);
    must(found != NULL);
    Court court = { service, found };
    bool right = store && stored_each(store, hear_witness, &court, err);
    for (long i = 0; right && i < service->sent; i++)
        if (service->told_ok[i] && !found[i])
            right = fail(err, ERR_CORRUPT, "span %ld was told OK and is missing", i);
    free(found);
    Err closing = { 0 };
    return store_close(store, INT64_MAX, &closing) && right;
}
