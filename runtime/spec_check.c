/* What a specification may hold. Everything read from a file and everything handed to the client
 * passes here first; whether it is safe to use is spec_accept.c. */
#include "runtime/spec.h"
#include "runtime/status.h"
#include "runtime/text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define MAX_LABELS    ((size_t)1 << 20)
#define MAX_SCALES    ((uint32_t)1 << 20)
#define MAX_FLOAT_INT ((int64_t)1 << 53)

/* A name that passes can stand in any message as it is. */
static torc_status check_name(torc_ctx *ctx, const char *name, const char *what)
{
    if (name == NULL || name[0] == '\0') {
        return torc_fail(ctx, TORC_E_FORMAT, "specification: %s has no name", what);
    }
    if (strlen(name) > TORC_NAME_MAX || strcmp(name, TORC_PRINTABLE(name)) != 0) {
        return torc_fail(ctx, TORC_E_FORMAT,
                         "specification: the name of %s, '%s', is longer than %d bytes or holds "
                         "characters that cannot be shown",
                         what, TORC_PRINTABLE(name), TORC_NAME_MAX);
    }
    return TORC_OK;
}

static torc_status check_shape(torc_ctx *ctx, const torc_port *port)
{
    if (port->rank >= TORC_MAX_RANK) {
        return torc_fail(ctx, TORC_E_FORMAT, "specification: '%s' has %u axes, at most %d fit",
                         port->name, port->rank, TORC_MAX_RANK - 1);
    }
    const size_t count = torc_shape_count(port->rank, port->shape);
    if (count == 0 || count > TORC_SPEC_MAX_ELEMENTS) {
        return torc_fail(ctx, TORC_E_FORMAT,
                         "specification: '%s' has %s elements, wanted 1 to 2^28", port->name,
                         count == 0 ? "no" : "too many");
    }
    return TORC_OK;
}

static torc_status check_widths(torc_ctx *ctx, const torc_port *port)
{
    if (port->width < 1 || port->width > 62) {
        return torc_fail(ctx, TORC_E_FORMAT, "specification: '%s' has width %u, wanted 1 to 62",
                         port->name, port->width);
    }
    const uint32_t min_encoding = port->encrypted ? port->width : 0;
    if (port->encoding_bits < min_encoding || port->encoding_bits > 62) {
        return torc_fail(ctx, TORC_E_FORMAT,
                         "specification: '%s' has encoding_bits %u, wanted %u (its width) to 62",
                         port->name, port->encoding_bits, min_encoding);
    }
    return TORC_OK;
}

static torc_status check_bounds(torc_ctx *ctx, const torc_port *port, bool is_input)
{
    const int64_t half = (int64_t)1 << (port->width - 1);
    const int64_t low = is_input ? (port->is_signed ? -half : 0) : INT64_MIN;
    const int64_t high = is_input ? (port->is_signed ? half - 1 : 2 * half - 1) : INT64_MAX;
    if (port->min > port->max || port->min < low || port->max > high) {
        return torc_fail(ctx, TORC_E_FORMAT,
                         "specification: '%s' has bounds [%" PRId64 ", %" PRId64
                         "], wanted inside [%" PRId64 ", %" PRId64 "] of its width",
                         port->name, port->min, port->max, low, high);
    }
    if (is_input && port->is_float && (port->min < -MAX_FLOAT_INT || port->max > MAX_FLOAT_INT)) {
        return torc_fail(ctx, TORC_E_FORMAT,
                         "specification: '%s' takes floats but its integers exceed 2^53",
                         port->name);
    }
    return TORC_OK;
}

static torc_status check_scales(torc_ctx *ctx, const torc_port *port)
{
    const size_t count = torc_shape_count(port->rank, port->shape);
    const uint32_t n = port->scale_count;
    const bool fits = port->is_float ? n == 1 || (n == count && n <= MAX_SCALES) : n == 0;
    if (!fits || (n > 0 && (port->real_scale == NULL || port->real_offset == NULL))) {
        return torc_fail(
            ctx, TORC_E_FORMAT, "specification: '%s' has %u scales for %zu elements, wanted %s",
            port->name, n, count, port->is_float ? "1 or one an element" : "none for integers");
    }
    for (uint32_t i = 0; i < n; i++) {
        const double scale = port->real_scale[i];
        if (!isfinite(scale) || scale == 0 || !isfinite(port->real_offset[i])) {
            return torc_fail(ctx, TORC_E_FORMAT,
                             "specification: '%s' has scale %g and offset %g at %u, wanted finite "
                             "numbers and no zero scale",
                             port->name, scale, port->real_offset[i], i);
        }
    }
    return TORC_OK;
}

