/* fiber.h - code that waits, on a stack of its own, all in one thread.
 *
 * An application waits, and so do the library's flush and shutdown in it. Here it is a fiber:
 * whoever waits goes back to the test, which resumes it in a later turn, so who runs when is
 * decided by nobody but the seed. There is one at a time.
 */
#ifndef TESTS_SIM_FIBER_H
#define TESTS_SIM_FIBER_H

#include <stdbool.h>

void fiber_begin(void (*run)(void *argument), void *argument); /* runs at the next turn */
void fiber_turn(void); /* resumes it, if there is one that has not ended */
void fiber_end(void);  /* it has returned, and the next one may begin */

/* Inside of it: goes back to the test, until the next turn. */
void fiber_wait(void);

#endif
