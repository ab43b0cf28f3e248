#include "tests/instructions/execute.h"

#include <math.h>
#include <string.h>

static bool compares(const char *predicate, bool is_less, bool is_equal, bool *out)
{
    static const char *const names[] = {"eq", "neq", "nlt", "nle", "lt", "le", "gt"};
    const bool values[] = {is_equal,
                           !is_equal,
                           !is_less,
                           !is_less && !is_equal,
                           is_less,
                           is_less || is_equal,
                           !is_less && !is_equal};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const size_t length = strlen(names[i]);
        if (strncmp(predicate, names[i], length) == 0) {
            *out = values[i];
            return true;
        }
    }
    return false;
}

/* vpcmp{eq,lt,..}{d,q,ud,uq}, of numbers vcmp{eq,lt,..}pd. */
static bool execute_compare(machine *m, const instruction *in)
{
    const bool is_double = mnemonic_starts(in, "vcmp");
    const bool is_unsigned = mnemonic_ends(in, "ud") || mnemonic_ends(in, "uq");
    const uint32_t size = is_double ? 8 : mnemonic_element(in);
    const uint32_t bytes = instruction_bytes(in);
    const vector a = operand_source(m, in, 1, size, bytes);
    const vector b = operand_source(m, in, 2, size, bytes);
    uint64_t bits = 0;
    for (uint32_t n = 0; n < bytes / size; n++) {
        const uint64_t x = lane_get(&a, n, size);
        const uint64_t y = lane_get(&b, n, size);
        const int64_t signed_x = size == 8 ? (int64_t)x : (int32_t)x;
        const int64_t signed_y = size == 8 ? (int64_t)y : (int32_t)y;
        const bool is_less = is_double     ? a.f64[n] < b.f64[n]
                             : is_unsigned ? x < y
                                           : signed_x < signed_y;
        const bool is_equal = is_double ? a.f64[n] == b.f64[n] : x == y;
        bool is_true = false;
        if (!compares(in->mnemonic + (is_double ? 4 : 5), is_less, is_equal, &is_true) ||
            (is_double && (isnan(a.f64[n]) || isnan(b.f64[n])))) {
            return false;
        }
        bits |= (uint64_t)(is_true && lane_is_active(m, in, n)) << n;
    }
    m->k[in->op[0].reg] = bits;
    return true;
}

/* vptestm{d,q}, vptestnm{d,q}: which lanes have a bit in common, or none. */
static bool execute_test(machine *m, const instruction *in)
{
    const uint32_t size = mnemonic_element(in);
    const uint32_t bytes = instruction_bytes(in);
    const vector a = operand_source(m, in, 1, size, bytes);
    const vector b = operand_source(m, in, 2, size, bytes);
    const bool is_none = mnemonic_starts(in, "vptestnm");
    uint64_t bits = 0;
    for (uint32_t n = 0; n < bytes / size; n++) {
        const bool has_common = (lane_get(&a, n, size) & lane_get(&b, n, size)) != 0;
        bits |= (uint64_t)(has_common != is_none && lane_is_active(m, in, n)) << n;
    }
    m->k[in->op[0].reg] = bits;
    return true;
}

static uint64_t mask_limit(const instruction *in)
{
    const char last = in->mnemonic[strlen(in->mnemonic) - 1];
    return last == 'b' ? 0xff : last == 'w' ? 0xffff : last == 'd' ? UINT32_MAX : UINT64_MAX;
}

static void flags_set(machine *m, bool zero, bool carry, bool parity)
{
    enum { CARRY = 0x1, PARITY = 0x4, ADJUST = 0x10, ZERO = 0x40, SIGN = 0x80, OVERFLOW = 0x800 };
    uint64_t flags = (uint64_t)m->general[REG_EFL];
    flags &= ~(uint64_t)(CARRY | PARITY | ADJUST | ZERO | SIGN | OVERFLOW);
    flags |= (zero ? ZERO : 0) | (carry ? CARRY : 0) | (parity ? PARITY : 0);
    m->general[REG_EFL] = (greg_t)flags;
}

