/* starve.h - makes the n-th allocation fail, and counts what is alive. For one test at a time. */
#ifndef TESTS_SUPPORT_STARVE_H
#define TESTS_SUPPORT_STARVE_H

/* From now on: `count` allocations succeed, the next one fails, all later ones succeed again. -1:
 * none fails. Installs the hook at first use; call it before the code under test allocates. */
void starve_after(long count);

/* The same, but every allocation after the first failure fails too. */
void starve_from(long count);

/* Between these two allocations neither fail nor count towards the next failure: for the test's own
 * work in the middle of a run. */
void starve_hold(void);
void starve_resume(void);

long starve_live(void);    /* blocks that are alive */
int starve_happened(void); /* did one fail since the last starve_after? */
/* Runs it with the first allocation failing, then the second, until a run in which none fails. How
 * many failed; -1: a run left something alive. */
long starve_every(void (*run)(void));

void starve_end(void); /* none fails any more; the hook stays */

#endif
