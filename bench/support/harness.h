/* harness.h - measures one thing: time for each item, bytes and allocations; one row each.
 *
 *     static void walk(void *context, size_t rounds) { for (size_t i = 0; i < rounds; i++) ... }
 *     bench(&(Bench){ .name = "validate and index", .run = walk, .context = &c, .items = 1000 });
 *
 * The number of rounds is doubled until a run takes long enough to be believed; then the median of
 * several such runs is printed, with the least and the most. Calls that leave something behind
 * which must be cleared away are timed by bench_calls().
 */
#ifndef BENCH_SUPPORT_HARNESS_H
#define BENCH_SUPPORT_HARNESS_H

#include "support/row.h"

#include <stddef.h>

typedef struct Bench {
    const char *name;
    void (*run)(void *context, size_t rounds);
    void *context;
    size_t items;      /* in one round; for 1 it is printed how many a second that makes */
    size_t bytes;      /* in one round; 0 when that says nothing */
    const char *floor; /* printed behind; NULL: none */
} Bench;

void bench(const Bench *bench); /* prints one row */

/* Nanoseconds of one call of `one`: so many at a time, so often; `between` is not timed. On the
 * calling thread's own processor time where `own_time` says so, for threads that share a processor
 * with others. */
typedef struct BenchCalls {
    void (*one)(void);
    size_t calls, rounds;
    void (*between)(void); /* NULL: nothing */
    int own_time;
} BenchCalls;

enum { BENCH_ROUNDS_MAX = 1000 };

Spread bench_calls(const BenchCalls *calls);

/* Keeps a result from being optimised away. */
void bench_use(size_t value);

#endif