static bool execute_masks(machine *m, const instruction *in)
{
    const uint64_t limit = mask_limit(in);
    const uint32_t memory_bytes = limit == 0xff         ? 1
                                  : limit == 0xffff     ? 2
                                  : limit == UINT32_MAX ? 4
                                                        : 8;
    const uint64_t a = operand_source(m, in, 1, memory_bytes, memory_bytes).u64[0] & limit;
    const uint64_t b =
        in->operand_count > 2 && in->op[2].kind == MASK ? m->k[in->op[2].reg] & limit : 0;
    uint64_t out = 0;
    if (mnemonic_starts(in, "kmov")) {
        out = a;
    } else if (mnemonic_starts(in, "kortest")) {
        const uint64_t any = (m->k[in->op[0].reg] & limit) | a;
        flags_set(m, any == 0, any == limit, false);
        return true;
    } else if (mnemonic_starts(in, "kunpck")) {
        const uint32_t half = limit == 0xffff ? 8 : limit == UINT32_MAX ? 16 : 32;
        out = mnemonic_starts(in, "kunpckbw") ? (a & 0xff) << 8 | (b & 0xff) : a << half | b;
    } else if (mnemonic_starts(in, "kandn")) {
        out = ~a & b;
    } else if (mnemonic_starts(in, "kand")) {
        out = a & b;
    } else if (mnemonic_starts(in, "kor")) {
        out = a | b;
    } else if (mnemonic_starts(in, "kxnor")) {
        out = ~(a ^ b) & limit;
    } else if (mnemonic_starts(in, "kxor")) {
        out = a ^ b;
    } else if (mnemonic_starts(in, "knot")) {
        out = ~a & limit;
    } else if (mnemonic_starts(in, "kshiftr")) {
        out = a >> instruction_immediate(in);
    } else if (mnemonic_starts(in, "kshiftl")) {
        out = a << instruction_immediate(in) & limit;
    } else {
        return false;
    }
    if (in->op[0].kind == MASK) {
        m->k[in->op[0].reg] = out;
    } else if (in->op[0].kind == GENERAL) {
        general_set(m, &in->op[0], out);
    } else {
        memcpy(operand_address(m, in, &in->op[0]), &out, memory_bytes);
    }
    return true;
}

/* vmovq, vmovd, vmovsd, vmovhpd, vmovlpd. */
static bool execute_move(machine *m, const instruction *in)
{
    const uint32_t size = mnemonic_starts(in, "vmovd") ? 4 : 8;
    vector out = {{0}};
    if (in->operand_count == 3) { /* register forms that keep half of the first source */
        out = operand_source(m, in, 1, 8, 16);
        const vector b = operand_source(m, in, 2, 8, mnemonic_starts(in, "vmovsd") ? 16 : 8);
        out.u64[mnemonic_starts(in, "vmovh")] = b.u64[0];
        operand_result(m, in, &out, 8, 16);
        return mnemonic_starts(in, "vmovsd") || mnemonic_starts(in, "vmovhpd") ||
               mnemonic_starts(in, "vmovlpd");
    }
    const vector from = operand_source(m, in, 1, size, size);
    const uint64_t x = lane_get(&from, mnemonic_starts(in, "vmovhp"), size);
    if (in->op[0].kind == GENERAL) {
        general_set(m, &in->op[0], x);
        return true;
    }
    lane_set(&out, 0, size, x);
    operand_result(m, in, &out, size, in->op[0].kind == MEMORY ? size : 16);
    return true;
}

/* vcvtsi2sd, vcvtusi2sd from 4 or 8 bytes. */
static bool execute_to_double(machine *m, const instruction *in)
{
    const operand *from = &in->op[2];
    const uint32_t size = from->kind == GENERAL ? from->bytes : mnemonic_ends(in, "q") ? 8 : 4;
    const vector b = operand_source(m, in, 2, size, size);
    const uint64_t word = lane_get(&b, 0, size);
    const int64_t number = size == 8 ? (int64_t)word : (int32_t)word;
    vector out = operand_source(m, in, 1, 8, 16);
    out.f64[0] = mnemonic_starts(in, "vcvtu") ? (double)word : (double)number;
    operand_result(m, in, &out, 8, 16);
    return true;
}

static bool execute_from_double(machine *m, const instruction *in)
{
    const double x = operand_source(m, in, 1, 8, 8).f64[0];
    const double whole = mnemonic_starts(in, "vcvtt") ? trunc(x) : nearbyint(x);
    if (mnemonic_starts(in, "vcvttsd2usi") || mnemonic_starts(in, "vcvtsd2usi")) {
        general_set(m, &in->op[0], (uint64_t)whole);
        return whole >= 0 && whole < 0x1p64;
    }
    general_set(m, &in->op[0], (uint64_t)(int64_t)whole);
    return whole >= -0x1p63 && whole < 0x1p63;
}

static bool execute_order(machine *m, const instruction *in)
{
    const double a = operand_source(m, in, 0, 8, 8).f64[0];
    const double b = operand_source(m, in, 1, 8, 8).f64[0];
    const bool unordered = isnan(a) || isnan(b);
    flags_set(m, unordered || a == b, unordered || a < b, unordered);
    return true;
}

bool execute_single(machine *m, const instruction *in)
{
    static const struct {
        const char *prefix;
        bool (*execute)(machine *m, const instruction *in);
    } kinds[] = {
        {"k", execute_masks},
        {"vptest", execute_test},
        {"vpcmp", execute_compare},
        {"vcmp", execute_compare},
        {"vmov", execute_move},
        {"vcvtsi2sd", execute_to_double},
        {"vcvtusi2sd", execute_to_double},
        {"vcvttsd2", execute_from_double},
        {"vcvtsd2", execute_from_double},
        {"vucomisd", execute_order},
        {"vcomisd", execute_order},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (mnemonic_starts(in, kinds[i].prefix)) {
            return kinds[i].execute(m, in);
        }
    }
    return false;
}
