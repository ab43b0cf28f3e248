#include "tests/instructions/execute.h"

#include "tests/instructions/lanes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const misaligned = "misaligned address of an aligned access";

/* --- operands ----------------------------------------------------------------------------------
 */

static uint64_t general(const machine *m, int reg, const instruction *in)
{
    return reg == NO_REGISTER ? 0 : reg == RIP_REGISTER ? in->next : (uint64_t)m->general[reg];
}

static void *address_of(const machine *m, const instruction *in, const operand *o)
{
    const uint64_t address = general(m, o->base, in) + general(m, o->index, in) * o->scale;
    return (void *)(uintptr_t)(address + (uint64_t)o->value);
}

static bool is_active(const machine *m, const instruction *in, uint32_t lane)
{
    return in->mask == NO_REGISTER || (m->k[in->mask] >> lane & 1) != 0;
}

static uint64_t lane_get(const vector *x, uint32_t lane, uint32_t bytes)
{
    uint64_t out = 0;
    memcpy(&out, x->byte + (size_t)lane * bytes, bytes < sizeof out ? bytes : sizeof out);
    return out;
}

static void lane_set(vector *x, uint32_t lane, uint32_t bytes, uint64_t value)
{
    memcpy(x->byte + (size_t)lane * bytes, &value, bytes < sizeof value ? bytes : sizeof value);
}

/* Bytes that the instruction works on: its widest register. */
static uint32_t width(const instruction *in)
{
    uint32_t bytes = 16;
    for (uint32_t i = 0; i < in->operand_count; i++) {
        if (in->op[i].kind == VECTOR && in->op[i].bytes > bytes) {
            bytes = in->op[i].bytes;
        }
    }
    return bytes;
}

/* Operand i as lanes; of memory only those of active lanes are read, `bytes` in all. */
static vector source(const machine *m, const instruction *in, uint32_t i, uint32_t lane,
                     uint32_t bytes)
{
    const operand *o = &in->op[i];
    vector out = {{0}};
    if (o->kind == VECTOR) {
        return m->v[o->reg];
    }
    if (o->kind == GENERAL) {
        out.u64[0] = (uint64_t)m->general[o->reg];
        return out;
    }
    if (o->kind == MASK) {
        out.u64[0] = m->k[o->reg];
        return out;
    }
    const uint8_t *from = address_of(m, in, o);
    for (uint32_t n = 0; n < bytes / lane; n++) {
        if (is_active(m, in, n)) {
            memcpy(out.byte + (size_t)n * lane, o->is_broadcast ? from : from + (size_t)n * lane,
                   lane);
        }
    }
    return out;
}

/* Lanes of `bytes` into the destination, under its mask; a register's rest becomes zero. */
static void result(machine *m, const instruction *in, const vector *x, uint32_t lane,
                   uint32_t bytes)
{
    const operand *o = &in->op[0];
    if (o->kind == MEMORY) {
        uint8_t *to = address_of(m, in, o);
        for (uint32_t n = 0; n < bytes / lane; n++) {
            if (is_active(m, in, n)) {
                memcpy(to + (size_t)n * lane, x->byte + (size_t)n * lane, lane);
            }
        }
        return;
    }
    vector out = {{0}};
    const vector *old = &m->v[o->reg];
    for (uint32_t n = 0; n < bytes / lane; n++) {
        const uint64_t kept = in->is_zeroing ? 0 : lane_get(old, n, lane);
        lane_set(&out, n, lane, is_active(m, in, n) ? lane_get(x, n, lane) : kept);
    }
    m->v[o->reg] = out;
}

static uint64_t immediate(const instruction *in)
{
    const operand *last = &in->op[in->operand_count - 1];
    return last->kind == IMMEDIATE ? (uint64_t)last->value & 0xff : 0;
}

static void general_set(machine *m, const operand *o, uint64_t x)
{
    m->general[o->reg] = (greg_t)(o->bytes == 8 ? x : x & UINT32_MAX);
}

/* --- lane by lane ------------------------------------------------------------------------------
 */

static const char *aligned_fault(const machine *m, const instruction *in, uint32_t bytes)
{
    if (strncmp(in->mnemonic, "vmova", 5) != 0 && strncmp(in->mnemonic, "vmovdqa", 7) != 0) {
        return NULL;
    }
    for (uint32_t i = 0; i < 2; i++) {
        if (in->op[i].kind == MEMORY && (uintptr_t)address_of(m, in, &in->op[i]) % bytes != 0) {
            return misaligned;
        }
    }
    return NULL;
}

