/* The whole C interface of the kernels: mathematics on plain arrays. No status type, no files, no
 * keys-as-objects. Legend and layouts: kernels/README.md.
 *
 *   N poly_size   k glwe_dim   n lwe_dim   (B = 2^base_log, l = level_count) a gadget   v
 * extended_log2 big LWE  u64 [kN + 1]  mask then body      small LWE  u32 [n + 1]  mask then body
 *   GLWE     u64 [k + 1][N] masks then body    GGSW       u64 [(k + 1) l][k + 1][N], row c*l + j
 *   phase = body - <mask, key>                 key bits are 0 or 1
 *
 * torc_ref_*: readable reference, the oracle. torc_cpu_kernels: the same functions for batches,
 * built for several instruction sets from one source; one table is chosen at start. */
#ifndef TORC_KERNELS_H
#define TORC_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct torc_shape { /* of one bootstrap */
    uint32_t glwe_dim;
    uint32_t poly_size;
    uint32_t lwe_dim;
    uint32_t extended_log2;
    uint32_t base_log, level_count;       /* bootstrap gadget */
    uint32_t ks_base_log, ks_level_count; /* keyswitch gadget */
    uint32_t grouping;                    /* g, key bits a step; 0 means 1 */
    uint32_t outputs_log2;                /* o: a rotation has 2^o results */
} torc_shape;

/* --- reference -----------------------------------------------------------------------------------
 */

/* digit[l], most significant first, each in [-B/2, B/2). */
void torc_ref_decompose(int64_t *digit, uint64_t x, uint32_t base_log, uint32_t level_count);
/* The same with ties to even instead of up: for words that come out of a transform, as those that a
 * grouped step decomposes (ref/decompose.c says why). */
void torc_ref_decompose_even(int64_t *digit, uint64_t x, uint32_t base_log, uint32_t level_count);

/* out[N] += a[N] * b[N] in Z/2^64[X]/(X^N + 1), exact; b is binary. */
void torc_ref_negacyclic_add(uint64_t *out, const uint64_t *a, const uint64_t *b,
                             uint32_t poly_size);

/* GLWE and LWE bodies: body = <mask, key> + noise + message (noise as signed integers). */
void torc_ref_glwe_body(uint64_t *body, const uint64_t *mask, const uint64_t *key,
                        const int64_t *noise, const uint64_t *message, uint32_t glwe_dim,
                        uint32_t poly_size);
uint64_t torc_ref_lwe_body(const uint64_t *mask, const uint64_t *key, int64_t noise,
                           uint64_t message, uint32_t dim);
uint32_t torc_ref_lwe_body32(const uint32_t *mask, const uint64_t *key, int64_t noise,
                             uint32_t message, uint32_t dim);
/* phase[N] = body - sum_c mask_c * key_c. */
void torc_ref_glwe_phase(uint64_t *phase, const uint64_t *glwe, const uint64_t *key,
                         uint32_t glwe_dim, uint32_t poly_size);
uint64_t torc_ref_lwe_phase(const uint64_t *lwe, const uint64_t *key, uint32_t dim);
uint32_t torc_ref_lwe_phase32(const uint32_t *lwe, const uint64_t *key, uint32_t dim);

/* Negacyclic FFT: N real coefficients <-> N/2 complex points (re, im interleaved: double[N]). */
void torc_ref_fft_forward(double *out, const double *in, uint32_t poly_size);
void torc_ref_fft_inverse(double *out, const double *in, uint32_t poly_size);
/* The spectrum of X^exponent, any exponent (modulo 2N): the roots themselves, rounded once. */
void torc_ref_fft_monomial(double *out, uint32_t exponent, uint32_t poly_size);

/* out[k+1][N] = GGSW external-product in[k+1][N]; ggsw in the Fourier domain: double
 * [(k+1)l][k+1][N]. */
void torc_ref_ggsw_forward(double *fourier, const uint64_t *ggsw, const torc_shape *shape);
void torc_ref_external_product(uint64_t *out, const double *fourier, const uint64_t *in,
                               const torc_shape *shape);

/* small[n+1] = keyswitch of big[kN+1]; key u32 [kN][l'][n+1]. Exact modulo 2^32: every backend
 * gives these bits. The digits have mean zero (ref/keyswitch.c says how). */
