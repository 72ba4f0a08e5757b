/* thread.h - threads, locks and waiting, on pthreads with the monotonic clock.
 *
 * A thread that we start blocks all signals, so that it never takes one from the host program.
 * Locks and conditions cannot fail once made; making a thread can.
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include "base/attributes.h"
#include "base/err.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Mutex {
    pthread_mutex_t os;
} Mutex;

typedef struct Cond {
    pthread_cond_t os;
} Cond;

typedef struct Thread {
    pthread_t os;
    bool started;
} Thread;

/* One that lives as long as the program. */
#define MUTEX_READY               \
    {                             \
        PTHREAD_MUTEX_INITIALIZER \
    }

void mutex_init(Mutex *mutex);
void mutex_lock(Mutex *mutex);
void mutex_unlock(Mutex *mutex);
void mutex_done(Mutex *mutex);

void cond_init(Cond *cond);
void cond_signal(Cond *cond);
void cond_broadcast(Cond *cond);
void cond_wait(Cond *cond, Mutex *mutex);
/* False when the monotonic deadline passed first. May wake for nothing, as all conditions do. */
bool cond_wait_until(Cond *cond, Mutex *mutex, int64_t deadline_mono_ns);
void cond_done(Cond *cond);

/* `name` shows in ps and top; at most 15 characters count. */
CHECKED bool thread_start(Thread *thread, const char *name, void (*run)(void *), void *argument,
                          Err *err);
void thread_join(Thread *thread); /* harmless when it was never started */
/* Nobody will join it: for what cannot be interrupted and is not worth waiting for. */
void thread_detach(Thread *thread);

unsigned cpu_count(void); /* those that this process may use, at least 1 */

#endif
