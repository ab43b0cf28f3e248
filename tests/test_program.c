/* Counting and listing of programs. */
#include "runtime/program.h"
#include "tests/common/program_builder.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(program, freeing_nothing_is_fine)
{
    torc_program empty = {0};
    torc_program_free(NULL);
    torc_program_free(&empty);
}

Test(program, counts_lookups_levels_and_multiply_adds)
{
    torc_program p;
    build_small_program(&p);
    cr_expect_eq(torc_program_lookup_count(&p), 2);
    cr_expect_eq(torc_program_level_count(&p), 1);
    cr_expect_eq(torc_program_linear_macs(&p), 4 + 2);
    p.instrs[0].linear.weight[2] = 0;
    p.instrs[2].linear.gather[1] = TORC_NO_ELEMENT;
    cr_expect_eq(torc_program_linear_macs(&p), 3 + 1);
    torc_program_free(&p);
}

Test(program, a_group_with_own_weights_counts_its_own)
{
    torc_program p = {0};
    build_input(&p, true, 0, 1);
    torc_linear *a = build_linear(&p, 0, 1, 3, 1, 1);
    build_weight_groups(a, 3);
    a->weight[0] = 1;
    a->weight[2] = -7;
    a->gather[0] = a->gather[1] = a->gather[2] = 0;
    cr_expect_eq(torc_program_linear_macs(&p), 2);
    torc_program_free(&p);
}

Test(program, is_listed_as_text)
{
    static const char expected[] =
        "program: 6 elements, 1 clear, 2 lookups in 1 levels, 6 multiply-adds\n"
        "input 0, encrypted: 0..1\n"
        "input 1, clear: 0\n"
        "table 0, 3 bits: 0, 1*2^60, 1*2^62, 1*2^60, 0, 1*2^60, 1*2^62, 1*2^60\n"
        "0, level 0: linear 1 group, 2 outputs from 2 sources\n"
        "    out 2 + 2*group + 1*output\n"
        "    gather 0: 0..1\n"
        "    weight 0,0: 1, 1\n"
        "    weight 0,1: 2, -1*clear 0\n"
        "    constant: 0, 1*2^60\n"
        "    element 2 += clear 0 * 1*2^60\n"
        "1, level 0: lookup 2\n"
        "    out 4..5\n"
        "    in: 2..3\n"
        "    table: 0, 0\n"
        "    offset: 0, 0\n"
        "2, level 1: linear 1 group, 1 output from 2 sources\n"
        "    out 0 + 1*group + 1*output\n"
        "    gather 0: 4..5\n"
        "    weight 0,0: 1, -1\n"
        "    constant: 0\n"
        "output 0, encrypted: 0\n"
        "output 1, clear: 0\n";
    torc_program p;
    char *text = NULL;
    build_small_program(&p);
    cr_assert_eq(torc_program_print(NULL, &text, &p), TORC_OK);
    cr_expect_str_eq(text, expected);
    free(text);
    torc_program_free(&p);
}
