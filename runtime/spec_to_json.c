/* A specification as canonical JSON: members sorted, no white space, 64-bit integers as decimal
 * strings, floats with 17 digits. The same specification always gives the same bytes. */
#include "runtime/memstream.h"
#include "runtime/params_json.h"
#include "runtime/spec.h"
#include "runtime/spec_names.h"
#include "runtime/status.h"

#include <inttypes.h>
#include <math.h>

/* Names are free of control characters (spec_check.c): only two characters need an escape. */
static void print_text(FILE *out, const char *text)
{
    torc_print(out, "\"");
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            torc_print(out, "\\");
        }
        torc_print(out, "%c", *text);
    }
    torc_print(out, "\"");
}

static bool is_number_byte(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == 'e';
}

/* 17 digits give every double back. Whatever the locale puts between the digits is the point. */
static void print_double(FILE *out, double x)
{
    char text[64];
    bool in_point = false;
    (void)snprintf(text, sizeof text, "%.17g", x + 0.0); /* -0 becomes 0 */
    for (const char *c = text; *c != '\0'; c++) {
        if (is_number_byte(*c)) {
            torc_print(out, "%c", *c);
            in_point = false;
        } else if (!in_point) {
            torc_print(out, ".");
            in_point = true;
        }
    }
}

static void print_doubles(FILE *out, const double *x, size_t count)
{
    torc_print(out, "[");
    for (size_t i = 0; i < count; i++) {
        torc_print(out, "%s", i == 0 ? "" : ",");
        print_double(out, x[i]);
    }
    torc_print(out, "]");
}

static void print_shape(FILE *out, uint32_t rank, const size_t *shape)
{
    torc_print(out, "\"shape\":[");
    for (uint32_t i = 0; i < rank; i++) {
        torc_print(out, i == 0 ? "%zu" : ",%zu", shape[i]);
    }
    torc_print(out, "]");
}

static const char *truth(bool value)
{
    return value ? "true" : "false";
}

static void print_port(FILE *out, const torc_port *port)
{
    torc_print(out, "{\"encoding_bits\":%u,\"encrypted\":%s,\"is_float\":%s,\"is_signed\":%s",
               port->encoding_bits, truth(port->encrypted), truth(port->is_float),
               truth(port->is_signed));
    torc_print(out, ",\"max\":\"%" PRId64 "\",\"min\":\"%" PRId64 "\",\"name\":", port->max,
               port->min);
    print_text(out, port->name);
    torc_print(out, ",\"real_offset\":");
    print_doubles(out, port->real_offset, port->scale_count);
    torc_print(out, ",\"real_scale\":");
    print_doubles(out, port->real_scale, port->scale_count);
    torc_print(out, ",");
    print_shape(out, port->rank, port->shape);
    torc_print(out, ",\"width\":%u}", port->width);
}

static void print_ports(FILE *out, const char *member, const torc_port *ports, uint32_t count)
{
    torc_print(out, ",\"%s\":[", member);
    for (uint32_t i = 0; i < count; i++) {
        torc_print(out, "%s", i == 0 ? "" : ",");
        print_port(out, &ports[i]);
    }
    torc_print(out, "]");
}

static void print_labels(FILE *out, const torc_post *post)
{
    torc_print(out, ",\"labels\":[");
    for (size_t i = 0; i < post->label_count; i++) {
        torc_print(out, i == 0 ? "\"%" PRId64 "\"" : ",\"%" PRId64 "\"", post->labels[i]);
    }
    torc_print(out, "]");
}

/* Only the members of its kind, sorted: alpha, axis, beta, keep_dims, kind, labels, name, shape. */
static void print_post(FILE *out, const torc_post *post)
{
    const uint32_t members = torc_post_names[post->kind].members;
    torc_print(out, "{");
    if ((members & TORC_MEMBER_ALPHA_BETA) != 0) {
        torc_print(out, "\"alpha\":");
        print_double(out, post->alpha);
        torc_print(out, ",\"beta\":");
        print_double(out, post->beta);
        torc_print(out, ",");
    }
    if ((members & TORC_MEMBER_AXIS) != 0) {
        torc_print(out, "\"axis\":%" PRId32 ",", post->axis);
    }
    if ((members & TORC_MEMBER_KEEP_DIMS) != 0) {
        torc_print(out, "\"keep_dims\":%s,", truth(post->keep_dims));
    }
    torc_print(out, "\"kind\":\"%s\"", torc_post_names[post->kind].name);
    if ((members & TORC_MEMBER_LABELS) != 0) {
        print_labels(out, post);
    }
    if ((members & TORC_MEMBER_NAME) != 0) {
        torc_print(out, ",\"name\":");
        print_text(out, post->name);
    }
    if ((members & TORC_MEMBER_SHAPE) != 0) {
        torc_print(out, ",");
        print_shape(out, post->rank, post->shape);
    }
    torc_print(out, "}");
}

static void print_claim(FILE *out, const char *member, double log2_p)
{
    torc_print(out, ",\"%s\":", member);
    print_double(out, fmax(log2_p, TORC_LOG2_P_NEVER));
}

static void print_spec(FILE *out, const torc_spec *spec)
{
    torc_print(out, "{\"circuit_id\":\"");
    for (size_t i = 0; i < TORC_ID_BYTES; i++) {
        torc_print(out, "%02x", spec->circuit_id[i]);
    }
    torc_print(out, "\",\"circuit_name\":");
    print_text(out, spec->circuit_name);
    torc_print(out, ",\"contract\":\"%s\",\"format\":\"%s\"", torc_contract_names[spec->contract],
               TORC_SPEC_FORMAT);
    print_ports(out, "inputs", spec->inputs, spec->input_count);
    torc_print(out, ",\"is_virtual\":%s", truth(spec->is_virtual));
    print_claim(out, "log2_p_error_bound", spec->log2_p_error_bound);
    print_claim(out, "log2_p_error_circuit", spec->log2_p_error_circuit);
    print_claim(out, "log2_p_error_lookup", spec->log2_p_error_lookup);
    print_ports(out, "outputs", spec->outputs, spec->output_count);
    torc_print(out, ",\"params\":");
    if (spec->is_virtual) {
        torc_print(out, "null");
    } else {
        torc_params_print_json(out, &spec->params);
    }
    torc_print(out, ",\"posts\":[");
    for (uint32_t i = 0; i < spec->post_count; i++) {
        torc_print(out, "%s", i == 0 ? "" : ",");
        print_post(out, &spec->posts[i]);
    }
    torc_print(out, "],\"profile\":\"%s\"}", torc_profile_names[spec->profile]);
}

torc_status torc_spec_to_json(torc_ctx *ctx, char **out, const torc_spec *spec)
{
    torc_memstream stream;
    *out = NULL;
    TORC_TRY(torc_spec_check(ctx, spec));
    TORC_TRY(torc_memstream_open(ctx, &stream));
    print_spec(stream.file, spec);
    return torc_memstream_close(ctx, &stream, out);
}