static void execute_scalar(machine *m, const instruction *in, const lane_operation *o)
{
    vector out = source(m, in, 1, 8, 16);
    const vector b = source(m, in, 2, 8, 8);
    const lane_arguments x = {.a = out.u64[0], .b = b.u64[0]};
    out.u64[0] = o->function(&x);
    result(m, in, &out, 8, 16);
}

static const char *execute_lanes(machine *m, const instruction *in, const lane_operation *o)
{
    if (o->kind == LANES_SCALAR) {
        execute_scalar(m, in, o);
        return NULL;
    }
    const uint32_t widest = width(in);
    const uint32_t from = o->kind == LANES_CONVERT ? o->from_bytes : o->bytes;
    const uint32_t lanes = widest / (from > o->bytes ? from : o->bytes);
    const vector a = source(m, in, 1, from, lanes * from);
    vector b = {{0}};
    vector out = {{0}};
    lane_arguments x = {.imm = immediate(in)};
    if (o->kind == LANES_TWO) {
        b = source(m, in, 2, o->bytes, widest);
    }
    if (o->kind == LANES_SHIFT && in->op[2].kind != IMMEDIATE) {
        x.imm = source(m, in, 2, 8, 16).u64[0];
    }
    const vector *d = in->op[0].kind == VECTOR ? &m->v[in->op[0].reg] : &out;
    for (uint32_t n = 0; n < lanes; n++) {
        x.a = lane_get(&a, n, from);
        x.b = lane_get(&b, n, o->bytes);
        x.d = lane_get(d, n, o->bytes);
        lane_set(&out, n, o->bytes, o->function(&x));
    }
    const char *fault = aligned_fault(m, in, widest);
    result(m, in, &out, o->bytes, lanes * o->bytes);
    return fault;
}

static bool execute_fused(machine *m, const instruction *in)
{
    const bool is_scalar = in->mnemonic[strlen(in->mnemonic) - 2] == 's';
    const uint32_t bytes = is_scalar ? 8 : width(in);
    vector d = m->v[in->op[0].reg];
    const vector a = source(m, in, 1, 8, bytes);
    const vector b = source(m, in, 2, 8, bytes);
    for (uint32_t n = 0; n < bytes / 8; n++) {
        if (!lane_fused(in->mnemonic, &d.f64[n], a.f64[n], b.f64[n])) {
            return false;
        }
    }
    result(m, in, &d, 8, is_scalar ? 16 : bytes);
    return true;
}

/* --- across lanes ------------------------------------------------------------------------------
 */

/* Bytes of a piece in a name that ends like "64x4" or "f128". */
static uint32_t piece_of(const char *name)
{
    const char *x = strchr(name, 'x');
    while (x != NULL && (x[1] < '0' || x[1] > '9')) {
        x = strchr(x + 1, 'x');
    }
    return x == NULL ? 16
                     : (uint32_t)((x[-2] - '0') * 10 + x[-1] - '0') / 8 * (uint32_t)(x[1] - '0');
}

static bool starts(const instruction *in, const char *prefix)
{
    return strncmp(in->mnemonic, prefix, strlen(prefix)) == 0;
}

static bool ends(const instruction *in, const char *suffix)
{
    const size_t length = strlen(in->mnemonic);
    const size_t tail = strlen(suffix);
    return length >= tail && strcmp(in->mnemonic + length - tail, suffix) == 0;
}

/* Of d, q, w, ps, pd at the end of a name. */
static uint32_t element_of(const instruction *in)
{
    return ends(in, "ps") ? 4 : ends(in, "pd") || ends(in, "q") ? 8 : ends(in, "w") ? 2 : 4;
}

static void execute_broadcast(machine *m, const instruction *in)
{
    uint32_t piece = piece_of(in->mnemonic);
    if (strchr(in->mnemonic + 2, 'x') == NULL) {
        const char last = in->mnemonic[strlen(in->mnemonic) - 1];
        piece = starts(in, "vbroadcastsd") || last == 'q' ? 8
                : last == 'w'                             ? 2
                : last == 'b'                             ? 1
                                                          : 4;
    }
    const vector from = source(m, in, 1, piece, piece);
    const uint32_t bytes = in->op[0].bytes;
    vector out = {{0}};
    for (uint32_t at = 0; at < bytes; at += piece) {
        memcpy(out.byte + at, from.byte, piece);
    }
    result(m, in, &out, piece > 8 ? 8 : piece, bytes);
}

