/* Between the user's numbers and integers on the torus: shapes, encoding, decoding.
 *
 *   word = m * 2^(63-W) modulo 2^64                W = encoding_bits, one padding bit above
 * The simulator, the client and the tests all use these functions and those of quantize.c, and no
 * others. */
#include "runtime/spec.h"
#include "runtime/status.h"

#include <stdio.h>
#include <string.h>

uint64_t torc_encode(int64_t m, uint32_t encoding_bits)
{
    return (uint64_t)m << (63 - encoding_bits);
}

int64_t torc_decode(uint64_t phase, uint32_t encoding_bits, bool is_signed)
{
    const uint32_t step_log2 = 63 - encoding_bits;
    const uint64_t half_step = (uint64_t)1 << (step_log2 - 1);
    const uint64_t half_range = (uint64_t)1 << (encoding_bits - 1);
    const uint64_t t = (phase + half_step) >> step_log2; /* in [0, 2^(W+1)) */
    const uint64_t limit = is_signed ? 2 * half_range : 3 * half_range;
    const uint64_t is_above = ((t - limit) >> 63) - 1; /* a mask: t is secret, so no branch on it */
    return (int64_t)(t - (4 * half_range & is_above)); /* below zero modulo 2^64 */
}

static void describe_shape(char *text, size_t size, uint32_t rank, const size_t *shape)
{
    size_t used = (size_t)snprintf(text, size, "(");
    for (uint32_t i = 0; i < rank && used < size; i++) {
        used += (size_t)snprintf(text + used, size - used, i == 0 ? "%zu" : ", %zu", shape[i]);
    }
    if (used < size) {
        (void)snprintf(text + used, size - used, rank == 1 ? ",)" : ")");
    }
}

static torc_status wrong_shape(torc_ctx *ctx, const torc_port *port, const torc_tensor *in)
{
    char found[256];
    char wanted[256];
    describe_shape(found, sizeof found, in->rank, in->shape);
    describe_shape(wanted, sizeof wanted, port->rank, port->shape);
    return torc_fail(
        ctx, TORC_E_INPUT,
        "input '%s': shape %s, wanted one sample %s or a batch of at least one with its "
        "axis in front of these",
        port->name, found, wanted);
}

torc_status torc_port_samples(torc_ctx *ctx, size_t *samples, const torc_port *port,
                              const torc_tensor *in)
{
    const bool is_batch = in->rank == port->rank + 1;
    const size_t *shape = in->shape + (is_batch ? 1 : 0);
    if (!is_batch && in->rank != port->rank) {
        return wrong_shape(ctx, port, in);
    }
    if (memcmp(shape, port->shape, port->rank * sizeof *shape) != 0) {
        return wrong_shape(ctx, port, in);
    }
    if (is_batch && in->shape[0] == 0) {
        return wrong_shape(ctx, port, in);
    }
    *samples = is_batch ? in->shape[0] : 1;
    return TORC_OK;
}

torc_status torc_spec_samples(torc_ctx *ctx, size_t *samples, const torc_spec *spec,
                              const torc_tensor *inputs)
{
    *samples = 1; /* without inputs there is one answer */
    for (uint32_t i = 0; i < spec->input_count; i++) {
        size_t found = 0;
        TORC_TRY(torc_port_samples(ctx, &found, &spec->inputs[i], &inputs[i]));
        if (i > 0 && found != *samples) {
            return torc_fail(ctx, TORC_E_INPUT,
                             "input '%s': %zu samples, but '%s' has %zu; give every input the same "
                             "number",
                             spec->inputs[i].name, found, spec->inputs[0].name, *samples);
        }
        *samples = found;
    }
    return TORC_OK;
}
