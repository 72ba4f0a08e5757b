/* fork.c - what happens to us when the host program forks.
 *
 * Before: all locks are taken, in one order, so that nobody is in the middle of something. After,
 * in both: they are let go. In the child the other threads are gone, so the worker is no more (it
 * is made anew when a span ends), what waited for it belongs to the parent, and random numbers are
 * drawn from a new seed. The child touches none of the spans' memory until it uses spans itself
 * (thread_state.h).
 */
#include "sdk/fork.h"

#include "sdk/exporters.h"
#include "sdk/meter.h"
#include "sdk/metric_callback.h"
#include "sdk/sampler_registry.h"
#include "sdk/site.h"
#include "sdk/telemetry.h"
#include "sdk/thread_state.h"
#include "sdk/tracer.h"
#include "sdk/worker.h"

#include <pthread.h>

static void before(void)
{
    worker_before_fork();
    exporters_lock();
    own_samplers_lock();
    memory_sink_lock();
    states_lock();
    sites_lock();
    tracers_lock();
    chunks_lock();
    callbacks_lock();
    meter_before_fork();
}

static void release(void)
{
    chunks_unlock();
    tracers_unlock();
    sites_unlock();
    states_unlock();
    memory_sink_unlock();
    own_samplers_unlock();
    exporters_unlock();
}

static void after_in_parent(void)
{
    meter_after_fork(false);
    callbacks_unlock();
    release();
    worker_after_fork(false);
}

static void after_in_child(void)
{
    states_after_fork();
    meter_after_fork(true);
    callbacks_after_fork();
    callbacks_unlock();
    release();
    worker_after_fork(true);
    telemetry_after_fork();
}

static void watch(void)
{
    pthread_atfork(before, after_in_parent, after_in_child);
}

void fork_watch(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch);
}
