/* Owning a specification: freeing and copying. What its fields mean stands in spec.h; what they may
 * hold, in spec_check.c. */
#include "runtime/spec.h"

#include "runtime/status.h"

#include <stdlib.h>
#include <string.h>

static void free_port(torc_port *port)
{
    free(port->name);
    free(port->real_scale);
    free(port->real_offset);
}

static void free_ports(torc_port *ports, uint32_t count)
{
    for (uint32_t i = 0; ports != NULL && i < count; i++) {
        free_port(&ports[i]);
    }
    free(ports);
}

void torc_spec_free(torc_spec *spec)
{
    if (spec == NULL) {
        return;
    }
    for (uint32_t i = 0; spec->posts != NULL && i < spec->post_count; i++) {
        free(spec->posts[i].name);
        free(spec->posts[i].labels);
    }
    free(spec->posts);
    free_ports(spec->inputs, spec->input_count);
    free_ports(spec->outputs, spec->output_count);
    free(spec->circuit_name);
    memset(spec, 0, sizeof *spec);
}

static torc_status copy_text(torc_ctx *ctx, char **out, const char *in)
{
    *out = NULL;
    if (in == NULL) {
        return TORC_OK;
    }
    const size_t size = strlen(in) + 1;
    TORC_TRY(TORC_ALLOC(ctx, *out, size));
    memcpy(*out, in, size);
    return TORC_OK;
}

static torc_status copy_doubles(torc_ctx *ctx, double **out, const double *in, size_t count)
{
    *out = NULL;
    if (in == NULL) {
        return TORC_OK;
    }
    TORC_TRY(TORC_ALLOC(ctx, *out, count));
    memcpy(*out, in, count * sizeof *in);
    return TORC_OK;
}

/* The pointers of *out are cleared before anything can fail, so that a half-made copy can be freed.
 */
static torc_status copy_port(torc_ctx *ctx, torc_port *out, const torc_port *in)
{
    *out = *in;
    out->name = NULL;
    out->real_scale = NULL;
    out->real_offset = NULL;
    TORC_TRY(copy_text(ctx, &out->name, in->name));
    TORC_TRY(copy_doubles(ctx, &out->real_scale, in->real_scale, in->scale_count));
    return copy_doubles(ctx, &out->real_offset, in->real_offset, in->scale_count);
}

static torc_status copy_ports(torc_ctx *ctx, torc_port **out, const torc_port *in, uint32_t count)
{
    TORC_TRY(TORC_ALLOC(ctx, *out, count));
    for (uint32_t i = 0; i < count; i++) {
        TORC_TRY(copy_port(ctx, &(*out)[i], &in[i]));
    }
    return TORC_OK;
}

static torc_status copy_post(torc_ctx *ctx, torc_post *out, const torc_post *in)
{
    *out = *in;
    out->name = NULL;
    out->labels = NULL;
    TORC_TRY(copy_text(ctx, &out->name, in->name));
    if (in->labels != NULL) {
        TORC_TRY(TORC_ALLOC(ctx, out->labels, in->label_count));
        memcpy(out->labels, in->labels, in->label_count * sizeof *in->labels);
    }
    return TORC_OK;
}

static torc_status copy_members(torc_ctx *ctx, torc_spec *out, const torc_spec *in)
{
    TORC_TRY(copy_text(ctx, &out->circuit_name, in->circuit_name));
    TORC_TRY(copy_ports(ctx, &out->inputs, in->inputs, in->input_count));
    TORC_TRY(copy_ports(ctx, &out->outputs, in->outputs, in->output_count));
    TORC_TRY(TORC_ALLOC(ctx, out->posts, in->post_count));
    for (uint32_t i = 0; i < in->post_count; i++) {
        TORC_TRY(copy_post(ctx, &out->posts[i], &in->posts[i]));
    }
    return TORC_OK;
}

torc_status torc_spec_copy(torc_ctx *ctx, torc_spec *out, const torc_spec *in)
{
    torc_spec copy = *in;
    copy.circuit_name = NULL;
    copy.inputs = NULL;
    copy.outputs = NULL;
    copy.posts = NULL;
    memset(out, 0, sizeof *out);
    const torc_status status = copy_members(ctx, &copy, in);
    if (status != TORC_OK) {
        torc_spec_free(&copy);
        return status;
    }
    *out = copy;
    return TORC_OK;
}
