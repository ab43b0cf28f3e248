/* clang-format off */
/* How a rotation begins and ends: modulus switch of the body, rotated table, sample extraction.
 *
 *   N' = 2^v N; part r of an accumulator holds the coefficients r, r + 2^v, .. of the extended ring
 *   start    body exponent b = 2^o floor((body + half bin + error / 2) / (2^o cell)),
 *            cell = 2^32 / 2N', o = outputs_log2;
 *            acc = X^-b p,  p[i] = entry[i mod 2^o][i / (N' / 2^P)]
 *   end      output s = 0 .. 2^o - 1 is the LWE ciphertext of coefficient s of the accumulator: mask
 *            word i is mask_c[s - i], or -mask_c[N + s - i] for i > s (N, s of the part)
 *
 * Tables u64 [table_count][table_stride], entry [2^o][2^P] at the head of each. Outputs
 * u64 [batch][2^o][kN + 1].
 *
 * Definitions: ref/modulus_switch.c, ref/blind_rotate.c. Many tables in one rotation: Chillotti,
 * Ligier, Orfila, Tap, "Improved programmable bootstrapping" (ASIACRYPT 2021), section 4. */
/* clang-format on */
#ifndef TORC_CUDA_ROTATE_START_CUH
#define TORC_CUDA_ROTATE_START_CUH

#include "kernels/cuda/fft.cuh"
#include "kernels/cuda/rotate_digits.cuh"

typedef struct rotate_args {
    const double2 *tables, *key; /* of a prepared key: fft_tables.h; [steps][key_step] */
    const uint32_t *exponent;    /* [batch][n] */
    const uint32_t *body;        /* [batch] */
    const int64_t *error;        /* [batch] */
    const uint64_t *table;       /* [tables][table_stride] */
    const uint32_t *table_index; /* [batch] */
    const uint32_t *index_bits;  /* [tables] */
    uint64_t *out;               /* [batch][2^outputs_log2][kN + 1] */
    uint64_t *accumulator;       /* NULL, or [batch][2^v][k + 1][N]: the whole result, for tests */
    uint32_t table_stride, outputs_log2;
    uint32_t batch, lwe_dim, base_log;
    uint32_t is_narrow;    /* torc_gpu_digits_are_narrow */
    uint32_t delay_cycles; /* odd blocks start so much later */
    uint32_t cluster;      /* latency form: blocks a ciphertext, 0: as many as go */
} rotate_args;

/* Which polynomial of a batch of accumulators, and their sizes. */
typedef struct rotate_polynomial {
    uint32_t ciphertext, part, column;
    uint32_t glwe_dim, poly_size, extended_log2;
} rotate_polynomial;

/* Exponent of the body, in [0, 2N'). log2_turn = log2(2N'). */
__device__ __forceinline__ uint32_t rotate_body_exponent(const rotate_args *args, uint32_t at,
                                                         uint32_t index_bits, uint32_t log2_turn)
{
    const uint32_t body = gpu_load_readonly(args->body + at) + (1u << (30 - index_bits));
    const int64_t error = (int64_t)gpu_load_readonly((const uint64_t *)args->error + at);
    const uint32_t cell_log2 = 32 - log2_turn + args->outputs_log2;
    const int64_t twice = 2 * (int64_t)body + error;
    const uint32_t turns = (uint32_t)(twice >> (cell_log2 + 1)) << args->outputs_log2;
    return turns & ((1u << log2_turn) - 1);
}

/* The table of a ciphertext, and where it begins: p is read from coefficient `turn` on. */
typedef struct rotate_source {
    const uint64_t *entry;
    uint32_t index_bits, turn, log2_size; /* log2 N' */
} rotate_source;

template <class fft>
__device__ __forceinline__ rotate_source rotate_source_make(const rotate_args *args,
                                                            const rotate_polynomial *at)
{
    const uint32_t table = gpu_load_readonly(args->table_index + at->ciphertext);
    rotate_source from;
    from.entry = args->table + (size_t)table * args->table_stride;
    from.index_bits = gpu_load_readonly(args->index_bits + table);
    from.log2_size = fft::m + 1 + at->extended_log2;
    from.turn = rotate_body_exponent(args, at->ciphertext, from.index_bits, from.log2_size + 1);
    return from;
}

/* Coefficient i of X^-turn p as a torus value. */
__device__ __forceinline__ double rotate_table_value(const rotate_args *args,
                                                     const rotate_source *source, uint32_t i)
{
    const uint32_t log2_size = source->log2_size, index_bits = source->index_bits;
    const uint32_t from = (i + source->turn) & ((2u << log2_size) - 1);
    const uint32_t place = from & ((1u << log2_size) - 1);
    const uint32_t output = place & ((1u << args->outputs_log2) - 1);
    const uint32_t at = (output << index_bits) + (place >> (log2_size - index_bits));
    const double value = rotate_torus(gpu_load_readonly(source->entry + at));
    return from == place ? value : -value;
}

