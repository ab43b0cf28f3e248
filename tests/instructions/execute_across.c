#include "tests/instructions/execute.h"

#include <string.h>

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

static void execute_broadcast(machine *m, const instruction *in)
{
    uint32_t piece = piece_of(in->mnemonic);
    if (strchr(in->mnemonic + 2, 'x') == NULL) {
        const char last = in->mnemonic[strlen(in->mnemonic) - 1];
        piece = mnemonic_starts(in, "vbroadcastsd") || last == 'q' ? 8
                : last == 'w'                                      ? 2
                : last == 'b'                                      ? 1
                                                                   : 4;
    }
    const vector from = operand_source(m, in, 1, piece, piece);
    const uint32_t bytes = in->op[0].bytes;
    vector out = {{0}};
    for (uint32_t at = 0; at < bytes; at += piece) {
        memcpy(out.byte + at, from.byte, piece);
    }
    operand_result(m, in, &out, piece > 8 ? 8 : piece, bytes);
}

static void execute_insert(machine *m, const instruction *in)
{
    const uint32_t piece = piece_of(in->mnemonic);
    const uint32_t bytes = instruction_bytes(in);
    vector out = operand_source(m, in, 1, 8, bytes);
    const vector part = operand_source(m, in, 2, 8, piece);
    memcpy(out.byte + instruction_immediate(in) * piece % bytes, part.byte, piece);
    operand_result(m, in, &out, 8, bytes);
}

static void execute_extract(machine *m, const instruction *in)
{
    const uint32_t piece = piece_of(in->mnemonic);
    const vector from = operand_source(m, in, 1, 8, 64);
    vector out = {{0}};
    memcpy(out.byte, from.byte + instruction_immediate(in) * piece % in->op[1].bytes, piece);
    operand_result(m, in, &out, 8, piece);
}

/* vshuff64x2 and its kin: quarters (halves of 32 bytes) of a, then of b. */
static void execute_quarters(machine *m, const instruction *in)
{
    const uint32_t bytes = instruction_bytes(in);
    const uint32_t count = bytes / 16;
    const vector a = operand_source(m, in, 1, 8, bytes);
    const vector b = operand_source(m, in, 2, 8, bytes);
    vector out = {{0}};
    for (uint32_t n = 0; n < count; n++) {
        const uint64_t choice = count == 4 ? instruction_immediate(in) >> 2 * n & 3
                                           : instruction_immediate(in) >> n & 1;
        memcpy(out.byte + 16 * n, (n < count / 2 ? &a : &b)->byte + 16 * choice, 16);
    }
    operand_result(m, in, &out, 8, bytes);
}

/* Low or high element of each 16 bytes of a and b in turn. */
static void execute_unpack(machine *m, const instruction *in)
{
    const uint32_t size = mnemonic_ends(in, "qdq") || mnemonic_ends(in, "pd") ? 8
                          : mnemonic_ends(in, "wd")                           ? 2
                          : mnemonic_ends(in, "bw")                           ? 1
                                                                              : 4;
    const uint32_t per_lane = 16 / size;
    const uint32_t bytes = instruction_bytes(in);
    const uint32_t high =
        mnemonic_starts(in, "vunpckh") || mnemonic_starts(in, "vpunpckh") ? per_lane / 2 : 0;
    const vector a = operand_source(m, in, 1, size, bytes);
    const vector b = operand_source(m, in, 2, size, bytes);
    vector out = {{0}};
    for (uint32_t n = 0; n < bytes / size; n++) {
        const uint32_t from = n / per_lane * per_lane + high + n % per_lane / 2;
        lane_set(&out, n, size, lane_get(n % 2 == 0 ? &a : &b, from, size));
    }
    operand_result(m, in, &out, size, bytes);
}

