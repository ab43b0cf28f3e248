/* Movements of whole ciphertexts: copies, gathers, scatters, the placement of the several results
 * of one rotation, and sample extraction at any coefficient. gather    out[to_i] = in[from_i] + (0,
 * .., 0, offset_i) extract   out[to_i] = the LWE ciphertext of coefficient p of the GLWE
 * in[from_i]: mask of polynomial c:  a_p, a_(p-1), .., a_0, -a_(N-1), .., -a_(p+1);  body b_p
 *   convert   masks permuted, padded with zeros and multiplied by a power of two
 * Exact. Layouts: kernels.h. Extraction: Chillotti et al., TFHE (J. Cryptology 2020), 4.2. */
#include "kernels/kernels.h"

#include <string.h>

static uint64_t *element_at(const torc_elements *t, size_t element, size_t sample)
{
    return t->words + element * t->element_stride + sample * t->sample_stride;
}

static uint32_t index_at(const uint32_t *list, uint32_t i)
{
    return list == NULL ? i : list[i];
}

static void move_one(uint64_t *out, const uint64_t *in, uint64_t offset, uint32_t words)
{
    if (in == NULL) {
        memset(out, 0, words * sizeof *out);
    } else {
        memcpy(out, in, words * sizeof *out);
    }
    out[words - 1] += offset;
}

void torc_ref_gather(const torc_elements *out, const torc_elements *in, const torc_moves *moves,
                     uint32_t samples)
{
    for (uint32_t i = 0; i < moves->count; i++) {
        const uint32_t to = index_at(moves->to, i);
        const uint32_t from = index_at(moves->from, i);
        for (uint32_t sample = 0; sample < samples && to != TORC_ABSENT; sample++) {
            move_one(element_at(out, to, sample),
                     from == TORC_ABSENT ? NULL : element_at(in, from, sample),
                     moves->offset == NULL ? 0 : moves->offset[i], out->element_words);
        }
    }
}

void torc_ref_sample_extract_at(uint64_t *big, const uint64_t *glwe, uint32_t index,
                                uint32_t glwe_dim, uint32_t poly_size)
{
    for (uint32_t c = 0; c < glwe_dim; c++) {
        const uint64_t *mask = glwe + (size_t)c * poly_size;
        for (uint32_t j = 0; j < poly_size; j++) {
            big[(size_t)c * poly_size + j] =
                j <= index ? mask[index - j] : -mask[poly_size + index - j];
        }
    }
    big[(size_t)glwe_dim * poly_size] = glwe[(size_t)glwe_dim * poly_size + index];
}

void torc_ref_extract(const torc_elements *out, const torc_elements *in, const torc_moves *moves,
                      const uint32_t *index, uint32_t poly_size, uint32_t samples)
{
    const uint32_t glwe_dim = (out->element_words - 1) / poly_size;
    for (uint32_t i = 0; i < moves->count; i++) {
        const uint32_t to = index_at(moves->to, i);
        for (uint32_t sample = 0; sample < samples && to != TORC_ABSENT; sample++) {
            uint64_t *big = element_at(out, to, sample);
            torc_ref_sample_extract_at(big, element_at(in, index_at(moves->from, i), sample),
                                       index[i], glwe_dim, poly_size);
            big[out->element_words - 1] += moves->offset == NULL ? 0 : moves->offset[i];
        }
    }
}

void torc_ref_convert(const torc_elements *out, const torc_elements *in, const uint32_t *source,
                      uint32_t shift, uint32_t count, uint32_t samples)
{
    const uint32_t out_dim = out->element_words - 1;
    const uint32_t in_dim = in->element_words - 1;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t sample = 0; sample < samples; sample++) {
            uint64_t *to = element_at(out, i, sample);
            const uint64_t *from = element_at(in, i, sample);
            for (uint32_t w = 0; w < out_dim; w++) {
                const uint32_t at = index_at(source, w);
                to[w] = at < in_dim ? from[at] << shift : 0;
            }
            to[out_dim] = from[in_dim] << shift;
        }
    }
}
