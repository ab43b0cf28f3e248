/* Lane by lane; what crosses lanes or is single stands in execute_across.c and execute_single.c. */
#include "tests/instructions/execute.h"

#include "tests/instructions/lanes.h"

#include <string.h>

static const char *const misaligned = "misaligned address of an aligned access";

static const char *aligned_fault(const machine *m, const instruction *in, uint32_t bytes)
{
    if (strncmp(in->mnemonic, "vmova", 5) != 0 && strncmp(in->mnemonic, "vmovdqa", 7) != 0) {
        return NULL;
    }
    for (uint32_t i = 0; i < 2; i++) {
        if (in->op[i].kind == MEMORY &&
            (uintptr_t)operand_address(m, in, &in->op[i]) % bytes != 0) {
            return misaligned;
        }
    }
    return NULL;
}

static void execute_scalar(machine *m, const instruction *in, const lane_operation *o)
{
    vector out = operand_source(m, in, 1, 8, 16);
    const vector b = operand_source(m, in, 2, 8, 8);
    const lane_arguments x = {.a = out.u64[0], .b = b.u64[0]};
    out.u64[0] = o->function(&x);
    operand_result(m, in, &out, 8, 16);
}

static const char *execute_lanes(machine *m, const instruction *in, const lane_operation *o)
{
    if (o->kind == LANES_SCALAR) {
        execute_scalar(m, in, o);
        return NULL;
    }
    const uint32_t widest = instruction_bytes(in);
    const uint32_t from = o->kind == LANES_CONVERT ? o->from_bytes : o->bytes;
    const uint32_t lanes = widest / (from > o->bytes ? from : o->bytes);
    const vector a = operand_source(m, in, 1, from, lanes * from);
    vector b = {{0}};
    vector out = {{0}};
    lane_arguments x = {.imm = instruction_immediate(in)};
    if (o->kind == LANES_TWO) {
        b = operand_source(m, in, 2, o->bytes, widest);
    }
    if (o->kind == LANES_SHIFT && in->op[2].kind != IMMEDIATE) {
        x.imm = operand_source(m, in, 2, 8, 16).u64[0];
    }
    const vector *d = in->op[0].kind == VECTOR ? &m->v[in->op[0].reg] : &out;
    for (uint32_t n = 0; n < lanes; n++) {
        x.a = lane_get(&a, n, from);
        x.b = lane_get(&b, n, o->bytes);
        x.d = lane_get(d, n, o->bytes);
        lane_set(&out, n, o->bytes, o->function(&x));
    }
    const char *fault = aligned_fault(m, in, widest);
    operand_result(m, in, &out, o->bytes, lanes * o->bytes);
    return fault;
}

static bool execute_fused(machine *m, const instruction *in)
{
    const bool is_scalar = in->mnemonic[strlen(in->mnemonic) - 2] == 's';
    const uint32_t bytes = is_scalar ? 8 : instruction_bytes(in);
    vector d = m->v[in->op[0].reg];
    const vector a = operand_source(m, in, 1, 8, bytes);
    const vector b = operand_source(m, in, 2, 8, bytes);
    for (uint32_t n = 0; n < bytes / 8; n++) {
        if (!lane_fused(in->mnemonic, &d.f64[n], a.f64[n], b.f64[n])) {
            return false;
        }
    }
    operand_result(m, in, &d, 8, is_scalar ? 16 : bytes);
    return true;
}

const char *execute(machine *m, instruction *in)
{
    if (in->lanes == NULL && !in->is_other) {
        in->lanes = lane_operation_named(in->mnemonic);
        in->is_other = in->lanes == NULL;
    }
    if (in->lanes != NULL) {
        return execute_lanes(m, in, in->lanes);
    }
    if (execute_across(m, in) || execute_single(m, in) || execute_fused(m, in)) {
        return NULL;
    }
    return "no such instruction in tests/instructions/execute*.c";
}
