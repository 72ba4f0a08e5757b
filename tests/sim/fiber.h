/* fiber.h - code that blocks, on stacks of its own, all in one thread.
 *
 * The library's worker and an application that uses it are written for threads: they wait. Here
 * each is a fiber. Whoever waits goes back to the test, which resumes it in a later turn, so who
 * runs when is decided by nobody but the seed.
 */
#ifndef TESTS_SIM_FIBER_H
#define TESTS_SIM_FIBER_H

#include <stdbool.h>
#include <stdint.h>

enum { FIBERS_MAX = 4 };

/* Runs at the next turn. Returns its number, which is free again once it has returned and has been
 * forgotten. */
int fiber_spawn(void (*run)(void *argument), void *argument);
bool fiber_ended(int fiber);
void fiber_forget(int fiber); /* one that has ended */

/* Inside a fiber: goes back to the test until somebody calls fibers_wake(why), or the clock has
 * reached until_ns. False: the time was over. Outside of all fibers: aborts. */
bool fiber_wait(const void *why, int64_t until_ns);
bool fiber_inside(void);
void fibers_wake(const void *why);

/* Resumes everyone who may go on, once. False: nobody could. */
bool fibers_turn(int64_t now_ns);

#endif
