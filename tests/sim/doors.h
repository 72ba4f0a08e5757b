/* doors.h - what the library takes from the system, taken from the simulation instead.
 *
 * The collector is given its clock, network, disk and randomness. The library takes the system's,
 * so this program's linker turns clock_system(), sockets_system(), random_seed_from_system(), the
 * making of threads, the waiting on conditions, and what the process calls itself aside (--wrap,
 * see cmake/tests.cmake): while the doors are open they lead to the simulated clock and network and
 * to fibers (fiber.h), else to the system.
 */
#ifndef TESTS_SIM_DOORS_H
#define TESTS_SIM_DOORS_H

#include "support/sim_net.h"

/* host: what sockets that are opened through the doors get as SimSocket.host. */
void doors_open(SimNet *net, uint64_t seed, int host);
void doors_close(void);

#endif
