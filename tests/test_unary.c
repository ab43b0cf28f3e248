/* Named functions: published values, stability at the ends, NaN stays NaN. */
#include "runtime/unary.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static double at(const char *name, double x, double alpha, double beta)
{
    const torc_unary *f = torc_unary_find(name);
    cr_assert_not_null(f, "%s", name);
    return f->apply(x, alpha, beta);
}

Test(unary, names_are_unique_and_found)
{
    size_t count = 0;
    const torc_unary *list = torc_unary_list(&count);
    cr_assert_gt(count, 40);
    for (size_t i = 0; i < count; i++) {
        cr_expect_eq(torc_unary_find(list[i].name), &list[i], "%s", list[i].name);
        cr_expect_leq(list[i].parameter_count, 2);
    }
    cr_expect_null(torc_unary_find("no_such_function"));
    cr_expect_null(torc_unary_find(""));
}

/* Figures from tables or computed by hand with 50 digits. */
Test(unary, values_are_right)
{
    static const struct {
        const char *name;
        double x, alpha, beta, expected;
    } rows[] = {
        {"identity", -2.5, 0, 0, -2.5},
        {"neg", 2.5, 0, 0, -2.5},
        {"abs", -2.5, 0, 0, 2.5},
        {"relu", -1, 0, 0, 0},
        {"relu", 3, 0, 0, 3},
        {"leaky_relu", -2, 0.01, 0, -0.02},
        {"leaky_relu", 2, 0.01, 0, 2},
        {"thresholded_relu", 1, 1, 0, 0},
        {"thresholded_relu", 1.5, 1, 0, 1.5},
        {"clip", 9, -1, 6, 6},
        {"clip", -9, -1, 6, -1},
        {"clip", 2, -1, 6, 2},
        {"elu", -1, 2, 0, -1.2642411176571153},
        {"elu", 3, 2, 0, 3},
        {"celu", -1, 2, 0, -0.78693868057473315},
        {"selu", -1, 0, 0, -1.1113307378125627},
        {"selu", 1, 0, 0, 1.0507009873554805},
        {"sigmoid", 0, 0, 0, 0.5},
        {"sigmoid", 1, 0, 0, 0.73105857863000488},
        {"sigmoid", -1, 0, 0, 0.26894142136999512},
        {"hard_sigmoid", 1, 0.2, 0.5, 0.7},
        {"hard_sigmoid", 9, 0.2, 0.5, 1},
        {"hard_swish", 1, 0, 0, 2.0 / 3},
        {"hard_swish", -4, 0, 0, 0},
        {"hard_swish", 4, 0, 0, 4},
        {"tanh", 1, 0, 0, 0.76159415595576489},
        {"softplus", 0, 0, 0, 0.69314718055994531},
        {"softplus", 1, 0, 0, 1.3132616875182228},
        {"softsign", -3, 0, 0, -0.75},
        {"gelu", 1, 0, 0, 0.84134474606854293},
        {"gelu", -1, 0, 0, -0.15865525393145707},
        {"gelu_tanh", 1, 0, 0, 0.8411919906082768},
        {"silu", 1, 0, 0, 0.73105857863000488},
        {"mish", 1, 0, 0, 0.86509838826731034},
        {"exp", 1, 0, 0, 2.7182818284590452},
        {"exp2", 3, 0, 0, 8},
        {"expm1", 1e-20, 0, 0, 1e-20},
        {"log", 10, 0, 0, 2.3025850929940457},
        {"log2", 8, 0, 0, 3},
        {"log10", 1000, 0, 0, 3},
        {"log1p", 1e-20, 0, 0, 1e-20},
        {"sqrt", 2, 0, 0, 1.4142135623730951},
        {"cbrt", -27, 0, 0, -3},
        {"square", -3, 0, 0, 9},
        {"reciprocal", 4, 0, 0, 0.25},
        {"pow", 2, 10, 0, 1024},
        {"sin", 1, 0, 0, 0.84147098480789651},
        {"cos", 1, 0, 0, 0.54030230586813972},
        {"tan", 1, 0, 0, 1.5574077246549022},
        {"asin", 1, 0, 0, 1.5707963267948966},
        {"acos", 0, 0, 0, 1.5707963267948966},
        {"atan", 1, 0, 0, 0.78539816339744831},
        {"sinh", 1, 0, 0, 1.1752011936438015},
        {"cosh", 1, 0, 0, 1.5430806348152438},
        {"asinh", 1, 0, 0, 0.88137358701954303},
        {"acosh", 2, 0, 0, 1.3169578969248167},
        {"atanh", 0.5, 0, 0, 0.54930614433405485},
        {"erf", 1, 0, 0, 0.84270079294971487},
        {"floor", -1.5, 0, 0, -2},
        {"ceil", -1.5, 0, 0, -1},
        {"round", 2.5, 0, 0, 2},
        {"round", 3.5, 0, 0, 4},
        {"round", -0.5, 0, 0, 0},
        {"trunc", -1.9, 0, 0, -1},
        {"sign", -7, 0, 0, -1},
        {"sign", 0, 0, 0, 0},
        {"logical_not", 0, 0, 0, 1},
        {"logical_not", 3, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double found = at(rows[i].name, rows[i].x, rows[i].alpha, rows[i].beta);
        double slack = 4e-16 * fmax(fabs(rows[i].expected), 1e-300);
        cr_expect(fabs(found - rows[i].expected) <= 4 * slack, "%s(%g) = %.17g, not %.17g",
                  rows[i].name, rows[i].x, found, rows[i].expected);
    }
}

Test(unary, saturating_functions_stay_finite_everywhere)
{
    static const struct {
        const char *name;
        double low, high; /* limits at -1e308 and +1e308 */
    } rows[] = {
        {"sigmoid", 0, 1},        {"tanh", -1, 1},         {"softsign", -1, 1}, {"erf", -1, 1},
        {"softplus", 0, 1e308},   {"silu", 0, 1e308},      {"gelu", 0, 1e308},  {"mish", 0, 1e308},
        {"hard_swish", 0, 1e308}, {"gelu_tanh", 0, 1e308}, {"relu", 0, 1e308},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_expect_eq(at(rows[i].name, -1e308, 0, 0), rows[i].low, "%s", rows[i].name);
        cr_expect_eq(at(rows[i].name, 1e308, 0, 0), rows[i].high, "%s", rows[i].name);
        cr_expect_eq(at(rows[i].name, -INFINITY, 0, 0), rows[i].low, "%s", rows[i].name);
    }
    /* no cancellation far to the left: softplus(x) -> e^x, gelu(-10) = -10 Q(10) */
    cr_expect_float_eq(at("softplus", -40, 0, 0) / exp(-40), 1, 1e-15);
    cr_expect_float_eq(at("gelu", -10, 0, 0) / -7.6198530241605e-23, 1, 1e-12);
}

Test(unary, undefined_stays_undefined)
{
    size_t count = 0;
    const torc_unary *list = torc_unary_list(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].name, "logical_not") != 0) {
            cr_expect(isnan(list[i].apply(NAN, 1, 2)), "%s", list[i].name);
        }
    }
    cr_expect(isnan(at("log", -1, 0, 0)));
    cr_expect(isnan(at("sqrt", -1, 0, 0)));
    cr_expect(isinf(at("log", 0, 0, 0)));
    cr_expect(isinf(at("reciprocal", 0, 0, 0)));
}
