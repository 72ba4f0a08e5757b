/* loop.c - one thread's event loop; see loop.h.
 *
 * The mutex guards the list of waiting posts and the stop flag, nothing else. A step moves the
 * waiting posts to a list of its own and runs them without the lock, so that a post which posts
 * again cannot starve the rest.
 */
#include "net/loop.h"

#include "base/mem.h"
#include "base/thread.h"
#include "net/timer_heap_internal.h"

#include <assert.h>

enum { EVENTS_PER_STEP = 128, LATE_ROUNDS = 16 };
#define LATE_NS NANOS_PER_SECOND

typedef struct PostList {
    Post *first, *last;
} PostList;

struct Loop {
    Clock *clock;
    Sockets *sockets;
    Poller *poller;
    TimerHeap timers;
    PostList running; /* this step's */
    SocketEvent events[EVENTS_PER_STEP];
    size_t event_count, event_next; /* those that this step still has to call */
    size_t watch_count;
    LoopGuest *resolver;
    Mutex mutex;
    PostList waiting; /* guarded, as is stopping */
    bool stopping;
};

Loop *loop_new(Clock *clock, Sockets *sockets, Err *err)
{
    Loop *loop = MEM_MAKE(Loop, 1, err);
    if (!loop)
        return NULL;
    mutex_init(&loop->mutex);
    loop->clock = clock ? clock : clock_system();
    loop->sockets = sockets ? sockets : sockets_system();
    loop->poller = loop->sockets->poller_new(loop->sockets, err);
    if (loop->poller)
        return loop;
    loop_free(loop);
    return NULL;
}

/* ---- posts ---- */

static void append(PostList *list, Post *post)
{
    post->next = NULL;
    if (list->last)
        list->last->next = post;
    else
        list->first = post;
    list->last = post;
}

static Post *take_first(PostList *list)
{
    Post *post = list->first;
    if (!post)
        return NULL;
    list->first = post->next;
    if (!list->first)
        list->last = NULL;
    post->next = NULL;
    return post;
}

static bool take_out(PostList *list, const Post *post)
{
    Post *before = NULL;
    for (Post *at = list->first; at; before = at, at = at->next) {
        if (at != post)
            continue;
        if (before)
            before->next = at->next;
        else
            list->first = at->next;
        if (list->last == at)
            list->last = before;
        return true;
    }
    return false;
}

void loop_post(Loop *loop, Post *post)
{
    mutex_lock(&loop->mutex);
    bool first = !loop->waiting.first;
    if (!post->waiting) {
        post->waiting = true;
        append(&loop->waiting, post);
    }
    mutex_unlock(&loop->mutex);
    if (first)
        loop->poller->wake(loop->poller);
}

void loop_unpost(Loop *loop, Post *post)
{
    mutex_lock(&loop->mutex);
    if (post->waiting && (take_out(&loop->running, post) || take_out(&loop->waiting, post)))
        post->waiting = false;
    mutex_unlock(&loop->mutex);
}

/* Next of this step's posts, no longer waiting: from here on it may be posted again or freed. */
static Post *next_running(Loop *loop)
{
    mutex_lock(&loop->mutex);
    Post *post = take_first(&loop->running);
    if (post)
        post->waiting = false;
    mutex_unlock(&loop->mutex);
    return post;
}

static bool run_posts(Loop *loop)
{
    mutex_lock(&loop->mutex);
    loop->running = loop->waiting;
    loop->waiting = (PostList){ NULL, NULL };
    mutex_unlock(&loop->mutex);
    bool any = false;
    for (Post *post = next_running(loop); post; post = next_running(loop)) {
        any = true;
        post->run(post->owner);
    }
    return any;
}

static bool has_posts(Loop *loop)
{
    mutex_lock(&loop->mutex);
    bool has = loop->waiting.first != NULL;
    mutex_unlock(&loop->mutex);
    return has;
}

/* ---- timers ---- */

void timer_set(Loop *loop, Timer *timer, int64_t at_ns)
{
    timer_cancel(loop, timer);
    timer->at_ns = at_ns;
    timer_heap_add(&loop->timers, timer);
}

void timer_cancel(Loop *loop, Timer *timer)
{
    if (timer->set)
        timer_heap_remove(&loop->timers, timer);
}

/* No more calls than there were timers, so that one which sets itself for now cannot hold us. */
static bool run_timers(Loop *loop)
{
    bool any = false;
    int64_t now = loop_now(loop);
    for (size_t left = loop->timers.count; left > 0; left--) {
        Timer *timer = loop->timers.first;
        if (!timer || timer->at_ns > now)
            break;
        timer_heap_remove(&loop->timers, timer);
        any = true;
        timer->fire(timer->owner);
    }
    return any;
}

/* ---- descriptors ---- */