void torc_ref_keyswitch(uint32_t *small, const uint64_t *big, const uint32_t *key,
                        const torc_shape *shape);

/* Centred modulus switch with half-cell shift: exponent[n+1] modulo 2N 2^v (body last), multiples
 * of 2^o. */
void torc_ref_modulus_switch(uint32_t *exponent, const uint32_t *small, const torc_shape *shape);

/* Polynomial of 2^v N coefficients for tables entry[2^o][2^index_bits] of torus values: after
 * rotation by the switched phase, coefficient s < 2^o is the entry of table s of
 * floor(phase * 2^(P+1)) (phase already shifted by half a bin), negated in the upper half.
 * index_bits + o <= log2(2^v N). */
void torc_ref_table_polynomial(uint64_t *poly, const uint64_t *entry, uint32_t index_bits,
                               const torc_shape *shape);

/* glwe parts u64 [2^v][k+1][N]: part r holds coefficients r, r + 2^v, ... of the extended ring. The
 * accumulator starts as the table polynomial rotated by -exponent[n], then one classic step a key
 * bit: acc += GGSW_i external-product ((X^(exponent[i]) - 1) acc). scratch: u64 [2^v + 1][k+1][N].
 */
void torc_ref_blind_rotate(uint64_t *parts, uint64_t *scratch, const uint64_t *poly,
                           const uint32_t *exponent, const double *const *fourier,
                           const torc_shape *shape);

/* acc = X^shift table, 0 <= shift < 2N 2^v: how every blind rotation starts. */
void torc_ref_accumulator_start(uint64_t *parts, const uint64_t *poly, uint32_t shift,
                                const torc_shape *shape);

/* The same rotation with g key bits a step, g = shape->grouping in 1..4 (0 means 1, in grouped form
 * too). Key of step i: fourier[i] = double [2^g - 1][(k+1)l][k+1][N]; term t - 1, t = 1 .. 2^g - 1,
 * encrypts 1 when the bits of t are the key bits of the step (bit b of t: key bit g i + b), else 0.
 * n is a multiple of g. scratch: u64 [2^v + 1][k+1][N]; bundle: double [(k+1)l][k+1][N]. */
void torc_ref_blind_rotate_grouped(uint64_t *parts, uint64_t *scratch, double *bundle,
                                   const uint64_t *poly, const uint32_t *exponent,
                                   const double *const *fourier, const torc_shape *shape);

/* big[kN+1]: coefficient 0 of the extended ring, i.e. of part 0. */
void torc_ref_sample_extract(uint64_t *big, const uint64_t *glwe, uint32_t glwe_dim,
                             uint32_t poly_size);

/* The same at coefficient `index` < N: what a rotation with several outputs needs. */
void torc_ref_sample_extract_at(uint64_t *big, const uint64_t *glwe, uint32_t index,
                                uint32_t glwe_dim, uint32_t poly_size);

/* big[2^o][kN+1]: the results of a rotation, coefficient s = 0 .. 2^o - 1 of the extended ring,
 * i.e. coefficient floor(s / 2^v) of part s mod 2^v. */
void torc_ref_extract_outputs(uint64_t *big, const uint64_t *parts, const torc_shape *shape);

/* --- reference: batches of ciphertexts (ref/linear.c, gather.c, expand.c) ------------------------
 */

/* Word w of element e of sample s is words[e * element_stride + s * sample_stride + w], the body
 * last. Strides in words; samples may lie in elements or elements in samples, without overlap. */
typedef struct torc_elements {
    uint64_t *words;
    size_t element_stride, sample_stride;
    uint32_t element_words; /* kN + 1 */
} torc_elements;

/* Clear run-time values: of element e and sample s value[e * stride + s]. */
typedef struct torc_clear_values {
    const int64_t *value;
    size_t stride;
} torc_clear_values;

#define TORC_ABSENT UINT32_MAX /* in the place of an index */

/* out[g][o] = sum_i weight[g][o][i] in[gather[g][i]] + constant[g][o]   (mod 2^64); absent inputs
 * are skipped, constants are added to bodies. A dense layer is one group, a convolution one group a
 * position with shared weights. With weight_clear a weight is multiplied by a clear value of the
 * sample, by 1 where absent. Then, for every clear term, body(out element) += scale * value. */
