#include "tests/common/identity_spec.h"

#include "tests/common/sample_spec.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static torc_port make_port(const char *name, int which)
{
    torc_port port;
    if (which == 0) {
        port = sample_port(name, 5, false, 1, (const size_t[]){3});
        sample_port_float(&port, 0.5, -2);
        port.encoding_bits = 7;
    } else if (which == 1) {
        port = sample_port(name, 8, true, 0, NULL);
    } else {
        port = sample_port(name, 10, true, 1, (const size_t[]){2});
        port.encrypted = false;
    }
    return port;
}

torc_spec identity_spec(void)
{
    static const char *const names[3] = {"x", "k", "c"};
    torc_spec spec = {
        .circuit_name = sample_text("identity"),
        .contract = TORC_EXACT,
        .profile = TORC_PRIVATE,
        .log2_p_error_lookup = -1000,
        .log2_p_error_circuit = -1000,
        .log2_p_error_bound = -40,
        .params = sample_params_no_lookup(),
        .circuit_id = {1, 2, 3},
        .input_count = 3,
        .output_count = 3,
        .inputs = calloc(3, sizeof(torc_port)),
        .outputs = calloc(3, sizeof(torc_port)),
    };
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "%s_out", names[i]);
        spec.inputs[i] = make_port(names[i], i);
        spec.outputs[i] = make_port(name, i);
    }
    return spec;
}

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

void identity_inputs(torc_tensor inputs[3], size_t samples, uint64_t seed)
{
    uint64_t state = seed * 2 + 1;
    cr_assert_eq(torc_tensor_create(NULL, &inputs[0], TORC_F64, 2, (size_t[]){samples, 3}),
                 TORC_OK);
    cr_assert_eq(torc_tensor_create(NULL, &inputs[1], TORC_I64, 1, (size_t[]){samples}), TORC_OK);
    cr_assert_eq(torc_tensor_create(NULL, &inputs[2], TORC_I64, 2, (size_t[]){samples, 2}),
                 TORC_OK);
    for (size_t i = 0; i < 3 * samples; i++) {
        inputs[0].f64[i] = 0.5 * (double)(next(&state) % 32) - 2; /* on the grid */
    }
    for (size_t i = 0; i < samples; i++) {
        inputs[1].i64[i] = (int64_t)(next(&state) % 256) - 128;
    }
    for (size_t i = 0; i < 2 * samples; i++) {
        inputs[2].i64[i] = (int64_t)(next(&state) % 1024) - 512;
    }
}

void identity_free(torc_tensor tensors[3])
{
    for (int i = 0; i < 3; i++) {
        torc_tensor_free(&tensors[i]);
    }
}

static void *need(void *pointer)
{
    cr_assert_neq(pointer, NULL);
    return pointer;
}

torc_ciphertexts *identity_run(const torc_ciphertexts *in)
{
    static const char *const names[3] = {"x_out", "k_out", "c_out"};
    const size_t words = (size_t)in->big_dim + 1;
    torc_ciphertexts *out = need(malloc(sizeof *out));
    *out = *in;
    out->is_result = true;
    out->parts = need(calloc(in->part_count, sizeof *out->parts));
    for (uint32_t i = 0; i < in->part_count; i++) {
        const torc_ct_part *from = &in->parts[i];
        const bool is_clear = from->form == TORC_CT_CLEAR;
        const size_t total = in->samples * from->count;
        torc_ct_part *to = &out->parts[i];
        to->name = sample_text(names[i]);
        to->form = is_clear ? TORC_CT_CLEAR : TORC_CT_FULL;
        to->count = from->count;
        to->word = need(malloc(total * (is_clear ? 1 : words) * sizeof *to->word));
        for (size_t e = 0; e < total; e++) {
            if (is_clear) {
                to->value[e] = from->value[e];
            } else {
                torc_ct_expand(to->word + e * words, in, from, e / from->count, e % from->count);
            }
        }
    }
    return out;
}
