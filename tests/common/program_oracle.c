#include "tests/common/program_oracle.h"

oracle_value oracle_signed(uint64_t word)
{
    const oracle_value turn = (oracle_value)1 << 64;
    return word >= (uint64_t)1 << 63 ? (oracle_value)word - turn : (oracle_value)word;
}

static void linear(oracle_value *element, const int64_t *clear, const torc_linear *a)
{
    for (uint32_t g = 0; g < a->group_count; g++) {
        for (uint32_t o = 0; o < a->out_count; o++) {
            const uint32_t wg = a->weight_groups == 1 ? 0 : g;
            const uint32_t cg = a->constant_groups == 1 ? 0 : g;
            oracle_value sum = oracle_signed(a->constant[cg * a->out_count + o]);
            if (a->constant_turns != NULL) {
                sum += (oracle_value)a->constant_turns[cg * a->out_count + o] << 64;
            }
            for (uint32_t i = 0; i < a->in_count; i++) {
                const uint32_t w = (wg * a->out_count + o) * a->in_count + i;
                const uint32_t source = a->gather[g * a->in_count + i];
                oracle_value weight = a->weight[w];
                if (a->weight_clear != NULL && a->weight_clear[w] != TORC_NO_ELEMENT) {
                    weight *= clear[a->weight_clear[w]];
                }
                sum += source == TORC_NO_ELEMENT ? 0 : weight * element[source];
            }
            element[a->out + g * a->out_group_stride + o * a->out_stride] = sum;
        }
    }
    for (uint32_t t = 0; t < a->clear_term_count; t++) {
        element[a->clear_term_out[t]] +=
            oracle_signed(a->clear_term_scale[t]) * clear[a->clear_term_element[t]];
    }
}

static oracle_value floor_divide(oracle_value a, oracle_value b)
{
    const oracle_value q = a / b;
    return a % b < 0 ? q - 1 : q;
}

static uint64_t lookup(oracle_value *element, const torc_lookup *a, const torc_table *tables)
{
    uint64_t outside = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        const torc_table *table = &tables[a->table[i]];
        const oracle_value size = (oracle_value)1 << table->index_bits;
        const oracle_value bin = ((oracle_value)1 << 63) / size;
        const oracle_value x = element[a->in[i]] + oracle_signed(a->offset[i]) + bin / 2;
        const oracle_value u = floor_divide(x, bin);
        const oracle_value turned = u - floor_divide(u, 2 * size) * 2 * size; /* in [0, 2 size) */
        outside += u < 0 || u >= size;
        if (turned < size) {
            element[a->out + i] = oracle_signed(table->entry[turned]);
        } else {
            element[a->out + i] = oracle_signed(0 - table->entry[turned - size]);
        }
    }
    return outside;
}

uint64_t oracle_run(oracle_value *element, const int64_t *clear, const torc_program *program)
{
    uint64_t outside = 0;
    for (uint32_t i = 0; i < program->instr_count; i++) {
        const torc_instr *instr = &program->instrs[i];
        if (instr->kind == TORC_INSTR_LINEAR) {
            linear(element, clear, &instr->linear);
        } else {
            outside += lookup(element, &instr->lookup, program->tables);
        }
    }
    return outside;
}
