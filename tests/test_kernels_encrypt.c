/* Bodies and phases against the definition. */
#include "tests/kernel_keys.h"
#include "tests/kernel_oracles.h"

#include <criterion/criterion.h>

Test(kernels_encrypt, glwe_body_and_phase_are_the_definition)
{
    enum { K = 3, N = 256 };
    test_rng rng = {11};
    uint64_t glwe[(K + 1) * N];
    uint64_t key[K * N];
    uint64_t message[N];
    int64_t noise[N];
    uint64_t expected[N];
    uint64_t phase[N];

    rng_words(&rng, glwe, (size_t)K * N);
    rng_bits(&rng, key, (size_t)K * N);
    rng_words(&rng, message, N);
    for (int i = 0; i < N; i++) {
        noise[i] = rng_tuniform(&rng, 17);
        expected[i] = message[i] + (uint64_t)noise[i];
    }
    torc_ref_glwe_body(glwe + (size_t)K * N, glwe, key, noise, message, K, N);
    torc_ref_glwe_phase(phase, glwe, key, K, N);
    cr_expect_arr_eq(phase, expected, sizeof phase);
    for (int c = 0; c < K; c++) {
        naive_product_add(expected, glwe + (size_t)c * N, key + (size_t)c * N, N);
    }
    cr_expect_arr_eq(glwe + (size_t)K * N, expected, sizeof expected);
}

Test(kernels_encrypt, lwe_body_and_phase_are_the_definition)
{
    enum { DIM = 700 };
    test_rng rng = {12};
    uint64_t lwe[DIM + 1];
    uint32_t lwe32[DIM + 1];
    uint64_t key[DIM];
    uint64_t expected = 0x123456789abcdef0u - 77;
    uint32_t expected32 = 0x9abcdef0u - 77;

    rng_words(&rng, lwe, DIM);
    rng_bits(&rng, key, DIM);
    for (int i = 0; i < DIM; i++) {
        lwe32[i] = (uint32_t)(lwe[i] >> 7);
        expected += key[i] != 0 ? lwe[i] : 0;
        expected32 += key[i] != 0 ? lwe32[i] : 0;
    }
    lwe[DIM] = torc_ref_lwe_body(lwe, key, -77, 0x123456789abcdef0u, DIM);
    lwe32[DIM] = torc_ref_lwe_body32(lwe32, key, -77, 0x9abcdef0u, DIM);
    cr_expect_eq(lwe[DIM], expected);
    cr_expect_eq(lwe32[DIM], expected32);
    cr_expect_eq(torc_ref_lwe_phase(lwe, key, DIM), 0x123456789abcdef0u - 77);
    cr_expect_eq(torc_ref_lwe_phase32(lwe32, key, DIM), 0x9abcdef0u - 77);
}
