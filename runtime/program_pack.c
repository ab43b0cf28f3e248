/* Packing walks the program twice: once to count, once to copy. Unpacking takes each array from the
 * front of its part and must end with every part used up, so that one program has exactly one
 * packed form and the other way round. Must not know files or specifications.
 *
 * Words of an instruction: kind, level, then of a linear: group_count, out_count, in_count,
 * weight_groups, constant_groups, out, out_group_stride, out_stride, has weight_clear,
 * clear_term_count, has constant_turns; of a lookup: count, out, 0, ... */
#include "runtime/program_pack.h"

#include "runtime/status.h"

#include <stdlib.h>
#include <string.h>

#define COUNTS      6
#define PLACE_WORDS 2

const torc_pack_form torc_pack_forms[TORC_PACK_PART_COUNT] = {
    [TORC_PACK_COUNTS] = {"program/counts", TORC_RAW_U32},
    [TORC_PACK_PLACES] = {"program/places", TORC_RAW_U32},
    [TORC_PACK_PLACE_ELEMENTS] = {"program/place_elements", TORC_RAW_U32},
    [TORC_PACK_TABLE_BITS] = {"program/table_bits", TORC_RAW_U32},
    [TORC_PACK_TABLE_ENTRIES] = {"program/table_entries", TORC_RAW_U64},
    [TORC_PACK_INSTRS] = {"program/instructions", TORC_RAW_U32},
    [TORC_PACK_GATHER] = {"program/gather", TORC_RAW_U32},
    [TORC_PACK_WEIGHT] = {"program/weight", TORC_RAW_I64},
    [TORC_PACK_CONSTANT] = {"program/constant", TORC_RAW_U64},
    [TORC_PACK_CONSTANT_TURNS] = {"program/constant_turns", TORC_RAW_I64},
    [TORC_PACK_WEIGHT_CLEAR] = {"program/weight_clear", TORC_RAW_U32},
    [TORC_PACK_TERM_OUT] = {"program/clear_term_out", TORC_RAW_U32},
    [TORC_PACK_TERM_ELEMENT] = {"program/clear_term_element", TORC_RAW_U32},
    [TORC_PACK_TERM_SCALE] = {"program/clear_term_scale", TORC_RAW_U64},
    [TORC_PACK_LOOKUP_IN] = {"program/lookup_in", TORC_RAW_U32},
    [TORC_PACK_LOOKUP_TABLE] = {"program/lookup_table", TORC_RAW_U32},
    [TORC_PACK_LOOKUP_OFFSET] = {"program/lookup_offset", TORC_RAW_U64},
};

static size_t part_size(torc_pack_part part)
{
    return torc_pack_forms[part].dtype == TORC_RAW_U32 ? sizeof(uint32_t) : sizeof(uint64_t);
}

/* --- packing -------------------------------------------------------------------------------------
 */

typedef struct packer {
    size_t count[TORC_PACK_PART_COUNT];
    char *data[TORC_PACK_PART_COUNT]; /* NULL while counting */
} packer;

static void put(packer *p, torc_pack_part part, const void *values, size_t count)
{
    if (p->data[part] != NULL && count > 0) {
        memcpy(p->data[part] + p->count[part] * part_size(part), values, count * part_size(part));
    }
    p->count[part] += count;
}

static void put_place(packer *p, const torc_place *place)
{
    const uint32_t words[PLACE_WORDS] = {place->encrypted, place->count};
    put(p, TORC_PACK_PLACES, words, PLACE_WORDS);
    put(p, TORC_PACK_PLACE_ELEMENTS, place->element, place->count);
}

