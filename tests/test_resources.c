/* The reader of machine code and the rules of occupancy, on small examples whose answers are known:
 * what tests/resources.sh would miss would be missed in silence. */
#include "tests/resources/table.h"

#include <criterion/criterion.h>
#include <string.h>

/* A loop over the grid around a step loop with two barriers, a loop inside its first phase, a
 * barrier of a few warps, a conversion, and a loop without barriers behind it. */
static const char listing[] =
    "\t\tFunction : _Z6rotateILi2ELb1EEvPd\n"
    "        /*0000*/                   LDC R1, c[0x0][0x28] ;      /* 0x00000a00ff017b82 */\n"
    "                                                               /* 0x000fe20000000800 */\n"
    "        /*0010*/                   STL [R1], R0 ;              /* 0x1 */\n"
    "        /*0020*/                   DADD R2, R2, R4 ;           /* 0x1 */\n"
    "        /*0030*/                   DFMA R2, R2, R4, R6 ;       /* 0x1 */\n"
    "        /*0040*/                   BAR.SYNC.DEFER_BLOCKING 0x0 ; /* 0x1 */\n"
    "        /*0050*/               @P1 DMUL R2, R2, R4 ;           /* 0x1 */\n"
    "        /*0060*/                   LDS.128 R8, [R3] ;          /* 0x1 */\n"
    "        /*0070*/              @!P1 BRA P2, 0x50 ;              /* 0x1 */\n"
    "        /*0080*/                   BAR.SYNC.DEFER_BLOCKING R5, 0x40 ; /* 0x1 */\n"
    "        /*0090*/                   I2F.F64.S64 R2, R4 ;        /* 0x1 */\n"
    "        /*00a0*/                   BAR.SYNC.DEFER_BLOCKING 0x0 ; /* 0x1 */\n"
    "        /*00b0*/                   DSETP.GT.AND P0, PT, R2, R4, PT ; /* 0x1 */\n"
    "        /*00c0*/              @!P0 BRA 0x30 ;                  /* 0x1 */\n"
    "        /*00d0*/                   LDL R0, [R1] ;              /* 0x1 */\n"
    "        /*00e0*/               @P3 BRA 0x20 ;                  /* 0x1 */\n"
    "        /*00f0*/                   DADD R2, R2, R4 ;           /* 0x1 */\n"
    "        /*0100*/               @P0 BRA 0xf0 ;                  /* 0x1 */\n"
    "        /*0110*/                   EXIT ;                      /* 0x1 */\n"
    "        /*0120*/                   BRA 0x120;                  /* 0x1 */\n"
    "\t\tFunction : fill\n"
    "        /*0000*/                   STG.E.64 desc[UR4][R2.64], R4 ; /* 0x1 */\n"
    "        /*0010*/                   EXIT ;                      /* 0x1 */\n";

static void read_text(sass_kernel **out, size_t *count, const char *text)
{
    FILE *file = tmpfile();
    cr_assert(file != NULL && fputs(text, file) >= 0 && fseek(file, 0, SEEK_SET) == 0);
    cr_assert(sass_read(out, count, file));
    fclose(file);
}

Test(resources, a_step_is_counted_by_phases_and_trips)
{
    sass_kernel *kernels = NULL;
    size_t count = 0;
    sass_step step;
    read_text(&kernels, &count, listing);
    cr_assert(count == 2);
    cr_expect_str_eq(kernels[0].name, "rotate<2,1>");
    cr_expect(kernels[0].count == 19, "%zu instructions", kernels[0].count);
    cr_assert(sass_step_of(&step, &kernels[0], (const double[]){5}, 1));
    cr_expect(kernels[0].code[step.loop.first].address == 0x30);
    cr_expect(kernels[0].code[step.loop.last].address == 0xc0);
    cr_expect(step.loop_count == 1 && step.phase_count == 2);
    cr_expect(step.fp64[0] == 5, "the DMUL of the inner loop, %g", step.fp64[0]);
    cr_expect(step.fp64[1] == 2, "DSETP, and DFMA of the next turn, %g", step.fp64[1]);
    cr_expect(step.conversions[0] == 1 && step.conversions[1] == 0);
    cr_expect(step.shared == 5 && step.local == 0, "spills outside the step are not counted");
    cr_expect(!sass_step_of(&step, &kernels[1], NULL, 0), "no loop, no step");
    sass_free(kernels, count);
}

