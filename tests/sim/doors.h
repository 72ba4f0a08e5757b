/* doors.h - what the library takes from the system, taken from the simulation instead.
 *
 * The collector is given its clock, network, disk and randomness. The library takes the system's,
 * so this program's linker turns clock_system(), sockets_system(), random_seed_from_system(), and
 * what the process calls itself aside (--wrap, see cmake/tests.cmake): while the doors are open
 * they lead to the simulated clock and network, else to the system. Whoever waits for that network
 * has to be a fiber (fiber.h).
 */
#ifndef TESTS_SIM_DOORS_H
#define TESTS_SIM_DOORS_H

#include "support/sim_net.h"

/* host: what sockets that are opened through the doors get as SimSocket.host. */
void doors_open(SimNet *net, uint64_t seed, int host);
void doors_close(void);

#endif
