/* llm_app.c - a small chat service, instrumented: the demo application.
 *
 *     POST /chat           a message as text; gives the answer
 *       POST /chat           SERVER, child of the caller's traceparent
 *         chat_operation       INTERNAL
 *           llm.simulate_call    CLIENT; every fourth one fails
 *     GET /health          ok, without a span
 *
 * Metrics: chat_requests_total, llm.requests.total, llm.request.duration, llm.tokens.total,
 * llm.requests.active, process.memory.usage. Logs: "Processing chat request" in chat_operation, and
 * a warning where the model does not answer; both carry the trace's id.
 *
 *     OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 llm_app [port]
 *
 * The "model" is simulated: it waits a little and answers with the words turned around.
 */
#define _POSIX_C_SOURCE 200809L

#include <cryostorm/log.h>
#include <cryostorm/metrics.h>
#include <cryostorm/propagation.h>
#include <cryostorm/telemetry.h>
#include <cryostorm/trace.h>

#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { DEFAULT_PORT = 8000, MESSAGE_MAX_LEN = 8000, THREADS = 4, FAILS_EVERY = 4 };

typedef struct Chat { /* one request while its body comes in */
    char message[MESSAGE_MAX_LEN + 1];
    size_t len;
    int too_long;
} Chat;

/* ---- what is measured ------------------------------------------------------------------------ */

static CryoCounter chat_requests, llm_requests, llm_tokens;
static CryoHistogram llm_duration;
static CryoUpDownCounter llm_active;

/* Asked at each collection: what the kernel says about our memory. */
static void observe_memory(void *context, CryoObserver *observer)
{
    const CryoObservable *memory = context;
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file)
        return; /* nothing told, nothing exported */
    if (fscanf(file, "%*d %ld", &pages) == 1)
        cryo_observe(observer, *memory, pages * sysconf(_SC_PAGESIZE));
    fclose(file);
}

static void make_instruments(void)
{
    static const double seconds[] = { 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.25, 0.5, 1 };
    static CryoObservable memory;
    const CryoInstrumentOptions counted = { .unit = "{request}" };
    chat_requests = cryo_counter("chat_requests_total", &counted);
    llm_requests = cryo_counter("llm.requests.total", &counted);
    llm_active = cryo_up_down_counter("llm.requests.active", &counted);
    llm_tokens = cryo_counter("llm.tokens.total", &(CryoInstrumentOptions){ .unit = "{token}" });
    llm_duration = cryo_histogram_double("llm.request.duration",
                                         &(CryoInstrumentOptions){
                                             .unit = "s",
                                             .bounds = seconds,
                                             .bound_count = sizeof seconds / sizeof *seconds });
    memory =
        cryo_observable_gauge("process.memory.usage",
                              &(CryoInstrumentOptions){
                                  .unit = "By", .observe = observe_memory, .context = &memory });
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- the simulated model --------------------------------------------------------------------- */

static void wait_millis(unsigned millis)
{
    struct timespec left = { .tv_sec = millis / 1000, .tv_nsec = (long)(millis % 1000) * 1000000 };
    nanosleep(&left, NULL);
}

static unsigned word_count(const char *text)
{
    unsigned words = 0;
    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        words++;
        text += strcspn(text, " ");
    }
    return words;
}

static void turn_around(const char *message, char *reply)
{
    size_t len = strlen(message);
    for (size_t i = 0; i < len; i++)
        reply[i] = message[len - 1 - i];
    reply[len] = 0;
}

static void count_tokens(CryoSpan span, unsigned input, unsigned output)
{
    cryo_span_set(span, CRYO_ATTRS("gen_ai.usage.input_tokens", input, "gen_ai.usage.output_tokens",
                                   output));
    cryo_counter_add(llm_tokens, input, CRYO_ATTRS("gen_ai.token.type", "input"));
    cryo_counter_add(llm_tokens, output, CRYO_ATTRS("gen_ai.token.type", "output"));
}

static bool ask_model(const char *message, char *reply)
{
    static atomic_uint calls;
    CRYO_SPAN(span, "llm.simulate_call", .kind = CRYO_CLIENT,
              .attributes = CRYO_ATTRS("gen_ai.operation.name", "chat", "gen_ai.provider.name",
                                       "simulated", "gen_ai.request.model", "echo-1"));
    unsigned call = atomic_fetch_add(&calls, 1) + 1;
    wait_millis(20 + call * 37 % 60);
    if (call % FAILS_EVERY == 0) {
        cryo_span_fail(span, "RateLimitError", "the model answers 429: too many requests");
        return false;
    }
    turn_around(message, reply);
    count_tokens(span, word_count(message), word_count(reply));
    return true;
}

/* The call, and what it adds to the metrics. */
static bool simulate_call(const char *message, char *reply)
{
    double start = seconds_now();
    cryo_up_down_counter_add(llm_active, 1);
    bool answered = ask_model(message, reply);
    cryo_up_down_counter_add(llm_active, -1);
    const char *outcome = answered ? "ok" : "error";
    cryo_counter_add(llm_requests, 1,
                     CRYO_ATTRS("gen_ai.request.model", "echo-1", "status", outcome));
    cryo_histogram_record(llm_duration, seconds_now() - start,
                          CRYO_ATTRS("gen_ai.request.model", "echo-1"));
    return answered;
}

