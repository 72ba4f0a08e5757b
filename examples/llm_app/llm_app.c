/* llm_app.c - a small chat service, instrumented: the demo application.
 *
 *     POST /chat           a message as text; gives the answer
 *       POST /chat           SERVER, child of the caller's traceparent
 *         chat_operation       INTERNAL
 *           llm.simulate_call    CLIENT; every fourth one fails
 *     GET /health          ok, without a span
 *
 *     OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 llm_app [port]
 *
 * The "model" is simulated: it waits a little and answers with the words turned around.
 */
#define _POSIX_C_SOURCE 200809L

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

enum { DEFAULT_PORT = 8000, MESSAGE_MAX_LEN = 8000, THREADS = 4, FAILS_EVERY = 4 };

typedef struct Chat { /* one request while its body comes in */
    char message[MESSAGE_MAX_LEN + 1];
    size_t len;
    int too_long;
} Chat;

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

static bool simulate_call(const char *message, char *reply)
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
    cryo_span_set(span, CRYO_ATTRS("gen_ai.usage.input_tokens", word_count(message),
                                   "gen_ai.usage.output_tokens", word_count(reply)));
    return true;
}

static bool chat_operation(const char *message, char *reply)
{
    CRYO_SPAN(span, "chat_operation", .attributes = CRYO_ATTRS("chat.length", strlen(message)));
    cryo_span_mark(span, "prompt prepared");
    wait_millis(3);
    if (!simulate_call(message, reply)) {
        cryo_span_status(span, CRYO_STATUS_ERROR, "the model did not answer");
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
