/* The proof that a circuit's phases are exact in doubles. Walks the program once with a bound of
 * every element's magnitude and the finest unit that any of its numbers needs:
 *
 *   input     |m| <= its port's range, in units of 2^-(W+1)
 *   linear    sum |weight| bound + |constant + turns|: what no partial sum exceeds
 *   lookup    the largest entry; its index x must stay below 2^51 bins
 *
 * each plus the widest draw of its noise. Must not know how the program is run. */
#include "runtime/server/sim_grid.h"

#include "runtime/server/sim_torus.h"

#include <math.h>

#define DOUBLE_BITS 53
#define WORD_BITS   64
#define MAX_SIGMAS  8.5  /* where draws end (kernels/ref/gaussian.c) */
#define MAX_SHARE   0.01 /* of a variance, that rounding the draws may add */

typedef struct proof {
    const torc_circuit *circuit;
    const torc_sim_std *std;
    double *bound;       /* [element_count], of what the element holds now */
    double *table_bound; /* [table_count] */
    double largest;
    int needed; /* all clear numbers are multiples of 2^-needed */
    bool holds;
} proof;

static double keep(proof *p, double bound)
{
    p->largest = fmax(p->largest, bound);
    return bound;
}

static void need_bits(proof *p, int bits)
{
    p->needed = bits > p->needed ? bits : p->needed;
}

static void need_word(proof *p, uint64_t word)
{
    if (word != 0) {
        need_bits(p, WORD_BITS - __builtin_ctzll(word));
    }
}

static void bound_tables(proof *p)
{
    for (uint32_t t = 0; t < p->circuit->program.table_count; t++) {
        const torc_table *table = &p->circuit->program.tables[t];
        double most = 0;
        for (size_t u = 0; u < (size_t)1 << table->index_bits; u++) {
            most = fmax(most, fabs(torc_sim_turns(table->entry[u])));
            need_word(p, table->entry[u]);
        }
        p->table_bound[t] = most;
    }
}

static double largest_integer(const torc_port *port)
{
    if (port->is_float) {
        return fmax(fabs((double)port->min), fabs((double)port->max));
    }
    return ldexp(1, (int)port->width - (port->is_signed ? 1 : 0));
}

static void bound_inputs(proof *p)
{
    const torc_program *program = &p->circuit->program;
    for (uint32_t i = 0; i < program->input_count; i++) {
        const torc_port *port = &p->circuit->spec.inputs[i];
        const double most = ldexp(largest_integer(port), -(int)port->encoding_bits - 1) +
                            MAX_SIGMAS * p->std->fresh;
        need_bits(p, (int)port->encoding_bits + 1);
        for (uint32_t e = 0; e < program->inputs[i].count; e++) {
            p->bound[program->inputs[i].element[e]] = keep(p, most);
        }
    }
}

static double bound_sum(const proof *p, const torc_linear *a, size_t g, size_t o)
{
    const int64_t *weight =
        a->weight + ((a->weight_groups == 1 ? 0 : g) * a->out_count + o) * a->in_count;
    const size_t at = (a->constant_groups == 1 ? 0 : g) * a->out_count + o;
    double sum = fabs(torc_sim_turns(a->constant[at])) +
                 (a->constant_turns == NULL ? 0 : fabs((double)a->constant_turns[at]));
    for (size_t i = 0; i < a->in_count; i++) {
        const uint32_t element = a->gather[g * a->in_count + i];
        if (element != TORC_NO_ELEMENT) {
            sum += fabs((double)weight[i]) * p->bound[element];
        }
    }
    return sum;
}

static void bound_linear(proof *p, const torc_linear *a)
{
    for (size_t c = 0; c < (size_t)a->constant_groups * a->out_count; c++) {
        need_word(p, a->constant[c]);
    }
    for (size_t g = 0; g < a->group_count; g++) {
        for (size_t o = 0; o < a->out_count; o++) {
            p->bound[a->out + g * a->out_group_stride + o * a->out_stride] =
                keep(p, bound_sum(p, a, g, o));
        }
    }
}

static void bound_lookup(proof *p, const torc_lookup *a)
{
    for (uint32_t i = 0; i < a->count; i++) {
        const int bits = (int)p->circuit->program.tables[a->table[i]].index_bits;
        const double half_bin = ldexp(1, -bits - 2);
        const double x = keep(p, p->bound[a->in[i]] + MAX_SIGMAS * p->std->lookup_in +
                                     fabs(torc_sim_turns(a->offset[i])) + half_bin);
        need_bits(p, bits + 2);
        p->holds = p->holds && ldexp(x, bits + 1) < 0x1p51;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        p->bound[a->out + i] =
            keep(p, p->table_bound[a->table[i]] + MAX_SIGMAS * p->std->lookup_out);
    }
}

/* 2^e >= x. */
static int ceil_log2(double x)
{
    int exponent = 0;
    const double fraction = frexp(x, &exponent);
    return fraction == 0.5 ? exponent - 1 : exponent;
}

/* The finest grid: noise is rounded to it. A draw is rounded by adding 1.5 2^52 grid, so that it
 * must stay below 2^51 grid. */
static int noise_bits(const proof *p, int most_bits)
{
    const torc_sim_std *std = p->std;
    const double widest = fmax(std->fresh, fmax(std->lookup_in, std->lookup_out));
    double finest = widest;
    const int bits = (int)fmin(fmin(most_bits, WORD_BITS), 51 - ceil_log2(MAX_SIGMAS * widest));
    if (p->circuit->program.input_count > 0) {
        finest = fmin(finest, std->fresh);
    }
    if (std->lookup_in > 0) {
        finest = fmin(finest, fmin(std->lookup_in, std->lookup_out));
    }
    return ldexp(1, -2 * bits) / 12 <= MAX_SHARE * finest * finest ? bits : -1;
}

double torc_sim_grid(const torc_circuit *circuit, const torc_sim_std *std, double *bound,
                     double *table_bound)
{
    proof p = {.circuit = circuit, .std = std, .needed = 1, .holds = true};
    p.bound = bound;
    p.table_bound = table_bound;
    bound_tables(&p);
    bound_inputs(&p);
    for (uint32_t i = 0; i < circuit->program.instr_count; i++) {
        const torc_instr *instr = &circuit->program.instrs[i];
        if (instr->kind == TORC_INSTR_LINEAR) {
            bound_linear(&p, &instr->linear);
        } else {
            bound_lookup(&p, &instr->lookup);
        }
    }
    if (!p.holds || !(p.largest < 0x1p50)) {
        return 0;
    }
    /* The bounds are sums of doubles themselves: a little more than they say. */
    const int most_bits = DOUBLE_BITS - ceil_log2(p.largest * (1 + 0x1p-20));
    const int bits = std->fresh > 0 ? noise_bits(&p, most_bits) : p.needed;
    return bits >= p.needed && bits <= most_bits ? ldexp(1, -bits) : 0;
}
