/* Ranges, fingerprint and sizes of a parameter set. Knows nothing of security or noise. */
#include "runtime/params.h"

#include "runtime/rng.h"
#include "runtime/status.h"

#include <string.h>

static torc_status check_range(torc_ctx *ctx, const char *name, uint32_t value, uint32_t min,
                               uint32_t max)
{
    if (value < min || value > max) {
        return torc_fail(ctx, TORC_E_PARAMETERS,
                         "parameters: %s is %u, supported are %u to %u; "
                         "compile the circuit again with this version",
                         name, value, min, max);
    }
    return TORC_OK;
}

static torc_status check_gadget(torc_ctx *ctx, const char *name, const torc_gadget *gadget,
                                uint32_t kept_bits_max)
{
    if (gadget->base_log < 1 || gadget->level_count < 1 || gadget->base_log > kept_bits_max ||
        gadget->level_count > kept_bits_max / gadget->base_log) {
        return torc_fail(
            ctx, TORC_E_PARAMETERS,
            "parameters: %s decomposition has base 2^%u and %u levels, both must be at "
            "least 1 and their product at most %u; compile the circuit again with "
            "this version",
            name, gadget->base_log, gadget->level_count, kept_bits_max);
    }
    return TORC_OK;
}

static torc_status check_no_lookup(torc_ctx *ctx, const torc_params *p)
{
    uint32_t rest = p->lwe_noise_log2 | p->extended_log2 | p->grouping | p->bootstrap.base_log |
                    p->bootstrap.level_count | p->keyswitch.base_log | p->keyswitch.level_count;
    if (rest != 0) {
        return torc_fail(ctx, TORC_E_PARAMETERS,
                         "parameters: lwe_dim is 0 (no lookups) but other lookup fields are set; "
                         "all of them must be 0");
    }
    return TORC_OK;
}

static torc_status check_big_key(torc_ctx *ctx, const torc_params *p)
{
    TORC_TRY(check_range(ctx, "glwe_dim", p->glwe_dim, 1, 6));
    TORC_TRY(check_range(ctx, "poly_size", p->poly_size, 256, 4096));
    if ((p->poly_size & (p->poly_size - 1)) != 0) {
        return torc_fail(ctx, TORC_E_PARAMETERS, "parameters: poly_size %u is not a power of two",
                         p->poly_size);
    }
    /* TUniform(b) must fit the signed half of its modulus: b at most modulus bits - 2. */
    return check_range(ctx, "glwe_noise_log2", p->glwe_noise_log2, 0, 62);
}

static torc_status check_small_key(torc_ctx *ctx, const torc_params *p)
{
    TORC_TRY(check_range(ctx, "lwe_dim", p->lwe_dim, 450, 2048));
    TORC_TRY(check_range(ctx, "lwe_noise_log2", p->lwe_noise_log2, 0, 30));
    TORC_TRY(check_range(ctx, "extended_log2", p->extended_log2, 0, 5));
    TORC_TRY(check_range(ctx, "grouping", p->grouping, 1, 4));
    if (p->lwe_dim % p->grouping != 0) {
        return torc_fail(ctx, TORC_E_PARAMETERS,
                         "parameters: lwe_dim %u is not a multiple of grouping %u", p->lwe_dim,
                         p->grouping);
    }
    return TORC_OK;
}

torc_status torc_params_check(torc_ctx *ctx, const torc_params *params)
{
    TORC_TRY(check_big_key(ctx, params));
    if (!torc_params_has_lookup(params)) {
        return check_no_lookup(ctx, params);
    }
    TORC_TRY(check_small_key(ctx, params));
    /* The decomposition rounds at bit 63 - kept bits of a 64-bit word, hence 63. */
    TORC_TRY(check_gadget(ctx, "bootstrap", &params->bootstrap, 63));
    return check_gadget(ctx, "keyswitch", &params->keyswitch, 32);
}

/* The encoding starts with what is the same for all sets of this version: both moduli and the noise
 * law. A change of any of them must change every fingerprint. */
void torc_params_fingerprint(uint8_t out[TORC_FINGERPRINT_BYTES], const torc_params *params)
{
    static const char domain[16] = "torc params 1";
    enum { NOISE_TUNIFORM = 1 };
    const torc_params *p = params;
    const uint32_t field[] = {
        64,
        32,
        NOISE_TUNIFORM,
        p->glwe_dim,
        p->poly_size,
        p->glwe_noise_log2,
        p->lwe_dim,
        p->lwe_noise_log2,
        p->extended_log2,
        p->grouping,
        p->bootstrap.base_log,
        p->bootstrap.level_count,
        p->keyswitch.base_log,
        p->keyswitch.level_count,
    };
    uint8_t bytes[sizeof domain + sizeof field];
    memcpy(bytes, domain, sizeof domain);
    for (size_t i = 0; i < sizeof field / sizeof *field; i++) {
        for (size_t j = 0; j < 4; j++) {
            bytes[sizeof domain + 4 * i + j] = (uint8_t)(field[i] >> (8 * j));
        }
    }
    torc_hash(out, bytes, sizeof bytes);
}

/* Rows of (k+1) polynomials in the bootstrap key: (n/g) (2^g - 1) (k+1) l. */
static size_t bootstrap_row_count(const torc_params *p)
{
    if (!torc_params_has_lookup(p)) {
        return 0;
    }
    size_t term_count = ((size_t)1 << p->grouping) - 1;
    return torc_params_step_count(p) * term_count * (p->glwe_dim + 1) * p->bootstrap.level_count;
}

static size_t keyswitch_row_count(const torc_params *p)
{
    return (size_t)torc_params_big_dim(p) * p->keyswitch.level_count;
}

size_t torc_params_key_bytes_seeded(const torc_params *params)
{
    if (!torc_params_has_lookup(params)) {
        return 0;
    }
    return TORC_SEED_BYTES + bootstrap_row_count(params) * params->poly_size * sizeof(uint64_t) +
           keyswitch_row_count(params) * sizeof(uint32_t);
}

size_t torc_params_key_bytes_resident(const torc_params *params)
{
    const torc_params *p = params;
    if (!torc_params_has_lookup(p)) {
        return 0;
    }
    size_t row_words = (size_t)(p->glwe_dim + 1) * p->poly_size;
    return bootstrap_row_count(p) * row_words * sizeof(double) +
           keyswitch_row_count(p) * ((size_t)p->lwe_dim + 1) * sizeof(uint32_t);
}
