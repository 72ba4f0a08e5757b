/* site.h - where in a program spans are made: name, file and line, copied once and kept.
 *
 * CRYO_SPAN has a static CryoSite; at its first use the texts are copied here, and the site gets
 * the number of its copy. Records point to the copy, so that a plugin may be unloaded while its
 * spans still wait. Loaded again, it finds the same copy by its content. Never freed; SITES_MAX
 * different ones, beyond which spans carry their names themselves.
 */
#ifndef SDK_SITE_H
#define SDK_SITE_H

#include "base/str.h"

#include <cryostorm/trace.h>

enum { SITES_MAX = 8192, SITE_TEXT_MAX = 1024 };

typedef struct Site {
    Str name, file, function; /* function empty: no code.* attributes */
    uint32_t line;
} Site;

const Site *site_find(CryoSite *site); /* NULL: no memory, or too many */

void sites_lock(void); /* around fork() */
void sites_unlock(void);

#endif
