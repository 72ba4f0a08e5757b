/* append.c - see append.h. The store tells on its writer's thread, maybe after the one who waits
 * has given up; so what they share is freed by whoever comes last. */
#include "api/append.h"

#include "base/mem.h"
#include "base/thread.h"
#include "store/store.h"

typedef struct Waiting {
    Mutex mutex;
    Cond changed;
    unsigned holders; /* the one who waits, the store */
    bool told, stored;
    Err err;
} Waiting;

/* With the mutex held, which ends here. */
static void leave(Waiting *waiting)
{
    bool last = --waiting->holders == 0;
    mutex_unlock(&waiting->mutex);
    if (!last)
        return;
    cond_done(&waiting->changed);
    mutex_done(&waiting->mutex);
    mem_free(waiting);
}

static void tell(void *context, const Err *err)
{
    Waiting *waiting = context;
    mutex_lock(&waiting->mutex);
    waiting->told = true;
    waiting->stored = !err;
    if (err)
        waiting->err = *err;
    cond_signal(&waiting->changed);
    leave(waiting);
}

static bool wait_for(Waiting *waiting, int64_t deadline_mono_ns, Err *err)
{
    mutex_lock(&waiting->mutex);
    bool in_time = true;
    while (!waiting->told && in_time)
        in_time = cond_wait_until(&waiting->changed, &waiting->mutex, deadline_mono_ns);
    bool stored = waiting->told && waiting->stored;
    if (!waiting->told)
        fail(err, ERR_TIMEOUT, "the store has not said in time that it has it");
    else if (!stored)
        *err = waiting->err;
    leave(waiting);
    return stored;
}

bool append_and_wait(void *context, Batch *batch, int64_t deadline_mono_ns, Err *err)
{
    const AppendTo *to = context;
    Waiting *waiting = MEM_MAKE(Waiting, 1, err);
    if (!waiting)
        return false;
    mutex_init(&waiting->mutex);
    cond_init(&waiting->changed);
    waiting->holders = 2;
    const AppendOptions options = { .done = tell, .context = waiting, .verbatim_streams = true };
    if (!store_append_with(to->store, batch, &options, err)) {
        waiting->holders = 1;
        mutex_lock(&waiting->mutex);
        leave(waiting);
        return false;
    }
    if (to->stepped)
        store_step(to->store);
    return wait_for(waiting, deadline_mono_ns, err);
}
