/* Own widths from ranges, by Concrete's rule. */
#include "tests/common/graphs.h"

#include <criterion/criterion.h>
#include <string.h>

Test(width, of_a_range)
{
    static const struct {
        double min, max;
        uint32_t bits;
        bool is_signed;
    } rows[] = {
        {0, 0, 1, false},  {0, 1, 1, false},       {0, 2, 2, false},       {2, 2, 2, false},
        {0, 3, 2, false},  {0, 4, 3, false},       {0, 255, 8, false},     {0, 256, 9, false},
        {-1, -1, 1, true}, {-1, 0, 1, true},       {-1, 1, 2, true},       {-2, 1, 2, true},
        {-3, 1, 3, true},  {-128, 127, 8, true},   {-128, 128, 9, true},   {-129, 0, 9, true},
        {-5, -3, 4, true}, {0, 0x1p62, 63, false}, {-0x1p62, 0, 63, true}, {-0x1p63, 0, 64, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool is_signed = false;
        const uint32_t bits = torc_range_bits(rows[i].min, rows[i].max, &is_signed);
        cr_expect_eq(bits, rows[i].bits, "[%g, %g]: %u", rows[i].min, rows[i].max, bits);
        cr_expect_eq(is_signed, rows[i].is_signed, "[%g, %g]", rows[i].min, rows[i].max);
    }
}

Test(width, of_every_node_and_the_widest)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(2));
    const torc_value y = torc_sub(g, x, torc_scalar_i64(g, 100));
    torc_output(g, "y", y);
    torc_graph_node(g, x)->declared = true; /* wider than measured */
    torc_graph_node(g, x)->declared_max = 15;
    torc_tensor set = tensor_i64(SHAPE(1, 2), (const int64_t[]){1, 3});
    torc_ctx *ctx = torc_ctx_create();
    torc_compilation c = {0};
    cr_assert_eq(run_stages(ctx, &c, g, &set, "width"), TORC_OK, "%s", torc_ctx_message(ctx));
    cr_expect_eq(c.graph->nodes[0].type.bits, 4, "declared");
    cr_expect_eq(c.graph->nodes[1].type.bits, 7, "constant 100");
    cr_expect_eq(c.graph->nodes[2].type.bits, 8, "[-99, -97]");
    cr_expect(c.graph->nodes[2].type.is_signed);
    cr_expect_eq(c.maximum_integer_bit_width, 8);
    end_stages(&c);
    torc_tensor_free(&set);
    torc_graph_free(g);
    torc_ctx_free(ctx);
}
