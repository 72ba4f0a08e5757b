/* http2.c - any bytes as HTTP/2 frames behind a good beginning, to a whole server or to a gRPC
 * client that has calls under way. Every request is answered once and every call is told once,
 * whatever comes; nothing is left over.
 *
 * The first byte chooses: bit 0 the role, bits 1 and 2 in how large pieces the rest arrives, bit 3
 * whether the server's handler answers at once or when the connection is gone. */
#include "net/grpc_client.h"
#include "net/server.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

enum {
    LISTENER = 1,
    CONNECTION = 2,
    DESCRIPTORS = 3,
    KEPT_MAX = 4096,
    CALLS = 3,
    TURNS_MAX = 1 << 20
};

/* A network of one connection, whose other end says `in`, listens to anything, and closes. */
typedef struct Wire {
    Sockets sockets;
    Poller poller;
    Str in;
    size_t piece;
    bool accepted;
    unsigned wanted[DESCRIPTORS];
    void *watchers[DESCRIPTORS];
} Wire;

static Wire *wire_of(Sockets *sockets)
{
    return (Wire *)sockets;
}

static Wire *wire_of_poller(Poller *poller)
{
    return (Wire *)(void *)((char *)poller - offsetof(Wire, poller));
}

static int wire_listen(Sockets *sockets, const Address *address, ListenOptions options)
{
    (void)sockets;
    (void)address;
    (void)options;
    return LISTENER;
}

static int wire_accept(Sockets *sockets, int listener, Address *peer)
{
    (void)listener;
    if (wire_of(sockets)->accepted || !address_from_literal(peer, STR("127.0.0.1"), 1))
        return -EAGAIN;
    wire_of(sockets)->accepted = true;
    return CONNECTION;
}

static int wire_connect(Sockets *sockets, const Address *address)
{
    (void)address;
    if (wire_of(sockets)->accepted)
        return -ECONNREFUSED;
    wire_of(sockets)->accepted = true;
    return CONNECTION;
}

static int wire_zero(Sockets *sockets, int fd)
{
    (void)sockets;
    (void)fd;
    return 0;
}

static ssize_t wire_read(Sockets *sockets, int fd, void *out, size_t size)
{
    (void)fd;
    Wire *wire = wire_of(sockets);
    size_t n = wire->in.len < wire->piece ? wire->in.len : wire->piece;
    n = n < size ? n : size;
    for (size_t i = 0; i < n; i++)
        ((char *)out)[i] = wire->in.ptr[i];
    wire->in = str_skip(wire->in, n);
    return (ssize_t)n;
}

static ssize_t wire_write(Sockets *sockets, int fd, const void *bytes, size_t size)
{
    (void)sockets;
    (void)fd;
    (void)bytes;
    return (ssize_t)size;
}

static bool wire_address(Sockets *sockets, int fd, Address *out)
{
    (void)sockets;
    (void)fd;
    return address_from_literal(out, STR("127.0.0.1"), 1);
}

static void wire_shutdown(Sockets *sockets, int fd)
{
    (void)sockets;
    (void)fd;
}

static int wire_spare(Sockets *sockets)
{
    (void)sockets;
    return -EMFILE;
}

static int wire_most(Sockets *sockets)
{
    (void)sockets;
    return INT_MAX;
}

static bool wire_watch(Poller *poller, int fd, unsigned wanted, void *watcher, Err *err)
{
    (void)err;
    wire_of_poller(poller)->wanted[fd] = wanted;
    wire_of_poller(poller)->watchers[fd] = watcher;
    return true;
}

static void wire_forget(Poller *poller, int fd)
{
    wire_of_poller(poller)->wanted[fd] = 0;
}

static size_t wire_wait(Poller *poller, int64_t timeout_ns, SocketEvent *events, size_t max)
{
    (void)timeout_ns;
    (void)max;
    Wire *wire = wire_of_poller(poller);
    size_t count = 0;
    if (wire->wanted[LISTENER] && !wire->accepted)
        events[count++] = (SocketEvent){ wire->watchers[LISTENER], SOCKET_READ };
    if (wire->wanted[CONNECTION])
        events[count++] = (SocketEvent){ wire->watchers[CONNECTION], wire->wanted[CONNECTION] };
    return count;
}

static void wire_nothing(Poller *poller)
{
    (void)poller;
}

