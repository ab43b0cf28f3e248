/* Holds the machine code of CUDA kernels against the committed table.
 *
 *   resources TABLE COUNTS BASE...           BASE.log: nvcc -Xptxas -v, BASE.sass: cuobjdump
 *                                            -sass, COUNTS: of tests/resources/counts.c
 *   resources --print TABLE COUNTS BASE...   prints the rows as they are now, to be committed
 *
 * A row must agree. Exactly: threads, dynamic shared memory, occupancy, loops. Not above: spills,
 * local accesses of the step loop. Within 8: registers. Within one part in 100: FP64 instructions,
 * conversions, wavefronts and sectors of each phase, clocks of the bound. Every kernel of the
 * objects needs a row, every row a kernel. */
#include "tests/resources/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct comparison {
    table_row *rows;
    size_t count;
    table_counts *counts;
    size_t counts_count;
    bool print;
    int wrong;
} comparison;

static bool near(double a, double b)
{
    return fabs(a - b) <= 0.01 * fmax(fabs(a), fabs(b));
}

static void complain(comparison *c, const char *kernel, const char *what, double is, double stated)
{
    fprintf(stderr, "resources: %s: %s %.6g, the table says %.6g\n", kernel, what, is, stated);
    c->wrong++;
}

static void compare_phases(comparison *c, const char *kernel, const char *what,
                           const table_phases *is, const table_phases *stated)
{
    if (is->count != stated->count) {
        complain(c, kernel, "phases", (double)is->count, (double)stated->count);
        return;
    }
    for (size_t i = 0; i < is->count; i++) {
        if (!near(is->of[i], stated->of[i])) {
            char text[64];
            snprintf(text, sizeof text, "%s in phase %zu:", what, i);
            complain(c, kernel, text, is->of[i], stated->of[i]);
        }
    }
}

static void set_phases(table_phases *out, const double *values, size_t count)
{
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        out->of[i] = values[i];
        any |= values[i] != 0.0;
    }
    out->count = any ? count : 0;
}

/* The row as machine code, compiler and emulator tell it; what they cannot know is taken from
 * `stated`. */
static table_row measured(const comparison *c, const table_row *stated, sass_kernel *kernel,
                          const table_ptxas *ptxas, sass_step *step)
{
    const table_counts *counts = table_find_counts(c->counts, c->counts_count, kernel->name);
    table_row row = *stated;
    if (counts != NULL) {
        row.threads = counts->threads;
        row.dynamic = counts->dynamic;
    }
    row.registers = ptxas->registers;
    row.spill = ptxas->spill;
    row.blocks = table_blocks(ptxas->registers, row.threads, row.dynamic + ptxas->shared);
    row.local = 0;
    row.fp64.count = row.conversions.count = 0;
    row.wavefronts = counts == NULL ? (table_phases){.count = 0} : counts->wavefronts;
    row.sectors = counts == NULL ? (table_phases){.count = 0} : counts->sectors;
    row.clocks = 0;
    if (sass_step_of(step, kernel, stated->trips, stated->trip_count)) {
        row.local = step->local;
        for (size_t i = row.trip_count; i < step->loop_count && i < TABLE_TRIPS_MAX; i++) {
            row.trips[i] = 1;
        }
        row.trip_count = step->loop_count < TABLE_TRIPS_MAX ? step->loop_count : TABLE_TRIPS_MAX;
        set_phases(&row.fp64, step->fp64, step->phase_count);
        set_phases(&row.conversions, step->conversions, step->phase_count);
        row.clocks = table_bound(&row);
    }
    return row;
}

static void compare_row(comparison *c, const table_row *is, const table_row *stated)
{
    const char *kernel = stated->kernel;
    if (is->threads != stated->threads) {
        complain(c, kernel, "threads", is->threads, stated->threads);
    }
    if (is->dynamic != stated->dynamic) {
        complain(c, kernel, "bytes of dynamic shared memory", (double)is->dynamic,
                 (double)stated->dynamic);
    }
    if (is->registers > stated->registers + 8 || is->registers + 8 < stated->registers) {
        complain(c, kernel, "registers", is->registers, stated->registers);
    }
    if (is->spill > stated->spill) {
        complain(c, kernel, "bytes of spills", is->spill, stated->spill);
    }
    if (is->blocks != stated->blocks) {
        complain(c, kernel, "blocks a multiprocessor", is->blocks, stated->blocks);
    }
    if (is->local > stated->local) {
        complain(c, kernel, "local accesses in the step loop", (double)is->local,
                 (double)stated->local);
    }
    if (is->trip_count != stated->trip_count) {
        complain(c, kernel, "loops inside the step loop", (double)is->trip_count,
                 (double)stated->trip_count);
    }
    compare_phases(c, kernel, "FP64 instructions", &is->fp64, &stated->fp64);
    compare_phases(c, kernel, "conversions", &is->conversions, &stated->conversions);
    compare_phases(c, kernel, "wavefronts", &is->wavefronts, &stated->wavefronts);
    compare_phases(c, kernel, "sectors", &is->sectors, &stated->sectors);
    if (!near(is->clocks, stated->clocks)) {
        complain(c, kernel, "clocks of the bound", is->clocks, stated->clocks);
    }
}

