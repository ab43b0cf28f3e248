/* The vertical passes of the grouped rotation between the one at the root (grouped_turn.c) and the
 * register kernel: fft.h's butterflies on points that lie whole blocks apart (grouped.h).
 * A few polynomials at a time, so that a child of the root stays in the first cache from its first
 * pass to its last. */
#include "kernels/cpu/grouped.h"

enum { TILE_POLYS = 4 };

/* Neighbouring polynomials at the blocks of one child. */
typedef struct vertical_tile {
    double *state;  /* block 0 */
    size_t stride;  /* doubles from block to block */
    size_t doubles; /* of the tile in a block */
} vertical_tile;

/* One pass over the nodes of `length` blocks in begin .. end - 1; twiddle: of node 0. */
INLINE void tile_pass(int log2_radix, bool inverse, vertical_tile tile, uint32_t begin,
                      uint32_t end, uint32_t length, const double *twiddle)
{
    const uint32_t quarter = length >> log2_radix; /* blocks of a child */
    const size_t child_stride = quarter * tile.stride;
    vec_f64 w[FFT_NODE_WORDS];
    radix_points p;

    for (uint32_t first = begin; first < end; first += length) {
        splat_node(w, twiddle + (size_t)(first / length) * FFT_NODE_WORDS);
        for (uint32_t block = first; block < first + quarter; block++) {
            double *re = tile.state + block * tile.stride;
            for (double *last = re + tile.doubles; re < last; re += FFT_BLOCK) {
                for (int v = 0; v < VECTOR_WIDTH; v++, re += VECTOR_WIDTH) {
                    points_load(&p, log2_radix, re, re + FFT_BLOCK, child_stride);
                    if (inverse) {
                        radix_inverse(log2_radix, p.x, p.y, w);
                    } else {
                        radix_forward(log2_radix, p.x, p.y, w);
                    }
                    points_store(re, re + FFT_BLOCK, log2_radix, &p, child_stride);
                }
            }
        }
    }
}

static void tile_forward(vertical_tile tile, const fft_plan *fft, uint32_t begin, uint32_t end)
{
    uint32_t length = end - begin;
    for (uint32_t i = 1; i < fft->pass_count; i++) {
        const struct fft_pass *pass = &fft->pass[i];
        switch (pass->log2_radix) {
        case 1: tile_pass(1, false, tile, begin, end, length, pass->forward); break;
        case 2: tile_pass(2, false, tile, begin, end, length, pass->forward); break;
        default: tile_pass(3, false, tile, begin, end, length, pass->forward); break;
        }
        length >>= pass->log2_radix;
    }
}

static void tile_inverse(vertical_tile tile, const fft_plan *fft, uint32_t begin, uint32_t end)
{
    uint32_t length = 1;
    for (uint32_t i = fft->pass_count; i-- > 1;) {
        const struct fft_pass *pass = &fft->pass[i];
        length <<= pass->log2_radix;
        switch (pass->log2_radix) {
        case 1: tile_pass(1, true, tile, begin, end, length, pass->inverse); break;
        case 2: tile_pass(2, true, tile, begin, end, length, pass->inverse); break;
        default: tile_pass(3, true, tile, begin, end, length, pass->inverse); break;
        }
    }
}

void TORC_CPU(grouped_vertical_forward)(double *state, uint32_t child, const grouped_plan *plan)
{
    const size_t polys = state_polys(plan->shape);
    const uint32_t blocks = child_blocks(plan);
    for (size_t i = 0; i < polys; i += TILE_POLYS) {
        const size_t count = polys - i < TILE_POLYS ? polys - i : TILE_POLYS;
        const vertical_tile tile = {state + i * 2 * FFT_BLOCK, block_stride(plan->shape),
                                    count * 2 * FFT_BLOCK};
        tile_forward(tile, plan->fft, child * blocks, (child + 1) * blocks);
    }
}

/* Results are the first k + 1 rows of every part: with one level, all. */
void TORC_CPU(grouped_vertical_inverse)(double *state, uint32_t child, const grouped_plan *plan)
{
    const torc_shape *shape = plan->shape;
    const bool all = shape->level_count == 1;
    const size_t groups = all ? 1 : (size_t)1 << shape->extended_log2;
    const size_t polys = all ? state_polys(shape) : shape->glwe_dim + (size_t)1;
    const uint32_t blocks = child_blocks(plan);
    for (size_t group = 0; group < groups; group++) {
        double *first = state + group * row_count(shape) * 2 * FFT_BLOCK;
        for (size_t i = 0; i < polys; i += TILE_POLYS) {
            const size_t count = polys - i < TILE_POLYS ? polys - i : TILE_POLYS;
            const vertical_tile tile = {first + i * 2 * FFT_BLOCK, block_stride(shape),
                                        count * 2 * FFT_BLOCK};
            tile_inverse(tile, plan->fft, child * blocks, (child + 1) * blocks);
        }
    }
}
