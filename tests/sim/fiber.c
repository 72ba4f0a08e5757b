/* fiber.c - see fiber.h. The library's thread-locals are plain data, so every fiber has its own. */
#include "sim/fiber.h"

#include "sdk/thread_state.h"

#include <stdlib.h>
#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#endif
#ifdef FIBER_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

enum { STACK_SIZE = 1 << 20 };

typedef struct Fiber {
    ucontext_t context;
    char *stack;
    void (*run)(void *argument);
    void *argument;
    ThreadLocals locals;
    const void *why;
    int64_t until_ns;
    bool used, ended, woken;
    void *fake_stack;
} Fiber;

static struct {
    Fiber all[FIBERS_MAX];
    Fiber *now; /* NULL: the test itself */
    ucontext_t test;
    void *fake_stack;
    const void *test_stack;
    size_t test_stack_size;
} fibers;

/* AddressSanitizer has to know on which stack we are. */
static void leaving(void **fake_stack, const void *bottom, size_t size)
{
#ifdef FIBER_ASAN
    __sanitizer_start_switch_fiber(fake_stack, bottom, size);
#else
    (void)fake_stack, (void)bottom, (void)size;
#endif
}

static void arrived(void *fake_stack, const void **bottom, size_t *size)
{
#ifdef FIBER_ASAN
    __sanitizer_finish_switch_fiber(fake_stack, bottom, size);
#else
    (void)fake_stack, (void)bottom, (void)size;
#endif
}

static void back_to_test(Fiber *self)
{
    fibers.now = NULL;
    leaving(self->ended ? NULL : &self->fake_stack, fibers.test_stack, fibers.test_stack_size);
    swapcontext(&self->context, &fibers.test);
    arrived(self->fake_stack, &fibers.test_stack, &fibers.test_stack_size);
}

static void begin(void)
{
    Fiber *self = fibers.now;
    arrived(NULL, &fibers.test_stack, &fibers.test_stack_size);
    self->run(self->argument);
    self->ended = true;
    back_to_test(self);
    abort();
}

int fiber_spawn(void (*run)(void *argument), void *argument)
{
    int i = 0;
    while (i < FIBERS_MAX && fibers.all[i].used)
        i++;
    if (i == FIBERS_MAX)
        abort();
    Fiber *fiber = &fibers.all[i];
    *fiber = (Fiber){ .stack = malloc(STACK_SIZE), .run = run, .argument = argument, .used = true };
    if (!fiber->stack || getcontext(&fiber->context))
        abort();
    fiber->woken = true;
    fiber->context.uc_stack.ss_sp = fiber->stack;
    fiber->context.uc_stack.ss_size = STACK_SIZE;
    makecontext(&fiber->context, begin, 0);
    return i;
}

bool fiber_ended(int fiber)
{
    return fibers.all[fiber].ended;
}

void fiber_forget(int fiber)
{
    if (!fibers.all[fiber].ended)
        abort();
    ThreadState *state = fibers.all[fiber].locals.state;
    if (state) { /* as when a thread ends */
        chunks_give(&state->free);
        state->owned = false;
    }
    free(fibers.all[fiber].stack);
    fibers.all[fiber] = (Fiber){ 0 };
}

bool fiber_inside(void)
{
    return fibers.now != NULL;
}

bool fiber_wait(const void *why, int64_t until_ns)
{
    Fiber *self = fibers.now;
    if (!self)
        abort();
    self->why = why;
    self->until_ns = until_ns;
    self->woken = false;
    back_to_test(self);
    return self->woken;
}

void fibers_wake(const void *why)
{
    for (int i = 0; i < FIBERS_MAX; i++)
        if (fibers.all[i].used && fibers.all[i].why == why)
            fibers.all[i].woken = true;
}

static void resume(Fiber *fiber)
{
    ThreadLocals own = thread_locals;
    thread_locals = fiber->locals;
    fibers.now = fiber;
    fiber->why = NULL;
    leaving(&fibers.fake_stack, fiber->stack, STACK_SIZE);
    swapcontext(&fibers.test, &fiber->context);
    arrived(fibers.fake_stack, NULL, NULL);
    fiber->locals = thread_locals;
    thread_locals = own;
}

bool fibers_turn(int64_t now_ns)
{
    bool any = false;
    for (int i = 0; i < FIBERS_MAX; i++) {
        Fiber *fiber = &fibers.all[i];
        if (!fiber->used || fiber->ended || (!fiber->woken && now_ns < fiber->until_ns))
            continue;
        resume(fiber);
        any = true;
    }
    return any;
}
