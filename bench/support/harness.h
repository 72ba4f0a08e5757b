/* harness.h - measures one thing: nanoseconds, bytes and allocations per item.
 *
 *     static void walk(void *context, size_t rounds) { for (size_t i = 0; i < rounds; i++) ... }
 *     bench(&(Bench){ .name = "validate and index", .run = walk, .context = &c, .items = 1000 });
 *
 * The number of rounds is doubled until a run takes long enough to be believed; then the best of
 * five such runs counts, because whatever else the machine does only ever adds time.
 */
#ifndef BENCH_SUPPORT_HARNESS_H
#define BENCH_SUPPORT_HARNESS_H

#include <stddef.h>

typedef struct Bench {
    const char *name;
    void (*run)(void *context, size_t rounds);
    void *context;
    size_t items; /* in one round */
    size_t bytes; /* in one round; 0 when that says nothing */
} Bench;

void bench(const Bench *bench); /* prints one line */

/* Keeps a result from being optimised away. */
void bench_use(size_t value);

#endif