/* Two tables: vpermt2 has the first in the destination, vpermi2 the indices. */
static void execute_two_tables(machine *m, const instruction *in)
{
    const uint32_t size = mnemonic_element(in);
    const uint32_t bytes = instruction_bytes(in);
    const uint32_t count = bytes / size;
    const vector old = m->v[in->op[0].reg];
    const vector second = operand_source(m, in, 1, size, bytes);
    const vector third = operand_source(m, in, 2, size, bytes);
    const bool has_table = mnemonic_starts(in, "vpermt2");
    const vector *table = has_table ? &old : &second;
    const vector *index = has_table ? &second : &old;
    vector out = {{0}};
    for (uint32_t n = 0; n < count; n++) {
        const uint32_t choice = (uint32_t)lane_get(index, n, size) & (2 * count - 1);
        lane_set(&out, n, size, lane_get(choice < count ? table : &third, choice % count, size));
    }
    operand_result(m, in, &out, size, bytes);
}

/* vpermq, vpermpd, vpermd, vpermw: by a vector of indices, or in each 32 bytes by an immediate. */
static void execute_permute(machine *m, const instruction *in)
{
    const uint32_t size = mnemonic_element(in);
    const uint32_t bytes = instruction_bytes(in);
    const bool is_fixed = in->op[2].kind == IMMEDIATE;
    const vector first = operand_source(m, in, 1, size, bytes);
    const vector data = is_fixed ? first : operand_source(m, in, 2, size, bytes);
    vector out = {{0}};
    for (uint32_t n = 0; n < bytes / size; n++) {
        const uint32_t from =
            is_fixed ? n / 4 * 4 + (uint32_t)(instruction_immediate(in) >> n % 4 * 2 & 3)
                     : (uint32_t)lane_get(&first, n, size) % (bytes / size);
        lane_set(&out, n, size, lane_get(&data, from, size));
    }
    operand_result(m, in, &out, size, bytes);
}

/* valignq, valignd: a above b, moved down. */
static void execute_align(machine *m, const instruction *in)
{
    const uint32_t size = mnemonic_element(in);
    const uint32_t bytes = instruction_bytes(in);
    const uint32_t count = bytes / size;
    const vector high = operand_source(m, in, 1, size, bytes);
    const vector low = operand_source(m, in, 2, size, bytes);
    vector out = {{0}};
    for (uint32_t n = 0; n < count; n++) {
        const uint32_t from = n + (uint32_t)instruction_immediate(in) % count;
        lane_set(&out, n, size, lane_get(from < count ? &low : &high, from % count, size));
    }
    operand_result(m, in, &out, size, bytes);
}

/* vshufpd, vpermilpd: of each 16 bytes a double chosen by a bit; of a, then of b. vmovddup: the low
 * ones. */
static void execute_choose(machine *m, const instruction *in)
{
    const uint32_t bytes = instruction_bytes(in);
    const bool is_copy = mnemonic_starts(in, "vmovddup");
    const vector a = operand_source(m, in, 1, 8, bytes);
    const vector b = mnemonic_starts(in, "vshufpd") ? operand_source(m, in, 2, 8, bytes) : a;
    vector out = {{0}};
    for (uint32_t n = 0; n < bytes / 8; n++) {
        const uint32_t odd = is_copy ? 0 : (uint32_t)(instruction_immediate(in) >> n & 1);
        out.u64[n] = (n % 2 == 0 ? &a : &b)->u64[n / 2 * 2 + odd];
    }
    operand_result(m, in, &out, 8, bytes);
}