Test(resources, a_spill_in_the_step_loop_is_found)
{
    char spilled[sizeof listing];
    sass_kernel *kernels = NULL;
    size_t count = 0;
    sass_step step;
    memcpy(spilled, listing, sizeof listing);
    char *dmul = strstr(spilled, "DMUL R2, R2, R4 ;");
    cr_assert(dmul != NULL);
    memcpy(dmul, "LDL R2, [R1+4]  ;", strlen("LDL R2, [R1+4]  ;"));
    read_text(&kernels, &count, spilled);
    cr_assert(sass_step_of(&step, &kernels[0], NULL, 0));
    cr_expect(step.local == 1);
    sass_free(kernels, count);
}

/* Two ways through a step: one FP64 instruction or two; behind a condition alone: always counted.
 */
static const char two_ways[] =
    "\t\tFunction : ways\n"
    "        /*0000*/                   BAR.SYNC.DEFER_BLOCKING 0x0 ; /* 1 */\n"
    "        /*0010*/               @P0 BRA 0x40 ;       /* 1 */\n"
    "        /*0020*/                   DADD R2, R2, R4 ; /* 1 */\n"
    "        /*0030*/                   BRA 0x60 ;       /* 1 */\n"
    "        /*0040*/                   DADD R2, R2, R4 ; /* 1 */\n"
    "        /*0050*/                   DADD R2, R2, R4 ; /* 1 */\n"
    "        /*0060*/               @P1 BRA 0x80 ;       /* 1 */\n"
    "        /*0070*/                   DMUL R2, R2, R4 ; /* 1 */\n"
    "        /*0080*/               @P2 BRA 0x0 ;        /* 1 */\n"
    "        /*0090*/                   EXIT ;           /* 1 */\n";

Test(resources, of_two_ways_the_longer_is_counted)
{
    sass_kernel *kernels = NULL;
    size_t count = 0;
    sass_step step;
    read_text(&kernels, &count, two_ways);
    cr_assert(count == 1 && sass_step_of(&step, &kernels[0], NULL, 0));
    cr_expect(step.fp64_sum == 3, "%g", step.fp64_sum);
    cr_expect(step.loop_count == 0);
    sass_free(kernels, count);
}

Test(resources, symbols_become_names_of_the_source)
{
    static const struct {
        const char *symbol, *name;
    } rows[] = {
        {"_Z6rotateILi2ELi4ELb1EEv11rotate_args", "rotate<2,4,1>"},
        {"_Z6rotateI4planILi1ELi11EELin2EEvPd", "rotate<plan<1,11>,-2>"},
        {"_ZL4fillIjdEvPT_", "fill<unsigned,double>"},
        {"_Z4copyPKd", "copy"},
        {"plain_c", "plain_c"},
        {"_ZN3foo3barEv", "_ZN3foo3barEv"},
        {"_Z9truncatedILi", "_Z9truncatedILi"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char name[SASS_NAME_SIZE];
        sass_plain_name(name, rows[i].symbol);
        cr_expect_str_eq(name, rows[i].name);
    }
}

/* From the occupancy tables of the CUDA programming guide for compute capability 9.0. */
Test(resources, occupancy_follows_from_registers_threads_and_shared_memory)
{
    static const struct {
        uint32_t registers, threads;
        size_t shared;
        uint32_t blocks;
    } rows[] = {
        {255, 256, 0, 1},         {128, 256, 0, 2},         {129, 256, 0, 1},
        {32, 1024, 0, 2},         {64, 1024, 0, 1},         {168, 128, 0, 3},
        {16, 32, 0, 32},          {40, 64, 0, 24},          {32, 128, 227 * 1024, 1},
        {32, 128, 113 * 1024, 2}, {32, 128, 228 * 1024, 0}, {255, 512, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint32_t blocks = table_blocks(rows[i].registers, rows[i].threads, rows[i].shared);
        cr_expect(blocks == rows[i].blocks, "row %zu: %u blocks", i, blocks);
    }
}

/* Two phases: FP64 of 64 lanes a clock against wavefronts, then sectors at 24 bytes a clock. */
Test(resources, the_bound_is_the_sum_over_phases_of_the_slowest_unit)
{
    table_row row = {.threads = 256,
                     .blocks = 1,
                     .fp64 = {2, {1000, 10}},
                     .wavefronts = {2, {3000, 50}},
                     .sectors = {2, {0, 300}}};
    cr_expect(table_bound(&row) == 4000 + 400, "%g", table_bound(&row));
    row.blocks = 2;
    cr_expect(table_bound(&row) == 2 * 4040, "phases of two blocks overlap: %g", table_bound(&row));
    row.conversions = (table_phases){1, {1000}};
    cr_expect(table_bound(&row) == 2 * 16000, "conversions at a quarter: %g", table_bound(&row));
}