typedef struct torc_linear_layer {
    uint32_t group_count;
    uint32_t out_count;       /* o */
    uint32_t in_count;        /* i */
    uint32_t weight_groups;   /* 1: shared by all groups; else group_count */
    uint32_t constant_groups; /* 1 or group_count */
    uint32_t out;             /* element of (g, o): out + g*out_group_stride + o*out_stride */
    uint32_t out_group_stride;
    uint32_t out_stride;
    const uint32_t *gather;       /* [group_count][in_count] element */
    const int32_t *weight_i32;    /* [weight_groups][out_count][in_count], or NULL: 64-bit ones */
    const int64_t *weight_i64;    /* NULL when the others are given */
    const uint64_t *constant;     /* [constant_groups][out_count] torus */
    const uint32_t *weight_clear; /* NULL, or like weight: clear element */
    uint32_t clear_term_count;
    const uint32_t *clear_term_out;     /* element that the layer writes; may repeat */
    const uint32_t *clear_term_element; /* clear element */
    const uint64_t *clear_term_scale;   /* torus */
} torc_linear_layer;

/* No output of the layer is an input of it. clear is NULL for a layer that uses none. */
void torc_ref_linear(const torc_elements *out, const torc_elements *in,
                     const torc_clear_values *clear, const torc_linear_layer *layer,
                     uint32_t samples);

/* Item i of `count` goes from in[from[i]] to out[to[i]]; NULL: i itself. No element is written
 * twice; an item whose `to` is absent is dropped. offset[i] is added to its body; NULL: nothing. */
typedef struct torc_moves {
    uint32_t count;
    const uint32_t *to, *from;
    const uint64_t *offset;
} torc_moves;

/* Copies; from absent: the zero ciphertext. */
void torc_ref_gather(const torc_elements *out, const torc_elements *in, const torc_moves *moves,
                     uint32_t samples);
/* Sample extraction of coefficient index[i] of item i. in: GLWE, element_words = (k+1)N. */
void torc_ref_extract(const torc_elements *out, const torc_elements *in, const torc_moves *moves,
                      const uint32_t *index, uint32_t poly_size, uint32_t samples);

/* Between keys, elements 0 .. count - 1:  out.body = 2^shift in.body,
 *   out.mask[w] = 2^shift in.mask[source[w]], 0 where absent;  NULL: the first words, then zeros.
 * The phase is multiplied by 2^shift when bit w of the new key is bit source[w] of the old one and
 * each old bit comes once. shift < 64. */
void torc_ref_convert(const torc_elements *out, const torc_elements *in, const uint32_t *source,
                      uint32_t shift, uint32_t count, uint32_t samples);

/* Rows [outer_count][inner_count] whose masks travel as a seed: row r = o * inner_count + i goes to
 * out + o * outer_stride + i * inner_stride (words), mask_words of the ChaCha20 stream of (domain,
 * first_row + r), then body[r][body_words]. */
typedef struct torc_expansion {
    uint8_t seed[32];
    uint32_t domain; /* torc_mask_domain, runtime/rng.h */
    uint64_t first_row;
    uint32_t outer_count, inner_count;
    size_t outer_stride, inner_stride;
    uint32_t mask_words, body_words;
} torc_expansion;

void torc_ref_expand_u64(uint64_t *out, const uint64_t *body, const torc_expansion *expansion);
void torc_ref_expand_u32(uint32_t *out, const uint32_t *body, const torc_expansion *expansion);

/* --- reference: clear values, what the simulator computes with (ref/clear.c, ref/gaussian.c)
 * -------
 *
 * A phase is a double in turns. The caller proves that every value and every partial sum is a
 * multiple of one grid 2^-q below 2^(53-q): then nothing is ever rounded, and neither the order of
 * a sum nor fused multiply-adds can change a bit. Element e of lane s is value[e * stride + s]; a
 * lane is a sample. */
