/* Linear layer on clear phases: out[g][o] = sum_i weight[g][o][i] in[gather[g][i]] + constant[g][o],
 * exact in doubles (kernels.h says why), so the same bits in any order and with or without fused
 * multiply-adds.
 *
 * Layout: value f64 [elements][stride], a row an element; weight f64 [out_count][in_count].
 * Mapping: a tile of OUT_TILE outputs by VECTORS vectors of samples stays in registers while the
 * inputs stream past. Tiles of the same outputs come together, so that their weights stay in L1. A
 * stride that is no power of two spreads the rows over the sets of the cache. */
#include "kernels/cpu/table.h"

enum { OUT_TILE = 6, VECTORS = 2, LANE_TILE = VECTORS * VECTOR_WIDTH };
_Static_assert(TORC_CLEAR_LANES % LANE_TILE == 0, "tiles fill the lanes");

typedef struct group {
    const double *in; /* value */
    const uint32_t *gather;
    size_t stride;
    uint32_t in_count;
} group;

/* out: the row of output o is out + o * out_stride; both, and in, at the first lane of the tile. */
INLINE void tile(double *out, size_t out_stride, const group *g, const double *weight,
                 const double *constant, size_t lane, uint32_t outs)
{
    vec_f64 sum[OUT_TILE][VECTORS];
    for (uint32_t o = 0; o < outs; o++) {
        for (int v = 0; v < VECTORS; v++) {
            sum[o][v] = splat_f64(constant[o]);
        }
    }
    for (uint32_t i = 0; i < g->in_count; i++) {
        const double *row = g->in + g->gather[i] * g->stride + lane;
        vec_f64 x[VECTORS];
        for (int v = 0; v < VECTORS; v++) {
            x[v] = load_f64(row + v * VECTOR_WIDTH);
        }
        for (uint32_t o = 0; o < outs; o++) {
            const vec_f64 w = splat_f64(weight[(size_t)o * g->in_count + i]);
            for (int v = 0; v < VECTORS; v++) {
                sum[o][v] = fused_add(sum[o][v], w, x[v]);
            }
        }
    }
    for (uint32_t o = 0; o < outs; o++) {
        for (int v = 0; v < VECTORS; v++) {
            store_f64(out + o * out_stride + lane + v * VECTOR_WIDTH, sum[o][v]);
        }
    }
}

/* `outs` outputs, a constant wherever this is called, of all lanes. */
INLINE void strip(double *out, size_t out_stride, const group *g, const double *weight,
                  const double *constant, size_t lanes, uint32_t outs)
{
    for (size_t lane = 0; lane < lanes; lane += LANE_TILE) {
        tile(out, out_stride, g, weight, constant, lane, outs);
    }
}

static void group_outputs(double *out, size_t out_stride, const group *g, const double *weight,
                          const double *constant, size_t lanes, uint32_t out_count)
{
    uint32_t o = 0;
    for (; o + OUT_TILE <= out_count; o += OUT_TILE) {
        strip(out + o * out_stride, out_stride, g, weight + (size_t)o * g->in_count, constant + o,
              lanes, OUT_TILE);
    }
    for (; o + 2 <= out_count; o += 2) {
        strip(out + o * out_stride, out_stride, g, weight + (size_t)o * g->in_count, constant + o,
              lanes, 2);
    }
    if (o < out_count) {
        strip(out + o * out_stride, out_stride, g, weight + (size_t)o * g->in_count, constant + o,
              lanes, 1);
    }
}

void TORC_CPU(clear_linear)(double *value, size_t stride, const torc_clear_layer *layer,
                            size_t lanes)
{
    const torc_clear_layer *l = layer;
    for (size_t i = 0; i < l->group_count; i++) {
        const group g = {value, l->gather + i * l->in_count, stride, l->in_count};
        const size_t outputs_before = i * l->out_count; /* of the groups before */
        const double *weight =
            l->weight + (l->weight_groups == 1 ? 0 : outputs_before * l->in_count);
        const double *constant = l->constant + (l->constant_groups == 1 ? 0 : outputs_before);
        group_outputs(value + (l->out + i * l->out_group_stride) * stride, l->out_stride * stride,
                      &g, weight, constant, lanes, l->out_count);
    }
}
