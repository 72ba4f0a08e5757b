/* nearest.c - see nearest.h. */
#include "config/nearest.h"

#include "config/value_internal.h"

void nearest_try(Nearest *nearest, Str name)
{
    size_t distance = name_distance(nearest->given, name);
    if (distance > NEAR_MAX || (nearest->name.len && distance >= nearest->distance))
        return;
    nearest->name = name;
    nearest->distance = distance;
}
