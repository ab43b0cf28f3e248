/* Tables and whole transforms of the FFT that fft.h describes.
 *
 * Twiddles are computed in long double from angles that are exact dyadic fractions of a turn, then
 * rounded once. (Arguments of several turns would cost as many bits: every decryption would still
 * be right and the noise eight times too large.) */
#include "kernels/cpu/fft.h"

#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum { SIZE_COUNT = 5, KERNEL_LOG2 = 2 * VECTOR_LOG2, MAX_BLOCKS = FFT_MAX_HALF / FFT_BLOCK };

/* Nodes of the vertical passes of all sizes: fewer than 2 M / block for each size and direction. */
static double vertical_tables[SIZE_COUNT][2][2 * MAX_BLOCKS * FFT_NODE_WORDS]
    __attribute__((aligned(64)));
static double kernel_tables[SIZE_COUNT][2][MAX_BLOCKS * FFT_KERNEL_WORDS]
    __attribute__((aligned(64)));
static fft_plan plans[SIZE_COUNT];
static pthread_once_t plans_once = PTHREAD_ONCE_INIT;

/* t of node `index` at `depth`: each bit of index, from the top, chooses a child. */
static double node_turns(uint32_t depth, uint32_t index)
{
    double turns = 0.25;
    for (uint32_t bit = depth; bit-- > 0;) {
        turns = turns / 2 + ((index >> bit & 1) != 0 ? 0.5 : 0.0);
    }
    return turns;
}

/* stride: distance of the words, so that vectors of nodes can be interleaved. */
static void node_fill(double *out, uint32_t stride, double turns, uint32_t log2_radix, bool inverse)
{
    const long double circle = 6.283185307179586476925286766559005768L;
    double angle[FFT_NODE_WORDS / 2] = {turns / 2, turns / 4, turns / 8, turns / 8 + 0.125};
    if (inverse && log2_radix == 2) {
        angle[2] = turns / 2 + turns / 4;
    }
    for (uint32_t i = 0; i < FFT_NODE_WORDS / 2; i++) {
        out[(size_t)(2 * i) * stride] = (double)cosl(circle * (long double)angle[i]);
        out[(size_t)(2 * i + 1) * stride] = (double)sinl(circle * (long double)angle[i]);
    }
}

static void kernel_fill(double *out, uint32_t depth, uint32_t blocks, bool inverse)
{
    for (uint32_t b = 0; b < blocks; b++, out += FFT_KERNEL_WORDS) {
        node_fill(out, 1, node_turns(depth, b), VECTOR_LOG2, inverse);
        for (uint32_t lane = 0; lane < VECTOR_WIDTH; lane++) {
            const double turns = node_turns(depth + VECTOR_LOG2, b * VECTOR_WIDTH + lane);
            node_fill(out + FFT_NODE_WORDS + lane, VECTOR_WIDTH, turns, VECTOR_LOG2, inverse);
        }
    }
}

/* Levels of the next pass: a radix-8 butterfly needs the 32 registers of AVX-512. */
static uint32_t pass_levels(uint32_t levels_left)
{
    if (VECTOR_LOG2 == 3 && (levels_left == 3 || levels_left >= 5)) {
        return 3;
    }
    return levels_left % 2 == 1 ? 1 : 2;
}

static void plan_fill(fft_plan *plan, uint32_t size_index)
{
    double *forward = vertical_tables[size_index][0];
    double *inverse = vertical_tables[size_index][1];
    const uint32_t vertical_levels = 7 + size_index - KERNEL_LOG2;
    uint32_t depth = 0;

    plan->half = (uint32_t)128 << size_index;
    plan->pass_count = 0;
    while (depth < vertical_levels) {
        struct fft_pass *pass = &plan->pass[plan->pass_count++];
        pass->log2_radix = pass_levels(vertical_levels - depth);
        pass->forward = forward;
        pass->inverse = inverse;
        for (uint32_t node = 0; node < (uint32_t)1 << depth; node++) {
            node_fill(forward, 1, node_turns(depth, node), pass->log2_radix, false);
            node_fill(inverse, 1, node_turns(depth, node), pass->log2_radix, true);
            forward += FFT_NODE_WORDS;
            inverse += FFT_NODE_WORDS;
        }
        depth += pass->log2_radix;
    }
    kernel_fill(kernel_tables[size_index][0], depth, plan->half / FFT_BLOCK, false);
    kernel_fill(kernel_tables[size_index][1], depth, plan->half / FFT_BLOCK, true);
    plan->kernel_forward = kernel_tables[size_index][0];
    plan->kernel_inverse = kernel_tables[size_index][1];
}

static void plans_fill(void)
{
    for (uint32_t i = 0; i < SIZE_COUNT; i++) {
        plan_fill(&plans[i], i);
    }
}

