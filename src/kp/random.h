/* Messages made up from a seed, for tests and fuzz seeds. Not for the server. */
#ifndef MOLDAU_KP_RANDOM_H
#define MOLDAU_KP_RANDOM_H

#include "base/prng.h"
#include "kp/kp.h"

/* Fills *out (of the shape's size) with random values in every field that the version has and defaults in the
 * others. Strings are UTF-8. Everything it points to lives in the arena. */
void kp_random(struct prng *prng, struct arena *a, int16_t version, const struct kp_shape *shape, void *out);

#endif