static bool chat_operation(const char *message, char *reply)
{
    CRYO_SPAN(span, "chat_operation", .attributes = CRYO_ATTRS("chat.length", strlen(message)));
    cryo_log(CRYO_INFO, "Processing chat request", CRYO_ATTRS("chat.length", strlen(message)));
    cryo_span_mark(span, "prompt prepared");
    wait_millis(3);
    if (!simulate_call(message, reply)) {
        cryo_span_status(span, CRYO_STATUS_ERROR, "the model did not answer");
        cryo_log(CRYO_WARN, "The model did not answer");
        return false;
    }
    cryo_span_mark(span, "answer ready");
    return true;
}

/* ---- HTTP ---------------------------------------------------------------------------------- */

/* A CryoGetter over the request's headers; libmicrohttpd gives the first of a name. */
static bool get_header(void *carrier, CryoString name, size_t index, CryoString *value)
{
    char zero_terminated[64];
    if (index > 0 || name.len >= sizeof zero_terminated)
        return false;
    memcpy(zero_terminated, name.ptr, name.len);
    zero_terminated[name.len] = 0;
    *value = cryo_str(MHD_lookup_connection_value(carrier, MHD_HEADER_KIND, zero_terminated));
    return value->ptr != NULL;
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *text)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text,
                                        MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; charset=utf-8");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result handle_chat(struct MHD_Connection *connection, const Chat *chat)
{
    CryoSpanContext caller;
    cryo_extract_with(get_header, connection, &caller);
    CRYO_SPAN(span, "POST /chat", .kind = CRYO_SERVER, .remote = &caller,
              .attributes = CRYO_ATTRS("http.request.method", "POST", "http.route", "/chat",
                                       "url.path", "/chat", "url.scheme", "http"));
    char reply[MESSAGE_MAX_LEN + 1] = "the model is busy, please try again\n";
    unsigned status = 200;
    if (chat->too_long)
        status = 413;
    else if (!chat_operation(chat->message, reply))
        status = 503;
    cryo_span_set(span, CRYO_ATTRS("http.response.status_code", status));
    cryo_counter_add(chat_requests, 1, CRYO_ATTRS("status", status));
    if (status >= 500)
        cryo_span_status(span, CRYO_STATUS_ERROR, NULL);
    return answer(connection, status, status == 413 ? "that message is too long\n" : reply);
}

static void take_body(Chat *chat, const char *bytes, size_t size)
{
    if (size > MESSAGE_MAX_LEN - chat->len) {
        chat->too_long = 1;
        return;
    }
    memcpy(chat->message + chat->len, bytes, size);
    chat->len += size;
}

/* Called first without a body, then with each piece of it, then once more with none. */
static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *body,
                              size_t *body_size, void **request)
{
    (void)context;
    (void)version;
    if (strcmp(url, "/health") == 0)
        return answer(connection, 200, "ok\n");
    if (strcmp(url, "/chat") != 0)
        return answer(connection, 404, "there are POST /chat and GET /health\n");
    if (strcmp(method, "POST") != 0)
        return answer(connection, 405, "send your message by POST\n");
    if (!*request) {
        *request = calloc(1, sizeof(Chat));
        return *request ? MHD_YES : MHD_NO;
    }
    if (*body_size) {
        take_body(*request, body, *body_size);
        *body_size = 0;
        return MHD_YES;
    }
    return handle_chat(connection, *request);
}

static void request_done(void *context, struct MHD_Connection *connection, void **request,
                         enum MHD_RequestTerminationCode why)
{
    (void)context;
    (void)connection;
    (void)why;
    free(*request);
}

/* ---- the program --------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
    int port = argc > 1 ? (int)strtol(argv[1], NULL, 10) : DEFAULT_PORT;
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ending, NULL); /* every thread inherits it; main waits below */

    CryoError error;
    CryoSettings settings = { .service = { .name = "llm-app", .version = "1.0.0" } };
    if (!cryo_start(&settings, &error))
        fprintf(stderr, "llm_app: no telemetry: %s\n", error.text);
    make_instruments();

    struct sockaddr_in loopback = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK); /* a demo has no business on the network */
    struct MHD_Daemon *server =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, (uint16_t)port, NULL, NULL, handle, NULL,
                         MHD_OPTION_SOCK_ADDR, &loopback, MHD_OPTION_THREAD_POOL_SIZE,
                         (unsigned)THREADS, MHD_OPTION_NOTIFY_COMPLETED, request_done, NULL,
                         MHD_OPTION_CONNECTION_TIMEOUT, 30u, MHD_OPTION_END);
    if (!server) {
        fprintf(stderr, "llm_app: cannot listen on port %d; is it taken?\n", port);
        return 1;
    }
    printf("llm_app: listening on http://127.0.0.1:%d (POST /chat, GET /health)\n", port);
    fflush(stdout);
    int signal_number;
    sigwait(&ending, &signal_number);
    MHD_stop_daemon(server);
    if (!cryo_shutdown(5000, &error))
        fprintf(stderr, "llm_app: some telemetry was lost: %s\n", error.text);
    return 0;
}
