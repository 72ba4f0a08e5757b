/* loop.h - one thread's event loop: descriptors, timers, and messages from other threads.
 *
 * Everything that a loop calls runs on the thread that is inside loop_run() or loop_step(), one
 * callback at a time, and must not block. The nodes (Watch, Timer, Post) live inside their owners'
 * structs, so that setting a timer or posting cannot run out of memory and needs no bound of its
 * own: there are as many as there are owners. Only loop_post() and loop_stop() may be called from
 * other threads.
 *
 * Order within a step: posts, timers that are due, descriptors, then posts made by those. When a
 * timer is late by a second or more, the process or the machine had been stopped: descriptors come
 * before it. A callback may cancel, forget or free any node, also those that are about to be
 * called. Under a TestClock timers fire when the test has moved the clock; waiting is still real.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/attributes.h"
#include "base/clock.h"
#include "base/err.h"
#include "net/socket.h"

typedef struct Loop Loop;

/* A descriptor with somebody who wants to know. */
typedef struct Watch {
    /* What is wanted of what is ready; with SOCKET_BROKEN also while nothing is. */
    void (*ready)(void *owner, unsigned ready);
    void *owner;
    int fd; /* the loop's from here */
    unsigned wanted;
    bool watched;
} Watch;

/* A moment on the loop's monotonic clock. Zeroed but for fire and owner, it is not set. */
typedef struct Timer {
    void (*fire)(void *owner); /* once per timer_set; may set it again */
    void *owner;
    int64_t at_ns; /* the loop's from here: a pairing heap */
    struct Timer *child, *next, *prev;
    bool set;
} Timer;

/* A message to a loop. Free again once run() has been called. */
typedef struct Post {
    void (*run)(void *owner);
    void *owner;
    struct Post *next; /* the loop's from here */
    bool waiting;
} Post;

/* What lives as long as its loop and belongs to one module; that module knows what it is. */
typedef struct LoopGuest {
    void (*leave)(struct LoopGuest *guest); /* the loop is being freed */
} LoopGuest;

LoopGuest **loop_resolver(Loop *loop); /* resolve.c's; *it is NULL at first */

/* clock and sockets NULL: the system's. Both are borrowed for the loop's life. */
CHECKED Loop *loop_new(Clock *clock, Sockets *sockets, Err *err);
/* Runs the posts that still wait, then frees. No watch or timer may be left by then. NULL is fine.
 */
void loop_free(Loop *loop);

Sockets *loop_sockets(Loop *loop);
int64_t loop_now(const Loop *loop); /* the monotonic clock, for timers and deadlines */

/* Turns until loop_stop(); what had been posted by then has run when it returns. */
void loop_run(Loop *loop);
void loop_stop(Loop *loop); /* any thread; the next loop_run starts afresh */
/* One turn: waits at most timeout_ns (0: not at all, negative: until something happens). True when
 * a callback ran. */
bool loop_step(Loop *loop, int64_t timeout_ns);

/* For a loop inside of another one: loop_step(loop, 0) has something to do when the descriptor is
 * readable, and at loop_due() on its clock (INT64_MAX: no timer is set). */
int loop_descriptor(Loop *loop);
int64_t loop_due(Loop *loop);
/* In a fork's child: lets go of the descriptors that it has from the parent. The loop is never
 * touched again, not even freed: other threads of the parent may have been inside. */
void loop_abandon(Loop *loop);

/* Any thread: post->run(post->owner) on the loop's thread, in order of posting, exactly once per
 * call. Posting one that still waits changes nothing: it runs once, after this call. The post must
 * live until it has run. */
void loop_post(Loop *loop, Post *post);
/* On the loop's thread: a post that still waits will not run. */
void loop_unpost(Loop *loop, Post *post);

CHECKED bool loop_watch(Loop *loop, Watch *watch, int fd, unsigned wanted, Err *err);
CHECKED bool loop_want(Loop *loop, Watch *watch, unsigned wanted, Err *err); /* changes it */
void loop_forget(Loop *loop, Watch *watch); /* before closing fd; harmless when not watched */

void timer_set(Loop *loop, Timer *timer, int64_t at_ns); /* moves one that is set already */
void timer_cancel(Loop *loop, Timer *timer);             /* harmless when not set */

#endif
