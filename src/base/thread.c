/* thread.c - threads, locks and waiting; see thread.h. */
#include "base/thread.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

void mutex_init(Mutex *mutex)
{
    pthread_mutex_init(&mutex->os, NULL);
}
void mutex_lock(Mutex *mutex)
{
    pthread_mutex_lock(&mutex->os);
}
void mutex_unlock(Mutex *mutex)
{
    pthread_mutex_unlock(&mutex->os);
}
void mutex_done(Mutex *mutex)
{
    pthread_mutex_destroy(&mutex->os);
}

void cond_init(Cond *cond)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&cond->os, &attributes);
    pthread_condattr_destroy(&attributes);
}

void cond_signal(Cond *cond)
{
    pthread_cond_signal(&cond->os);
}
void cond_broadcast(Cond *cond)
{
    pthread_cond_broadcast(&cond->os);
}
void cond_wait(Cond *cond, Mutex *mutex)
{
    pthread_cond_wait(&cond->os, &mutex->os);
}
void cond_done(Cond *cond)
{
    pthread_cond_destroy(&cond->os);
}

bool cond_wait_until(Cond *cond, Mutex *mutex, int64_t deadline_mono_ns)
{
    struct timespec at = { .tv_sec = (time_t)(deadline_mono_ns / NANOS_PER_SECOND),
                           .tv_nsec = (long)(deadline_mono_ns % NANOS_PER_SECOND) };
    return pthread_cond_timedwait(&cond->os, &mutex->os, &at) != ETIMEDOUT;
}

typedef struct Launch {
    void (*run)(void *);
    void *argument;
    char name[16];
} Launch;

static void *trampoline(void *argument)
{
    Launch launch = *(Launch *)argument;
    mem_free(argument);
    pthread_setname_np(pthread_self(), launch.name);
    launch.run(launch.argument);
    return NULL;
}

bool thread_start(Thread *thread, const char *name, void (*run)(void *), void *argument, Err *err)
{
    Launch *launch = MEM_MAKE(Launch, 1, err);
    if (!launch)
        return false;
    *launch = (Launch){ .run = run, .argument = argument };
    snprintf(launch->name, sizeof launch->name, "%s", name);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&thread->os, NULL, trampoline, launch);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    thread->started = code == 0;
    if (code) {
        mem_free(launch);
        return fail_errno(err, code, "starting thread %s", name);
    }
    return true;
}

void thread_join(Thread *thread)
{
    if (thread->started)
        pthread_join(thread->os, NULL);
    thread->started = false;
}

void thread_detach(Thread *thread)
{
    if (thread->started)
        pthread_detach(thread->os);
    thread->started = false;
}

unsigned cpu_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set))
        return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? (unsigned)count : 1;
}