/* Coefficients c and c + M of the polynomial at the start. */
template <class fft>
__device__ __forceinline__ double2 rotate_begin_point(const rotate_args *args,
                                                      const rotate_source *source,
                                                      const rotate_polynomial *at, uint32_t c)
{
    const uint32_t re = (c << at->extended_log2) + at->part;
    const uint32_t im = re + (fft::size << at->extended_log2);
    double2 value = make_double2(0.0, 0.0);
    if (at->column == at->glwe_dim) {
        value.x = rotate_table_value(args, source, re);
        value.y = rotate_table_value(args, source, im);
    }
    return value;
}

/* Writes coefficient i of the polynomial, a word, to every output that holds it. */
__device__ __forceinline__ void rotate_extract(const rotate_args *args, const rotate_polynomial *at,
                                               uint32_t i, uint64_t word)
{
    const uint32_t big_dim = at->glwe_dim * at->poly_size;
    const uint32_t outputs = 1u << args->outputs_log2, parts = 1u << at->extended_log2;
    if (args->accumulator != NULL) {
        const size_t polynomial =
            ((size_t)at->ciphertext * parts + at->part) * (at->glwe_dim + 1) + at->column;
        gpu_store_global(args->accumulator + polynomial * at->poly_size + i, word);
    }
    for (uint32_t s = at->part; s < outputs; s += parts) { /* coefficient s: part s mod 2^v */
        const uint32_t place = s >> at->extended_log2;
        uint64_t *out = args->out + ((size_t)at->ciphertext * outputs + s) * (big_dim + 1);
        if (at->column < at->glwe_dim) {
            const uint32_t to = (place - i) & (at->poly_size - 1);
            gpu_store_global(out + at->column * at->poly_size + to, i <= place ? word : 0 - word);
        } else if (i == place) {
            gpu_store_global(out + big_dim, word);
        }
    }
}

/* Both of a point, as rotate_begin_point has them. */
template <class fft>
__device__ __forceinline__ void rotate_end_point(double2 value, const rotate_args *args,
                                                 const rotate_polynomial *at, uint32_t c)
{
    rotate_extract(args, at, c, rotate_word64(value.x));
    rotate_extract(args, at, c + fft::size, rotate_word64(value.y));
}

/* --- all points of a lane: point q is c = L q + lane --- */

template <class fft>
__device__ __forceinline__ void rotate_begin(double2 *v, const rotate_args *args,
                                             const rotate_polynomial *at, uint32_t lane)
{
    const rotate_source source = rotate_source_make<fft>(args, at);
#pragma unroll
    for (uint32_t q = 0; q < fft::points; q++) {
        v[q] = rotate_begin_point<fft>(args, &source, at, fft::lanes * q + lane);
    }
}

template <class fft>
__device__ __forceinline__ void rotate_end(const double2 *v, const rotate_args *args,
                                           const rotate_polynomial *at, uint32_t lane)
{
#pragma unroll
    for (uint32_t q = 0; q < fft::points; q++) {
        rotate_end_point<fft>(v[q], args, at, fft::lanes * q + lane);
    }
}

/* The same through shared memory of the polynomial's own, double2 [M], every lane its own places:
 * loops in place of code for every register. */
template <class fft>
__device__ __forceinline__ void rotate_begin_slab(double2 *v, double2 *slab,
                                                  const rotate_args *args,
                                                  const rotate_polynomial *at, uint32_t lane)
{
    const rotate_source source = rotate_source_make<fft>(args, at);
#pragma unroll 1
    for (uint32_t c = lane; c < fft::size; c += fft::lanes) {
        gpu_store_shared(slab + c, rotate_begin_point<fft>(args, &source, at, c));
    }
#pragma unroll
    for (uint32_t q = 0; q < fft::points; q++) {
        v[q] = gpu_load_shared(slab + fft::lanes * q + lane);
    }
}

template <class fft>
__device__ __forceinline__ void rotate_end_slab(const double2 *v, double2 *slab,
                                                const rotate_args *args,
                                                const rotate_polynomial *at, uint32_t lane)
{
#pragma unroll
    for (uint32_t q = 0; q < fft::points; q++) {
        gpu_store_shared(slab + fft::lanes * q + lane, v[q]);
    }
#pragma unroll 1
    for (uint32_t c = lane; c < fft::size; c += fft::lanes) {
        rotate_end_point<fft>(gpu_load_shared(slab + c), args, at, c);
    }
}

#endif
