#include "tests/common/sample_spec.h"

#include "runtime/security.h"

#include <stdlib.h>
#include <string.h>

static void *need(void *pointer)
{
    if (pointer == NULL) {
        abort();
    }
    return pointer;
}

char *sample_text(const char *text)
{
    return need(strdup(text));
}

torc_params sample_params(uint32_t lwe_dim, uint32_t glwe_dim, uint32_t poly_size)
{
    return (torc_params){
        .glwe_dim = glwe_dim,
        .poly_size = poly_size,
        .glwe_noise_log2 = torc_security_tuniform_log2(glwe_dim * poly_size, 64),
        .lwe_dim = lwe_dim,
        .lwe_noise_log2 = torc_security_tuniform_log2(lwe_dim, 32),
        .grouping = 1,
        .bootstrap = {.base_log = 23, .level_count = 1},
        .keyswitch = {.base_log = 3, .level_count = 5},
    };
}

torc_params sample_params_no_lookup(void)
{
    return (torc_params){
        .glwe_dim = 1,
        .poly_size = 1024,
        .glwe_noise_log2 = torc_security_tuniform_log2(1024, 64),
    };
}

torc_port sample_port(const char *name, uint32_t width, bool is_signed, uint32_t rank,
                      const size_t *shape)
{
    const int64_t half = (int64_t)1 << (width - 1);
    torc_port port = {
        .name = sample_text(name),
        .rank = rank,
        .encrypted = true,
        .is_signed = is_signed,
        .width = width,
        .encoding_bits = width,
        .min = is_signed ? -half : 0,
        .max = is_signed ? half - 1 : 2 * half - 1,
    };
    for (uint32_t i = 0; i < rank; i++) {
        port.shape[i] = shape[i];
    }
    return port;
}

void sample_port_float(torc_port *port, double scale, double offset)
{
    port->is_float = true;
    port->scale_count = 1;
    port->real_scale = need(malloc(sizeof(double)));
    port->real_offset = need(malloc(sizeof(double)));
    port->real_scale[0] = scale;
    port->real_offset[0] = offset;
}

torc_spec sample_spec(void)
{
    torc_spec spec = {
        .circuit_name = sample_text("sample"),
        .contract = TORC_EXACT,
        .profile = TORC_PRIVATE,
        .log2_p_error_lookup = -45.25,
        .log2_p_error_circuit = -40.5,
        .log2_p_error_bound = -40,
        .params = sample_params(860, 1, 2048),
        .input_count = 2,
        .output_count = 2,
        .inputs = need(calloc(2, sizeof(torc_port))),
        .outputs = need(calloc(2, sizeof(torc_port))),
    };
    for (size_t i = 0; i < TORC_ID_BYTES; i++) {
        spec.circuit_id[i] = (uint8_t)(7 * i + 1);
    }
    spec.inputs[0] = sample_port("image", 4, false, 2, (const size_t[]){2, 3});
    sample_port_float(&spec.inputs[0], 0.1, -0.3);
    spec.inputs[1] = sample_port("bias", 6, true, 0, NULL);
    spec.outputs[0] = sample_port("scores", 7, true, 1, (const size_t[]){4});
    sample_port_float(&spec.outputs[0], 0.25, 1.5);
    spec.outputs[1] = sample_port("count", 3, false, 0, NULL);
    return spec;
}

void sample_post(torc_spec *spec, torc_post post)
{
    spec->posts = need(realloc(spec->posts, (spec->post_count + 1) * sizeof post));
    spec->posts[spec->post_count++] = post;
}
