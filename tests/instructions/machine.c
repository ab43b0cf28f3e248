#include "tests/instructions/machine.h"

#include <string.h>

static uint64_t general(const machine *m, int reg, const instruction *in)
{
    return reg == NO_REGISTER ? 0 : reg == RIP_REGISTER ? in->next : (uint64_t)m->general[reg];
}

void *operand_address(const machine *m, const instruction *in, const operand *o)
{
    const uint64_t address = general(m, o->base, in) + general(m, o->index, in) * o->scale;
    return (void *)(uintptr_t)(address + (uint64_t)o->value);
}

bool lane_is_active(const machine *m, const instruction *in, uint32_t lane)
{
    return in->mask == NO_REGISTER || (m->k[in->mask] >> lane & 1) != 0;
}

uint64_t lane_get(const vector *x, uint32_t lane, uint32_t bytes)
{
    uint64_t out = 0;
    memcpy(&out, x->byte + (size_t)lane * bytes, bytes < sizeof out ? bytes : sizeof out);
    return out;
}

void lane_set(vector *x, uint32_t lane, uint32_t bytes, uint64_t value)
{
    memcpy(x->byte + (size_t)lane * bytes, &value, bytes < sizeof value ? bytes : sizeof value);
}

uint32_t instruction_bytes(const instruction *in)
{
    uint32_t bytes = 16;
    for (uint32_t i = 0; i < in->operand_count; i++) {
        if (in->op[i].kind == VECTOR && in->op[i].bytes > bytes) {
            bytes = in->op[i].bytes;
        }
    }
    return bytes;
}

vector operand_source(const machine *m, const instruction *in, uint32_t i, uint32_t lane,
                      uint32_t bytes)
{
    const operand *o = &in->op[i];
    vector out = {{0}};
    if (o->kind == VECTOR) {
        return m->v[o->reg];
    }
    if (o->kind == GENERAL) {
        out.u64[0] = (uint64_t)m->general[o->reg];
        return out;
    }
    if (o->kind == MASK) {
        out.u64[0] = m->k[o->reg];
        return out;
    }
    const uint8_t *from = operand_address(m, in, o);
    for (uint32_t n = 0; n < bytes / lane; n++) {
        if (lane_is_active(m, in, n)) {
            memcpy(out.byte + (size_t)n * lane, o->is_broadcast ? from : from + (size_t)n * lane,
                   lane);
        }
    }
    return out;
}

void operand_result(machine *m, const instruction *in, const vector *x, uint32_t lane,
                    uint32_t bytes)
{
    const operand *o = &in->op[0];
    if (o->kind == MEMORY) {
        uint8_t *to = operand_address(m, in, o);
        for (uint32_t n = 0; n < bytes / lane; n++) {
            if (lane_is_active(m, in, n)) {
                memcpy(to + (size_t)n * lane, x->byte + (size_t)n * lane, lane);
            }
        }
        return;
    }
    vector out = {{0}};
    const vector *old = &m->v[o->reg];
    for (uint32_t n = 0; n < bytes / lane; n++) {
        const uint64_t kept = in->is_zeroing ? 0 : lane_get(old, n, lane);
        lane_set(&out, n, lane, lane_is_active(m, in, n) ? lane_get(x, n, lane) : kept);
    }
    m->v[o->reg] = out;
}

uint64_t instruction_immediate(const instruction *in)
{
    const operand *last = &in->op[in->operand_count - 1];
    return last->kind == IMMEDIATE ? (uint64_t)last->value & 0xff : 0;
}

void general_set(machine *m, const operand *o, uint64_t x)
{
    m->general[o->reg] = (greg_t)(o->bytes == 8 ? x : x & UINT32_MAX);
}

bool mnemonic_starts(const instruction *in, const char *prefix)
{
    return strncmp(in->mnemonic, prefix, strlen(prefix)) == 0;
}

bool mnemonic_ends(const instruction *in, const char *suffix)
{
    const size_t length = strlen(in->mnemonic);
    const size_t tail = strlen(suffix);
    return length >= tail && strcmp(in->mnemonic + length - tail, suffix) == 0;
}

uint32_t mnemonic_element(const instruction *in)
{
    return mnemonic_ends(in, "ps")                             ? 4
           : mnemonic_ends(in, "pd") || mnemonic_ends(in, "q") ? 8
           : mnemonic_ends(in, "w")                            ? 2
                                                               : 4;
}
