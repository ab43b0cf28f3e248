/* Replaces libsodium's generator in this process by a seeded one, so that keys, noise and
 * ciphertexts of a test are the same on every run. Tests only: nothing outside tests/ may know it.
 */
#ifndef TESTS_SEEDED_RANDOM_H
#define TESTS_SEEDED_RANDOM_H

#include <stdint.h>

/* Call before anything that draws randomness. The stream is ChaCha20 under the seed; calls are
 * serialised, so it repeats exactly when they come in the same order. */
void seeded_random_start(uint64_t seed);

#endif
