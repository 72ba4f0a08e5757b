/* metric_callback.h - the callbacks of observable instruments, and how a collection runs them. */
#ifndef SDK_METRIC_CALLBACK_H
#define SDK_METRIC_CALLBACK_H

#include <cryostorm/metrics.h>

/* Each one once, one after the other; what they tell goes into the series of their instruments. No
 * lock is held meanwhile. */
void callbacks_run(void);

bool callbacks_any(void);
void callbacks_forget(void); /* all of them; for cryo_reset */

void callbacks_lock(void); /* around fork() */
void callbacks_unlock(void);
void callbacks_after_fork(void); /* in the child, locked */

#endif