bool loop_watch(Loop *loop, Watch *watch, int fd, unsigned wanted, Err *err)
{
    assert(!watch->watched);
    if (!loop->poller->watch(loop->poller, fd, wanted, watch, err))
        return false;
    watch->fd = fd;
    watch->wanted = wanted;
    watch->watched = true;
    loop->watch_count++;
    return true;
}

bool loop_want(Loop *loop, Watch *watch, unsigned wanted, Err *err)
{
    if (watch->wanted == wanted)
        return true;
    if (!loop->poller->change(loop->poller, watch->fd, wanted, watch, err))
        return false;
    watch->wanted = wanted;
    return true;
}

void loop_forget(Loop *loop, Watch *watch)
{
    if (!watch->watched)
        return;
    loop->poller->forget(loop->poller, watch->fd);
    watch->watched = false;
    loop->watch_count--;
    for (size_t i = loop->event_next; i < loop->event_count; i++) {
        if (loop->events[i].watcher == watch)
            loop->events[i].watcher = NULL;
    }
}

static bool run_events(Loop *loop)
{
    bool any = false;
    for (loop->event_next = 0; loop->event_next < loop->event_count;) {
        SocketEvent event = loop->events[loop->event_next++];
        Watch *watch = event.watcher;
        if (!watch)
            continue;
        unsigned ready = event.ready & (watch->wanted | SOCKET_BROKEN);
        if (!ready)
            continue;
        any = true;
        watch->ready(watch->owner, ready);
    }
    loop->event_count = loop->event_next = 0;
    return any;
}

/* ---- turning ---- */

/* How long the poller may wait: until the next timer, and not at all when something is due. */
static int64_t wait_ns(Loop *loop, int64_t timeout_ns)
{
    if (has_posts(loop))
        return 0;
    const Timer *timer = loop->timers.first;
    if (!timer)
        return timeout_ns;
    int64_t now = loop_now(loop);
    int64_t until = timer->at_ns > now ? timer->at_ns - now : 0;
    return timeout_ns < 0 || until < timeout_ns ? until : timeout_ns;
}

static bool take_events(Loop *loop, int64_t timeout_ns)
{
    loop->event_count = loop->poller->wait(loop->poller, timeout_ns, loop->events, EVENTS_PER_STEP);
    return run_events(loop);
}

/* The process was stopped, or the machine. What came meanwhile came in time, and whoever waits for
 * it must not hear of a deadline first. */
static bool catch_up(Loop *loop)
{
    bool any = false;
    for (int i = 0; i < LATE_ROUNDS; i++) {
        const Timer *timer = loop->timers.first;
        if (!timer || loop_now(loop) - timer->at_ns < LATE_NS || !take_events(loop, 0))
            break;
        any = true;
    }
    return any;
}

bool loop_step(Loop *loop, int64_t timeout_ns)
{
    bool any = run_posts(loop);
    any = catch_up(loop) || any;
    any = run_timers(loop) || any;
    any = take_events(loop, any ? 0 : wait_ns(loop, timeout_ns)) || any;
    return run_posts(loop) || any;
}

int loop_descriptor(Loop *loop)
{
    return loop->poller->descriptor(loop->poller);
}

int64_t loop_due(Loop *loop)
{
    if (has_posts(loop))
        return loop_now(loop);
    return loop->timers.first ? loop->timers.first->at_ns : INT64_MAX;
}

void loop_abandon(Loop *loop)
{
    loop->poller->abandon(loop->poller);
}

static bool is_stopping(Loop *loop)
{
    mutex_lock(&loop->mutex);
    bool stopping = loop->stopping;
    mutex_unlock(&loop->mutex);
    return stopping;
}

void loop_run(Loop *loop)
{
    while (!is_stopping(loop))
        loop_step(loop, -1);
    run_posts(loop);
    mutex_lock(&loop->mutex);
    loop->stopping = false;
    mutex_unlock(&loop->mutex);
}

void loop_stop(Loop *loop)
{
    mutex_lock(&loop->mutex);
    loop->stopping = true;
    mutex_unlock(&loop->mutex);
    loop->poller->wake(loop->poller);
}

LoopGuest **loop_resolver(Loop *loop)
{
    return &loop->resolver;
}

Sockets *loop_sockets(Loop *loop)
{
    return loop->sockets;
}
int64_t loop_now(const Loop *loop)
{
    return clock_mono_ns(loop->clock);
}

void loop_free(Loop *loop)
{
    if (!loop)
        return;
    while (loop->poller && has_posts(loop))
        run_posts(loop);
    assert(!loop->timers.first && loop->watch_count == 0);
    if (loop->resolver)
        loop->resolver->leave(loop->resolver);
    if (loop->poller)
        loop->poller->free(loop->poller);
    mutex_done(&loop->mutex);
    mem_free(loop);
}
