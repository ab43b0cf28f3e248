/* Linear layer on clear phases: out[g][o] = sum_i weight[g][o][i] in[gather[g][i]] +
 * constant[g][o], exact in doubles (kernels.h says why), so the same bits in any order and with or
 * without fused multiply-adds.
 *
 * Layout: value f64 [elements][stride], a row an element; weight f64 [out_count][in_count].
 * Mapping: a tile of outputs by samples stays in registers while the inputs stream past. Outputs
 * that share their inputs go in sixes, two vectors of samples wide: 12 multiply-adds for 2 loads
 * and 6 broadcasts; tiles of the same outputs come together, so that their weights stay in L1.
 * Others go alone, eight vectors wide: 8 multiply-adds for 8 loads, which L1 delivers as long as
 * all outputs of one strip of samples come together. A stride that is no power of two spreads the
 * rows over the sets of the cache. */
#include "kernels/cpu/table.h"

enum {
    OUTS = 6,
    OUTS_VECTORS = 2,
    ALONE_VECTORS = 8,
    NARROW_LANES = OUTS_VECTORS * VECTOR_WIDTH,
    WIDE_LANES = ALONE_VECTORS * VECTOR_WIDTH
};
_Static_assert(TORC_CLEAR_LANES % NARROW_LANES == 0, "tiles fill the lanes");

/* Output rows that share their inputs. */
typedef struct rows {
    const double *in; /* value */
    const uint32_t *gather;
    const double *weight; /* of the first row */
    const double *constant;
    double *out;
    size_t stride, out_stride;
    uint32_t in_count;
} rows;

/* outs and vectors are constants wherever this is called. */
INLINE void tile(const rows *r, uint32_t terms, size_t lane, uint32_t outs, uint32_t vectors)
{
    vec_f64 sum[OUTS][ALONE_VECTORS];
    for (uint32_t o = 0; o < outs; o++) {
        for (uint32_t v = 0; v < vectors; v++) {
            sum[o][v] = splat_f64(r->constant[o]);
        }
    }
    for (uint32_t i = 0; i < terms; i++) {
        const double *x = r->in + r->gather[i] * r->stride + lane;
        for (uint32_t o = 0; o < outs; o++) {
            const vec_f64 w = splat_f64(r->weight[(size_t)o * r->in_count + i]);
            for (uint32_t v = 0; v < vectors; v++) {
                sum[o][v] = fused_add(sum[o][v], w, load_f64(x + v * VECTOR_WIDTH));
            }
        }
    }
    for (uint32_t o = 0; o < outs; o++) {
        for (uint32_t v = 0; v < vectors; v++) {
            store_f64(r->out + o * r->out_stride + lane + v * VECTOR_WIDTH, sum[o][v]);
        }
    }
}

/* Output o of group g, and those behind it. */
static rows rows_of(double *value, size_t stride, const torc_clear_layer *l, size_t g, size_t o)
{
    const size_t constant = (l->constant_groups == 1 ? 0 : g * l->out_count) + o;
    const size_t weight = (l->weight_groups == 1 ? 0 : g * l->out_count) + o;
    const size_t out = l->out + g * l->out_group_stride + o * l->out_stride;
    return (rows){.in = value,
                  .gather = l->gather + g * l->in_count,
                  .weight = l->weight + weight * l->in_count,
                  .constant = l->constant + constant,
                  .out = value + out * stride,
                  .stride = stride,
                  .out_stride = l->out_stride * stride,
                  .in_count = l->in_count};
}

/* The first `outs` outputs of a group, a multiple of OUTS. */
static void group_together(double *value, size_t stride, const torc_clear_layer *l, size_t g,
                           uint32_t outs, size_t lanes)
{
    for (uint32_t o = 0; o < outs; o += OUTS) {
        const rows r = rows_of(value, stride, l, g, o);
        for (size_t lane = 0; lane < lanes; lane += NARROW_LANES) {
            tile(&r, r.in_count, lane, OUTS, OUTS_VECTORS);
        }
    }
}

/* Rows of a layer are as long as its longest: shorter ones end in weights of zero. */
static uint32_t term_count(const rows *r)
{
    uint32_t terms = r->in_count;
    while (terms > 0 && r->weight[terms - 1] == 0) {
        terms--;
    }
    return terms;
}

/* Outputs `begin` and on of all groups, each for itself, on lanes first .. first + count - 1. */
static void outputs_alone(double *value, size_t stride, const torc_clear_layer *l, uint32_t begin,
                          size_t first, size_t count)
{
    for (size_t g = 0; g < l->group_count; g++) {
        for (uint32_t o = begin; o < l->out_count; o++) {
            const rows r = rows_of(value, stride, l, g, o);
            const uint32_t terms = term_count(&r);
            if (count == WIDE_LANES) {
                tile(&r, terms, first, 1, ALONE_VECTORS);
                continue;
            }
            for (size_t lane = first; lane < first + count; lane += NARROW_LANES) {
                tile(&r, terms, lane, 1, OUTS_VECTORS);
            }
        }
    }
}

void TORC_CPU(clear_linear)(double *value, size_t stride, const torc_clear_layer *layer,
                            size_t lanes)
{
    const uint32_t together = layer->out_count / OUTS * OUTS;
    for (size_t g = 0; g < layer->group_count; g++) {
        group_together(value, stride, layer, g, together, lanes);
    }
    for (size_t lane = 0; together < layer->out_count && lane < lanes; lane += WIDE_LANES) {
        const size_t rest = lanes - lane;
        outputs_alone(value, stride, layer, together, lane, rest < WIDE_LANES ? rest : WIDE_LANES);
    }
}