static void put_linear(packer *p, uint32_t level, const torc_linear *a)
{
    const uint32_t words[TORC_PACK_INSTR_WORDS] = {TORC_INSTR_LINEAR,
                                                   level,
                                                   a->group_count,
                                                   a->out_count,
                                                   a->in_count,
                                                   a->weight_groups,
                                                   a->constant_groups,
                                                   a->out,
                                                   a->out_group_stride,
                                                   a->out_stride,
                                                   a->weight_clear != NULL,
                                                   a->clear_term_count,
                                                   a->constant_turns != NULL};
    const size_t constants = (size_t)a->constant_groups * a->out_count;
    const size_t weights = (size_t)a->weight_groups * a->out_count * a->in_count;
    put(p, TORC_PACK_INSTRS, words, TORC_PACK_INSTR_WORDS);
    put(p, TORC_PACK_GATHER, a->gather, (size_t)a->group_count * a->in_count);
    put(p, TORC_PACK_WEIGHT, a->weight, weights);
    put(p, TORC_PACK_CONSTANT, a->constant, constants);
    put(p, TORC_PACK_CONSTANT_TURNS, a->constant_turns, a->constant_turns != NULL ? constants : 0);
    put(p, TORC_PACK_WEIGHT_CLEAR, a->weight_clear, a->weight_clear != NULL ? weights : 0);
    put(p, TORC_PACK_TERM_OUT, a->clear_term_out, a->clear_term_count);
    put(p, TORC_PACK_TERM_ELEMENT, a->clear_term_element, a->clear_term_count);
    put(p, TORC_PACK_TERM_SCALE, a->clear_term_scale, a->clear_term_count);
}

static void put_lookup(packer *p, uint32_t level, const torc_lookup *a)
{
    const uint32_t words[TORC_PACK_INSTR_WORDS] = {TORC_INSTR_LOOKUP, level, a->count, a->out};
    put(p, TORC_PACK_INSTRS, words, TORC_PACK_INSTR_WORDS);
    put(p, TORC_PACK_LOOKUP_IN, a->in, a->count);
    put(p, TORC_PACK_LOOKUP_TABLE, a->table, a->count);
    put(p, TORC_PACK_LOOKUP_OFFSET, a->offset, a->count);
}

static void put_program(packer *p, const torc_program *program)
{
    const uint32_t counts[COUNTS] = {program->element_count, program->clear_count,
                                     program->input_count,   program->output_count,
                                     program->table_count,   program->instr_count};
    put(p, TORC_PACK_COUNTS, counts, COUNTS);
    for (uint32_t i = 0; i < program->input_count; i++) {
        put_place(p, &program->inputs[i]);
    }
    for (uint32_t i = 0; i < program->output_count; i++) {
        put_place(p, &program->outputs[i]);
    }
    for (uint32_t i = 0; i < program->table_count; i++) {
        const torc_table *table = &program->tables[i];
        put(p, TORC_PACK_TABLE_BITS, &table->index_bits, 1);
        put(p, TORC_PACK_TABLE_ENTRIES, table->entry, (size_t)1 << table->index_bits);
    }
    for (uint32_t i = 0; i < program->instr_count; i++) {
        const torc_instr *instr = &program->instrs[i];
        if (instr->kind == TORC_INSTR_LINEAR) {
            put_linear(p, instr->level, &instr->linear);
        } else {
            put_lookup(p, instr->level, &instr->lookup);
        }
    }
}

torc_status torc_program_pack(torc_ctx *ctx, torc_packed_program *out, const torc_program *program)
{
    packer p = {0};
    memset(out, 0, sizeof *out);
    put_program(&p, program);
    for (int i = 0; i < TORC_PACK_PART_COUNT; i++) {
        const torc_status s =
            torc_alloc(ctx, (void **)&p.data[i], p.count[i], part_size((torc_pack_part)i));
        out->data[i] = p.data[i];
        if (s != TORC_OK) {
            torc_packed_program_free(out);
            return s;
        }
    }
    memset(p.count, 0, sizeof p.count);
    put_program(&p, program);
    memcpy(out->count, p.count, sizeof p.count);
    return TORC_OK;
}

void torc_packed_program_free(torc_packed_program *packed)
{
    for (int i = 0; i < TORC_PACK_PART_COUNT; i++) {
        free((void *)packed->data[i]);
    }
    memset(packed, 0, sizeof *packed);
}

/* --- unpacking -----------------------------------------------------------------------------------
 */

