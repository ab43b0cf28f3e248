/* The constants of a program on the device: one block, made on the host and copied once.
 *
 *   for each linear instruction   gather, weights (32 bits where all of them fit), constants, clear
 *                                 factors and clear terms, each on a multiple of 16 bytes
 *   tables                        u64 [table_count][table_stride], u32 [table_count] index bits
 *
 * The block is walked twice by the same code: without memory to learn its size, then to fill it. */
#include "runtime/cuda/engine.h"
#include "runtime/status.h"

#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 16u

typedef struct block {
    uint8_t *host;         /* NULL: only measure */
    const uint8_t *device; /* where it will stand */
    size_t used;
} block;

/* Room for `bytes` at the next multiple of 16; NULL while measuring. */
static void *take(block *b, const void **device, size_t bytes)
{
    const size_t at = b->used;
    b->used += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    *device = b->device + at;
    return b->host == NULL ? NULL : b->host + at;
}

/* A copy of host data, at least one byte long so that no pointer is NULL; NULL stays NULL. */
static const void *put(block *b, const void *data, size_t bytes)
{
    const void *device = NULL;
    if (data == NULL) {
        return NULL;
    }
    void *to = take(b, &device, bytes + 1);
    if (to != NULL) {
        memcpy(to, data, bytes);
    }
    return device;
}

static bool fits_32_bits(const int64_t *weight, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (weight[i] < INT32_MIN || weight[i] > INT32_MAX) {
            return false;
        }
    }
    return true;
}

static void put_weights(block *b, torc_linear_layer *out, const torc_linear *in)
{
    const size_t count = (size_t)in->weight_groups * in->out_count * in->in_count;
    if (!fits_32_bits(in->weight, count)) {
        out->weight_i64 = put(b, in->weight, count * sizeof *in->weight);
        return;
    }
    const void *device = NULL;
    int32_t *to = take(b, &device, (count + 1) * sizeof *to);
    out->weight_i32 = device;
    for (size_t i = 0; to != NULL && i < count; i++) {
        to[i] = (int32_t)in->weight[i];
    }
}

static void put_linear(block *b, torc_linear_layer *out, const torc_linear *in)
{
    const size_t sources = (size_t)in->group_count * in->in_count;
    const size_t weights = (size_t)in->weight_groups * in->out_count * in->in_count;
    const size_t terms = in->clear_term_count;
    *out = (torc_linear_layer){.group_count = in->group_count,
                               .out_count = in->out_count,
                               .in_count = in->in_count,
                               .weight_groups = in->weight_groups,
                               .constant_groups = in->constant_groups,
                               .out = in->out,
                               .out_group_stride = in->out_group_stride,
                               .out_stride = in->out_stride,
                               .clear_term_count = in->clear_term_count};
    put_weights(b, out, in);
    out->gather = put(b, in->gather, sources * sizeof *in->gather);
    out->constant =
        put(b, in->constant, (size_t)in->constant_groups * in->out_count * sizeof *in->constant);
    out->weight_clear = put(b, in->weight_clear, weights * sizeof *in->weight_clear);
    if (terms != 0) {
        out->clear_term_out = put(b, in->clear_term_out, terms * sizeof *in->clear_term_out);
        out->clear_term_element =
            put(b, in->clear_term_element, terms * sizeof *in->clear_term_element);
        out->clear_term_scale = put(b, in->clear_term_scale, terms * sizeof *in->clear_term_scale);
    }
}

static uint32_t longest_table(const torc_program *program)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < program->table_count; i++) {
        bits = program->tables[i].index_bits > bits ? program->tables[i].index_bits : bits;
    }
    return UINT32_C(1) << bits;
}

static void put_tables(block *b, cuda_target *target, const torc_program *program)
{
    const size_t count = program->table_count;
    const uint32_t stride = longest_table(program);
    const void *entries = NULL;
    const void *bits = NULL;
    uint64_t *entry = take(b, &entries, (count + 1) * stride * sizeof *entry);
    uint32_t *index_bits = take(b, &bits, (count + 1) * sizeof *index_bits);
    target->table = entries;
    target->table_bits = bits;
    target->table_stride = stride;
    for (size_t i = 0; entry != NULL && i < count; i++) {
        index_bits[i] = program->tables[i].index_bits;
        memcpy(entry + i * stride, program->tables[i].entry, sizeof *entry << index_bits[i]);
    }
}

static void put_program(block *b, cuda_target *target, const torc_program *program)
{
    cuda_instr unused;
    size_t lookups = 0;
    for (uint32_t i = 0; i < program->instr_count; i++) {
        const torc_instr *instr = &program->instrs[i];
        cuda_instr *out = target->instrs == NULL ? &unused : &target->instrs[i];
        if (instr->kind == TORC_INSTR_LINEAR) {
            put_linear(b, &out->linear, &instr->linear);
        } else {
            out->first_row = lookups;
            lookups += instr->lookup.count;
        }
    }
    put_tables(b, target, program);
}

size_t torc_cuda_program_bytes(const torc_program *program)
{
    cuda_target unused = {0};
    block b = {0};
    put_program(&b, &unused, program);
    return b.used;
}

torc_status torc_cuda_program_load(torc_ctx *ctx, cuda_target *target)
{
    block b = {.device = target->constants};
    TORC_TRY(torc_alloc(ctx, (void **)&b.host, target->plan.constants, 1));
    put_program(&b, target, target->program);
    int error = torc_gpu_copy_in(target->constants, b.host, b.used, target->stream);
    if (error == 0) {
        error = torc_gpu_stream_wait(target->stream);
    }
    free(b.host);
    return torc_cuda_check(ctx, target, error, "copying the program to the device");
}
