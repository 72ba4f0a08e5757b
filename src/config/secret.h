/* secret.h - text that never prints: its own type, so that no format and no log takes it unasked.
 */
#ifndef CONFIG_SECRET_H
#define CONFIG_SECRET_H

#include "base/str.h"

#define SECRET_SHOWN "[redacted]" /* what every printer writes instead */

typedef struct Secret {
    Str hidden; /* read it through secret_reveal, where the bytes go onto the wire */
} Secret;

static inline Str secret_reveal(Secret secret)
{
    return secret.hidden;
}

#endif
