/* Randomness on top of libsodium. libsodium aborts the process when the system generator fails
 * after its initialisation: nothing here ever goes on with weak randomness. Noise is drawn through
 * buffers, which are wiped, so that a system call serves many samples. */
#include "runtime/rng.h"

#include "runtime/status.h"

#include <endian.h>
#include <sodium.h>
#include <string.h>
#include <sys/random.h>

enum { NOISE_BYTES = 1 << 14 }; /* asked of the system at once */

torc_status torc_random_init(torc_ctx *ctx)
{
    if (sodium_init() < 0) {
        return torc_fail(
            ctx, TORC_E_RANDOM,
            "system randomness is unavailable (getrandom and /dev/urandom): no key and "
            "no ciphertext can be made safely");
    }
    return TORC_OK;
}

/* randombytes_buf of libsodium asks the system for 256 bytes at a time, which costs twice as much
 * as the bytes themselves. Asked here for whole buffers, as long as the generator is the system's
 * (a test may have put in its own) and answers; else libsodium knows what to do. */
static void random_fill(void *out, size_t bytes)
{
    const bool is_system = strcmp(randombytes_implementation_name(), "sysrandom") == 0;
    size_t done = 0;
    while (is_system && done < bytes) {
        const ssize_t got = getrandom((char *)out + done, bytes - done, 0);
        if (got <= 0) {
            break;
        }
        done += (size_t)got;
    }
    randombytes_buf((char *)out + done, bytes - done);
}

void torc_random_seed(uint8_t seed[TORC_SEED_BYTES])
{
    randombytes_buf(seed, TORC_SEED_BYTES);
}

void torc_random_bits(uint64_t *out, size_t count)
{
    uint64_t words[64];
    const size_t bits = 8 * sizeof words;
    for (size_t done = 0; done < count;) {
        size_t part = count - done < bits ? count - done : bits;
        randombytes_buf(words, sizeof words);
        for (size_t i = 0; i < part; i++) {
            out[done + i] = (words[i / 64] >> (i % 64)) & 1;
        }
        done += part;
    }
    sodium_memzero(words, sizeof words);
}

/* Here so that the loops below become vectors. */
static inline int64_t tuniform(uint64_t bits, uint32_t bound_log2)
{
    return (int64_t)((bits >> 1) + (bits & 1) - ((uint64_t)1 << bound_log2));
}

int64_t torc_tuniform_from_bits(uint64_t bits, uint32_t bound_log2)
{
    return tuniform(bits, bound_log2);
}

/* Bits of the stream one after another, as few a sample as it has (at most what a word holds behind
 * any bit of its first byte): the system's generator is most of what noise costs. */
void torc_random_tuniform(int64_t *out, size_t count, uint32_t bound_log2)
{
    uint8_t bytes[NOISE_BYTES + sizeof(uint64_t)] = {0}; /* whole words are read */
    const size_t wanted = bound_log2 + 2;
    const size_t width = wanted <= 57 ? wanted : 64;
    const size_t room = 8 * NOISE_BYTES / width;
    const uint64_t mask = UINT64_MAX >> (64 - wanted);

    for (size_t done = 0; done < count;) {
        const size_t part = count - done < room ? count - done : room;
        random_fill(bytes, (part * width + 7) / 8);
        for (size_t i = 0; i < part; i++) {
            uint64_t word = 0;
            memcpy(&word, bytes + i * width / 8, sizeof word);
            out[done + i] = tuniform(le64toh(word) >> i * width % 8 & mask, bound_log2);
        }
        done += part;
    }
    sodium_memzero(bytes, sizeof bytes);
}

static void mask_stream(void *out, size_t bytes, const uint8_t seed[TORC_SEED_BYTES],
                        torc_mask_domain domain, uint64_t row)
{
    uint8_t nonce[crypto_stream_chacha20_ietf_NONCEBYTES];
    for (size_t i = 0; i < 4; i++) {
        nonce[i] = (uint8_t)((uint32_t)domain >> (8 * i));
    }
    for (size_t i = 0; i < 8; i++) {
        nonce[4 + i] = (uint8_t)(row >> (8 * i));
    }
    crypto_stream_chacha20_ietf(out, bytes, nonce, seed);
}

void torc_mask_expand_u64(uint64_t *out, size_t count, const uint8_t seed[TORC_SEED_BYTES],
                          torc_mask_domain domain, uint64_t row)
{
    mask_stream(out, count * sizeof *out, seed, domain, row);
    for (size_t i = 0; i < count; i++) {
        out[i] = le64toh(out[i]);
    }
}

void torc_mask_expand_u32(uint32_t *out, size_t count, const uint8_t seed[TORC_SEED_BYTES],
                          torc_mask_domain domain, uint64_t row)
{
    mask_stream(out, count * sizeof *out, seed, domain, row);
    for (size_t i = 0; i < count; i++) {
        out[i] = le32toh(out[i]);
    }
}

void torc_hash(uint8_t out[32], const void *data, size_t size)
{
    /* Initialisation picks the vector code; hashing without it is slower but right. */
    int initialised = sodium_init();
    (void)initialised;
    crypto_generichash(out, 32, data, size, NULL, 0);
}

void torc_wipe(void *data, size_t size)
{
    sodium_memzero(data, size);
}