typedef struct unpacker {
    torc_ctx *ctx;
    const torc_packed_program *packed;
    size_t used[TORC_PACK_PART_COUNT];
} unpacker;

/* The next count values of a part, borrowed. */
static torc_status next(unpacker *u, const void **out, torc_pack_part part, uint64_t count)
{
    const size_t rest = u->packed->count[part] - u->used[part];
    if (count > rest) {
        return torc_fail(u->ctx, TORC_E_FORMAT, "%s: %llu more values are promised, %zu are there",
                         torc_pack_forms[part].name, (unsigned long long)count, rest);
    }
    *out = (const char *)u->packed->data[part] + u->used[part] * part_size(part);
    u->used[part] += (size_t)count;
    return TORC_OK;
}

/* The same as a block of its own. */
static torc_status take(unpacker *u, void *pointer, torc_pack_part part, uint64_t count)
{
    const void *values = NULL;
    void *copy = NULL;
    TORC_TRY(next(u, &values, part, count));
    TORC_TRY(torc_alloc(u->ctx, &copy, (size_t)count, part_size(part)));
    if (count > 0) {
        memcpy(copy, values, (size_t)count * part_size(part));
    }
    memcpy(pointer, &copy, sizeof copy); /* a pointer to any array type */
    return TORC_OK;
}

static torc_status take_places(unpacker *u, torc_place **out, uint32_t *out_count, uint32_t count)
{
    const void *values = NULL;
    TORC_TRY(next(u, &values, TORC_PACK_PLACES, (uint64_t)count * PLACE_WORDS));
    TORC_TRY(TORC_ALLOC(u->ctx, *out, count));
    *out_count = count;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t *words = (const uint32_t *)values + (size_t)i * PLACE_WORDS;
        if (words[0] > 1) {
            return torc_fail(u->ctx, TORC_E_FORMAT, "program/places: flag %u is neither 0 nor 1",
                             words[0]);
        }
        (*out)[i].encrypted = words[0] == 1;
        (*out)[i].count = words[1];
        TORC_TRY(take(u, &(*out)[i].element, TORC_PACK_PLACE_ELEMENTS, words[1]));
    }
    return TORC_OK;
}

static torc_status take_tables(unpacker *u, torc_program *program, uint32_t count)
{
    const void *values = NULL;
    TORC_TRY(next(u, &values, TORC_PACK_TABLE_BITS, count));
    TORC_TRY(TORC_ALLOC(u->ctx, program->tables, count));
    program->table_count = count;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t bits = ((const uint32_t *)values)[i];
        if (bits > TORC_INDEX_BITS_VIRTUAL) {
            return torc_fail(u->ctx, TORC_E_FORMAT, "program/table_bits: %u bits, at most %d", bits,
                             TORC_INDEX_BITS_VIRTUAL);
        }
        program->tables[i].index_bits = bits;
        TORC_TRY(take(u, &program->tables[i].entry, TORC_PACK_TABLE_ENTRIES, (uint64_t)1 << bits));
    }
    return TORC_OK;
}

static torc_status take_linear(unpacker *u, torc_linear *a, const uint32_t *words)
{
    a->group_count = words[2];
    a->out_count = words[3];
    a->in_count = words[4];
    a->weight_groups = words[5];
    a->constant_groups = words[6];
    a->out = words[7];
    a->out_group_stride = words[8];
    a->out_stride = words[9];
    a->clear_term_count = words[11];
    const uint64_t constants = (uint64_t)words[6] * words[3];
    uint64_t weights = 0;
    if (words[10] > 1 || words[12] > 1 ||
        __builtin_mul_overflow((uint64_t)words[3] * words[4], words[5], &weights)) {
        return torc_fail(u->ctx, TORC_E_FORMAT,
                         "program/instructions: impossible sizes of a linear");
    }
    TORC_TRY(take(u, &a->gather, TORC_PACK_GATHER, (uint64_t)a->group_count * a->in_count));
    TORC_TRY(take(u, &a->weight, TORC_PACK_WEIGHT, weights));
    TORC_TRY(take(u, &a->constant, TORC_PACK_CONSTANT, constants));
    if (words[12] == 1) {
        TORC_TRY(take(u, &a->constant_turns, TORC_PACK_CONSTANT_TURNS, constants));
    }
    if (words[10] == 1) {
        TORC_TRY(take(u, &a->weight_clear, TORC_PACK_WEIGHT_CLEAR, weights));
    }
    TORC_TRY(take(u, &a->clear_term_out, TORC_PACK_TERM_OUT, a->clear_term_count));
    TORC_TRY(take(u, &a->clear_term_element, TORC_PACK_TERM_ELEMENT, a->clear_term_count));
    return take(u, &a->clear_term_scale, TORC_PACK_TERM_SCALE, a->clear_term_count);
}

