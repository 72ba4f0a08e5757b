/* api_server.h - our faces on servers of room net.
 *
 * A server's loop hands each question to a query thread through a bounded queue and goes on; the
 * answer is posted back and sent from the loop. A full queue is 503 with a time to come back. When
 * the client goes away first, its question ends at the next look at the deadline.
 *
 *     loop: request -> job -> queue -> query thread: face -> post -> loop: request_answer
 *
 * Several servers, all on the one loop, may show faces of the same ApiServer: they share its
 * threads, its queue and its sources.
 */
#ifndef API_API_SERVER_H
#define API_API_SERVER_H

#include "api/api_answer.h"
#include "api/cryo_status.h"
#include "base/clock.h"
#include "net/loop.h"
#include "net/server.h"

typedef struct ApiServer ApiServer;

typedef struct ApiServerSettings {
    Loop *loop;
    ApiSources sources;
    Clock *clock;
    Budget *budget; /* of the program: queries and their answers are charged. NULL: nobody counts */
    /* Fills what the program knows of itself; on the loop's thread. NULL: all zero. The texts must
     * live as long as the ApiServer. */
    void (*status)(void *context, CryoStatus *out);
    void *context;
    unsigned threads;   /* 0: 2 */
    size_t waiting_max; /* questions in the queue; 0: 64 */
    int64_t timeout_ns; /* of one question; 0: 30 s */
    bool in_place;      /* no threads: questions hold the loop, and runs can be repeated */
} ApiServerSettings;

/* On the loop's thread, as everything here. What the settings point to is borrowed. */
CHECKED ApiServer *api_server_new(const ApiServerSettings *settings, Err *err);

/* Adds the routes to the server, which must not listen yet. The rows are static. */
CHECKED bool api_server_show(ApiServer *api, Server *server, const ApiRoute *routes, size_t count,
                             Err *err);

/* Waits for the query threads, answers what is left (503 where no thread had begun). The servers
 * may be drained before, and must call no route of ours any more: free them first or together. */
void api_server_free(ApiServer *api);

#endif
