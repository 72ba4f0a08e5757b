/* probe.c - see probe.h. Blocking, with short waits: for a command that does nothing else. */
#include "cmd/probe.h"

#include "base/clock.h"
#include "net/resolve.h"
#include "net/socket.h"

#include <errno.h>
#include <string.h>

enum { PROBE_WAIT_MS = 1500, ENOUGH = 9, HEARD_MAX = 1024 };

bool probe_resolve(const char *endpoint, uint16_t default_port, Address *out, Err *err)
{
    Str text = str_from(endpoint), host, path;
    if (endpoint_is_path(text, &path))
        return address_from_path(out, path, err);
    const char *scheme = strstr(endpoint, "://");
    if (scheme)
        text = str_from(scheme + 3);
    size_t end = 0;
    while (end < text.len && text.ptr[end] != '/')
        end++;
    uint16_t port = default_port;
    return endpoint_split(str_first(text, end), &host, &port, err) &&
           resolve_now(host, port, out, err);
}

typedef struct Talk {
    Sockets *sockets;
    Poller *poller;
    int fd;
    int64_t until_ns;
    char heard[HEARD_MAX];
    size_t heard_len;
} Talk;

/* False: the time is over. */
static bool wait_ready(Talk *talk, unsigned wanted)
{
    Err ignored;
    SocketEvent event;
    int64_t left = talk->until_ns - clock_mono_ns(clock_system());
    return left > 0 && talk->poller->change(talk->poller, talk->fd, wanted, talk, &ignored) &&
           talk->poller->wait(talk->poller, left, &event, 1) > 0;
}

/* A refusal may say behind its head that TLS was expected. */
static bool heard_enough(const Talk *talk)
{
    bool refused = talk->heard_len >= 12 && memcmp(talk->heard, "HTTP/1.", 7) == 0 &&
                   memcmp(talk->heard + 8, " 400", 4) == 0;
    return refused ? talk->heard_len == sizeof talk->heard
                   : talk->heard_len >= (memcmp(talk->heard, "HTTP/1.", 7) ? ENOUGH : 12);
}

/* Until something was heard, the peer closed, or the time is over. */
static void listen_for_answer(Talk *talk)
{
    while (!heard_enough(talk) && wait_ready(talk, SOCKET_READ)) {
        ssize_t got = talk->sockets->read(talk->sockets, talk->fd, talk->heard + talk->heard_len,
                                          sizeof talk->heard - talk->heard_len);
        if (got == -EAGAIN)
            continue;
        if (got <= 0)
            return;
        talk->heard_len += (size_t)got;
    }
}

static bool talk_open(Talk *talk, const Address *address, Err *err)
{
    talk->sockets = sockets_system();
    talk->until_ns = clock_mono_ns(clock_system()) + PROBE_WAIT_MS * NANOS_PER_MILLI;
    talk->poller = talk->sockets->poller_new(talk->sockets, err);
    if (!talk->poller)
        return false;
    talk->fd = talk->sockets->connect(talk->sockets, address);
    if (talk->fd < 0)
        return fail_errno(err, -talk->fd, "connecting");
    if (!talk->poller->watch(talk->poller, talk->fd, SOCKET_WRITE, talk, err))
        return false;
    if (!wait_ready(talk, SOCKET_WRITE))
        return fail(err, ERR_TIMEOUT, "no answer to the connection within %d ms", PROBE_WAIT_MS);
    int result = talk->sockets->connect_result(talk->sockets, talk->fd);
    return result == 0 || fail_errno(err, -result, "connecting");
}

static void talk_close(Talk *talk)
{
    if (talk->poller && talk->fd >= 0) {
        talk->poller->forget(talk->poller, talk->fd);
        talk->sockets->close(talk->sockets, talk->fd);
    }
    if (talk->poller)
        talk->poller->free(talk->poller);
}

/* What is answered to these bytes; they are few enough to be taken at once. */
static bool say_and_hear(const Address *address, Str words, Talk *talk, Err *err)
{
    *talk = (Talk){ .fd = -1 };
    bool good = talk_open(talk, address, err);
    if (good && talk->sockets->write(talk->sockets, talk->fd, words.ptr, words.len) > 0)
        listen_for_answer(talk);
    talk_close(talk);
    return good;
}

static bool heard_tls(const Talk *talk)
{
    Str heard = { talk->heard, talk->heard_len };
    if (str_starts(heard, STR("HTTP/1.")) && talk->heard_len >= 12 &&
        str_eq(str_first(str_skip(heard, 8), 4), STR(" 400")))
        return str_contains(heard, STR("TLS")) || str_contains(heard, STR("HTTPS"));
    return talk->heard_len >= 2 && (talk->heard[0] == 0x15 || talk->heard[0] == 0x16) &&
           talk->heard[1] == 3;
}

bool probe_run(const Address *address, Probe *out, Err *err)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                                  "\0\0\0\4\0\0\0\0\0"; /* and an empty SETTINGS frame */
    Talk talk;
    *out = (Probe){ 0 };
    if (!say_and_hear(address,
                      STR("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), &talk,
                      err))
        return false;
    out->http1 = talk.heard_len >= 5 && memcmp(talk.heard, "HTTP/", 5) == 0;
    out->tls = heard_tls(&talk);
    size_t heard = talk.heard_len;
    if (!say_and_hear(address, (Str){ preface, sizeof preface - 1 }, &talk, err))
        return false;
    out->http2 = talk.heard_len >= 9 && talk.heard[3] == 4; /* a SETTINGS frame comes first */
    out->tls = out->tls || heard_tls(&talk);
    out->silent = heard + talk.heard_len == 0;
    return true;
}
