/* The text listing of a program, for people and golden tests. Long arrays are cut, runs of elements
 * are written first..last, torus words as multiples of 2^z. Must not know encodings or backends. */
#include "runtime/memstream.h"
#include "runtime/program.h"
#include "runtime/status.h"

#include <inttypes.h>

#define MAX_SHOWN 16 /* items of one list */

/* 5, -3*2^58: the odd part and the power of two, as signed. */
static void print_torus(FILE *f, uint64_t word)
{
    if (word == 0) {
        fputs("0", f);
        return;
    }
    const int zeros = __builtin_ctzll(word);
    const int64_t odd = (int64_t)word / (int64_t)((uint64_t)1 << (zeros < 63 ? zeros : 62));
    if (zeros == 63) {
        fputs("2^63", f);
    } else if (zeros == 0) {
        fprintf(f, "%" PRId64, odd);
    } else {
        fprintf(f, "%" PRId64 "*2^%d", odd, zeros);
    }
}

static void print_torus_list(FILE *f, const uint64_t *word, size_t count)
{
    const size_t shown = count < MAX_SHOWN ? count : MAX_SHOWN;
    for (size_t i = 0; i < shown; i++) {
        fputs(i == 0 ? " " : ", ", f);
        print_torus(f, word[i]);
    }
    fputs(shown < count ? ", ...\n" : "\n", f);
}

static size_t run_length(const uint32_t *element, size_t count)
{
    size_t run = 1;
    while (run < count && element[0] != TORC_NO_ELEMENT && element[run] == element[0] + run) {
        run++;
    }
    return run;
}

static void print_elements(FILE *f, const uint32_t *element, size_t count)
{
    size_t i = 0;
    for (size_t shown = 0; i < count && shown < MAX_SHOWN; shown++) {
        const size_t run = run_length(element + i, count - i);
        fputs(i == 0 ? " " : ", ", f);
        if (element[i] == TORC_NO_ELEMENT) {
            fputs("none", f);
        } else if (run == 1) {
            fprintf(f, "%" PRIu32, element[i]);
        } else {
            fprintf(f, "%" PRIu32 "..%" PRIu32, element[i], element[i + run - 1]);
        }
        i += run;
    }
    fputs(i < count ? ", ...\n" : "\n", f);
}

static void print_weights(FILE *f, const torc_linear *a, size_t row)
{
    const size_t shown = a->in_count < MAX_SHOWN ? a->in_count : MAX_SHOWN;
    for (size_t i = 0; i < shown; i++) {
        const size_t at = row * a->in_count + i;
        fprintf(f, "%s%" PRId64, i == 0 ? " " : ", ", a->weight[at]);
        if (a->weight_clear != NULL && a->weight_clear[at] != TORC_NO_ELEMENT) {
            fprintf(f, "*clear %" PRIu32, a->weight_clear[at]);
        }
    }
    fputs(shown < a->in_count ? ", ...\n" : "\n", f);
}

static void print_linear(FILE *f, const torc_linear *a)
{
    fprintf(f, "%" PRIu32 " group%s, %" PRIu32 " output%s from %" PRIu32 " source%s\n",
            a->group_count, a->group_count == 1 ? "" : "s", a->out_count,
            a->out_count == 1 ? "" : "s", a->in_count, a->in_count == 1 ? "" : "s");
    fprintf(f, "    out %" PRIu32 " + %" PRIu32 "*group + %" PRIu32 "*output\n", a->out,
            a->out_group_stride, a->out_stride);
    for (size_t g = 0; g < a->group_count && a->in_count > 0; g++) {
        if (g == MAX_SHOWN) {
            fputs("    ...\n", f);
            break;
        }
        fprintf(f, "    gather %zu:", g);
        print_elements(f, a->gather + g * a->in_count, a->in_count);
    }
    const size_t rows = (size_t)a->weight_groups * a->out_count;
    for (size_t r = 0; r < rows && a->in_count > 0; r++) {
        if (r == MAX_SHOWN) {
            fputs("    ...\n", f);
            break;
        }
        fprintf(f, "    weight %zu,%zu:", r / a->out_count, r % a->out_count);
        print_weights(f, a, r);
    }
    fputs("    constant:", f);
    print_torus_list(f, a->constant, (size_t)a->constant_groups * a->out_count);
    for (size_t t = 0; t < a->clear_term_count; t++) {
        if (t == MAX_SHOWN) {
            fputs("    ...\n", f);
            break;
        }
        fprintf(f, "    element %" PRIu32 " += clear %" PRIu32 " * ", a->clear_term_out[t],
                a->clear_term_element[t]);
        print_torus(f, a->clear_term_scale[t]);
        fputc('\n', f);
    }
}

static void print_lookup(FILE *f, const torc_lookup *a)
{
    fprintf(f, "%" PRIu32 "\n    out %" PRIu32 "..%" PRIu32 "\n    in:", a->count, a->out,
            a->out + a->count - 1);
    print_elements(f, a->in, a->count);
    fputs("    table:", f);
    print_elements(f, a->table, a->count);
    fputs("    offset:", f);
    print_torus_list(f, a->offset, a->count);
}

static void print_places(FILE *f, const torc_place *places, uint32_t count, const char *what)
{
    for (uint32_t i = 0; i < count; i++) {
        fprintf(f, "%s %" PRIu32 ", %s:", what, i, places[i].encrypted ? "encrypted" : "clear");
        print_elements(f, places[i].element, places[i].count);
    }
}

static void print_program(FILE *f, const torc_program *p)
{
    fprintf(f,
            "program: %" PRIu32 " elements, %" PRIu32 " clear, %" PRIu64 " lookups in %" PRIu32
            " levels, %" PRIu64 " multiply-adds\n",
            p->element_count, p->clear_count, torc_program_lookup_count(p),
            torc_program_level_count(p), torc_program_linear_macs(p));
    print_places(f, p->inputs, p->input_count, "input");
    for (uint32_t t = 0; t < p->table_count; t++) {
        fprintf(f, "table %" PRIu32 ", %" PRIu32 " bits:", t, p->tables[t].index_bits);
        print_torus_list(f, p->tables[t].entry, (size_t)1 << p->tables[t].index_bits);
    }
    for (uint32_t i = 0; i < p->instr_count; i++) {
        const torc_instr *instr = &p->instrs[i];
        const bool linear = instr->kind == TORC_INSTR_LINEAR;
        fprintf(f, "%" PRIu32 ", level %" PRIu32 ": %s ", i, instr->level,
                linear ? "linear" : "lookup");
        if (linear) {
            print_linear(f, &instr->linear);
        } else {
            print_lookup(f, &instr->lookup);
        }
    }
    print_places(f, p->outputs, p->output_count, "output");
}

torc_status torc_program_print(torc_ctx *ctx, char **out, const torc_program *program)
{
    torc_memstream stream;
    *out = NULL;
    TORC_TRY(torc_memstream_open(ctx, &stream));
    print_program(stream.file, program);
    return torc_memstream_close(ctx, &stream, out);
}