static torc_status check_ports(torc_ctx *ctx, const torc_port *ports, uint32_t count, bool is_input)
{
    const char *what = is_input ? "an input" : "an output";
    if (count < 1 || count > TORC_SPEC_MAX_PORTS || ports == NULL) {
        return torc_fail(ctx, TORC_E_FORMAT, "specification: %u %s, wanted 1 to %d", count,
                         is_input ? "inputs" : "outputs", TORC_SPEC_MAX_PORTS);
    }
    for (uint32_t i = 0; i < count; i++) {
        TORC_TRY(check_name(ctx, ports[i].name, what));
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(ports[i].name, ports[j].name) == 0) {
                return torc_fail(ctx, TORC_E_FORMAT, "specification: two %s are named '%s'",
                                 is_input ? "inputs" : "outputs", ports[i].name);
            }
        }
        TORC_TRY(check_shape(ctx, &ports[i]));
        TORC_TRY(check_widths(ctx, &ports[i]));
        TORC_TRY(check_bounds(ctx, &ports[i], is_input));
        TORC_TRY(check_scales(ctx, &ports[i]));
    }
    return TORC_OK;
}

/* Whether the steps fit the output is torc_spec_result_form. */
static torc_status check_posts(torc_ctx *ctx, const torc_spec *spec)
{
    if (spec->post_count > TORC_SPEC_MAX_POSTS) {
        return torc_fail(ctx, TORC_E_FORMAT, "specification: %u post steps, at most %d fit",
                         spec->post_count, TORC_SPEC_MAX_POSTS);
    }
    for (uint32_t i = 0; i < spec->post_count; i++) {
        const torc_post *post = &spec->posts[i];
        if (!isfinite(post->alpha) || !isfinite(post->beta) || post->label_count > MAX_LABELS) {
            return torc_fail(
                ctx, TORC_E_FORMAT,
                "specification: post step %u has a parameter that is not finite or more "
                "than 2^20 labels",
                i);
        }
    }
    torc_form form;
    return torc_spec_result_form(ctx, &form, spec, 0);
}

static torc_status check_claim(torc_ctx *ctx, const char *field, double log2_p)
{
    if (!(log2_p <= 0)) { /* NaN too */
        return torc_fail(
            ctx, TORC_E_FORMAT,
            "specification: %s is %g, wanted the logarithm of a probability (at most 0)", field,
            log2_p);
    }
    return TORC_OK;
}

static torc_status check_claims(torc_ctx *ctx, const torc_spec *spec)
{
    if ((spec->contract != TORC_EXACT && spec->contract != TORC_ROUNDED) ||
        (spec->profile != TORC_PRIVATE && spec->profile != TORC_SHARED &&
         spec->profile != TORC_CUSTOM)) {
        return torc_fail(ctx, TORC_E_FORMAT, "specification: unknown contract %d or profile %d",
                         (int)spec->contract, (int)spec->profile);
    }
    TORC_TRY(check_claim(ctx, "log2_p_error_lookup", spec->log2_p_error_lookup));
    TORC_TRY(check_claim(ctx, "log2_p_error_circuit", spec->log2_p_error_circuit));
    return check_claim(ctx, "log2_p_error_bound", spec->log2_p_error_bound);
}

torc_status torc_spec_check(torc_ctx *ctx, const torc_spec *spec)
{
    TORC_TRY(check_name(ctx, spec->circuit_name, "the circuit"));
    TORC_TRY(check_claims(ctx, spec));
    if (!spec->is_virtual) { /* a virtual circuit has no parameters */
        TORC_TRY(torc_params_check(ctx, &spec->params));
    }
    TORC_TRY(check_ports(ctx, spec->inputs, spec->input_count, true));
    TORC_TRY(check_ports(ctx, spec->outputs, spec->output_count, false));
    return check_posts(ctx, spec);
}
