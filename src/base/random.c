/* random.c - xoshiro256**, seeded by splitmix64; see random.h. */
#include "base/random.h"

#include "base/clock.h"

#include <string.h>
#include <sys/random.h>

static uint64_t splitmix(uint64_t *x)
{
    uint64_t z = (*x += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

void random_seed(Random *random, uint64_t seed)
{
    for (size_t i = 0; i < 4; i++)
        random->state[i] = splitmix(&seed);
}

void random_seed_from_system(Random *random)
{
    ssize_t n = getrandom(random->state, sizeof random->state, GRND_NONBLOCK);
    if (n == (ssize_t)sizeof random->state)
        return;
    random_seed(random, (uint64_t)clock_mono_ns(clock_system()) ^ (uint64_t)(uintptr_t)random);
}

static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

uint64_t random_next(Random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

/* The bias of a plain modulo is below 2^-40 for every bound that we use. */
uint64_t random_below(Random *random, uint64_t bound)
{
    return random_next(random) % bound;
}

void random_fill(Random *random, void *out, size_t size)
{
    char *at = out;
    while (size) {
        uint64_t word = random_next(random);
        size_t n = size < sizeof word ? size : sizeof word;
        memcpy(at, &word, n);
        at += n;
        size -= n;
    }
}