const fft_plan *TORC_CPU(fft_plan)(uint32_t poly_size)
{
    uint32_t index = 0;
    pthread_once(&plans_once, plans_fill);
    while (index + 1 < SIZE_COUNT && 2 * plans[index].half < poly_size) {
        index++;
    }
    return &plans[index];
}

/* One vertical pass over the nodes of `length` points in begin .. end - 1; twiddle: of node 0. */
INLINE void vertical_pass(int log2_radix, bool inverse, double *re, double *im, size_t begin,
                          size_t end, size_t length, const double *twiddle)
{
    const size_t quarter = length >> log2_radix; /* points of a child */
    vec_f64 w[FFT_NODE_WORDS];
    radix_points p;

    for (size_t first = begin; first < end; first += length) {
        splat_node(w, twiddle + first / length * FFT_NODE_WORDS);
        for (size_t j = first; j < first + quarter; j += VECTOR_WIDTH) {
            points_load(&p, log2_radix, re + j, im + j, quarter);
            if (inverse) {
                radix_inverse(log2_radix, p.x, p.y, w);
            } else {
                radix_forward(log2_radix, p.x, p.y, w);
            }
            points_store(re + j, im + j, log2_radix, &p, quarter);
        }
    }
}

void TORC_CPU(fft_vertical_forward)(const fft_plan *plan, double *re, double *im, uint32_t first,
                                    uint32_t begin, uint32_t end)
{
    uint32_t length = plan->half;
    for (uint32_t p = 0; p < plan->pass_count; p++) {
        const struct fft_pass *pass = &plan->pass[p];
        if (p < first) {
            /* done by the caller */
        } else if (pass->log2_radix == 1) {
            vertical_pass(1, false, re, im, begin, end, length, pass->forward);
        } else if (pass->log2_radix == 2) {
            vertical_pass(2, false, re, im, begin, end, length, pass->forward);
        } else {
            vertical_pass(3, false, re, im, begin, end, length, pass->forward);
        }
        length >>= pass->log2_radix;
    }
}

void TORC_CPU(fft_vertical_inverse)(const fft_plan *plan, double *re, double *im, uint32_t first,
                                    uint32_t begin, uint32_t end)
{
    uint32_t length = FFT_BLOCK;
    for (uint32_t p = plan->pass_count; p-- > first;) {
        const struct fft_pass *pass = &plan->pass[p];
        length <<= pass->log2_radix;
        if (pass->log2_radix == 1) {
            vertical_pass(1, true, re, im, begin, end, length, pass->inverse);
        } else if (pass->log2_radix == 2) {
            vertical_pass(2, true, re, im, begin, end, length, pass->inverse);
        } else {
            vertical_pass(3, true, re, im, begin, end, length, pass->inverse);
        }
    }
}

/* Vector by vector: a memcpy would go through halves of a vector, which no load gets back in one
 * piece from the stores before. */
INLINE void block_load(vec_f64 *x, const double *points)
{
    for (int v = 0; v < VECTOR_WIDTH; v++) {
        x[v] = load_f64(points + (size_t)v * VECTOR_WIDTH);
    }
}

INLINE void block_store(double *points, const vec_f64 *x)
{
    for (int v = 0; v < VECTOR_WIDTH; v++) {
        store_f64(points + (size_t)v * VECTOR_WIDTH, x[v]);
    }
}

void TORC_CPU(fft_forward)(const fft_plan *plan, double *re, double *im)
{
    const double *twiddle = plan->kernel_forward;
    vec_f64 x[VECTOR_WIDTH];
    vec_f64 y[VECTOR_WIDTH];

    TORC_CPU(fft_vertical_forward)(plan, re, im, 0, 0, plan->half);
    for (uint32_t j = 0; j < plan->half; j += FFT_BLOCK, twiddle += FFT_KERNEL_WORDS) {
        block_load(x, re + j);
        block_load(y, im + j);
        kernel_forward(x, y, twiddle);
        block_store(re + j, x);
        block_store(im + j, y);
    }
}

void TORC_CPU(fft_inverse)(const fft_plan *plan, double *re, double *im)
{
    const double *twiddle = plan->kernel_inverse;
    vec_f64 x[VECTOR_WIDTH];
    vec_f64 y[VECTOR_WIDTH];

    for (uint32_t j = 0; j < plan->half; j += FFT_BLOCK, twiddle += FFT_KERNEL_WORDS) {
        block_load(x, re + j);
        block_load(y, im + j);
        kernel_inverse(x, y, twiddle);
        block_store(re + j, x);
        block_store(im + j, y);
    }
    TORC_CPU(fft_vertical_inverse)(plan, re, im, 0, 0, plan->half);
}