/* What the trips are chosen by. */
static void print_loops(const sass_kernel *kernel, const sass_step *step)
{
    for (size_t i = 0; i < step->loop_count; i++) {
        const sass_loop *loop = &step->inner[i];
        printf("#   loop %zu: 0x%x to 0x%x, %zu FP64, %zu shared, %zu global\n", i,
               kernel->code[loop->first].address, kernel->code[loop->last].address,
               sass_count(kernel, loop, SASS_FP64), sass_count(kernel, loop, SASS_SHARED),
               sass_count(kernel, loop, SASS_GLOBAL));
    }
}

static void check_kernel(comparison *c, sass_kernel *kernel, const table_ptxas *ptxas)
{
    table_row unknown = {.met = false};
    table_row *stated = table_find(c->rows, c->count, kernel->name);
    sass_step step;
    if (stated == NULL) {
        memcpy(unknown.kernel, kernel->name, sizeof unknown.kernel);
    } else {
        stated->met = true;
    }
    const table_row is = measured(c, stated == NULL ? &unknown : stated, kernel, ptxas, &step);
    if (c->print) {
        table_print_row(stdout, &is);
        print_loops(kernel, &step);
    } else if (stated == NULL) {
        fprintf(stderr, "resources: %s has no row in the table (resources --print)\n",
                kernel->name);
        c->wrong++;
    } else {
        compare_row(c, &is, stated);
    }
}

static const table_ptxas *find_ptxas(const table_ptxas *all, size_t count, const char *kernel)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(all[i].kernel, kernel) == 0) {
            return &all[i];
        }
    }
    return NULL;
}

static bool read_sass(sass_kernel **out, size_t *count, const char *path)
{
    FILE *listing = fopen(path, "r");
    const bool good = listing != NULL && sass_read(out, count, listing);
    if (listing != NULL) {
        fclose(listing);
    }
    if (!good) {
        fprintf(stderr, "resources: %s cannot be read\n", path);
    }
    return good;
}

static bool check_object(comparison *c, const char *base)
{
    char path[4096];
    sass_kernel *kernels = NULL;
    table_ptxas *logs = NULL;
    size_t count = 0, log_count = 0;
    snprintf(path, sizeof path, "%s.log", base);
    bool good = table_read_ptxas(&logs, &log_count, path);
    snprintf(path, sizeof path, "%s.sass", base);
    good = good && read_sass(&kernels, &count, path);
    for (size_t i = 0; good && i < count; i++) {
        const table_ptxas *ptxas = find_ptxas(logs, log_count, kernels[i].name);
        if (ptxas == NULL) {
            fprintf(stderr, "resources: %s.log does not speak of %s\n", base, kernels[i].name);
            good = false;
        } else {
            check_kernel(c, &kernels[i], ptxas);
        }
    }
    sass_free(kernels, count);
    free(logs);
    return good;
}

int main(int argc, char **argv)
{
    comparison c = {.print = argc > 1 && strcmp(argv[1], "--print") == 0};
    const int first = c.print ? 2 : 1;
    if (argc <= first + 2) {
        fprintf(stderr, "usage: resources [--print] TABLE COUNTS BASE...\n");
        return 2;
    }
    bool good = table_read(&c.rows, &c.count, argv[first]) &&
                table_read_counts(&c.counts, &c.counts_count, argv[first + 1]);
    for (int i = first + 2; good && i < argc; i++) {
        good = check_object(&c, argv[i]);
    }
    for (size_t i = 0; good && !c.print && i < c.count; i++) {
        if (!c.rows[i].met) {
            fprintf(stderr, "resources: no object holds %s\n", c.rows[i].kernel);
            c.wrong++;
        }
    }
    if (good && !c.print) {
        printf("resources: %zu kernels, %d differences\n", c.count, c.wrong);
    }
    free(c.rows);
    free(c.counts);
    return good && c.wrong == 0 ? 0 : 1;
}