static void execute_insert(machine *m, const instruction *in)
{
    const uint32_t piece = piece_of(in->mnemonic);
    const uint32_t bytes = width(in);
    vector out = source(m, in, 1, 8, bytes);
    const vector part = source(m, in, 2, 8, piece);
    memcpy(out.byte + immediate(in) * piece % bytes, part.byte, piece);
    result(m, in, &out, 8, bytes);
}

static void execute_extract(machine *m, const instruction *in)
{
    const uint32_t piece = piece_of(in->mnemonic);
    const vector from = source(m, in, 1, 8, 64);
    vector out = {{0}};
    memcpy(out.byte, from.byte + immediate(in) * piece % in->op[1].bytes, piece);
    result(m, in, &out, 8, piece);
}

/* vshuff64x2 and its kin: quarters (halves of 32 bytes) of a, then of b. */
static void execute_quarters(machine *m, const instruction *in)
{
    const uint32_t bytes = width(in);
    const uint32_t count = bytes / 16;
    const vector a = source(m, in, 1, 8, bytes);
    const vector b = source(m, in, 2, 8, bytes);
    vector out = {{0}};
    for (uint32_t n = 0; n < count; n++) {
        const uint64_t choice = count == 4 ? immediate(in) >> 2 * n & 3 : immediate(in) >> n & 1;
        memcpy(out.byte + 16 * n, (n < count / 2 ? &a : &b)->byte + 16 * choice, 16);
    }
    result(m, in, &out, 8, bytes);
}

/* Low or high element of each 16 bytes of a and b in turn. */
static void execute_unpack(machine *m, const instruction *in)
{
    const uint32_t size = ends(in, "qdq") || ends(in, "pd") ? 8
                          : ends(in, "wd")                  ? 2
                          : ends(in, "bw")                  ? 1
                                                            : 4;
    const uint32_t per_lane = 16 / size;
    const uint32_t bytes = width(in);
    const uint32_t high = starts(in, "vunpckh") || starts(in, "vpunpckh") ? per_lane / 2 : 0;
    const vector a = source(m, in, 1, size, bytes);
    const vector b = source(m, in, 2, size, bytes);
    vector out = {{0}};
    for (uint32_t n = 0; n < bytes / size; n++) {
        const uint32_t from = n / per_lane * per_lane + high + n % per_lane / 2;
        lane_set(&out, n, size, lane_get(n % 2 == 0 ? &a : &b, from, size));
    }
    result(m, in, &out, size, bytes);
}

/* Two tables: vpermt2 has the first in the destination, vpermi2 the indices. */
static void execute_two_tables(machine *m, const instruction *in)
{
    const uint32_t size = element_of(in);
    const uint32_t bytes = width(in);
    const uint32_t count = bytes / size;
    const vector old = m->v[in->op[0].reg];
    const vector second = source(m, in, 1, size, bytes);
    const vector third = source(m, in, 2, size, bytes);
    const bool has_table = starts(in, "vpermt2");
    const vector *table = has_table ? &old : &second;
    const vector *index = has_table ? &second : &old;
    vector out = {{0}};
    for (uint32_t n = 0; n < count; n++) {
        const uint32_t choice = (uint32_t)lane_get(index, n, size) & (2 * count - 1);
        lane_set(&out, n, size, lane_get(choice < count ? table : &third, choice % count, size));
    }
    result(m, in, &out, size, bytes);
}

/* vpermq, vpermpd, vpermd, vpermw: by a vector of indices, or in each 32 bytes by an immediate. */
static void execute_permute(machine *m, const instruction *in)
{
    const uint32_t size = element_of(in);
    const uint32_t bytes = width(in);
    const bool is_fixed = in->op[2].kind == IMMEDIATE;
    const vector first = source(m, in, 1, size, bytes);
    const vector data = is_fixed ? first : source(m, in, 2, size, bytes);
    vector out = {{0}};
    for (uint32_t n = 0; n < bytes / size; n++) {
        const uint32_t from = is_fixed ? n / 4 * 4 + (uint32_t)(immediate(in) >> n % 4 * 2 & 3)
                                       : (uint32_t)lane_get(&first, n, size) % (bytes / size);
        lane_set(&out, n, size, lane_get(&data, from, size));
    }
    result(m, in, &out, size, bytes);
}

