/* Linear layer on a batch of ciphertexts, groups of outputs over gathered inputs:
 *   out[g][o] = sum_i weight[g][o][i] in[gather[g][i]] + (0, .., 0, constant[g][o])     (mod 2^64)
 * The weights of a group may be those of all groups, and may be multiplied by clear values of the
 * sample. Exact: every backend gives these bits. Layouts: kernels.h. */
#include "kernels/kernels.h"

static uint64_t *element_at(const torc_elements *t, size_t element, size_t sample)
{
    return t->words + element * t->element_stride + sample * t->sample_stride;
}

static uint64_t clear_at(const torc_clear_values *clear, size_t element, size_t sample)
{
    return (uint64_t)clear->value[element * clear->stride + sample];
}

/* Weight number i of the array, for one sample. */
static uint64_t weight_at(const torc_linear_layer *layer, const torc_clear_values *clear, size_t i,
                          uint32_t sample)
{
    const int64_t weight = layer->weight_i64 != NULL ? layer->weight_i64[i] : layer->weight_i32[i];
    if (layer->weight_clear == NULL || layer->weight_clear[i] == TORC_ABSENT) {
        return (uint64_t)weight;
    }
    return (uint64_t)weight * clear_at(clear, layer->weight_clear[i], sample);
}

static void add_input(uint64_t *out, const uint64_t *in, uint64_t weight, uint32_t words)
{
    for (uint32_t w = 0; w < words; w++) {
        out[w] += weight * in[w];
    }
}

static void output(const torc_elements *out, const torc_elements *in,
                   const torc_clear_values *clear, const torc_linear_layer *layer, uint32_t group,
                   uint32_t o, uint32_t sample)
{
    const uint32_t weight_group = layer->weight_groups == 1 ? 0 : group;
    const uint32_t constant_group = layer->constant_groups == 1 ? 0 : group;
    const size_t row = (size_t)weight_group * layer->out_count + o;
    const uint32_t *gather = layer->gather + (size_t)group * layer->in_count;
    uint64_t *sum = element_at(
        out, layer->out + (size_t)group * layer->out_group_stride + (size_t)o * layer->out_stride,
        sample);

    for (uint32_t w = 0; w < out->element_words; w++) {
        sum[w] = 0;
    }
    for (uint32_t i = 0; i < layer->in_count; i++) {
        if (gather[i] != TORC_ABSENT) {
            add_input(sum, element_at(in, gather[i], sample),
                      weight_at(layer, clear, row * layer->in_count + i, sample),
                      out->element_words);
        }
    }
    sum[out->element_words - 1] += layer->constant[(size_t)constant_group * layer->out_count + o];
}

void torc_ref_linear(const torc_elements *out, const torc_elements *in,
                     const torc_clear_values *clear, const torc_linear_layer *layer,
                     uint32_t samples)
{
    for (uint32_t sample = 0; sample < samples; sample++) {
        for (uint32_t group = 0; group < layer->group_count; group++) {
            for (uint32_t o = 0; o < layer->out_count; o++) {
                output(out, in, clear, layer, group, o, sample);
            }
        }
        for (uint32_t t = 0; t < layer->clear_term_count; t++) {
            element_at(out, layer->clear_term_out[t], sample)[out->element_words - 1] +=
                layer->clear_term_scale[t] * clear_at(clear, layer->clear_term_element[t], sample);
        }
    }
}