typedef struct torc_clear_layer { /* as torc_linear_layer, every input there */
    uint32_t group_count, out_count, in_count, weight_groups, constant_groups;
    uint32_t out, out_group_stride, out_stride;
    const uint32_t *gather; /* [group_count][in_count] element, none of them written here */
    const double *weight;   /* [weight_groups][out_count][in_count] integers */
    const double *constant; /* [constant_groups][out_count] turns */
} torc_clear_layer;

/* All lanes 0 .. lanes - 1. The fast one wants lanes and stride to be multiples of
 * TORC_CLEAR_LANES and 8, and value aligned to 64 bytes. */
#define TORC_CLEAR_LANES 16
void torc_ref_clear_linear(double *value, size_t stride, const torc_clear_layer *layer,
                           size_t lanes);

typedef struct torc_clear_table {
    uint32_t index_bits; /* P */
    double shift;        /* offset and half a bin, turns */
    const double *entry; /* [2^(P+1)] turns: the table, then the negacyclic half */
} torc_clear_table;

/* u = floor((in + in_noise + shift) 2^(P+1)), |u| < 2^51;  out = entry[u mod 2^(P+1)] + out_noise.
 * All arrays are [count] and aligned to 64 bytes. Returns for how many of them u was outside 0 ..
 * 2^P - 1: overflows. */
size_t torc_ref_clear_lookup(double *out, const double *in, const double *in_noise,
                             const double *out_noise, const torc_clear_table *table, size_t count);

/* Draws `counter`, counter + step, ... of a stream of normal deviates (step 2^64 / golden ratio):
 * count of them, an even first one. NOT secure. Each is std times a deviate that ends at 8.49,
 * rounded to a multiple of grid (a power of two, 9 std < 2^51 grid; 0: not rounded). */
void torc_ref_gaussian(double *out, size_t count, uint64_t counter, double std, double grid);

/* --- CPU kernels ---------------------------------------------------------------------------------
 */

/* A prepared key is opaque to the caller: `bytes` of 64-byte aligned memory, filled row by row.
 *
 * Limits: k 1..6, N 256..4096, v 0..5, l 1..8, g 1..3, base_log 1..50, base_log * l <= 63 (50 when
 * g > 1), base_log' * l' <= 32, tables of at most 2^8 entries,
 * each of two cells at least: 2^(index_bits + outputs_log2 + 1) <= 2^v N. */
#define TORC_CPU_GROUPING_MAX 3

/* small[batch][n+1] = keyswitch of in[batch] (pointers to big LWE) after adding offset[batch] to
 * each body. Threads may share one batch: each takes a part of the columns and its own scratch. */
typedef struct torc_keyswitch_job {
    uint32_t *small;
    const uint64_t *const *in;
    const uint64_t *offset;
    uint32_t batch;
    uint32_t part, part_count; /* 0 of 0 or of 1: all columns */
    const void *key;
    void *scratch; /* keyswitch_scratch_bytes(batch), 64-byte aligned */
} torc_keyswitch_job;

/* Threads that share one bootstrap (cpu/team.c). The caller zeroes it and sets scratch before they
 * start; each has its own number 0 .. count - 1, count at most TORC_TEAM_MAX. */
#define TORC_TEAM_MAX 8
typedef struct torc_team {
    void *scratch; /* that of member 0: all work on the states there */
    uint32_t verdict;
    char apart[52];
    struct {
        uint32_t meetings; /* that the member has come to */
        char apart[60];    /* a cache line each */
    } seat[TORC_TEAM_MAX];
} torc_team;

/* All members call it once, first: whether they are all at work now, on cores that hand over
 * quickly enough for a bootstrap to gain. All get the same answer. */
bool torc_team_forms(torc_team *team, uint32_t member, uint32_t count);
/* Returns when every member has called it as often; what they wrote before is seen after. */
void torc_team_meet(torc_team *team, uint32_t member, uint32_t count);

/* out[batch] (pointers to 2^outputs_log2 big LWE) = bootstrap of small[batch][n+1] with as many
 * tables entry[batch], of 2^index_bits[batch] entries each; the half-bin shift is added in it. */
typedef struct torc_bootstrap_job {
    uint64_t *const *out;
    const uint32_t *small;
    const uint64_t *const *entry;
    const uint32_t *index_bits;
    uint32_t batch;
    const void *key;
    void *scratch; /* of this thread: bootstrap_scratch_bytes(batch), 64-byte aligned */
    /* A team has the same job, but for its members' numbers and scratch. */
    torc_team *team; /* NULL: alone */
    uint32_t member, member_count;
} torc_bootstrap_job;

