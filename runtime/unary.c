/* The named element-wise functions. A value outside the domain gives NaN or an infinity, and NaN
 * stays NaN: the caller decides whether that entry of a table is ever read. Forms are chosen to
 * stay accurate and finite over the whole double range. */
#include "runtime/unary.h"

#include <math.h>
#include <string.h>

/* A function of x alone, and of x with one or two parameters. */
#define PLAIN(name, expression)                             \
    static double name(double x, double alpha, double beta) \
    {                                                       \
        (void)alpha;                                        \
        (void)beta;                                         \
        return expression;                                  \
    }
#define WITH_ALPHA(name, expression)                        \
    static double name(double x, double alpha, double beta) \
    {                                                       \
        (void)beta;                                         \
        return expression;                                  \
    }

static double clamp(double x, double low, double high)
{
    if (x < low) {
        return low;
    }
    return x > high ? high : x;
}

/* exp is only ever taken of -|x|, so it cannot overflow. */
static double stable_sigmoid(double x)
{
    double e = exp(-fabs(x));
    return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

static double stable_softplus(double x)
{
    return isnan(x) ? x : log1p(exp(-fabs(x))) + fmax(x, 0);
}

static double signum(double x)
{
    if (x > 0) {
        return 1;
    }
    return x < 0 ? -1 : x; /* keeps 0 and NaN */
}

/* x * gate, where a gate that reached 0 wins over an infinite x. */
static double gated(double x, double gate)
{
    return gate == 0 ? 0 : x * gate;
}

PLAIN(identity, x)
PLAIN(negate, -x)
PLAIN(absolute, fabs(x))
PLAIN(relu, x < 0 ? 0 : x)
WITH_ALPHA(leaky_relu, x < 0 ? alpha * x : x)
WITH_ALPHA(thresholded_relu, x <= alpha ? 0 : x)
WITH_ALPHA(elu, x < 0 ? alpha * expm1(x) : x)
WITH_ALPHA(celu, x < 0 ? alpha * expm1(x / alpha) : x)
PLAIN(selu, 1.0507009873554804934 * (x < 0 ? 1.6732632423543772848 * expm1(x) : x))
PLAIN(sigmoid, stable_sigmoid(x))
PLAIN(hard_swish, gated(x, clamp(x / 6 + 0.5, 0, 1)))
PLAIN(tanh_of, tanh(x))
PLAIN(softplus, stable_softplus(x))
PLAIN(softsign, isinf(x) ? signum(x) : x / (1 + fabs(x)))
PLAIN(gelu, gated(x, 0.5 * erfc(-x * M_SQRT1_2)))
PLAIN(gelu_tanh, gated(x, stable_sigmoid(2 * sqrt(M_2_PI) * (x + 0.044715 * x * x * x))))
PLAIN(silu, gated(x, stable_sigmoid(x)))
PLAIN(mish, gated(x, tanh(stable_softplus(x))))
PLAIN(exp_of, exp(x))
PLAIN(exp2_of, exp2(x))
PLAIN(expm1_of, expm1(x))
PLAIN(log_of, log(x))
PLAIN(log2_of, log2(x))
PLAIN(log10_of, log10(x))
PLAIN(log1p_of, log1p(x))
PLAIN(sqrt_of, sqrt(x))
PLAIN(cbrt_of, cbrt(x))
PLAIN(square, x *x)
PLAIN(reciprocal, 1 / x)
WITH_ALPHA(power, pow(x, alpha))
PLAIN(sin_of, sin(x))
PLAIN(cos_of, cos(x))
PLAIN(tan_of, tan(x))
PLAIN(asin_of, asin(x))
PLAIN(acos_of, acos(x))
PLAIN(atan_of, atan(x))
PLAIN(sinh_of, sinh(x))
PLAIN(cosh_of, cosh(x))
PLAIN(asinh_of, asinh(x))
PLAIN(acosh_of, acosh(x))
PLAIN(atanh_of, atanh(x))
PLAIN(erf_of, erf(x))
PLAIN(floor_of, floor(x))
PLAIN(ceil_of, ceil(x))
PLAIN(round_of, rint(x)) /* the default rounding mode: half to even */
PLAIN(trunc_of, trunc(x))
PLAIN(sign, signum(x))
PLAIN(logical_not, x == 0)

static double clip(double x, double alpha, double beta)
{
    return clamp(x, alpha, beta);
}

static double hard_sigmoid(double x, double alpha, double beta)
{
    return clamp(alpha * x + beta, 0, 1);
}

static const torc_unary table[] = {
    {"identity", identity, 0},
    {"neg", negate, 0},
    {"abs", absolute, 0},
    {"relu", relu, 0},
    {"leaky_relu", leaky_relu, 1},
    {"thresholded_relu", thresholded_relu, 1},
    {"clip", clip, 2},
    {"elu", elu, 1},
    {"celu", celu, 1},
    {"selu", selu, 0},
    {"sigmoid", sigmoid, 0},
    {"hard_sigmoid", hard_sigmoid, 2},
    {"hard_swish", hard_swish, 0},
    {"tanh", tanh_of, 0},
    {"softplus", softplus, 0},
    {"softsign", softsign, 0},
    {"gelu", gelu, 0},
    {"gelu_tanh", gelu_tanh, 0},
    {"silu", silu, 0},
    {"mish", mish, 0},
    {"exp", exp_of, 0},
    {"exp2", exp2_of, 0},
    {"expm1", expm1_of, 0},
    {"log", log_of, 0},
    {"log2", log2_of, 0},
    {"log10", log10_of, 0},
    {"log1p", log1p_of, 0},
    {"sqrt", sqrt_of, 0},
    {"cbrt", cbrt_of, 0},
    {"square", square, 0},
    {"reciprocal", reciprocal, 0},
    {"pow", power, 1},
    {"sin", sin_of, 0},
    {"cos", cos_of, 0},
    {"tan", tan_of, 0},
    {"asin", asin_of, 0},
    {"acos", acos_of, 0},
    {"atan", atan_of, 0},
    {"sinh", sinh_of, 0},
    {"cosh", cosh_of, 0},
    {"asinh", asinh_of, 0},
    {"acosh", acosh_of, 0},
    {"atanh", atanh_of, 0},
    {"erf", erf_of, 0},
    {"floor", floor_of, 0},
    {"ceil", ceil_of, 0},
    {"round", round_of, 0},
    {"trunc", trunc_of, 0},
    {"sign", sign, 0},
    {"logical_not", logical_not, 0},
};

const torc_unary *torc_unary_list(size_t *count)
{
    *count = sizeof table / sizeof *table;
    return table;
}

const torc_unary *torc_unary_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}
