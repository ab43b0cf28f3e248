/* The two instructions on clear phases (kernels.h says of which doubles).
 *
 *   out[g][o] = sum_i weight[g][o][i] in[gather[g][i]] + constant[g][o]
 *   u = floor((in + in_noise + shift) 2^(P+1));   out = entry[u mod 2^(P+1)] + out_noise
 *
 * value f64 [elements][stride], a row an element, a column a sample. */
#include "kernels/kernels.h"

#include <math.h>

static double layer_sum(const double *value, size_t stride, const torc_clear_layer *l, size_t g,
                        size_t o, size_t lane)
{
    const double *weight =
        l->weight + ((l->weight_groups == 1 ? 0 : g) * l->out_count + o) * l->in_count;
    double sum = l->constant[(l->constant_groups == 1 ? 0 : g) * l->out_count + o];
    for (size_t i = 0; i < l->in_count; i++) {
        sum += weight[i] * value[l->gather[g * l->in_count + i] * stride + lane];
    }
    return sum;
}

void torc_ref_clear_linear(double *value, size_t stride, const torc_clear_layer *layer,
                           size_t lanes)
{
    for (size_t g = 0; g < layer->group_count; g++) {
        for (size_t o = 0; o < layer->out_count; o++) {
            const size_t out = layer->out + g * layer->out_group_stride + o * layer->out_stride;
            for (size_t s = 0; s < lanes; s++) {
                value[out * stride + s] = layer_sum(value, stride, layer, g, o, s);
            }
        }
    }
}

size_t torc_ref_clear_lookup(double *out, const double *in, const double *in_noise,
                             const double *out_noise, const torc_clear_table *table, size_t count)
{
    const int64_t bins = (int64_t)1 << table->index_bits;
    size_t overflows = 0;
    for (size_t s = 0; s < count; s++) {
        const double x = in[s] + in_noise[s] + table->shift;
        const int64_t u = (int64_t)floor(x * (double)(2 * bins));
        out[s] = table->entry[u & (2 * bins - 1)] + out_noise[s];
        overflows += u < 0 || u >= bins;
    }
    return overflows;
}
