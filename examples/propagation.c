/* propagation.c - one trace over two programs: the client's span, HTTP headers, the server's child.
 *
 *     GET /basket   CLIENT    here: cryo_inject() puts the trace's id into the request
 *       GET         SERVER    there: cryo_extract() finds it, so this span becomes its child
 *     GET           SERVER    a request without such headers begins a trace of its own
 *
 * Client and server are threads of one program, so that it runs by itself, and talk over a socket
 * as two programs would.
 */
#define _POSIX_C_SOURCE 200809L
#include <cryostorm/propagation.h>
#include <cryostorm/telemetry.h>
#include <cryostorm/trace.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUESTS = 2, MESSAGE_MAX = 4096, HEADERS_MAX = 20 };

/* ---- the server ------------------------------------------------------------------------------ */

/* "name: value" lines into a list; the message is cut up for it. */
static size_t headers_of(char *message, CryoHeader headers[HEADERS_MAX])
{
    size_t count = 0;
    strtok_r(message, "\r\n", &message); /* the request line */
    for (char *line; count < HEADERS_MAX && (line = strtok_r(NULL, "\r\n", &message));) {
        char *colon = strstr(line, ": ");
        if (!colon)
            continue;
        *colon = '\0';
        headers[count++] = (CryoHeader){ cryo_str(line), cryo_str(colon + 2) };
    }
    return count;
}

static void answer(int connection)
{
    char message[MESSAGE_MAX], id[CRYO_TRACE_ID_TEXT], text[200];
    size_t len = 0;
    for (ssize_t got; len < sizeof message - 1; len += (size_t)got) {
        got = read(connection, message + len, sizeof message - 1 - len);
        message[len + (size_t)(got > 0 ? got : 0)] = '\0';
        if (got <= 0 || strstr(message, "\r\n\r\n"))
            break;
    }
    CryoHeader headers[HEADERS_MAX];
    CryoSpanContext caller, own; /* caller stays all zero when nobody says who called */
    size_t count = headers_of(message, headers);
    bool called = cryo_extract(headers, count, &caller);

    CRYO_SPAN(span, "GET", .kind = CRYO_SERVER, .remote = &caller);
    cryo_span_context(span, &own);
    int n = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%s %s\n",
                     called ? "child in trace" : "root of trace", cryo_trace_id_text(&own, id));
    if (write(connection, text, (size_t)n) != n)
        cryo_span_fail(span, "IOError", "the client has gone");
}

static void *serve(void *socket_pointer)
{
    int server = *(int *)socket_pointer;
    for (int i = 0; i < REQUESTS; i++) {
        int connection = accept(server, NULL, NULL);
        if (connection < 0)
            break;
        answer(connection);
        close(connection);
    }
    return NULL;
}

static int server_open(struct sockaddr_in *address)
{
    socklen_t size = sizeof *address;
    int server = socket(AF_INET, SOCK_STREAM, 0);
    *address = (struct sockaddr_in){ .sin_family = AF_INET };
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK); /* port 0: any that is free */
    if (server < 0 || bind(server, (struct sockaddr *)address, size) != 0 ||
        listen(server, REQUESTS) != 0 ||
        getsockname(server, (struct sockaddr *)address, &size) != 0) {
        perror("server");
        exit(1);
    }
    return server;
}

/* ---- the client ------------------------------------------------------------------------------ */

static void get(const struct sockaddr_in *address, const CryoHeaders *headers)
{
    char request[MESSAGE_MAX], reply[500];
    int len = snprintf(request, sizeof request, "GET /basket HTTP/1.1\r\nHost: localhost\r\n");
    for (size_t i = 0; headers && i < headers->count; i++)
        len += snprintf(request + len, sizeof request - (size_t)len, "%s: %s\r\n",
                        headers->header[i].name.ptr, headers->header[i].value.ptr);
    len += snprintf(request + len, sizeof request - (size_t)len, "\r\n");
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    size_t got = 0;
    if (connect(connection, (const struct sockaddr *)address, sizeof *address) == 0 &&
        write(connection, request, (size_t)len) == len)
        for (ssize_t n; (n = read(connection, reply + got, sizeof reply - 1 - got)) > 0;)
            got += (size_t)n;
    close(connection);
    reply[got] = '\0';
    const char *body = strstr(reply, "\r\n\r\n");
    printf("%s%s", headers ? "with headers:    " : "without headers: ", body ? body + 4 : "?\n");
}

static void get_traced(const struct sockaddr_in *address)
{
    CRYO_SPAN(span, "GET /basket", .kind = CRYO_CLIENT,
              .attributes = CRYO_ATTRS("http.request.method", "GET"));
    CryoSpanContext own;
    char id[CRYO_TRACE_ID_TEXT];
    cryo_span_context(span, &own);
    printf("the client is in trace          %s\n", cryo_trace_id_text(&own, id));
    CryoHeaders headers;
    cryo_inject(&headers);
    get(address, &headers);
}

int main(void)
{
    CryoError error;
    if (!cryo_start_from_env(&error))
        fprintf(stderr, "No telemetry: %s\n", error.text);

    struct sockaddr_in address;
    pthread_t thread;
    int server = server_open(&address);
    if (pthread_create(&thread, NULL, serve, &server) != 0)
        return 1;
    get_traced(&address);
    get(&address, NULL);
    pthread_join(thread, NULL);
    close(server);

    if (!cryo_shutdown(5000, &error))
        fprintf(stderr, "Some telemetry was lost: %s\n", error.text);
    return 0;
}
