#include "tests/instructions/lanes.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static double as_double(uint64_t bits)
{
    double x = 0;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint64_t as_bits(double x)
{
    uint64_t bits = 0;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

#define LANE(name, expression)                    \
    static uint64_t name(const lane_arguments *x) \
    {                                             \
        return (uint64_t)(expression);            \
    }
#define LANE_F64(name, expression)                \
    static uint64_t name(const lane_arguments *x) \
    {                                             \
        const double d = as_double(x->d);         \
        const double a = as_double(x->a);         \
        const double b = as_double(x->b);         \
        (void)d, (void)a, (void)b;                \
        return as_bits(expression);               \
    }

/* VREDUCEPD: x - 2^-M round(2^M x). */
static double reduce(double x, uint64_t imm)
{
    const int keep = (int)(imm >> 4 & 15);
    return x - ldexp(nearbyint(ldexp(x, keep)), -keep);
}

static int64_t to_integer(double x)
{
    return x >= -0x1p63 && x < 0x1p63 ? (int64_t)x : INT64_MIN;
}

static int32_t to_integer32(double x)
{
    return x >= -0x1p31 && x < 0x1p31 ? (int32_t)x : INT32_MIN;
}

static uint64_t ternary(const lane_arguments *x)
{
    uint64_t out = 0;
    for (int bit = 0; bit < 64; bit++) {
        const uint64_t row = (x->d >> bit & 1) << 2 | (x->a >> bit & 1) << 1 | (x->b >> bit & 1);
        out |= (x->imm >> row & 1) << bit;
    }
    return out;
}

LANE_F64(add_f64, a + b)
LANE_F64(sub_f64, a - b)
LANE_F64(mul_f64, a *b)
LANE_F64(div_f64, a / b)
LANE_F64(max_f64, a > b ? a : b)
LANE_F64(min_f64, a < b ? a : b)
LANE_F64(sqrt_f64, sqrt(a))
LANE_F64(reduce_f64, reduce(a, x->imm))
LANE_F64(scale_round_f64, a - reduce(a, x->imm))
LANE(add_word, x->a + x->b)
LANE(sub_word, x->a - x->b)
LANE(mul_word, (x->a * x->b))
LANE(and_word, (x->a & x->b))
LANE(andn_word, ~x->a & x->b)
LANE(or_word, x->a | x->b)
LANE(xor_word, x->a ^ x->b)
LANE(mul_halves, (x->a & UINT32_MAX) * (x->b & UINT32_MAX))
LANE(max_unsigned, x->a > x->b ? x->a : x->b)
LANE(min_unsigned, x->a < x->b ? x->a : x->b)
LANE(max_signed64, (int64_t)x->a > (int64_t)x->b ? x->a : x->b)
LANE(max_signed32, (int32_t)x->a > (int32_t)x->b ? x->a : x->b)
LANE(min_signed64, (int64_t)x->a < (int64_t)x->b ? x->a : x->b)
LANE(min_signed32, (int32_t)x->a < (int32_t)x->b ? x->a : x->b)
LANE(left, x->imm < 64 ? x->a << x->imm : 0)
LANE(right, x->imm < 64 ? x->a >> x->imm : 0)
LANE(right_signed64, (int64_t)x->a >> (x->imm < 64 ? x->imm : 63))
LANE(right_signed32, (int32_t)x->a >> (x->imm < 32 ? x->imm : 31))
LANE(left_each, x->b < 64 ? x->a << x->b : 0)
LANE(right_each, x->b < 64 ? x->a >> x->b : 0)
LANE(right_signed_each64, (int64_t)x->a >> (x->b < 64 ? x->b : 63))
LANE(right_signed_each32, (int32_t)x->a >> (x->b < 32 ? x->b : 31))
LANE(turn_left64, x->a << (x->imm & 63) | x->a >> (-x->imm & 63))
LANE(turn_left32, x->a << (x->imm & 31) | x->a >> (-x->imm & 31))
LANE(absolute64, (int64_t)x->a < 0 ? 0 - x->a : x->a)
LANE(absolute32, (int32_t)x->a < 0 ? 0 - x->a : x->a)
LANE(copy, x->a)
LANE(sign_byte, (int64_t)(int8_t)x->a)
LANE(sign16, (int64_t)(int16_t)x->a)
LANE(sign32, (int64_t)(int32_t)x->a)
LANE(nearest_integer, to_integer(nearbyint(as_double(x->a))))
LANE(nearest_integer32, to_integer32(nearbyint(as_double(x->a))))
LANE(cut_integer, to_integer(as_double(x->a)))
LANE(double_signed64, as_bits((double)(int64_t)x->a))
LANE(double_unsigned, as_bits((double)x->a))
LANE(double_signed32, as_bits((double)(int32_t)x->a))

/* The products of both signed halves. */
static uint64_t pair_s16(const lane_arguments *x)
{
    const int64_t low = (int64_t)(int16_t)x->a * (int16_t)x->b;
    const int64_t high = (int64_t)(int16_t)(x->a >> 16) * (int16_t)(x->b >> 16);
    return (uint64_t)low + (uint64_t)high;
}
LANE(dot_s16, x->d + pair_s16(x))

static const lane_operation operations[] = {
    {"vaddpd", LANES_TWO, 8, 0, add_f64},
    {"vsubpd", LANES_TWO, 8, 0, sub_f64},
    {"vmulpd", LANES_TWO, 8, 0, mul_f64},
    {"vdivpd", LANES_TWO, 8, 0, div_f64},
    {"vmaxpd", LANES_TWO, 8, 0, max_f64},
    {"vminpd", LANES_TWO, 8, 0, min_f64},
    {"vandpd", LANES_TWO, 8, 0, and_word},
    {"vandnpd", LANES_TWO, 8, 0, andn_word},
    {"vorpd", LANES_TWO, 8, 0, or_word},
    {"vxorpd", LANES_TWO, 8, 0, xor_word},
    {"vpaddq", LANES_TWO, 8, 0, add_word},
    {"vpaddd", LANES_TWO, 4, 0, add_word},
    {"vpsubq", LANES_TWO, 8, 0, sub_word},
    {"vpsubd", LANES_TWO, 4, 0, sub_word},
    {"vpmullq", LANES_TWO, 8, 0, mul_word},
    {"vpmulld", LANES_TWO, 4, 0, mul_word},
    {"vpmuludq", LANES_TWO, 8, 0, mul_halves},
    {"vpandq", LANES_TWO, 8, 0, and_word},
    {"vpandd", LANES_TWO, 4, 0, and_word},
    {"vpandnq", LANES_TWO, 8, 0, andn_word},
    {"vpandnd", LANES_TWO, 4, 0, andn_word},
    {"vporq", LANES_TWO, 8, 0, or_word},
    {"vpord", LANES_TWO, 4, 0, or_word},
    {"vpxorq", LANES_TWO, 8, 0, xor_word},
    {"vpxord", LANES_TWO, 4, 0, xor_word},
    {"vpmaxuq", LANES_TWO, 8, 0, max_unsigned},
    {"vpmaxud", LANES_TWO, 4, 0, max_unsigned},
    {"vpminuq", LANES_TWO, 8, 0, min_unsigned},
    {"vpminud", LANES_TWO, 4, 0, min_unsigned},
    {"vpmaxsq", LANES_TWO, 8, 0, max_signed64},
    {"vpmaxsd", LANES_TWO, 4, 0, max_signed32},
    {"vpminsq", LANES_TWO, 8, 0, min_signed64},
    {"vpminsd", LANES_TWO, 4, 0, min_signed32},
    {"vpsllvq", LANES_TWO, 8, 0, left_each},
    {"vpsllvd", LANES_TWO, 4, 0, left_each},
    {"vpsrlvq", LANES_TWO, 8, 0, right_each},
    {"vpsrlvd", LANES_TWO, 4, 0, right_each},
    {"vpsravq", LANES_TWO, 8, 0, right_signed_each64},
    {"vpsravd", LANES_TWO, 4, 0, right_signed_each32},
    {"vpternlogq", LANES_TWO, 8, 0, ternary},
    {"vpternlogd", LANES_TWO, 4, 0, ternary},
    {"vpdpwssd", LANES_TWO, 4, 0, dot_s16},
    {"vpmaddwd", LANES_TWO, 4, 0, pair_s16},
    {"vsqrtpd", LANES_ONE, 8, 0, sqrt_f64},
    {"vreducepd", LANES_ONE, 8, 0, reduce_f64},
    {"vrndscalepd", LANES_ONE, 8, 0, scale_round_f64},
    {"vpabsq", LANES_ONE, 8, 0, absolute64},
    {"vpabsd", LANES_ONE, 4, 0, absolute32},
    {"vprolq", LANES_ONE, 8, 0, turn_left64},
    {"vprold", LANES_ONE, 4, 0, turn_left32},
    {"vmovapd", LANES_ONE, 8, 0, copy},
    {"vmovupd", LANES_ONE, 8, 0, copy},
    {"vmovaps", LANES_ONE, 4, 0, copy},
    {"vmovups", LANES_ONE, 4, 0, copy},
    {"vmovdqa64", LANES_ONE, 8, 0, copy},
    {"vmovdqu64", LANES_ONE, 8, 0, copy},
    {"vmovdqa32", LANES_ONE, 4, 0, copy},
    {"vmovdqu32", LANES_ONE, 4, 0, copy},
    {"vmovdqu16", LANES_ONE, 2, 0, copy},
    {"vmovdqu8", LANES_ONE, 1, 0, copy},
    {"vpsllq", LANES_SHIFT, 8, 0, left},
    {"vpslld", LANES_SHIFT, 4, 0, left},
    {"vpsrlq", LANES_SHIFT, 8, 0, right},
    {"vpsrld", LANES_SHIFT, 4, 0, right},
    {"vpsraq", LANES_SHIFT, 8, 0, right_signed64},
    {"vpsrad", LANES_SHIFT, 4, 0, right_signed32},
    {"vcvtpd2dq", LANES_CONVERT, 4, 8, nearest_integer32},
    {"vcvtpd2qq", LANES_ONE, 8, 0, nearest_integer},
    {"vcvttpd2qq", LANES_ONE, 8, 0, cut_integer},
    {"vcvtqq2pd", LANES_ONE, 8, 0, double_signed64},
    {"vcvtuqq2pd", LANES_ONE, 8, 0, double_unsigned},
    {"vcvtdq2pd", LANES_CONVERT, 8, 4, double_signed32},
    {"vcvtudq2pd", LANES_CONVERT, 8, 4, double_unsigned},
    {"vpmovzxbq", LANES_CONVERT, 8, 1, copy},
    {"vpmovzxbd", LANES_CONVERT, 4, 1, copy},
    {"vpmovzxbw", LANES_CONVERT, 2, 1, copy},
    {"vpmovzxwd", LANES_CONVERT, 4, 2, copy},
    {"vpmovzxwq", LANES_CONVERT, 8, 2, copy},
    {"vpmovzxdq", LANES_CONVERT, 8, 4, copy},
    {"vpmovsxbd", LANES_CONVERT, 4, 1, sign_byte},
    {"vpmovsxwd", LANES_CONVERT, 4, 2, sign16},
    {"vpmovsxdq", LANES_CONVERT, 8, 4, sign32},
    {"vpmovqd", LANES_CONVERT, 4, 8, copy},
    {"vpmovqw", LANES_CONVERT, 2, 8, copy},
    {"vpmovdw", LANES_CONVERT, 2, 4, copy},
    {"vpmovdb", LANES_CONVERT, 1, 4, copy},
    {"vaddsd", LANES_SCALAR, 8, 0, add_f64},
    {"vsubsd", LANES_SCALAR, 8, 0, sub_f64},
    {"vmulsd", LANES_SCALAR, 8, 0, mul_f64},
    {"vdivsd", LANES_SCALAR, 8, 0, div_f64},
};

const lane_operation *lane_operation_named(const char *name)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        if (strcmp(name, operations[i].name) == 0) {
            return &operations[i];
        }
    }
    return NULL;
}

bool lane_fused(const char *name, double *d, double a, double b)
{
    const bool is_negated = name[2] == 'n';
    const char *rest = name + 2 + is_negated; /* madd231pd */
    if (strncmp(name, "vf", 2) != 0 ||
        (strncmp(rest, "madd", 4) != 0 && strncmp(rest, "msub", 4) != 0)) {
        return false;
    }
    const double added = rest[1] == 's' ? -1 : 1;
    double x = *d; /* 132: d b + a;  213: a d + b;  231: a b + d */
    double y = b;
    double z = a;
    if (strncmp(rest + 4, "213", 3) == 0) {
        y = a;
        z = b;
    } else if (strncmp(rest + 4, "231", 3) == 0) {
        x = a;
        z = *d;
    } else if (strncmp(rest + 4, "132", 3) != 0) {
        return false;
    }
    *d = fma(is_negated ? -x : x, y, added * z);
    return true;
}
