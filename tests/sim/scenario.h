/* scenario.h - one seed's whole story: configurations, load, faults, healing, and the verdict. */
#ifndef TESTS_SIM_SCENARIO_H
#define TESTS_SIM_SCENARIO_H

#include "base/err.h"
#include "sim/planted.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct Story {
    bool failed;
    char why[400];
    uint64_t hash; /* of all that happened: the same seed has the same */
    uint64_t requests, told_ok, items, repeated, app_exported;
    uint64_t kills, cuts, reloads, disk_faults, turns;
} Story;

/* `plant`: which mistake is built in. `tell`: where to say what happens; NULL: nowhere. */
void scenario_run(uint64_t seed, Plant plant, FILE *tell, Story *story);

#endif
