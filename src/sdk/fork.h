/* fork.h - the library in the child of a fork. */
#ifndef SDK_FORK_H
#define SDK_FORK_H

void fork_watch(void); /* once; harmless again */

#endif