static Poller *wire_poller(Sockets *sockets, Err *err)
{
    (void)err;
    return &wire_of(sockets)->poller;
}

static void wire_close(Sockets *sockets, int fd)
{
    (void)sockets;
    (void)fd;
}

static void wire_init(Wire *wire, Str in, size_t piece)
{
    *wire = (Wire){ .in = in, .piece = piece };
    wire->sockets = (Sockets){ .poller_new = wire_poller,
                               .listen = wire_listen,
                               .accept = wire_accept,
                               .connect = wire_connect,
                               .connect_result = wire_zero,
                               .read = wire_read,
                               .write = wire_write,
                               .local_address = wire_address,
                               .shutdown_write = wire_shutdown,
                               .close = wire_close,
                               .spare = wire_spare,
                               .descriptors_max = wire_most };
    wire->poller = (Poller){ .watch = wire_watch,
                             .change = wire_watch,
                             .forget = wire_forget,
                             .wait = wire_wait,
                             .wake = wire_nothing,
                             .free = wire_nothing };
}

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void turn(Loop *loop)
{
    int turns = 0;
    while (loop_step(loop, 0))
        must(turns++ < TURNS_MAX);
}

/* ---- the server ---- */

typedef struct Held {
    Request *requests[KEPT_MAX];
    size_t count;
    bool later;
} Held;

static void answer(Request *request)
{
    Buf body = request_take_body(request);
    Answer whole = { .status = 200, .body = body };
    if (request_is_grpc(request))
        request_answer_grpc(request, &body);
    else
        request_answer(request, &whole);
}

static void handle(void *owner, Request *request)
{
    Held *held = owner;
    if (held->later && held->count < KEPT_MAX)
        held->requests[held->count++] = request;
    else
        answer(request);
}

static void try_server(Loop *loop, bool later)
{
    static Held held;
    Err err = { 0 };
    ServerSettings settings = { .loop = loop, .endpoint = STR("127.0.0.1:1") };
    settings.limits.body_bytes = 1 << 16;
    held.count = 0;
    held.later = later;
    const Route route = { STR("/*"), STR(""), handle, &held, 0 };
    const GrpcRoute grpc = { STR("/a/b"), handle, &held, 0 };
    Server *server = server_new(&settings, &err);
    must(server && server_route(server, &route, &err) && server_grpc_route(server, &grpc, &err));
    must(server_listen(server, &err));
    turn(loop);
    for (size_t i = 0; i < held.count; i++)
        answer(held.requests[i]);
    turn(loop);
    must(server_counts(server).connections_open == 0);
    must(server_counts(server).requests_in_flight == 0);
    server_free(server);
}

/* ---- the client ---- */

static void told(void *owner, GrpcReply *reply, const Err *err)
{
    (void)reply;
    (void)err;
    ++*(int *)owner;
}

static void try_client(Loop *loop)
{
    Err err = { 0 };
    int tellings = 0;
    GrpcClientSettings settings = { .loop = loop, .endpoint = STR("127.0.0.1:1") };
    settings.message_bytes = 1 << 16;
    GrpcClient *client = grpc_client_new(&settings, &err);
    must(client);
    for (int i = 0; i < CALLS; i++) {
        GrpcCall call = { .path = STR("/a/b"), .done = told, .owner = &tellings };
        must(grpc_client_call(client, &call, &err));
    }
    turn(loop);
    must(tellings == CALLS); /* the connection is lost at the latest */
    grpc_client_free(client);
    must(tellings == CALLS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t pieces[] = { 1, 10, 1000, SIZE_MAX };
    static Wire wire;
    Err err = { 0 };
    TestClock clock;
    Buf bytes = BUF(1 << 24);
    unsigned mode = size > 0 ? data[0] : 0;
    bool client = mode & 1U;
    if (!client)
        buf_add(&bytes, STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    buf_add(&bytes, STR("\0\0\0\4\0\0\0\0\0"));
    if (size > 1)
        buf_add(&bytes, (Str){ (const char *)data + 1, size - 1 });
    wire_init(&wire, buf_str(&bytes), pieces[mode >> 1 & 3U]);
    test_clock_init(&clock, 0);
    Loop *loop = loop_new(&clock.base, &wire.sockets, &err);
    must(loop);
    if (client)
        try_client(loop);
    else
        try_server(loop, mode & 8U);
    loop_free(loop);
    buf_free(&bytes);
    return 0;
}