/* vpinsr{b,w,d,q}, vpextr{b,w,d,q}: one element of 16 bytes. */
static void execute_element(machine *m, const instruction *in)
{
    const char last = in->mnemonic[strlen(in->mnemonic) - 1];
    const uint32_t size = last == 'q' ? 8 : last == 'd' ? 4 : last == 'w' ? 2 : 1;
    const uint32_t at = (uint32_t)instruction_immediate(in) % (16 / size);
    vector out = operand_source(m, in, 1, size, 16);
    if (mnemonic_starts(in, "vpinsr")) {
        const vector word = operand_source(m, in, 2, size, size);
        lane_set(&out, at, size, word.u64[0]);
        operand_result(m, in, &out, size, 16);
        return;
    }
    const uint64_t x = lane_get(&out, at, size);
    if (in->op[0].kind == GENERAL) {
        m->general[in->op[0].reg] = (greg_t)x;
        return;
    }
    lane_set(&out, 0, size, x);
    operand_result(m, in, &out, size, size);
}

/* Lanes of b under the mask, elsewhere those of a (or zeros). */
static void execute_blend(machine *m, const instruction *in)
{
    const uint32_t size = mnemonic_element(in);
    const uint32_t bytes = instruction_bytes(in);
    vector out = operand_source(m, in, 1, size, bytes);
    const vector b = operand_source(m, in, 2, size, bytes);
    for (uint32_t n = 0; n < bytes / size; n++) {
        if (lane_is_active(m, in, n)) {
            lane_set(&out, n, size, lane_get(&b, n, size));
        } else if (in->is_zeroing) {
            lane_set(&out, n, size, 0);
        }
    }
    memset(out.byte + bytes, 0, sizeof out - bytes);
    m->v[in->op[0].reg] = out;
}

/* vpshufd, vpsrldq, vpslldq: within each 16 bytes. */
static void execute_within(machine *m, const instruction *in)
{
    const uint32_t bytes = instruction_bytes(in);
    const vector a = operand_source(m, in, 1, 4, bytes);
    const uint32_t imm = (uint32_t)instruction_immediate(in);
    vector out = {{0}};
    for (uint32_t n = 0; n < bytes; n++) {
        const uint32_t at = n % 16;
        uint32_t from = at;
        if (mnemonic_starts(in, "vpshufd")) {
            from = (imm >> at / 4 * 2 & 3) * 4 + at % 4;
        } else if (mnemonic_starts(in, "vpsrldq")) {
            from = at + imm;
        } else {
            from = at - imm; /* wraps to something large */
        }
        out.byte[n] = from < 16 ? a.byte[n / 16 * 16 + from] : 0;
    }
    operand_result(m, in, &out, 4, bytes);
}

/* Which lanes of memory are read under a mask, and choices by a register, are not written out here.
 */
static bool is_written(const instruction *in)
{
    for (uint32_t i = 1; i < in->operand_count; i++) {
        if (in->mask != NO_REGISTER && in->op[i].kind == MEMORY) {
            return false;
        }
    }
    return !mnemonic_starts(in, "vpermil") || in->op[2].kind == IMMEDIATE;
}

bool execute_across(machine *m, const instruction *in)
{
    static const struct {
        const char *prefix;
        void (*execute)(machine *m, const instruction *in);
    } kinds[] = {
        {"vbroadcast", execute_broadcast}, {"vpbroadcast", execute_broadcast},
        {"vinsert", execute_insert},       {"vextract", execute_extract},
        {"vshuff", execute_quarters},      {"vshufi", execute_quarters},
        {"vunpck", execute_unpack},        {"vpunpck", execute_unpack},
        {"vpermt2", execute_two_tables},   {"vpermi2", execute_two_tables},
        {"vshufpd", execute_choose},       {"vpermilpd", execute_choose},
        {"vmovddup", execute_choose},      {"vperm", execute_permute},
        {"valign", execute_align},         {"vpinsr", execute_element},
        {"vpextr", execute_element},       {"vpshufd", execute_within},
        {"vpsrldq", execute_within},       {"vpslldq", execute_within},
        {"vpblendm", execute_blend},       {"vblendm", execute_blend},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (mnemonic_starts(in, kinds[i].prefix)) {
            if (kinds[i].execute != execute_blend && !is_written(in)) {
                return false;
            }
            kinds[i].execute(m, in);
            return true;
        }
    }
    return false;
}