static torc_status take_lookup(unpacker *u, torc_lookup *a, const uint32_t *words)
{
    a->count = words[2];
    a->out = words[3];
    for (int i = 4; i < TORC_PACK_INSTR_WORDS; i++) {
        if (words[i] != 0) {
            return torc_fail(u->ctx, TORC_E_FORMAT,
                             "program/instructions: a lookup with words left over");
        }
    }
    TORC_TRY(take(u, &a->in, TORC_PACK_LOOKUP_IN, a->count));
    TORC_TRY(take(u, &a->table, TORC_PACK_LOOKUP_TABLE, a->count));
    return take(u, &a->offset, TORC_PACK_LOOKUP_OFFSET, a->count);
}

static torc_status take_instrs(unpacker *u, torc_program *program, uint32_t count)
{
    const void *values = NULL;
    TORC_TRY(next(u, &values, TORC_PACK_INSTRS, (uint64_t)count * TORC_PACK_INSTR_WORDS));
    TORC_TRY(TORC_ALLOC(u->ctx, program->instrs, count));
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t *words = (const uint32_t *)values + (size_t)i * TORC_PACK_INSTR_WORDS;
        torc_instr *instr = &program->instrs[i];
        if (words[0] != TORC_INSTR_LINEAR && words[0] != TORC_INSTR_LOOKUP) {
            return torc_fail(u->ctx, TORC_E_FORMAT,
                             "program/instructions: instruction %u is of unknown kind %u", i,
                             words[0]);
        }
        instr->kind = (torc_instr_kind)words[0];
        instr->level = words[1];
        program->instr_count = i + 1; /* what torc_program_free may look at */
        TORC_TRY(instr->kind == TORC_INSTR_LINEAR ? take_linear(u, &instr->linear, words)
                                                  : take_lookup(u, &instr->lookup, words));
    }
    return TORC_OK;
}

static torc_status unpack(unpacker *u, torc_program *program)
{
    const void *values = NULL;
    TORC_TRY(next(u, &values, TORC_PACK_COUNTS, COUNTS));
    const uint32_t *counts = values;
    program->element_count = counts[0];
    program->clear_count = counts[1];
    TORC_TRY(take_places(u, &program->inputs, &program->input_count, counts[2]));
    TORC_TRY(take_places(u, &program->outputs, &program->output_count, counts[3]));
    TORC_TRY(take_tables(u, program, counts[4]));
    TORC_TRY(take_instrs(u, program, counts[5]));
    for (int i = 0; i < TORC_PACK_PART_COUNT; i++) {
        if (u->used[i] != u->packed->count[i]) {
            return torc_fail(u->ctx, TORC_E_FORMAT, "%s: %zu values, %zu are used",
                             torc_pack_forms[i].name, u->packed->count[i], u->used[i]);
        }
    }
    return TORC_OK;
}

torc_status torc_program_unpack(torc_ctx *ctx, torc_program *out, const torc_packed_program *packed)
{
    torc_program program = {0};
    unpacker u = {.ctx = ctx, .packed = packed};
    const torc_status s = unpack(&u, &program);
    if (s != TORC_OK) {
        torc_program_free(&program);
        program = (torc_program){0};
    }
    *out = program;
    return s;
}
