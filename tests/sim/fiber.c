/* fiber.c - see fiber.h. The library's thread-locals are plain data, so the fiber has its own. */
#include "sim/fiber.h"

#include "sdk/thread_state.h"

#include <stdlib.h>
#include <string.h>
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

static struct {
    ucontext_t context, test;
    char *stack; /* NULL: there is none */
    void (*run)(void *argument);
    void *argument;
    ThreadLocals locals;
    bool inside, ended;
    void *own_fake_stack, *test_fake_stack;
    const void *test_stack;
    size_t test_stack_size;
} fiber;

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

static void back_to_test(void)
{
    fiber.inside = false;
    leaving(fiber.ended ? NULL : &fiber.own_fake_stack, fiber.test_stack, fiber.test_stack_size);
    swapcontext(&fiber.context, &fiber.test);
    arrived(fiber.own_fake_stack, &fiber.test_stack, &fiber.test_stack_size);
}

static void begin(void)
{
    arrived(NULL, &fiber.test_stack, &fiber.test_stack_size);
    fiber.run(fiber.argument);
    fiber.ended = true;
    back_to_test();
    abort();
}

void fiber_begin(void (*run)(void *argument), void *argument)
{
    if (fiber.stack)
        abort();
    fiber.stack = malloc(STACK_SIZE);
    if (!fiber.stack || getcontext(&fiber.context))
        abort();
    fiber.run = run;
    fiber.argument = argument;
    fiber.context.uc_stack.ss_sp = fiber.stack;
    fiber.context.uc_stack.ss_size = STACK_SIZE;
    makecontext(&fiber.context, begin, 0);
}

void fiber_end(void)
{
    if (!fiber.ended)
        abort();
    ThreadState *state = fiber.locals.state;
    if (state) { /* as when a thread ends */
        chunks_give(&state->free);
        state->owned = false;
    }
    free(fiber.stack);
    memset(&fiber, 0, sizeof fiber);
}

void fiber_wait(void)
{
    if (!fiber.inside)
        abort();
    back_to_test();
}

void fiber_turn(void)
{
    if (!fiber.stack || fiber.ended)
        return;
    ThreadLocals own = thread_locals;
    thread_locals = fiber.locals;
    fiber.inside = true;
    leaving(&fiber.test_fake_stack, fiber.stack, STACK_SIZE);
    swapcontext(&fiber.test, &fiber.context);
    arrived(fiber.test_fake_stack, NULL, NULL);
    fiber.locals = thread_locals;
    thread_locals = own;
}