/* valignq, valignd: a above b, moved down. */
static void execute_align(machine *m, const instruction *in)
{
    const uint32_t size = element_of(in);
    const uint32_t bytes = width(in);
    const uint32_t count = bytes / size;
    const vector high = source(m, in, 1, size, bytes);
    const vector low = source(m, in, 2, size, bytes);
    vector out = {{0}};
    for (uint32_t n = 0; n < count; n++) {
        const uint32_t from = n + (uint32_t)immediate(in) % count;
        lane_set(&out, n, size, lane_get(from < count ? &low : &high, from % count, size));
    }
    result(m, in, &out, size, bytes);
}

/* vshufpd, vpermilpd: of each 16 bytes a double chosen by a bit; of a, then of b. vmovddup: the low
 * ones. */
static void execute_choose(machine *m, const instruction *in)
{
    const uint32_t bytes = width(in);
    const bool is_copy = starts(in, "vmovddup");
    const vector a = source(m, in, 1, 8, bytes);
    const vector b = starts(in, "vshufpd") ? source(m, in, 2, 8, bytes) : a;
    vector out = {{0}};
    for (uint32_t n = 0; n < bytes / 8; n++) {
        const uint32_t odd = is_copy ? 0 : (uint32_t)(immediate(in) >> n & 1);
        out.u64[n] = (n % 2 == 0 ? &a : &b)->u64[n / 2 * 2 + odd];
    }
    result(m, in, &out, 8, bytes);
}

/* vpinsr{b,w,d,q}, vpextr{b,w,d,q}: one element of 16 bytes. */
static void execute_element(machine *m, const instruction *in)
{
    const char last = in->mnemonic[strlen(in->mnemonic) - 1];
    const uint32_t size = last == 'q' ? 8 : last == 'd' ? 4 : last == 'w' ? 2 : 1;
    const uint32_t at = (uint32_t)immediate(in) % (16 / size);
    vector out = source(m, in, 1, size, 16);
    if (starts(in, "vpinsr")) {
        const vector word = source(m, in, 2, size, size);
        lane_set(&out, at, size, word.u64[0]);
        result(m, in, &out, size, 16);
        return;
    }
    const uint64_t x = lane_get(&out, at, size);
    if (in->op[0].kind == GENERAL) {
        m->general[in->op[0].reg] = (greg_t)x;
        return;
    }
    lane_set(&out, 0, size, x);
    result(m, in, &out, size, size);
}

/* Lanes of b under the mask, elsewhere those of a (or zeros). */
static void execute_blend(machine *m, const instruction *in)
{
    const uint32_t size = element_of(in);
    const uint32_t bytes = width(in);
    vector out = source(m, in, 1, size, bytes);
    const vector b = source(m, in, 2, size, bytes);
    for (uint32_t n = 0; n < bytes / size; n++) {
        if (is_active(m, in, n)) {
            lane_set(&out, n, size, lane_get(&b, n, size));
        } else if (in->is_zeroing) {
            lane_set(&out, n, size, 0);
        }
    }
    memset(out.byte + bytes, 0, sizeof out - bytes);
    m->v[in->op[0].reg] = out;
}

/* vpshufd, vpsrldq, vpslldq: within each 16 bytes. */
static bool execute_within(machine *m, const instruction *in)
{
    const uint32_t bytes = width(in);
    const vector a = source(m, in, 1, 4, bytes);
    const uint32_t imm = (uint32_t)immediate(in);
    vector out = {{0}};
    for (uint32_t n = 0; n < bytes; n++) {
        const uint32_t at = n % 16;
        uint32_t from = at;
        if (starts(in, "vpshufd")) {
            from = (imm >> at / 4 * 2 & 3) * 4 + at % 4;
        } else if (starts(in, "vpsrldq")) {
            from = at + imm;
        } else {
            from = at - imm; /* wraps to something large */
        }
        out.byte[n] = from < 16 ? a.byte[n / 16 * 16 + from] : 0;
    }
    result(m, in, &out, 4, bytes);
    return true;
}