typedef struct torc_cpu_kernels {
    const char *name; /* "portable", "avx2", "avx512" */
    /* Fitted c of its transform for g = 1, 2, 3 (runtime/noise.h); for g > 1 the same formula times
     * 2 (2^g - 1), what a bundle is larger than a key. */
    double fft_constant[TORC_CPU_GROUPING_MAX];

    /* For key generation: spectrum[N], 64-byte aligned, of a binary polynomial b[N]; as secret as
     * b. Then out[N] += sum_c a[c][N] * b_c[N], negacyclic modulo 2^64, exact, for
     * spectrum[count][N], count 1..6. */
    void (*binary_spectrum)(double *spectrum, const uint64_t *b, uint32_t poly_size);
    void (*negacyclic_add)(uint64_t *out, const uint64_t *a, const double *spectrum, uint32_t count,
                           uint32_t poly_size);

    size_t (*bootstrap_key_bytes)(const torc_shape *shape);
    /* Transforms GLWE row `row` (= (step*(2^g-1) + term)*(k+1)*l + c*l + j), glwe[k+1][N]; rows may
     * come from threads. */
    void (*bootstrap_key_row)(void *key, size_t row, const uint64_t *glwe, const torc_shape *shape);
    /* Afterwards once for each step, n / g of them, from any thread; does nothing when g is 1. */
    void (*bootstrap_key_step)(void *key, size_t step, const torc_shape *shape);

    size_t (*keyswitch_key_bytes)(const torc_shape *shape);
    /* Rows 2 pair and 2 pair + 1 of the kN l': lwe[2][n+1]; pairs may come from threads. */
    void (*keyswitch_key_rows)(void *key, size_t pair, const uint32_t *lwe,
                               const torc_shape *shape);

    /* Scratch of one thread for batches up to `batch` ciphertexts, 64-byte aligned; and how many
     * should walk through the bootstrap key together. */
    size_t (*keyswitch_scratch_bytes)(const torc_shape *shape, uint32_t batch);
    size_t (*bootstrap_scratch_bytes)(const torc_shape *shape, uint32_t batch);
    uint32_t (*bootstrap_batch)(const torc_shape *shape);

    void (*keyswitch)(const torc_keyswitch_job *job, const torc_shape *shape);

    /* A torc_bootstrap_job, alone. */
    void (*bootstrap)(uint64_t *const *out, const uint32_t *small, const uint64_t *const *entry,
                      const uint32_t *index_bits, uint32_t batch, const void *key,
                      const torc_shape *shape, void *scratch);
    /* The same bits by a team; and how many threads it may have, 1 where none is of use: g = 1. */
    void (*bootstrap_job)(const torc_bootstrap_job *job, const torc_shape *shape);
    uint32_t (*team_limit)(const torc_shape *shape);

    /* out[o][words] = sum_i weight[o*in_count + i] * in[i][words] (in[i] may be NULL: skipped) for
     * out_count outputs: one group of a linear layer, one sample. */
    void (*linear)(uint64_t *const *out, const uint64_t *const *in, const int64_t *weight,
                   uint32_t out_count, uint32_t in_count, size_t words);

    /* Clear values, as the references above; the same bits in every table. */
    void (*clear_linear)(double *value, size_t stride, const torc_clear_layer *layer, size_t lanes);
    size_t (*clear_lookup)(double *out, const double *in, const double *in_noise,
                           const double *out_noise, const torc_clear_table *table, size_t count);
    void (*gaussian)(double *out, size_t count, uint64_t counter, double std, double grid);
} torc_cpu_kernels;

/* The best table for this processor, or the one named by the environment variable TORC_CPU; never
 * NULL. A name that is unknown or cannot run here is ignored and reported by
 * torc_cpu_forced_unknown (NULL when all is well), which a caller should refuse. */
const torc_cpu_kernels *torc_cpu_kernels_get(void);
const char *torc_cpu_forced_unknown(void);
const torc_cpu_kernels *torc_cpu_kernels_named(const char *name); /* NULL when not runnable here */

#endif
