/* random.h - pseudo-random numbers from a seed (xoshiro256**); not for secrets.
 *
 * Ids, jitter and tests draw from one of these; a test gives the seed. One owner, one thread.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct Random {
    uint64_t state[4];
} Random;

void random_seed(Random *random, uint64_t seed);
void random_seed_from_system(Random *random); /* getrandom(2), else clock and addresses */
uint64_t random_next(Random *random);
uint64_t random_below(Random *random, uint64_t bound); /* 0 <= result < bound; bound > 0 */
void random_fill(Random *random, void *out, size_t size);

#endif
