#include "tests/common/example_programs.h"

#include "tests/common/program_builder.h"

#include <string.h>

#define UNITS(m) ((uint64_t)(int64_t)(m)*EXAMPLE_UNIT)

static void fill_table(torc_program *p, uint32_t table, int64_t factor, int64_t constant)
{
    for (uint32_t u = 0; u < 1u << p->tables[table].index_bits; u++) {
        p->tables[table].entry[u] = UNITS((factor * (int64_t)u + constant) % 8);
    }
}

static void dense(torc_program *p)
{
    static const int64_t weight[] = {1, -2, 3, 0, 5, -1};
    build_input(p, true, 0, 3);
    torc_linear *a = build_linear(p, 0, 3, 1, 2, 3);
    memcpy(a->weight, weight, sizeof weight);
    for (uint32_t i = 0; i < 3; i++) {
        a->gather[i] = i;
    }
    a->constant[0] = UNITS(-3);
    a->constant[1] = UNITS(1);
    build_output(p, true, 3, 2);
}

/* 4 positions, kernel of 3 with padding, 2 channels out, channels outermost in memory. */
static void convolution(torc_program *p)
{
    static const int64_t weight[] = {1, 2, -1, -1, 0, 1};
    build_input(p, true, 0, 4);
    torc_linear *a = build_linear(p, 0, 4, 4, 2, 3);
    a->out_group_stride = 1;
    a->out_stride = 4;
    memcpy(a->weight, weight, sizeof weight);
    for (uint32_t g = 0; g < 4; g++) {
        for (uint32_t i = 0; i < 3; i++) {
            const uint32_t position = g + i; /* plus one */
            a->gather[g * 3 + i] = position == 0 || position > 4 ? TORC_NO_ELEMENT : position - 1;
        }
    }
    a->constant[1] = UNITS(2);
    build_output(p, true, 4, 8);
}

static void own_weights_and_constants(torc_program *p)
{
    build_input(p, true, 0, 2);
    torc_linear *a = build_linear(p, 0, 2, 3, 1, 2);
    build_weight_groups(a, 3);
    static const int64_t weight[] = {1, 1, -1, 2, 4, 0};
    memcpy(a->weight, weight, sizeof weight);
    for (uint32_t g = 0; g < 3; g++) {
        a->gather[2 * g] = g % 2;
        a->gather[2 * g + 1] = 1 - g % 2;
    }
    build_output(p, true, 2, 3);
}

static void constants_by_group(torc_program *p)
{
    build_input(p, true, 0, 1);
    torc_linear *a = build_linear(p, 0, 1, 2, 1, 1);
    build_constant_groups(a, 2);
    a->constant[0] = UNITS(5);
    a->constant[1] = UNITS(-2);
    a->weight[0] = 1;
    a->gather[0] = a->gather[1] = 0;
    build_output(p, true, 1, 2);
}

static void clear_inputs(torc_program *p)
{
    build_input(p, true, 0, 2);
    build_input(p, false, 0, 3);
    torc_linear *a = build_linear(p, 0, 2, 1, 2, 2);
    static const int64_t weight[] = {1, -1, 2, 1};
    memcpy(a->weight, weight, sizeof weight);
    a->gather[0] = 0;
    a->gather[1] = 1;
    build_weight_clear(a);
    a->weight_clear[0] = 2;
    a->weight_clear[3] = 0;
    build_clear_term(a, 3, 1, UNITS(1));
    build_clear_term(a, 3, 2, UNITS(-2));
    build_output(p, true, 2, 2);
    build_output(p, false, 1, 1);
}

/* Every table, offsets both ways, and inputs that leave the table on either side. */
static void lookups(torc_program *p)
{
    const uint32_t one = build_table(p, 1);
    const uint32_t two = build_table(p, 2);
    const uint32_t three = build_table(p, 3);
    fill_table(p, one, 3, 1);
    fill_table(p, two, -1, 2);
    fill_table(p, three, 5, -4);
    build_input(p, true, 0, 3);
    torc_linear *scale = build_linear(p, 0, 3, 3, 1, 1);
    build_weight_groups(scale, 3);
    scale->weight[0] = 4; /* a bin of the 1-bit table is four units wide */
    scale->weight[1] = 2;
    scale->weight[2] = 1;
    for (uint32_t i = 0; i < 3; i++) {
        scale->gather[i] = i;
    }
    torc_lookup *a = build_lookup(p, 0, 6, 6, 3);
    for (uint32_t i = 0; i < 6; i++) {
        a->in[i] = 3 + i % 3;
        a->table[i] = i % 3 == 0 ? one : i % 3 == 1 ? two : three;
    }
    a->offset[3] = UNITS(4);
    a->offset[4] = UNITS(-6);
    a->offset[5] = UNITS(3);
    build_output(p, true, 6, 6);
}

/* lookup, sum, lookup; the second level overwrites the input and the first table's results. */
static void two_levels(torc_program *p)
{
    const uint32_t square = build_table(p, 3);
    const uint32_t step = build_table(p, 3);
    fill_table(p, square, 1, 0);
    fill_table(p, step, 0, 1);
    p->tables[square].entry[3] = UNITS(-2);
    p->tables[step].entry[0] = 0;
    build_input(p, true, 0, 2);
    build_lookup(p, 0, 2, 2, 0);
    torc_linear *sum = build_linear(p, 1, 0, 1, 2, 2);
    static const int64_t weight[] = {1, 1, 1, -1};
    memcpy(sum->weight, weight, sizeof weight);
    sum->gather[0] = 2;
    sum->gather[1] = 3;
    torc_lookup *second = build_lookup(p, 1, 2, 2, 0);
    second->table[0] = step;
    second->table[1] = square;
    build_output(p, true, 2, 2);
    build_output(p, true, 0, 1);
}

static void input_returned(torc_program *p)
{
    build_input(p, true, 0, 2);
    build_output(p, true, 0, 2);
    build_output(p, true, 1, 1);
}

static void constant_output(torc_program *p)
{
    build_input(p, true, 0, 1);
    torc_linear *a = build_linear(p, 0, 1, 1, 2, 0);
    a->constant[0] = UNITS(7);
    a->constant[1] = UNITS(-1);
    build_output(p, true, 1, 2);
}

const example_program example_programs[] = {
    {"dense", dense, -2, 2},
    {"convolution", convolution, -2, 3},
    {"own weights", own_weights_and_constants, 0, 2},
    {"constants by group", constants_by_group, -1, 2},
    {"clear inputs", clear_inputs, -2, 2},
    {"lookups", lookups, -8, 15},
    {"two levels", two_levels, -1, 7},
    {"input returned", input_returned, -8, 7},
    {"constant output", constant_output, 0, 1},
};
const size_t example_program_count = sizeof example_programs / sizeof *example_programs;
