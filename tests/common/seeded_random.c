#include "tests/common/seeded_random.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t key[crypto_stream_chacha20_KEYBYTES];
static uint64_t position; /* calls so far: each takes a nonce of its own */

static void fill(void *const out, const size_t size)
{
    uint8_t nonce[crypto_stream_chacha20_NONCEBYTES] = {0};
    pthread_mutex_lock(&lock);
    memcpy(nonce, &position, sizeof nonce);
    position++;
    crypto_stream_chacha20(out, size, nonce, key);
    pthread_mutex_unlock(&lock);
}

static uint32_t draw(void)
{
    uint32_t word = 0;
    fill(&word, sizeof word);
    return word;
}

static const char *name(void)
{
    return "seeded-test-generator";
}

void seeded_random_start(uint64_t seed)
{
    static randombytes_implementation generator;
    if (sodium_init() < 0) { /* draws on its own when called first */
        abort();
    }
    generator.implementation_name = name;
    generator.random = draw;
    generator.buf = fill;
    position = 0;
    memset(key, 0, sizeof key);
    memcpy(key, &seed, sizeof seed);
    if (randombytes_set_implementation(&generator) != 0) {
        abort();
    }
}
