/* planted.h - mistakes on purpose, to see that the simulator finds them.
 *
 * `planted` is a processor that stands in the gateway's pipelines and does what a broken component
 * might do; the disk that lies is a hook of the test disk (scenario.c).
 */
#ifndef TESTS_SIM_PLANTED_H
#define TESTS_SIM_PLANTED_H

#include "pipe/component.h"

typedef enum Plant {
    PLANT_NONE,
    PLANT_ACK_EARLY,    /* says delivered before anybody has it */
    PLANT_DROP,         /* says delivered and forgets it */
    PLANT_FORGET_ACK,   /* passes it on and never settles */
    PLANT_SETTLE_TWICE, /* delivers, and says so twice */
    PLANT_CHANGE,       /* stores something else */
    PLANT_MISCOUNT,     /* counts as dropped what it passes on */
    PLANT_LYING_DISK,   /* syncs that never were */
    PLANT_COUNT
} Plant;

typedef struct PlantInfo {
    const char *name;
    const char *said; /* what finding it says; NULL: an assertion ends the process */
} PlantInfo;

extern const PlantInfo plants[PLANT_COUNT];
extern const ComponentType planted_processor; /* setting: plant, a number */

#endif