/* --- masks, flags, single values ---------------------------------------------------------------
 */

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
    const bool is_double = starts(in, "vcmp");
    const bool is_unsigned = ends(in, "ud") || ends(in, "uq");
    const uint32_t size = is_double ? 8 : element_of(in);
    const uint32_t bytes = width(in);
    const vector a = source(m, in, 1, size, bytes);
    const vector b = source(m, in, 2, size, bytes);
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
        bits |= (uint64_t)(is_true && is_active(m, in, n)) << n;
    }
    m->k[in->op[0].reg] = bits;
    return true;
}

/* vptestm{d,q}, vptestnm{d,q}: which lanes have a bit in common, or none. */
static bool execute_test(machine *m, const instruction *in)
{
    const uint32_t size = element_of(in);
    const uint32_t bytes = width(in);
    const vector a = source(m, in, 1, size, bytes);
    const vector b = source(m, in, 2, size, bytes);
    const bool is_none = starts(in, "vptestnm");
    uint64_t bits = 0;
    for (uint32_t n = 0; n < bytes / size; n++) {
        const bool has_common = (lane_get(&a, n, size) & lane_get(&b, n, size)) != 0;
        bits |= (uint64_t)(has_common != is_none && is_active(m, in, n)) << n;
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
    const uint64_t a = source(m, in, 1, memory_bytes, memory_bytes).u64[0] & limit;
    const uint64_t b =
        in->operand_count > 2 && in->op[2].kind == MASK ? m->k[in->op[2].reg] & limit : 0;
    uint64_t out = 0;
    if (starts(in, "kmov")) {
        out = a;
    } else if (starts(in, "kortest")) {
        const uint64_t any = (m->k[in->op[0].reg] & limit) | a;
        flags_set(m, any == 0, any == limit, false);
        return true;
    } else if (starts(in, "kunpck")) {
        const uint32_t half = limit == 0xffff ? 8 : limit == UINT32_MAX ? 16 : 32;
        out = starts(in, "kunpckbw") ? (a & 0xff) << 8 | (b & 0xff) : a << half | b;
    } else if (starts(in, "kandn")) {
        out = ~a & b;
    } else if (starts(in, "kand")) {
        out = a & b;
    } else if (starts(in, "kor")) {
        out = a | b;
    } else if (starts(in, "kxnor")) {
        out = ~(a ^ b) & limit;
    } else if (starts(in, "kxor")) {
        out = a ^ b;
    } else if (starts(in, "knot")) {
        out = ~a & limit;
    } else if (starts(in, "kshiftr")) {
        out = a >> immediate(in);
    } else if (starts(in, "kshiftl")) {
        out = a << immediate(in) & limit;
    } else {
        return false;
    }
    if (in->op[0].kind == MASK) {
        m->k[in->op[0].reg] = out;
    } else if (in->op[0].kind == GENERAL) {
        general_set(m, &in->op[0], out);
    } else {
        memcpy(address_of(m, in, &in->op[0]), &out, memory_bytes);
    }
    return true;
}

/* vmovq, vmovd, vmovsd, vmovhpd, vmovlpd. */
static bool execute_move(machine *m, const instruction *in)
{
    const uint32_t size = starts(in, "vmovd") ? 4 : 8;
    vector out = {{0}};
    if (in->operand_count == 3) { /* register forms that keep half of the first source */
        out = source(m, in, 1, 8, 16);
        const vector b = source(m, in, 2, 8, starts(in, "vmovsd") ? 16 : 8);
        out.u64[starts(in, "vmovh")] = b.u64[0];
        result(m, in, &out, 8, 16);
        return starts(in, "vmovsd") || starts(in, "vmovhpd") || starts(in, "vmovlpd");
    }
    const vector from = source(m, in, 1, size, size);
    const uint64_t x = lane_get(&from, starts(in, "vmovhp"), size);
    if (in->op[0].kind == GENERAL) {
        general_set(m, &in->op[0], x);
        return true;
    }
    lane_set(&out, 0, size, x);
    result(m, in, &out, size, in->op[0].kind == MEMORY ? size : 16);
    return true;
}

/* vcvtsi2sd, vcvtusi2sd from 4 or 8 bytes. */
static void execute_to_double(machine *m, const instruction *in)
{
    const operand *from = &in->op[2];
    const uint32_t size = from->kind == GENERAL ? from->bytes : ends(in, "q") ? 8 : 4;
    const vector b = source(m, in, 2, size, size);
    const uint64_t word = lane_get(&b, 0, size);
    const int64_t number = size == 8 ? (int64_t)word : (int32_t)word;
    vector out = source(m, in, 1, 8, 16);
    out.f64[0] = starts(in, "vcvtu") ? (double)word : (double)number;
    result(m, in, &out, 8, 16);
}

static bool execute_from_double(machine *m, const instruction *in)
{
    const double x = source(m, in, 1, 8, 8).f64[0];
    const double whole = starts(in, "vcvtt") ? trunc(x) : nearbyint(x);
    if (starts(in, "vcvttsd2usi") || starts(in, "vcvtsd2usi")) {
        general_set(m, &in->op[0], (uint64_t)whole);
        return whole >= 0 && whole < 0x1p64;
    }
    general_set(m, &in->op[0], (uint64_t)(int64_t)whole);
    return whole >= -0x1p63 && whole < 0x1p63;
}

static void execute_order(machine *m, const instruction *in)
{
    const double a = source(m, in, 0, 8, 8).f64[0];
    const double b = source(m, in, 1, 8, 8).f64[0];
    const bool unordered = isnan(a) || isnan(b);
    flags_set(m, unordered || a == b, unordered || a < b, unordered);
}

static bool execute_across(machine *m, const instruction *in)
{
    if (in->mask != NO_REGISTER) {
        for (uint32_t i = 1; i < in->operand_count; i++) {
            if (in->op[i].kind == MEMORY) {
                return false; /* which lanes are read is not written out here */
            }
        }
    }
    if (starts(in, "vbroadcast") || starts(in, "vpbroadcast")) {
        execute_broadcast(m, in);
    } else if (starts(in, "vinsert")) {
        execute_insert(m, in);
    } else if (starts(in, "vextract")) {
        execute_extract(m, in);
    } else if (starts(in, "vshuff") || starts(in, "vshufi")) {
        execute_quarters(m, in);
    } else if (starts(in, "vunpck") || starts(in, "vpunpck")) {
        execute_unpack(m, in);
    } else if (starts(in, "vpermt2") || starts(in, "vpermi2")) {
        execute_two_tables(m, in);
    } else if (starts(in, "vshufpd") || starts(in, "vmovddup") ||
               (starts(in, "vpermilpd") && in->op[2].kind == IMMEDIATE)) {
        execute_choose(m, in);
    } else if (starts(in, "vperm") && !starts(in, "vpermil")) {
        execute_permute(m, in);
    } else if (starts(in, "valign")) {
        execute_align(m, in);
    } else if (starts(in, "vpinsr") || starts(in, "vpextr")) {
        execute_element(m, in);
    } else if (starts(in, "vpshufd") || starts(in, "vpsrldq") || starts(in, "vpslldq")) {
        execute_within(m, in);
    } else {
        return false;
    }
    return true;
}

static bool execute_other(machine *m, const instruction *in)
{
    if (execute_across(m, in)) {
        return true;
    }
    if (in->mnemonic[0] == 'k') {
        return execute_masks(m, in);
    }
    if (starts(in, "vpblendm") || starts(in, "vblendm")) {
        execute_blend(m, in);
        return true;
    }
    if (starts(in, "vptest")) {
        return execute_test(m, in);
    }
    if (starts(in, "vpcmp") || starts(in, "vcmp")) {
        return execute_compare(m, in);
    }
    if (starts(in, "vmov")) {
        return execute_move(m, in);
    }
    if (starts(in, "vcvtsi2sd") || starts(in, "vcvtusi2sd")) {
        execute_to_double(m, in);
        return true;
    }
    if (starts(in, "vcvttsd2") || starts(in, "vcvtsd2")) {
        return execute_from_double(m, in);
    }
    if (starts(in, "vucomisd") || starts(in, "vcomisd")) {
        execute_order(m, in);
        return true;
    }
    return execute_fused(m, in);
}

const char *execute(machine *m, instruction *in)
{
    if (in->lanes == NULL && !in->is_other) {
        in->lanes = lane_operation_named(in->mnemonic);
        in->is_other = in->lanes == NULL;
    }
    if (in->lanes != NULL) {
        return execute_lanes(m, in, in->lanes);
    }
    return execute_other(m, in) ? NULL : "no such instruction in tests/instructions/execute.c";
}
