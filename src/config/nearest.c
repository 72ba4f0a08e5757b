/* nearest.c - see nearest.h. */
#include "config/nearest.h"

enum { NEAR_MAX = 3 }; /* edits; more make another name */

/* At most NEAR_MAX, else more; case does not count. */
static size_t name_distance(Str given, Str name)
{
    if (str_eq_nocase(given, name))
        return 0;
    size_t most = given.len / 3 + 1; /* a third of a short name is already another name */
    most = most > NEAR_MAX ? NEAR_MAX : most;
    size_t distance = str_distance(given, name, most);
    return distance > most ? NEAR_MAX + 1 : distance;
}

void nearest_try(Nearest *nearest, Str name)
{
    size_t distance = name_distance(nearest->given, name);
    if (distance > NEAR_MAX || (nearest->name.len && distance >= nearest->distance))
        return;
    nearest->name = name;
    nearest->distance = distance;
}
