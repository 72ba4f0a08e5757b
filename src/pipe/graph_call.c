/* graph_call.c - calls on loops, and the moment at which all of them stand still.
 *
 * While the threads run, a call is a Post and its caller waits for it; otherwise it happens in
 * place. So components see one thread each, and the graph's own files one caller.
 */
#include "pipe/graph_internal.h"

/* --- one call -------------------------------------------------------------------------------- */

typedef struct Call {
    Post post;
    void (*run)(Instance *instance);
    Instance *instance;
    Mutex mutex;
    Cond finished;
    bool done;
} Call;

static void run_call(void *owner)
{
    Call *call = owner;
    call->run(call->instance);
    mutex_lock(&call->mutex);
    call->done = true;
    cond_signal(&call->finished);
    mutex_unlock(&call->mutex);
}

void instance_call(Instance *instance, void (*run)(Instance *instance))
{
    if (!instance->unit->graph->threads_running) {
        run(instance);
        return;
    }
    Call call = { .run = run, .instance = instance };
    call.post = (Post){ .run = run_call, .owner = &call };
    mutex_init(&call.mutex);
    cond_init(&call.finished);
    loop_post(instance->shard->loop, &call.post);
    mutex_lock(&call.mutex);
    while (!call.done)
        cond_wait(&call.finished, &call.mutex);
    mutex_unlock(&call.mutex);
    cond_done(&call.finished);
    mutex_done(&call.mutex);
}

void unit_call(Unit *unit, void (*run)(Instance *instance))
{
    for (size_t i = 0; i < unit->instance_count; i++)
        instance_call(&unit->instances[i], run);
}

/* --- all stand still ------------------------------------------------------------------------- */

/* Every loop comes in, waits until it may leave, and says that it has. */
typedef struct Halt {
    Mutex mutex;
    Cond changed;
    unsigned inside;
    bool over;
    Post posts[GRAPH_SHARDS_MAX];
} Halt;

static void stand(void *owner)
{
    Halt *halt = owner;
    mutex_lock(&halt->mutex);
    halt->inside++;
    cond_broadcast(&halt->changed);
    while (!halt->over)
        cond_wait(&halt->changed, &halt->mutex);
    halt->inside--;
    cond_broadcast(&halt->changed);
    mutex_unlock(&halt->mutex);
}

static void wait_for_inside(Halt *halt, unsigned count)
{
    while (halt->inside != count)
        cond_wait(&halt->changed, &halt->mutex);
}

void graph_stand_still(Graph *graph, void (*run)(Graph *graph))
{
    if (!graph->threads_running) {
        run(graph);
        return;
    }
    Halt halt = { .inside = 0 };
    mutex_init(&halt.mutex);
    cond_init(&halt.changed);
    for (unsigned i = 0; i < graph->shard_count; i++) {
        halt.posts[i] = (Post){ .run = stand, .owner = &halt };
        loop_post(graph->shards[i].loop, &halt.posts[i]);
    }
    mutex_lock(&halt.mutex);
    wait_for_inside(&halt, graph->shard_count);
    run(graph);
    halt.over = true;
    cond_broadcast(&halt.changed);
    wait_for_inside(&halt, 0);
    mutex_unlock(&halt.mutex);
    cond_done(&halt.changed);
    mutex_done(&halt.mutex);
}

enum {
    ROUNDS = 2,      /* a post may post once more */
    TURNS_MAX = 1000 /* without threads */
};

static void nothing(Graph *graph)
{
    (void)graph;
}

void graph_let_posts_run(Graph *graph)
{
    for (int i = 0; i < ROUNDS && graph->threads_running; i++)
        graph_stand_still(graph, nothing);
    for (int i = 0; i < TURNS_MAX && !graph->threads_running && graph_step(graph, 0); i++)
        continue;
}
