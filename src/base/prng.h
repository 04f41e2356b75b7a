/* xoshiro256**: fast, seeded, reproducible. Not for secrets (os_entropy is). Blackman and Vigna, 2018. */
#ifndef MOLDAU_PRNG_H
#define MOLDAU_PRNG_H

#include "base/base.h"

struct prng {
    uint64_t s[4];
};

static inline uint64_t prng_split(uint64_t *x)
{
    uint64_t z = (*x += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}
static inline void prng_init(struct prng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++) r->s[i] = prng_split(&seed);
}
static inline uint64_t prng_next(struct prng *r)
{
    uint64_t *s = r->s, x = s[1] * 5, result = (x << 7 | x >> 57) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = s[3] << 45 | s[3] >> 19;
    return result;
}
/* Uniform in 0..n-1 (n > 0; the bias below 2^-32 does not matter here). */
static inline uint64_t prng_below(struct prng *r, uint64_t n)
{
    return prng_next(r) % n;
}
static inline struct uuid prng_uuid(struct prng *r)
{
    uint64_t v[2] = {prng_next(r), prng_next(r)};
    struct uuid u;
    memcpy(u.b, v, 16);
    u.b[6] = (uint8_t)((u.b[6] & 0x0f) | 0x40); /* RFC 4122 version 4 */
    u.b[8] = (uint8_t)((u.b[8] & 0x3f) | 0x80);
    return u;
}

#endif
