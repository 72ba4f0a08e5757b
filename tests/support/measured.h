/* measured.h - the allocator with a meter: how much is alive, and the most that was at once. For
 * one test at a time, from its first line on. */
#ifndef TESTS_SUPPORT_MEASURED_H
#define TESTS_SUPPORT_MEASURED_H

#include <stddef.h>

void measured_install(void);

void measured_begin(void);  /* from here on */
size_t measured_took(void); /* the most beyond what was alive at measured_begin() */

#endif
